# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-vipd on a real kernel: a node, a client and an intruder, each in a network of its own, on one switch."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import time

import pytest

from daemon import CallError, Daemon, plain, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

CONFIG = '''[General]
Cluster=gw
MasterAddress=192.0.2.11/24
SlaveAddress=192.0.2.12/24
Gateway=192.0.2.1
[Heartbeat]
DeadTimeSec={dead}
Serial=no
[Replication]
Enabled=no
[VirtualIP lan]
Enabled={enabled}
Address=192.0.2.10
Aliases={aliases}
MasterAddress=192.0.2.11
SlaveAddress=192.0.2.12
'''
ALIASES = ('192.0.2.20', '2001:db8::10')
HELD = {'192.0.2.10/32', '192.0.2.20/32', '2001:db8::10/128'}


class Host:
    """A machine on the switch: its one device is `lan`."""

    def __init__(self, network, switch, addresses):
        self.pid = network.pid
        self.port = f'p{self.pid}'
        switch('ip', 'link', 'add', self.port, 'type', 'veth', 'peer', 'name', 'lan', 'netns', str(self.pid))
        switch('ip', 'link', 'set', self.port, 'master', 'switch', 'up')
        self.run('ip', 'link', 'set', 'lan', 'up')
        for address in addresses:
            self.add(address)

    def run(self, *command, **options):
        return subprocess.run(['nsenter', '-t', str(self.pid), '-n', *command], check=True, capture_output=True,
                              text=True, **options).stdout

    def add(self, address):
        self.run('ip', 'address', 'add', address, 'dev', 'lan', *(['nodad'] if ':' in address else []))

    def delete(self, address):
        self.run('ip', 'address', 'del', address, 'dev', 'lan')

    def addresses(self):
        """Global addresses with their prefix lengths and flags, by text."""
        found = {}
        for link in json.loads(self.run('ip', '-j', 'address', 'show', 'dev', 'lan')):
            for a in link['addr_info']:
                if a['scope'] == 'global':
                    found[f"{a['local']}/{a['prefixlen']}"] = a
        return found

    def mac(self):
        return json.loads(self.run('ip', '-j', 'link', 'show', 'dev', 'lan'))[0]['address']

    def neighbour(self, address):
        """The hardware address under which this host reaches another; None when it knows none."""
        for entry in json.loads(self.run('ip', '-j', 'neighbour', 'show', address, 'dev', 'lan') or '[]'):
            if 'lladdr' in entry and entry['state'] != ['FAILED']:
                return entry['lladdr']
        return None

    def reaches(self, address):
        """Somebody with that address refuses a connection to a port that nobody listens on."""
        code = f'import socket; socket.create_connection(("{address}", 9), 1)'
        command = ['nsenter', '-t', str(self.pid), '-n', '/usr/bin/python3', '-c', code]
        return 'ConnectionRefused' in subprocess.run(command, check=False, capture_output=True, text=True).stderr


class Node:
    """vipd, and the real confd that gives it its settings."""

    def __init__(self, directory):
        self.conf = directory / 'hapair.conf'
        self.vipd = Daemon('vipd', directory, RUNTIME_DIRECTORY=str(directory))
        self.confd = Daemon('confd', directory, neighbour=self.vipd, HAPAIR_CONFIG_DIR=str(directory))
        self.host = None

    def configure(self, aliases=ALIASES, enabled='yes', dead='0.3'):
        self.conf.write_text(CONFIG.format(aliases=';'.join(aliases), enabled=enabled, dead=dead))
        if self.confd.process:
            self.confd.process.send_signal(signal.SIGHUP)

    def start(self):
        self.confd.start()
        self.vipd.start()
        wait_until(lambda: 'lan' in self.vips(), 'the settings arrive')

    def close(self):
        self.confd.close()
        self.vipd.close()

    def order(self, method, *arguments):
        return plain(self.vipd.call(method, *arguments))

    def acquire(self, epoch=1):
        return self.order('Acquire', 't', epoch)

    def objects(self, kind):
        """The children of one kind with their properties, by name, as the object manager lists them."""
        v = self.vipd
        text = v.busctl('call', v.interface, v.object, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
        found = {}
        for path, interfaces in plain(json.loads(text)['data'][0]).items():
            if path.startswith(f'{v.object}/{kind}/'):
                found[path.rsplit('/', 1)[1]] = {k: p for i in interfaces.values() for k, p in i.items()}
        return found

    def vips(self):
        return self.objects('vip')

    def state(self, vip='lan'):
        return self.vips()[vip]['State']

    def held(self):
        return set(self.host.addresses()) & (HELD | {'192.0.2.10/24'})

    def check_held(self, expected=HELD):
        wait_until(lambda: self.held() == expected, f'{expected} are in the kernel, not {self.held()}')

    @contextlib.contextmanager
    def signals(self):
        """Collects the daemon's signals as (member, arguments)."""
        v = self.vipd
        found = []
        monitor = subprocess.Popen(['busctl', f'--address=unix:path={v.socket_path}', '--json=short', 'monitor'],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            yield found
        finally:
            monitor.kill()
            monitor.wait()


@pytest.fixture
def net(tmp_path):
    """A switch; call it to put a new host on it."""
    with contextlib.ExitStack() as stack:
        def network():
            process = stack.enter_context(subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec sleep inf'],
                                                           stdout=subprocess.PIPE))
            stack.callback(process.kill)
            process.stdout.readline()
            return process

        switch = network()

        def at_switch(*command):
            subprocess.run(['nsenter', '-t', str(switch.pid), '-n', *command], check=True)

        at_switch('ip', 'link', 'add', 'switch', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0')
        at_switch('ip', 'link', 'set', 'switch', 'up')

        def host(*addresses, process=None):
            return Host(process or network(), at_switch, addresses)

        host.switch = at_switch
        yield host


@pytest.fixture
def node(tmp_path, net):
    node = Node(tmp_path)
    try:
        node.host = net('192.0.2.11/24', '2001:db8::11/64', process=node.vipd.network)
        node.configure()
        node.start()
        yield node
    finally:
        print(node.vipd.log(), node.confd.log())
        node.close()


@pytest.fixture
def client(net):
    return net('192.0.2.9/24', '2001:db8::9/64')


@pytest.fixture
def intruder(net):
    return net('192.0.2.66/24', '2001:db8::66/64')


def test_introspection_equals_the_interface(node):
    assert node.vipd.introspect() == node.vipd.documented()


def test_nothing_is_held_before_the_order(node):
    assert node.held() == set()
    assert node.state() == 'absent'
    assert node.vipd.property('Held') is False


def test_acquire_holds_all_and_withdraw_leaves_nothing(node, client):
    assert node.acquire() == []
    assert node.held() == HELD  # not later: the answer says that it is done
    assert node.state() == 'held'
    for address in ('192.0.2.10', '192.0.2.20', '2001:db8::10'):
        assert client.reaches(address)
    node.order('Withdraw')
    assert node.held() == set()
    assert node.state() == 'absent'
    assert set(node.host.addresses()) == {'192.0.2.11/24', '2001:db8::11/64'}


def test_client_learns_the_new_holder_at_once(node, client, intruder):
    """A fresh entry for another host's hardware address is replaced by the announcement alone."""
    for address in ('192.0.2.10/24', '2001:db8::10/64'):
        intruder.add(address)
    for address in ('192.0.2.10', '2001:db8::10'):
        assert client.reaches(address)
        assert client.neighbour(address) == intruder.mac()
    for address in ('192.0.2.10/24', '2001:db8::10/64'):
        intruder.delete(address)
    node.acquire()
    for address in ('192.0.2.10', '2001:db8::10'):
        wait_until(lambda: client.neighbour(address) == node.host.mac(), 'the client switched over', 0.5)
        assert client.reaches(address)
