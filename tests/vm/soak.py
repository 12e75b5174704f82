#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make soak`: random faults for twenty minutes on a pair with a volume, under a client that writes all the time.

A round breaks some things for some time, at most two at once with the arbiter `paths`, which promises to
survive any two, and more with `operator`; in between somebody may press a button. Then everything is whole
again, and the pair must settle by itself: one node serves, the other stands by, connected, both disks up to
date. After each round every acknowledged record is on the volume, in order; never could both nodes write
alone; and now and then both disks are compared byte by byte.

What a round does follows from the seed and its number alone; `--round` plays one again on a new pair.
"""

import argparse
import dataclasses
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

from ..lab import net as network
from ..lab import pair
from ..lab.host import LabError, wait_for
from . import records
from .rig import Lab, Rig

DEAD = 3.0
ARBITERS = {"paths": 2, "operator": 4}          # how many faults at once
# Faults begin within so many seconds, and last as long, short ones as often as long ones.
BEGIN_SEC, LASTS_SEC = (0.0, 8.0), (0.1, 20.0)
PRESS_CHANCE = 0.3
# An emulated node on a busy machine boots for half a minute, and resyncs.
SETTLE_SEC = 480
COMPARE_EVERY = 4
# What an operator's command may take on a node that has just stopped hanging.
COMMAND_SEC = 20
DAEMONS = ("confd", "electd", "hbd", "replicd", "vipd")
SLOW_WRITES = 15


class Stage:
    """The rig as the faults see it."""

    def __init__(self, rig, both):
        self.rig, self.net, self.pair = rig, rig.net, both
        self.commands, self.faulty, self.hanging = [], {}, set()

    def order(self, name, *argv):
        """A command on a node, whose end nobody waits for: the node may be hanging."""
        node = self.rig.nodes[name]
        if node.pid:
            self.commands.append(subprocess.Popen(node.inside(*argv), stdin=subprocess.DEVNULL,
                                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def switch_on(self, name):
        """Whatever switched it off."""
        if not self.rig.nodes[name].on:
            self.rig.nodes[name].start(wait=False)

    def switch_off(self, name):
        """Pull its plug, if it is on."""
        self.hanging.discard(name)
        if self.rig.nodes[name].on:
            self.rig.nodes[name].kill()

    def hang(self, name):
        """The machine stops."""
        if self.rig.nodes[name].on:
            self.hanging.add(name)
            self.rig.nodes[name].hang()

    def resume(self, name):
        """It goes on, if it still hangs."""
        if name in self.hanging:
            self.hanging.remove(name)
            self.rig.nodes[name].resume()

    def damage(self, name, action):
        """Do something to the machine itself, if there is one that listens."""
        node = self.rig.nodes[name]
        if node.on and name not in self.hanging:
            self.faulty[name] = node.pid
            action(node)

    def repair(self, name, action):
        """Undo it, unless it was switched off and on since: then it is another one, and whole."""
        node = self.rig.nodes[name]
        self.resume(name)
        if node.on and self.faulty.get(name) == node.pid:
            action(node)

    def rest(self):
        """The end of a round: all is whole, and every command has had the time to do something."""
        for name in list(self.hanging):
            self.resume(name)
        self.rig.heal()
        patience = time.monotonic() + COMMAND_SEC
        for command in self.commands:
            try:
                command.wait(max(0, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                command.kill()
                command.wait()
        self.commands = []


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that can go wrong at a node; for the network, seen from there. What has no end does not
    last."""

    name: str
    begin: Callable
    end: Callable = None


def _cut(segment):
    return Fault(f"no frames on {segment}", lambda stage, name: stage.net.part(segment),
                 lambda stage, name: stage.net.mend_between(segment))


def _one_way(segment):
    return Fault(f"nothing arrives from it on {segment}",
                 lambda stage, name: stage.net.part(segment, name),
                 lambda stage, name: stage.net.mend_between(segment))


def _unplug(segment):
    return Fault(f"{segment} unplugged", lambda stage, name: stage.net.cut(segment, name),
                 lambda stage, name: stage.net.plug(segment, name))


def _disk(name, begin, end):
    return Fault(name, lambda stage, node: stage.damage(node, begin),
                 lambda stage, node: stage.repair(node, end))


def _order(name, *argv, end=None):
    return Fault(name, lambda stage, node: stage.order(node, *argv), end)


def _signal(number, daemon):
    return _order(f"{daemon} gets SIG{number}", "systemctl", "kill", "--kill-whom=main",
                  f"--signal=SIG{number}", f"hapair-{daemon}.service")


def _mend_disk(node):
    """The disk works again, and an administrator takes it back."""
    node.mend_disk()
    node.exec("drbdadm", "attach", "hapair", check=False)


FAULTS = [
    *map(_cut, ("lan", "rep")), *map(_one_way, ("lan", "rep")), *map(_unplug, ("lan", "rep")),
    Fault("serial cable pulled", lambda stage, _: stage.rig.cable.pull(),
          lambda stage, _: stage.rig.cable.plug()),
    Fault("gateway gone", lambda stage, _: stage.net.gateway(False),
          lambda stage, _: stage.net.gateway(True)),
    Fault("hangs", Stage.hang, Stage.resume),
    *[Fault("power cut", Stage.switch_off, Stage.switch_on)] * 4,
    Fault("reset", lambda stage, name: stage.damage(name, lambda node: node.reset())),
    _order("reboots", "systemctl", "reboot"),
    _order("powers off", "systemctl", "poweroff", end=Stage.switch_on),
    _order("hapair stops", "systemctl", "stop", "hapair.target",
           end=lambda stage, name: stage.order(name, "systemctl", "start", "hapair.target")),
    _disk("slow disk", lambda node: node.slow_disk(SLOW_WRITES), lambda node: node.slow_disk()),
    _disk("broken disk", lambda node: node.break_disk(), _mend_disk),
    *(_signal(number, daemon) for number in ("KILL", "STOP") for daemon in DAEMONS),
]


def plan(seed, number, at_once):
    """What a round does: (when, words, action) in order. Each fault at a node is there once at most."""
    chance = random.Random(f"{seed}/{number}")
    events = []
    chosen = {(chance.choice(FAULTS), chance.choice(network.NODES))
              for _ in range(chance.randint(1, at_once))}
    for fault, name in sorted(chosen, key=lambda both: (both[0].name, both[1])):
        begin = chance.uniform(*BEGIN_SEC)
        lasts = math.exp(chance.uniform(*map(math.log, LASTS_SEC)))
        events.append((begin, f"{name}: {fault.name}",
                       lambda stage, f=fault, n=name: f.begin(stage, n)))
        if fault.end:
            events.append((begin + lasts, f"{name}: {fault.name}: ends",
                           lambda stage, f=fault, n=name: f.end(stage, n)))
    if chance.random() < PRESS_CHANCE:
        name, role = chance.choice(network.NODES), chance.choice(("master", "slave"))
        events.append((chance.uniform(*BEGIN_SEC), f"{name}: become {role}",
                       lambda stage: stage.order(name, "hapair", "become", role)))
    return sorted(events, key=lambda event: event[0])


class Soak:
    """Rounds on one pair with one arbiter."""

    def __init__(self, rig, arbiter, seed):
        self.rig, self.arbiter, self.seed = rig, arbiter, seed
        rig.renew()
        self.pair = pair.Pair(rig, dead=DEAD, arbiter=arbiter, settings=records.SETTINGS)
        self.stage = Stage(rig, self.pair)
        self.pair.init()
        self.client, self.watch = records.Client(rig.net, self.pair.vip), records.Watch(rig.nodes)
        self.settle()

    def round(self, number):
        """Break things, mend them, and see that nothing is lost."""
        begin = time.monotonic()
        for when, words, action in plan(self.seed, number, ARBITERS[self.arbiter]):
            time.sleep(max(0.0, begin + when - time.monotonic()))
            say(f"  {time.monotonic() - begin:5.1f} s  {words}")
            action(self.stage)
        self.stage.rest()
        mended = time.monotonic()
        serving, other = self.settle()
        say(f"  {time.monotonic() - begin:5.1f} s  settled {time.monotonic() - mended:.1f} s after the last end:"
            f" {serving.host} serves, {self.client.number} records acknowledged, at worst none for"
            f" {self.client.gap(begin):.1f} s")
        if number % COMPARE_EVERY == 0:
            records.compare(serving, other)
            say("  both disks hold the same")

    def settle(self):
        """Wait until the pair is as it should be, and look at the records; returns who serves and the other."""
        until, names = time.monotonic() + SETTLE_SEC, None
        # Looked at twice: what has just been stopped is noticed a moment later, and would be one fault more of
        # the next round.
        while not names or self._settled() != names:
            names = wait_for("one serves, the other stands by, connected, both disks up to date", self._settled,
                             until - time.monotonic(), 0.5)
            time.sleep(DEAD)
        self.judge()
        records.wait_more(self.client, self.client.number)
        records.check(self.client, self.rig.nodes[names[0]])
        return [self.rig.nodes[name] for name in names]

    def judge(self):
        """What may never be, at no time."""
        if self.watch.split or self.client.lost:
            raise LabError(self.watch.split or self.client.lost)

    def _settled(self):
        """The names of who serves and of the other; None while it is not so."""
        self.judge()
        said = {}
        for name in self.rig.nodes:
            self.stage.switch_on(name)
            said[name] = self.pair.status(name) or {"state": None, "errors": []}
        if any(error["code"] == "split-brain" for status in said.values() for error in status["errors"]):
            raise LabError("a split-brain: both nodes wrote")
        # By the state: the role is master's as long as a demotion is stuck, too.
        by_state = {status["state"]: name for name, status in said.items()}
        if set(by_state) == {"master", "slave"} and all(map(self._is_whole, self.rig.nodes.values())):
            return by_state["master"], by_state["slave"]
        return None

    @staticmethod
    def _is_whole(node):
        said = node.exec("cat", "/proc/drbd", check=False).stdout
        return " cs:Connected " in said and " ds:UpToDate/UpToDate " in said

    def end(self):
        """No client and no watch any more."""
        self.client.stop()
        self.watch.stop()


def say(text):
    """Progress, for whoever waits."""
    print(text, flush=True)


def soak(rig, arbiter, seed, numbers, seconds):
    """Rounds with one arbiter; returns how many."""
    say(f"arbiter {arbiter}, seed {seed}")
    played, run = 0, Soak(rig, arbiter, seed)
    until = time.monotonic() + seconds
    try:
        for number in numbers:
            if time.monotonic() > until:
                break
            say(f"round {number}")
            run.round(number)
            played += 1
    finally:
        run.end()
    return played


def main():
    """Soak."""
    parser = argparse.ArgumentParser(prog="soak",
                                     description="random faults on a pair with a volume; needs root")
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1000000),
                        help="of all chance; any, if not given")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--arbiter", choices=ARBITERS, help="this one only")
    parser.add_argument("--round", type=int, help="this one only, on a new pair")
    options = parser.parse_args()
    arbiters = [options.arbiter] if options.arbiter else list(ARBITERS)
    numbers = [options.round] if options.round is not None else range(1, 10000)
    with Lab(options.build, say) as lab:
        try:
            rig = Rig.make(lab, [pair.install(lab), records.layer(lab, network.address(10))])
            played = [soak(rig, arbiter, options.seed, numbers, 60 * options.minutes / len(arbiters))
                      for arbiter in arbiters]
        except LabError as e:
            where = os.path.join(lab.build, "soak-failure")
            lab.keep(where)
            say(f"VIOLATION: {e}\nseed {options.seed}; the journals of both nodes are in {where}")
            return 1
    rounds = " and ".join(f"{n} rounds with {arbiter}" for n, arbiter in zip(played, arbiters))
    say(f"seed {options.seed}: {rounds}, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
