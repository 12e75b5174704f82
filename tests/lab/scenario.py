# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a file of tests/scenarios/ on the lab's two nodes. The format is in that folder's README."""

import os
import re
import subprocess
import time

from . import net as network
from . import pair
from .host import LabError, wait_for
from .node import start_together
from .tap import Tap
from .tools import Holders, Probe

# What a boot takes until the pair has settled, about.
BOOT = 4
# Two nodes may answer for the virtual IP no longer than the dead time, and so many rounds of asking.
SHARED_ROUNDS = 20
UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
SEGMENT = {"lan": "lan", "replication": "rep"}
STEPS = {}


class Failed(AssertionError):
    """An expectation of the scenario did not hold; says which line."""


class Scenario:
    """A scenario file, read. The steps are checked only if it names the engine."""

    def __init__(self, path, engine="lab", known=None):
        self.path = path
        self.header, self.settings, self.steps = {"arbiter": ["paths"], "dead": ["1s"]}, {}, []
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                words = line.split()
                if not words or line.startswith("#"):
                    continue
                if words[0] == "set":
                    section, key, *value = words[1:]
                    self.settings.setdefault(section, {})[key] = " ".join(value)
                elif words[0] in ("title", "fault", "engines", "pair", "arbiter", "dead"):
                    self.header[words[0]] = words[1:]
                elif words[0] in (known or STEPS) or engine not in self.header["engines"]:
                    self.steps.append((number, words))
                else:
                    raise LabError(f"{path}:{number}: {words[0]}: no such step or expectation")
        self.dead = self.seconds(*self.header["dead"])

    @property
    def name(self):
        """The file's name without the ending."""
        return os.path.splitext(os.path.basename(self.path))[0]

    def length(self):
        """How long it takes, about, in seconds."""
        return sum(self.seconds(words[-1]) if words[0] in ("wait", "steady", "nobody") else
                   BOOT if words[0] in ("boot", "reboot") else 0 for _, words in self.steps)

    def seconds(self, text):
        """A TIME in seconds."""
        total = 0.0
        for term in text.split("+"):
            number, unit = re.fullmatch(r"([0-9.]*)([a-z]+)", term).groups()
            total += float(number or 1) * (self.dead if unit == "dead" else UNITS[unit])
        return total


def step(function):
    """A step or expectation: the word is the function's name, `_` for `-`."""
    STEPS[function.__name__.strip("_").replace("_", "-")] = function
    return function


class Play:
    """One performance of a scenario with one arbiter."""

    steps = STEPS
    # What a step and an answer cost in real time beside what the scenario speaks of: processes, a loaded machine.
    margin = 3.0
    # How often the client asks (50 times in vain is a silence), and the watcher of the wire.
    ask_usec, watch_usec = 1000, 5000
    # How often a node is asked what it thinks.
    interval = 0.05
    # So long may a daemon that was killed not say which role it has.
    silence = 1.5

    def __init__(self, rig, scenario, arbiter):
        self.rig, self.net, self.nodes, self.scenario = rig, rig.net, rig.nodes, scenario
        self.pair = pair.Pair(rig, dead=scenario.dead, arbiter=arbiter, settings=scenario.settings)
        self.probe = self.holders = self.tap = self.presses = None

    def run(self):
        """From the first step to the last; Failed or LabError names the line."""
        self.prepare()
        self.presses = []
        with Probe(self.net, self.pair.vip, interval_usec=self.ask_usec) as self.probe, Tap(self.net) as self.tap:
            self.watch()
            try:
                for number, words in self.scenario.steps:
                    self._step(number, words)
                self.unwatch()
            finally:
                for press in self.presses:
                    press.kill()
                    press.wait()

    def prepare(self):
        """Both nodes as every scenario begins: set up, and off."""
        self.pair.reset()
        self.pair.install_only()

    def watch(self):
        """From now on, never two nodes answer for the virtual IP for longer than the dead time."""
        if not self.holders:
            self.holders = Holders(self.net, self.pair.vip, interval_usec=self.watch_usec)

    def unwatch(self):
        """Until now: two may while the LAN between them is not whole, and a stranger may."""
        if not self.holders:
            return
        found, self.holders = self.holders.finish()["addresses"][0], None
        shared = found["shared_us"] / 1e6
        if shared > self.scenario.dead + SHARED_ROUNDS * self.watch_usec / 1e6:
            raise Failed(f"two hosts answered for {self.pair.vip} for {shared:.3f} s: "
                         f"{', '.join(holder['mac'] for holder in found['holders'])}")

    def _step(self, number, words):
        where = f"{self.scenario.path}:{number}: {' '.join(words)}"
        try:
            self.steps[words[0]](self, *words[1:])
        except (Failed, LabError) as e:
            status = {name: self.pair.status(name) for name in self.nodes}
            keys = ("running_role", "state", "epoch", "errors")
            said = {name: status and {key: status.get(key) for key in keys}
                    for name, status in status.items()}
            raise Failed(f"{where}: {e}; the client hears {self.holder()}; {said}") from e

    def holder(self):
        """The node that answers on the virtual IP now, by its name in the scenario."""
        host = self.probe.holder(self.pair.vip)
        return host and host.removeprefix("gw-")

    def history(self):
        """Who has answered on the virtual IP, one after the other, silences left out."""
        return [node for _, node, _ in self.probe.events() if node]

    def within(self, what, condition, text):
        """Wait for an expectation, as long as the scenario says and the margin."""
        wait_for(what, condition, self.scenario.seconds(text) + self.margin, self.interval)


# Steps


@step
def boot(play, *names):
    """Power on, all at once."""
    play.tap.mark()
    start_together(*(play.nodes[n] for n in names))


@step
def kill(play, *names):
    """Power off without warning."""
    for name in names:
        play.nodes[name].kill()


@step
def halt(play, *names):
    """Orderly shutdown."""
    for name in names:
        play.nodes[name].poweroff()


@step
def reboot(play, name):
    """Orderly shutdown, and on again."""
    play.tap.mark()
    play.nodes[name].reboot()


@step
def freeze(play, name):
    """The whole node stops running."""
    play.nodes[name].hang()


@step
def thaw(play, name):
    """It goes on."""
    play.nodes[name].resume()


@step
def cut(play, *words):
    """Lose what the nodes, or one of them, send to each other."""
    links, sender = (words[:-2], words[-1]) if "from" in words else (words, None)
    if "lan" in links:
        play.unwatch()
    for link in links:
        if link != "serial":
            play.net.part(SEGMENT[link], sender)
        elif sender:
            raise LabError("the lab's serial cable has no one-way fault")
        else:
            play.rig.cable.pull()


@step
def mend(play, *links):
    """End it."""
    for link in links:
        if link == "serial":
            play.rig.cable.plug()
        else:
            play.net.mend_between(SEGMENT[link])
    if "lan" in links:
        play.watch()


@step
def unplug(play, *names):
    """Carrier loss on the LAN, at the same moment."""
    play.net.cut("lan", names[0] if len(names) == 1 else None)


@step
def plug(play, *names):
    """The carrier comes back."""
    play.net.plug("lan", names[0] if len(names) == 1 else None)


@step
def lossy(play, link, percent):
    """Some is lost between the nodes, all the rest arrives twice."""
    if percent == "0":
        play.net.mend_between(SEGMENT[link])
    else:
        play.net.part(SEGMENT[link], percent=int(percent))
        play.net.duplicate(SEGMENT[link])


@step
def _signal(play, name, daemon, number):
    """A signal to a daemon."""
    play.nodes[name].exec("systemctl", "kill", "--kill-whom=main", f"--signal=SIG{number.upper()}",
                          f"hapair-{daemon}.service")


@step
def press(play, name, role):
    """An operator's button; what comes of it is seen in what follows."""
    play.presses.append(subprocess.Popen(play.nodes[name].inside("hapair", "become", role),
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL))


@step
def refused(play, name, role):
    """The same button, which must be refused."""
    result = play.nodes[name].exec("hapair", "become", role, check=False)
    if result.returncode != 4:
        raise Failed(f"not refused: exit {result.returncode}: {result.stdout}{result.stderr}")


@step
def maintenance(play, name, state):
    """Nothing automatic."""
    play.nodes[name].exec("hapair", "maintenance", state)


@step
def damage(play, name, how):
    """The memory of electd on a node that is off."""
    play.nodes[name].damage(os.path.join("var", "lib", "hapair", "electd"), how)


@step
def stranger(play, state):
    """A third host answers for the virtual IP."""
    address = play.pair.sections["VirtualIP lan"]["Address"]
    if state == "on":
        play.unwatch()
        play.net.intrude(address)
    else:
        play.net.retreat(address)
        play.watch()


@step
def strip(play, name):
    """Something removes the virtual IP."""
    node = play.nodes[name]
    held = wait_for("the address is there", lambda: node.with_prefix(play.pair.vip))
    node.exec("ip", "address", "delete", held, "dev", "eth0")


@step
def load(play, name, state):
    """Every processor of the node is busy."""
    if state == "on":
        play.nodes[name].exec("systemd-run", "--unit=busy", "/bin/sh", "-c",
                              "for n in $(seq $(nproc)); do (while :; do :; done) & done; wait")
    else:
        play.nodes[name].exec("systemctl", "stop", "busy.service")


@step
def bus(play, name, state):
    """The system bus of a node."""
    play.nodes[name].exec("systemctl", state, "dbus.socket", "dbus.service")


@step
def inject(play, name, kind):
    """Heartbeats recorded before the latest boot, or made by a stranger, arrive at the node."""
    {"replayed": play.tap.replay, "forged": play.tap.forge}[kind](name)


@step
def wait(play, text):
    """Let time pass."""
    time.sleep(play.scenario.seconds(text))


# Expectations


@step
def serves(play, name, _within, text):
    """Clients reach the node on the virtual IP, and it says that it is the running master."""
    play.within(f"{name} serves", lambda: play.holder() == name and play.pair.role(name) == "master", text)


@step
def role(play, name, wanted, _within, text):
    """A node's running role."""
    play.within(f"{name} is {wanted}", lambda: play.pair.role(name) == wanted, text)


@step
def settles(play, _within, text):
    """One node serves and the other is slave."""
    def settled():
        roles = {name: play.pair.role(name) for name in play.nodes}
        return (sorted(roles.values(), key=str) == ["master", "slave"] and
                roles.get(play.holder()) == "master")
    play.within("one serves, the other is slave", settled, text)


@step
def steady(play, text):
    """Who serves goes on serving, and neither node becomes or ceases to be the running master."""
    name, history = play.holder(), len(play.probe.events())
    if not name:
        raise Failed("nobody serves")
    other = network.NODES[1 - network.NODES.index(name)]
    unsaid, now = None, time.monotonic()
    end = now + play.scenario.seconds(text)
    while now < end:
        time.sleep(2 * play.interval)
        now = time.monotonic()
        if len(play.probe.events()) != history:
            raise Failed(f"{name} went on, but not alone or not all the time: "
                         f"{play.probe.events()[history:]}")
        roles = {n: play.pair.role(n) for n in (name, other)}
        # A daemon that starts again says nothing for a moment; its role is what it was.
        unsaid = (unsaid or now) if roles[name] in (None, "none") else None
        if roles[other] == "master" or roles[name] == "slave" or (unsaid and now - unsaid > play.silence):
            raise Failed(f"{name} served and {other} did not, and now the running roles are {roles}")


@step
def nobody(play, _for, text):
    """Nobody answers on the virtual IP."""
    wait_for("nobody answers", lambda: play.holder() is None, play.margin)
    events = len(play.probe.events())
    time.sleep(play.scenario.seconds(text))
    if len(play.probe.events()) != events:
        raise Failed(f"{play.holder()} answers")


def _errors(play, name):
    status = play.pair.status(name)
    return None if status is None else [error["code"] for error in status["errors"]]


@step
def error(play, name, code, _within, text):
    """The node lists this error."""
    play.within(f"{name} lists {code}", lambda: code in (_errors(play, name) or []), text)


@step
def clear(play, name, code, _within, text):
    """The node does not list this error."""
    play.within(f"{name} does not list {code}", lambda: (errors := _errors(play, name)) is not None
                and code not in errors, text)


@step
def decided(play, name, *words):
    """The node has made a decision whose reason begins so."""
    reasons = play.pair.reasons(name)
    if not any(reason.startswith(" ".join(words)) for reason in reasons):
        raise Failed(f"its reasons were {', '.join(reasons) or 'none'}")


@step
def moves(play, _at_most, number):
    """How often the virtual IP has gone from one node to the other."""
    history = play.history()
    moved = sum(a != b for a, b in zip(history, history[1:]))
    if moved > int(number):
        raise Failed(f"it moved {moved} times: {' '.join(history)}")
