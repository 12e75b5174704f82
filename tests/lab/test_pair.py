# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scenarios cannot say: aliases, IPv6, killed daemons on a running pair, what a stop leaves."""

import time

import pytest

from . import pair
from .host import wait_for
from .tap import Tap
from .tools import Holders, Probe

pytestmark = pytest.mark.alone

DAEMONS = ("hbd", "electd", "vipd", "confd")


@pytest.fixture(scope="module")
def running(session_rig):
    """A pair that runs for all the tests of this file that leave it as it was."""
    both = pair.Pair(session_rig, dead=0.3, n_aliases=3)
    both.reset()
    both.start()
    yield both
    both.reset()


@pytest.mark.parametrize("name", ["master", "slave"])
@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_killed_daemon_changes_no_role_and_takes_no_address(rig, running, name, daemon):
    node = running.nodes[name]
    unit = f"hapair-{daemon}.service"
    running.wait_roles(master="master", slave="slave")
    with (Probe(rig.net, *running.addresses).ready() as probe,
          Holders(rig.net, *running.addresses).ready() as holders):
        for _ in range(3):
            before = node.service_pid(unit)
            node.exec("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", unit)
            wait_for(f"{unit} is back", lambda: node.service_pid(unit) not in (0, before))
            time.sleep(2 * running.dead)        # as long as a wrong verdict would take
        found, held = probe.finish(), holders.finish()
    for target in found["targets"]:
        assert target["holder"] == "gw-master" and target["switches"] == 0
        assert target["gap_us"] < 50_000 + found["stall_us"], target
    assert all(len(address["holders"]) == 1 for address in held["addresses"]), held
    running.wait_roles(master="master", slave="slave")


def test_an_orderly_stop_hands_over_and_leaves_no_address(rig, running):
    with Probe(rig.net, *running.addresses).ready() as probe:
        rig.master.exec("systemctl", "stop", "hapair.target")
        probe.wait_holder(running.vip, "gw-slave")
        found = probe.finish()
    assert not set(running.addresses) & set(rig.master.addresses())
    # No dead time passes where a goodbye was said.
    assert max(t["gap_us"] for t in found["targets"]) < running.dead * 1e6 / 2 + found["stall_us"]
    rig.master.exec("systemctl", "start", "hapair.target")
    running.wait_roles(master="slave", slave="master")
    rig.master.exec("hapair", "become", "master")
    running.wait_roles(master="master", slave="slave")


def test_a_master_without_its_own_address_gives_the_role_away(rig, running):
    """Its kernel has the virtual IP and no route to the LAN: it would say "held" and answer nobody."""
    own = running.sections["General"]["MasterAddress"]
    running.wait_roles(master="master", slave="slave")
    rig.master.exec("ip", "address", "del", own, "dev", "eth0")
    running.wait_roles(master="slave", slave="master")
    assert "own-address-gone" in [error["code"] for error in running.status("master")["errors"]]
    rig.master.exec("ip", "address", "add", own, "dev", "eth0")
    wait_for("the error ends", lambda: not running.status("master")["errors"])
    rig.master.exec("hapair", "become", "master")
    running.wait_roles(master="master", slave="slave")


def counters(node):
    """What hbd has counted, by kind."""
    words = node.exec("busctl", "get-property", "org.hapair.Heartbeat1", "/org/hapair/Heartbeat1",
                      "org.hapair.Heartbeat1", "Counters").stdout.split()[2:]
    return {kind.strip('"'): int(number) for kind, number in zip(words[::2], words[1::2])}


@pytest.mark.parametrize("kind", ["forged", "replayed"])
def test_heartbeats_of_a_stranger_are_counted_by_kind_and_believed_by_nobody(rig, running, kind):
    running.wait_roles(master="master", slave="slave")
    with Tap(rig.net) as tap, Probe(rig.net, running.vip).ready() as probe:
        time.sleep(2 * running.dead)        # some heartbeats to keep
        tap.mark()
        before = counters(rig.slave)
        sent = {"forged": tap.forge, "replayed": tap.replay}[kind]("slave")
        wait_for(f"{sent} {kind} heartbeats are counted",
                 lambda: counters(rig.slave)[kind] >= before[kind] + sent)
        found = probe.finish()["targets"][0]
    assert found["holder"] == "gw-master" and found["switches"] == 0
    running.wait_roles(master="master", slave="slave")


def test_a_pair_works_in_ipv6(rig):
    both = pair.Pair(rig, dead=0.3, version=6)
    both.reset()
    both.start()
    with Probe(rig.net, both.vip).ready() as probe:
        rig.master.kill()
        probe.wait_holder(both.vip, "gw-slave")
        found = probe.finish()["targets"][0]
    assert found["gap_us"] < 2 * both.dead * 1e6
    both.reset()
