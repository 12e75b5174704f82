# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-svcmand on a bus of its own, with a stand-in for systemd: what it asks of it and what it answers electd.
With the real systemd it is in tests/lab/test_services.py."""

import json
import os
import subprocess
import threading

import pytest
from gi.repository import Gio, GLib

from daemon import CallError, Daemon, plain, wait_until
from fakes import Fake

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

SYSTEMD = 'org.freedesktop.systemd1'
ROOT = '/org/freedesktop/systemd1'
INTERFACES = Gio.DBusNodeInfo.new_for_xml('''<node>
  <interface name="org.freedesktop.systemd1.Manager">
    <method name="Subscribe"/>
    <method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="o" direction="out"/></method>
    <method name="StopUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="o" direction="out"/></method>
    <method name="KillUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="i" direction="in"/></method>
    <method name="ResetFailedUnit"><arg type="s" direction="in"/></method>
    <method name="GetUnitProcesses"><arg type="s" direction="in"/><arg type="a(sus)" direction="out"/></method>
  </interface>
  <interface name="org.freedesktop.systemd1.Unit">
    <property name="Id" type="s" access="read"/>
    <property name="LoadState" type="s" access="read"/>
    <property name="ActiveState" type="s" access="read"/>
    <property name="UnitFileState" type="s" access="read"/>
    <property name="Job" type="(uo)" access="read"/>
  </interface>
</node>''')
MANAGER, UNIT = INTERFACES.interfaces


class Systemd:
    """Obeys at once, unless a unit is among those that do not."""

    def __init__(self, address, units):
        self.state = dict.fromkeys(units, 'inactive')
        self.load = dict.fromkeys(units, 'loaded')
        self.broken, self.silent, self.calls, self.alias = set(), False, [], {}
        self.stubborn = None      # the error that all calls about processes end with
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.bus.register_object(ROOT, MANAGER, self.on_call, None, None)
        for unit in units:
            self.bus.register_object(self.path(unit), UNIT, None, self.on_get, None)
        Gio.bus_own_name_on_connection(self.bus, SYSTEMD, Gio.BusNameOwnerFlags.NONE, None, None)

    @staticmethod
    def path(unit):
        return ROOT + '/unit/' + ''.join(c if c.isalnum() else f'_{ord(c):02x}' for c in unit)

    def on_get(self, connection, sender, path, interface, name):
        unit = next(u for u in self.state if self.path(u) == path)
        return {'Id': GLib.Variant('s', self.alias.get(unit, unit)), 'LoadState': GLib.Variant('s', self.load[unit]), 'ActiveState': GLib.Variant('s', self.state[unit]),
                'UnitFileState': GLib.Variant('s', 'disabled'), 'Job': GLib.Variant('(uo)', (0, '/'))}[name]

    def become(self, unit, state):
        self.state[unit] = state
        self.bus.emit_signal(None, self.path(unit), 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                             GLib.Variant('(sa{sv}as)', (UNIT.name, {'ActiveState': GLib.Variant('s', state)}, [])))

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        values = arguments.unpack()
        if self.silent:
            return
        if method == 'GetUnitProcesses':
            if self.stubborn:
                invocation.return_dbus_error(self.stubborn, 'not now')
                return
            invocation.return_value(GLib.Variant('(a(sus))', ([],)))
            return
        self.calls.append((method, *values[:1]))
        if method in ('StartUnit', 'StopUnit'):
            started = 'failed' if values[0] in self.broken else 'active'
            self.become(values[0], started if method == 'StartUnit' else 'inactive')
            invocation.return_value(GLib.Variant('(o)', (ROOT + '/job/1',)))
        else:
            invocation.return_value(None)

    def asked(self, method):
        return [call[1] for call in self.calls if call[0] == method]


def service(name, start, *units, **more):
    row = {'Name': GLib.Variant('s', name), 'Start': GLib.Variant('s', start), 'Units': GLib.Variant('as', units),
           'Description': GLib.Variant('s', 'A test'), 'Order': GLib.Variant('t', 50),
           'StartLimitUSec': GLib.Variant('t', 5_000_000), 'StopLimitUSec': GLib.Variant('t', 1_000_000),
           'SettleUSec': GLib.Variant('t', 0), 'MaxFailures': GLib.Variant('t', 2),
           'FailureWindowUSec': GLib.Variant('t', 60_000_000)}
    return row | more


class World:
    def __init__(self, directory):
        self.address = f'unix:path={directory}/bus'
        self.broker = subprocess.Popen(['dbus-daemon', '--session', '--nofork', f'--address={self.address}',
                                        '--print-address=1'], stdout=subprocess.PIPE)
        self.broker.stdout.readline()
        self.systemd = Systemd(self.address, ['vpn@a.service', 'web.service', 'gone.service'])
        self.services = [service('vpn', 'master', 'vpn@a.service'), service('web', 'slave', 'web.service')]
        self.confd = Fake('confd')
        self.confd.methods['GetSettings'] = lambda daemon: GLib.Variant('(a{sv})', ({
            'Configured': GLib.Variant('b', True), 'Services': GLib.Variant('aa{sv}', self.services)},))
        self.server = Gio.DBusServer.new_sync(f'unix:path={directory}/confd.socket', Gio.DBusServerFlags.NONE,
                                              Gio.dbus_generate_guid(), None, None)
        self.server.connect('new-connection', lambda server, connection: self.confd.serve(connection) or True)
        self.server.start()
        self.loop = GLib.MainLoop()
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()
        self.svcmand = Daemon('svcmand', directory, DBUS_SYSTEM_BUS_ADDRESS=self.address)

    def start(self):
        self.svcmand.start()
        wait_until(lambda: self.svcmand.property('SystemdReachable'), 'systemd is there')
        wait_until(lambda: self.svcmand.property('Health') != 'unknown', 'the settings are there')
        return self

    def of(self, name):
        path = f'{self.svcmand.object}/service/{name}'
        text = self.svcmand.busctl('call', self.svcmand.interface, path, 'org.freedesktop.DBus.Properties', 'GetAll', 's',
                                   self.svcmand.interface + '.Service')
        return plain(json.loads(text)['data'][0])

    def state(self, name):
        return self.of(name)['State']

    def close(self):
        self.svcmand.close()
        self.loop.quit()
        self.thread.join()
        self.server.stop()
        if not self.systemd.bus.is_closed():
            self.systemd.bus.close_sync(None)
        self.broker.kill()
        self.broker.wait()
        self.broker.stdout.close()


@pytest.fixture
def world(tmp_path):
    one = World(tmp_path)
    yield one
    one.close()


def test_introspection_equals_the_xml(world):
    assert world.start().svcmand.introspect() == world.svcmand.documented()


def test_nothing_is_touched_before_an_order(world):
    world.systemd.state['vpn@a.service'] = 'active'
    world.start()
    assert (world.svcmand.property('Role'), world.state('vpn')) == ('unknown', 'unknown')
    assert world.systemd.asked('StopUnit') == world.systemd.asked('StartUnit') == []


def test_start_answers_when_the_services_are_ready_and_stop_when_none_is_left(world):
    assert world.start().svcmand.call('Start', 'tb', 3, 'false') == []
    assert (world.state('vpn'), world.state('web'), world.svcmand.property('Epoch')) == ('running', 'stopped', 3)
    assert world.svcmand.call('Stop') == []
    assert (world.state('vpn'), world.svcmand.property('Role')) == ('stopped', 'none')
    world.svcmand.call('SetSlave', 'b', 'true')
    wait_until(lambda: world.state('web') == 'running', 'the slave has its own')
    with pytest.raises(CallError, match='below 3'):
        world.svcmand.call('Start', 'tb', 2, 'false')


def test_strangers_are_refused(world):
    world.start()
    for arguments in (('Start', 'tb', 1, 'false'), ('Stop',), ('SetSlave', 'b', 'true'), ('SetMaintenance', 'b', 'true')):
        with pytest.raises(CallError):
            world.svcmand.call(*arguments, user=65534)
    assert world.svcmand.property('Role') == 'unknown'


def test_a_start_that_fails_says_which_and_why(world):
    world.systemd.broken.add('vpn@a.service')
    with pytest.raises(CallError, match='Service vpn: vpn@a.service does not run'):
        world.start().svcmand.call('Start', 'tb', 1, 'false')


def test_a_missing_unit_is_a_problem_before_it_is_needed(world):
    world.systemd.load['vpn@a.service'] = 'not-found'
    world.start().svcmand.call('Stop')
    assert world.of('vpn')['State'] == 'missing'
    assert 'This node has no unit vpn@a.service' in world.of('vpn')['Problem']


def test_another_name_of_a_unit_is_a_problem_before_it_is_needed(world):
    world.systemd.alias['vpn@a.service'] = 'real.service'
    world.start().svcmand.call('Stop')
    assert world.of('vpn')['State'] == 'missing'
    assert 'vpn@a.service is only another name of a unit' in world.of('vpn')['Problem']


def test_what_runs_on_without_its_file_is_stopped_all_the_same(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    world.systemd.load['vpn@a.service'] = 'not-found'
    assert world.svcmand.call('Stop') == []
    assert world.systemd.state['vpn@a.service'] == 'inactive'


def test_an_answer_that_tells_nothing_of_a_unit_is_no_word_that_it_is_down(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    world.systemd.stubborn = 'org.freedesktop.DBus.Error.LimitsExceeded'
    ((name, why),) = world.svcmand.call('Stop')
    assert name == 'vpn' and 'cannot be stopped' in why
    world.systemd.stubborn = None
    wait_until(lambda: world.systemd.state['vpn@a.service'] == 'inactive', 'it follows', 15)


def test_in_maintenance_what_somebody_does_by_hand_stays(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    world.svcmand.call('SetMaintenance', 'b', 'true')
    world.systemd.become('vpn@a.service', 'inactive')
    world.systemd.become('web.service', 'active')
    wait_until(lambda: (world.state('vpn'), world.state('web')) == ('stopped', 'running'), 'it is seen')
    assert 'left alone until the end of maintenance starts it' in world.of('vpn')['Problem']
    assert 'left alone until the end of maintenance stops it' in world.of('web')['Problem']
    assert world.systemd.asked('StartUnit') == ['vpn@a.service'] and not world.systemd.asked('StopUnit')
    world.svcmand.call('SetMaintenance', 'b', 'false')
    wait_until(lambda: (world.state('vpn'), world.state('web')) == ('running', 'stopped'), 'all is in its place')
    assert world.of('vpn')['Failures'] == 0


def test_a_stray_is_stopped_and_told(world):
    world.start().svcmand.call('Stop')
    world.systemd.become('vpn@a.service', 'active')
    wait_until(lambda: world.systemd.asked('StopUnit') == ['vpn@a.service'], 'it is stopped')
    wait_until(lambda: 'runs here, where it is not placed' in world.svcmand.log(), 'it is told')


def test_what_ends_is_started_again_and_too_often_is_bad(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    for n in (2, 3):
        world.systemd.become('vpn@a.service', 'failed')
        wait_until(lambda n=n: len(world.systemd.asked('StartUnit')) == n, 'started again')
        wait_until(lambda: world.state('vpn') == 'running', 'it runs again')
    assert world.svcmand.property('Health') == 'bad'
    assert world.of('vpn')['Failures'] == 2


def test_killed_it_leaves_everything_as_it_is(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    before = list(world.systemd.calls)
    world.svcmand.kill()
    world.start()
    assert world.svcmand.property('Role') == 'unknown'
    assert [c for c in world.systemd.calls[len(before):] if c[0] != 'Subscribe'] == []
    assert world.svcmand.call('Start', 'tb', 1, 'false') == []
    assert world.systemd.asked('StartUnit') == ['vpn@a.service']


def test_without_an_answer_of_systemd_orders_are_deferred_and_followed_later(world):
    world.start()
    world.systemd.silent = True
    deferred = dict(world.svcmand.call('Start', 'tb', 1, 'false'))
    assert 'it cannot be started' in deferred['vpn'] and 'it may run here and cannot be stopped' in deferred['web']
    assert not world.svcmand.property('SystemdReachable')
    world.systemd.silent = False
    wait_until(lambda: world.state('vpn') == 'running', 'it follows', 15)


def test_without_a_bus_orders_are_deferred(world):
    world.start().svcmand.call('Start', 'tb', 1, 'false')
    world.broker.kill()
    wait_until(lambda: not world.svcmand.property('SystemdReachable'), 'the bus is missed')
    ((name, why),) = world.svcmand.call('Stop')
    assert name == 'vpn' and 'cannot be stopped' in why
