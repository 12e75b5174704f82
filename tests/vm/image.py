# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a virtual node starts from: Debian's kernel, a small initial RAM disk, and a root disk.

Made once (about a minute) and kept under a hash of everything it is made of, like the container lab's tree,
whose packages it has, and those that only make sense with a kernel of one's own.
"""

import glob
import lzma
import os
import shutil
import struct

from ..lab import net as network
from ..lab import tree
from ..lab.host import LabError, run

PACKAGES = (*tree.PACKAGES, "busybox-static", "drbd-utils", "e2fsprogs", "kmod", "lvm2", "udev")
ROOT_SIZE = "2G"

# What the initial RAM disk loads. The serial line, /dev/ttyS0, is built into Debian's kernel.
EARLY = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "virtio_net", "virtio_console", "virtio_rng")
# On the root disk, with what they need, for udev and whoever asks.
LATE = ("af_packet", "autofs4", "bridge", "configfs", "crc32c_intel", "crct10dif_pclmul", "dm_flakey", "dm_mod",
        "dm_snapshot", "drbd", "dummy", "i6300esb", "libcrc32c", "loop", "nf_tables", "nft_chain_nat", "nft_ct",
        "nft_limit", "nft_log", "nft_numgen", "nft_reject_inet", "sch_netem", "sch_tbf", "softdog", "veth")
# Masked on a container, and of use here.
UNMASKED = ("kmod-static-nodes.service", "sys-kernel-config.mount", "systemd-modules-load.service",
            "systemd-remount-fs.service", "systemd-sysctl.service")

MASKED = ("lvm2-monitor.service", "modprobe@drm.service")

# The kernel's package as such would bring all its modules and a generator of initial RAM disks.
DOWNLOAD = """set -eu
package=$(chroot "$1" apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
chroot "$1" sh -c "cd /root && apt-get download -q -o APT::Sandbox::User=root $package" >/dev/null
"""

NETWORK = """[Unit]
Description=The node's addresses
DefaultDependencies=no
Wants=sys-subsystem-net-devices-eth0.device sys-subsystem-net-devices-eth1.device network.target
After=sys-subsystem-net-devices-eth0.device sys-subsystem-net-devices-eth1.device
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip -batch /usr/lib/hapair-lab/%H.ip
"""

GUEST = """[Unit]
Description=Runs the lab's commands
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target

[Service]
ExecStart=/usr/lib/hapair-lab/guest
KillMode=process
OOMScoreAdjust=-1000
Restart=always
RestartSec=0
"""

# All devices would be told of, three seconds long; these are the ones that units wait for or the lab uses.
COLDPLUG = """[Service]
ExecStart=
ExecStart=udevadm trigger --action=add --subsystem-match=block --subsystem-match=net --subsystem-match=tty \\
        --subsystem-match=virtio-ports --subsystem-match=watchdog
"""

INIT = """#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-or-later
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
until [ -b /dev/vda ]; do /bin/busybox sleep 0.01; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /lib/systemd/systemd
"""


def recipe():
    """Everything the image's content depends on, as one string."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest.c"), encoding="ascii") as f:
        program = f.read()
    return "\n".join((tree.recipe(), *PACKAGES, ROOT_SIZE, *EARLY, *LATE, *UNMASKED, DOWNLOAD, NETWORK, GUEST,
                      INIT, program, *MASKED, *_files().values()))


def get(guest, say=lambda text: None):
    """The image's path (a directory with vmlinux, initrd and root.ext4) and a lock that keeps it there."""
    def make(path):
        say(f"making the virtual nodes' kernel and disk (Debian {tree.SUITE}, once, about a minute) ...")
        build(path, guest)
    return tree.cached("vm", recipe(), make)


def build(path, guest):
    """Make the image at path."""
    root = os.path.join(path, "tree")
    os.makedirs(path)
    tree.debootstrap(root, PACKAGES, DOWNLOAD, tree.CUSTOMIZE)
    release = _kernel(root, os.path.join(path, "vmlinux"))
    _initrd(root, release, os.path.join(path, "initrd"))
    _customize(root, guest)
    run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-E", "root_owner=0:0", "-d", root,
        os.path.join(path, "root.ext4"), ROOT_SIZE)
    shutil.rmtree(root)


def _kernel(root, vmlinux):
    """Put the kernel's modules that are needed into the tree, and the kernel as ELF, which boots faster than
    what unpacks itself, beside it; returns its release."""
    package, = glob.glob(f"{root}/root/linux-image-*.deb")
    run("chroot", root, "dpkg-deb", "-x", "/root/" + os.path.basename(package), "/kernel")
    os.unlink(package)
    release, = os.listdir(f"{root}/kernel/lib/modules")
    _extract(f"{root}/kernel/boot/vmlinuz-{release}", vmlinux)

    run("chroot", root, "depmod", "-b", "/kernel", release)
    for file in _with_dependencies(root, "/kernel", release, EARLY + LATE):
        target = root + file.removeprefix("/kernel")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.move(root + file, target)
    for file in glob.glob(f"{root}/kernel/lib/modules/{release}/modules.*"):
        shutil.copy(file, f"{root}/lib/modules/{release}")
    shutil.rmtree(f"{root}/kernel")
    run("chroot", root, "depmod", release)
    return release


def _with_dependencies(root, base, release, names):
    """The files of these modules in the order in which they can be loaded; what is built in has none."""
    lines = "".join(run("chroot", root, "modprobe", "-d", base, "-S", release, "--show-depends", name).stdout
                    for name in names).splitlines()
    return list(dict.fromkeys(line.split()[1] for line in lines if line.startswith("insmod")))


def _extract(vmlinuz, vmlinux):
    """The ELF kernel out of a bzImage (Documentation/x86/boot.rst: setup_sects, payload_offset and _length)."""
    with open(vmlinuz, "rb") as f:
        image = f.read()
    begin = ((image[0x1f1] or 4) + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    payload = image[begin:begin + struct.unpack_from("<I", image, 0x24c)[0]]
    if not payload.startswith(b"\xfd7zXZ\0"):
        raise LabError(f"{vmlinuz}: not compressed with xz as Debian {tree.SUITE} does")
    with open(vmlinux, "wb") as f:
        f.write(lzma.LZMADecompressor().decompress(payload))


def _initrd(root, release, initrd):
    top = f"{root}/initrd"
    for directory in ("bin", "dev", "modules", "proc", "root"):
        os.makedirs(f"{top}/{directory}")
    shutil.copy(f"{root}/bin/busybox", f"{top}/bin")
    files = _with_dependencies(root, "/", release, EARLY)
    for file in files:
        shutil.copy(root + file, f"{top}/modules")
    _write(f"{top}/modules/order", "".join(os.path.basename(file) + "\n" for file in files))
    _write(f"{top}/init", INIT, 0o755)
    run("chroot", root, "sh", "-c", "cd /initrd && find . | busybox cpio -o -H newc >/initrd.cpio")
    shutil.move(f"{root}/initrd.cpio", initrd)
    shutil.rmtree(top)


def _files():
    """Small files of the tree that are the lab's: path to content."""
    files = {
        "etc/systemd/system/lab-guest.service": GUEST,
        "etc/systemd/system/lab-network.service": NETWORK,
        "etc/systemd/system/systemd-udev-trigger.service.d/lab.conf": COLDPLUG,
        "etc/modules-load.d/lab.conf": "i6300esb\n",
        "etc/hosts": "127.0.0.1 localhost\n" +
                     "".join(f"{network.address(node)} gw-{node}\n" for node in network.NODES),
    }
    for node in network.NODES:
        files[f"usr/lib/hapair-lab/gw-{node}.ip"] = "link set lo up\n" + "".join(
            f"{command}\n" for segment in ("lan", "rep") for command in network.configure(node, segment))
    return files


def _customize(root, guest):
    for unit in UNMASKED:
        if os.path.islink(f"{root}/etc/systemd/system/{unit}"):
            os.unlink(f"{root}/etc/systemd/system/{unit}")
    for unit in MASKED:
        os.symlink("/dev/null", f"{root}/etc/systemd/system/{unit}")
    for path, text in _files().items():
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        _write(f"{root}/{path}", text)
    shutil.copy(guest, f"{root}/usr/lib/hapair-lab/guest")
    for unit in ("lab-guest.service", "lab-network.service"):
        wants = f"{root}/etc/systemd/system/sysinit.target.wants"
        os.makedirs(wants, exist_ok=True)
        os.symlink(f"../{unit}", f"{wants}/{unit}")
    # The usage count asks a server on the Internet.
    run("sed", "-i", "s/usage-count .*/usage-count no;/", f"{root}/etc/drbd.d/global_common.conf")


def _write(path, text, mode=0o644):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)
