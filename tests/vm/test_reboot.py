# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way a running master goes down, of a pair with a volume under a client that writes: in order it hands over
first, and whichever way it was, no acknowledged record is missing and both disks are equal in the end.
"""

import contextlib
import subprocess

import pytest

from ..lab import pair
from ..lab.host import wait_for
from . import records
from .scenario import volume

DEAD = 3.0
LIMIT = 240
IN_ORDER = "a node stops in order"


BUTTON = "reset button"


@contextlib.contextmanager
def going_down(node, qmp, how):
    """Nobody waits for the answer to a command: a node that is reset gives none."""
    if how == BUTTON:
        qmp("system_reset")
        yield
        return
    with subprocess.Popen(node.inside(*how.split()), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as asked:
        yield
        asked.kill()


class Running:
    """A pair that serves, with its client."""

    def __init__(self, rig):
        rig.renew()
        self.pair = pair.Pair(rig, dead=DEAD, settings={**records.SETTINGS, "General": {"AutoFailback": "no"}})
        self.nodes = rig.nodes
        self.pair.init()
        self.client, self.watch = records.Client(rig.net, self.pair.vip), records.Watch(rig.nodes)
        self.wait_whole()

    def wait_whole(self):
        """One serves, the other stands by, connected, both disks up to date; returns their names."""
        def whole():
            by_role = {self.pair.role(name): name for name in self.nodes}
            synced = all(node.pid and "cs:Connected" in volume(node) and "ds:UpToDate/UpToDate" in volume(node)
                         for node in self.nodes.values())
            return set(by_role) == {"master", "slave"} and synced and (by_role["master"], by_role["slave"])
        return wait_for("one serves, the other stands by, and both disks are whole", whole, LIMIT, 0.5)

    def take_down(self, how):
        """The master goes down by this command, or the button; the other serves, the first comes back; returns why the
        other one serves."""
        master, slave = self.wait_whole()
        node, known = self.nodes[master], len(self.pair.reasons(slave))
        with node.qmp() as qmp, going_down(node, qmp, how):
            wait_for(f"{slave} serves", lambda: self.pair.role(slave) == "master", LIMIT, 0.5)
            reasons = self.pair.reasons(slave)[known:]
            event = qmp.wait_event("SHUTDOWN" if how.endswith("poweroff") else "RESET")["event"]
        if event == "SHUTDOWN":
            node.wait_off()
            node.start(wait=False)
        node.wait_up()
        assert self.wait_whole() == (slave, master)
        records.wait_more(self.client, self.client.number)
        records.check(self.client, self.nodes[slave])
        records.compare(self.nodes[slave], self.nodes[master])
        assert not self.watch.split
        return reasons

    def end(self):
        """No client and no watch any more."""
        self.client.stop()
        self.watch.stop()


@pytest.fixture(scope="module")
def running(rig):
    """One pair for all."""
    both = Running(rig)
    yield both
    both.end()


# PID 1 gets this signal from the kernel for Ctrl-Alt-Del.
@pytest.mark.parametrize("command", ["hapair reboot", "systemctl reboot", "kill -INT 1", "hapair poweroff"])
def test_in_order_it_hands_over_first(running, command):
    assert IN_ORDER in running.take_down(command)


@pytest.mark.parametrize("how", ["reboot -f", BUTTON])
def test_by_force_it_is_a_crash_that_loses_nothing(running, how):
    assert IN_ORDER not in running.take_down(how)
