#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the system bus policy of one service from its interface XML.

A method is open on the bus when the XML says that it is public or that polkit is asked; what is private
stays on the private door, for root too. Written out method by method, so that a new method is closed until
its XML opens it. Calls alone: a rule without a type would also keep every signal on the bus from the owner of
the name, systemd's from svcmand, say.

usage: gen-dbus-policy.py org.hapair.NAME1.xml USER
"""

import os
import sys
import xml.etree.ElementTree as ET

OPEN = ('org.hapair.Public', 'org.hapair.Polkit')

# Looking is free; Properties.Set is not among these, nothing of ours is writable that way.
READING = [
    ('org.freedesktop.DBus.Introspectable', 'Introspect'),
    ('org.freedesktop.DBus.ObjectManager', 'GetManagedObjects'),
    ('org.freedesktop.DBus.Peer', 'Ping'),
    ('org.freedesktop.DBus.Properties', 'Get'),
    ('org.freedesktop.DBus.Properties', 'GetAll'),
]

HEAD = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "https://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<busconfig>
  <policy user="{user}">
    <allow own="{name}"/>
  </policy>

  <policy context="default">
    <deny send_destination="{name}" send_type="method_call"/>'''

ALLOW = '''    <allow send_destination="{name}"
           send_interface="{interface}"
           send_member="{member}"/>'''

TAIL = '''  </policy>
</busconfig>'''


def open_methods(path):
    for interface in ET.parse(path).getroot().iter('interface'):
        for method in interface.iter('method'):
            if any(a.get('name') in OPEN for a in method.iter('annotation')):
                yield interface.get('name'), method.get('name')


def main(path, user):
    name = os.path.basename(path).removesuffix('.xml')
    print(HEAD.format(name=name, user=user))
    for interface, member in READING + list(open_methods(path)):
        print(ALLOW.format(name=name, interface=interface, member=member))
    print(TAIL)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
