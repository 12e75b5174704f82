# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus policies, judged by a real dbus-daemon with several users.

The daemons' own users need not exist here: the policies are made anew for a user who does. Whether the bus
lets a call through shows in the error: AccessDenied comes from the bus, UnknownMethod from behind it.
"""

import os
import pathlib
import pwd
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

import pytest

SOURCE = pathlib.Path(os.environ['HAPAIR_SOURCE_ROOT'])
INTERFACES = sorted((SOURCE / 'interfaces').glob('org.hapair.*.xml'))
OWNER, STRANGER = 'daemon', 'nobody'
PROPERTIES = 'org.freedesktop.DBus.Properties'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can act as several users')

BUS_CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.hapair.Test.Authority"/>
  </policy>
  <policy user="root">
    <allow own="org.hapair.Test.Authority"/>
  </policy>
  <includedir>{policies}</includedir>
</busconfig>
'''

# Owns a name until its standard input ends; prints what came of it. With a second name, calls that first.
SERVICE = '''
import sys, dbus, dbus.mainloop.glib
from gi.repository import GLib
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])
try:
    bus.request_name(sys.argv[2])
    for other in sys.argv[3:]:
        bus.call_blocking(other, '/', 'org.freedesktop.DBus.Peer', 'Ping', '', (), timeout=5)
    print('ready', flush=True)
except dbus.DBusException as e:
    print(e.get_dbus_name(), flush=True)
loop = GLib.MainLoop()
GLib.io_add_watch(0, GLib.IO_HUP | GLib.IO_IN, lambda *a: loop.quit())
loop.run()
'''

CALL = '''
import sys, dbus
try:
    dbus.bus.BusConnection(sys.argv[1]).call_blocking(*sys.argv[2:6], '', (), timeout=5)
    print('answered')
except dbus.DBusException as e:
    print(e.get_dbus_name())
'''


def root_object(name):
    return '/' + name.replace('.', '/')


def methods(annotations):
    """(service, interface, method) of every method that has one of the annotations."""
    for path in INTERFACES:
        for interface in ET.parse(path).getroot().iter('interface'):
            for method in interface.iter('method'):
                if {a.get('name') for a in method.iter('annotation')} & annotations:
                    yield path.stem, interface.get('name'), method.get('name')


class Bus:
    def __init__(self, directory):
        self.address = f'unix:path={directory}/bus'
        policies = directory / 'policies'
        policies.mkdir()
        for xml in INTERFACES:
            made = subprocess.run([SOURCE / 'units/gen-dbus-policy.py', xml, OWNER], check=True,
                                  stdout=subprocess.PIPE).stdout
            (policies / (xml.stem + '.conf')).write_bytes(made)
        config = directory / 'bus.conf'
        config.write_text(BUS_CONFIG.format(socket=directory / 'bus', policies=policies))
        directory.chmod(0o755)  # strangers must reach the socket
        self.services = []
        self.daemon = subprocess.Popen(
            ['dbus-daemon', '--nofork', '--nopidfile', '--print-address', f'--config-file={config}'],
            stdout=subprocess.PIPE)
        self.daemon.stdout.readline()

    def own(self, user, name, *calls):
        service = subprocess.Popen([sys.executable, '-c', SERVICE, self.address, name, *calls], user=user,
                                   group=pwd.getpwnam(user).pw_gid, extra_groups=[], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.services.append(service)
        return service.stdout.readline().strip()

    def call(self, user, name, path, interface, method):
        return subprocess.run([sys.executable, '-c', CALL, self.address, name, path, interface, method],
                              user=user, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def close(self):
        for service in self.services:
            service.stdin.close()
            service.wait()
        self.daemon.terminate()
        self.daemon.wait()


@pytest.fixture(scope='module')
def bus():
    with tempfile.TemporaryDirectory() as directory:
        bus = Bus(pathlib.Path(directory))
        try:
            for xml in INTERFACES:
                assert bus.own(OWNER, xml.stem) == 'ready'
            yield bus
        finally:
            bus.close()


DENIED = 'org.freedesktop.DBus.Error.AccessDenied'


@pytest.mark.parametrize('user', [STRANGER, 'root'])
@pytest.mark.parametrize('name', [xml.stem for xml in INTERFACES])
def test_nobody_but_its_daemon_owns_a_name(bus, name, user):
    assert bus.own(user, name) == DENIED


@pytest.mark.parametrize('user', [STRANGER, 'root'])
@pytest.mark.parametrize('service,interface,method', methods({'org.hapair.Private'}))
def test_a_private_method_is_closed_on_the_bus_to_everyone(bus, user, service, interface, method):
    assert bus.call(user, service, root_object(service), interface, method) == DENIED


@pytest.mark.parametrize('service,interface,method', methods({'org.hapair.Public', 'org.hapair.Polkit'}))
def test_the_bus_lets_a_stranger_ask_what_is_public_or_up_to_polkit(bus, service, interface, method):
    assert bus.call(STRANGER, service, root_object(service), interface, method) != DENIED


@pytest.mark.parametrize('name', [xml.stem for xml in INTERFACES])
def test_a_stranger_may_read(bus, name):
    assert bus.call(STRANGER, name, '/', PROPERTIES, 'GetAll') != DENIED
    assert bus.call(STRANGER, name, '/', PROPERTIES, 'Get') != DENIED
    assert bus.call(STRANGER, name, '/', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects') != DENIED
    assert bus.call(STRANGER, name, '/', 'org.freedesktop.DBus.Introspectable', 'Introspect') != DENIED


@pytest.mark.parametrize('name', [xml.stem for xml in INTERFACES])
def test_nobody_writes_properties(bus, name):
    assert bus.call('root', name, '/', PROPERTIES, 'Set') == DENIED


def test_a_method_that_no_xml_names_is_closed(bus):
    assert bus.call('root', 'org.hapair.Election1', '/org/hapair/Election1', 'org.hapair.Election1',
                    'Invented') == DENIED


def test_a_daemon_still_gets_answers_to_its_own_questions(bus):
    """Denying what is sent to a name must not catch polkit's answer to the one who owns it."""
    assert bus.own('root', 'org.hapair.Test.Authority') == 'ready'
    assert bus.own(OWNER, 'org.hapair.Election1', 'org.hapair.Test.Authority') == 'ready'
