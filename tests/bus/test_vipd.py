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
from gi.repository import Gio, GLib

from daemon import CallError, Daemon, plain, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

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
    for address in ('10.77.0.10', '10.77.0.20', '2001:db8::10'):
        assert client.reaches(address)
    node.order('Withdraw')
    assert node.held() == set()
    assert node.state() == 'absent'
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_client_learns_the_new_holder_at_once(node, client, intruder):
    """A fresh entry for another host's hardware address is replaced by the announcement alone."""
    for address in ('10.77.0.10/16', '2001:db8::10/64'):
        intruder.add(address)
    for address in ('10.77.0.10', '2001:db8::10'):
        assert client.reaches(address)
        assert client.neighbour(address) == intruder.mac()
    for address in ('10.77.0.10/16', '2001:db8::10/64'):
        intruder.delete(address)
    node.acquire()
    for address in ('10.77.0.10', '2001:db8::10'):
        wait_until(lambda: client.neighbour(address) == node.host.mac(), 'the client switched over', 0.5)
        assert client.reaches(address)


def test_lower_epoch_is_refused_and_withdraw_never(node):
    node.acquire(5)
    with pytest.raises(CallError, match='below 5'):
        node.acquire(4)
    assert node.held() == HELD
    node.order('Withdraw')
    assert node.held() == set()
    with pytest.raises(CallError, match='below 5'):
        node.acquire(4)
    assert node.held() == set()


def test_stranger_is_refused(node):
    with pytest.raises(CallError):
        node.vipd.call('Withdraw', user=65534)
    with pytest.raises(CallError):
        node.vipd.call('Acquire', 't', 1, user=65534)
    assert node.held() == set()


def test_own_routes_and_source_address_stay_the_own(node, client):
    node.acquire()
    routes = json.loads(node.host.run('ip', '-j', 'route'))
    assert [(r['dst'], r['prefsrc']) for r in routes] == [('10.77.0.0/16', '10.77.0.11')]
    for target, own in (('10.77.0.9', '10.77.0.11'), ('2001:db8::9', '2001:db8::11')):
        assert json.loads(node.host.run('ip', '-j', 'route', 'get', target))[0]['prefsrc'] == own
    # An own address that goes and comes back stays the one that others see, too.
    node.host.delete('10.77.0.11/16')
    node.host.add('10.77.0.11/16')
    node.check_held()
    assert json.loads(node.host.run('ip', '-j', 'route', 'get', '10.77.0.9'))[0]['prefsrc'] == '10.77.0.11'


def test_removed_address_is_put_back_and_counted(node, client):
    node.acquire()
    for address in HELD:
        node.host.delete(address)
        node.check_held()
    assert node.vips()['lan']['Restored'] == len(HELD)
    assert 'Something removed 10.77.0.10/32 from lan' in node.vipd.log()
    assert client.reaches('10.77.0.10')


def test_flushed_device_gets_everything_back(node):
    node.acquire()
    node.host.run('ip', 'address', 'flush', 'dev', 'lan')
    node.host.add('10.77.0.11/16')
    node.check_held()


def test_device_down_and_up_keeps_them(node, client):
    node.acquire()
    node.host.run('ip', 'link', 'set', 'lan', 'down')
    wait_until(lambda: not node.link()['Carrier'], 'the link is seen down')
    node.host.run('ip', 'link', 'set', 'lan', 'up')
    node.host.add('2001:db8::11/64')  # the kernel has dropped it, as every IPv6 address
    node.check_held()
    wait_until(lambda: client.reaches('2001:db8::10'), 'IPv6 answers again')
    assert client.reaches('10.77.0.10')


def test_recreated_device_gets_them_again(node, net, client):
    node.acquire()
    node.host.run('ip', 'link', 'delete', 'lan')
    wait_until(lambda: node.state() == 'no-device', 'the device is missed')
    assert '10.77.0.11' in node.vips()['lan']['Reason']
    node.host = net('10.77.0.11/16', '2001:db8::11/64', process=node.vipd.network)
    node.check_held()
    assert client.reaches('10.77.0.10')


def test_no_device_is_told_in_the_answer_and_healed_later(node):
    node.host.delete('10.77.0.11/16')
    wait_until(lambda: node.state() == 'no-device', 'the own address is missed')
    (name, reason), = node.acquire()
    assert name == 'lan' and '10.77.0.11' in reason
    node.host.add('10.77.0.11/16')
    node.check_held()


def test_unheld_virtual_ip_is_removed_at_once(node):
    for address in ('10.77.0.10/16', '2001:db8::10/128'):
        node.host.add(address)
        node.check_held(set())
    assert 'The virtual IP 10.77.0.10/16 is on lan without an order' in node.vipd.log()


def test_foreign_addresses_are_never_touched(node):
    node.host.add('10.77.0.77/16')
    node.acquire()
    node.order('Withdraw')
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64', '10.77.0.77/16'}


def test_killed_daemon_leaves_addresses_and_the_next_takes_them_over(node, client):
    node.acquire(3)
    node.vipd.kill()
    assert node.held() == HELD
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    assert node.held() == HELD
    assert (node.vipd.property('Held'), node.vipd.property('Epoch')) == (True, 3)
    with pytest.raises(CallError, match='below 3'):
        node.acquire(2)
    assert node.acquire(3) == []
    time.sleep(2.5)  # longer than addresses are kept without an order
    assert node.held() == HELD
    assert node.vips()['lan']['Restored'] == 0


def test_killed_daemon_without_a_new_order_leaves_nothing_behind(node):
    node.acquire()
    node.vipd.kill()
    node.vipd.start()
    assert node.held() == HELD
    node.check_held(set())
    assert node.vipd.property('Held') is False
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_addresses_no_longer_configured_are_cleaned_after_a_crash(node):
    node.acquire()
    node.vipd.kill()
    node.configure(aliases=())
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    node.acquire()
    node.check_held({'10.77.0.10/32'})


def test_order_before_the_settings_waits_for_them(node):
    node.acquire()
    node.confd.kill()
    node.vipd.kill()
    node.vipd.start()
    with subprocess.Popen(['busctl', f'--address=unix:path={node.vipd.socket_path}', 'call', node.vipd.interface,
                           node.vipd.object, node.vipd.interface, 'Acquire', 't', '1'],
                          stdout=subprocess.PIPE) as order:
        time.sleep(0.3)
        assert order.poll() is None
        assert node.held() == HELD
        node.confd.start()
        assert order.wait(10) == 0
    assert node.held() == HELD
    assert node.vips()['lan']['Restored'] == 0


def test_stop_leaves_nothing_behind(node):
    node.acquire()
    assert node.vipd.kill(signal.SIGTERM) == 0
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_settings_change_only_the_difference(node):
    node.acquire()
    node.configure(aliases=('10.77.0.21',))
    node.check_held({'10.77.0.10/32'})
    assert '10.77.0.21/32' in node.host.addresses()
    node.configure(aliases=('10.77.0.21',), enabled='no')
    wait_until(lambda: set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}, 'all are gone')
    assert node.state() == 'disabled'
    node.configure()
    node.check_held()
    assert node.vips()['lan']['Restored'] == 0


def test_another_host_answering_is_a_conflict_until_it_leaves(node, client, intruder, caller):
    node.acquire()
    time.sleep(2.5)  # past the first announcements, which ask, too
    caller.signals.clear()
    intruder.add('10.77.0.10/16')  # silent: nothing announces it
    caller.expect('Conflict', 'lan', intruder.mac(), True)
    assert node.state() == 'conflict'
    assert node.vips()['lan']['ConflictMac'] == intruder.mac()
    intruder.delete('10.77.0.10/16')
    # A last claim that its neighbours believe.
    client.run('ip', 'neighbour', 'replace', '10.77.0.10', 'lladdr', intruder.mac(), 'dev', 'lan', 'nud', 'reachable')
    caller.expect('Conflict', 'lan', intruder.mac(), False)
    wait_until(lambda: client.neighbour('10.77.0.10') == node.host.mac(), 'it is announced again')
    assert node.state() == 'held'


def test_ipv6_conflict_is_found_too(node, intruder, caller):
    node.acquire()
    intruder.add('2001:db8::10/64')
    caller.call('Announce')
    caller.expect('Conflict', 'lan', intruder.mac(), True)
    assert node.held() == HELD


def test_address_that_failed_duplicate_detection_is_added_again(node, client, intruder):
    """Something replaces it by one with duplicate detection while another host has it."""
    node.acquire()
    intruder.add('2001:db8::10/64')

    def flags():
        return node.host.addresses().get('2001:db8::10/128', {})

    node.vipd.process.send_signal(signal.SIGSTOP)
    node.host.delete('2001:db8::10/128')
    node.host.run('ip', 'address', 'add', '2001:db8::10/128', 'dev', 'lan')
    wait_until(lambda: flags().get('dadfailed'), 'the kernel gives it up')
    node.vipd.process.send_signal(signal.SIGCONT)
    wait_until(lambda: flags().get('nodad') and not flags().get('dadfailed') and not flags().get('tentative'),
               'it is there without duplicate detection')


def test_probe_tells_who_answers(node, client, intruder, caller):
    intruder.add('10.77.0.10/16')
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    caller.expect('Answered', 'lan', intruder.mac())
    before = len(caller.signals)
    wait_until(lambda: len(caller.signals) > before + 3, 'it goes on asking')
    when = caller.signals[-1][3]
    assert abs(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 - when) < 5_000_000
    caller.call('Probe', GLib.Variant('(b)', (False,)))
    assert node.held() == set()
    # The asking has told nobody that we had the address.
    assert node.host.mac() != client.neighbour('10.77.0.10')


def test_probe_leaves_neighbours_of_the_holder_alone(node, client, intruder, caller):
    intruder.add('10.77.0.10/16')
    assert client.reaches('10.77.0.10')
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    caller.expect('Answered', 'lan')
    time.sleep(0.2)
    assert client.neighbour('10.77.0.10') == intruder.mac()


def test_nobody_answers_is_silence(node, client, caller):
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    time.sleep(0.3)
    assert [s for s in caller.signals if s[0] == 'Answered'] == []


def test_carrier_is_told_at_once_and_return_is_announced(node, net, client, intruder, caller):
    node.acquire()
    assert node.link() == {'Device': 'lan', 'Carrier': True, 'Primary': True, 'OwnAddress': True,
                           'Mac': node.host.mac(), 'Since': node.link()['Since']}
    assert node.vipd.property('Macs') == [node.host.mac()]
    net.switch('ip', 'link', 'set', node.host.port, 'down')
    caller.expect('LinkChanged', 'lan', False, True, True)
    client.run('ip', 'neighbour', 'replace', '10.77.0.10', 'lladdr', intruder.mac(), 'dev', 'lan', 'nud', 'reachable')
    caller.signals.clear()
    net.switch('ip', 'link', 'set', node.host.port, 'up')
    caller.expect('LinkChanged', 'lan', True, True, True)
    wait_until(lambda: client.neighbour('10.77.0.10') == node.host.mac(), 'it is announced again')


def test_own_address_gone_is_told(node, caller):
    node.acquire()
    node.host.delete('10.77.0.11/16')
    caller.expect('LinkChanged', 'lan', True, True, False)
    assert node.held() == HELD  # service first: others may still reach it
    wait_until(lambda: '10.77.0.11' in node.vips()['lan']['Reason'], 'the reason says so')


def test_new_hardware_address_is_announced(node, client):
    node.acquire()
    assert client.reaches('10.77.0.10')
    node.host.run('ip', 'link', 'set', 'lan', 'address', '02:00:00:00:00:99')
    wait_until(lambda: client.neighbour('10.77.0.10') == '02:00:00:00:00:99', 'the client learns it', 2)
    assert node.vipd.property('Macs') == ['02:00:00:00:00:99']


def test_router_flag_tells_what_the_node_is(node, client):
    """Without it a host drops a router that takes an address over; with it, it keeps none that is not one."""
    for forwarding in ('1', '0'):
        node.host.run('sh', '-c', f'echo {forwarding} > /proc/sys/net/ipv6/conf/lan/forwarding')
        node.acquire()
        client.run('ip', 'neighbour', 'replace', '2001:db8::10', 'lladdr', '02:00:00:00:00:01', 'dev', 'lan',
                   'nud', 'stale')
        node.order('Announce')
        wait_until(lambda: client.neighbour('2001:db8::10') == node.host.mac(), 'the client learns it')
        assert ('router' in client.run('ip', 'neighbour', 'show', '2001:db8::10')) == (forwarding == '1')


def test_thousand_aliases_are_held_when_the_answer_comes(node):
    aliases = [f'10.77.{1 + n // 250}.{n % 250 + 1}' for n in range(1000)]
    node.configure(aliases=aliases)
    wait_until(lambda: len(node.vips()['lan']['Aliases']) == 1000, 'the settings arrive')
    assert node.acquire() == []
    assert len(node.host.addresses()) == 1000 + 3
    node.vipd.kill()
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    assert node.acquire() == []
    assert node.vips()['lan']['Restored'] == 0
    node.order('Withdraw')
    assert len(node.host.addresses()) == 2


def test_lost_events_are_made_good(node):
    """More events than the kernel keeps for us while we do not read."""
    node.acquire()
    node.vipd.process.send_signal(signal.SIGSTOP)
    script = ''.join(f'address add 10.{n // 200}.7.{n % 200 + 1}/32 dev lan\naddress del 10.{n // 200}.7.{n % 200 + 1}/32 dev lan\n'
                     for n in range(10000)) + ''.join(f'address del {a} dev lan\n' for a in HELD)
    node.host.run('ip', '-batch', '-', input=script)
    assert node.held() == set()
    node.vipd.process.send_signal(signal.SIGCONT)
    node.check_held()


def test_killed_in_the_middle_of_an_order_nothing_is_lost_or_left(node):
    aliases = [f'10.77.{1 + n // 250}.{n % 250 + 1}' for n in range(1000)]
    node.configure(aliases=aliases)
    wait_until(lambda: len(node.vips()['lan']['Aliases']) == 1000, 'the settings arrive')
    own = set(node.host.addresses())
    for turn in range(8):
        caller = Caller(node.vipd)
        caller.connection.call(None, node.vipd.object, node.vipd.interface, 'Withdraw' if turn % 2 else 'Acquire',
                               None if turn % 2 else GLib.Variant('(t)', (1,)), None, Gio.DBusCallFlags.NONE, 5000,
                               None, None)
        time.sleep(0.002 * turn)
        node.vipd.kill()
        node.vipd.start()
        wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
        # After the last turns comes no order: what is still up must go by itself.
        if turn < 6:
            assert node.acquire() == []
            assert len(node.host.addresses()) == len(own) + 1001
    wait_until(lambda: set(node.host.addresses()) == own, 'nothing is left behind')
