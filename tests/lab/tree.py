# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root tree under every node: Debian's minbase with systemd and what hapair and its peers link to.

It is made once by mmdebstrap (half a minute) and kept in /var/cache/hapair-lab under a hash of its recipe,
so that a changed recipe makes a new tree and an old one is thrown away. What virtual machines start from
(tests/vm/image.py) is kept beside it in the same way.
"""

import fcntl
import hashlib
import os
import shutil

from .host import LabError, run

CACHE = os.environ.get("HAPAIR_LAB_CACHE", "/var/cache/hapair-lab")
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"

PACKAGES = (
    "charon-systemd", "dbus", "iproute2", "iputils-arping", "iputils-ping", "keepalived", "libglib2.0-0",
    "libglib2.0-bin", "libjansson4", "libnl-3-200", "libnl-route-3-200", "libprotobuf-c1", "libsmartcols1",
    "libsodium23", "nftables", "openvpn", "polkitd", "procps", "socat", "squid", "strongswan-swanctl", "systemd",
    "systemd-sysv",
)

# What makes no sense on a node that is a container, or costs boot time for nothing.
MASKED = (
    "apt-daily-upgrade.timer", "apt-daily.timer", "console-getty.service", "dev-hugepages.mount",
    "dev-mqueue.mount", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
    "getty.target", "kmod-static-nodes.service", "ldconfig.service", "logrotate.timer", "motd-news.timer",
    "nftables.service", "proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "systemd-binfmt.service", "systemd-firstboot.service", "systemd-hwdb-update.service",
    "systemd-modules-load.service",
    "systemd-networkd.service", "systemd-networkd.socket", "systemd-network-generator.service",
    "systemd-pstore.service", "systemd-random-seed.service", "systemd-remount-fs.service",
    "systemd-resolved.service", "systemd-sysctl.service", "systemd-timesyncd.service",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
)

# $1 is the tree. A node's journal is on its disk: it has to survive the node, that is what it is there for.
CUSTOMIZE = """set -eu
cd "$1"
for unit in {masked}; do ln -sf /dev/null "etc/systemd/system/$unit"; done
ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target
for unit in keepalived openvpn squid strongswan; do rm etc/systemd/system/multi-user.target.wants/$unit.service; done
mkdir -p var/log/journal etc/systemd/journald.conf.d
printf '[Journal]\\nStorage=persistent\\nRateLimitIntervalSec=0\\nForwardToSyslog=no\\n' \
        > etc/systemd/journald.conf.d/lab.conf
: > etc/fstab
: > etc/machine-id
rm -f etc/hostname etc/resolv.conf var/lib/dbus/machine-id
rm -rf var/cache/apt/* var/lib/apt/lists/*
""".format(masked=" ".join(MASKED))


def recipe():
    """Everything the tree's content depends on, as one string."""
    return "\n".join((SUITE, *PACKAGES, CUSTOMIZE))


def mirror():
    """The Debian mirror this machine uses itself; Debian's own where it uses none."""
    try:
        targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(LABEL)",
                      "Created-By: Packages").stdout
    except (LabError, OSError):
        return MIRROR
    for line in targets.splitlines():
        uri, *rest = line.split()
        if rest == [SUITE, "Debian"]:
            return uri
    return MIRROR


def debootstrap(path, packages, *hooks):
    """Make a tree of Debian packages at path; hooks are shell scripts that get it as $1 when it is made."""
    scripts = [f"{path}.{n}.sh" for n in range(len(hooks))]
    try:
        for script, hook in zip(scripts, hooks):
            with open(script, "w", encoding="ascii") as f:
                f.write("#!/bin/sh\n" + hook)
            os.chmod(script, 0o755)
        run("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--include=" + ",".join(packages),
            '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",
            "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*", *(f"--customize-hook={s}" for s in scripts),
            SUITE, path, mirror(), timeout=900)
    finally:
        for script in scripts:
            os.unlink(script)


def build(path):
    """Make the tree at path."""
    debootstrap(path, PACKAGES, CUSTOMIZE)


def _prune(keep, kind):
    """Throw away what was made by other recipes of this kind, unless a lab still stands on it."""
    for name in os.listdir(CACHE):
        path = os.path.join(CACHE, name)
        if name == keep or not os.path.isdir(path) or name.rpartition("-")[0] != kind:
            continue
        lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Renamed first: what something is still mounted on stays, and must not be taken for a whole tree.
            os.rename(path, path + ".old")
            shutil.rmtree(path + ".old", ignore_errors=True)
            os.unlink(path + ".lock")
        except OSError:     # a lab stands on it, or it cannot be moved: the next one tries again
            pass
        finally:
            os.close(lock)


def cached(kind, made_of, make):
    """The path of what make(path) makes of what made_of says, made only if it is not there, and an open lock
    that keeps it from being pruned for as long as it is held. Whoever reads it sees nothing or all of it.
    """
    os.makedirs(CACHE, mode=0o755, exist_ok=True)
    name = "-".join(filter(None, (kind, hashlib.sha256(made_of.encode()).hexdigest()[:16])))
    path = os.path.join(CACHE, name)
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not os.path.isdir(path):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):        # while we waited, another lab may have made it
            temporary = f"{path}.new-{os.getpid()}"
            try:
                make(temporary)
                os.rename(temporary, path)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            _prune(name, kind)
        fcntl.flock(lock, fcntl.LOCK_SH)
    return path, lock


def get(say=lambda text: None):
    """The tree's path and an open lock that keeps it from being pruned for as long as it is held."""
    def make(path):
        say(f"making the nodes' root tree (Debian {SUITE}, once, about half a minute) ...")
        build(path)
    return cached("", recipe(), make)
