# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two that keep a volume, on the same pair of virtual machines in turn, each from nodes as new: hapair,
and a plain script on the very DRBD resource that hapair wrote, which waits for DRBD's own detection.
"""

import re
import statistics
import time

from tests.lab import pair
from tests.lab.host import LabError, wait_for
from tests.lab.net import NODES, with_prefix
from tests.vm import records

RESOURCE = "/etc/drbd.d/hapair.res"
VIP = with_prefix(10)
WHOLE = ("cs:Connected", "ds:UpToDate/UpToDate")
# How long one measurement of throughput writes, about, on the machine that this was written on.
WRITE_MIB = 48
SMALL_WRITES = 200
# Between the records while a takeover is measured, and between the questions while nobody answers.
INTERVAL_SEC, AGAIN_SEC = 0.02, 0.01

# The node that stands by. It says how long promotion and mount alone took, in hundredths of a second.
PLAIN = f"""#!/bin/sh
drbdsetup events2 hapair | while read -r event; do
        case "$event" in
        *" connection "*connection:Connected*) ;;
        change" connection "*)
                read -r begin rest </proc/uptime
                until drbdsetup primary 0; do sleep 0.01; done
                mount /dev/drbd0 {records.DIRECTORY}
                read -r end rest </proc/uptime
                ip address add {VIP} dev eth0
                arping -q -U -c 1 -I eth0 {VIP.split('/', maxsplit=1)[0]}
                echo "$begin $end" >/run/plain.took
                break ;;
        esac
done
"""


class Contender:
    """What keeps the volume of the rig's two nodes; after set_up() the configured master serves."""

    name = ""

    def __init__(self, rig):
        self.rig = rig

    def set_up(self):
        """From nodes as new to a volume that is whole on both, mounted at the master and reachable."""
        raise NotImplementedError

    def whole(self):
        """Whether the kernels are connected and both disks are up to date."""
        text = self.rig.master.exec("cat", "/proc/drbd", check=False).stdout
        return all(word in text for word in WHOLE) and " ro:Primary/Secondary" in text

    def options(self):
        """DRBD's effective options at both nodes."""
        return [node.exec("drbdsetup", "show", "--show-defaults", "hapair").stdout
                for node in self.rig.nodes.values()]


class Hapair(Contender):
    """Ours, set up as a user does it, dead time 1 s."""

    name = "hapair"

    def set_up(self):
        pair.Pair(self.rig, settings=records.SETTINGS).start()
        wait_for("the volume is whole", self.whole, 60, 0.2)


class Plain(Contender):
    """The resource as hapair writes it, brought up by hand. Without hapair there is nobody to ask who may go
    on alone: `takes_over` leaves the kernel's guard out, as such scripts do."""

    name = "plain"

    def __init__(self, rig, files, takes_over=False):
        super().__init__(rig)
        guard = "fencing resource-and-stonith;", "fencing dont-care;" if takes_over else "\\g<0>"
        self.files = {name: re.sub(*guard, text) for name, text in files.items()}

    def set_up(self):
        for name, node in self.rig.nodes.items():
            node.write(RESOURCE, self.files[name])
            node.write("/root/plain", PLAIN, 0o755)
            node.exec("sh", "-c", f"mkdir -p {records.DIRECTORY}; modprobe drbd && "
                      "drbdadm create-md --force hapair && drbdadm up hapair")
        master, slave = self.rig.master, self.rig.slave
        wait_for("the kernels are connected", lambda: "cs:Connected" in master.read("/proc/drbd"), 30, 0.1)
        master.exec("drbdadm", "new-current-uuid", "--clear-bitmap", "hapair")
        master.exec("sh", "-c", f"drbdadm primary hapair && mkfs.ext4 -q /dev/drbd0 && mount /dev/drbd0 "
                    f"{records.DIRECTORY} && ip address add {VIP} dev eth0", timeout=60)
        wait_for("the volume is whole", self.whole, 30, 0.1)
        slave.exec("systemd-run", "--unit=plain", "/root/plain")

    def took(self):
        """How long the slave's kernel and mount took for the takeover, in ms."""
        begin, end = wait_for("the script is through", lambda: self.rig.slave.exec(
            "cat", "/run/plain.took", check=False).stdout, 30, 0.1).split()
        return (float(end) - float(begin)) * 1000


def files(rig):
    """The resource as hapair wrote it at each node."""
    return {name: rig.nodes[name].read(RESOURCE) for name in NODES}


def takeover(contender):
    """The master is killed: how long until a record is acknowledged again."""
    rig = contender.rig
    client = records.Client(rig.net, VIP.split("/")[0], INTERVAL_SEC, AGAIN_SEC)
    try:
        wait_for("the service answers", lambda: client.number > 20, 30, 0.1)
        begin = time.monotonic()
        rig.master.kill()
        wait_for("the other node's service answers", lambda: client.number and
                 client.acknowledged[-1] > begin + 0.3, 60, 0.01)
        gap = client.gap(begin)
    finally:
        client.stop()
    records.check(client, rig.slave)
    return {"gap": gap * 1000, **({"bare": contender.took()} if isinstance(contender, Plain) else {})}


def throughput(contender):
    """What the volume takes: MiB/s of large writes, and small ones a second that wait for the disks."""
    def dd(*words):
        said = contender.rig.master.exec("dd", "if=/dev/zero", f"of={records.DIRECTORY}/bench", *words,
                                         timeout=300).stderr
        return float(re.search(r" ([\d.e+-]+) s,", said).group(1))

    dd("bs=1M", f"count={WRITE_MIB}", "oflag=direct")           # the image behind the disk grows only once
    return {"large": WRITE_MIB / dd("bs=1M", f"count={WRITE_MIB}", "oflag=direct", "conv=notrunc,fsync"),
            "small": SMALL_WRITES / dd("bs=4k", f"count={SMALL_WRITES}", "oflag=direct,dsync", "conv=notrunc")}
