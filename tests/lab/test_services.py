# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services run where they are placed and nowhere else: real units of Debian's OpenVPN, strongSwan and Squid on a real
pair, by the service sets that hapair comes with."""

import json
import subprocess

import pytest

from .host import wait_for
from .pair import Pair
from .test_config import errors

pytestmark = pytest.mark.alone

VPN, IPSEC, PROXY = "openvpn-server@server.service", "strongswan.service", "squid.service"
# A real server that needs neither a tunnel device, which the lab's nodes have not got, nor certificates.
OPENVPN = "dev null\nproto udp\nlport 1194\nmode p2p\nauth none\ncipher none\n"
SQUID = "visible_hostname proxy\n"
DROP_IN = f"/run/systemd/system/{IPSEC}.d/lab.conf"
# systemd's own (sd-messages.h)
STARTING, STOPPED = "7d4958e842da4a758f6c1cdc7b36dcc5", "9d1aaa27d60140bd96365438aad20286"
SETTINGS = {
    "Service openvpn": {"Start": "both"},
    "Service ipsec": {"Start": "master", "MaxFailures": "3", "FailureWindowSec": "10"},
    "Service proxy": {"Start": "slave"},
}


def active(node, unit):
    return node.exec("systemctl", "is-active", unit, check=False).stdout.strip()


def services(node):
    """`hapair services --json` by name."""
    return {s["name"]: s for s in json.loads(node.exec("hapair", "services", "--json", check=False).stdout)}


def placed(pair, master):
    """Whether every unit runs where it should, with `master` the running master, as systemd itself says."""
    slave = "slave" if master == "master" else "master"
    wanted = {(master, VPN): True, (slave, VPN): True, (master, IPSEC): True, (slave, IPSEC): False,
              (master, PROXY): False, (slave, PROXY): True}
    return all((active(pair.nodes[name], unit) == "active") == there for (name, unit), there in wanted.items())


def wait_placed(pair, master, timeout=15):
    wait_for(f"services are placed with {master} as master", lambda: placed(pair, master), timeout, 0.1)


def moment(node, unit, event):
    """When systemd last told that of the unit; the lab's nodes have one clock."""
    lines = node.journal(f"UNIT={unit}", f"MESSAGE_ID={event}", "-o", "json").splitlines()
    return int(json.loads(lines[-1])["__REALTIME_TIMESTAMP"])


def check_moved(unit, before, after):
    """It had ended on one node before its start began on the other."""
    assert moment(before, unit, STOPPED) < moment(after, unit, STARTING), unit


def prepare(node):
    """What an administrator does: packages are there, and a configuration for each."""
    node.write("/etc/openvpn/server/server.conf", OPENVPN)
    node.write("/etc/squid/conf.d/lab.conf", SQUID)


def spoil(node, line):
    """strongSwan's unit there does what the line says, too."""
    node.write(DROP_IN, f"[Service]\n{line}\n")
    node.exec("systemctl", "daemon-reload")


def repair(node):
    node.exec("rm", "-f", DROP_IN)
    node.exec("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def founded(session_rig):
    pair = Pair(session_rig, dead=0.5, settings=SETTINGS)
    pair.reset()    # a scenario before may have left one
    for node in pair.nodes.values():
        prepare(node)
    pair.start()
    yield pair
    pair.reset()
    for node in pair.nodes.values():
        repair(node)
        node.exec("systemctl", "kill", "--signal=KILL", PROXY, check=False)   # by itself it waits for half a minute
        node.exec("systemctl", "stop", VPN, IPSEC, PROXY, check=False)


@pytest.fixture
def pair(rig, founded):  # pylint: disable=unused-argument
    """The pair with each node in its configured role and everything in its place."""
    wait_for("hapair answers", lambda: founded.status("master") and founded.status("slave"), 30)
    wait_for("an able peer", lambda: founded.nodes["master"].exec("hapair", "become", "master",
                                                                  check=False).returncode == 0, 30, 0.5)
    wait_placed(founded, "master")
    return founded


def test_each_service_runs_where_it_is_placed_after_a_switchover_and_back(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    slave.exec("hapair", "become", "master")
    # Ready before the virtual IPs move: no waiting here.
    assert active(slave, IPSEC) == "active" and active(master, IPSEC) != "active"
    assert active(slave, PROXY) != "active"
    wait_placed(pair, "slave")
    check_moved(IPSEC, master, slave)
    check_moved(PROXY, slave, master)
    master.exec("hapair", "become", "master")
    wait_placed(pair, "master")
    check_moved(IPSEC, slave, master)
    check_moved(PROXY, master, slave)
    assert {name: (s["start"], s["state"]) for name, s in services(master).items()} == {
        "openvpn": ("both", "running"), "ipsec": ("master", "running"), "proxy": ("slave", "stopped")}


def test_each_service_runs_where_it_is_placed_after_a_failover_and_the_return(pair):
    pair.nodes["master"].kill()
    wait_for("the slave serves", lambda: pair.role("slave") == "master", 15)
    assert active(pair.nodes["slave"], IPSEC) == "active"
    wait_for("the slave's service has gone", lambda: active(pair.nodes["slave"], PROXY) != "active", 10)
    pair.nodes["master"].start()
    wait_placed(pair, "slave", 30)


def test_each_service_runs_where_it_is_placed_after_a_reboot_and_the_return(pair):
    pair.nodes["master"].reboot()
    wait_placed(pair, "slave", 30)
    assert pair.role("slave") == "master"


def test_a_service_that_cannot_start_at_the_target_gives_the_role_back(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    spoil(slave, "ExecStartPre=false")
    try:
        assert slave.exec("hapair", "become", "master", check=False).returncode != 0
        wait_for("the master serves again", lambda: pair.vip in master.addresses(), 10)
        assert active(master, IPSEC) == "active" and active(slave, IPSEC) != "active"
        assert pair.vip not in slave.addresses()
    finally:
        repair(slave)


def test_a_service_that_keeps_failing_moves_to_the_peer(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    spoil(master, "ExecStartPre=false")
    try:
        master.exec("systemctl", "kill", "--signal=KILL", IPSEC)
        wait_for("the slave serves", lambda: pair.role("slave") == "master", 20)
        wait_placed(pair, "slave")
        assert pair.vip in slave.addresses()
        assert any("keeps failing on this node" in e for e in errors(master))
        assert master.exec("hapair", "become", "master", check=False).returncode != 0
    finally:
        repair(master)


def test_a_unit_started_by_hand_on_the_wrong_node_is_stopped_and_told(pair):
    slave = pair.nodes["slave"]
    slave.exec("systemctl", "start", IPSEC, check=False)    # its end may come before its start is over
    wait_for("it is stopped", lambda: active(slave, IPSEC) != "active", 10)
    wait_for("it is told", lambda: "runs here, where it is not placed" in slave.journal("-u", "hapair-svcmand"), 10)
    assert active(pair.nodes["master"], IPSEC) == "active"


def test_in_maintenance_what_somebody_stops_by_hand_stays_so_until_its_end(pair):
    master = pair.nodes["master"]
    master.exec("hapair", "maintenance", "on")
    try:
        master.exec("systemctl", "stop", IPSEC)
        wait_for("it is seen", lambda: services(master)["ipsec"]["state"] == "stopped", 10)
        master.exec("systemctl", "kill", "--signal=KILL", "hapair-svcmand.service")
        wait_for("it is back", lambda: services(master).get("ipsec"), 10)
        assert active(master, IPSEC) != "active"
    finally:
        master.exec("hapair", "maintenance", "off")
    wait_placed(pair, "master")


def test_an_enabled_unit_is_an_error_before_it_matters(pair):
    slave = pair.nodes["slave"]
    slave.exec("systemctl", "enable", IPSEC)
    try:
        wait_for("it is listed", lambda: any(f"{IPSEC} also starts at every boot" in e for e in errors(slave)), 10)
    finally:
        slave.exec("systemctl", "disable", IPSEC)
    wait_for("it is gone", lambda: not any(IPSEC in e for e in errors(slave)), 10)


def test_what_dies_is_started_again(pair):
    master = pair.nodes["master"]
    before = master.service_pid(IPSEC)
    master.exec("systemctl", "kill", "--signal=KILL", IPSEC)
    wait_for("another one runs", lambda: master.service_pid(IPSEC) not in (0, before), 10)
    assert pair.role("master") == "master"


def test_a_stop_that_hangs_is_killed_before_the_other_node_starts(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    ours = "/etc/hapair/services.d/ipsec.service-set"
    master.write(ours, f"[ServiceSet]\nUnits={IPSEC}\nStopLimitSec=1\n")
    master.exec("systemctl", "reload", "hapair-confd")
    spoil(master, "ExecStop=sleep 300")
    pid = master.service_pid(IPSEC)
    try:
        slave.exec("hapair", "become", "master", timeout=60)
        assert master.exec("kill", "-0", str(pid), check=False).returncode != 0
        check_moved(IPSEC, master, slave)
        assert "killing what is left of it" in master.journal("-u", "hapair-svcmand")
    finally:
        master.exec("rm", ours)
        repair(master)
        master.exec("systemctl", "reload", "hapair-confd")


def test_a_svcmand_killed_in_the_middle_of_a_stop_ends_it_all_the_same(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    spoil(master, "ExecStop=sleep 2")
    try:
        with subprocess.Popen(slave.inside("hapair", "become", "master"), stdout=subprocess.DEVNULL) as button:
            wait_for("it stops", lambda: active(master, IPSEC) == "deactivating", 10, 0.05)
            master.exec("systemctl", "kill", "--signal=KILL", "hapair-svcmand.service")
            assert button.wait(30) == 0
        wait_placed(pair, "slave")
        check_moved(IPSEC, master, slave)
    finally:
        repair(master)


def test_svcmand_may_manage_units_of_the_catalogue_and_no_others(pair):
    node = pair.nodes["slave"]
    as_svcmand = ("setpriv", "--reuid=hapair-svcmand", "--clear-groups", "busctl", "call", "org.freedesktop.systemd1",
                  "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    assert node.exec(*as_svcmand, "StopUnit", "ss", VPN, "replace", check=False).returncode == 0
    for method, *arguments in (("StopUnit", "ss", "dbus.service", "replace"),
                               ("StartUnit", "ss", "keepalived.service", "replace"),
                               ("KillUnit", "ssi", "hapair-electd.service", "all", "9"),
                               ("Reload",), ("MaskUnitFiles", "asbb", "1", VPN, "true", "true")):
        refused = node.exec(*as_svcmand, method, *arguments, check=False)
        assert refused.returncode != 0, method
        assert "denied" in refused.stderr or "authentication required" in refused.stderr, (method, refused.stderr)


def test_without_a_system_bus_the_role_moves_and_the_services_follow(pair):
    master, slave = pair.nodes["master"], pair.nodes["slave"]
    for node in (master, slave):
        node.exec("systemctl", "stop", "dbus.socket", "dbus.service", check=False)
    try:
        slave.exec("hapair", "become", "master", timeout=60)
        assert pair.vip in slave.addresses() and pair.vip not in master.addresses()
        assert any("cannot be stopped" in e for e in errors(master))
    finally:
        for node in (master, slave):
            node.exec("systemctl", "start", "dbus.socket", "dbus.service", check=False)
    wait_placed(pair, "slave", 30)
