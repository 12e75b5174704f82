# SPDX-License-Identifier: LGPL-2.1-or-later
"""One real daemon behind its private door, in a network of its own, without systemd and without a system bus."""

import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree as ET

SOURCE = pathlib.Path(os.environ['HAPAIR_SOURCE_ROOT'])
BUILD = pathlib.Path(os.environ['HAPAIR_BUILD_ROOT'])


def wait_until(condition, what, timeout=10):
    """The condition's value once it is true."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f'waited {timeout} s in vain: {what}')


class CallError(Exception):
    """The daemon answered with an error; the text is its message."""


class Daemon:
    """Start it with start(); `directory` holds its socket, its state and its log. With `neighbour`, another
    daemon of the same node, it shares that one's network."""

    def __init__(self, name, directory, neighbour=None, **environment):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.socket_path = self.directory / f'{name}.socket'
        self.log_path = self.directory / f'{name}.log'
        self.state = self.directory / 'state'
        self.state.mkdir(exist_ok=True)
        self.environment = {
            'PATH': os.environ['PATH'],
            'HAPAIR_RUNTIME_DIR': str(self.directory),
            'STATE_DIRECTORY': str(self.state),
            'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={self.directory}/no-bus',
            **environment,
        }
        self.process = None
        self.interface = f'org.hapair.{INTERFACES[name]}'
        self.object = '/' + self.interface.replace('.', '/')

        # The network outlives a restart of the daemon, and so does the listening socket.
        self.neighbour = neighbour
        if neighbour:
            self.network = neighbour.network
        else:
            self.network = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'ip link set lo up; echo; exec sleep inf'],
                                            stdout=subprocess.PIPE)
            self.network.stdout.readline()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket_path))
        self.listener.listen()

    def in_network(self, *command, **options):
        return subprocess.run(['nsenter', '-t', str(self.network.pid), '-n', *command], check=True, **options)

    def start(self, user=None):
        """As the service manager does it: the socket is descriptor 3."""
        binary = BUILD / 'services' / self.name / f'hapair-{self.name}'
        fd = fcntl.fcntl(self.listener, fcntl.F_DUPFD, 10)
        run = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 {binary} 3<&{fd} {fd}<&-'
        command = ['nsenter', '-t', str(self.network.pid), '-n']
        if user:
            command += ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups']
        # pylint: disable=consider-using-with
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([*command, 'bash', '-c', run], env=self.environment, stderr=log,
                                            pass_fds=[fd])
        os.close(fd)
        return self

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.listener.close()
        if self.neighbour:
            return
        self.network.kill()
        self.network.wait()
        self.network.stdout.close()

    def log(self):
        return self.log_path.read_text()

    def busctl(self, *arguments, user=None):
        command = ['busctl', f'--address=unix:path={self.socket_path}', '--json=short', '--timeout=5', *arguments]
        if user:
            command = ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', *command]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise CallError(result.stderr.strip())
        return result.stdout

    def call(self, method, signature='', *arguments, user=None):
        """The first result, as busctl's JSON has it."""
        text = self.busctl('call', self.interface, self.object, self.interface, method,
                           *([signature, *map(str, arguments)] if signature else []), user=user)
        return json.loads(text)['data'][0] if text.strip() else None

    def property(self, name):
        return json.loads(self.busctl('get-property', self.interface, self.object, self.interface, name))['data']

    def introspect(self):
        text = json.loads(self.busctl('call', self.interface, self.object,
                                      'org.freedesktop.DBus.Introspectable', 'Introspect'))['data'][0]
        return members(ET.fromstring(text), self.interface)

    def documented(self):
        return members(ET.parse(SOURCE / 'interfaces' / f'{self.interface}.xml').getroot(), self.interface)


INTERFACES = {'confd': 'Config1', 'electd': 'Election1', 'hbd': 'Heartbeat1', 'replicd': 'Replication1',
              'svcmand': 'Service1', 'vipd': 'Address1'}


def members(root, interface):
    """Name to what matters of it, of every method, signal and property."""
    found = {}
    for node in root.iterfind(f"interface[@name='{interface}']/*"):
        if node.tag == 'annotation':
            continue
        arguments = tuple((a.get('name'), a.get('type'), a.get('direction', 'in' if node.tag == 'method' else 'out'))
                          for a in node.iterfind('arg'))
        emits = [a.get('value') for a in node.iterfind('annotation')
                 if a.get('name') == 'org.freedesktop.DBus.Property.EmitsChangedSignal']
        found[node.get('name')] = (node.tag, node.get('type'), node.get('access'), arguments,
                                   emits[0] if emits else 'true')
    return found


def plain(value):
    """busctl's {'type': …, 'data': …} taken away from around the values of dictionaries and lists."""
    if isinstance(value, dict):
        if set(value) == {'type', 'data'}:
            return plain(value['data'])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
