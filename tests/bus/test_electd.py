# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-electd between fake helpers: hbd, vipd and confd are stand-ins, and the peer's electd is this test. The
real pair is the lab's; here things are done that no healthy helper does."""

import hashlib
import os
import signal
import struct
import subprocess
import threading
import time

import pytest
from gi.repository import GLib

from daemon import BUILD, CallError, Daemon, plain, wait_until
from fakes import Node

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

KEY = bytes(range(32))
DEAD = 600_000
BINARY = BUILD / 'services' / 'electd' / 'hapair-electd'
INIT, WAIT_PEER, SLAVE, PROMOTING, MASTER = range(5)
NONE, ROLE_SLAVE, ROLE_MASTER = range(3)
PREQ, HANDOVER, REFUSED, TAKEOVER = 1, 2, 3, 4
OPERATOR, LEAVING = 10, 13
ABLE, GONE = 1 << 2, 1 << 6
PEER_INSTANCE = 4711
PEER_MAC = '02:00:00:00:00:02'


def seal(kind, data):
    return data + hashlib.blake2b(kind + data, key=KEY, digest_size=16).digest()


def unseal(kind, data):
    data = bytes(data)
    assert seal(kind, data[:-16]) == data
    return data[:-16]


class Record:
    """The state record as the wire has it."""
    LAYOUT = '<BBHQIIIII'

    def __init__(self, data):
        (self.version, packed, self.flags, self.epoch, self.instance, self.seq, self.echo, self.echo_seq,
         self.digest) = struct.unpack(self.LAYOUT, data)
        self.state, self.role = packed & 15, packed >> 4 & 3


class World:
    """One node: the real electd and what is around it."""

    def __init__(self, directory, role='master', dead=DEAD):
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        (directory / 'election').write_text(KEY.hex() + '\n')
        self.electd = Daemon('electd', directory, CREDENTIALS_DIRECTORY=str(directory))
        self.first_state('founder' if role == 'master' else 'joined')
        self.node = Node(directory)
        self.unanswered = set()
        self.settings = {'Configured': GLib.Variant('b', True), 'Active': GLib.Variant('b', True),
                         'Role': GLib.Variant('s', role), 'DeadTimeUSec': GLib.Variant('t', dead),
                         'Arbiter': GLib.Variant('s', 'paths'), 'AutoFailback': GLib.Variant('b', False),
                         'FailoverLinkDown': GLib.Variant('b', True), 'Volume': GLib.Variant('b', False)}
        self.peer = ('unknown', 0, '', 0, b'', 0, 0)
        self.held, self.epoch = False, 0
        self.prepare()
        self.loop = GLib.MainLoop()
        self.thread = threading.Thread(target=self.loop.run, daemon=True)

    def first_state(self, kind):
        subprocess.run([BINARY, f'--first-state={kind}'], check=True,
                       env={'STATE_DIRECTORY': str(self.electd.state)})

    def prepare(self):
        hbd, vipd, confd = self.node.hbd, self.node.vipd, self.node.confd
        confd.methods['GetSettings'] = lambda daemon: GLib.Variant('(a{sv})', (self.settings,))
        hbd.methods.update(
            Publish=lambda record: None, Goodbye=lambda: None, Send=lambda channel, payload: GLib.Variant('(t)', (1,)),
            GetPeer=lambda: GLib.Variant('(stst' + 'ay' + 'tt)', self.peer))
        vipd.methods.update(Acquire=self.acquire, Withdraw=self.withdraw, Announce=lambda: None, Probe=lambda on: None)
        vipd.set(Macs=['02:00:00:00:00:01'])
        vipd.add('link/eth0', 'Link', Device='eth0', Carrier=True, Primary=True, OwnAddress=True)
        vipd.add('vip/lan', 'VirtualIP', Enabled=True, Address='192.0.2.10/24', State='absent')
        answer = vipd.on_call

        def on_call(connection, sender, path, interface, method, *rest):
            if method not in self.unanswered:
                answer(connection, sender, path, interface, method, *rest)
        vipd.on_call = on_call

    def acquire(self, epoch):
        self.held, self.epoch = True, epoch
        self.node.vipd.set(Held=True, Epoch=epoch)
        return GLib.Variant('(a(ss))', ([],))

    def withdraw(self):
        self.held = False
        self.node.vipd.set(Held=False)

    def start(self):
        self.node.start('confd', 'hbd', 'vipd')
        self.thread.start()
        self.electd.start()
        return self

    def close(self):
        self.loop.quit()
        self.thread.join()
        self.node.stop()
        self.electd.close()

    # The peer, through hbd

    def signal(self, member, signature, *values):
        hbd = self.node.hbd
        for connection in hbd.open_connections():
            connection.emit_signal(None, hbd.root, hbd.name, member, GLib.Variant(signature, values))

    def tell_peer(self, state, boot='00' * 15 + '01'):
        self.peer = (state, 1, boot, 7, *self.peer[4:])
        self.signal('PeerChanged', '(ststs)', state, 1, boot, 7, 'heard')

    def tell_record(self, state, role, epoch=0, flags=ABLE, instance=PEER_INSTANCE, key=None, stale=False):
        published = self.published()
        data = struct.pack(Record.LAYOUT, 1, state | role << 4 | ROLE_SLAVE << 6, flags, epoch, instance, 2,
                           published.instance if published else 0, 1, 0)
        data = seal(b'r', data) if key is None else data + bytes(16)
        self.peer = (*self.peer[:4], data, 1, 0)
        self.signal('RecordReceived', '(tayttb)', 7, data, 1, 0, stale)

    def tell_message(self, kind, nonce, reason=OPERATOR, epoch=0):
        data = struct.pack('<BBBBBBHIIQQQQ', 1, kind, reason, 0, 0, 0, 0, PEER_INSTANCE, self.published().instance, 0,
                           nonce, epoch, 0)
        self.signal('MessageReceived', '(stay)', 'election', 7, seal(b'm', data))

    def published(self):
        calls = [c[1] for c in self.node.hbd.calls if c[0] == 'Publish']
        return Record(unseal(b'r', calls[-1])) if calls else None

    def sent(self, kind):
        """The last message of that type: its fields; None without one."""
        for call in reversed(self.node.hbd.calls):
            if call[0] == 'Send' and call[1] == 'election':
                fields = struct.unpack('<BBBBBBHIIQQQQ', unseal(b'm', call[2])[:48])
                if fields[1] == kind:
                    return dict(zip(('reason', 'result', 'nonce', 'epoch'),
                                    (fields[2], fields[3], fields[10], fields[11])))
        return None

    def orders(self):
        return [c for c in self.node.vipd.calls if c[0] in ('Acquire', 'Withdraw')]

    # electd

    def state(self):
        return self.electd.property('State')

    def wait_state(self, state, timeout=10):
        wait_until(lambda: self.state() == state, f'state {state}', timeout)

    def call_later(self, method, *arguments):
        """Calls from a thread; the outcome, '' or the error, is appended to the list that is returned."""
        outcome = []

        def run():
            try:
                self.electd.call(method, *arguments)
                outcome.append('')
            except CallError as error:
                outcome.append(str(error))
        threading.Thread(target=run, daemon=True).start()
        return outcome


@pytest.fixture
def world(tmp_path):
    made = []

    def make(**options):
        made.append(World(tmp_path / 'node', **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def master(world):
    """A lone configured master that serves, and then hears its peer as slave."""
    one = world().start()
    wait_until(one.published, 'a record')
    one.tell_peer('online')
    one.tell_record(SLAVE, ROLE_SLAVE)
    one.wait_state('master')
    return one


def slave(world):
    one = world(role='slave').start()
    wait_until(one.published, 'a record')
    one.tell_peer('online')
    one.tell_record(MASTER, ROLE_MASTER, epoch=5)
    one.wait_state('slave')
    wait_until(lambda: one.orders() == [('Withdraw',)], 'vipd is told what is wanted')
    return one


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
