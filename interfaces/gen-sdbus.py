#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turn a documented interface XML into the C that both sides of it need.

For org.hapair.Address1.xml, whose root interface is Address1 and whose others are below it:

  address1-server.[ch]  sd-bus vtables (address1_vtable, address1_link_vtable), prototypes of the handlers that the
                        daemon defines (address1_method_acquire, address1_property_held: a missing one is a link
                        error), the table of rights, and one emitter a signal (address1_emit_answered)
  address1-client.[ch]  names (ADDRESS1_INTERFACE, ADDRESS1_OBJECT, ADDRESS1_BUS_NAME), asynchronous calls
                        (address1_call_acquire) and subscriptions (address1_match_answered)

Who may call a method is said by its annotation, exactly one of:
  org.hapair.Private  users, by commas: on the private door only
  org.hapair.Polkit   action: an administrator on the bus, root on the private door
  org.hapair.Public   yes: everybody
"""

import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

PREFIX = "org.hapair."
C_TYPES = {"s": "const char *", "b": "bool ", "y": "uint8_t ", "q": "uint16_t ", "u": "uint32_t ",
           "t": "uint64_t ", "x": "int64_t ", "d": "double "}
EMITS = {"true": "SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE", "const": "SD_BUS_VTABLE_PROPERTY_CONST", "false": "0",
         "invalidates": "SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION"}
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* Made by gen-sdbus.py from {source}; do not edit. */\n"


class BadInterface(Exception):
    """The XML asks for something that the generator refuses; the text names the place and the rule."""


def snake(name):
    """PeerLastHeard -> peer_last_heard, DeadTimeUSec -> dead_time_usec, Heartbeat1.Path -> heartbeat1_path."""
    name = name.replace("USec", "Usec").replace("IP", "Ip").replace(".", "_")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def annotation(node, name, default=None):
    for child in node.findall("annotation"):
        if child.get("name") == name:
            return child.get("value")
    return default


class Interface:
    """One <interface> with the C names that follow from it."""

    def __init__(self, node):
        self.name = node.get("name", "")
        if not self.name.startswith(PREFIX):
            raise BadInterface(f"interface {self.name}: the name must begin with {PREFIX}")
        self.c = snake(self.name[len(PREFIX):])
        self.upper = self.c.upper()
        self.methods = [Method(self, m) for m in node.findall("method")]
        self.signals = [Signal(self, s) for s in node.findall("signal")]
        self.properties = [Property(self, p) for p in node.findall("property")]


class Member:
    def __init__(self, interface, node):
        self.interface = interface
        self.name = node.get("name")
        self.c = snake(self.name)
        self.where = f"{interface.name}.{self.name}"


class Argument:
    def __init__(self, member, node):
        self.name = node.get("name")
        self.type = node.get("type")
        if not self.name or not self.type:
            raise BadInterface(f"{member.where}: every argument needs a name and a type")

    def parameters(self):
        if self.type == "ay":
            return [f"const void *{self.name}", f"size_t {self.name}_size"]
        if self.type not in C_TYPES:
            raise BadInterface(f"argument {self.name}: type {self.type} cannot be sent by generated code")
        return [f"{C_TYPES[self.type]}{self.name}"]

    def append(self, access):
        """C that appends the value, `access` in front of the variable, and sets r."""
        if self.type == "ay":
            return f"sd_bus_message_append_array(message, 'y', {access}{self.name}, {access}{self.name}_size)"
        value = f"(int) {access}{self.name}" if self.type == "b" else f"{access}{self.name}"
        return f'sd_bus_message_append(message, "{self.type}", {value})'


class Method(Member):
    def __init__(self, interface, node):
        super().__init__(interface, node)
        arguments = node.findall("arg")
        self.inputs = [Argument(self, a) for a in arguments if a.get("direction", "in") == "in"]
        self.outputs = [Argument(self, a) for a in arguments if a.get("direction") == "out"]
        self.private = annotation(node, PREFIX + "Private")
        self.polkit = annotation(node, PREFIX + "Polkit")
        public = annotation(node, PREFIX + "Public")
        if [self.private, self.polkit, public].count(None) != 2:
            raise BadInterface(f"{self.where}: say who may call it by one of {PREFIX}Private, {PREFIX}Polkit "
                               f"and {PREFIX}Public")
        self.handler = f"{interface.c}_method_{self.c}"

    def right(self):
        users = "NULL" if self.private is None and self.polkit is None else f'"{self.private or ""}"'
        on_bus = "true" if self.private is None else "false"
        return f'        {{ "{self.interface.name}", "{self.name}", {users}, {on_bus} }},'

    def vtable(self):
        def listed(arguments):
            if not arguments:
                return "SD_BUS_NO_ARGS" if arguments is self.inputs else "SD_BUS_NO_RESULT"
            kind = "ARGS" if arguments is self.inputs else "RESULT"
            return f"SD_BUS_{kind}(" + ", ".join(f'"{a.type}", {a.name}' for a in arguments) + ")"
        handler = f"guard_{self.handler}" if self.polkit else self.handler
        return (f'        SD_BUS_METHOD_WITH_ARGS("{self.name}", {listed(self.inputs)},\n'
                f"                                {listed(self.outputs)}, {handler},\n"
                f"                                SD_BUS_VTABLE_UNPRIVILEGED),")


class Signal(Member):
    def __init__(self, interface, node):
        super().__init__(interface, node)
        self.arguments = [Argument(self, a) for a in node.findall("arg")]

    def vtable(self):
        if not self.arguments:
            return f'        SD_BUS_SIGNAL("{self.name}", "", 0),'
        arguments = ", ".join(f'"{a.type}", {a.name}' for a in self.arguments)
        return f'        SD_BUS_SIGNAL_WITH_ARGS("{self.name}", SD_BUS_ARGS({arguments}), 0),'


class Property(Member):
    def __init__(self, interface, node):
        super().__init__(interface, node)
        if node.get("access") != "read":
            raise BadInterface(f"{self.where}: a property is for reading; changes are methods")
        emits = annotation(node, "org.freedesktop.DBus.Property.EmitsChangedSignal", "true")
        if emits not in EMITS:
            raise BadInterface(f"{self.where}: EmitsChangedSignal cannot be {emits}")
        self.type, self.flags = node.get("type"), EMITS[emits]
        self.handler = f"{interface.c}_property_{self.c}"

    def vtable(self):
        return f'        SD_BUS_PROPERTY("{self.name}", "{self.type}", {self.handler}, 0, {self.flags}),'


def read_interfaces(path):
    root = ET.parse(path).getroot()
    interfaces = [Interface(node) for node in root.findall("interface")]
    if not interfaces:
        raise BadInterface("there is no interface in it")
    return interfaces


def emitter(signal):
    path = [] if signal.interface.is_root else ["const char *path"]
    parameters = ["Service *service"] + path + [p for a in signal.arguments for p in a.parameters()]
    return f"void {signal.interface.c}_emit_{signal.c}(" + ", ".join(parameters) + ")"


def server_header(interfaces, source):
    root = interfaces[0]
    out = [SPDX.format(source=source), "#pragma once\n", '#include "common/service.h"',
           f'#include "interfaces/{root.c}-client.h"\n',
           f"extern const ServiceRight {root.c}_rights[];\n"]
    for i in interfaces:
        out.append(f"extern const sd_bus_vtable {i.c}_vtable[];")
        for m in i.methods:
            out.append(f"int {m.handler}(sd_bus_message *message, void *userdata, sd_bus_error *error);")
        for p in i.properties:
            out.append(f"int {p.handler}(sd_bus *bus, const char *path, const char *interface, "
                       "const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error);")
        out += [emitter(s) + ";" for s in i.signals]
        out.append("")
    return "\n".join(out)


def emitter_body(signal):
    i, out = signal.interface, []
    path = f"{i.upper}_OBJECT" if i.is_root else "path"
    append, arguments = "NULL", "NULL"
    if signal.arguments:
        struct, append = f"{i.c}_{signal.c}_arguments", f"append_{i.c}_{signal.c}"
        fields = [p for a in signal.arguments for p in a.parameters()]
        out.append(f"struct {struct} {{\n" + "".join(f"        {f};\n" for f in fields) + "};\n")
        out.append(f"static int {append}(sd_bus_message *message, const void *arguments)\n{{\n"
                   f"        const struct {struct} *a = arguments;\n        int r;\n")
        for a in signal.arguments:
            out.append(f"        r = {a.append('a->')};\n        if (r < 0)\n                return r;")
        out.append("        return 0;\n}\n")
        names = ", ".join(n for a in signal.arguments
                          for n in ([a.name, a.name + "_size"] if a.type == "ay" else [a.name]))
        arguments = f"&(struct {struct}){{ {names} }}"
    out.append(emitter(signal) + "\n{\n"
               f"        service_emit(service, {path}, {i.upper}_INTERFACE, \"{signal.name}\", {append},\n"
               f"                     {arguments});\n}}\n")
    return "\n".join(out)


def server_source(interfaces, source):
    root = interfaces[0]
    out = [SPDX.format(source=source), f'#include "interfaces/{root.c}-server.h"\n', '#include "common/polkit.h"\n']
    out.append(f"const ServiceRight {root.c}_rights[] = {{")
    out += [m.right() for i in interfaces for m in i.methods]
    out.append("        { NULL, NULL, NULL, false },\n};\n")
    for i in interfaces:
        for m in i.methods:
            if m.polkit:
                out.append(f"static int guard_{m.handler}(sd_bus_message *message, void *userdata, "
                           "sd_bus_error *error)\n{\n"
                           f'        return polkit_guard(message, "{m.polkit}", {m.handler}, userdata, error);\n}}\n')
        out.append(f"const sd_bus_vtable {i.c}_vtable[] = {{\n        SD_BUS_VTABLE_START(0),")
        out += [member.vtable() for member in i.properties + i.methods + i.signals]
        out.append("        SD_BUS_VTABLE_END,\n};\n")
        out += [emitter_body(s) for s in i.signals]
    return "\n".join(out)


def caller(method):
    parameters = ["sd_bus *bus", "sd_bus_slot **ret_slot", "sd_bus_message_handler_t callback", "void *userdata",
                  "uint64_t timeout_usec"] + [p for a in method.inputs for p in a.parameters()]
    return f"int {method.interface.c}_call_{method.c}(" + ", ".join(parameters) + ")"


def matcher(signal):
    return (f"int {signal.interface.c}_match_{signal.c}(sd_bus *bus, sd_bus_message_handler_t callback, "
            "void *userdata)")


def client_header(interfaces, source):
    root = interfaces[0]
    out = [SPDX.format(source=source), "#pragma once\n", "#include <stdbool.h>\n#include <systemd/sd-bus.h>\n",
           f'#define {root.upper}_BUS_NAME "{root.name}"',
           f'#define {root.upper}_OBJECT "/{root.name.replace(".", "/")}"']
    out += [f'#define {i.upper}_INTERFACE "{i.name}"' for i in interfaces]
    out.append("")
    for m in root.methods:
        out.append(f"/* Calls {m.name}; `callback` gets the answer, or an error after `timeout_usec`. */\n"
                   + caller(m) + ";")
    for s in root.signals:
        out.append(f"/* Calls `callback` at every {s.name}. */\n" + matcher(s) + ";")
    return "\n".join(out) + "\n"


def client_source(interfaces, source):
    root = interfaces[0]
    out = [SPDX.format(source=source), f'#include "interfaces/{root.c}-client.h"\n']
    for m in root.methods:
        out.append(caller(m) + "\n{\n"
                   "        __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *message = NULL;\n"
                   f"        int r = sd_bus_message_new_method_call(bus, &message, {root.upper}_BUS_NAME, "
                   f'{root.upper}_OBJECT,\n'
                   f'                                               {root.upper}_INTERFACE, "{m.name}");\n\n'
                   "        if (r < 0)\n                return r;")
        for a in m.inputs:
            out.append(f"        r = {a.append('')};\n        if (r < 0)\n                return r;")
        out.append("        return sd_bus_call_async(bus, ret_slot, message, callback, userdata, timeout_usec);\n}\n")
    for s in root.signals:
        out.append(matcher(s) + "\n{\n"
                   f"        return sd_bus_match_signal_async(bus, NULL, NULL, {root.upper}_OBJECT, "
                   f'{root.upper}_INTERFACE,\n'
                   f'                                         "{s.name}", callback, NULL, userdata);\n}}\n')
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("xml", type=pathlib.Path, help="the interface")
    parser.add_argument("directory", type=pathlib.Path, help="where the four files go")
    options = parser.parse_args()
    try:
        interfaces = read_interfaces(options.xml)
        for i in interfaces:
            i.is_root = i is interfaces[0]
        source = options.xml.name
        files = {"server.h": server_header, "server.c": server_source, "client.h": client_header,
                 "client.c": client_source}
        texts = {name: make(interfaces, source) for name, make in files.items()}
    except (BadInterface, ET.ParseError) as problem:
        sys.exit(f"{options.xml}: {problem}")
    for name, text in texts.items():
        (options.directory / f"{interfaces[0].c}-{name}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
