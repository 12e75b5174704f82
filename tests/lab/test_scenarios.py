# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every scenario that names the lab as an engine, once with each of its arbiters."""

import glob
import os

import pytest

from .lab import SOURCE
from .scenario import Play, Scenario


def plays():
    """What is to be played, the longest first, so that several labs end at about the same time; a scenario
    that keeps the processors busy would spoil what runs beside it.
    """
    paths = glob.glob(os.path.join(SOURCE, "tests", "scenarios", "*.scenario"))
    for scenario in sorted(map(Scenario, paths), key=Scenario.length, reverse=True):
        if "lab" not in scenario.header["engines"]:
            continue
        marks = [pytest.mark.alone] if any(words[0] == "load" for _, words in scenario.steps) else []
        for arbiter in scenario.header["arbiter"]:
            yield pytest.param(scenario, arbiter, id=f"{scenario.name}-{arbiter}", marks=marks)


@pytest.mark.parametrize("scenario, arbiter", plays())
def test_scenario(rig, scenario, arbiter):
    Play(rig, scenario, arbiter).run()
