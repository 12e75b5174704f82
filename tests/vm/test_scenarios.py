# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every scenario that names virtual machines as an engine, once with each of its arbiters."""

import glob
import os

import pytest

from ..lab.lab import SOURCE
from .scenario import Play, Scenario

# Either node loses its power under a client that writes, and comes back.
BRIEF = ("13v-master-power-off-paths", "15v-slave-power-off-paths")


def plays():
    """What is to be played."""
    for path in sorted(glob.glob(os.path.join(SOURCE, "tests", "scenarios", "*.scenario"))):
        scenario = Scenario(path)
        if "vm" not in scenario.header["engines"]:
            continue
        for arbiter in scenario.header["arbiter"]:
            name = f"{scenario.name}-{arbiter}"
            yield pytest.param(scenario, arbiter, id=name, marks=[pytest.mark.brief] if name in BRIEF else [])


@pytest.mark.parametrize("scenario, arbiter", plays())
def test_scenario(rig, scenario, arbiter):
    Play(rig, scenario, arbiter).run()
