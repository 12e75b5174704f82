# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-electd between fake helpers: hbd, vipd and confd are stand-ins, and the peer's electd is this test. The
real pair is the lab's; here things are done that no healthy helper does."""

import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from gi.repository import GLib

from daemon import CallError, plain, wait_until
# pylint: disable=unused-import
from electd_world import (BINARY, DEAD, GONE, HANDOVER, LEAVING, MASTER, NONE, OPERATOR, PEER_INSTANCE, PEER_MAC, PREQ,
                          ROLE_MASTER, ROLE_SLAVE, TAKEOVER, WAIT_PEER, master, seal, slave, world)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')


def test_interface_is_as_documented(world):
    one = world().start()
    wait_until(lambda: one.electd.introspect() == one.electd.documented(), 'the interface as documented')


def test_a_stranger_is_refused(world):
    one = world().start()
    one.directory.chmod(0o755)
    with pytest.raises(CallError):
        one.electd.call('MakeMaster', user=65534)
    assert ('Acquire', 1) not in one.orders()


def test_lone_node_listens_and_serves(world):
    one = world().start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    time.sleep(1)
    assert one.state() == 'wait-peer'
    one.wait_state('master')
    assert one.orders() == [('Withdraw',), ('Acquire', 1)]
    assert one.published().role == ROLE_MASTER
    assert one.electd.property('RunningRole') == 'master'


def test_peer_lost_is_followed_by_the_takeover(world):
    one = slave(world)
    one.tell_peer('late')
    wait_until(lambda: ('Probe', True) in one.node.vipd.calls, 'probing starts when the peer is late')
    time.sleep(DEAD / 2e6)
    one.tell_peer('lost')
    wait_until(lambda: one.held, 'the addresses are acquired')
    assert one.epoch == 6
    one.wait_state('master')
    assert one.published().epoch == 6


def test_peer_that_still_answers_for_the_address_is_not_robbed(world):
    one = slave(world)
    facts = struct.pack('<BBBBBBHIIQQQQ', 1, 11, 0, 0, 0, 1, 0, PEER_INSTANCE, one.published().instance, 0, 0, 0, 0)
    one.signal('MessageReceived', '(stay)', 'election', 7, seal(b'm', facts + bytes.fromhex(PEER_MAC.replace(':', ''))))
    wait_until(lambda: one.published().flags & 1 << 13, 'the MAC is known')
    one.tell_peer('late')
    one.tell_peer('lost')
    vipd = one.node.vipd
    for _ in range(20):
        for connection in vipd.open_connections():
            connection.emit_signal(None, vipd.root, vipd.name, 'Answered',
                                   GLib.Variant('(sst)', ('lan', PEER_MAC, 1)))
        time.sleep(0.05)
    assert not one.held
    wait_until(lambda: one.held, 'silence of the address ends it')


def test_forged_record_is_nothing(world):
    one = slave(world)
    one.tell_record(WAIT_PEER, NONE, epoch=5, key=b'none')
    one.tell_message(HANDOVER, 1)
    time.sleep(0.2)
    assert one.state() == 'slave'
    assert one.electd.property('PeerRunningRole') == 'master'
    assert 'refused' in one.electd.log()


def test_hung_peer_is_unknown(world):
    one = slave(world)
    one.tell_record(MASTER, ROLE_MASTER, epoch=5, stale=True)
    wait_until(lambda: one.electd.property('PeerRunningRole') == 'unknown', 'an aged record says nothing')
    time.sleep(2 * DEAD / 1e6)
    assert one.state() == 'slave' and not one.held
    codes = [error['code'] for error in plain(one.electd.property('Errors'))]
    assert 'peer-hung' in codes


def test_killed_master_resumes(world):
    one = master(world)
    for _ in range(3):
        one.electd.kill()
        one.electd.start()
        one.wait_state('master')
    assert ('Withdraw',) not in one.orders()[one.orders().index(('Acquire', 1)):]
    assert one.published().role == ROLE_MASTER


def test_restarted_vipd_is_told_what_is_wanted(world):
    one = master(world)
    count = len(one.orders())
    one.node.vipd.hang_up()
    wait_until(lambda: len(one.orders()) > count, 'the order again')
    assert one.orders()[-1] == ('Acquire', 1)
    assert one.state() == 'master'


def test_restarted_hbd_changes_no_role(world):
    one = slave(world)
    one.peer = ('unknown', 0, '', 0, b'', 0, 0)
    one.node.hbd.hang_up()
    wait_until(lambda: one.electd.property('PeerRunningRole') == 'unknown', 'nothing is known')
    time.sleep(2 * DEAD / 1e6)
    assert one.state() == 'slave' and not one.held


def test_make_slave_withdraws_then_hands_over(world):
    one = master(world)
    outcome = one.call_later('MakeSlave')
    takeover = wait_until(lambda: one.sent(TAKEOVER), 'the peer is asked to ask')
    assert takeover['reason'] == OPERATOR
    one.tell_message(PREQ, 99)
    handover = wait_until(lambda: one.sent(HANDOVER), 'the handover')
    assert handover['nonce'] == 99 and handover['epoch'] == 2
    assert one.orders()[-1] == ('Withdraw',) and not one.held
    assert outcome == []
    one.tell_record(MASTER, ROLE_MASTER, epoch=2)
    wait_until(lambda: outcome, 'the answer')
    assert outcome == ['']
    assert one.electd.property('Pinned') is True


def test_make_master_takes_what_is_handed_over(world):
    one = slave(world)
    outcome = one.call_later('MakeMaster')
    preq = wait_until(lambda: one.sent(PREQ), 'the question')
    one.tell_message(HANDOVER, preq['nonce'] + 1, epoch=6)
    time.sleep(0.1)
    assert not one.held
    one.tell_message(HANDOVER, preq['nonce'], epoch=6)
    wait_until(lambda: one.held and outcome, 'the takeover')
    assert outcome == [''] and one.epoch == 6


def test_unanswered_question_ends_in_a_typed_error(world):
    one = slave(world)
    outcome = one.call_later('MakeMaster')
    wait_until(lambda: outcome, 'the answer')
    assert 'nobody took over in time' in outcome[0]
    assert one.state() == 'slave'


def test_force_needs_the_sentence(world):
    one = slave(world)
    with pytest.raises(CallError, match='type: '):
        one.electd.call('ForceMaster', 's', '')
    with pytest.raises(CallError, match='heard as the running master'):
        one.electd.call('ForceMaster', 's', 'I accept the loss of data that only the peer has')


def test_order_without_an_answer_ends_at_its_limit(world):
    one = slave(world)
    one.unanswered.add('Acquire')
    one.tell_peer('late')
    one.tell_peer('lost')
    wait_until(lambda: one.state() == 'promoting', 'the order is given')
    one.wait_state('fault', timeout=15)
    assert one.orders()[-1] == ('Withdraw',)
    errors = {error['code']: error for error in plain(one.electd.property('Errors'))}
    assert 'acquire the virtual IPs' in errors['step-failed']['message']
    assert errors['step-failed']['remedy'] and errors['step-failed']['since'] > 0


def test_maintenance_outlives_a_restart(world):
    one = slave(world)
    one.electd.call('SetMaintenance', 'b', 'true')
    one.electd.kill()
    one.electd.start()
    one.wait_state('maintenance')
    one.tell_peer('lost')
    time.sleep(3)
    assert not one.held
    one.electd.call('SetMaintenance', 'b', 'false')
    one.wait_state('master')


def test_leaving_hands_over_then_says_goodbye(world):
    one = master(world)
    one.electd.process.send_signal(signal.SIGTERM)
    takeover = wait_until(lambda: one.sent(TAKEOVER), 'the peer is asked to ask')
    assert takeover['reason'] == LEAVING
    one.tell_message(PREQ, 5, reason=LEAVING)
    wait_until(lambda: one.sent(HANDOVER), 'the handover')
    one.tell_record(MASTER, ROLE_MASTER, epoch=2)
    assert one.electd.process.wait(timeout=5) == 0
    assert one.published().flags & GONE and not one.held
    assert one.node.hbd.calls[-1] == ('Goodbye',)


def test_leaving_waits_for_nobody(world):
    one = master(world)
    one.tell_peer('lost')
    begin = time.monotonic()
    assert one.electd.kill(signal.SIGTERM) == 0
    assert time.monotonic() - begin < 2 and not one.held


def test_own_pause_voids_what_was_known(world):
    one = slave(world)
    asked = one.node.hbd.calls.count(('GetPeer',))
    one.electd.process.send_signal(signal.SIGSTOP)
    time.sleep(2 * DEAD / 1e6)
    one.tell_peer('lost')
    one.tell_peer('online')
    one.electd.process.send_signal(signal.SIGCONT)
    wait_until(lambda: one.node.hbd.calls.count(('GetPeer',)) > asked, 'the peer is asked for anew')
    time.sleep(0.3)
    assert one.state() == 'slave' and not one.held


@pytest.mark.parametrize('damage', ('missing', 'corrupt'))
def test_lost_memory_listens_then_serves(world, damage):
    one = world()
    path = one.electd.state / 'state'
    path.unlink()
    if damage == 'corrupt':
        path.write_bytes(b'x' * 4096)
    one.start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    one.wait_state('master')
    assert ('missing' if damage == 'missing' else 'unreadable') in one.electd.log()


def test_decisions_come_with_their_inputs(world):
    one = slave(world)
    decisions = plain(one.electd.call('GetDecisions'))
    last = decisions[-1]
    assert (last['from'], last['to']) == ('wait-peer', 'slave')
    assert last['reason'] == 'the peer is the running master'
    assert last['inputs']['peer-record'].startswith('master, running role master, epoch 5')
    assert last['inputs']['own-carrier'] in ('up', 'unknown')


def test_first_state_must_be_known():
    assert subprocess.run([BINARY, '--first-state=other'], check=False, stderr=subprocess.PIPE).returncode == 2


def test_device_that_is_no_watchdog_is_an_error_and_not_held(world):
    one = world()
    one.settings['Watchdog'] = GLib.Variant('s', '/dev/null')
    one.start()
    wait_until(one.published, 'a record')
    errors = {error['code']: error for error in plain(one.electd.property('Errors'))}
    assert 'ioctl' in errors['watchdog-away']['message'] and 'Watchdog=' in errors['watchdog-away']['remedy']
    held = [os.readlink(link) for link in Path(f'/proc/{one.electd.process.pid}/fd').iterdir()]
    assert held and '/dev/null' not in held[3:]
