# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is around an electd under test: stand-ins for its helpers, and the peer's electd, which is the test."""

import hashlib
import struct
import subprocess
import threading

import pytest
from gi.repository import GLib

from daemon import BUILD, CallError, Daemon, wait_until
from fakes import Node

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

    def __init__(self, directory, role='master', dead=DEAD, **environment):
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        (directory / 'election').write_text(KEY.hex() + '\n')
        self.electd = Daemon('electd', directory, CREDENTIALS_DIRECTORY=str(directory), **environment)
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

    def tell_message(self, kind, nonce, reason=OPERATOR, epoch=0, since=0, generation=0, flags=0):
        data = struct.pack('<BBBBBBHIIQQQQ', 1, kind, reason, 0, flags, 0, 0, PEER_INSTANCE,
                           self.published().instance, since, nonce, epoch, generation)
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

    def make(kind=World, **options):
        made.append(kind(tmp_path / 'node', **options))
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
