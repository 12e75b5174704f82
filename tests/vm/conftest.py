# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the tier of virtual machines: one rig for the whole session; what a failed test leaves behind for the
reader is in lab-failures/ in the build directory.
"""

import pytest

from ..lab import net, pair
from ..lab.conftest import pytest_runtest_makereport  # pylint: disable=unused-import
from . import records
from .rig import Lab, Rig


def pytest_configure(config):
    """The mark of what every `make check` runs."""
    config.addinivalue_line("markers", "brief: short, and shows the most: what `make check` runs of this tier")


@pytest.fixture(scope="session")
def rig():
    """The nodes that all tests share; each begins with renew()."""
    with Lab() as lab:
        yield Rig.make(lab, [pair.install(lab), records.layer(lab, net.address(10))])
