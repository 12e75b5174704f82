# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of cases: what is done to whom in which set-up, and what the report calls it."""

import dataclasses
from collections.abc import Callable

from . import measure
from .setup import FAST, LOADED, SLOW, Setup, many, without_bus


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of measurements, or several: one for each figure that `run` returns."""

    name: str
    title: str
    setup: Setup
    run: Callable                # takes the contender, returns figures
    only: str = ""               # the contender that alone can do this


def _takeover(verb):
    def run(contender):
        return measure.takeover(contender, getattr(contender, verb))
    return run


def _silence(verb, fine=False):
    def run(contender):
        return measure.takeover(contender, getattr(contender, verb), True, fine)
    return run


def _killed(unit, standby=False):
    def run(contender):
        units = [u for u in contender.units if unit in u]
        return measure.killed(contender, units, contender.other if standby else None)
    return run


def _faults(setup, suffix="", words=""):
    """What is done with the system bus and without."""
    return [
        Case("death" + suffix, "node death" + words, setup, _silence("die")),
        Case("hang" + suffix, "hang, links cut" + words, setup, _silence("hang")),
        Case("cut" + suffix, "LAN link cut" + words, setup, _takeover("cut")),
        Case("stop" + suffix, "graceful stop" + words, setup, _takeover("stop")),
        Case("become" + suffix, "`become slave`" + words, setup, _takeover("become_slave"), "hapair"),
        Case("kill" + suffix, "all daemons killed with -9" + words, setup, _killed("")),
        *(Case(f"kill-{daemon}{suffix}", f"{daemon} killed with -9{words}", setup, _killed(daemon), "hapair")
          for daemon in ("hbd", "electd", "vipd", "confd")),
        Case("kill-standby" + suffix, "all daemons of the standby killed with -9" + words, setup,
             _killed("", True)),
    ]


CASES = [
    Case("rest", "at rest", SLOW, measure.rest),
    *_faults(SLOW),
    *_faults(without_bus(SLOW), "-nobus", ", no system bus"),
    Case("hundred", "100 addresses, node death", many(99), _silence("die", True)),
    Case("thousand", "1000 addresses, node death", many(999), _silence("die", True)),
    Case("fast", "node death, fast", FAST, _silence("die")),
    Case("load", "30 s of eight busy loops", LOADED, measure.load),
    Case("load-nobus", "30 s of eight busy loops, no system bus", without_bus(LOADED), measure.load),
]
