# SPDX-License-Identifier: LGPL-2.1-or-later
"""What changes in the configuration of a running pair, and in what it says about the machine, takes effect at once
and moves nothing else."""

import json

import pytest

from .host import wait_for
from .pair import CONFIGURATION, as_text

CONF = "/etc/hapair/hapair.conf"


@pytest.fixture
def pair(rig, started):  # pylint: disable=unused-argument
    """The pair, healthy and with the configuration it was founded with."""
    put_in_force(started, as_text(started.sections))
    healthy(started)
    return started


def put_in_force(pair, text):
    for node in pair.nodes.values():
        node.write(CONF, text)
        node.exec("systemctl", "reload", "hapair-confd")


def healthy(pair):
    wait_for("both nodes are healthy", lambda: all((pair.status(n) or {}).get("healthy") for n in pair.nodes), 20, 0.1)


def errors(node):
    return [e["message"] for e in json.loads(node.exec("hapair", "errors", "--json", check=False).stdout)]


def epochs(pair):
    return [pair.status(name)["epoch"] for name in pair.nodes]


def test_another_alias_is_held_at_once_and_nothing_moves(pair):
    """G16 asks for a reboot; ours does not."""
    before = epochs(pair)
    alias = "198.18.1.77"
    text = as_text(pair.sections).replace("[VirtualIP lan]\n", f"[VirtualIP lan]\nAliases={alias}/16\n")
    put_in_force(pair, text)
    wait_for("the alias is held", lambda: alias in pair.nodes["master"].addresses(), 5)
    assert alias not in pair.nodes["slave"].addresses()
    put_in_force(pair, as_text(pair.sections))
    wait_for("the alias is gone", lambda: alias not in pair.nodes["master"].addresses(), 5)
    assert epochs(pair) == before and pair.vip in pair.nodes["master"].addresses()


def test_another_dead_time_is_in_force_at_once_and_nothing_moves(pair):
    before = epochs(pair)
    put_in_force(pair, as_text(pair.sections).replace("DeadTimeSec=0.5", "DeadTimeSec=3"))
    for node in pair.nodes.values():
        wait_for("hbd has the new dead time", lambda n=node: "3000000" in n.exec(
            "busctl", "get-property", "org.hapair.Heartbeat1", "/org/hapair/Heartbeat1", "org.hapair.Heartbeat1",
            "DeadTimeUSec").stdout, 5)
    healthy(pair)
    assert epochs(pair) == before and pair.role("master") == "master"


def test_address_that_no_longer_fits_is_listed_before_any_reboot(pair):
    """G5."""
    slave = pair.nodes["slave"]
    own = pair.sections["Replication"]["SlaveAddress"]
    with_prefix = next(a for a in slave.exec("ip", "-br", "-4", "address", "show").stdout.split()
                       if a.startswith(own + "/"))
    device = next(line.split()[0].split("@")[0] for line in
                  slave.exec("ip", "-br", "-4", "address", "show").stdout.splitlines() if with_prefix in line)
    slave.exec("ip", "address", "del", with_prefix, "dev", device)
    try:
        wait_for("the error is listed", lambda: any("[Replication] SlaveAddress" in e for e in errors(slave)), 5)
    finally:
        slave.exec("ip", "address", "add", with_prefix, "dev", device)
    wait_for("the error is gone", lambda: not any("[Replication]" in e for e in errors(slave)), 5)


def test_what_is_shown_is_what_is_in_force(pair):
    master = pair.nodes["master"]
    shown = {(i["section"], i["key"]): i for i in json.loads(master.exec("hapair", "config", "show", "--json").stdout)}
    assert shown["General", "Cluster"]["value"] == "gw" and shown["General", "Cluster"]["file"] == "hapair.conf"
    assert shown["Heartbeat", "Port"] == {"section": "Heartbeat", "key": "Port", "value": "5694", "file": ""}

    # The listing is a configuration itself, and the same.
    master.write("/root/shown.conf", master.exec("hapair", "config", "show").stdout)
    assert "0 errors" in master.exec("hapair", "config", "check", "/root/shown.conf").stdout


def test_second_pair_is_not_founded_beside_a_running_one(pair):
    """A master that lost everything and is set up anew while the slave serves."""
    master = pair.nodes["master"]
    master.exec("hapair", "become", "slave")
    master.exec("systemctl", "stop", "hapair.target")
    master.exec("mv", "/etc/hapair/keys", "/etc/hapair/keys.before")
    try:
        master.write(CONFIGURATION, as_text(pair.sections), mode=0o600)
        result = master.exec("hapair", "init", "--config", CONFIGURATION, check=False, timeout=60)
        assert result.returncode == 4 and result.stdout == ""
        assert f"the virtual IP {pair.vip} answers" in result.stderr
        assert "something takes heartbeats on UDP port 5694" in result.stderr
    finally:
        master.exec("rm", "-rf", "/etc/hapair/keys")
        master.exec("mv", "/etc/hapair/keys.before", "/etc/hapair/keys")
        master.exec("systemctl", "start", "hapair.target")
    pair.wait_roles(master="slave", slave="master")
    master.exec("hapair", "become", "master")
