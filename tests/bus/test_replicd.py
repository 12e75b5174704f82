# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-replicd between stand-ins of confd, DRBD's tools and the service manager: what it has them do, and when. That
DRBD is as the stand-in plays it is shown on real disks, by tests/vm."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
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

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


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


def test_orders_are_answered_when_the_kernel_says_so_and_repeating_them_is_harmless(node):
    for _ in range(2):
        node.daemon.call('Primary', 'tb', 1, 'false')
        assert node.volume('Role') == 'Primary'
    for _ in range(2):
        node.daemon.call('Secondary')
        assert node.volume('Role') == 'Secondary'
    node.daemon.call('Unmount')
    assert [c for c in node.systemd.calls if c[0] != 'Reload'] == []


def test_what_drbd_refuses_is_the_reason_that_electd_hears(node):
    node.put('fail-drbdsetup', '0: State change failed: (-2) Need access to UpToDate data\n')
    with pytest.raises(CallError, match='Need access to UpToDate data'):
        node.daemon.call('Primary', 'tb', 1, 'false')


def test_a_lower_epoch_acquires_nothing_not_even_after_a_restart(node):
    node.daemon.call('Primary', 'tb', 7, 'false')
    node.daemon.call('Secondary')
    wait_until(lambda: b'\x07' in (node.directory / 'state' / 'memory').read_bytes(), 'it remembers')
    for _ in range(2):
        for order in (('Primary', 'tb', 6, 'false'), ('Mount', 't', 6), ('Resume', 't', 6)):
            with pytest.raises(CallError, match='Epoch 6 is below 7'):
                node.daemon.call(*order)
        with pytest.raises(CallError, match='jumps too far'):
            node.daemon.call('Primary', 'tb', 8 + (1 << 32), 'false')
        node.daemon.kill()
        node.start()
    assert node.daemon.property('Epoch') == 7


def test_a_demotion_ends_a_promotion_that_hangs_before_it_demotes(node):
    node.put('hang', '')
    command = ['busctl', f'--address=unix:path={node.daemon.socket_path}', 'call', node.daemon.interface,
               node.daemon.object, node.daemon.interface, 'Primary', 'tb', '1', 'false']
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as primary:
        wait_until((node.directory / 'hanging').exists, 'the promotion hangs')
        pid = int(node.read('hanging'))
        node.daemon.call('Secondary')
        assert not pathlib.Path(f'/proc/{pid}').exists()
        assert 'a later order ended it' in primary.communicate()[1]
    assert node.calls('drbdsetup')[-1].startswith('secondary') and node.volume('Role') == 'Secondary'


def test_killed_it_finds_what_the_kernel_has_and_touches_no_disk(node):
    node.daemon.call('Primary', 'tb', 1, 'false')
    made = node.calls('drbdmeta')
    node.daemon.kill()
    node.start()
    wait_until(lambda: node.volume('Role') == 'Secondary', 'the dump of the stand-in is heard')
    assert node.calls('drbdmeta') == made


def test_the_events_are_asked_for_again_when_they_end(node):
    os.kill(int(subprocess.run(['pgrep', '-P', str(node.daemon.process.pid), '-f', 'events2|tail'], check=True,
                               capture_output=True, text=True).stdout.split()[0]), signal.SIGKILL)
    wait_until(lambda: "DRBD's events ended" in node.daemon.log(), 'it notices')
    node.tell('change device name:hapair volume:0 minor:0 disk:Failed')
    wait_until(lambda: node.volume('DiskState') == 'Failed', 'it hears again')


def test_a_broken_connection_is_made_again_and_a_split_brain_is_not(node):
    gone = 'change connection name:hapair peer-node-id:0 conn-name:peer connection:{} role:Unknown'
    n = len(node.calls('drbdadm'))
    node.tell(gone.format('StandAlone'))
    wait_until(lambda: len(node.calls('drbdadm')) > n, 'it connects again')
    assert node.calls('drbdadm')[-1].endswith('adjust hapair')
    wait_until(node.up, 'it is connected')
    n = len(node.calls('drbdadm'))
    node.tell('call helper name:hapair peer-node-id:0 conn-name:peer helper:split-brain',
              gone.format('Disconnecting'), gone.format('StandAlone'))
    wait_until(lambda: node.volume('SplitBrain') == 'true', 'it is noticed')
    node.daemon.kill()
    node.daemon.start()
    assert len(node.calls('drbdadm')) <= n + 1  # the set-up of the new one; the keeper stays away


def test_left_is_left_until_it_is_asked_to_connect(node):
    node.daemon.call('Leave')
    assert node.calls('drbdsetup')[-2:] == ['disconnect ipv4:192.0.2.11:7788 ipv4:192.0.2.12:7788', 'down hapair']
    n = len(node.calls('drbdadm'))
    node.change()
    node.daemon.call('Unmount')
    assert len(node.calls('drbdadm')) == n


def test_a_mount_that_fails_looks_at_the_volume_and_formats_nothing_that_has_data(node):
    node.put('disk', 'xfs\n')
    node.systemd.results['StartUnit'] = 'failed'
    with pytest.raises(CallError, match=r'cannot mount /dev/drbd0 at /srv/hapair.*xfs'):
        node.daemon.call('Mount', 't', 1)
    assert [c for c in node.systemd.calls if c[0] != 'Reload'] == [('StartUnit', 'srv-hapair.mount')]


def test_the_mounts_unit_is_there_before_it_is_needed(node):
    assert 'What=/dev/drbd0\nWhere=/srv/hapair\nType=ext4\n' in node.read('srv-hapair.mount')
    assert node.systemd.calls == [('Reload', None)]


def test_a_reset_is_the_service_managers(node):
    node.daemon.call('Reset', 's', 'I/O is stuck')
    wait_until(lambda: ('StartUnit', 'hapair-reset.service') in node.systemd.calls, 'the unit is started')


def test_a_lone_master_says_so_on_every_console_until_it_is_not_alone(node):
    node.daemon.call('Primary', 'tb', 1, 'false')
    node.tell('change connection name:hapair peer-node-id:0 conn-name:peer connection:Connecting role:Unknown')
    issue = node.directory / 'issue'
    wait_until(issue.exists, 'the banner is there', 20)
    wait_until(lambda: ('StartUnit', 'hapair-wall.service') in node.systemd.calls, 'all terminals are told')
    assert 'DO NOT REBOOT OR SWITCH OFF THIS NODE' in issue.read_text()
    assert issue.stat().st_mode & 0o777 == 0o644
    node.tell('change connection name:hapair peer-node-id:0 conn-name:peer connection:Connected role:Secondary',
              'change peer-device name:hapair peer-node-id:0 conn-name:peer volume:0 replication:Established '
              'peer-disk:UpToDate')
    wait_until(lambda: not issue.exists(), 'it is gone')
    assert node.systemd.calls.count(('StartUnit', 'hapair-wall.service')) == 1


def test_strangers_order_nothing(node):
    node.daemon.socket_path.chmod(0o666)
    for parent in (node.directory, *node.directory.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    with pytest.raises(CallError):
        node.daemon.call('Secondary', user='nobody')
    assert not [c for c in node.calls('drbdsetup') if c.startswith('secondary')]
