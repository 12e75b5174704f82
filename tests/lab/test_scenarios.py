# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every scenario that names the lab as an engine, once with each of its arbiters."""

import glob
import os

import pytest

from .lab import SOURCE
from .scenario import Play, Scenario

SCENARIOS = [Scenario(path) for path in sorted(glob.glob(os.path.join(SOURCE, "tests", "scenarios", "*.scenario")))]


@pytest.mark.parametrize("scenario, arbiter", [
    pytest.param(scenario, arbiter, id=f"{scenario.name}-{arbiter}")
    for scenario in SCENARIOS if "lab" in scenario.header["engines"]
    for arbiter in scenario.header["arbiter"]])
def test_scenario(rig, scenario, arbiter):
    Play(rig, scenario, arbiter).run()
