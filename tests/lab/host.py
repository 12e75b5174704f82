# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the lab needs of this machine: run a command, find the unified cgroup tree, wait for a condition."""

import os
import shlex
import shutil
import subprocess
import time

TOOLS = ("ip", "mmdebstrap", "mount", "nft", "nsenter", "setpriv", "unshare", "journalctl")


class LabError(Exception):
    """Something the lab was asked to do cannot be done; the message says what and, if known, the way out."""


class Timeout(LabError):
    """A condition did not come true in time."""


def run(*argv, check=True, timeout=60, name=None, **options):
    """Run a command to its end and return the result, output as text.

    A failure names the command, or what the caller calls it, and what it said: that is what the reader of a
    test report needs.
    """
    name = name or shlex.join(map(str, argv))
    options.setdefault("capture_output", True)
    try:
        result = subprocess.run([str(a) for a in argv], text=True, timeout=timeout, check=False, **options)
    except subprocess.TimeoutExpired as e:
        raise Timeout(f"{name}: no end within {timeout} s") from e
    if check and result.returncode:
        raise LabError(f"{name}: exit {result.returncode}: "
                       f"{((result.stderr or '') + (result.stdout or '')).strip()}")
    return result


def wait_for(what, condition, timeout=10.0, interval=0.02):
    """Call condition() until it returns something true, and return that; Timeout says for what it waited."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise Timeout(f"waited {timeout:g} s for: {what}")
        time.sleep(interval)


def cgroup_root():
    """The mount point of the unified hierarchy: the whole tree, or beside the old one on a hybrid host."""
    with open("/proc/self/mounts", encoding="ascii", errors="replace") as mounts:
        for line in mounts:
            _, path, kind, options, *_ = line.split()
            if kind == "cgroup2" and "rw" in options.split(","):
                return path
    raise LabError("no writable cgroup2 mount: the lab needs the unified cgroup hierarchy "
                   "(mount -t cgroup2 none /sys/fs/cgroup/unified)")


def check():
    """Refuse early, with the remedy, what could only fail later without one."""
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces, mounts and cgroups: run it as root (sudo)")
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        raise LabError(f"missing on this machine: {', '.join(missing)}; `make deps` installs it")
    cgroup_root()
