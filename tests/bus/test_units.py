# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units and the journal catalogue as systemd's own tools judge them."""

import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

SOURCE = pathlib.Path(os.environ['HAPAIR_SOURCE_ROOT'])
UNITS = pathlib.Path(os.environ['HAPAIR_BUILD_ROOT']) / 'units'

# What 5-style of the design allows each, in tenths as --threshold= wants it.
EXPOSURE = {'confd': 8, 'electd': 11, 'hbd': 18, 'replicd': 20, 'svcmand': 5, 'vipd': 16}


@pytest.mark.parametrize('daemon,threshold', EXPOSURE.items())
def test_exposure_stays_below_its_limit(daemon, threshold):
    r = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--offline=true',
                        f'--threshold={threshold}', UNITS / f'hapair-{daemon}.service'], capture_output=True, text=True)
    assert r.returncode == 0, r.stdout.splitlines()[-1]


def test_every_service_has_its_limit():
    assert {p.name for p in UNITS.glob('*.service')} == {
        *(f'hapair-{d}.service' for d in EXPOSURE),
        'hapair-keep@.service', 'hapair-reset.service', 'hapair-wall.service'}


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """What `meson install` makes of the build, in a directory of its own."""
    root = tmp_path_factory.mktemp('installed')
    subprocess.run(['meson', 'install', '-C', UNITS.parent, '--no-rebuild', '--quiet', '--destdir', root],
                   check=True)
    return root


def test_an_installation_is_complete(installed):
    names = [f'org.hapair.{n}' for n in ('Address1', 'Config1', 'Election1', 'Heartbeat1', 'Replication1', 'Service1')]
    expected = ['usr/bin/hapair', 'usr/lib/systemd/system/hapair.target', 'usr/lib/sysusers.d/hapair.conf',
                'usr/lib/tmpfiles.d/hapair.conf', 'usr/lib/systemd/catalog/hapair.catalog',
                'usr/lib/udev/rules.d/60-hapair.rules', 'usr/share/polkit-1/actions/org.hapair.policy',
                'usr/share/polkit-1/rules.d/50-hapair.rules', 'usr/share/bash-completion/completions/hapair',
                'usr/share/man/man1/hapair.1', 'usr/share/man/man5/hapair.conf.5', 'usr/share/man/man7/hapair.7', 'usr/lib/hapair/hapair-in-catalogue',
                'usr/share/hapair/services.d/openvpn.service-set',
                *(f'usr/share/dbus-1/system.d/{name}.conf' for name in names),
                *(f'usr/share/dbus-1/interfaces/{name}.xml' for name in names),
                *(f'usr/share/man/man5/{name}.5' for name in names)]
    for daemon in EXPOSURE:
        expected += [f'usr/lib/hapair/hapair-{daemon}', f'usr/share/man/man8/hapair-{daemon}.8',
                     *(f'usr/lib/systemd/system/hapair-{daemon}.{kind}' for kind in ('service', 'socket'))]
    assert [path for path in expected if not (installed / path).is_file()] == []


def test_systemd_finds_nothing_to_complain_about(installed, tmp_path):
    """The units as installed, but for the place of the daemons, which must be there and executable."""
    units = []
    for unit in (installed / 'usr/lib/systemd/system').iterdir():
        text = unit.read_text().replace('ExecStart=/', f'ExecStart={installed}/')
        (tmp_path / unit.name).write_text(text)
        units.append(tmp_path / unit.name)
    r = subprocess.run(['systemd-analyze', 'verify', '--man=no', *units], capture_output=True, text=True)
    assert (len(units), r.returncode, r.stderr) == (16, 0, '')


def test_every_message_id_has_an_entry_in_the_catalogue(tmp_path):
    directory = tmp_path / 'usr/lib/systemd/catalog'
    directory.mkdir(parents=True)
    (tmp_path / 'var/lib/systemd/catalog').mkdir(parents=True)
    shutil.copy(SOURCE / 'units/hapair.catalog', directory)
    made = subprocess.run(['journalctl', f'--root={tmp_path}', '--update-catalog'], capture_output=True, text=True)
    assert (made.returncode, made.stderr) == (0, '')
    listed = subprocess.run(['journalctl', f'--root={tmp_path}', '--list-catalog'], capture_output=True,
                            text=True, check=True).stdout
    ids = re.findall(r'"([0-9a-f]{32})"', (SOURCE / 'common/messages.h').read_text())
    assert ids and sorted(ids) == sorted(re.findall(r'^([0-9a-f]{32}) ', listed, re.M))


def test_every_polkit_action_of_an_interface_exists_and_belongs_to_its_daemon():
    """polkitd tells a daemon that is not root nothing about actions that are not its own."""
    owner = 'annotate[@key="org.freedesktop.policykit.owner"]'
    actions = {action.get('id'): action.findtext(owner)
               for action in ET.parse(SOURCE / 'units/org.hapair.policy').iter('action')}
    daemons = {'Config1': 'confd', 'Election1': 'electd', 'Heartbeat1': 'hbd', 'Address1': 'vipd'}
    asked = {'org.hapair.prepare-disk': None}  # of replicd, which is root
    for name, daemon in daemons.items():
        for annotation in ET.parse(SOURCE / f'interfaces/org.hapair.{name}.xml').iter('annotation'):
            if annotation.get('name') == 'org.hapair.Polkit':
                asked[annotation.get('value')] = f'unix-user:hapair-{daemon}'
    assert asked and actions == asked


@pytest.mark.parametrize('daemon', EXPOSURE)
def test_a_daemon_that_died_is_started_at_once_and_for_ever(daemon):
    """RestartSec=1ms would mean up to 250: systemd coalesces its timers, but not with what is already due."""
    lines = (UNITS / f'hapair-{daemon}.service').read_text().splitlines()
    assert {'Restart=always', 'RestartSec=0', 'StartLimitIntervalSec=0'} <= set(lines)
    assert 'TriggerLimitIntervalSec=0' in (UNITS / f'hapair-{daemon}.socket').read_text().splitlines()
