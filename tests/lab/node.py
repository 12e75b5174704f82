# SPDX-License-Identifier: LGPL-2.1-or-later
"""One node: its power switch, commands in it, its files and its journal.

A node's disk is a directory on the host's disk (an overlay's upper layer), so what it syncs is really
written. It keeps it from boot to boot, until wipe().
"""

import os
import shlex
import shutil
import signal
import time

from . import net as network
from .host import LabError, run, wait_for

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.sh")
# What no process of a node may have: the clock, the kernel and its audit are the host's.
BEYOND = "-sys_time,-sys_module,-sys_rawio,-audit_control,-audit_read"
ENVIRONMENT = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME=/root", "LANG=C.UTF-8")

# Of a crash-safe record, see common/state.c.
SLOT_SIZE = 2048

ECHO_UNIT = """[Unit]
Description=UDP echo: answers the lab's probe on every address this node has
DefaultDependencies=no
After=dbus.socket

[Service]
ExecStart=/usr/lib/hapair-lab/echo 7 %H
CPUSchedulingPolicy=fifo
CPUSchedulingPriority=50
Restart=always
RestartSec=0
OOMScoreAdjust=0

[Install]
WantedBy=sysinit.target
"""


class Node:
    """A node of a run, named `master` or `slave` after its configured role; its host name is gw-NAME."""

    def __init__(self, lab, net, name, layers=(), serial=None):
        self.lab, self.net, self.name = lab, net, name
        self.layers = layers
        self.serial = serial

    @property
    def host(self):
        """The host name."""
        return f"gw-{self.name}"

    @property
    def cgroup(self):
        """The cgroup that is the root of what the node sees."""
        return os.path.join(self.lab.cgroup, self.name)

    @property
    def pid(self):
        """The node's PID 1 as the host counts it; None while the node is off."""
        try:
            with open(self._path("pid"), encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                return pid if f"/{self.lab.name}/{self.name}" in f.read() else None
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None

    # Power

    def make(self):
        """Install the node: an empty disk over the layers, its cables ready to be plugged in."""
        for part in ("upper", "work"):
            os.makedirs(self._path(part))
        os.makedirs(self.cgroup, exist_ok=True)
        etc = self._path("upper", "etc")
        os.makedirs(etc)
        names = {n: network.address(n) for n in network.NODES}
        self._file(os.path.join(etc, "hostname"), self.host + "\n")
        self._file(os.path.join(etc, "machine-id"), f"{network.HOSTS[self.name]:032x}\n")
        self._file(os.path.join(etc, "hosts"), "127.0.0.1 localhost\n" +
                   "".join(f"{address} gw-{n}\n" for n, address in names.items()))
        self.net.wire(self.name)

    def start(self, wait=True):
        """Press the power button; wait until systemd has brought everything up."""
        if self.lab.pid("power-" + self.name):
            raise LabError(f"{self.host} is on already")
        with open(f"{self.cgroup}/cgroup.freeze", "w", encoding="ascii") as f:
            f.write("0")
        self.lab.spawn("power-" + self.name, BOOT, "power", env={
            "PATH": os.environ["PATH"], "NODE": self._path(), "CGROUP": self.cgroup, "HOST": self.host,
            "LOWER": ":".join([*self.layers, self.lab.tree]), "SWITCH": self.net.switch,
            "TTY": self.serial or "", "BEYOND": BEYOND})
        if wait:
            self.wait_up()

    def wait_up(self, timeout=60):
        """Wait until systemd says that the boot is over; a unit that failed is an error that is named."""
        def booted():
            if not self.lab.pid("power-" + self.name):
                with open(self.lab.path(f"power-{self.name}.err"), encoding="utf-8") as f:
                    raise LabError(f"{self.host} does not boot: {f.read().strip()}")
            return self.pid and self.exec("systemctl", "is-system-running", "--wait", check=False,
                                          timeout=timeout).stdout.strip() in ("running", "degraded")
        wait_for(f"{self.host} boots", booted, timeout)
        failed = self.exec("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout.strip()
        if failed:
            raise LabError(f"{self.host}: failed at boot: {failed}")

    def wait_off(self, timeout=60):
        """Wait until the node is off."""
        wait_for(f"{self.host} is off", lambda: not self.lab.pid("power-" + self.name), timeout)

    def poweroff(self, wait=True):
        """An orderly power-off."""
        self._signal(signal.SIGRTMIN + 4)
        if wait:
            self.wait_off()

    def reboot(self, wait=True):
        """An orderly reboot, as root would ask for it."""
        before = self.pid
        self._signal(signal.SIGRTMIN + 5)
        if wait:
            wait_for(f"{self.host} goes down", lambda: self.pid != before, 60)
            self.wait_up()

    def kill(self):
        """Pull the plug: everything ends at one moment.

        Frozen first, which takes no time, then cut off, then killed: a process that dies would have its
        kernel refuse what still arrives for it, and a namespace goes on answering until it is taken apart.
        """
        self.hang()
        self._signal(signal.SIGKILL)
        self.wait_off()
        self.net.unwire(self.name)
        self.net.dark(self.name, False)

    def freeze(self):
        """Stop everything that runs on the node; its kernel goes on answering, unlike with hang()."""
        self._freezer(1)

    def thaw(self):
        """Let it go on."""
        self._freezer(0)

    def hang(self):
        """The machine stops: nothing runs and nothing answers."""
        self.freeze()
        self.net.dark(self.name)

    def resume(self):
        """The machine goes on after hang()."""
        self.thaw()
        self.net.dark(self.name, False)

    def wipe(self):
        """Make the node, which is off, as new again."""
        for part in ("upper", "work", "pid"):
            path = self._path(part)
            shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)
        self.make()

    def damage(self, directory, how):
        """Spoil the two-slot records (common/state.c) in a directory of the node, which is off: `lost` is
        both slots, `torn` the newer one.
        """
        top = self._path("upper", directory)
        for name in os.listdir(top):
            with open(os.path.join(top, name), "r+b") as f:
                spoil(f, how)

    # Commands, files, journal

    def inside(self, *argv):
        """The whole command line that runs argv in the node."""
        if not self.pid:
            raise LabError(f"{self.host} is off")
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--",
                "setpriv", f"--bounding-set={BEYOND}", *ENVIRONMENT, *map(str, argv)]

    def exec(self, *argv, check=True, timeout=30, **options):
        """Run a command in the node to its end; see host.run()."""
        return run(*self.inside(*argv), check=check, timeout=timeout,
                   name=f"{self.host}# {shlex.join(map(str, argv))}", **options)

    def write(self, path, text, mode=0o644):
        """Write a file in the running node."""
        self.exec("/bin/sh", "-c", 'umask 077 && mkdir -p "${1%/*}" && cat >"$1" && chmod "$2" "$1"', "sh",
                  path, f"{mode:o}", input=text)

    def read(self, path):
        """Read a file of the running node."""
        return self.exec("cat", path).stdout

    def journal(self, *options):
        """The node's journal, also when the node is off."""
        return run("journalctl", "--directory", self._path("upper", "var", "log", "journal"), "--no-pager",
                   "--output=short-monotonic", *options, check=False).stdout

    def addresses(self, device=None):
        """The addresses the node has now, without prefix length."""
        output = self.exec("ip", "-oneline", "address", "show", *(("dev", device) if device else ())).stdout
        return [line.split()[3].split("/")[0] for line in output.splitlines()]

    def with_prefix(self, address):
        """An address of the node with the prefix length it has there; None if it has not got it."""
        words = self.exec("ip", "-oneline", "address", "show", "to", address).stdout.split()
        return words[3] if words else None

    def service_pid(self, unit):
        """The main pid of a unit as the node counts it, 0 if it does not run."""
        return int(self.exec("systemctl", "show", "--property=MainPID", "--value", unit).stdout)

    # How

    def _path(self, *parts):
        return self.lab.path(self.name, *parts)

    @staticmethod
    def _file(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    def _signal(self, number):
        pid = self.pid
        if not pid:
            raise LabError(f"{self.host} is off")
        os.kill(pid, number)

    def _freezer(self, value):
        with open(f"{self.cgroup}/cgroup.freeze", "w", encoding="ascii") as f:
            f.write(str(value))

        def settled():
            with open(f"{self.cgroup}/cgroup.events", encoding="ascii") as f:
                return f"frozen {value}" in f.read()
        wait_for(f"{self.host} is {'frozen' if value else 'thawed'}", settled, interval=0.001)


def spoil(record, how, begin=0):
    """Spoil a two-slot record that begins somewhere in an open file; see damage()."""
    record.seek(begin)
    slots = [record.read(SLOT_SIZE) for _ in range(2)]
    generations = [int.from_bytes(slot[16:24], "little") for slot in slots]
    for i in (0, 1) if how == "lost" else (generations.index(max(generations)),):
        record.seek(begin + i * SLOT_SIZE + SLOT_SIZE // 4)
        record.write(b"spoilt")


def layer(lab):
    """The lab's own layer over every node: the echo that answers the probe, as a service."""
    path = lab.path("layer")
    program = os.path.join(path, "usr", "lib", "hapair-lab", "echo")
    unit = os.path.join(path, "etc", "systemd", "system", "lab-echo.service")
    wanted = os.path.join(os.path.dirname(unit), "sysinit.target.wants")
    for directory in (os.path.dirname(program), wanted):
        os.makedirs(directory)
    shutil.copy(lab.tool("echo"), program)
    with open(unit, "w", encoding="ascii") as f:
        f.write(ECHO_UNIT)
    os.symlink("../lab-echo.service", os.path.join(wanted, os.path.basename(unit)))
    return path


def start_together(*nodes):
    """Switch the nodes on at the same time and wait for all of them."""
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_up()


def elapsed(action, *arguments):
    """How long an action took, in seconds."""
    begin = time.monotonic()
    action(*arguments)
    return time.monotonic() - begin
