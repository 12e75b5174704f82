# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a file of tests/scenarios/ on two virtual nodes: the container lab's steps, and those of a volume.

With a volume a client appends records all the time, and in the end no acknowledged one is missing, both disks hold
the same where they are connected, and never could both nodes write alone.
"""

import concurrent.futures
import json
import shutil
import subprocess

from ..lab import scenario as containers
from ..lab.host import LabError, wait_for
from ..lab.scenario import Failed
from . import records
from .node import is_emulated

# An emulated processor that shares the real ones with others may stand still for a second.
SHORTEST_DEAD = 3.0
# Of a data disk of 64 MiB, 40 seconds.
SYNC_RATE_KIB = 1024
FILLER = records.DIRECTORY + "/filler"
STEPS = dict(containers.STEPS)


def step(function):
    """A step or expectation of this engine; one of the container lab's by the same name is done and then more."""
    name = function.__name__
    before = containers.STEPS.get(name)

    def both(play, *words):
        if before:
            before(play, *words)
        function(play, *words)
    STEPS[name] = both
    return function


# What stops a node's electd at a moment, how it is told which, and what it leaves when it has (strike.c).
STRIKE = """[Service]
Environment=LD_PRELOAD=/usr/lib/hapair-lab/strike.so
"""
STRIKE_ORDER, STRUCK = "/run/hapair-lab-strike", "/var/lib/hapair/electd/struck"


# The service of every scenario that spoils something.
SERVICE, UNIT = "demo", "lab-demo.service"
SERVICE_FILES = {
    f"/etc/systemd/system/{UNIT}": "[Unit]\nDescription=A service\n\n[Service]\nExecStart=sleep infinity\n",
    f"/etc/hapair/services.d/{SERVICE}.service-set": f"[ServiceSet]\nUnits={UNIT}\nStopLimitSec=2\n",
}
# What an administrator may have done so that a step fails: a check before the start, a unit that nobody may stop.
SPOILT = f"/etc/systemd/system/{UNIT}.d/spoilt.conf"
SPOILS = {
    "start": f"mkdir -p {SPOILT[:SPOILT.rindex('/')]}; printf '[Service]\\nExecStartPre=false\\n' >{SPOILT}",
    "stop": f"mkdir -p {SPOILT[:SPOILT.rindex('/')]}; printf '[Unit]\\nRefuseManualStop=yes\\n' >{SPOILT}",
}


class Scenario(containers.Scenario):
    """A scenario file, read."""

    def __init__(self, path):
        super().__init__(path, "vm", STEPS)
        self.dead = max(self.dead, SHORTEST_DEAD)
        self.volume = self.header["pair"] == ["volume"]
        if self.volume:
            for section, keys in records.SETTINGS.items():
                self.settings[section] = {"SyncRate": SYNC_RATE_KIB, **keys, **self.settings.get(section, {})}
        self.spoils = any(words[0] == "spoil" for _, words in self.steps)
        if self.spoils:
            self.settings.setdefault(f"Service {SERVICE}", {"Start": "master"})

    def exempt(self, arbiter):
        """Whether an operator has taken it upon themself that data may be lost or the pair may split."""
        return any(words[0] == "force" for _, words in self.steps) or \
            (arbiter == "paths" and self.settings.get("General", {}).get("AcceptSplitRisk") == "yes")


class Play(containers.Play):
    """One performance of a scenario with one arbiter."""

    steps = STEPS
    margin = 120.0 if is_emulated() else 15.0
    ask_usec, watch_usec = 40000, 50000
    interval = 0.5
    silence = 5.0

    def __init__(self, rig, scenario, arbiter):
        super().__init__(rig, scenario, arbiter)
        self.exempt = scenario.exempt(arbiter)
        self.client = self.writers = self.strike = None

    def prepare(self):
        self.rig.renew()
        if self.scenario.volume:        # not before: the pair of the last scenario served until here
            self.client, self.writers = records.Client(self.net, self.pair.vip), records.Watch(self.nodes)
        for node in self.nodes.values() if self.scenario.spoils else ():
            for path, text in SERVICE_FILES.items():
                node.write(path, text)
        self.pair.init("--no-start")
        for name, node in self.nodes.items():
            if any(words[:2] == ["strike", name] for _, words in self.scenario.steps):
                node.write("/etc/systemd/system/hapair-electd.service.d/strike.conf", STRIKE)
            node.exec("systemctl", "enable", "hapair.target")
            node.sleep()

    def run(self):
        try:
            super().run()
        finally:
            for witness in (self.client, self.writers):
                if witness:
                    witness.stop()
        if self.scenario.volume and not self.exempt:
            if self.writers.split:
                raise Failed(self.writers.split)
            self.judge()

    def judge(self):
        """What the client was told is written is there, and on both disks if they are connected."""
        server = self.pair.serving()
        if server:
            records.check(self.client, self.nodes[server])
            if self.whole():
                other = next(node for name, node in self.nodes.items() if name != server)
                records.compare(self.nodes[server], other)

    def whole(self):
        """Whether both nodes say that they are connected and both disks are up to date."""
        return all(node.pid and "cs:Connected" in (said := volume(node)) and "ds:UpToDate/UpToDate" in said
                   for node in self.nodes.values())

    def server(self):
        """The node that serves."""
        name = wait_for("somebody serves", self.pair.serving, self.margin)
        return self.nodes[name]


def volume(node):
    """What the node's kernel says of the volume, in DRBD's words: cs:… ro:… ds:…"""
    return node.exec("sh", "-c", "grep -o 'cs:.*' /proc/drbd", check=False).stdout


@step
def strike(play, name, moment):
    """electd stops at that moment, and then the node loses its power: nothing has come of it meanwhile."""
    node = play.nodes[name]

    def fall():
        wait_for(f"{name} is struck {moment}", lambda: not node.exec("test", "-e", STRUCK, check=False).returncode,
                 play.margin)
        node.kill()
    node.write(STRIKE_ORDER, moment)
    play.strike = concurrent.futures.ThreadPoolExecutor(1).submit(fall)


@step
def wait(play, _text):
    """And longer, until the node that is to be struck is off."""
    if play.strike:
        play.strike.result()


@step
def settles(play, _within, text):
    """With a volume: connected, and both disks whole."""
    if play.scenario.volume:
        play.within("connected, and both disks whole", play.whole, text)


def sentence(node, *command):
    """What a command at the loss of data wants typed."""
    refusal = node.exec(*command, input="", check=False)
    _, found, text = refusal.stderr.partition("type: ")
    if not found:
        raise Failed(f"no sentence is asked for: {refusal.stderr}")
    return text.splitlines()[0]


@step
def force(play, name):
    """An operator types what forcing the node costs."""
    command = ("hapair", "become", "master", "--force")
    node = play.nodes[name]
    node.exec(*command, input=sentence(node, *command) + "\n", timeout=60)


@step
def resolve(play, name, role):
    """An operator types whose data are given up; what comes of it is seen in what follows."""
    command = ("hapair", "split-brain", "resolve", "--keep", role)
    node = play.nodes[name]
    play.presses.append(subprocess.Popen(
        node.inside(*command, "--confirm", sentence(node, *command)), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


@step
def filter(play, *links):  # pylint: disable=redefined-builtin
    """Heartbeats alone are lost; on the serial line there is nothing else."""
    for link in links:
        if link == "serial":
            play.rig.cable.pull()
        else:
            play.net.filter(containers.SEGMENT[link])


@step
def disk(play, name, how):
    """The disk under the volume."""
    node = play.nodes[name]
    if how == "fail":
        node.break_disk()
    elif how == "stall":
        node.stall_disk()
    elif node.on:       # one that is off begins with a disk that works
        node.mend_disk()
        if "Diskless" in volume(node):
            node.exec("drbdadm", "attach", "hapair")


@step
def fill(play, name):
    """No room is left on the volume, and the client is told so."""
    play.nodes[name].exec("sh", "-c", f"cat /dev/zero >{FILLER} 2>/dev/null; sync", check=False, timeout=120)
    wait_for("the client is told that the volume is full", lambda: play.client.error, play.margin)


@step
def drain(play, name):
    """There is room again."""
    play.nodes[name].exec("rm", FILLER)


@step
def write(play, text):
    """So much that its resync takes about so long."""
    kib = int(play.scenario.seconds(text) * SYNC_RATE_KIB)
    play.server().exec("dd", "if=/dev/urandom", f"of={records.DIRECTORY}/bulk", "bs=64k", f"count={kib // 64}",
                       "oflag=direct", timeout=120)


@step
def copy(play, name):
    """A copy of all disks of a node that is off."""
    for kind in ("root", "data"):
        shutil.copy(play.nodes[name].disk(kind), play.nodes[name].disk(kind) + ".copy")


@step
def revert(play, name):
    """They are as in that copy again."""
    for kind in ("root", "data"):
        shutil.copy(play.nodes[name].disk(kind) + ".copy", play.nodes[name].disk(kind))


@step
def spoil(play, name, order):
    """A step of a change of roles fails there from now on."""
    if order not in SPOILS:
        raise Failed(f"this engine cannot spoil {order}")
    play.nodes[name].exec("sh", "-c", f"{SPOILS[order]}; systemctl daemon-reload; sync")


@step
def repair(play, *names):
    """It works again, also where the node has reset itself meanwhile, as soon as it is up."""
    for name in names:
        def repaired(node=play.nodes[name]):
            try:
                return node.exec("sh", "-c", f"rm -f {SPOILT}; systemctl daemon-reload",
                                 check=False).returncode == 0
            except LabError:
                return False
        wait_for(f"{name} is repaired", repaired, play.margin)


@step
def syncing(play, name, _within, text):
    """The node is the target of a resync."""
    play.within(f"{name} is sent what it has not", lambda: "cs:SyncTarget" in volume(play.nodes[name]), text)


def kept(node):
    """The device or file that holds what the node has discarded; nothing if there is none."""
    said = node.exec("hapair", "replication", "--json", check=False).stdout
    return said and (json.loads(said) or {}).get("snapshot")


@step
def discarded(play, name, _within, text):
    """What the client was told is written, which this node alone had, is in the snapshot."""
    node = play.nodes[name]
    play.within(f"{name} holds a snapshot", lambda: kept(node), text)
    numbers = records.kept(node, kept(node))
    if numbers[:play.client.number] != list(range(1, play.client.number + 1)):
        raise Failed(f"{kept(node)} has {len(numbers)} records, and {play.client.number} were acknowledged")
