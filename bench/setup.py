# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a pair is set up with before a case is measured."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Setup:
    """One set-up, the same for both: what differs is how each is told."""

    dead: float                  # hapair's dead time, in seconds
    interval: float              # keepalived's advertisement interval, in seconds
    aliases: int = 0             # addresses besides the virtual IP
    bus: bool = True             # whether the nodes have their system bus
    serial: bool = True          # whether hapair has its serial path


SLOW = Setup(0.3, 0.1)
# A frame takes 8 ms on a line of 115200 baud, which is what the lab's cable does: too slow to prove death in 30.
FAST = Setup(0.03, 0.01, serial=False)
LOADED = Setup(0.1, 0.03)


def without_bus(setup):
    """The same with the system bus of both nodes stopped."""
    return dataclasses.replace(setup, bus=False)


def many(aliases):
    """The slow one with more addresses."""
    return dataclasses.replace(SLOW, aliases=aliases)
