# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two that are measured, each on nodes of its own, as something that can be set up, healed, broken and asked."""

import itertools
import re

from tests.lab import keepalived, pair
from tests.lab.host import wait_for
from tests.lab.lab import SOURCE, Lab
from tests.lab.rig import Rig


class Contender:
    """A pair of nodes with the software under measurement. `units` are its services."""

    name = ""
    units = ()

    def __init__(self, rig):
        self.rig = rig
        self.setup = None

    def configure(self, setup):
        """Set the pair up; it need not be settled yet."""
        raise NotImplementedError

    def settle(self):
        """Whatever was broken is whole again, and one node serves every address."""
        raise NotImplementedError

    @property
    def addresses(self):
        """Every address that fails over."""
        raise NotImplementedError

    @property
    def serving(self):
        """The node that serves."""
        return self.rig.master

    @property
    def other(self):
        """The node that stands by."""
        return next(node for node in self.rig.nodes.values() if node is not self.serving)

    def deadline(self, node):
        """After a takeover: when the silence had lasted for as long as it must, in seconds of CLOCK_MONOTONIC; None
        where the software does not tell."""
        raise NotImplementedError

    def role_changes(self):
        """How often either node changed its role so far."""
        raise NotImplementedError

    def stop(self, node):
        """Stop the software at a node, in order."""
        raise NotImplementedError

    # What can be done to any of them

    def die(self, node):
        """Pull the node's plug."""
        if not self.setup.serial:
            # The LAN and the other path in one moment, and no kernel that still answers for a node that is dead:
            # with the shortest dead times it would be asked within milliseconds.
            self.rig.net.dark(node.name)
        node.kill()

    def hang(self, node):
        """The node stops, and its links with it."""
        node.hang()

    def cut(self, node):
        """The node's LAN link loses its carrier, every other path is alive."""
        self.rig.net.cut("lan", node.name)

    def set_bus(self):
        """Give both nodes their system bus, or take it from them, as the set-up says."""
        verb = "start" if self.setup.bus else "stop"
        for node in self.rig.nodes.values():
            node.exec("systemctl", verb, "dbus.socket", "dbus.service")


def _changes(states):
    """How often a state differs from the one before."""
    return sum(1 for _ in itertools.groupby(states))


class Keepalived(Contender):
    """Debian's keepalived, VRRP version 3, real-time priority on."""

    name = "keepalived"
    units = ("keepalived.service",)

    def __init__(self, rig):
        super().__init__(rig)
        self.pair = None

    def configure(self, setup):
        if self.pair:
            self.rig.heal()
            self.pair.stop()
        self.setup = setup
        self.pair = keepalived.Keepalived(self.rig.nodes, setup.interval, setup.aliases)

    def settle(self):
        self.rig.heal()
        self.pair.start()
        self.set_bus()

    @property
    def addresses(self):
        return [address.split("/")[0] for address in (keepalived.VIP, *self.pair.aliases)]

    def deadline(self, node):
        return None

    def role_changes(self):
        return sum(_changes(line.split("Entering ")[1].split()[0] for line in node.journal(
            "--unit=keepalived.service", "--grep=Entering (MASTER|BACKUP) STATE", "--output=cat").splitlines()
            if "Entering " in line) for node in self.rig.nodes.values())

    def stop(self, node):
        node.exec("systemctl", "stop", *self.units)


class Hapair(Contender):
    """Ours, set up as a user does it; either node may serve, for it does not fail back by itself here."""

    name = "hapair"
    daemons = ("hbd", "electd", "vipd", "confd")
    units = tuple(f"hapair-{daemon}.service" for daemon in daemons)

    def __init__(self, rig):
        super().__init__(rig)
        self.pair = None
        with open(f"{SOURCE}/common/messages.h", encoding="ascii") as f:
            self.role_changed = re.search(r'MESSAGE_ROLE_CHANGED +"(\w+)"', f.read()).group(1)

    def configure(self, setup):
        self.rig.heal()
        wanted = pair.Pair(self.rig, dead=setup.dead, n_aliases=setup.aliases, serial=setup.serial,
                           settings={"General": {"Active": "yes"}})
        if not self.pair:
            wanted.init("--no-start")
        for node in self.rig.nodes.values():
            self.stop(node)
            node.exec("/bin/sh", "-c", "cat >/etc/hapair/hapair.conf; systemctl enable hapair.target",
                      input=pair.as_text(wanted.sections))
        self.setup, self.pair = setup, wanted

    def settle(self):
        self.rig.heal()
        for node in self.rig.nodes.values():
            node.exec("systemctl", "start", "hapair.target")
        wait_for("one node of hapair serves and the other stands by", self._is_settled, 30, 0.1)
        self.set_bus()

    def _is_settled(self):
        """Both agree, and neither finds anything wrong."""
        told = [self.pair.status(name) for name in self.rig.nodes]
        return all(told) and {t["running_role"] for t in told} == {"master", "slave"} and \
            all(t["peer"]["online"] for t in told)

    @property
    def addresses(self):
        return self.pair.addresses

    @property
    def serving(self):
        return self.rig.nodes[self.pair.serving()]

    def deadline(self, node):
        heard = node.exec("busctl", "--address=unix:path=/run/hapair/hbd.socket", "get-property",
                          "org.hapair.Heartbeat1", "/org/hapair/Heartbeat1", "org.hapair.Heartbeat1", "PeerLastHeard")
        return int(heard.stdout.split()[1]) / 1e6 + self.setup.dead

    def role_changes(self):
        # A daemon that was killed comes back as what it was, by way of init: that is no change.
        return sum(_changes(state for state in node.journal(
            f"MESSAGE_ID={self.role_changed}", "--output=cat", "--output-fields=HAPAIR_STATE_NEW").split()
            if state in ("master", "slave")) for node in self.rig.nodes.values())

    def stop(self, node):
        node.exec("systemctl", "stop", "hapair.target")

    def become_slave(self, node):
        """Press the button at the serving node."""
        node.exec("hapair", "become", "slave")


CONTENDERS = {kind.name: kind for kind in (Hapair, Keepalived)}


def make(name, build):
    """A contender on a lab of its own. Returns the lab, which the caller closes, and the contender."""
    lab = Lab(build)
    try:
        layers = [pair.install(lab)] if name == Hapair.name else []
        return lab, CONTENDERS[name](Rig.make(lab, layers))
    except BaseException:
        lab.close()
        raise
