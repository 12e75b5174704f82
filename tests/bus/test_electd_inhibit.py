# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-electd warns of a reboot that would endanger data or service: its inhibitor at logind, which is a stand-in
on a system bus of the test's own."""

import os
import select

import pytest
from gi.repository import Gio, GLib

from daemon import wait_until
from electd_world import ABLE, ROLE_SLAVE, SLAVE, World, world  # pylint: disable=unused-import
from system_bus import Bus

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')

LOGIND = Gio.DBusNodeInfo.new_for_xml('''<node><interface name="org.freedesktop.login1.Manager"><method name="Inhibit">
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="h" direction="out"/></method></interface></node>''').interfaces[0]


class Logind:
    """Grants inhibitors, and sees by the pipe which are still held."""

    def __init__(self, address):
        self.granted = []
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.register_object('/org/freedesktop/login1', LOGIND, self.on_call, None, None)
        self.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                                  GLib.Variant('(su)', ('org.freedesktop.login1', 4)), None, 0, -1, None)

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        ours, theirs = os.pipe()
        fds = Gio.UnixFDList()
        number = fds.append(theirs)
        os.close(theirs)
        self.granted.append((arguments.unpack(), ours))
        invocation.return_value_with_unix_fd_list(GLib.Variant('(h)', (number,)), fds)

    def held(self):
        """What is inhibited now: the other end of a pipe that was closed hangs up."""
        found = []
        for what, fd in self.granted:
            poll = select.poll()
            poll.register(fd, select.POLLHUP)
            if not poll.poll(0):
                found.append(what)
        return found

    def close(self):
        self.connection.close_sync(None)
        for _, fd in self.granted:
            os.close(fd)


@pytest.fixture
def bus(tmp_path):
    one = Bus(tmp_path)
    one.start()
    yield one
    one.stop()


def lone_master(world, bus):
    one = world(DBUS_SYSTEM_BUS_ADDRESS=bus.address).start()
    wait_until(one.published, 'a record')
    one.tell_peer('lost')
    one.wait_state('master')
    return one


def test_reboot_is_inhibited_with_its_reason_as_long_as_it_lasts(world, bus):
    logind = Logind(bus.address)
    one = lone_master(world, bus)
    wait_until(lambda: len(logind.held()) == 1, 'an inhibitor')
    what, who, why, mode = logind.held()[0]
    assert (what, who, mode) == ('shutdown', 'hapair', 'block')
    assert why == one.electd.property('RebootDanger') == 'this node is the running master and the other node cannot take over'
    one.tell_peer('online')
    one.tell_record(SLAVE, ROLE_SLAVE, flags=ABLE)
    wait_until(lambda: not logind.held(), 'nothing is inhibited any more')
    assert one.electd.property('RebootDanger') == ''
    logind.close()


def test_inhibitor_is_taken_again_from_another_logind_on_another_bus(world, bus):
    logind = Logind(bus.address)
    one = lone_master(world, bus)
    wait_until(logind.held, 'an inhibitor')
    logind.close()
    logind = Logind(bus.address)
    wait_until(logind.held, 'one of the next logind')
    logind.close()
    bus.stop()
    bus.start()
    logind = Logind(bus.address)
    wait_until(logind.held, 'one over the next bus', timeout=20)
    assert one.state() == 'master'
    logind.close()


def test_orderly_stop_lets_go(world, bus):
    logind = Logind(bus.address)
    one = lone_master(world, bus)
    wait_until(logind.held, 'an inhibitor')
    one.electd.kill(15)
    assert not logind.held()
    logind.close()


def test_refusal_changes_nothing_and_is_logged_once(world, bus):
    one = lone_master(world, bus)
    wait_until(lambda: 'logind takes no shutdown inhibitor' in one.electd.log(), 'a warning')
    assert one.state() == 'master' and one.electd.log().count('logind takes') == 1
