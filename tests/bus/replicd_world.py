# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is around a hapair-replicd under test: stand-ins of confd, DRBD's tools and the service manager. That DRBD is as
the stand-in plays it is shown on real disks, by tests/vm."""

import contextlib
import os
import pathlib
import re
import threading

import pytest
from gi.repository import Gio, GLib

import fakes
from daemon import CallError, Daemon, wait_until

STAND_IN = pathlib.Path(__file__).parent / 'drbd-stand-in'
TOOLS = ('drbdsetup', 'drbdadm', 'drbdmeta', 'hapair-probe-disk')
DISK = '/dev/full'  # it is there; nobody reads it
OTHERS_METADATA = '1234567812345678:0000000000000000:0000000000000000:0000000000000000:1:1:0:1:0:0:0'
SYSTEMD = '''<node><interface name="org.freedesktop.systemd1.Manager">
  <method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
  <method name="RestartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
  <method name="StopUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="o" direction="out"/></method>
  <method name="Reload"/>
</interface></node>'''

@pytest.fixture(scope='module', autouse=True)
def loop():
    """The stand-ins answer on a thread of their own: the tests wait for what the daemon says."""
    loop = GLib.MainLoop()
    thread = threading.Thread(target=loop.run)
    thread.start()
    yield
    loop.quit()
    thread.join()


class Systemd:
    """The service manager behind its private socket: a job ends at once, with the result that the test says."""

    def __init__(self, directory):
        self.address = f'unix:path={directory}/systemd'
        self.calls, self.results, self.jobs, self.connections = [], {}, 0, []
        self.does = lambda: None  # what a unit does before its job ends
        self.interface = Gio.DBusNodeInfo.new_for_xml(SYSTEMD).interfaces[0]
        self.server = Gio.DBusServer.new_sync(self.address, Gio.DBusServerFlags.NONE, Gio.dbus_generate_guid(), None,
                                              None)
        self.server.connect('new-connection', self.on_connection)
        self.server.start()

    def on_connection(self, server, connection):
        self.connections.append(connection)
        connection.register_object('/org/freedesktop/systemd1', self.interface, self.on_call, None, None)
        return True

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        unit = arguments.unpack()[0] if method != 'Reload' else None
        self.calls.append((method, unit))
        if method == 'Reload':
            invocation.return_value(None)
            return
        self.jobs += 1
        self.does()
        job = f'/org/freedesktop/systemd1/job/{self.jobs}'
        invocation.return_value(GLib.Variant('(o)', (job,)))
        connection.emit_signal(None, path, interface, 'JobRemoved',
                               GLib.Variant('(uoss)', (self.jobs, job, unit, self.results.get(method, 'done'))))


class Node:
    """The daemon with its surroundings."""

    def __init__(self, directory, **settings):
        self.directory = directory
        self.settings = {'Configured': True, 'Active': True, 'Role': 'master', 'Cluster': 'gw', 'DeadTimeUSec': 1000000,
                         'Enabled': True, 'Resource': 'hapair', 'Device': '/dev/drbd0', 'MountPoint': '/srv/hapair',
                         'FileSystem': 'ext4', 'Own': '192.0.2.11', 'Peer': '192.0.2.12', 'Port': 7788, 'Disk': DISK,
                         'PeerDisk': DISK, 'SyncRateKiB': 40960, **settings}
        for name in ('calls', 'proc'):
            (directory / name).touch()
        for tool in TOOLS:
            (directory / tool).symlink_to(STAND_IN)
        self.put('events', 'exists -\n')
        self.put('disk', 'blank\n')
        self.others = fakes.Node(directory)
        self.others.confd.methods['GetSettings'] = lambda daemon: GLib.Variant('(a{sv})', (self.variants(),))
        self.others.start('confd')
        self.systemd = Systemd(directory)
        self.daemon = Daemon('replicd', directory, STAND_IN=str(directory), PATH=f'{directory}:{os.environ["PATH"]}',
                             HAPAIR_LIBEXEC_DIR=str(directory), HAPAIR_PROC_DRBD=str(directory / 'proc'),
                             HAPAIR_DRBD_RESOURCE=str(directory / 'hapair.res'), HAPAIR_UNIT_DIR=str(directory), HAPAIR_ISSUE=str(directory / 'issue'),
                             HAPAIR_SYSTEMD_ADDRESS=self.systemd.address)

    def variants(self):
        types = {bool: 'b', str: 's'}
        return {name: GLib.Variant({'Port': 'q'}.get(name) or types.get(type(value), 't'), value)
                for name, value in self.settings.items()}

    def put(self, name, text):
        (self.directory / name).write_text(text)

    def read(self, name):
        return (self.directory / name).read_text()

    def calls(self, tool):
        """What was asked of a tool, without its options; for the identifiers drbdsetup is asked at any time."""
        calls = [' '.join(w for w in line.split()[1:] if not w.startswith('-'))
                for line in self.read('calls').splitlines() if line.startswith(tool + ' ')]
        return [c for c in calls if tool != 'drbdsetup' or not c.startswith('get-gi')]

    def volume(self, name):
        interface = 'org.hapair.Replication1'
        text = self.daemon.busctl('get-property', interface, f'/{interface.replace(".", "/")}/volume/hapair',
                                  interface + '.Volume', name)
        return re.search(r'"data":(.*)}', text)[1].strip('"')

    def tell(self, *lines):
        """The kernel says."""
        with open(self.directory / 'events', 'a', encoding='ascii') as f:
            f.write(''.join(line + '\n' for line in lines))

    def remembers_a_disk(self):
        """The tenth number of a slot of its memory."""
        memory = (self.directory / 'state' / 'memory').read_bytes()
        return any(memory[i:i + 8] == b'\x01' + bytes(7) and memory[i + 72:i + 80] == b'\x01' + bytes(7)
                   for i in range(0, len(memory) - 80, 8))

    def start(self, connected=True):
        self.daemon.start()
        if not connected:
            wait_until(lambda: [c for c in self.calls('drbdadm') if 'adjust' in c], 'it is set up')
            return self
        wait_until(lambda: self.up() or self.problem(), 'it is set up, or says why not')
        return self

    def up(self):
        try:
            return self.volume('Connection') == 'Connected'
        except CallError:
            return False

    def problem(self):
        try:
            return self.daemon.property('Problem')
        except CallError:
            return ''

    def change(self, **settings):
        self.settings.update(settings)
        fake = self.others.confd
        for connection in fake.open_connections():
            connection.emit_signal(None, fake.root, fake.name, 'SettingsChanged', None)

    def close(self):
        self.daemon.close()
        with contextlib.suppress(GLib.Error):  # the loop's thread may notice first that the daemon has gone
            self.others.stop()
        self.systemd.server.stop()


@pytest.fixture
def new(tmp_path):
    nodes = []

    def make(**settings):
        nodes.append(Node(tmp_path, **settings))
        return nodes[-1]
    yield make
    for node in nodes:
        node.close()


@pytest.fixture
def node(new):
    return new().start()
