#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make bench VM=1`: a pair with a volume, on two virtual machines with real DRBD.

Takeover: hapair beside a plain script on the very DRBD resource that hapair wrote, which waits for DRBD's own
detection of a dead peer; in turn, each from nodes as new. Throughput: the same mounted resource with hapair's
daemons running and without them, in turn. Nothing here asserts; the tables say what was to be reached.
"""

import argparse
import json
import re
import statistics
import sys
import time

from tests.lab import net as network
from tests.lab import pair
from tests.lab.host import LabError, wait_for
from tests.vm import records
from tests.vm.rig import Lab, Rig

from . import report

DEAD = 1.0
RESOURCE = "/etc/drbd.d/hapair.res"
VIP = network.with_prefix(10)
DAEMONS = " ".join(f"hapair-{daemon}.service" for daemon in ("confd", "hbd", "replicd", "vipd", "electd"))
# What one measurement of throughput writes: seconds of work for an emulated processor.
LARGE_MIB, SMALL_WRITES = 48, 200
# Between the records while a takeover is measured, and between the questions while nobody answers.
INTERVAL_SEC, AGAIN_SEC = 0.02, 0.01
# How long an emulated node on a machine that others use too may take to be set up.
PATIENCE_SEC = 300
# Of the takeover: this many times what promotion and mount take by themselves, after the dead time.
TAKEOVER_FACTOR = 1.5

# On the node that stands by. It notes when promotion began and when the volume was mounted, in seconds.
SCRIPT = f"""#!/bin/sh
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


def is_whole(rig):
    """Whether the master's kernel is primary, connected, and both disks are up to date."""
    said = rig.master.exec("cat", "/proc/drbd", check=False).stdout
    return " cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate " in said


def set_up_hapair(rig):
    """From nodes as new to a pair that serves, as a user sets it up."""
    rig.renew()
    both = pair.Pair(rig, dead=DEAD, settings=records.SETTINGS)
    both.init()
    both.wait_roles(PATIENCE_SEC, master="master", slave="slave")
    wait_for("the volume is whole", lambda: is_whole(rig), PATIENCE_SEC, 0.2)


def set_up_script(rig, files):
    """The same resource brought up by hand. There is nobody to ask who may go on alone: such scripts leave the
    kernel's guard out, or the standby's disk would not be fit for promotion."""
    rig.renew()
    for name, node in rig.nodes.items():
        node.write(RESOURCE, files[name].replace("fencing resource-and-stonith;", "fencing dont-care;"))
        node.write("/root/plain", SCRIPT, 0o755)
        node.exec("sh", "-c", f"mkdir -p {records.DIRECTORY}; modprobe drbd && "
                  "drbdadm create-md --force hapair && drbdadm up hapair", timeout=PATIENCE_SEC)
    wait_for("the kernels are connected", lambda: "cs:Connected" in rig.master.read("/proc/drbd"),
             PATIENCE_SEC, 0.1)
    rig.master.exec("sh", "-c", "drbdadm new-current-uuid --clear-bitmap hapair && drbdadm primary hapair && "
                    f"mkfs.ext4 -q /dev/drbd0 && mount /dev/drbd0 {records.DIRECTORY} && "
                    f"ip address add {VIP} dev eth0", timeout=PATIENCE_SEC)
    wait_for("the volume is whole", lambda: is_whole(rig), PATIENCE_SEC, 0.1)
    rig.slave.exec("systemd-run", "--unit=plain", "/root/plain")


def takeover(rig):
    """The master is killed: how long, in ms, until a record is acknowledged again."""
    client = records.Client(rig.net, VIP.split("/")[0], INTERVAL_SEC, AGAIN_SEC)
    try:
        records.wait_more(client, 50)
        begin = time.monotonic()
        rig.master.kill()
        records.wait_more(client, client.number + 10, 120)
        gap = client.gap(begin)
    finally:
        client.stop()
    records.check(client, rig.slave)
    return gap * 1000


def took(rig):
    """How long the script's promotion and mount took, in ms."""
    begin, end = map(float, wait_for("the script is through", lambda: rig.slave.exec(
        "cat", "/run/plain.took", check=False).stdout, 30, 0.1).split())
    return (end - begin) * 1000


def throughput(rig):
    """What the mounted volume takes: MiB/s of large writes, and small ones a second; all wait for both disks."""
    def write(size, count):
        said = rig.master.exec("dd", "if=/dev/zero", f"of={records.DIRECTORY}/bench", f"bs={size}",
                               f"count={count}", "oflag=direct,dsync", "conv=notrunc",
                               timeout=PATIENCE_SEC).stderr
        return count / float(re.search(r" ([\d.e+-]+) s,", said).group(1))
    return {"large": write("1M", LARGE_MIB), "small": write("4k", SMALL_WRITES)}


def options(rig):
    """DRBD's effective options at both nodes."""
    return [node.exec("drbdsetup", "show", "--show-defaults", "hapair").stdout for node in rig.nodes.values()]


def daemons(rig, run):
    """Start hapair's daemons, or end them so that they leave everything as it is: no failure, no order to stop."""
    quiet = "mkdir -p /run/systemd/system/hapair-.service.d && " \
            "printf '[Service]\\nRestart=no\\n' >/run/systemd/system/hapair-.service.d/bench.conf"
    end = f"{quiet} && systemctl daemon-reload && systemctl kill --signal=KILL {DAEMONS}"
    begin = f"rm -r /run/systemd/system/hapair-.service.d; systemctl daemon-reload && systemctl start {DAEMONS}"
    for node in rig.nodes.values():
        node.exec("sh", "-c", begin if run else end, timeout=PATIENCE_SEC)
    if run:
        pair.Pair(rig).wait_roles(PATIENCE_SEC, master="master", slave="slave")


def measure_takeovers(rig, runs, results):
    """Both in turn, whoever was second first the next time."""
    set_up_hapair(rig)
    files = {name: node.read(RESOURCE) for name, node in rig.nodes.items()}

    def hapair():
        set_up_hapair(rig)
        results["hapair"].append(takeover(rig))

    def script():
        set_up_script(rig, files)
        results["script"].append(takeover(rig))
        results["promote_mount"].append(took(rig))

    for i in range(runs):
        for contender in (hapair, script)[::-1 if i % 2 else 1]:
            contender()
            say(f"takeover {i + 1}: {contender.__name__}: {results[contender.__name__][-1]:.0f} ms")


def measure_throughput(rig, runs, results):
    """With hapair and without, in turn, on one and the same mounted resource."""
    set_up_hapair(rig)
    throughput(rig)                     # the images behind the disks grow only once
    for i in range(runs):
        figures, drbd = {}, {}
        for run in (True, False):
            if not run:
                daemons(rig, False)
            figures[run], drbd[run] = throughput(rig), options(rig)
        daemons(rig, True)
        if drbd[True] != drbd[False] or not is_whole(rig):
            raise LabError("DRBD's effective options differ with hapair and without")
        results["with"].append(figures[True])
        results["without"].append(figures[False])
        say(f"throughput {i + 1}: with hapair {figures[True]}, without {figures[False]}")


def spread(numbers, digits=0):
    """Smallest, median and largest."""
    if not numbers:
        return "–"
    return " / ".join(f"{v:.{digits}f}" for v in (min(numbers), statistics.median(numbers), max(numbers)))


def markdown(results):
    """The tables."""
    yield f"Taken on: {report.machine()}; emulated nodes."
    yield ""
    yield "| master killed, dead time 1 s: until a record is acknowledged again | min / median / max, ms |"
    yield "|---|---|"
    yield f"| hapair | {spread(results['hapair'])} |"
    yield f"| script that waits for DRBD | {spread(results['script'])} |"
    yield f"| of that, promotion and mount alone | {spread(results['promote_mount'])} |"
    if results["hapair"] and results["promote_mount"]:
        limit = DEAD * 1000 + TAKEOVER_FACTOR * statistics.median(results["promote_mount"])
        reached = statistics.median(results["hapair"])
        yield ""
        yield (f"At most the dead time and {TAKEOVER_FACTOR:g} times promotion and mount: {limit:.0f} ms; median "
               f"{reached:.0f} ms: {'met' if reached <= limit else 'missed'}.")
    yield ""
    yield "| replicated writes | with hapair | without | ratio, each to its neighbour |"
    yield "|---|---|---|---|"
    for figure, words in (("large", "1 MiB each, MiB/s"), ("small", "4 KiB each, a second")):
        ours, theirs = ([run[figure] for run in results[side]] for side in ("with", "without"))
        yield (f"| {words} | {spread(ours, 1)} | {spread(theirs, 1)} | "
               f"{spread([a / b for a, b in zip(ours, theirs)], 2)} |")


def say(text):
    """Progress, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main():
    """Measure, then print the tables of what there is."""
    parser = argparse.ArgumentParser(prog="bench", description="measure a pair with a volume; needs root")
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--runs", type=int, default=10, help="how often each is measured")
    parser.add_argument("--only", choices=("takeover", "throughput"))
    parser.add_argument("--json", metavar="FILE", help="write every figure of every run to FILE")
    args = parser.parse_args()
    results = {key: [] for key in ("hapair", "script", "promote_mount", "with", "without")}
    trouble = None
    with Lab(args.build, say) as lab:
        try:
            rig = Rig.make(lab, [pair.install(lab), records.layer(lab, VIP.split("/", maxsplit=1)[0])])
            if args.only != "throughput":
                measure_takeovers(rig, args.runs, results)
            if args.only != "takeover":
                measure_throughput(rig, args.runs, results)
        except LabError as e:
            trouble = e
    if args.json:
        with open(args.json, "w", encoding="ascii") as f:
            json.dump(results, f, indent=1)
    print("\n".join(markdown(results)))
    if trouble:
        print(f"bench: ended early: {trouble}", file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
