#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a package's triggers do after an installation: users, directories and the journal catalogue, and that
# systemd and D-Bus read what is new. Not run with DESTDIR.
set -eu

if [ "$(id -u)" -ne 0 ]; then
        echo "Not root: users, directories and the journal catalogue are left to the administrator." >&2
        exit 0
fi

systemd-sysusers hapair.conf
systemd-tmpfiles --create hapair.conf
journalctl --update-catalog
if [ -S /run/udev/control ]; then
        udevadm control --reload
        udevadm trigger --subsystem-match=watchdog
fi
if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl reload dbus.service
fi
