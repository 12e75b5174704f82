# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-replicd sets its disk up, and never one with data on it: what it has the stand-ins of replicd_world do."""

import os
import re
import signal

import pytest

from daemon import CallError, wait_until
from replicd_world import DISK, OTHERS_METADATA, loop, new, node  # pylint: disable=unused-import

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def test_introspection_equals_the_xml(node):
    assert node.daemon.introspect() == node.daemon.documented()


def test_without_a_volume_it_is_idle_and_says_so(new):
    node = new(Enabled=False)
    node.daemon.start()
    wait_until(lambda: node.others.confd.calls, 'it asks for settings')
    with pytest.raises(CallError, match='Enabled=no'):
        wait_until(lambda: node.daemon.call('Secondary'), 'it refuses')
    assert node.daemon.property('Enabled') is False
    assert (node.read('calls'), (node.directory / 'hapair.res').exists()) == ('', False)


def test_a_blank_disk_is_set_up_and_nothing_is_promoted(node):
    assert node.calls('drbdmeta')[0] == f'0 v08 {DISK} internal get-gi'
    assert re.fullmatch(f'0 v08 {DISK} internal set-gi [0-9A-F]{{16}}:B1A4C00000000000:0:0:1:1',
                        node.calls('drbdmeta')[-1])
    assert [c.split()[-2:] for c in node.calls('drbdadm')] == [['attach', 'hapair'], ['adjust', 'hapair']]
    assert not [c for c in node.calls('drbdsetup') if c.startswith('primary')]
    assert node.daemon.property('Problem') == ''


def test_a_slaves_blank_disk_has_nothing_of_its_own(new):
    node = new(Role='slave').start()
    assert node.calls('drbdmeta')[-1].endswith('set-gi B1A4C00000000000:0:0:0:0:0')


def test_a_disk_with_metadata_is_taken_as_it_is(new):
    node = new()
    node.put('metadata', OTHERS_METADATA)
    node.start()
    assert node.calls('drbdmeta') == [f'0 v08 {DISK} internal get-gi']
    assert node.calls('hapair-probe-disk') == []


@pytest.mark.parametrize('metadata', [
    '0000000000000004:0000000000000000:0000000000000000:0000000000000000:0:0:0:0:0:0:0',
    '076AFAA054DFC74C:0000000000000004:0000000000000000:0000000000000000:0:0:0:0:0:0:0'])
def test_metadata_that_were_not_finished_are_made_again_and_all_is_copied(new, metadata):
    node = new()
    node.put('metadata', metadata)
    node.start()
    assert re.search('set-gi [0-9A-F]{16}:0:B1A4C00000000000:0:1:1$', node.calls('drbdmeta')[-1])


def test_a_disk_that_was_attached_halfway_is_freed_and_finished(new):
    node = new()
    node.put('metadata', '076AFAA054DFC74C:0000000000000004:0000000000000000:0000000000000000:0:0:0:0:0:0:0')
    node.put('events', 'exists resource name:hapair role:Secondary suspended:no\n'
             'exists device name:hapair volume:0 minor:0 disk:Inconsistent size:1024\nexists -\n')
    node.start()
    assert node.calls('drbdsetup')[0] == 'down hapair'
    assert re.search('set-gi [0-9A-F]{16}:0:B1A4C00000000000:0:1:1$', node.calls('drbdmeta')[-1])


@pytest.mark.parametrize('role', ['master', 'slave'])
@pytest.mark.parametrize('attached', [False, True])
@pytest.mark.parametrize('flags', ['1:1:1:0:0:0:0', '0:0:0:0:0:0:1'])
def test_data_of_a_just_created_disk_that_was_forced_are_kept(new, role, attached, flags):
    """With the first force its number, 4, moves to where an unfinished set-up has it too."""
    node = new(Role=role)
    forced = f'076AFAA054DFC74C:0000000000000004:0000000000000000:0000000000000000:{flags}\n'
    node.put('metadata', forced)
    if attached:
        node.put('events', 'exists resource name:hapair role:Secondary suspended:no\n'
                 'exists device name:hapair volume:0 minor:0 disk:Inconsistent size:1024\nexists -\n')
    node.start()
    assert [c for c in node.calls('drbdmeta') if 'get-gi' not in c] == []
    assert node.read('metadata') == forced and 'down hapair' not in node.calls('drbdsetup')


@pytest.mark.parametrize('role', ['master', 'slave'])
def test_a_replaced_disk_is_nobodys_data_and_gets_a_full_copy(new, role):
    """Not even a master may take an empty disk for the volume."""
    node = new(Role=role).start()
    wait_until(lambda: node.remembers_a_disk(), 'it remembers')
    node.daemon.kill(signal.SIGTERM)
    for name in ('metadata', 'calls'):
        (node.directory / name).unlink()
    node.put('events', 'exists -\n')
    node.start()
    assert [c.split()[4] for c in node.calls('drbdmeta')] == ['get-gi', 'create-md']
    assert [c.split()[-2] for c in node.calls('drbdadm')] == ['adjust']


@pytest.mark.parametrize('role', ['master', 'slave'])
def test_a_disk_without_data_that_the_peer_refuses_gets_a_full_copy(new, role):
    node = new(Role=role)
    node.put('refuse', '')
    node.start(connected=False)
    assert 'set-gi' in node.calls('drbdmeta')[-1]
    wait_until(lambda: node.read('metadata').startswith('0000000000000004:'), 'it gives up what it had', 30)
    wait_until(lambda: node.calls('drbdadm')[-1].endswith('adjust hapair'), 'it goes on')
    assert node.calls('drbdmeta')[-1].endswith('create-md')


@pytest.mark.parametrize(('meanwhile', 'bits'), [
    ('1234567812345678:076AFAA054DFC74C:B1A4C00000000000:0000000000000000:1:1:0:0:0:0:0', 0),
    ('076AFAA054DFC74C:B1A4C00000000000:0000000000000000:0000000000000000:1:1:1:0:0:0:0', 0),
    ('076AFAA054DFC74C:B1A4C00000000000:0000000000000000:0000000000000000:1:1:0:0:0:0:0', 17)])
def test_data_that_come_before_a_refused_disk_is_given_up_are_kept(new, meanwhile, bits):
    """What was heard of it last is older than they are; what the disk says once it is free decides."""
    node = new()
    node.put('refuse', '')
    node.put('bits', str(bits))
    node.start(connected=False)
    made = [c for c in node.calls('drbdmeta') if 'create-md' in c]
    node.put('meanwhile', meanwhile + '\n')
    wait_until(lambda: 'down hapair' in node.calls('drbdsetup')[1:] and not (node.directory / 'meanwhile').exists(),
               'it frees the disk', 30)
    wait_until(lambda: node.calls('drbdadm')[-1].endswith('adjust hapair'), 'it goes on')
    assert [c for c in node.calls('drbdmeta') if 'create-md' in c] == made
    assert node.read('metadata') == meanwhile + '\n'


def test_a_disk_with_data_that_the_peer_refuses_is_kept(new):
    node = new()
    node.put('metadata', OTHERS_METADATA)
    node.put('refuse', '')
    node.start(connected=False)
    wait_until(lambda: len(node.calls('drbdadm')) > 4, 'it has tried to connect often', 60)
    assert [c.split()[-1] for c in node.calls('drbdmeta')] == ['get-gi']


def test_a_disk_with_data_is_left_alone_until_it_is_said_to_be_ours(new):
    node = new()
    node.put('disk', 'ext4 labelled "precious"\n')
    node.start()
    sentence = f'destroy all data on {DISK}'
    assert 'ext4 labelled "precious"' in node.problem() and node.problem().endswith(f'type: {sentence}')
    for wrong in ('', 'yes', sentence.upper(), sentence + '1'):
        with pytest.raises(CallError, match='precious'):
            node.daemon.call('Prepare', 's', wrong)
    assert not [c for c in node.calls('drbdmeta') if 'get-gi' not in c] and node.calls('drbdadm') == []
    assert node.read('disk').startswith('ext4')

    node.daemon.call('Prepare', 's', sentence)
    wait_until(node.up, 'it is set up')
    assert (node.read('disk'), node.problem()) == ('empty\n', '')
    # What is on the other node's disk is unknown to it: all is copied.
    assert re.search('set-gi [0-9A-F]{16}:0:B1A4C00000000000:0:1:1$', node.calls('drbdmeta')[-1])


def test_the_resource_has_the_policies_that_lose_no_data(node):
    text = node.read('hapair.res')
    for line in ('protocol C;', 'fencing resource-and-stonith;', 'on-io-error detach;', 'after-sb-0pri disconnect;',
                 'after-sb-1pri disconnect;', 'after-sb-2pri disconnect;', 'rr-conflict disconnect;',
                 f'fence-peer {node.directory}/hapair-fence-peer;', 'resync-rate 40960k;', 'c-plan-ahead 0;',
                 'address ipv4 192.0.2.11:7788;', 'address ipv4 192.0.2.12:7788;'):
        assert f' {line}\n' in text
    assert 'allow-two-primaries' not in text


def test_ipv6_addresses_are_written_as_drbd_reads_them(new):
    node = new(Own='2001:db8::11', Peer='2001:db8::12').start()
    assert 'address ipv6 [2001:db8::11]:7788;' in node.read('hapair.res')


@pytest.mark.parametrize('setting', [
    {'Resource': 'a { handlers { fence-peer "/bin/true"; } }'}, {'Resource': '../x'}, {'Device': '/dev/sda'},
    {'Device': '/dev/drbd0;'}, {'MountPoint': 'srv'}, {'MountPoint': '/srv/a\nExecStart=/bin/sh'}, {'MountPoint': '/a/../etc'},
    {'FileSystem': 'ext4\nOptions=suid'}, {'Disk': '/etc/passwd'}, {'Disk': '/dev/../etc/x'}, {'Own': '192.0.2.11; x'},
    {'Cluster': 'a b'}, {'Port': 0}])
def test_settings_that_could_say_something_else_to_root_are_refused(new, setting):
    """confd is not root; a broken one must not become it."""
    node = new(**setting)
    node.daemon.start()
    wait_until(node.problem, 'it refuses them')
    assert (node.read('calls'), list(node.directory.glob('*.res')), list(node.directory.glob('*.mount'))) == ('', [], [])
    with pytest.raises(CallError, match='cannot be used'):
        node.daemon.call('Primary', 'tb', 1, 'false')


def test_a_changed_rate_is_adjusted_in_place_and_the_same_settings_write_nothing(node):
    before = os.stat(node.directory / 'hapair.res').st_ino
    node.change()
    wait_until(lambda: len(node.calls('drbdadm')) == 3, 'it adjusts')
    assert os.stat(node.directory / 'hapair.res').st_ino == before
    node.change(SyncRateKiB=1234)
    wait_until(lambda: len(node.calls('drbdadm')) == 4, 'it adjusts')
    assert 'resync-rate 1234k;' in node.read('hapair.res')
    assert not [c for c in node.calls('drbdsetup') if c.startswith('disconnect')]


def test_an_attached_disk_is_changed_only_once_the_node_has_left(node):
    """`drbdadm adjust` would take it away from whoever uses it, not only when this daemon has seen it attached."""
    other = '/dev/null'
    n = len(node.calls('drbdadm'))
    node.change(Disk=other)
    wait_until(lambda: f'uses {DISK} here, and {other} cannot take its place' in node.problem(), 'it says so')
    node.daemon.kill()
    node.daemon.start()
    wait_until(lambda: f'uses {DISK} here' in node.problem(), 'the next daemon says so too')
    assert f'disk {DISK};' in node.read('hapair.res') and len(node.calls('drbdadm')) == n
    node.daemon.call('Leave')
    wait_until(lambda: node.volume('Known') == 'false', 'it is down')
    node.daemon.call('Connect')
    wait_until(node.up, 'it is set up')
    assert f'disk {other};' in node.read('hapair.res') and node.problem() == ''


def test_nobody_becomes_primary_while_the_metadata_are_made(new):
    node = new()
    node.put('hang-new', '')
    node.daemon.start()
    wait_until((node.directory / 'hanging').exists, 'it is at it')
    node.tell('create resource name:hapair role:Secondary suspended:no',
              'create device name:hapair volume:0 minor:0 disk:Inconsistent size:1024')
    with pytest.raises(CallError, match='being set up'):
        node.daemon.call('Primary', 'tb', 1, 'true')
    assert node.volume('Known') == 'false'
    (node.directory / 'hang-new').unlink()
    wait_until(node.up, 'it is set up')
    node.daemon.call('Primary', 'tb', 1, 'false')
    assert node.volume('Role') == 'Primary'
