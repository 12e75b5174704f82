# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab of virtual machines: two nodes with Debian's kernel, real DRBD on disks of their own, a serial cable
and a hardware watchdog, on the same switch, with the same client and the same faults as the container lab.

    image.py      what every node starts from: kernel, initial RAM disk and root disk, built once and cached
    guest.c       the guest's side of the wire through which commands get into a node; wire.py is the host's
    qmp.py        what QEMU is told while it runs
    node.py       one node: power, commands, files, journal; the interface of lab/node.py
    records.py    the client that writes to a volume, and the check of its records; records.c is the service it asks,
                  roles.c tells what the kernels hold of the volume, strike.c stops electd at its fsync
    rig.py        both nodes with all that is between them, and the snapshot they wake up from
    scenario.py   plays tests/scenarios/ on them
    demo.py       `make demo VM=1`
    __main__.py   `python3 -m tests.vm`: a lab to play with
"""
