# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's keepalived on both nodes: what hapair is measured against, and the proof that the lab works."""

from . import net as network
from .host import wait_for

CONFIGURATION = """global_defs {{
    vrrp_version 3
    vrrp_priority 50
    vrrp_rt_priority 50
    vrrp_rlimit_rttime 1000000
}}
vrrp_instance pair {{
    state {state}
    interface eth0
    virtual_router_id 77
    priority {priority}
    advert_int {interval}
    virtual_ipaddress {{
        {addresses}
    }}
    virtual_ipaddress_excluded {{
        {more}
    }}
}}
"""
VIP = network.with_prefix(10)


def aliases(number):
    """So many addresses more than the virtual IP, with prefix length."""
    return [network.with_prefix(256 + i) for i in range(number)]


class Keepalived:
    """A pair of nodes that runs keepalived: the configured master has the higher priority."""

    def __init__(self, nodes, interval=0.1, n_aliases=0):
        self.nodes = nodes
        self.interval, self.aliases = interval, aliases(n_aliases)

    def start(self):
        """Configure both, start both, wait until the master has the address."""
        for name, node in self.nodes.items():
            node.write("/etc/keepalived/keepalived.conf", CONFIGURATION.format(
                state="MASTER" if name == "master" else "BACKUP", priority=150 if name == "master" else 100,
                interval=self.interval, addresses=f"{VIP} dev eth0",
                more="\n        ".join(f"{a} dev eth0" for a in self.aliases)))
            node.exec("systemctl", "start", "keepalived.service")
        self.wait_holder("master")

    def stop(self):
        """Stop both; the addresses go."""
        for node in self.nodes.values():
            if node.pid:
                node.exec("systemctl", "stop", "keepalived.service")

    def wait_holder(self, name, timeout=15):
        """Wait until this node, and no other that is on, has every address."""
        wanted = {a.split("/")[0] for a in [VIP, *self.aliases]}

        def settled():
            return all((wanted <= set(node.addresses("eth0"))) if n == name else
                       not wanted & set(node.addresses("eth0"))
                       for n, node in self.nodes.items() if node.pid)
        wait_for(f"{self.nodes[name].host} alone has the addresses", settled, timeout)
