#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make demo VM=1`: a pair with a replicated volume on two virtual machines, and a failover under a client that
writes.

Exits 0 when the other node took over with every acknowledged record on its volume, 1 when not. Without a terminal it
takes everything down at once; on one it waits for Enter first.
"""

import argparse
import os
import sys
import time

from ..lab import net, pair
from ..lab.demo import Teller, status
from ..lab.host import LabError
from . import records
from .node import is_emulated
from .rig import Lab, Rig

DEAD = 3.0

PICTURE = r"""
              client  {client}
                 |   appends numbered records through {vip}
                 |
    ---------+---+-----------------+---------   LAN (a switch; gateway {gateway})
             |                     |
      +------+------+       +------+------+
      |  gw-master  |       |  gw-slave   |     two virtual machines with Debian's kernel
      | {master} |~~~~~~~| {slave} |     ~~~ serial cable
      +--+---+------+       +------+---+--+
         |   |    replication     |   |
     /dev/vdb +===== DRBD ========+ /dev/vdb    mounted at {directory} on the running master
"""

PLAY = """
The pair is yours to play with until you press Enter here. In another terminal, as root:

    {vm} sh slave hapair status
    {vm} sh slave hapair replication
    {vm} kill slave          pull a node's plug
    {vm} start slave         switch it on again
    {vm} cut rep             cut the replication link; `mend` makes everything whole again
    {vm} break slave         its disk answers with errors
    {vm} --help              all there is
"""


def failover(say, both, client):
    """Kill the running master under the client's eyes."""
    say.step(f"The client has {client.number} records acknowledged, ten a second.")
    say.step(f"{say.bad('Pulling the plug of gw-master.')} A node is dead when nothing was heard of it")
    say.show(f"for the dead time: {DEAD:g} s here (DeadTimeSec={DEAD:g}; the default is 20 s).")
    killed, before = time.monotonic(), client.number
    both.rig.master.kill()
    both.wait_roles(slave="master", timeout=60)
    records.wait_more(client, before)
    gap = client.gap(killed)
    say.step(f"{say.good('gw-slave')} has the volume mounted and goes on: the client waited "
             f"{say.good(f'{gap:.1f} s')}.")
    say.show(both.rig.slave.exec("df", "-h", records.DIRECTORY).stdout)


def demonstrate(say, rig):
    """The story; an exception says where it ended."""
    both = pair.Pair(rig, dead=DEAD, settings=records.SETTINGS)
    say.step("gw-master# hapair init --config hapair.conf    (prints a token)")
    say.step("gw-slave#  hapair join                         (reads the token)")
    both.init()
    both.wait_roles(master="master", slave="slave", timeout=60)
    say.step("The nodes hear each other, have elected a running master, and it has mounted the volume:")
    status(say, both)

    client = records.Client(rig.net, both.vip)
    records.wait_more(client, 20)
    failover(say, both, client)
    say.step("gw-master has its power back; when it has booted, it is sent what it has missed.")
    rig.master.start()
    both.wait_roles(master="slave", slave="master", timeout=120)
    records.wait_more(client, client.number + 20)
    client.stop()
    records.check(client, rig.slave)
    records.compare(rig.slave, rig.master)
    say.step(f"{say.good(f'All {client.number} acknowledged records')} are on the volume, in order, and both disks "
             "hold the same.")
    status(say, both)


def main():
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", help="the build directory (build)")
    arguments = parser.parse_args()
    say = Teller(sys.stdout.isatty())

    print(PICTURE.format(client=net.address("client"), vip=net.address(10), gateway=net.address(net.GATEWAY),
                         master=net.address("master"), slave=net.address("slave"), directory=records.DIRECTORY))
    well = False
    try:
        with Lab(arguments.build, say.step) as lab:
            say.step(f"Waking up two virtual machines with {'emulated' if is_emulated() else 'real'} processors.")
            rig = Rig.make(lab, [pair.install(lab), records.layer(lab, net.address(10))])
            try:
                demonstrate(say, rig)
                well = True
            except LabError as e:
                where = os.path.join(lab.build, "demo-failure")
                lab.keep(where)
                say.step(say.bad(str(e)))
                say.show(f"The journals of both nodes are in {os.path.relpath(where)}.")
            if sys.stdin.isatty() and sys.stdout.isatty():
                print(PLAY.format(vm=f"python3 -m tests.vm --lab {lab.name}"))
                input("Enter takes everything down. ")
            say.step("Taking everything down.")
    except LabError as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
