# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair on both nodes, set up the way a user sets it up: `hapair init` here, `hapair join` there."""

import json
import os
import shutil

from . import net as network
from .host import LabError, Timeout, run, wait_for
from .node import start_together

CONFIGURATION = "/root/hapair.conf"
# Exit status of `hapair status`: healthy, degraded. Anything else is no answer.
ANSWERED = (0, 1)


def install(lab):
    """A complete installation of hapair as a layer for the nodes' disks."""
    path = lab.path("hapair")
    shutil.rmtree(path, ignore_errors=True)
    run("meson", "install", "-C", lab.build, "--destdir", path, "--no-rebuild", "--quiet", timeout=120)
    # The nodes' serial lines are pseudo terminals, the only thing about them that is not as on real
    # hardware.
    drop_in = os.path.join(path, "etc", "systemd", "system", "hapair-hbd.service.d")
    os.makedirs(drop_in)
    with open(os.path.join(drop_in, "lab.conf"), "w", encoding="ascii") as f:
        f.write("[Service]\nDeviceAllow=char-pts rw\n")
    return path


def configuration(dead=1.0, n_aliases=0, arbiter="paths", serial=True, version=4, settings=None):
    """A complete hapair.conf for the lab's pair, as sections of keys. settings overrides: {section: {key:
    value}}; a value of None leaves the key out."""
    sections = {
        "General": {
            "Cluster": "gw", "Active": "yes", "PrimaryDevice": network.DEVICES["lan"],
            "MasterAddress": network.with_prefix("master", version=version),
            "SlaveAddress": network.with_prefix("slave", version=version),
            "Gateway": network.address(network.GATEWAY, version=version),
            "AutoFailback": "no", "Arbiter": arbiter,
        },
        "Heartbeat": {"DeadTimeSec": f"{dead:g}", "Serial": "yes" if serial else "no"},
        "Replication": {
            "Enabled": "no",
            "MasterAddress": network.address("master", "rep", version),
            "SlaveAddress": network.address("slave", "rep", version),
        },
        "VirtualIP lan": {
            "Enabled": "yes", "Address": network.with_prefix(10, version=version),
            "Aliases": ";".join(network.with_prefix(256 + i, version=version)
                                for i in range(n_aliases)) or None,
            "MasterAddress": network.address("master", version=version),
            "SlaveAddress": network.address("slave", version=version),
        },
    }
    if serial:
        sections["Heartbeat"].update(MasterSerial="/dev/ttyS0", SlaveSerial="/dev/ttyS0")
    for section, keys in (settings or {}).items():
        sections.setdefault(section, {}).update(keys)
    return sections


def as_text(sections):
    """Sections of keys in the syntax of hapair.conf."""
    return "\n".join(f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()
                                                if value is not None)
                     for section, keys in sections.items())


class Pair:
    """The pair that runs on a rig's two nodes."""

    def __init__(self, rig, **parameters):
        self.rig, self.nodes = rig, rig.nodes
        self.dead = parameters.get("dead", 1.0)
        self.sections = configuration(**parameters)

    @property
    def vip(self):
        """The virtual IP, without prefix length."""
        return self.sections["VirtualIP lan"]["Address"].split("/")[0]

    @property
    def addresses(self):
        """The virtual IP and its aliases, without prefix lengths."""
        more = self.sections["VirtualIP lan"]["Aliases"]
        return [self.vip, *(a.split("/")[0] for a in more.split(";"))] if more else [self.vip]

    def init(self, *options):
        """`hapair init` on the master and `hapair join` on the slave, with what it printed."""
        master, slave = self.rig.master, self.rig.slave
        master.write(CONFIGURATION, as_text(self.sections), mode=0o600)
        # init asks who has the addresses; that nobody answers, the kernel says after three tries, a second
        # apart.
        for version in ("ipv4", "ipv6"):
            master.exec("sysctl", "-qw", f"net.{version}.neigh.eth0.retrans_time_ms=100")
        master.exec("ip", "neighbour", "flush", "all")
        token = master.exec("hapair", "init", "--config", CONFIGURATION, *options, timeout=180).stdout
        slave.exec("hapair", "join", *options, input=token, timeout=180)

    def start(self):
        """From nodes without hapair to a pair that serves."""
        self.init()
        self.wait_roles(master="master", slave="slave")

    def install_only(self):
        """Both nodes initialised, joined, enabled, and switched off: the start of every scenario."""
        self.init("--no-start")
        for node in self.nodes.values():
            node.exec("systemctl", "enable", "hapair.target")
            node.kill()

    def reset(self):
        """Take hapair off both nodes: its daemons, state, keys and configuration."""
        start_together(*(node for node in self.nodes.values() if not node.pid))
        for node in self.nodes.values():
            node.exec("systemctl", "disable", "--now", "hapair.target", timeout=60, check=False)
            node.exec("/bin/sh", "-c", "systemctl stop 'hapair-*'; systemctl reset-failed; "
                      "rm -rf /var/lib/hapair /run/hapair/vipd; find /etc/hapair -type f -delete",
                      timeout=60)
            left = set(node.addresses()) & set(self.addresses)
            if left:
                raise LabError(f"{node.host}: addresses left behind by a stopped hapair: {', '.join(left)}")

    def status(self, name):
        """`hapair status --json` of a node; None while there is no answer, or the node is off."""
        node = self.nodes[name]
        if not node.pid:
            return None
        try:
            result = node.exec("hapair", "status", "--json", check=False, timeout=10)
        except Timeout:
            return None
        return json.loads(result.stdout) if result.returncode in ANSWERED else None

    def role(self, name):
        """A node's running role, None while it does not say."""
        status = self.status(name)
        return status and status["running_role"]

    def reasons(self, name):
        """Why a node decided what it did, oldest first."""
        return [decision["reason"] for decision in
                json.loads(self.nodes[name].exec("hapair", "why", "--json").stdout)]

    def wait_roles(self, timeout=30, **roles):
        """Wait until the nodes have these running roles: wait_roles(master="slave", slave="master")."""
        wait_for(f"running roles {roles}", lambda: all(self.role(n) == r for n, r in roles.items()),
                 timeout, 0.05)

    def serving(self):
        """The name of the node that is running master; None while none or both say so."""
        masters = [name for name in self.nodes if self.role(name) == "master"]
        return masters[0] if len(masters) == 1 else None
