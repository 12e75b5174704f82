# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real pair as its operator meets it: the command line, both doors, polkit, systemd and the journal."""

import json

import pytest

from .host import wait_for

DAEMONS = ("confd", "electd", "hbd", "vipd")
HEALTHY, DEGRADED, USAGE, NOT_RUNNING, REFUSED = range(5)
AS_STRANGER = ("setpriv", "--reuid=nobody", "--clear-groups")
RELOAD = ("busctl", "call", "org.hapair.Config1", "/org/hapair/Config1", "org.hapair.Config1", "Reload")


@pytest.fixture
def pair(rig, started):  # pylint: disable=unused-argument
    """The pair, healthy, each node in its configured role."""
    wait_for("hapair answers", lambda: started.status("master") and started.status("slave"))
    started.nodes["master"].exec("hapair", "become", "master")
    wait_healthy(started)
    return started


def wait_healthy(pair):
    def healthy():
        return all((pair.status(name) or {}).get("healthy") for name in pair.nodes)
    wait_for("both nodes are healthy", healthy, 20, 0.1)


def hapair(node, *arguments, prefix=()):
    """hapair's exit status, output and complaints."""
    done = node.exec(*prefix, "hapair", *arguments, check=False)
    return done.returncode, done.stdout, done.stderr


def restarts(node, daemon):
    return int(node.exec("systemctl", "show", "--property=NRestarts", "--value", f"hapair-{daemon}").stdout)


def test_both_nodes_tell_the_same_story_through_both_doors(pair):
    for name, other in (("master", "slave"), ("slave", "master")):
        for prefix in ((), AS_STRANGER):
            status, out, err = hapair(pair.nodes[name], "status", "--json", prefix=prefix)
            picture = json.loads(out)
            assert (status, err) == (HEALTHY, "")
            assert (picture["node"], picture["running_role"]) == (f"gw-{name}", name)
            assert (picture["peer"]["online"], picture["peer"]["running_role"]) == (True, other)
            assert {path["state"] for path in picture["paths"]} == {"up"}
            assert picture["vips"][0]["state"] == ("held" if name == "master" else "absent")


def test_the_button_moves_role_and_address_and_says_so(pair):
    slave = pair.nodes["slave"]
    status, out, _ = hapair(slave, "become", "master")
    assert status == HEALTHY
    assert "slave → promoting" in out and "This node is the running master" in out
    assert pair.vip in slave.addresses() and pair.vip not in pair.nodes["master"].addresses()
    assert "promoting → master" in hapair(slave, "why", "-n", "1")[1]


def test_the_button_works_while_the_system_bus_is_stopped(pair):
    master = pair.nodes["master"]
    master.exec("systemctl", "stop", "dbus.socket", "dbus.service")
    try:
        assert hapair(master, "become", "slave")[0] == HEALTHY
        assert hapair(master, "status")[0] == HEALTHY
        assert hapair(master, "become", "master")[0] == HEALTHY
    finally:
        master.exec("systemctl", "start", "dbus.socket", "dbus.service")
    wait_for("the daemons have their names again", lambda: all(
        f"hapair-{d}.service" in master.exec("busctl", "list").stdout for d in DAEMONS))


def test_polkit_lets_root_change_things_over_the_bus_and_nobody_else(pair):
    master = pair.nodes["master"]
    assert hapair(master, "why", prefix=AS_STRANGER)[0] == HEALTHY
    for arguments in (("become", "slave"), ("maintenance", "on")):
        status, _, err = hapair(master, *arguments, prefix=AS_STRANGER)
        assert (status, "sudo" in err) == (REFUSED, True)
    assert master.exec(*AS_STRANGER, *RELOAD, check=False).returncode != 0
    assert master.exec(*RELOAD).returncode == 0
    assert pair.role("master") == "master"


@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("name", ("master", "slave"))
def test_a_hung_daemon_is_replaced_and_no_role_changes(pair, name, daemon):
    node = pair.nodes[name]
    before = restarts(node, daemon)
    epoch = pair.status(name)["epoch"]
    node.exec("kill", "-STOP", node.service_pid(f"hapair-{daemon}"))
    wait_for(f"hapair-{daemon} is replaced", lambda: restarts(node, daemon) > before, 20, 0.1)
    wait_healthy(pair)
    assert (pair.role(name), pair.status(name)["epoch"]) == (name, epoch)


def test_a_reboot_hands_over_before_anything_else_stops(pair):
    master = pair.nodes["master"]
    master.reboot()
    pair.wait_roles(master="slave", slave="master")
    journal = master.journal()
    order = [journal.rindex(text) for text in (
        "From demoting to leaving", "Stopped hapair-electd.service", "Stopping hapair-vipd.service",
        "Stopped hapair-vipd.service", "Stopped hapair-confd.service", "Stopping dbus.service")]
    assert order == sorted(order)


def test_a_lone_master_warns_of_a_reboot_as_long_as_it_is_alone(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]

    def inhibited():
        listed = json.loads(master.exec("busctl", "--json=short", "call", "org.freedesktop.login1",
                                        "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
                                        "ListInhibitors").stdout)["data"][0]
        return [(what, why, mode) for what, who, why, mode, *_ in listed if who == "hapair"]

    assert inhibited() == []
    slave.exec("systemctl", "stop", "hapair.target")
    try:
        wait_for("the master warns", inhibited)
        assert inhibited() == [("shutdown", "this node is the running master and gw-slave cannot take over", "block")]
        master.exec("systemctl", "restart", "systemd-logind", "dbus")
        wait_for("it warns again", inhibited, 20)
    finally:
        slave.exec("systemctl", "start", "hapair.target")
    wait_for("nothing is dangerous any more", lambda: not inhibited())


def test_a_stopped_hapair_is_not_running_and_leaves_nothing(pair):
    master = pair.nodes["master"]
    master.exec("systemctl", "stop", "hapair.target")
    assert master.exec("systemctl", "list-units", "--quiet", "--state=active,deactivating", "hapair*").stdout == ""
    try:
        assert hapair(master, "status")[0] == NOT_RUNNING
        assert pair.vip not in master.addresses()
        wait_for("the slave serves", lambda: pair.role("slave") == "master")
    finally:
        master.exec("systemctl", "start", "hapair.target")
    pair.wait_roles(master="slave", slave="master")


def test_a_wrong_configuration_is_shown_and_changes_nothing(pair):
    master = pair.nodes["master"]
    good = master.read("/etc/hapair/hapair.conf")
    master.write("/etc/hapair/hapair.conf", good + "Bogus=1\n")
    try:
        assert master.exec("systemctl", "reload", "hapair-confd", check=False).returncode != 0
        wait_for("the error is listed", lambda: "Bogus" in hapair(master, "errors")[1])
        assert hapair(master, "status")[0] == DEGRADED
        assert pair.role("master") == "master"
    finally:
        master.write("/etc/hapair/hapair.conf", good)
        master.exec("systemctl", "reload", "hapair-confd")
    wait_healthy(pair)


def test_the_logs_come_with_what_they_mean(pair):
    master = pair.nodes["master"]
    master.exec("journalctl", "--update-catalog")
    assert hapair(master, "become", "slave")[0] == HEALTHY
    status, out, _ = hapair(master, "logs", "failover", "-x", "-n", "20")
    assert status == HEALTHY
    assert "Subject: This node's state in the pair changed: demoting to slave" in out
    assert "virtual IPs" not in hapair(master, "logs", "heartbeat")[1]
    assert "is up" in hapair(master, "logs", "heartbeat")[1]
