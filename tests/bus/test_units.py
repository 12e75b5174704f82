# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units as systemd's own tools judge them."""

import os
import pathlib
import subprocess

import pytest

UNITS = pathlib.Path(os.environ['HAPAIR_BUILD_ROOT']) / 'units'

# What 5-style of the design allows each, in tenths as --threshold= wants it.
EXPOSURE = {'confd': 8, 'electd': 8, 'hbd': 18, 'vipd': 16}


@pytest.mark.parametrize('daemon,threshold', EXPOSURE.items())
def test_exposure_stays_below_its_limit(daemon, threshold):
    r = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--offline=true',
                        f'--threshold={threshold}', UNITS / f'hapair-{daemon}.service'], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout.splitlines()[-1]


def test_every_service_has_its_limit():
    assert {p.name for p in UNITS.glob('*.service')} == {f'hapair-{d}.service' for d in EXPOSURE}


def test_systemd_finds_nothing_to_complain_about(tmp_path):
    """The daemons are not installed where the units look for them: a stand-in is."""
    stand_in = tmp_path / 'daemon'
    stand_in.write_text('#!/bin/false\n')
    stand_in.chmod(0o755)
    units = []
    for unit in UNITS.glob('hapair*.*'):
        if unit.suffix not in ('.service', '.socket', '.target'):
            continue
        lines = [f'ExecStart={stand_in}' if line.startswith('ExecStart=') else line
                 for line in unit.read_text().splitlines()]
        (tmp_path / unit.name).write_text('\n'.join(lines) + '\n')
        units.append(tmp_path / unit.name)
    r = subprocess.run(['systemd-analyze', 'verify', '--man=no', *units], capture_output=True, text=True)
    assert (r.returncode, r.stderr) == (0, '')
