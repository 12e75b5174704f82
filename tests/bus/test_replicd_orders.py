# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-replicd carries out electd's orders and keeps the link: what it has the stand-ins of replicd_world do."""

import os
import pathlib
import signal
import subprocess

import pytest

from daemon import CallError, wait_until
from replicd_world import loop, new, node  # pylint: disable=unused-import

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def test_orders_are_answered_when_the_kernel_says_so_and_repeating_them_is_harmless(node):
    for _ in range(2):
        node.daemon.call('Primary', 'tb', 1, 'false')
        assert node.volume('Role') == 'Primary'
    for _ in range(2):
        node.daemon.call('Secondary')
        assert node.volume('Role') == 'Secondary'
    node.daemon.call('Unmount')
    assert [c for c in node.systemd.calls if c[0] != 'Reload'] == []


def test_what_drbd_refuses_is_the_reason_that_electd_hears(node):
    node.put('fail-drbdsetup', '0: State change failed: (-2) Need access to UpToDate data\n')
    with pytest.raises(CallError, match='Need access to UpToDate data'):
        node.daemon.call('Primary', 'tb', 1, 'false')


def test_a_lower_epoch_acquires_nothing_not_even_after_a_restart(node):
    node.daemon.call('Primary', 'tb', 7, 'false')
    node.daemon.call('Secondary')
    wait_until(lambda: b'\x07' in (node.directory / 'state' / 'memory').read_bytes(), 'it remembers')
    for _ in range(2):
        for order in (('Primary', 'tb', 6, 'false'), ('Mount', 't', 6), ('Resume', 't', 6)):
            with pytest.raises(CallError, match='Epoch 6 is below 7'):
                node.daemon.call(*order)
        with pytest.raises(CallError, match='jumps too far'):
            node.daemon.call('Primary', 'tb', 8 + (1 << 32), 'false')
        node.daemon.kill()
        node.start()
    assert node.daemon.property('Epoch') == 7


def test_a_demotion_ends_a_promotion_that_hangs_before_it_demotes(node):
    node.put('hang', '')
    command = ['busctl', f'--address=unix:path={node.daemon.socket_path}', 'call', node.daemon.interface,
               node.daemon.object, node.daemon.interface, 'Primary', 'tb', '1', 'false']
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as primary:
        wait_until((node.directory / 'hanging').exists, 'the promotion hangs')
        pid = int(node.read('hanging'))
        node.daemon.call('Secondary')
        assert not pathlib.Path(f'/proc/{pid}').exists()
        assert 'a later order ended it' in primary.communicate()[1]
    assert node.calls('drbdsetup')[-1].startswith('secondary') and node.volume('Role') == 'Secondary'


def test_killed_it_finds_what_the_kernel_has_and_touches_no_disk(node):
    node.daemon.call('Primary', 'tb', 1, 'false')
    made = node.calls('drbdmeta')
    node.daemon.kill()
    node.start()
    wait_until(lambda: node.volume('Role') == 'Secondary', 'the dump of the stand-in is heard')
    assert node.calls('drbdmeta') == made


def test_the_events_are_asked_for_again_when_they_end(node):
    os.kill(int(subprocess.run(['pgrep', '-P', str(node.daemon.process.pid), '-f', 'events2|tail'], check=True,
                               capture_output=True, text=True).stdout.split()[0]), signal.SIGKILL)
    wait_until(lambda: "DRBD's events ended" in node.daemon.log(), 'it notices')
    node.tell('change device name:hapair volume:0 minor:0 disk:Failed')
    wait_until(lambda: node.volume('DiskState') == 'Failed', 'it hears again')


def test_a_broken_connection_is_made_again_and_a_split_brain_is_not(node):
    gone = 'change connection name:hapair peer-node-id:0 conn-name:peer connection:{} role:Unknown'
    n = len(node.calls('drbdadm'))
    node.tell(gone.format('StandAlone'))
    wait_until(lambda: len(node.calls('drbdadm')) > n, 'it connects again')
    assert node.calls('drbdadm')[-1].endswith('adjust hapair')
    wait_until(node.up, 'it is connected')
    n = len(node.calls('drbdadm'))
    node.tell('call helper name:hapair peer-node-id:0 conn-name:peer helper:split-brain',
              gone.format('Disconnecting'), gone.format('StandAlone'))
    wait_until(lambda: node.volume('SplitBrain') == 'true', 'it is noticed')
    node.daemon.kill()
    node.daemon.start()
    assert len(node.calls('drbdadm')) <= n + 1  # the set-up of the new one; the keeper stays away


def test_left_is_left_until_it_is_asked_to_connect(node):
    node.daemon.call('Leave')
    assert node.calls('drbdsetup')[-2:] == ['disconnect ipv4:192.0.2.11:7788 ipv4:192.0.2.12:7788', 'down hapair']
    n = len(node.calls('drbdadm'))
    node.change()
    node.daemon.call('Unmount')
    assert len(node.calls('drbdadm')) == n


def test_a_mount_that_fails_looks_at_the_volume_and_formats_nothing_that_has_data(node):
    node.put('disk', 'xfs\n')
    node.systemd.results['StartUnit'] = 'failed'
    with pytest.raises(CallError, match=r'cannot mount /dev/drbd0 at /srv/hapair.*xfs'):
        node.daemon.call('Mount', 't', 1)
    assert [c for c in node.systemd.calls if c[0] != 'Reload'] == [('StartUnit', 'srv-hapair.mount')]


def test_the_mounts_unit_is_there_before_it_is_needed(node):
    assert 'What=/dev/drbd0\nWhere=/srv/hapair\nType=ext4\n' in node.read('srv-hapair.mount')
    assert node.systemd.calls == [('Reload', None)]


def test_a_reset_is_the_service_managers(node):
    node.daemon.call('Reset', 's', 'I/O is stuck')
    wait_until(lambda: ('StartUnit', 'hapair-reset.service') in node.systemd.calls, 'the unit is started')


def test_a_lone_master_says_so_on_every_console_until_it_is_not_alone(node):
    node.daemon.call('Primary', 'tb', 1, 'false')
    node.tell('change connection name:hapair peer-node-id:0 conn-name:peer connection:Connecting role:Unknown')
    issue = node.directory / 'issue'
    wait_until(issue.exists, 'the banner is there', 20)
    wait_until(lambda: ('StartUnit', 'hapair-wall.service') in node.systemd.calls, 'all terminals are told')
    assert 'DO NOT REBOOT OR SWITCH OFF THIS NODE' in issue.read_text()
    assert issue.stat().st_mode & 0o777 == 0o644
    node.tell('change connection name:hapair peer-node-id:0 conn-name:peer connection:Connected role:Secondary',
              'change peer-device name:hapair peer-node-id:0 conn-name:peer volume:0 replication:Established '
              'peer-disk:UpToDate')
    wait_until(lambda: not issue.exists(), 'it is gone')
    assert node.systemd.calls.count(('StartUnit', 'hapair-wall.service')) == 1


def test_strangers_order_nothing(node):
    node.daemon.socket_path.chmod(0o666)
    for parent in (node.directory, *node.directory.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    with pytest.raises(CallError):
        node.daemon.call('Secondary', user='nobody')
    assert not [c for c in node.calls('drbdsetup') if c.startswith('secondary')]
