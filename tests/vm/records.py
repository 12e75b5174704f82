# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of a pair with a volume, and what must hold of the data whatever happens.

The client appends numbered records through the service on the virtual IP (records.c), and goes on with the
next when it was told that the last one is written. So what was acknowledged is a number; every record up to
it must be on the volume, in order, and of those after it at most the one that was asked for. The watch
follows what both kernels say (roles.c): never may both nodes write alone.
"""

import concurrent.futures
import ctypes
import os
import re
import shutil
import socket
import threading
import time

from ..lab.host import LabError, wait_for

PORT = 5000
DIRECTORY = "/srv/hapair"
FILE = DIRECTORY + "/records"
RECORD_SIZE = 16
# hapair.conf of a pair whose volume is the nodes' data disks.
SETTINGS = {"Replication": {"Enabled": "yes", "MasterDisk": "/dev/vdb", "SlaveDisk": "/dev/vdb",
                            "MountPoint": DIRECTORY}}
# A master that hung while the other one took over may answer from its memory until its heartbeats and its kernel have
# noticed, and takes its addresses down then. Who answers so for longer has lost records.
STALE_SEC = 20.0
# A kernel's line counts for so long, twice as long as they are apart; less than any takeover takes.
FRESH_SEC = 0.5
# A line of /proc/drbd: without connection, primary, and its I/O runs (`r` after the protocol).
ALONE = re.compile(r" cs:(StandAlone|Disconnecting|Unconnected|Timeout|BrokenPipe|NetworkFailure|ProtocolError|"
                   r"TearDown|WFConnection) ro:Primary/.* [ABC] r")

UNIT = """[Unit]
Description={description}
DefaultDependencies=no
After=lab-network.service

[Service]
ExecStart={command}
CPUSchedulingPolicy=rr
Restart=always
RestartSec=0

[Install]
WantedBy=sysinit.target
"""
PROGRAMS = {
    "records": ("The service that is made highly available", "{vip} {port} {directory}"),
    "roles": ("Says what the kernel holds of the volume", "/dev/ttyS1"),
}


def layer(lab, vip):
    """The nodes' programs as a layer for their disks."""
    path = lab.path("records")
    shutil.rmtree(path, ignore_errors=True)
    units = os.path.join(path, "etc", "systemd", "system")
    os.makedirs(os.path.join(units, "sysinit.target.wants"))
    os.makedirs(os.path.join(path, "usr", "lib", "hapair-lab"))
    for name, (description, arguments) in PROGRAMS.items():
        command = f"/usr/lib/hapair-lab/{name} " + arguments.format(vip=vip, port=PORT, directory=DIRECTORY)
        shutil.copy(lab.guest_tool(name), os.path.join(path, "usr", "lib", "hapair-lab"))
        with open(os.path.join(units, f"lab-{name}.service"), "w", encoding="ascii") as f:
            f.write(UNIT.format(description=description, command=command))
        os.symlink(f"../lab-{name}.service",
                   os.path.join(units, "sysinit.target.wants", f"lab-{name}.service"))
    shutil.copy(lab.guest_tool("strike.so"), os.path.join(path, "usr", "lib", "hapair-lab"))
    return path


class Client(threading.Thread):
    """Appends records from the client's station until stop(). `acknowledged` has the time of each, of
    CLOCK_MONOTONIC; `lost` says what the service had that it should not, or had not that it should."""

    def __init__(self, net, address, interval=0.1, again=0.1):
        super().__init__(daemon=True)
        self.acknowledged, self.lost, self.error = [], None, None
        self._namespace = net.lab.namespace("client")
        self._address, self._interval, self._again = address, interval, again
        self._stale_since = None
        self._ended = threading.Event()
        self.start()

    @property
    def number(self):
        """The last record that was acknowledged."""
        return len(self.acknowledged)

    def gap(self, since):
        """The longest time without an acknowledgement from `since` on, up to now."""
        times = [since, *(t for t in self.acknowledged if t > since), time.monotonic()]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def stop(self):
        """No further record. The one that was asked for may come to be written or not."""
        self._ended.set()
        self.join()

    def run(self):
        _enter(self._namespace)
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as service:
            service.settimeout(self._again)
            service.connect((self._address, PORT))
            while not self._ended.is_set() and not self.lost:
                if self._ask(service, self.number + 1):
                    self.acknowledged.append(time.monotonic())
                    self._stale_since = None
                    self._ended.wait(self._interval)

    def _ask(self, service, number):
        """Ask once for a record; whether it is acknowledged."""
        try:
            service.send(str(number).encode())
            words = service.recv(128).decode().split()
            while words[0] != str(number):
                words = service.recv(128).decode().split()
        except TimeoutError:
            return False
        except OSError:         # nobody has the address, or nobody serves there
            self._ended.wait(self._again)
            return False
        if words[1] == "last":
            self._note_last(number - 1, int(words[2]))
            self._ended.wait(self._again)
        elif words[1] == "error":
            self.error = os.strerror(int(words[2]))
            self._ended.wait(self._again)
        return words[1] == "ok"

    def _note_last(self, acknowledged, last):
        """Who answers has another last record than the one that was acknowledged."""
        self._stale_since = self._stale_since or time.monotonic()
        if last > acknowledged or time.monotonic() - self._stale_since > STALE_SEC:
            self.lost = f"{acknowledged} records were acknowledged, and the volume has {last}"


def _enter(namespace):
    """This thread, and nothing else of the program, goes into a network namespace (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", "rb") as f:
        if libc.setns(f.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


class Watch(threading.Thread):
    """Follows both kernels; `split` says when both nodes could write without the other's knowing."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.split = nodes, None
        self.said = {name: (0.0, "none") for name in nodes}
        self._ended = threading.Event()
        self._files = {name: _end_of(os.path.join(node.directory, "console.log"))
                       for name, node in nodes.items()}
        self.start()

    def stop(self):
        """The end of it."""
        self._ended.set()
        self.join()
        for file in self._files.values():
            file.close()

    def run(self):
        rest = dict.fromkeys(self.nodes, "")
        while not self._ended.wait(0.02):
            for name, file in self._files.items():
                *lines, rest[name] = (rest[name] + file.read()).split("\n")
                said = [line.removeprefix("volume ") for line in lines if line.startswith("volume ")]
                if said:
                    self.said[name] = time.monotonic(), said[-1]
            if not self.split and all(self._writes_alone(name) for name in self.nodes):
                said = "; ".join(f"{name}: {line.strip()}" for name, (_, line) in self.said.items())
                self.split = f"both nodes can write alone: {said}"

    def _writes_alone(self, name):
        """A primary that has its peer writes nothing that the peer does not acknowledge; one that is frozen
        writes nothing at all."""
        when, line = self.said[name]
        return time.monotonic() - when < FRESH_SEC and bool(ALONE.search(line))


def _end_of(path):
    file = open(path, encoding="ascii", errors="replace")       # pylint: disable=consider-using-with
    file.seek(0, os.SEEK_END)
    return file


def wait_more(client, number, timeout=60):
    """Wait until more records than that are acknowledged."""
    wait_for(f"more than {number} records are acknowledged (last error: {client.error})",
             lambda: client.number > number or client.lost, timeout)


def check(client, node):
    """Everything that the client was told is written is on the volume of this node, which has it mounted."""
    if client.lost:
        raise LabError(f"records are lost: {client.lost}")
    # The client may go on meanwhile: what was acknowledged before must be there, and no more than it has asked for
    # since.
    acknowledged = client.number
    numbers = [int(line) for line in node.read(FILE).split()]
    right = numbers == list(range(1, len(numbers) + 1))
    if not right or not acknowledged <= len(numbers) <= client.number + 1:
        wrong = next((i for i, n in enumerate(numbers) if n != i + 1), len(numbers))
        raise LabError(f"{acknowledged} records were acknowledged; {FILE} on {node.host} has {len(numbers)}, "
                       f"of which the first {wrong} are right")


def kept(node, snapshot):
    """The numbers of the records in a snapshot, a device or a file."""
    name = os.path.basename(FILE)
    return [int(line) for line in node.exec(
        "sh", "-ec", f"mount -t ext4 -o ro,noload,loop {snapshot} /mnt; cat /mnt/{name}; umount /mnt").stdout.split()]


def compare(serving, other):
    """Both disks hold the same, byte by byte, while the file system of the node that serves stands still."""
    size = int(serving.exec("blockdev", "--getsize64", "/dev/drbd0").stdout)
    # Past the page cache, which knows nothing of what DRBD writes to the disk.
    command = f"dd if=/dev/vdb iflag=direct,count_bytes bs=1M count={size} status=none | md5sum"
    serving.exec("fsfreeze", "--freeze", DIRECTORY)
    try:
        with concurrent.futures.ThreadPoolExecutor() as threads:
            sums = dict(zip((serving.host, other.host), threads.map(
                lambda node: node.exec("sh", "-c", command, timeout=300).stdout.split()[0], (serving, other))))
    finally:
        serving.exec("fsfreeze", "--unfreeze", DIRECTORY)
    if len(set(sums.values())) != 1:
        raise LabError(f"the disks differ: {sums}")
