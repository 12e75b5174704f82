# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stand-ins for the daemons, for tests of their clients: they serve the interfaces of the real XML with
whatever a test puts into them, behind private doors of their own or on a bus. Whether the real daemons keep
to the XML is for the tests of the daemons."""

import os
import pathlib
import time

from gi.repository import Gio, GLib

INTERFACES = pathlib.Path(os.environ['HAPAIR_SOURCE_ROOT']) / 'interfaces'
NAMES = {'confd': 'org.hapair.Config1', 'electd': 'org.hapair.Election1', 'hbd': 'org.hapair.Heartbeat1',
         'replicd': 'org.hapair.Replication1', 'svcmand': 'org.hapair.Service1', 'vipd': 'org.hapair.Address1'}

OBJECT_MANAGER = Gio.DBusNodeInfo.new_for_xml('''<node><interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
</interface></node>''').interfaces[0]


def boottime_usec(ago_ms=0):
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 - int(ago_ms * 1000)


def default_value(signature):
    """A value for a property that the test says nothing about."""
    empty = {'s': '', 'b': False, 't': 0, 'u': 0, 'q': 0, 'd': 0.0}
    return empty.get(signature, [] if not signature.startswith('a{') else {})


class Refusal(Exception):
    """Raised by a method of a fake to answer with that D-Bus error."""

    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


class Fake:
    """One daemon. `objects` is {path: {interface: {property: value}}}; `methods` {name: function}, which
    gets the arguments and returns a GLib.Variant, or None for an empty answer."""

    def __init__(self, daemon):
        self.name = NAMES[daemon]
        self.root = '/' + self.name.replace('.', '/')
        self.node = Gio.DBusNodeInfo.new_for_xml((INTERFACES / (self.name + '.xml')).read_text())
        self.objects = {self.root: {self.name: {}}}
        self.methods = {}
        self.calls = []
        self.connections = []

    def interface(self, name):
        return next(i for i in self.node.interfaces if i.name == name)

    def add(self, child, interface, **properties):
        self.objects[f'{self.root}/{child}'] = {f'{self.name}.{interface}': properties}

    def set(self, **properties):
        self.objects[self.root][self.name].update(properties)

    def variant(self, path, interface, name):
        signature = next(p.signature for p in self.interface(interface).properties if p.name == name)
        return GLib.Variant(signature, self.objects[path][interface].get(name, default_value(signature)))

    def properties(self, path, interface):
        return {p.name: self.variant(path, interface, p.name) for p in self.interface(interface).properties}

    def serve(self, connection):
        """Puts all objects there are by now on a connection."""
        self.connections.append(connection)
        for path, interfaces in self.objects.items():
            for name in interfaces:
                connection.register_object(path, self.interface(name), self.on_call, self.on_get, None)
        connection.register_object(self.root, OBJECT_MANAGER, self.on_list, None, None)

    def on_get(self, connection, sender, path, interface, name):
        return self.variant(path, interface, name)

    def on_list(self, connection, sender, path, interface, method, arguments, invocation):
        children = {p: {i: self.properties(p, i) for i in interfaces}
                    for p, interfaces in self.objects.items() if p != self.root}
        invocation.return_value(GLib.Variant('(a{oa{sa{sv}}})', (children,)))

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        self.calls.append((method, *arguments.unpack()))
        try:
            invocation.return_value(self.methods[method](*arguments.unpack()))
        except Refusal as refusal:
            invocation.return_dbus_error(refusal.name, str(refusal))

    def change(self, **properties):
        """Sets properties of the root object and tells whoever is connected."""
        self.set(**properties)
        changed = {name: self.variant(self.root, self.name, name) for name in properties}
        for connection in self.open_connections():
            connection.emit_signal(None, self.root, 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                                   GLib.Variant('(sa{sv}as)', (self.name, changed, [])))

    def change_child(self, child, interface, **properties):
        """The same of a child object."""
        path, name = f'{self.root}/{child}', f'{self.name}.{interface}'
        self.objects[path][name].update(properties)
        changed = {key: self.variant(path, name, key) for key in properties}
        for connection in self.open_connections():
            connection.emit_signal(None, path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                                   GLib.Variant('(sa{sv}as)', (name, changed, [])))

    def open_connections(self):
        return [connection for connection in self.connections if not connection.is_closed()]

    def hang_up(self):
        for connection in self.open_connections():
            connection.close_sync(None)


class Node:
    """The daemons of one node behind private doors in a directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.fakes = {daemon: Fake(daemon) for daemon in NAMES}
        self.servers = []

    def __getattr__(self, name):
        return self.fakes[name]

    def start(self, *daemons):
        for daemon in daemons or NAMES:
            server = Gio.DBusServer.new_sync(f'unix:path={self.directory}/{daemon}.socket',
                                             Gio.DBusServerFlags.NONE, Gio.dbus_generate_guid(), None, None)
            server.connect('new-connection', self.on_connection, self.fakes[daemon])
            server.start()
            self.servers.append(server)

    def on_connection(self, server, connection, fake):
        fake.serve(connection)
        return True

    def start_on_bus(self, address):
        """The same on a bus, where the caller must have made their names free to own."""
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                 Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        for fake in self.fakes.values():
            connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
            fake.serve(connection)
            Gio.bus_own_name_on_connection(connection, fake.name, Gio.BusNameOwnerFlags.NONE, None, None)

    def stop(self):
        for server in self.servers:
            server.stop()
        for fake in self.fakes.values():
            fake.hang_up()
        for socket in self.directory.glob('*.socket'):
            socket.unlink()


def run_loop_until(condition, limit_seconds=20):
    """Runs the main loop, on which the fakes answer, until the condition holds. Fails after the limit."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + limit_seconds
    tick = GLib.timeout_add(10, lambda: True)  # conditions also change outside of the loop
    try:
        while not condition():
            assert time.monotonic() < deadline, 'waited in vain'
            context.iteration(True)
    finally:
        GLib.source_remove(tick)
