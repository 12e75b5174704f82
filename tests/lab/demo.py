#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make demo`: a pair on this machine, a failover, and then the pair to play with.

Exits 0 when the other node took over, 1 when it did not. Without a terminal it takes everything down at
once; on one it waits for Enter first.
"""

import argparse
import os
import sys
import time

from . import net, pair
from .host import LabError, Timeout
from .lab import SOURCE, Lab
from .rig import Rig
from .tools import Probe

DEAD = 0.3

PICTURE = r"""
              client  {client}
                 |   asks {vip} every millisecond: who are you?
                 |
    ---------+---+-----------------+---------   LAN (a switch; gateway {gateway})
             |                     |
      +------+------+       +------+------+
      |  gw-master  |       |  gw-slave   |     two nodes, each with a real systemd
      | {master} |~~~~~~~| {slave} |     ~~~ serial cable
      +------+------+       +------+------+
             |                     |
             +---------------------+            replication link

    {vip} is the virtual IP: whoever is the running master answers on it.
"""

PLAY = """
The pair is yours to play with until you press Enter here. In another terminal, as root:

    look    {ctl} status               both nodes, and what is broken
            {ctl} watch                who answers on the virtual IP, as it changes
            {ctl} why slave            what a node decided, and from what
            {ctl} shell slave          a shell on a node: try  hapair status --watch

    break   {ctl} kill slave           pull a node's plug
            {ctl} hang slave           the whole machine stops
            {ctl} unplug lan slave     pull a LAN cable: the node sees it
            {ctl} cut lan slave        lose a node's frames in the switch: it does not see it
            {ctl} cut serial           pull the serial cable
            {ctl} reboot slave         an orderly reboot

    mend    {ctl} start slave          switch a node on again
            {ctl} resume slave         let a hung machine go on
            {ctl} mend                 every cable whole again

    move    {ctl} become slave master  "make myself the running master" on that node

`slave` and `master` name the nodes gw-slave and gw-master: their configured roles, which never change.
"""


def ctl(lab):
    """What to type for a command to this lab."""
    path = os.path.join(os.path.relpath(os.path.join(SOURCE, "tests", "lab")), "ctl")
    return f"{path} --lab {lab.name}" if Lab.others(lab.name) else path


class Teller:
    """Says what happens, with the time since the beginning; in colour on a terminal only."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.begin = time.monotonic()

    def colour(self, code, text):
        """The text in a colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.terminal else text

    def good(self, text):
        """Green."""
        return self.colour("32;1", text)

    def bad(self, text):
        """Red."""
        return self.colour("31;1", text)

    def step(self, text):
        """One thing that happens."""
        print(f"{self.colour('2', f'{time.monotonic() - self.begin:6.2f} s')}  {text}", flush=True)

    def show(self, text):
        """Something to look at, below a step."""
        print("\n".join(f"          {line}" for line in text.rstrip().splitlines()), flush=True)


def status(say, both):
    """What `hapair status` says on the nodes that are on."""
    for node in both.nodes.values():
        if not node.pid:
            continue
        say.show(say.colour("1", f"{node.host}# hapair status"))
        say.show(node.exec("hapair", "status", check=False).stdout)
        print()


def failover(say, rig, both):
    """Kill the running master under a client's eyes. Returns whether the other one answers."""
    with Probe(rig.net, both.vip) as probe:
        probe.ready()
        say.step(f"The client asks {both.vip}: {say.good(probe.holder(both.vip))} answers.")
        time.sleep(3 * DEAD)

        say.step(f"{say.bad('Pulling the plug of gw-master.')} A node is dead when nothing was heard of it")
        say.show(f"for the dead time: {DEAD * 1000:.0f} ms here (DeadTimeSec={DEAD:g}; the default is 20 s).")
        rig.master.kill()
        try:
            probe.wait_holder(both.vip, "gw-slave", timeout=DEAD + 10)
            both.wait_roles(slave="master")
        except Timeout:
            holder = probe.holder(both.vip) or "nobody"
            say.step(say.bad(f"Nobody took over: {holder} answers on {both.vip}."))
            return False
        found = probe.finish()
    target = found["targets"][0]
    gap, dead = target["gap_us"] / 1000, DEAD * 1000
    beside = f"within the dead time of {dead:.0f} ms" if gap <= dead else \
        f"{gap - dead:.1f} ms more than the dead time of {dead:.0f} ms"
    say.step(f"{say.good('gw-slave')} answers on {both.vip}. The client was without an answer for "
             f"{say.good(f'{gap:.1f} ms')},")
    say.show(f"{beside} (the probe's own worst stall: {found['stall_us'] / 1000:.1f} ms).")
    return True


def demonstrate(say, rig):
    """The story. Returns whether it ended well."""
    both = pair.Pair(rig, dead=DEAD)
    say.step("gw-master# hapair init --config hapair.conf    (prints a token)")
    say.step("gw-slave#  hapair join                         (reads the token)")
    both.init()
    try:
        both.wait_roles(master="master", slave="slave")
    except Timeout as e:
        say.step(say.bad(f"The pair elected no master: {e}"))
        status(say, both)
        return False
    say.step("The nodes hear each other and have elected a running master:")
    status(say, both)
    if not failover(say, rig, both):
        status(say, both)
        return False
    rig.master.start()
    both.wait_roles(master="slave", slave="master")
    say.step("gw-master has its power back and has booted: it finds a running master and stays its slave.")
    status(say, both)
    return True


def main():
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", help="the build directory (build)")
    arguments = parser.parse_args()
    say = Teller(sys.stdout.isatty())

    print(PICTURE.format(client=net.address("client"), vip=net.address(10), gateway=net.address(net.GATEWAY),
                         master=net.address("master"), slave=net.address("slave")))
    try:
        with Lab(arguments.build, say.step) as lab:
            rig = Rig.make(lab, [pair.install(lab)])
            say.step("Both nodes have booted.")
            well = demonstrate(say, rig)
            if not well:
                where = os.path.join(lab.build, "demo-failure")
                lab.keep(where)
                say.step(f"The journals of both nodes are in {os.path.relpath(where)}.")
            if sys.stdin.isatty() and sys.stdout.isatty():
                print(PLAY.format(ctl=ctl(lab)))
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
