# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both virtual nodes with all that is between them, and the snapshot they wake up from.

The nodes boot once on a machine; then their memory is written to a file, from which every later run wakes them
in a second. What is of the project comes after that, on a disk that is plugged in: so a rebuild costs no boot.
"""

import concurrent.futures
import fcntl
import glob
import hashlib
import json
import os
import shutil

from ..lab import net as network
from ..lab import node as machine
from ..lab import rig as containers
from ..lab.host import LabError, run
from ..lab.lab import SOURCE
from ..lab.lab import Lab as ContainerLab
from ..lab.tools import Cable
from . import image
from . import node as virtual

# An emulated processor may do nothing for seconds, and what it does costs many times as much. The daemons' own limits
# are for real ones.
PATIENCE = """[Service]
LimitRTTIME=infinity
TimeoutStartSec=2min
WatchdogSec=30s
"""
TOOLS = ("mke2fs", "qemu-img", "qemu-system-x86_64")
INSTALL = "mount /dev/disk/by-id/virtio-payload /mnt && cp -a /mnt/. / && umount /mnt"


class Lab(ContainerLab):
    """A run of the lab of virtual machines."""

    PREFIX = "hapair-vm-"

    def _base(self, say):
        missing = [tool for tool in TOOLS if not shutil.which(tool)]
        if missing:
            raise LabError(f"missing on this machine: {', '.join(missing)}; `make deps` installs it")
        return image.get(self.guest_tool("guest"), say)

    def guest_tool(self, name):
        """One of the programs for the nodes beside this file, as built."""
        return os.path.join(self.build, "tests", "vm", name)

    def keep(self, where):
        """Keep what tells of a failure: journals of nodes that answer, consoles, what QEMU said."""
        super().keep(where)
        for name in network.NODES:
            try:
                node = virtual.Node(self, network.Net(self), name)
                with open(os.path.join(where, name + ".journal"), "w", encoding="utf-8") as f:
                    f.write(node.journal())
            except LabError as e:
                print(f"no journal of {name}: {e}")
            for path in glob.glob(self.path(name, "console.log")):
                shutil.copy(path, os.path.join(where, name + ".console"))


class Net(network.Net):
    """The switch of virtual nodes: their cables are taps, and their cards are told of a pulled one."""

    def lay(self, node):
        """The node's cables, into the switch."""
        for segment in self.segments:
            self._ip(self.switch, [f"tuntap add dev {segment}-{node} mode tap", *self._join(node, segment)])

    def wire(self, node):
        """Nothing that a node makes itself."""

    def _apply(self, old, new):
        super()._apply(old, new)
        if old["cut"] != new["cut"]:
            for name in network.NODES:
                node = virtual.Node(self.lab, self, name)
                # What hangs cannot be told anything; it is when it goes on.
                if node.pid and name not in new["dark"]:
                    node.carriers()


class Rig(containers.Rig):
    """Everything of a run, as lab/rig.py has it."""

    def __init__(self, lab, ends=(None, None)):  # pylint: disable=super-init-not-called
        self.lab = lab
        self.net = Net(lab)
        self.cable = Cable(lab)
        self.nodes = {name: virtual.Node(lab, self.net, name, serial=end)
                      for name, end in zip(network.NODES, ends)}

    @classmethod
    def make(cls, lab, layers=(), segments=("lan", "rep")):
        """Build everything and wake both nodes up with the layers installed on them."""
        net = Net(lab)
        net.build(segments)
        for name in network.NODES:
            net.lay(name)
        ends = Cable(lab).lay()
        lab.note(ends=ends)
        self = cls(lab, ends)
        machine.layer(lab)
        if virtual.is_emulated():
            drop_in = lab.path("layer", "etc", "systemd", "system", "hapair-.service.d")
            os.makedirs(drop_in)
            with open(os.path.join(drop_in, "lab.conf"), "w", encoding="ascii") as f:
                f.write(PATIENCE)
        self.renew(layers)
        return self

    @classmethod
    def attach(cls, name=None):
        """The rig of a run that someone else owns."""
        lab = Lab.attach(name)
        return cls(lab, lab.facts()["ends"])

    def heal(self):
        """Every cable and the gateway are whole again; whatever happens to the nodes next begins with
        renew()."""
        self.net.mend()
        self.net.gateway(True)
        self.net.retreat_all()
        self.cable.plug()
        for node in self.nodes.values():
            node.resume()

    def renew(self, layers=None):
        """Both nodes as new and awake: nothing on the data disks, the layers (or those of before) freshly
        installed."""
        fresh = self.lab.path("fresh")
        if layers is not None:
            self._pack([*layers, self.lab.path("layer")])
            shutil.rmtree(fresh, ignore_errors=True)
        self.heal()
        if not os.path.isdir(fresh):
            self._wake(self._snapshot())
            self._on_both(self._install)
            self._save(fresh)
        self._wake(fresh)

    def _wake(self, snapshot):
        """Both nodes, whatever they do now, go on from a snapshot."""
        self._off()
        for name, node in self.nodes.items():
            node.make(os.path.join(snapshot, f"{name}.qcow2"))
            node.start(incoming=os.path.join(snapshot, f"{name}.state"))
        for node in self.nodes.values():
            node.wake()
        self._on_both(virtual.Node.set_clock)

    def _save(self, path):
        """Keep the state of both nodes, which are on and have nothing on their data disks, and switch them
        off."""
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path + ".new")
        for name, node in self.nodes.items():
            node.exec("sync")
            node.save(os.path.join(path + ".new", f"{name}.state"))
            shutil.copy(node.disk("root"), os.path.join(path + ".new", f"{name}.qcow2"))
        os.rename(path + ".new", path)

    def _off(self):
        for node in self.nodes.values():
            if node.on:
                node.kill()

    def _on_both(self, action):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(action, self.nodes.values()))

    def _pack(self, layers):
        """The layers as one disk image."""
        path = self.lab.path("payload")
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        for layer in layers:
            run("cp", "-a", f"{layer}/.", path)
        kib = int(run("du", "-sk", path).stdout.split()[0])
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", path, path + ".ext4",
            f"{kib * 5 // 4 + 4096}K")

    def _install(self, node):
        """Copy the layers to the node's root disk, so that they are there after a reboot too, and do what a
        package's installation does then."""
        with open(os.path.join(SOURCE, "units", "post-install.sh"), encoding="ascii") as f:
            after = f.read()
        node.plug_disk("payload", self.lab.path("payload.ext4"))
        node.exec("sh", "-c", INSTALL)
        node.unplug_disk("payload")
        node.exec("sh", "-c", after)
        node.exec("sh", "-c", "udevadm control --reload && systemctl start sysinit.target && sync")

    def _snapshot(self):
        """The directory of the snapshot, which is made if it is not there."""
        made_of = [run("qemu-system-x86_64", "--version").stdout, _processor(), virtual.DATA_SIZE]
        made_of += [word for node in self.nodes.values() for word in node.arguments("", "", "")]
        key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
        path = os.path.join(self.lab.tree, f"snapshot-{key}")
        with open(path + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(path):
                self._off()
                for node in self.nodes.values():
                    node.make()
                machine.start_together(*self.nodes.values())
                self._save(path)
        return path


def _processor():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return "".join(sorted({line for line in f if line.startswith(("model name", "flags"))}))
