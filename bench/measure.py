# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured. Each function takes a contender that is whole, breaks or watches it, and returns figures by
name: times in milliseconds, or Spoiled where the measuring itself was late.
"""

import os
import signal
import time

from tests.lab.host import wait_for
from tests.lab.tools import Holders, Probe

PAGE = os.sysconf("SC_PAGE_SIZE")
# The probe asks this often: no figure is finer.
STEP_USEC = 1000
# So many of a thousand addresses are probed, evenly spread, the first and the last among them.
SAMPLE = 11
# What a killed daemon may cost at most: a stall far below it spoils nothing, however good the result is.
KILLED_GAP_USEC = 50_000
LOOPS = 8
LOAD_SEC = 30
REST_SEC = 5


class Spoiled(Exception):
    """The probe stood still for about as long as what it was to measure."""


def check(found, result_usec):
    """Refuse a run whose probe stalled for more than its own step and a tenth of the result."""
    if found["stall_us"] > max(STEP_USEC, result_usec / 10):
        raise Spoiled(f"the probe stalled for {found['stall_us'] / 1000:.1f} ms")


def takeover(contender, fault, silence=False, fine=False):
    """A fault at the serving node: how long a client was without an answer. After `silence`, also by how much more
    than the other node has to wait; `fine` is for who wants that, and not the whole."""
    addresses = spread(contender.addresses)
    serving, other = contender.serving, contender.other
    with Probe(contender.rig.net, *addresses, interval_usec=STEP_USEC).ready() as probe:
        time.sleep(0.2)
        begin = time.monotonic()
        fault(serving)
        for address in addresses:
            probe.wait_holder(address, other.host)
        time.sleep(0.05)
        events = probe.events()
        found = probe.finish()
    gap = max(target["gap_us"] for target in found["targets"])
    figures = {"gap": gap / 1000}
    deadline = contender.deadline(other) if silence else None
    if deadline is not None:
        last = max(next(when for at, node, when in events if at == address and node == other.host and when > begin)
                   for address in addresses)
        figures["beyond"] = (last - deadline) * 1000
    check(found, figures["beyond"] * 1000 if fine and "beyond" in figures else gap)
    return figures


def killed(contender, units, node=None, seconds=1.0):
    """Daemons killed with SIGKILL at a node, the serving one unless told: how long a client was without an answer,
    how long two nodes held the address, and how often a role changed."""
    node = node or contender.serving
    address = contender.addresses[0]
    before = contender.role_changes()
    with Holders(contender.rig.net, address).ready() as holders, \
         Probe(contender.rig.net, address, interval_usec=STEP_USEC).ready() as probe:
        time.sleep(0.2)
        for unit in units:
            # All of its processes at one moment, so that none can tidy up after another.
            with open(os.path.join(_group(node, unit), "cgroup.kill"), "w", encoding="ascii") as f:
                f.write("1")
        time.sleep(seconds)
        found = probe.finish()
        held = holders.finish()
    gap = found["targets"][0]["gap_us"]
    check(found, max(gap, KILLED_GAP_USEC))
    return {"gap": gap / 1000, "shared": held["addresses"][0]["shared_us"] / 1000,
            "changes": contender.role_changes() - before}


def load(contender):
    """Busy loops, more than the machine has cores: how often a role changed, and the longest time without answer."""
    lab = contender.rig.lab
    before = contender.role_changes()
    names = [f"busy-{i}" for i in range(LOOPS)]
    try:
        with Probe(contender.rig.net, contender.addresses[0], interval_usec=STEP_USEC).ready() as probe:
            for name in names:
                lab.spawn(name, "/bin/sh", "-c", "while :; do :; done")
            time.sleep(LOAD_SEC)
            found = probe.finish()
    finally:
        for name in names:
            lab.signal(name, signal.SIGKILL)
    return {"changes": contender.role_changes() - before, "gap": found["targets"][0]["gap_us"] / 1000}


def rest(contender):
    """Nothing happens: per cent of one core and MB of memory of all daemons of a node, of the node with more."""
    before = {name: _cpu_usec(contender, node) for name, node in contender.rig.nodes.items()}
    time.sleep(REST_SEC)
    used = max(_cpu_usec(contender, node) - before[name] for name, node in contender.rig.nodes.items())
    return {"cpu": used / (REST_SEC * 1e6) * 100,
            "pss": max(_pss(contender, node) for node in contender.rig.nodes.values()) / 1e6}


def spread(addresses):
    """So many of them that the probe does not become the load."""
    if len(addresses) <= SAMPLE:
        return addresses
    return [addresses[i * (len(addresses) - 1) // (SAMPLE - 1)] for i in range(SAMPLE)]


def wait_quiet(seconds=0.5):
    """Wait until the machine has next to nothing to do, but not for ever: it may not be ours alone."""
    deadline = time.monotonic() + seconds

    def quiet():
        idle, total = _ticks()
        time.sleep(0.25)
        now_idle, now_total = _ticks()
        return now_idle - idle > 0.9 * (now_total - total) or time.monotonic() > deadline
    wait_for("the machine is quiet", quiet, seconds + 1)


def _ticks():
    with open("/proc/stat", encoding="ascii") as f:
        values = [int(word) for word in f.readline().split()[1:9]]
    return values[3] + values[4], sum(values)


def _group(node, unit):
    """The cgroup of a service at a node."""
    return os.path.join(node.cgroup, "system.slice", unit)


def _cpu_usec(contender, node):
    total = 0
    for unit in contender.units:
        with open(os.path.join(_group(node, unit), "cpu.stat"), encoding="ascii") as f:
            total += int(f.readline().split()[1])
    return total


def _pss(contender, node):
    """The proportional set size of the services, counted as if the node were the only one of its kind on the machine.

    What the kernel says divides a library's pages among the processes of all nodes, which share the tree they
    boot from; here a page is divided among the processes of this node.
    """
    ours = {pid for unit in contender.units for pid in _pids(_group(node, unit))}
    users, sizes = {}, {pid: [] for pid in ours}
    for group, _, _ in os.walk(node.cgroup):
        for pid in _pids(group):
            for frame in _frames(pid):
                users[frame] = users.get(frame, 0) + 1
                if pid in ours:
                    sizes[pid].append(frame)
    return sum(PAGE / users[frame] for frames in sizes.values() for frame in frames)


def _pids(group):
    with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as f:
        return [int(line) for line in f]


def _frames(pid):
    """The page frames a process has in memory (proc(5), pagemap)."""
    frames = []
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
            for line in maps:
                begin, end = (int(word, 16) for word in line.split()[0].split("-"))
                if line.rstrip().endswith("[vsyscall]"):
                    continue
                pagemap.seek(begin // PAGE * 8)
                entries = memoryview(pagemap.read((end - begin) // PAGE * 8)).cast("Q")
                frames += [e & ((1 << 55) - 1) for e in entries if e >> 63]
    except (FileNotFoundError, ProcessLookupError):
        return []       # it ended meanwhile
    return frames
