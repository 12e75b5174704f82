# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node with vipd on a real kernel, and other hosts, each in a network of its own, on one switch: fixtures."""

import contextlib
import json
import signal
import subprocess

import pytest
from gi.repository import Gio, GLib

from daemon import Daemon, plain, wait_until

CONFIG = '''[General]
Cluster=gw
MasterAddress=10.77.0.11/16
SlaveAddress=10.77.0.12/16
Gateway=10.77.0.1
[Heartbeat]
DeadTimeSec={dead}
Serial=no
[Replication]
Enabled=no
[VirtualIP lan]
Enabled={enabled}
Address=10.77.0.10
Aliases={aliases}
MasterAddress=10.77.0.11
SlaveAddress=10.77.0.12
'''
ALIASES = ('10.77.0.20', '2001:db8::10')
HELD = {'10.77.0.10/32', '10.77.0.20/32', '2001:db8::10/128'}


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
        return set(self.host.addresses()) & (HELD | {'10.77.0.10/16'})

    def check_held(self, expected=HELD):
        wait_until(lambda: self.held() == expected, f'{expected} are in the kernel, not {self.held()}')

    def link(self):
        return self.objects('link')['lan']


class Caller:
    """A connection that stays: it collects the daemon's signals and can call without a process for each."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.signals = []
        self.connection = Gio.DBusConnection.new_for_address_sync(
            f'unix:path={daemon.socket_path}', Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        self.connection.add_filter(self.on_message)
        self.call('Get', GLib.Variant('(ss)', (daemon.interface, 'Held')), 'org.freedesktop.DBus.Properties')

    def on_message(self, connection, message, incoming):
        if incoming and message.get_message_type() == Gio.DBusMessageType.SIGNAL:
            body = message.get_body()
            self.signals.append((message.get_member(), *(body.unpack() if body else ())))
        return message

    def call(self, method, arguments=None, interface=None):
        return self.connection.call_sync(None, self.daemon.object, interface or self.daemon.interface, method,
                                         arguments, None, Gio.DBusCallFlags.NONE, 5000, None).unpack()

    def expect(self, *signal):
        """The signal has come, or does within the time limit; its arguments from the given ones on."""
        return wait_until(lambda: next((s for s in self.signals if s[:len(signal)] == signal), None),
                          f'{signal} among {self.signals}')


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
        node.host = net('10.77.0.11/16', '2001:db8::11/64', process=node.vipd.network)
        node.configure()
        node.start()
        yield node
    finally:
        print(node.vipd.log(), node.confd.log())
        node.close()


@pytest.fixture
def client(net):
    return net('10.77.0.9/16', '2001:db8::9/64')


@pytest.fixture
def intruder(net):
    return net('10.77.0.66/16', '2001:db8::66/64')


@pytest.fixture
def caller(node):
    return Caller(node.vipd)
