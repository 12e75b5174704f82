# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a node has is kept before it is discarded: on real disks, by the unit that replicd starts."""

import pytest

KEPT = "/var/lib/hapair/replicd/kept"
RESOURCE = """resource keepme {
        device /dev/drbd7;
        disk DISK;
        meta-disk internal;
        on gw-master { address 192.0.2.11:7799; }
        on gw-slave { address 192.0.2.12:7799; }
}
"""


def fill(node, disk):
    """A secondary resource on the disk, with a file system that has a file."""
    node.exec("mkdir", "-p", "/etc/drbd.d")
    node.write("/etc/drbd.d/keepme.res", RESOURCE.replace("DISK", disk))
    node.exec("sh", "-ec", "modprobe drbd; drbdadm create-md --force keepme; drbdadm up keepme; "
              "drbdadm primary --force keepme; mkfs.ext4 -q /dev/drbd7; mount /dev/drbd7 /mnt; "
              "echo precious >/mnt/file; umount /mnt; drbdadm secondary keepme", timeout=120)


def keep(node):
    """Whether it was kept, and as what; or why not."""
    node.exec("systemctl", "start", "hapair-keep@keepme.service", check=False, timeout=120)
    word, _, rest = node.read(KEPT).strip().partition(" ")
    return word, rest


def inside(node, kept, options):
    """What is in the file."""
    return node.exec("sh", "-ec", f"mount -t ext4 -o ro,noload,{options} {kept} /mnt; cat /mnt/file; umount /mnt").stdout


@pytest.fixture
def node(rig):
    rig.renew()
    return rig.slave


def test_a_volume_of_lvm_is_kept_in_a_snapshot_that_cannot_fill_up(node):
    node.exec("sh", "-ec", "pvcreate -qy /dev/vdb; vgcreate -q vg /dev/vdb; lvcreate -qy -Wn -L 24M -n data vg")
    fill(node, "/dev/vg/data")
    word, kept = keep(node)
    assert (word, kept[:20]) == ("kept", "/dev/vg/keepme-kept-")
    assert inside(node, kept, "ro") == "precious\n"
    node.exec("sh", "-ec", "drbdadm primary --force keepme; dd if=/dev/urandom of=/dev/drbd7 bs=1M oflag=direct || :; "
              "drbdadm secondary keepme", timeout=120)
    assert inside(node, kept, "ro") == "precious\n"

    node.exec("lvcreate", "-qy", "-Wn", "-l", "100%FREE", "-n", "filler", "vg")
    word, reason = keep(node)
    assert word == "refused" and "vg/data" in reason


def test_any_other_disk_is_kept_in_an_image_where_there_is_room(node):
    fill(node, "/dev/vdb")
    word, kept = keep(node)
    assert (word, kept[:36]) == ("kept", "/var/lib/hapair/replicd/keepme-kept-")
    assert inside(node, kept, "loop") == "precious\n"
    # Compared past the page cache, which knows nothing of what DRBD wrote.
    assert node.exec("sh", "-c", f"dd if=/dev/vdb bs=1M iflag=direct status=none | cmp - {kept} && echo equal",
                     timeout=120).stdout == "equal\n"

    node.exec("rm", kept)
    node.exec("sh", "-ec", "free=$(df --output=avail -k / | tail -n 1); fallocate -l $((free - 200 * 1024))K /filler")
    word, reason = keep(node)
    assert word == "refused" and "make room" in reason
    assert node.exec("sh", "-c", "ls /var/lib/hapair/replicd").stdout == "kept\n"
