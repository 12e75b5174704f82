#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two virtual machines with real DRBD disks to play with. As root, from the top of the source:

  /usr/bin/python3 -m tests.vm [--lab NAME] [--build DIR] COMMAND

  up                      both nodes, with hapair installed (not set up), until `down`
  pair [SECTION KEY VALUE]...   set hapair up on both, with a volume: `init` and `join`, with these settings more
  sh NODE COMMAND         run a shell command on a node
  kill | start | reset | reboot | hang | resume NODE    its power
  cut | mend lan|rep|serial     lose all frames between the nodes (mend: everything whole again)
  unplug | plug lan|rep NODE    carrier loss at that node
  slow NODE WRITES        so many writes a second to its data disk; 0: no limit
  break | repair NODE     its data disk answers with errors, or no more
  renew                   both nodes as new, with hapair freshly installed from the build
  down                    take everything down
  list                    the labs that are running

NODE is master or slave (a, b for short). Each lab has a name, so that several can run side by side; the default
is `play`. --build is a build directory; the default is build. In the nodes: /dev/vdb is the data disk, eth0 the LAN
(198.18.0.11 and .12, virtual IP .10), eth1 the replication link (192.0.2.11 and .12), /dev/ttyS0 the serial line,
/dev/watchdog0 the watchdog.
"""

import argparse
import subprocess
import sys

from ..lab import pair
from ..lab.host import LabError
from . import records
from .rig import Lab, Rig

# An emulated node may do nothing for a second, and takes its time to start.
DEAD, PATIENCE = 3.0, 300
NODE = {"a": "master", "b": "slave", "gw-master": "master", "gw-slave": "slave"}


def up(options):
    """A lab that outlives this program: a process of its own holds the lock for it."""
    lab = Lab(options.build, print, options.lab)
    try:
        Rig.make(lab, [pair.install(lab)])
        lab.hand_over()
    except BaseException:
        lab.close()
        raise
    print(f"{lab.name} is up")


def set_up(rig, *words):
    """hapair on both nodes."""
    settings = {section: dict(keys) for section, keys in records.SETTINGS.items()}
    while words:
        section, key, value, *words = words
        settings.setdefault(section, {})[key] = value
    both = pair.Pair(rig, dead=DEAD, settings=settings)
    both.init()
    both.wait_roles(PATIENCE, master="master", slave="slave")


def shell(rig, name, *command):
    """One command on a node, for whoever types it."""
    node = rig.nodes[NODE.get(name, name)]
    return subprocess.run(node.inside("sh", "-c", " ".join(command)), check=False).returncode


def cut(rig, link):
    """Nothing gets from node to node."""
    if link == "serial":
        rig.cable.pull()
    else:
        rig.net.part(link)


def mend(rig, *_link):
    """All whole again."""
    rig.net.mend()
    rig.cable.plug()


def _on(action):
    return lambda rig, name, *words: action(rig.nodes[NODE.get(name, name)], *words)


COMMANDS = {
    "pair": set_up,
    "sh": shell,
    "kill": _on(lambda node: node.kill()),
    "start": _on(lambda node: node.start()),
    "reset": _on(lambda node: node.reset()),
    "reboot": _on(lambda node: node.reboot()),
    "hang": _on(lambda node: node.hang()),
    "resume": _on(lambda node: node.resume()),
    "slow": _on(lambda node, writes: node.slow_disk(int(writes))),
    "break": _on(lambda node: node.break_disk()),
    "repair": _on(lambda node: node.mend_disk()),
    "cut": cut,
    "mend": mend,
    "unplug": lambda rig, link, name: rig.net.cut(link, NODE.get(name, name)),
    "plug": lambda rig, link, name: rig.net.plug(link, NODE.get(name, name)),
    "renew": lambda rig: rig.renew([pair.install(rig.lab)]),
    "down": lambda rig: rig.lab.close(),
}


def main():
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.vm", usage=argparse.SUPPRESS, add_help=False)
    parser.add_argument("--help", action="store_true")
    parser.add_argument("--lab", default="play")
    parser.add_argument("--build")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    verb, *words = options.words or [None]
    if options.help or verb not in ("up", "list", *COMMANDS):
        print(__doc__.strip())
        return 0 if options.help else 2
    try:
        if verb == "up":
            return up(options)
        if verb == "list":
            return print("\n".join(Lab.others()))
        return COMMANDS[verb](Rig.attach(options.lab), *words)
    except (LabError, TypeError) as e:
        print(f"{verb}: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
