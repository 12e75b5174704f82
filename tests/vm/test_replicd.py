# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-replicd on two kernels with real DRBD, without electd: what each order does, and what it refuses."""

import json

import pytest

from ..lab import pair
from ..lab.host import LabError, wait_for
from . import records

NAME = "org.hapair.Replication1"
OBJECT = "/org/hapair/Replication1"
VOLUME = OBJECT + "/volume/hapair"
LIMIT = 60


class Volume:
    """hapair-replicd of one node, asked through its private door."""

    def __init__(self, node):
        self.node = node

    def busctl(self, *words):
        """What it answers, from JSON; LabError when it is an error."""
        text = self.node.exec("busctl", "--address=unix:path=/run/hapair/replicd.socket", "--json=short",
                              f"--timeout={LIMIT}", *words, timeout=LIMIT + 10).stdout
        return json.loads(text)["data"] if text.strip() else None

    def order(self, name, *words):
        """An order of electd, as root."""
        return self.busctl("call", NAME, OBJECT, NAME, name, *words)

    def primary(self, epoch=1, force="false"):
        self.order("Primary", "tb", str(epoch), force)

    def mount(self, epoch=1):
        self.order("Mount", "t", str(epoch))

    def serve(self, epoch=1):
        self.primary(epoch)
        self.mount(epoch)

    def __getattr__(self, name):
        """A property of the volume."""
        return self.busctl("get-property", NAME, VOLUME, NAME + ".Volume", name)

    def problem(self):
        return self.busctl("get-property", NAME, OBJECT, NAME, "Problem")

    def has(self, **properties):
        """Whether they all have these values; not while it does not answer."""
        try:
            found = self.busctl("call", NAME, VOLUME, "org.freedesktop.DBus.Properties", "GetAll", "s",
                                NAME + ".Volume")[0]
        except LabError:
            return False
        return all(found[name]["data"] == value for name, value in properties.items())

    def wait(self, timeout=150, **properties):
        wait_for(f"{self.node.host}: {properties}", lambda: self.has(**properties), timeout, 0.2)

    def daemon(self, verb):
        self.node.exec("systemctl", verb, "hapair-confd.service", "hapair-replicd.service", timeout=LIMIT)

    def configure(self, settings):
        """Another configuration, put in force."""
        self.node.write("/etc/hapair/hapair.conf", pair.as_text(pair.configuration(settings=settings)))

    def kernel(self):
        return self.node.read("/proc/drbd")


IN_SYNC = {"Connection": "Connected", "DiskState": "UpToDate", "PeerDiskState": "UpToDate"}


def start(rig):
    """Both nodes as new, with blank disks, and replicd running on both."""
    rig.renew()
    volumes = [Volume(node) for node in rig.nodes.values()]
    for volume in volumes:
        volume.configure(records.SETTINGS)
        answer(volume, 4)
        volume.daemon("start")
    for volume in volumes:
        volume.wait(**IN_SYNC)
    return volumes


def answer(volume, code):
    """What the kernel's question comes to on this node: electd, which it is put to, is not there."""
    volume.node.exec("sh", "-c", f"printf '#!/bin/sh\\nexit {code}\\n' >/usr/lib/hapair/hapair-fence-peer")


def replace_disk(volume):
    """A blank disk in the place of the one it had."""
    volume.daemon("stop")
    volume.node.exec("sh", "-c", "drbdsetup down hapair; blkdiscard -z /dev/vdb")
    volume.daemon("start")


def test_orders_on_real_disks(rig):
    """Promote, mount, and back; the other node has the data; and whoever leaves in order freezes nobody."""
    master, slave = start(rig)
    assert master.kernel().splitlines()[-1].split()[0] == "ns:0"  # blank disks: there was nothing to copy
    master.serve()
    master.node.exec("sh", "-c", "echo written >/srv/hapair/file && sync")
    for order in ("Unmount", "Secondary"):
        master.order(order)
        master.order(order)
    with pytest.raises(LabError, match="Epoch 0 is below 1"):
        master.primary(0)

    slave.serve(2)
    assert slave.node.read("/srv/hapair/file") == "written\n"
    master.order("Leave")
    assert slave.has(Frozen=False, PeerDiskState="Outdated")
    slave.node.exec("sh", "-c", "echo more >>/srv/hapair/file && sync")
    master.order("Connect")
    master.wait(**IN_SYNC)

    slave.node.exec("systemctl", "kill", "-s", "KILL", "hapair-replicd")
    slave.wait(Role="Primary", Mounted=True, **IN_SYNC)
    assert slave.problem() == ""


def test_a_new_disk_gets_a_full_copy_and_one_with_data_only_when_that_is_said(rig):
    master, slave = start(rig)
    master.serve()
    replace_disk(slave)
    slave.wait(**IN_SYNC)
    slave.daemon("stop")
    slave.node.exec("sh", "-c", "drbdsetup down hapair && mkfs.ext4 -q -F -L precious /dev/vdb")
    slave.daemon("start")
    wait_for("it is refused", slave.problem, LIMIT, 0.5)
    assert "precious" in slave.problem()
    assert "precious" in slave.node.exec("blkid", "-p", "/dev/vdb").stdout
    slave.order("Prepare", "s", "destroy all data on /dev/vdb")
    slave.wait(**IN_SYNC)
    assert (slave.problem(), master.Role) == ("", "Primary")


def test_frozen_io_resumed_by_order_leaves_the_peer_a_past_in_common(rig):
    master, slave = start(rig)
    master.serve()
    answer(master, 1)
    before = master.Generation
    slave.node.kill()
    master.wait(Frozen=True, Connection="Connecting")
    wait_for("the kernel's question is answered", lambda: "exit code 1" in master.node.journal("-k"), LIMIT, 0.5)
    master.order("Resume", "t", "1")
    assert master.has(Frozen=False)
    master.node.exec("sh", "-c", "echo alone >/srv/hapair/file && sync")
    current, bitmap = master.node.exec("drbdsetup", "get-gi", "0").stdout.split(":")[:2]
    assert int(bitmap, 16) & ~1 == before != int(current, 16) & ~1
    slave.node.start()
    slave.daemon("start")
    slave.wait(**IN_SYNC)
    assert master.has(SplitBrain=False, **IN_SYNC)
