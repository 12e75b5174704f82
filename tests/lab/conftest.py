# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the lab tier: one rig for the whole session, healed after every test; what a failed test
leaves behind for the reader is in lab-failures/ in the build directory.
"""

import os
import re
import shutil

import pytest

from . import pair
from .lab import Lab
from .rig import Rig


def pytest_configure(config):
    """The tests' own mark: all others may run in several labs at once."""
    config.addinivalue_line("markers", "alone: wants the machine to itself, because it measures or loads it")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Keep the nodes' journals when a test fails, and say where."""
    outcome = yield
    report = outcome.get_result()
    rig = item.funcargs.get("rig")
    if report.failed and rig:
        where = os.path.join(rig.lab.build, "lab-failures", re.sub(r"\W+", "-", item.name))
        shutil.rmtree(where, ignore_errors=True)
        rig.lab.keep(where)
        report.sections.append(("lab", f"journals of both nodes: {where}"))


@pytest.fixture(scope="session")
def session_rig():
    """The nodes that all tests share."""
    with Lab() as lab:
        yield Rig.make(lab, [pair.install(lab)])


@pytest.fixture
def rig(session_rig):  # pylint: disable=redefined-outer-name
    """A healthy rig, and healthy again afterwards."""
    yield session_rig
    session_rig.heal()


@pytest.fixture(scope="module")
def started(session_rig):  # pylint: disable=redefined-outer-name
    """A pair that runs for all tests of a file."""
    founded = pair.Pair(session_rig, dead=0.5)
    founded.start()
    yield founded
    founded.reset()
