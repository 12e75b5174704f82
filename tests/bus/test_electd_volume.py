# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-electd of a pair with a replicated volume: orders to replicd, what it reports, the kernel's questions."""

import os
import re
import signal
import time

import pytest
from gi.repository import GLib

from daemon import CallError, plain, wait_until
from electd_world import NONE, World, world  # pylint: disable=unused-import
from fakes import Refusal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

VOLUME = 'volume/hapair'
HISTORY, RESOLVE, RESOLVED = 12, 13, 14


class VolumeWorld(World):
    """One node with a volume: replicd is a stand-in that obeys at once."""

    def __init__(self, directory, role='master', **options):
        super().__init__(directory, role, **options)
        self.settings['Volume'] = GLib.Variant('b', True)
        self.failing = {}
        replicd = self.node.replicd
        for order in ('Primary', 'Mount', 'Unmount', 'Secondary', 'Disconnect', 'Leave', 'Resume', 'Reset',
                      'Connect', 'Discard'):
            replicd.methods[order] = lambda *arguments, order=order: self.obey(order)
        replicd.add(VOLUME, 'Volume', Resource='hapair', Known=True, Connection='Connecting', Role='Secondary',
                    PeerRole='Unknown', DiskState='UpToDate', PeerDiskState='DUnknown', Connections=0, Generation=16)
        answer = replicd.on_call

        def on_call(connection, sender, path, interface, method, *rest):
            if method in self.unanswered:
                replicd.calls.append((method,))
            else:
                answer(connection, sender, path, interface, method, *rest)
        replicd.on_call = on_call
        self.reads = 0
        listed = replicd.on_list

        def on_list(*arguments):
            self.reads += 1
            listed(*arguments)
        replicd.on_list = on_list

    def start(self):
        self.node.start('replicd')
        return super().start()

    def obey(self, order):
        if order in self.failing:
            raise Refusal('org.hapair.Error.Failed', self.failing[order])
        if order in ('Primary', 'Secondary'):
            self.volume(Role=order)

    def volume(self, **properties):
        self.node.replicd.change_child(VOLUME, 'Volume', **properties)

    def volume_read(self, **properties):
        """The same, and waits until electd has looked."""
        before = self.reads
        self.volume(**properties)
        wait_until(lambda: self.reads > before, 'electd looks')
        wait_until(self.state, 'an answer behind it')

    def drbd(self):
        """The orders to replicd, by name."""
        return [call[0] for call in self.node.replicd.calls]

    def fence(self):
        return self.call_later('FencePeer', 's', 'hapair')


def alone(world, **options):
    """A founder that serves alone: it holds the right."""
    one = world(VolumeWorld, **options).start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    one.wait_state('master')
    return one


def test_founder_promotes_disk_then_mounts_then_takes_the_addresses(world):
    one = alone(world)
    assert one.drbd() == ['Disconnect', 'Primary', 'Mount']
    assert ('Primary', 1, False) in one.node.replicd.calls
    assert one.held


def test_disk_that_nobody_ever_wrote_is_forced_by_the_founder_alone(world):
    one = world(VolumeWorld)
    one.node.replicd.objects[f'{one.node.replicd.root}/{VOLUME}'][f'{one.node.replicd.name}.Volume'].update(
        DiskState='Inconsistent', Generation=4)
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    one.wait_state('master')
    assert ('Primary', 1, True) in one.node.replicd.calls


def test_joined_node_alone_waits(world):
    one = world(VolumeWorld, role='slave').start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    time.sleep(3)
    assert one.state() == 'wait-peer' and one.drbd() == [] and not one.held


def test_unknown_volume_is_asked_to_be_set_up_once_and_promotes_nothing(world):
    one = world(VolumeWorld)
    one.node.replicd.objects[f'{one.node.replicd.root}/{VOLUME}'][f'{one.node.replicd.name}.Volume'].update(Known=False)
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    time.sleep(3)
    assert one.drbd() == ['Connect'] and not one.held
    assert 'replication-away' in [error['code'] for error in plain(one.electd.property('Errors'))]
    one.volume(Known=True)
    one.wait_state('master')


def test_disk_that_was_never_attached_is_waited_for_and_not_called_lost(world):
    one = world(VolumeWorld, role='slave')
    one.node.replicd.objects[f'{one.node.replicd.root}/{VOLUME}'][f'{one.node.replicd.name}.Volume'].update(
        DiskState='Attaching', Generation=0)
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    time.sleep(3)
    assert one.state() == 'wait-peer'
    assert 'disk' not in one.electd.property('Reason')


def test_killed_master_resumes_without_demoting_anything(world):
    one = alone(world)
    for _ in range(3):
        one.electd.kill()
        one.electd.start()
        one.wait_state('master')
    assert 'Secondary' not in one.drbd() and 'Unmount' not in one.drbd() and one.held


def test_order_waits_for_a_replicd_that_restarts(world):
    one = world(VolumeWorld)
    one.unanswered.add('Mount')
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    wait_until(lambda: 'Mount' in one.drbd(), 'the order')
    one.unanswered.clear()
    one.node.replicd.hang_up()
    one.wait_state('master')
    assert one.drbd().count('Mount') == 2 and 'Secondary' not in one.drbd()


def test_failed_mount_is_undone_and_named(world):
    one = world(VolumeWorld)
    one.failing['Mount'] = 'mount unit hapair.mount: wrong fs type'
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    one.wait_state('fault')
    assert one.drbd() == ['Disconnect', 'Primary', 'Mount', 'Unmount', 'Secondary']
    assert 'wrong fs type' in one.electd.log()
    errors = {error['code']: error for error in plain(one.electd.property('Errors'))}
    assert 'mount the volume' in errors['step-failed']['message']


def test_fence_handler_is_told_to_go_on_by_the_one_with_the_right(world):
    one = alone(world)
    assert one.electd.call('FencePeer', 's', 'hapair') == 4


def test_fence_handler_of_another_resource_is_told_nothing(world):
    one = alone(world)
    assert one.electd.call('FencePeer', 's', 'other') == 1


def test_fence_handlers_wait_together_and_nobody_knows_in_the_end(world):
    one = world(VolumeWorld, role='slave').start()
    wait_until(one.published, 'a record')
    one.wait_state('wait-peer')
    outcomes = [one.fence() for _ in range(4)]
    time.sleep(0.3)
    assert outcomes == [[], [], [], []]
    wait_until(lambda: all(outcomes), 'an answer to each')
    assert one.electd.call('FencePeer', 's', 'hapair') == 1


def test_waiting_node_says_whose_data_are_newer_and_what_forcing_costs(world):
    one = world(VolumeWorld, role='slave')
    one.settings['Cluster'] = GLib.Variant('s', 'gw')
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    wait_until(lambda: 'newer data' in one.electd.property('Reason'), 'a reason')
    reason = one.electd.property('Reason')
    assert reason.startswith('gw-master may have newer data since 20') and reason.endswith('UTC: this node waits for it')
    errors = {error['code']: error for error in plain(one.electd.property('Errors'))}
    assert errors['waits-for-peer']['message'] == reason
    assert one.electd.log().count(reason) == 1
    one.volume_read(DiskState='Outdated')
    with pytest.raises(CallError, match='type: I accept the loss of what gw-master wrote since 20') as refusal:
        one.electd.call('ForceMaster', 's', '')
    with pytest.raises(CallError, match='type: '):
        one.electd.call('ForceMaster', 's', 'I accept the loss of data that only the peer has')
    outcome = one.call_later('ForceMaster', 's', str(refusal.value).split('type: ')[1])
    one.wait_state('master')
    wait_until(lambda: outcome == [''], 'the answer')
    assert ('Primary', 1, True) in one.node.replicd.calls


def test_split_brain_is_shown_and_ended_by_the_sentence(world):
    one = alone(world)
    one.volume_read(Connection='StandAlone', SplitBrain=True, WroteAlone=True, OutOfSync=12, AloneSince=1795464000000000)
    one.tell_peer('online')
    one.tell_record(9, NONE)
    history = wait_until(lambda: one.sent(HISTORY), 'our history')
    assert history['nonce'] == 12
    one.tell_message(HISTORY, 34, since=1795464000000000, generation=32, flags=4)
    wait_until(lambda: 'slave' in one.electd.property('SplitBrain'), 'both histories')
    histories = plain(one.electd.property('SplitBrain'))
    assert histories['slave'] == {'since': 1795464000000000, 'written': 34, 'generation': 32}
    assert histories['master']['written'] == 12
    assert 'split brain' in one.electd.property('RebootDanger')
    with pytest.raises(CallError, match='neither master nor slave'):
        one.electd.call('ResolveSplitBrain', 'ss', 'other', '')
    sentence = 'I discard what the other node wrote since 2026-11-23 20:00:00 UTC (34 KiB)'
    with pytest.raises(CallError, match=re.escape('type: ' + sentence)):
        one.electd.call('ResolveSplitBrain', 'ss', 'master', '')
    with pytest.raises(CallError, match='type: I discard what this node wrote'):
        one.electd.call('ResolveSplitBrain', 'ss', 'slave', sentence)
    assert not one.sent(RESOLVE)

    outcome = one.call_later('ResolveSplitBrain', 'ss', 'master', sentence)
    resolve = wait_until(lambda: one.sent(RESOLVE), 'the peer is asked')
    assert 'Connect' not in one.drbd()
    one.tell_message(RESOLVED, resolve['nonce'])
    wait_until(lambda: 'Connect' in one.drbd(), 'the order')
    assert outcome == [] and 'Discard' not in one.drbd() and one.state() == 'master'
    one.volume(Connection='Connected', SplitBrain=False, PeerDiskState='Inconsistent', Connections=1)
    wait_until(lambda: outcome == [''], 'the answer')
    wait_until(lambda: not one.electd.property('SplitBrain'), 'no histories any more')


def test_without_a_split_brain_nothing_is_resolved(world):
    one = alone(world)
    with pytest.raises(CallError, match='no split brain'):
        one.electd.call('ResolveSplitBrain', 'ss', 'master', '')


def test_only_root_asks_as_the_fence_handler(world):
    one = alone(world)
    one.directory.chmod(0o755)
    with pytest.raises(CallError):
        one.electd.call('FencePeer', 's', 'hapair', user=65534)


def test_orderly_stop_demotes_and_takes_leave_before_the_goodbye(world):
    one = alone(world)
    assert one.electd.kill(signal.SIGTERM) == 0
    assert one.drbd()[-3:] == ['Unmount', 'Secondary', 'Leave'] and not one.held
    assert one.node.hbd.calls[-1] == ('Goodbye',)


def test_demotion_that_hangs_ends_in_a_reset(world):
    one = alone(world)
    one.unanswered.add('Unmount')
    one.volume_read(Frozen=True)
    one.electd.process.send_signal(signal.SIGTERM)
    wait_until(lambda: 'Unmount' in one.drbd(), 'the order')
    wait_until(lambda: 'Reset' in one.drbd(), 'the reset', timeout=15)
    assert 'Secondary' not in one.drbd() and 'Leave' not in one.drbd()
