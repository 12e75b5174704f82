# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network of a run: one namespace is the switch, with a bridge for each segment; nodes and stations plug
in.

What is wrong with the network at a moment is one record (faults.json in the run's directory), changed and
then applied as a whole, so that whoever attaches to the run can break and mend too, and a port that comes
back with a rebooted node comes back broken as it was.

    cut          carrier loss: the switch side of the cable goes down, the node sees it
    drop         frames from or to the node vanish in the switch, all or some per cent; the carrier stays up
    part         the same for what one node sends to the other; everybody else still hears both
    filter       the same for heartbeats alone, as by a firewall
    duplicate    every frame from the node arrives twice (until the node is switched off)
    dark         nothing comes from the node or gets to it: it hangs
"""

import contextlib
import copy
import fcntl
import ipaddress
import json

from .host import LabError, run

SEGMENTS = {
    # Benchmarking and documentation ranges (RFC 2544, 5737, 3849): never anybody's own network.
    "lan": (ipaddress.ip_network("198.18.0.0/16"), ipaddress.ip_network("2001:db8:18::/64")),
    "rep": (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8:2::/64")),
    "wan": (ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("2001:db8:113::/64")),
}
DEVICES = {"lan": "eth0", "rep": "eth1", "wan": "eth2"}

HEARTBEAT_PORT = 5694

# Who has which host number on every segment it is plugged into.
GATEWAY = 1
HOSTS = {"master": 11, "slave": 12, "client": 100, "watcher": 101, "intruder": 102}
STATIONS = ("client", "watcher", "intruder")
NODES = ("master", "slave")


def address(host, segment="lan", version=4):
    """The address of a host (a name of HOSTS, or a number) on a segment."""
    number = HOSTS[host] if isinstance(host, str) else host
    return str(SEGMENTS[segment][version == 6][number])


def with_prefix(host, segment="lan", version=4):
    """The same with the segment's prefix length."""
    return f"{address(host, segment, version)}/{SEGMENTS[segment][version == 6].prefixlen}"


def mac(host, segment="lan"):
    """The fixed, locally administered MAC address of a host: a node keeps its own over a reboot."""
    return f"02:00:00:00:{list(SEGMENTS).index(segment):02x}:{HOSTS[host]:02x}"


def configure(host, segment):
    """The ip(8) commands on a host that give its device on a segment the addresses."""
    device = DEVICES[segment]
    commands = [f"addr add {with_prefix(host, segment)} dev {device}",
                f"addr add {with_prefix(host, segment, 6)} dev {device} nodad",
                f"link set {device} up"]
    if segment == "lan" and host in NODES:
        commands.append(f"route add default via {address(GATEWAY)}")
    return commands


class Net:
    """The switch, the stations beside the nodes, and the faults."""

    def __init__(self, lab):
        self.lab = lab
        self.switch = lab.namespace("switch")

    def build(self, segments=("lan", "rep")):
        """Make the switch with its segments and plug the stations into the LAN."""
        run("ip", "netns", "add", self.switch)
        commands = ["link set lo up"]
        for segment in segments:
            commands += [f"link add {segment} type bridge forward_delay 0 mcast_snooping 0",
                         f"link set {segment} up"]
        if "lan" in segments:
            # The switch is also the LAN's gateway: it answers, it leads nowhere.
            commands += [f"addr add {with_prefix(GATEWAY)} dev lan",
                         f"addr add {with_prefix(GATEWAY, version=6)} dev lan nodad"]
        self._ip(self.switch, commands)
        self.lab.write("faults.json", {"cut": [], "drop": {}, "part": {}, "filter": [], "duplicate": [], "dark": []})
        self.lab.write("segments.json", list(segments))
        for station in STATIONS:
            namespace = self.lab.namespace(station)
            run("ip", "netns", "add", namespace)
            self._ip(None, self._plug(station, "lan", namespace))
            self._ip(namespace, configure(station, "lan"))
            self._ip(self.switch, self._join(station, "lan"))

    @property
    def segments(self):
        """The segments the switch was built with."""
        return self.lab.read("segments.json")

    def wire(self, node):
        """Write the ip(8) batches of boot.sh: for the node, for the switch, and to unplug."""
        wire, plug, unplug = ["link set lo up"], [], []
        for segment in self.segments:
            wire += [f"link add {DEVICES[segment]} address {mac(node, segment)} type veth "
                     f"peer name {segment}-{node} netns {self.switch}", *configure(node, segment)]
            plug += self._join(node, segment)
            unplug.append(f"link delete {segment}-{node}")
        for name, commands in (("wire", wire), ("plug", plug), ("unplug", unplug)):
            with open(self.lab.path(node, name + ".ip"), "w", encoding="ascii") as f:
                f.write("\n".join(commands) + "\n")

    def unwire(self, node):
        """Take the cables of a node that is off out of the switch, before its namespace goes by itself."""
        run("ip", "-force", "-n", self.switch, "-batch", self.lab.path(node, "unplug.ip"), check=False)

    def inside(self, station):
        """The words before a command that make it run on a station."""
        return ("ip", "netns", "exec", self.lab.namespace(station))

    # What can be wrong

    def cut(self, segment, node=None):
        """Carrier loss at one node, or at both: that is a switch that died."""
        with self._faults() as faults:
            faults["cut"] = sorted({*faults["cut"], *self._ports(segment, node)})

    def drop(self, segment, node, direction="both", percent=100):
        """Lose frames `from` the node, `to` it, or both ways, without its noticing a carrier loss."""
        ways = {"both": ("from", "to"), "from": ("from",), "to": ("to",)}[direction]
        with self._faults() as faults:
            for port in self._ports(segment, node):
                faults["drop"].setdefault(port, {}).update({way: percent for way in ways})

    def part(self, segment, sender=None, percent=100):
        """Lose frames between the two nodes, or only what one sends to the other."""
        with self._faults() as faults:
            senders = [sender] if sender else NODES
            faults["part"].setdefault(segment, {}).update({n: percent for n in senders})

    def filter(self, segment):
        """Lose the heartbeats between the two nodes and nothing else."""
        with self._faults() as faults:
            faults["filter"] = sorted({*faults["filter"], segment})

    @contextlib.contextmanager
    def parting(self, segment, sender):
        """For a while, lose what one node sends to the other; what was so before stays so."""
        before = self.lab.read("faults.json")["part"].get(segment)
        self.part(segment, sender)
        try:
            yield
        finally:
            with self._faults() as faults:
                faults["part"].pop(segment)
                if before:
                    faults["part"][segment] = before

    def mend_between(self, segment):
        """End what part(), filter() and duplicate() did to a segment."""
        with self._faults() as faults:
            faults["part"].pop(segment, None)
            faults["filter"] = [s for s in faults["filter"] if s != segment]
            faults["duplicate"] = [p for p in faults["duplicate"] if p not in self._ports(segment, None)]

    def plug(self, segment, node=None):
        """End what cut() did."""
        with self._faults() as faults:
            faults["cut"] = [p for p in faults["cut"] if p not in self._ports(segment, node)]

    def dark(self, node, dark=True):
        """Nothing comes from the node or gets to it, until it is dark no more; mend() leaves that alone."""
        with self._faults() as faults:
            faults["dark"] = sorted({*faults["dark"], node} if dark else {*faults["dark"]} - {node})

    def duplicate(self, segment, node=None):
        """Every frame the node sends arrives at the other node twice."""
        with self._faults() as faults:
            faults["duplicate"] = sorted({*faults["duplicate"], *self._ports(segment, node)})

    def mend(self, segment=None, node=None):
        """Put right what is wrong with a cable, a segment, a node's cables, or everything."""
        ports = {p for s in ([segment] if segment else self.segments) for p in self._ports(s, node)}
        with self._faults() as faults:
            faults["cut"] = [p for p in faults["cut"] if p not in ports]
            faults["drop"] = {p: d for p, d in faults["drop"].items() if p not in ports}
            faults["duplicate"] = [p for p in faults["duplicate"] if p not in ports]
            if not node:
                faults["part"] = {s: p for s, p in faults["part"].items() if segment and s != segment}
                faults["filter"] = [s for s in faults["filter"] if segment and s != segment]

    def faults(self):
        """What is wrong now, in words, one line each."""
        faults = self.lab.read("faults.json")
        return ([f"{p}: cut" for p in faults["cut"]] +
                [f"{p}: {percent} % lost {way} the node" for p, d in faults["drop"].items()
                 for way, percent in d.items()] +
                [f"{segment}: {percent} % of what {sender} sends to the other node is lost"
                 for segment, senders in faults["part"].items() for sender, percent in senders.items()] +
                [f"{segment}: heartbeats are lost" for segment in faults["filter"]] +
                [f"{p}: duplicated" for p in faults["duplicate"]] +
                [f"{node}: hangs" for node in faults["dark"]])

    def gateway(self, up):
        """Let the LAN's gateway answer, or not."""
        verb = "replace" if up else "delete"
        self._ip(self.switch, [f"addr {verb} {with_prefix(GATEWAY)} dev lan",
                               f"addr {verb} {with_prefix(GATEWAY, version=6)} dev lan" +
                               (" nodad" if up else "")])

    def intrude(self, stranger):
        """A third host takes the address and says so to everybody."""
        self._ip(self.lab.namespace("intruder"), [f"addr add {stranger} dev eth0 nodad"])
        if ipaddress.ip_interface(stranger).version == 4:
            run(*self.inside("intruder"), "arping", "-U", "-c", "1", "-w", "1", "-I", "eth0",
                stranger.split("/", maxsplit=1)[0], check=False)

    def retreat(self, stranger):
        """The third host gives the address up."""
        self._ip(self.lab.namespace("intruder"), [f"addr delete {stranger} dev eth0"])

    def retreat_all(self):
        """The third host keeps nothing but its own address."""
        links = json.loads(run("ip", "-n", self.lab.namespace("intruder"), "-json", "address", "show",
                               "dev", "eth0").stdout)
        for info in links[0]["addr_info"]:
            if info["local"] not in (address("intruder"), address("intruder", version=6)) \
               and info["scope"] == "global":
                self.retreat(f"{info['local']}/{info['prefixlen']}")

    # How

    def _ip(self, namespace, commands):
        run("ip", *(("-n", namespace) if namespace else ()), "-batch", "-", input="\n".join(commands) + "\n")

    def _plug(self, host, segment, namespace):
        return [f"link add {DEVICES[segment]} address {mac(host, segment)} netns {namespace} type veth "
                f"peer name {segment}-{host} netns {self.switch}"]

    def _join(self, host, segment):
        port = f"{segment}-{host}"
        state = "down" if port in self.lab.read("faults.json")["cut"] else "up"
        return [f"link set {port} master {segment}", f"link set {port} {state}"]

    def _ports(self, segment, node):
        if segment not in self.segments:
            raise LabError(f"no segment {segment} in this lab: there are {', '.join(self.segments)}")
        return [f"{segment}-{n}" for n in ([node] if node else NODES)]

    @contextlib.contextmanager
    def _faults(self):
        with open(self.lab.path("faults.lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            old = self.lab.read("faults.json")
            new = copy.deepcopy(old)
            yield new
            self.lab.write("faults.json", new)
            self._apply(old, new)

    def _apply(self, old, new):
        links = run("ip", "-n", self.switch, "-json", "link").stdout
        there = {link["ifname"] for link in json.loads(links)}
        # The port of a node that is off does not exist; boot.sh makes it as the record says.
        changed = [f"link set {port} {state}"
                   for state, ports in (("down", set(new["cut"]) - set(old["cut"])),
                                        ("up", set(old["cut"]) - set(new["cut"])))
                   for port in sorted(ports & there)]
        if changed:
            self._ip(self.switch, changed)
        for node in NODES:
            self.wire(node)
        if {**old, "cut": None} != {**new, "cut": None}:
            run(*self.inside("switch"), "nft", "-f", "-", input=_ruleset(new, there))


def _ruleset(faults, there):
    """The faults as one nftables transaction that replaces the one before."""
    def lose(percent):
        some = "" if percent >= 100 else f"numgen random mod 100 < {percent} "
        return f"{some}counter drop"

    chains = {"from": [], "to": [], "between": []}
    for port, drops in faults["drop"].items():
        for way, percent in drops.items():
            chains[way].append(f"{'iifname' if way == 'from' else 'oifname'} {port} {lose(percent)}")
    for segment, senders in faults["part"].items():
        for sender, percent in senders.items():
            chains["between"].append(f"iifname {segment}-{sender} oifname {segment}-{_other(sender)} "
                                     f"{lose(percent)}")
    for segment in faults["filter"]:
        chains["between"] += [f"iifname {segment}-{node} oifname {segment}-{_other(node)} udp dport "
                              f"{HEARTBEAT_PORT} counter drop" for node in NODES]
    for node in faults["dark"]:
        chains["from"] += [f"iifname {segment}-{node} drop" for segment in SEGMENTS]
        chains["to"] += [f"oifname {segment}-{node} drop" for segment in SEGMENTS]
    lines = ["table bridge faults", "delete table bridge faults", "table bridge faults {",
             "chain from { type filter hook prerouting priority 0;", *chains["from"], "}",
             "chain between { type filter hook forward priority 0;", *chains["between"], "}",
             "chain to { type filter hook postrouting priority 0;", *chains["to"], "}", "}",
             "table netdev faults", "delete table netdev faults", "table netdev faults {"]
    for port in faults["duplicate"]:
        segment, node = port.split("-")
        if {port, f"{segment}-{_other(node)}"} <= there:
            lines += [f"chain {segment}_{node} {{ type filter hook ingress device {port} priority 0;",
                      f"dup to {segment}-{_other(node)}", "}"]
    return "\n".join([*lines, "}", ""])


def _other(node):
    return NODES[1 - NODES.index(node)]
