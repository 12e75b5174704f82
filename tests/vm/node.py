# SPDX-License-Identifier: LGPL-2.1-or-later
"""One virtual node: a QEMU whose power switch, disks, cables and commands are those of lab/node.py's Node."""

import contextlib
import os
import shlex
import signal
import time

from ..lab import net as network
from ..lab.host import LabError, run, wait_for
from ..lab.node import Node as Container
from ..lab.node import spoil
from . import wire
from .qmp import Qmp

MEMORY_MIB = 512
DATA_SIZE = "64M"
BLOCK_SIZE = 4096
# What a node says that is not up yet.
PASSING = ("timed out", "no answer", "srv-hapair.mount loaded failed")
# So much longer than a real one an emulated processor may take, which shares the real ones with others.
PACE = 4
# `audit=0` and the rest save boot time; a panic is a reset, as on an appliance.
KERNEL = ("console=ttyS1 quiet loglevel=4 panic=1 net.ifnames=0 audit=0 mitigations=off no_timer_check "
          "nmi_watchdog=0 random.trust_cpu=on systemd.show_status=0")


def is_emulated():
    """Whether the nodes' processors are emulated, because this machine lends its own to nobody."""
    # There are others behind /dev/kvm (kvm_pvm), which would interpret a guest's kernel, slower than QEMU does.
    lent = any(os.path.exists(f"/sys/module/kvm_{maker}") for maker in ("intel", "amd"))
    return not (lent and os.path.exists("/dev/kvm"))


def accelerator():
    """QEMU's options for the processor. Emulated, an old one boots a fifth faster: nothing uses its vectors."""
    return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64"] if is_emulated() else \
        ["-accel", "kvm", "-cpu", "host"]


class Node(Container):
    """A node of a run, named `master` or `slave` after its configured role; its host name is gw-NAME.

    /dev/vda is its root disk, /dev/vdb the one for the data, eth0 its LAN, eth1 its replication link, /dev/ttyS0
    its serial line, /dev/watchdog0 an i6300esb.
    """

    @property
    def on(self):
        """Whether the node's QEMU runs."""
        return self.lab.pid("power-" + self.name) is not None

    @property
    def pid(self):
        """The pid of the node's QEMU; None while the node is off, or asleep, which looks the same from outside."""
        return None if os.path.exists(self._path("asleep")) else self.lab.pid("power-" + self.name)

    @property
    def directory(self):
        """Where the node's disks and sockets are."""
        return self._path()

    def disk(self, name):
        """The file of one of its disks, `root` or `data`."""
        return self._path(name + ".qcow2")

    # Power

    def make(self, root=None):
        """Install the node: empty disks, the root disk over `root` (the image's own)."""
        os.makedirs(self.directory, exist_ok=True)
        overlay(self.disk("root"), root or os.path.join(self.lab.tree, "root.ext4"))
        run("qemu-img", "create", "-q", "-f", "qcow2", self.disk("data"), DATA_SIZE)

    def start(self, wait=True, incoming=None):
        """Press the power button; or let it read the state that save() kept in a file, and then wake()."""
        if self.pid:
            raise LabError(f"{self.host} is on already")
        if os.path.exists(self._path("asleep")):
            self._arise(wait)
            return
        arguments = self.arguments(self.lab.tree, self.directory, self.serial)
        if incoming:
            arguments += ["-incoming", f"exec:cat {shlex.quote(incoming)}"]
        self.lab.spawn("power-" + self.name, *self.net.inside("switch"), *arguments)
        if incoming:
            return
        self.carriers()
        if wait:
            self.wait_up()

    def arguments(self, image, directory, serial):
        """QEMU's command line. A kill of it is a power cut: what the guest flushed is in the files, which
        outlive it, so they need not be flushed to the host's disk (no-flush); what it did not flush may be
        lost."""
        def disk(name, node):
            return ["-blockdev", f"driver=file,node-name={name}-file,filename={directory}/{name}.qcow2,"
                    "cache.no-flush=on",
                    "-blockdev", f"driver=qcow2,node-name={node},file={name}-file,cache.no-flush=on"]

        def cable(segment):
            return ["-netdev", f"tap,id={segment},ifname={segment}-{self.name},script=no,downscript=no",
                    "-device", f"virtio-net-pci,id=nic-{segment},netdev={segment},romfile=,"
                    f"mac={network.mac(self.name, segment)}"]

        wires = [word for i in range(wire.PORTS)
                 for word in ("-chardev", f"socket,id=wire{i},path={wire.port_path(directory, i)},server=on,"
                              "wait=off", "-device", f"virtserialport,chardev=wire{i}")]
        return ["qemu-system-x86_64", "-name", self.host, "-M", "pc", *accelerator(), "-smp", "1",
                "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none",
                "-kernel", f"{image}/vmlinux", "-initrd", f"{image}/initrd",
                "-append", f"{KERNEL} systemd.hostname={self.host} "
                           f"systemd.machine_id={network.HOSTS[self.name]:032x}",
                *disk("root", "root"), "-device", "virtio-blk-pci,id=vda,drive=root",
                *disk("data", "data-image"), "-object", "throttle-group,id=speed",
                "-blockdev", "driver=throttle,node-name=data,throttle-group=speed,file=data-image",
                "-device", "virtio-blk-pci,id=vdb,drive=data,serial=data,werror=report,rerror=report",
                *cable("lan"), *cable("rep"),
                "-chardev", f"serial,id=ttyS0,path={serial}", "-serial", "chardev:ttyS0",
                "-chardev", f"file,id=ttyS1,path={directory}/console.log,append=on", "-serial",
                "chardev:ttyS1",
                "-device", "i6300esb", "-action", "watchdog=reset", "-device", "virtio-rng-pci",
                "-device", "virtio-serial-pci,max_ports=16", *wires,
                "-qmp", f"unix:{directory}/qmp,server=on,wait=off"]

    def wait_up(self, timeout=180):
        """As on a container; a boot is not over while a unit waits for its start, and _arise() is one."""
        end = time.monotonic() + timeout
        while True:
            try:
                super().wait_up(timeout)
                wait_for(f"every unit of {self.host} has started", lambda: "No jobs" in self.exec(
                    "systemctl", "list-jobs", timeout=5).stdout, timeout, 1.0)
                return
            except LabError as e:
                # A systemd that reads all its units anew, seconds long here, may never answer who asked meanwhile;
                # and a blank volume's first mount fails, before it gets its file system.
                if time.monotonic() > end or not any(text in str(e) for text in PASSING):
                    raise

    def poweroff(self, wait=True):
        """An orderly power-off."""
        self.exec("kill", "-s", "RTMIN+4", "1")
        if wait:
            self.wait_off()

    def reboot(self, wait=True):
        """An orderly reboot, as root would ask for it."""
        with self.qmp() as qmp:
            self.exec("kill", "-s", "RTMIN+5", "1")
            if wait:
                qmp.wait_event("RESET")
        if wait:
            self.wait_up()

    def reset(self):
        """The reset button."""
        with self.qmp() as qmp:
            qmp("system_reset")

    def kill(self):
        """Pull the plug."""
        if not self.on:
            raise LabError(f"{self.host} is off")
        self.lab.signal("power-" + self.name, signal.SIGKILL)
        self.wait_off()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path("asleep"))
        self.net.dark(self.name, False)

    def hang(self):
        """The machine stops, its clocks do not: nothing runs and nothing answers."""
        self.net.dark(self.name)
        self.lab.signal("power-" + self.name, signal.SIGSTOP)

    def resume(self):
        """The machine goes on after hang()."""
        if self.pid:
            self.lab.signal("power-" + self.name, signal.SIGCONT)
            self.carriers()
        self.net.dark(self.name, False)

    def pause(self):
        """As a hypervisor does it: the clocks stop too."""
        with self.qmp() as qmp:
            qmp("stop")

    def go_on(self):
        """The end of pause()."""
        with self.qmp() as qmp:
            qmp("cont")

    def save(self, path):
        """Write the state of the running machine to a file and switch it off; its disks are part of it."""
        with self.qmp() as qmp:
            qmp("stop")
            qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
            qmp("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
            qmp("migrate", uri=f"exec:cat >{shlex.quote(path)}")
            while (status := qmp.wait_event("MIGRATION")["data"]["status"]) != "completed":
                if status == "failed":
                    raise LabError(f"{self.host}: QEMU cannot write {path}")
        self.kill()

    def wake(self):
        """Go on from the state that it was started with."""
        with self.qmp() as qmp:
            wait_for(f"{self.host} has its state", lambda: qmp("query-status")["status"] != "inmigrate", 60)
        self.carriers()
        self.go_on()

    def sleep(self):
        """Stop the machine, which has never run hapair, until start(): a first boot that costs no time."""
        self.net.dark(self.name)
        self.pause()
        with open(self._path("asleep"), "w", encoding="ascii"):
            pass

    def _arise(self, wait):
        os.unlink(self._path("asleep"))
        self.go_on()
        self.net.dark(self.name, False)
        self.set_clock()
        self.exec("systemctl", "start", "--no-block", "hapair.target")
        if wait:
            self.wait_up()

    def set_clock(self):
        """Let its clock, which stood still with the machine, show the time."""
        self.exec("date", "-s", f"@{time.time():.3f}")

    # Commands and the outside of the machine

    def qmp(self):
        """A connection to the node's QEMU, for a `with`."""
        return Qmp(self._path("qmp"))

    def carriers(self):
        """Tell the network cards which of their cables are plugged in."""
        cut = self.lab.read("faults.json")["cut"]
        with self.qmp() as qmp:
            for segment in self.net.segments:
                qmp("set_link", name=f"nic-{segment}", up=f"{segment}-{self.name}" not in cut)

    def inside(self, *argv):
        """The whole command line that runs argv in the node."""
        if not self.pid:
            raise LabError(f"{self.host} is off")
        return wire.program(self.directory, argv)

    def exec(self, *argv, timeout=30, **options):  # pylint: disable=arguments-differ
        """Run a command in the node to its end, at an emulated processor's pace; see host.run()."""
        if not self.pid:
            raise LabError(f"{self.host} is off")
        return wire.run(self.directory, f"{self.host}# {shlex.join(map(str, argv))}", argv,
                        timeout=PACE * timeout, **options)

    def journal(self, *options):
        """The node's journal, while it is on."""
        return self.exec("journalctl", "--no-pager", "--output=short-monotonic", *options, check=False).stdout

    # Disks

    def plug_disk(self, name, path):
        """Plug in a read-only disk; the node sees it as /dev/disk/by-id/virtio-NAME."""
        with self.qmp() as qmp:
            qmp("blockdev-add", **{"driver": "raw", "node-name": name, "read-only": True,
                                   "file": {"driver": "file", "filename": path}})
            qmp("device_add", driver="virtio-blk-pci", id=name, drive=name, serial=name)
        self.exec("sh", "-c", f"until [ -e /dev/disk/by-id/virtio-{name} ]; do sleep 0.02; done")

    def unplug_disk(self, name):
        """Take it out again."""
        with self.qmp() as qmp:
            qmp("device_del", id=name)
            qmp.wait_event("DEVICE_DELETED", device=name)
            qmp("blockdev-del", **{"node-name": name})

    def damage(self, directory, how):
        """As lab/node.py's: each of the records is a file of one block on the root disk, which becomes raw."""
        raw = self._path("root.raw")
        run("qemu-img", "convert", "-O", "raw", self.disk("root"), raw + ".new")
        os.rename(raw + ".new", raw)
        run("e2fsck", "-fp", raw, check=False)
        listing = run("debugfs", "-R", f"ls -p /{directory}", raw).stdout
        names = [line.split("/")[5] for line in listing.splitlines() if line.count("/") == 7]
        for name in set(names) - {".", ".."}:
            block = int(run("debugfs", "-R", f"bmap /{directory}/{name} 0", raw).stdout)
            with open(raw, "r+b") as f:
                spoil(f, how, block * BLOCK_SIZE)
        os.unlink(self.disk("root"))
        overlay(self.disk("root"), raw)

    def slow_disk(self, writes_per_second=0):
        """So many writes a second at most does the data disk do from now on; 0: as many as it can."""
        self._limit(**{"iops-write": writes_per_second})

    def break_disk(self, *kinds):
        """From now on the data disk answers with errors to everything, or to these: `read`, `write`."""
        # Not to `flush`: QEMU itself flushes before it goes back to the whole disk.
        rules = [{"event": "none", "iotype": kind, "errno": 5, "once": False}
                 for kind in kinds or ("read", "write")]
        with self.qmp() as qmp:
            qmp("blockdev-add", **{"driver": "blkdebug", "node-name": "broken", "image": "data-image",
                                   "inject-error": rules})
            self._stand_on(qmp, "broken")

    def stall_disk(self):
        """From now on the data disk answers nothing: a byte a second is next to nothing."""
        self._limit(**{"bps-total": 1})

    def mend_disk(self):
        """The end of break_disk() and stall_disk(); to stand on another file lets go what waits."""
        self._limit()
        with self.qmp() as qmp:
            self._stand_on(qmp, "data-image")
            if any(node["node-name"] == "broken" for node in qmp("query-named-block-nodes")):
                qmp("blockdev-del", **{"node-name": "broken"})

    def _limit(self, **limits):
        none = {"bps-total": 0, "iops-write": 0}
        with self.qmp() as qmp:
            qmp("qom-set", path="/objects/speed", property="limits", value={**none, **limits})

    @staticmethod
    def _stand_on(qmp, file):
        qmp("blockdev-reopen", options=[{"driver": "throttle", "node-name": "data", "throttle-group": "speed",
                                         "file": file}])


def overlay(path, base):
    """An empty disk over another one, which must not change any more."""
    kind = "qcow2" if base.endswith(".qcow2") else "raw"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", kind, path)
