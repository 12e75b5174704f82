# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hapair-hbd with their confd, each in a network of its own, joined by two cables and a serial line."""

import collections
import json
import os
import signal
import socket
import subprocess
import time

import pytest
from gi.repository import Gio, GLib

from daemon import CallError, Daemon, wait_until
from fakes import run_loop_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make a network')

CONFIG = '''[General]
Cluster={cluster}
Active=yes
MasterAddress=192.0.2.11/24
SlaveAddress=192.0.2.12/24
[Heartbeat]
DeadTimeSec={dead}
MasterSerial={tty}-master
SlaveSerial={tty}-slave
[Path six]
MasterAddress=2001:db8::11
SlaveAddress=2001:db8::12
'''
TTY = f'/dev/shm/hapair-test-{os.getpid()}-tty'  # a device has to lie in /dev
KEY = 'a5' * 32
ADDRESSES = {'master': ('192.0.2.11/24', '2001:db8::11/64'), 'slave': ('192.0.2.12/24', '2001:db8::12/64')}
HEARTBEAT = 'org.hapair.Heartbeat1'
ROOT = '/org/hapair/Heartbeat1'


class Side:
    """One node: confd and hbd, and a connection on which signals are heard."""

    def __init__(self, role, directory, key=KEY, cluster='gw', dead=1):
        self.role = role
        self.directory = directory / role
        self.directory.mkdir()
        (self.directory / 'hapair.conf').write_text(CONFIG.format(tty=TTY, cluster=cluster, dead=dead))
        (self.directory / 'heartbeat').write_text(key + '\n')
        self.confd = Daemon('confd', self.directory, HAPAIR_CONFIG_DIR=str(self.directory))
        self.hbd = Daemon('hbd', self.directory, self.confd, CREDENTIALS_DIRECTORY=str(self.directory))
        self.connection = None
        self.signals = collections.defaultdict(list)

    def start(self):
        self.confd.start()
        self.hbd.start()
        self.listen()

    def listen(self):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            f'unix:path={self.hbd.socket_path}', Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        self.connection.signal_subscribe(None, HEARTBEAT, None, ROOT, None, Gio.DBusSignalFlags.NONE,
                                         lambda c, sender, path, interface, name, arguments:
                                         self.signals[name].append(arguments.unpack()))
        self.call('GetPeer')  # signals come to who has spoken

    def hear_out(self):
        """All signals sent so far."""
        self.call('GetPeer')
        while GLib.MainContext.default().iteration(False):
            pass

    def forget(self):
        """All signals sent so far."""
        self.hear_out()
        self.signals.clear()

    def restart(self, number=signal.SIGKILL):
        self.hbd.kill(number)
        self.hbd.start()
        self.listen()

    def call(self, method, arguments=None):
        return self.connection.call_sync(None, ROOT, HEARTBEAT, method, arguments, None,
                                         Gio.DBusCallFlags.NONE, 5000, None).unpack()

    def publish(self, record):
        self.call('Publish', GLib.Variant('(ay)', (record,)))

    def send(self, channel, payload):
        return self.call('Send', GLib.Variant('(say)', (channel, payload)))[0]

    def peer_state(self):
        return self.hbd.property('PeerState')

    def counters(self):
        return self.hbd.property('Counters')

    def path(self, name, prop):
        text = self.hbd.busctl('get-property', HEARTBEAT, f'{ROOT}/path/{name}', HEARTBEAT + '.Path', prop)
        return json.loads(text)['data']

    def wait_path(self, name, state):
        wait_until(lambda: self.path(name, 'State') == state,
                   lambda: f"{self.role}'s path {name} is {state}, it is {self.path(name, 'State')}")

    def wait_peer(self, state):
        wait_until(lambda: self.peer_state() == state, f"{self.role}'s peer is {state}")

    def wait_signal(self, name, wanted):
        run_loop_until(lambda: any(wanted(*arguments) for arguments in self.signals[name]))
        return next(arguments for arguments in self.signals[name] if wanted(*arguments))

    def close(self):
        self.hbd.close()
        self.confd.close()


class Pair:
    def __init__(self, directory, **slave_options):
        self.directory = directory
        self.master = Side('master', directory)
        self.slave = Side('slave', directory, **slave_options)
        pids = [side.confd.network.pid for side in self.sides()]
        subprocess.run(['ip', 'link', 'add', 'eth0', 'netns', str(pids[0]), 'type', 'veth',
                        'peer', 'name', 'eth0', 'netns', str(pids[1])], check=True)
        for side in self.sides():
            for address in ADDRESSES[side.role]:
                side.confd.in_network('ip', 'address', 'add', address, 'dev', 'eth0', 'nodad')
            side.confd.in_network('ip', 'link', 'set', 'eth0', 'up')
        self.cable = None
        self.plug_in()

    def sides(self):
        return self.master, self.slave

    def plug_in(self):
        self.cable = subprocess.Popen(['socat', *(f'pty,raw,echo=0,link={TTY}-{side.role}'
                                                  for side in self.sides())])
        wait_until(lambda: all(os.path.exists(f'{TTY}-{side.role}') for side in self.sides()),
                   'a serial cable')

    def unplug(self):
        if self.cable:
            self.cable.terminate()
            self.cable.wait()
            self.cable = None

    def start(self):
        for side in self.sides():
            side.start()
        return self

    def online(self):
        for side in self.sides():
            side.wait_peer('online')
        return self

    def all_paths_up(self):
        for side in self.sides():
            for name in ('lan', 'six', 'serial'):
                side.wait_path(name, 'up')
        return self

    def cut(self, up=False):
        self.master.confd.in_network('ip', 'link', 'set', 'eth0', 'up' if up else 'down')

    def close(self):
        self.unplug()
        for side in self.sides():
            side.close()


@pytest.fixture(name='pair')
def make_pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def test_introspection_equals_the_xml(pair):
    pair.master.start()
    assert pair.master.hbd.introspect() == pair.master.hbd.documented()


def test_two_nodes_meet_on_every_path(pair):
    pair.start().online().all_paths_up()
    assert pair.master.hbd.property('PeerInstance') == pair.slave.hbd.property('Instance')
    assert pair.master.hbd.property('PeerBootId') == open('/proc/sys/kernel/random/boot_id').read().strip().replace('-', '')
    assert pair.master.path('lan', 'Device') == 'eth0'
    assert pair.master.path('serial', 'Kind') == 'serial'
    wait_until(lambda: pair.master.path('serial', 'RoundTrip') > 0, 'a measured round trip')
    # What was sent before the other had started is forgotten after a hundred heartbeats.
    wait_until(lambda: pair.master.path('lan', 'Loss') == 0, 'a path without loss', timeout=20)
    assert pair.master.path('lan', 'Reason') == ''
    for kind in ('forged', 'replayed', 'foreign', 'truncated'):
        assert pair.master.counters()[kind] == 0, kind


def test_record_arrives_whole_and_only_changes_are_signalled(pair):
    pair.start().online()
    record = bytes(range(48))
    pair.master.publish(record)
    instance, got, received, age, stale = pair.slave.wait_signal('RecordReceived', lambda i, r, *rest: bytes(r) == record)
    assert instance == pair.master.hbd.property('Instance')
    assert not stale
    count = len(pair.slave.signals['RecordReceived'])
    for _ in range(5):
        pair.master.publish(record)
    pair.master.publish(b'next')
    pair.slave.wait_signal('RecordReceived', lambda i, r, *rest: bytes(r) == b'next')
    assert len(pair.slave.signals['RecordReceived']) == count + 1
    assert bytes(pair.slave.call('GetPeer')[4]) == b'next'


def test_record_of_a_silent_electd_turns_stale_and_the_peer_stays_online(pair):
    pair.start().online()
    pair.master.publish(b'only once')
    pair.slave.wait_signal('RecordReceived', lambda i, r, received, age, stale: stale)
    assert pair.slave.peer_state() == 'online'
    pair.slave.forget()
    pair.master.publish(b'only once')
    pair.slave.wait_signal('RecordReceived', lambda i, r, received, age, stale: not stale)


@pytest.mark.parametrize('record', [b'', bytes(49)])
def test_record_of_a_wrong_size_is_refused(pair, record):
    pair.master.start()
    with pytest.raises(GLib.Error, match='InvalidArgs'):
        pair.master.publish(record)


def test_stranger_may_read_nothing_behind_the_private_door(pair):
    pair.master.start()
    for directory in (pair.directory, pair.directory.parent, pair.master.directory):
        directory.chmod(0o755)
    pair.master.hbd.socket_path.chmod(0o777)
    with pytest.raises(CallError):
        pair.master.hbd.call('GetPeer', user='nobody')


def test_large_message_is_delivered_once_and_acknowledged(pair):
    pair.start().online()
    payload = os.urandom(20000)
    number = pair.master.send('config', payload)
    pair.slave.wait_signal('MessageReceived', lambda channel, instance, got: bytes(got) == payload)
    assert pair.master.wait_signal('MessageDone', lambda i, delivered: i == number)[1]
    number = pair.slave.send('election', b'answer')
    pair.master.wait_signal('MessageReceived', lambda channel, instance, got: bytes(got) == b'answer')
    assert pair.slave.wait_signal('MessageDone', lambda i, delivered: i == number)[1]
    assert len(pair.slave.signals['MessageReceived']) == 1


def test_message_travels_over_the_serial_line_when_nothing_else_is_left(pair):
    pair.start().online().all_paths_up()
    pair.cut()
    pair.slave.wait_path('lan', 'lost')
    payload = os.urandom(1500)
    pair.master.send('election', payload)
    pair.slave.wait_signal('MessageReceived', lambda channel, instance, got: bytes(got) == payload)


@pytest.mark.parametrize('channel, size, error', [('gossip', 1, 'InvalidArgs'), ('config', 65537, 'InvalidArgs')])
def test_message_that_cannot_be_is_refused(pair, channel, size, error):
    pair.start().online()
    with pytest.raises(GLib.Error, match=error):
        pair.master.send(channel, bytes(size))


def test_message_without_a_peer_is_refused(pair):
    pair.master.start()
    with pytest.raises(GLib.Error, match='NoPeer'):
        pair.master.send('election', b'anybody?')


def test_stopped_peer_is_late_then_lost_and_accuses_nobody_when_it_wakes(pair):
    pair.start().online().all_paths_up()
    pair.master.hbd.process.send_signal(signal.SIGSTOP)
    pair.slave.wait_signal('PeerChanged', lambda state, heard, boot, instance, reason: state == 'late')
    pair.slave.wait_signal('PeerChanged', lambda state, heard, boot, instance, reason:
                           (state, reason) == ('lost', 'silence'))
    while GLib.MainContext.default().iteration(False):
        pass  # the stopped one cannot be asked
    pair.master.signals.clear()
    pair.master.hbd.process.send_signal(signal.SIGCONT)
    pair.master.wait_signal('Late', lambda usec: usec > 500000)
    pair.online()
    assert not [s for s in pair.master.signals['PeerChanged'] if s[0] != 'online']
    assert pair.master.counters()['late-self'] > 0


def test_one_silent_path_is_no_dead_peer(pair):
    pair.start().online().all_paths_up()
    pair.cut()
    for side in pair.sides():
        side.wait_path('six', 'down' if side is pair.master else 'lost')
        side.wait_path('serial', 'up')
        assert side.peer_state() == 'online'
    pair.cut(up=True)
    pair.master.confd.in_network('ip', 'address', 'replace', ADDRESSES['master'][1], 'dev', 'eth0', 'nodad')
    pair.all_paths_up()


def test_address_that_comes_later_brings_its_path_up(pair):
    pair.master.confd.in_network('ip', 'address', 'del', '2001:db8::11/64', 'dev', 'eth0')
    pair.start().online()
    pair.master.wait_path('six', 'down')
    assert pair.master.path('six', 'Reason') == '2001:db8::11 is not an address of this node'
    pair.master.confd.in_network('ip', 'address', 'add', '2001:db8::11/64', 'dev', 'eth0', 'nodad')
    pair.master.wait_path('six', 'up')


def test_pulled_serial_cable_is_told_and_a_new_one_taken(pair):
    pair.start().online().all_paths_up()
    pair.unplug()
    pair.master.wait_path('serial', 'down')
    assert pair.master.peer_state() == 'online'
    pair.plug_in()
    pair.all_paths_up()


def test_serial_device_in_use_is_refused_with_the_reason_and_taken_later(pair):
    getty = subprocess.Popen(['setsid', 'sh', '-c', f'exec 3<>{TTY}-master; exec sleep inf'])
    try:
        wait_until(lambda: 'sleep' in open(f'/proc/{getty.pid}/comm').read(), 'somebody on the terminal')
        pair.start().online()
        pair.master.wait_path('serial', 'down')
        assert pair.master.path('serial', 'Reason') == \
            f'{TTY}-master is in use by sleep (process {getty.pid})'
    finally:
        getty.kill()
        getty.wait()
    pair.master.wait_path('serial', 'up')


def test_killed_hbd_is_back_as_a_new_instance_before_the_peer_is_late(pair):
    pair.start().online().all_paths_up()
    before = pair.master.hbd.property('Instance')
    pair.slave.forget()
    pair.master.restart()
    state, heard, boot, instance, reason = pair.slave.wait_signal(
        'PeerChanged', lambda state, heard, boot, instance, reason: instance != before)
    assert (state, reason) == ('online', 'restart')
    assert instance == pair.master.hbd.property('Instance')
    assert [s[0] for s in pair.slave.signals['PeerChanged']] == ['online']
    pair.all_paths_up()


def test_goodbye_is_lost_at_once_until_the_next_record(pair):
    pair.start().online()
    pair.master.publish(b'leaving')
    pair.master.call('Goodbye')
    pair.slave.wait_signal('PeerChanged', lambda state, heard, boot, instance, reason:
                           (state, reason) == ('lost', 'goodbye'))
    pair.master.publish(b'still here')
    pair.slave.wait_peer('online')


def test_restart_of_hbd_alone_is_no_leaving(pair):
    pair.start().online()
    pair.master.publish(b'serving')
    pair.slave.wait_signal('RecordReceived', lambda i, r, *rest: bytes(r) == b'serving')
    pair.slave.forget()
    pair.master.restart(signal.SIGTERM)
    pair.slave.wait_signal('PeerChanged', lambda state, heard, boot, instance, reason: reason == 'restart')
    assert not [s for s in pair.slave.signals['PeerChanged'] if s[4] == 'goodbye']


def test_orderly_stop_after_goodbye_says_it_again(pair):
    pair.start().online()
    assert pair.master.hbd.kill(signal.SIGTERM) == 0
    pair.slave.wait_signal('PeerChanged', lambda state, heard, boot, instance, reason:
                           (state, reason) == ('lost', 'goodbye'))


def test_rubbish_is_counted_by_kind_and_changes_nothing(pair):
    pair.start().online().all_paths_up()
    frames = capture(pair, count=20)
    before = pair.slave.counters()
    for frame in frames:
        inject(pair, frame)                                  # replayed
        inject(pair, frame[:10])                             # truncated
        inject(pair, bytes([frame[0] ^ 0x30]) + frame[1:])   # another version
        number = int.from_bytes(frame[4:8], 'big') + 10000
        inject(pair, frame[:4] + number.to_bytes(4, 'big') + frame[8:])  # forged
    with open(f'{TTY}-master', 'wb', buffering=0) as line:
        line.write(b'\0login: root\r\n\0')

    def counted():
        after = pair.slave.counters()
        return all(after[kind] >= before[kind] + 20 for kind in ('replayed', 'truncated', 'version', 'forged')) and \
            after['garbage'] > before['garbage']
    wait_until(counted, 'all of it counted')
    assert pair.slave.peer_state() == 'online'
    assert 'Refused frames since the start' in pair.slave.hbd.log()


@pytest.mark.parametrize('kind', [0x12, 0x13])
def test_flood_of_forged_frames_loses_nobody(pair, kind):
    pair.unplug()
    pair.start().online()
    pair.slave.forget()
    frame = bytes([kind]) + capture(pair, count=1)[0][1:4] + b'\xff\xff\xff\xff' + os.urandom(60)
    before = sum(pair.slave.counters()[name] for name in ('forged', 'replayed'))
    with socket_in(pair.master, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for _ in range(100):
                sock.sendto(frame, ('192.0.2.12', 5694))
    assert sum(pair.slave.counters()[name] for name in ('forged', 'replayed')) > before + 1000
    assert pair.slave.peer_state() == 'online'
    pair.slave.hear_out()
    assert not [s for s in pair.slave.signals['PeerChanged'] if s[0] == 'lost']


def test_recording_of_a_dead_peer_does_not_revive_it(pair):
    pair.unplug()
    pair.start().online()
    frames = capture(pair, count=30)
    pair.master.hbd.kill()
    pair.slave.wait_peer('lost')
    heard = pair.slave.hbd.property('PeerLastHeard')
    for frame in frames:
        inject(pair, frame)
    wait_until(lambda: pair.slave.counters()['replayed'] >= 30, 'the recording')
    assert pair.slave.peer_state() == 'lost'
    assert pair.slave.hbd.property('PeerLastHeard') == heard


def test_another_cluster_and_another_key_are_foreign_and_forged(tmp_path):
    for number, (options, kind) in enumerate((({'cluster': 'other'}, 'foreign'), ({'key': '17' * 32}, 'unknown-key'))):
        directory = tmp_path / str(number)
        directory.mkdir()
        pair = Pair(directory, **options)
        try:
            pair.start()
            wait_until(lambda: pair.master.counters()[kind] > 3, kind)
            assert pair.master.peer_state() in ('unknown', 'lost')
            assert pair.master.hbd.property('PeerInstance') == 0
        finally:
            pair.close()


def test_other_dead_time_and_path_are_applied_live(pair):
    pair.start().online().all_paths_up()
    for side in pair.sides():
        side.forget()
        conf = side.directory / 'hapair.conf'
        text = conf.read_text()
        conf.write_text(text[:text.index('[Path six]')].replace('DeadTimeSec=1', 'DeadTimeSec=2'))
        side.confd.process.send_signal(signal.SIGHUP)
    for side in pair.sides():
        wait_until(lambda: side.hbd.property('DeadTimeUSec') == 2000000, 'another dead time')
        assert 'six' not in side.hbd.busctl('tree', '--list', HEARTBEAT)
        assert not side.signals['PeerChanged']
    assert pair.master.path('lan', 'State') == 'up'


def capture(pair, count):
    """What the master sends to the slave over the LAN, in beats."""
    with socket_in(pair.slave, socket.AF_PACKET, socket.SOCK_DGRAM, 0x0300) as tap:
        tap.settimeout(5)
        frames = []
        while len(frames) < count:
            packet = tap.recv(2048)
            if packet[0] == 0x45 and packet[9] == 17 and packet[12:16] == bytes((192, 0, 2, 11)) and packet[28] in (0x12, 0x13):
                frames.append(packet[28:])
        return frames


def inject(pair, frame):
    """From the master's node to the slave's port."""
    with socket_in(pair.master, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(frame, ('192.0.2.12', 5694))


def socket_in(side, *arguments):
    """A socket in that side's network."""
    own = os.open('/proc/self/ns/net', os.O_RDONLY)
    try:
        with open(f'/proc/{side.confd.network.pid}/ns/net') as network:
            setns(network.fileno())
        return socket.socket(*arguments)
    finally:
        setns(own)
        os.close(own)


def setns(fd):
    """os.setns() came with Python 3.12."""
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), 'setns')
