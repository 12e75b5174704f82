# SPDX-License-Identifier: LGPL-2.1-or-later
"""That the virtual nodes break in the ways that tests rely on, and no others."""

import time

import pytest

from ..lab.host import LabError, wait_for

DATA = "/dev/vdb"

pytestmark = pytest.mark.brief


def written(node):
    """Whether a block can be written to the data disk."""
    return node.exec("dd", "if=/dev/zero", f"of={DATA}", "bs=4k", "count=1", "oflag=direct",
                     check=False).returncode == 0


def test_a_power_cut_loses_nothing_that_was_flushed(rig):
    rig.renew()
    rig.master.exec("sh", "-c", f"echo kept >/root/file && sync && printf kept | dd of={DATA} oflag=dsync")
    rig.master.kill()
    assert not rig.master.pid
    rig.master.start()
    assert rig.master.read("/root/file") == "kept\n"
    assert rig.master.exec("head", "-c", "4", DATA).stdout == "kept"
    # What was installed after the wake-up is on the disk like everything else.
    assert rig.master.exec("hapair", "--version", check=False).returncode == 0


def test_a_disk_fails_stalls_and_is_whole_again(rig):
    rig.renew()
    assert written(rig.slave)
    rig.slave.break_disk()
    assert not written(rig.slave)
    rig.slave.mend_disk()
    assert written(rig.slave)
    rig.slave.stall_disk()
    rig.slave.exec("systemd-run", "--unit=stalled", "dd", "if=/dev/zero", f"of={DATA}", "bs=4k", "count=1",
                   "oflag=direct")
    time.sleep(1)        # that nothing happens can only be seen by waiting
    assert rig.slave.exec("systemctl", "is-active", "stalled", check=False).stdout == "active\n"
    rig.slave.mend_disk()
    wait_for("the write ends", lambda: rig.slave.exec("systemctl", "is-active", "stalled",
                                                      check=False).stdout == "inactive\n")


def test_an_unplugged_card_has_no_carrier(rig):
    rig.renew()
    carrier = ("cat", "/sys/class/net/eth0/carrier")
    rig.net.cut("lan", "slave")
    assert [node.exec(*carrier).stdout for node in rig.nodes.values()] == ["1\n", "0\n"]
    rig.net.plug("lan", "slave")
    assert rig.slave.exec(*carrier).stdout == "1\n"


def test_a_watchdog_that_nobody_feeds_resets_the_node(rig):
    rig.renew()
    boot = "/proc/sys/kernel/random/boot_id"
    before = rig.slave.read(boot)
    with rig.slave.qmp() as qmp:
        # Opened, and closed without the letter that stops it.
        rig.slave.exec("sh", "-c", "test -c /dev/watchdog0 && echo >/dev/watchdog0")
        qmp.wait_event("RESET")
    rig.slave.wait_up()
    assert rig.slave.read(boot) != before


def test_a_node_that_is_off_does_not_answer(rig):
    rig.renew()
    rig.slave.kill()
    with pytest.raises(LabError):
        rig.slave.exec("true")
