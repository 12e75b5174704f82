# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab itself: that its faults are what they say, and that nothing of it stays behind.

Keepalived stands in for the software under test where one is needed: a lab that only ever ran hapair could
not tell its own faults from hapair's.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from . import host, keepalived, net
from .host import LabError, run, wait_for
from .lab import RUNS, SOURCE, Lab
from .tap import Tap
from .tools import Holders, Probe

pytestmark = pytest.mark.alone

VIP = keepalived.VIP.split("/")[0]


def answers(rig, host_name, segment="lan", source=None):
    """Whether a host answers, once, within a moment."""
    address = net.address(host_name, segment)
    ping = ("ping", "-c", "1", "-W", "0.3", address)
    return (source or rig.slave).exec(*ping, check=False).returncode == 0


@pytest.fixture
def peers(rig):
    """Keepalived on both nodes, the master has the address."""
    pair = keepalived.Keepalived(rig.nodes)
    pair.start()
    yield pair
    rig.heal()
    pair.stop()


def test_a_cut_takes_the_carrier_and_mending_gives_it_back(rig):
    carrier = "/sys/class/net/eth0/carrier"
    assert rig.master.read(carrier) == "1\n"
    rig.net.cut("lan", "master")
    wait_for("no carrier", lambda: rig.master.read(carrier) == "0\n")
    assert not answers(rig, "master") and answers(rig, "master", "rep")
    rig.net.mend("lan", "master")
    wait_for("carrier", lambda: rig.master.read(carrier) == "1\n")
    wait_for("the master answers again", lambda: answers(rig, "master"))


@pytest.mark.parametrize("direction", ["from", "to", "both"])
def test_a_drop_is_silent_and_goes_the_way_it_says(rig, direction):
    def arrives(sender, receiver, name):
        """Whether an echo request from one gets to the other, whatever becomes of the reply."""
        def echoes():
            return receiver.exec("nstat", "-asz", "IcmpInEchos").stdout.split("IcmpInEchos")[1].split()[0]
        before = echoes()
        answers(rig, name, "rep", sender)
        return echoes() != before

    # Both know the other's MAC address already: what is tried is the echo, not its resolution.
    assert arrives(rig.master, rig.slave, "slave") and arrives(rig.slave, rig.master, "master")

    rig.net.drop("rep", "master", direction)
    assert rig.master.read("/sys/class/net/eth1/carrier") == "1\n"
    assert not answers(rig, "master", "rep")
    assert arrives(rig.master, rig.slave, "slave") == (direction == "to")
    assert arrives(rig.slave, rig.master, "master") == (direction == "from")
    rig.net.mend()
    assert answers(rig, "master", "rep")


def test_loss_loses_about_as_much_as_asked_for(rig):
    rig.net.drop("lan", "master", "to", percent=30)
    with Probe(rig.net, net.address("master")).ready() as probe:
        time.sleep(1)        # a thousand questions
        found = probe.finish()
    lost = 1 - found["targets"][0]["answers"] / found["sent"]
    assert 0.2 < lost < 0.4, lost


def test_duplicates_arrive_twice(rig):
    rig.net.duplicate("rep", "master")
    reply = rig.slave.exec("ping", "-c", "3", "-i", "0.2", net.address("master", "rep"), check=False).stdout
    assert "DUP!" in reply, reply


def test_a_cut_node_stays_cut_over_a_reboot(rig):
    rig.net.cut("rep", "slave")
    rig.slave.reboot()
    assert rig.slave.read("/sys/class/net/eth1/carrier") == "0\n"
    assert answers(rig, "master")


def test_a_reboot_from_within_comes_back_and_a_poweroff_does_not(rig):
    boot = rig.slave.read("/proc/1/stat")
    rig.slave.exec("systemd-run", "--on-active=0.1", "systemctl", "reboot")
    wait_for("the slave reboots", lambda: rig.slave.pid and rig.slave.exec(
        "cat", "/proc/1/stat", check=False).stdout not in (boot, ""), 30)
    rig.slave.wait_up()
    rig.slave.poweroff()
    assert rig.slave.pid is None


def test_a_node_keeps_its_disk_and_nothing_else(rig):
    rig.slave.write("/var/lib/kept", "kept\n")
    rig.slave.write("/run/lost", "lost\n")
    rig.slave.exec("ip", "address", "add", "198.18.9.9/16", "dev", "eth0")
    rig.slave.kill()
    rig.slave.start()
    assert rig.slave.read("/var/lib/kept") == "kept\n"
    assert rig.slave.exec("test", "-e", "/run/lost", check=False).returncode
    assert "198.18.9.9" not in rig.slave.addresses()


def test_a_node_cannot_touch_the_host(rig):
    # Looked up, not tried out: where it failed, the host's clock would be gone.
    beyond = sum(1 << capability for capability in (16, 17, 25))     # SYS_MODULE, SYS_RAWIO, SYS_TIME
    for status in ("/proc/1/status", "/proc/self/status"):
        words = rig.slave.read(status).split()
        assert not int(words[words.index("CapBnd:") + 1], 16) & beyond, status
        assert not int(words[words.index("CapEff:") + 1], 16) & beyond, status
    for path in ("/proc/sys/kernel", "/sys/kernel"):
        assert rig.slave.exec("test", "-w", path, check=False).returncode, path


def test_the_serial_cable_carries_bytes_and_a_pulled_one_loses_them(rig):
    def heard(word):
        """What a listener at the slave hears of a word that is said at the master while it listens."""
        unit = rig.slave.exec("systemd-run", "--service-type=exec", "socat", "-u", "OPEN:/dev/ttyS0,rawer",
                              "CREATE:/run/heard").stderr.split()[-1]
        time.sleep(0.1)        # the other end needs a moment to see that someone listens
        rig.master.exec("/bin/sh", "-c", f"printf {word} >/dev/ttyS0; sleep 0.1")
        time.sleep(0.1)        # silence is told by waiting only
        rig.slave.exec("systemctl", "stop", unit)
        return rig.slave.read("/run/heard")

    assert heard("hello") == "hello"
    rig.cable.pull()
    assert heard("never") == ""
    rig.cable.plug()
    assert heard("again") == "again"


def test_a_serial_line_is_free_again_when_its_user_is_dead(rig):
    # TIOCEXCL, which on a pseudo terminal outlives the one who asked for it.
    seize = ("/usr/bin/perl", "-e", 'open(T, "+<", "/dev/ttyS0") or die "open: $!"; '
             'ioctl(T, 0x540c, 0) or die "TIOCEXCL: $!"')
    as_nobody = ("setpriv", "--reuid=nobody", "--regid=dialout", "--clear-groups")
    rig.slave.exec(*as_nobody, *seize)
    wait_for("the line is free", lambda: rig.slave.exec(*as_nobody, *seize, check=False).returncode == 0)


def test_a_stranger_replays_and_spoils_heartbeats(rig):
    unit = rig.slave.exec("systemd-run", "--service-type=exec", "socat", "-u", "UDP-RECVFROM:5694,fork",
                          "OPEN:/run/stranger,creat,append").stderr.split()[-1]
    wait_for("socat listens", lambda: "5694" in rig.slave.exec("ss", "-lnu").stdout)
    with Tap(rig.net) as tap:
        tap.mark()
        rig.master.exec("/bin/sh", "-c", f"printf hello | socat -u - UDP:{net.address('slave')}:5694")
        wait_for("one hello", lambda: rig.slave.exec("cat", "/run/stranger", check=False).stdout == "hello")
        with pytest.raises(LabError):
            tap.replay("slave")
        tap.mark()
        assert tap.replay("slave") == 1
        wait_for("two hellos", lambda: rig.slave.read("/run/stranger") == "hellohello")
        chatter = rig.master.exec("systemd-run", "--service-type=exec", "/bin/sh", "-c", "while sleep 0.05; "
                                  f"do printf again | socat -u - UDP:{net.address('slave')}:5694; done"
                                  ).stderr.split()[-1]
        assert tap.forge("slave")
        rig.master.exec("systemctl", "stop", chatter)
        # The last letter with every bit turned round.
        wait_for("a forged one", lambda: int(rig.slave.exec(
            "/bin/sh", "-c", r"LC_ALL=C tr -dc '\221' </run/stranger | wc -c").stdout))
    rig.slave.exec("systemctl", "stop", unit)


def test_a_node_gives_services_what_hapairs_need(rig):
    # Each of these was once silently missing in a container.
    rig.slave.write("/etc/secret", "secret", mode=0o600)
    properties = ("LoadCredential=key:/etc/secret", "User=nobody", "CPUSchedulingPolicy=rr",
                  "CPUSchedulingPriority=20", "PrivateDevices=yes", "ProtectSystem=strict")
    said = rig.slave.exec("systemd-run", "--wait", "--pipe", "--quiet",
                          *(word for p in properties for word in ("-p", p)), "/bin/sh", "-c",
                          "cat $CREDENTIALS_DIRECTORY/key; cut -d' ' -f40,41 /proc/self/stat").stdout
    assert said == "secret20 2\n"        # priority 20, SCHED_RR


@pytest.mark.parametrize("fault", ["kill", "hang", "cut"])
def test_the_probe_sees_an_address_change_hands(rig, peers, fault):
    with Probe(rig.net, VIP).ready() as probe:
        {"kill": rig.master.kill, "hang": rig.master.hang,
         "cut": lambda: rig.net.cut("lan", "master")}[fault]()
        probe.wait_holder(VIP, "gw-slave")
        found = probe.finish()["targets"][0]
    assert [node for _, node, _ in probe.events()] == ["gw-master", None, "gw-slave"]
    # Three missed advertisements and the skew are what the standard waits for.
    assert found["gap_us"] > 200_000 and found["switches"] == 1


def test_two_holders_of_one_address_are_seen(rig, peers):
    with Holders(rig.net, VIP).ready() as holders:
        rig.slave.exec("ip", "address", "add", keepalived.VIP, "dev", "eth0")
        holders.wait_holders(2)
        time.sleep(0.2)        # how long is what is measured
        rig.slave.exec("ip", "address", "delete", keepalived.VIP, "dev", "eth0")
        found = holders.finish()["addresses"][0]
    assert found["shared_us"] > 150_000
    assert {h["mac"] for h in found["holders"]} == {net.mac("master"), net.mac("slave")}


def test_one_holder_is_never_taken_for_two(rig, peers):
    with Holders(rig.net, VIP).ready() as holders:
        rig.master.kill()
        holders.wait_holders(2)
        found = holders.finish()["addresses"][0]
    assert found["shared_us"] == 0


def test_a_lab_that_was_killed_is_cleaned_up_by_the_next(rig):
    script = ("from lab.lab import Lab; from lab.net import Net; import os\n"
              "lab = Lab(); Net(lab).build(); lab.spawn('sleeper', 'sleep', '1000')\n"
              "print(lab.name, flush=True); input()\n")
    with subprocess.Popen([sys.executable, "-c", script], cwd=os.path.join(SOURCE, "tests"), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**os.environ, "HAPAIR_BUILD": rig.lab.build}) as other:
        name = other.stdout.readline().strip()
        assert os.path.isdir(os.path.join(RUNS, name))
        other.send_signal(signal.SIGKILL)
    with Lab(rig.lab.build):
        assert not os.path.exists(os.path.join(RUNS, name))
        assert not os.path.exists(os.path.join(host.cgroup_root(), name))
        assert name not in run("ip", "netns", "list").stdout
    # and the one that lives was left alone
    assert rig.master.pid and rig.master.exec("true").returncode == 0
