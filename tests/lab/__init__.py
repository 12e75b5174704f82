# SPDX-License-Identifier: LGPL-2.1-or-later
"""The container lab: two nodes with a real systemd, a switch between them, a client that watches.

Nothing here knows hapair except pair.py and what builds on it, so that other software can run on the
same nodes and be measured by the same probe.

    host.py     this machine: commands, cgroups, waiting
    tree.py     the root tree every node starts from, built once and cached
    lab.py      one run: its directory, its processes, and that nothing of it is left behind
    net.py      the switch, its cables and what can be wrong with them; client, watcher, intruder
    node.py     one node: power, commands, files, journal
    tools.py    probe, holders and cable, the small C programs beside this file
    pair.py     hapair on both nodes, set up the way a user does it
    demo.py     `make demo`; ctl is its front-end for whoever plays with it
"""
