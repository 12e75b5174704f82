# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make bench`: hapair and Debian's keepalived, each on a pair of nodes of the container lab, measured in turn.

Nothing here asserts. A case takes figures from both, the report sets them side by side and says of each target
whether it was met.

    __main__.py    the command line, and the rounds
    setup.py       what a pair is set up with: dead time, number of addresses, system bus
    contenders.py  hapair and keepalived as something that can be set up, healed, broken and asked
    measure.py     what is measured: a takeover, daemons killed, load, rest
    cases.py       the list of cases
    report.py      the tables
"""
