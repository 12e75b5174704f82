# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run of the lab: its directory, its name prefix, its processes, and that nothing of it is left behind.

Every process of a run lives in the run's cgroup and every name it makes begins with the run's own. So taking
a run down needs no list of what was started: kill the cgroup, delete what bears the name. A run belongs to
whoever holds the lock on its directory; one that nobody holds died without cleaning up, and the next lab
that starts does it for it.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile

from . import host, tree
from .host import LabError, run, wait_for

RUNS = os.environ.get("HAPAIR_LAB_RUNS", "/var/lib/hapair-lab")
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Lab:
    """A run: `with Lab() as lab:` for the one who owns it, Lab.attach() for who only looks and pokes."""

    PREFIX = "hapair-lab-"

    def __init__(self, build=None, say=lambda text: None, name=None):
        host.check()
        self.build = os.path.abspath(build or os.environ.get("HAPAIR_BUILD") or
                                     os.path.join(SOURCE, "build"))
        if not os.path.exists(self.tool("probe")):
            raise LabError(f"{self.tool('probe')} is not there: build first (make build), or name the build "
                           "directory in HAPAIR_BUILD")
        os.makedirs(RUNS, mode=0o711, exist_ok=True)
        self.tree, self._tree_lock = self._base(say)
        with _alone():
            sweep(self.PREFIX)
            self.directory = self._make_directory(name)
            self._lock = _lock(self.directory)
        os.chmod(self.directory, 0o711)
        try:
            os.makedirs(os.path.join(self.cgroup, "host"))
            self.write("lab.json", {"tree": self.tree, "build": self.build})
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _base(say):
        """What the nodes start from, and the lock that keeps it there."""
        return tree.get(say)

    def _make_directory(self, name):
        if name is None:
            return tempfile.mkdtemp(prefix=self.PREFIX, dir=RUNS)
        path = os.path.join(RUNS, self.PREFIX + name)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError as e:
            raise LabError(f"{os.path.basename(path)} is running already") from e
        return path

    @classmethod
    def others(cls, name=None):
        """The names of the labs that are running, besides this one."""
        return [run for run in _runs(cls.PREFIX) if run != name and not _is_dead(os.path.join(RUNS, run))]

    @classmethod
    def attach(cls, name=None):
        """A run that someone else owns: the one named, or the only one there is."""
        host.check()
        runs = [cls.PREFIX + name.removeprefix(cls.PREFIX)] if name else cls.others()
        if len(runs) != 1:
            raise LabError("no lab is running: `make demo` starts one" if not runs else
                           f"several labs are running, name one: {', '.join(runs)}")
        self = object.__new__(cls)
        self.directory = os.path.join(RUNS, runs[0])
        facts = self.facts()
        if facts is None:
            raise LabError(f"{runs[0]}: no such lab is running")
        self.tree, self.build = facts["tree"], facts["build"]
        self._lock = self._tree_lock = None
        return self

    @property
    def name(self):
        """The run's name, which begins every name it makes outside its own directory."""
        return os.path.basename(self.directory)

    @property
    def cgroup(self):
        """The cgroup that holds every process of the run."""
        return os.path.join(host.cgroup_root(), self.name)

    def path(self, *parts):
        """A path in the run's directory."""
        return os.path.join(self.directory, *parts)

    def tool(self, name):
        """One of the small programs beside this file, as built."""
        return os.path.join(self.build, "tests", "lab", name)

    def namespace(self, name):
        """The run's own name of a network namespace."""
        return f"{self.name}-{name}"

    def write(self, name, value):
        """Keep a value as JSON in the run's directory, for whoever attaches."""
        temporary = self.path(name + ".new")
        with open(temporary, "w", encoding="ascii") as f:
            json.dump(value, f)
        os.rename(temporary, self.path(name))

    def read(self, name):
        """What write() kept, None if it did not."""
        try:
            with open(self.path(name), encoding="ascii") as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def facts(self):
        """What a run is made of."""
        return self.read("lab.json")

    def note(self, **facts):
        """Add to what the run is made of."""
        self.write("lab.json", {**self.facts(), **facts})

    def spawn(self, name, *argv, **options):
        """Start a process of the run in the background, in its own session, remembered as `name`."""
        procs = os.path.join(self.cgroup, "host", "cgroup.procs").encode()

        def enter():
            # Before the exec, which Popen waits for: nothing ever runs outside of the run's cgroup.
            group = os.open(procs, os.O_WRONLY)
            os.write(group, b"0")
            os.close(group)

        with open(self.path(name + ".err"), "wb") as errors:
            options.setdefault("stderr", errors)
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("stdout", subprocess.DEVNULL)
            process = subprocess.Popen([str(a) for a in argv], start_new_session=True, preexec_fn=enter,
                                       **options)
        with open(self.path(name + ".pid"), "w", encoding="ascii") as f:
            f.write(f"{process.pid}\n")
        return process

    def pid(self, name):
        """The pid of a process of the run, None if it is gone: a number alone could be a stranger by now."""
        try:
            with open(self.path(name + ".pid"), encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    return None
            with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                return pid if any(line.rstrip().endswith(f"/{self.name}/host") for line in f) else None
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None

    def signal(self, name, number):
        """Signal a process of the run; one that is gone is none."""
        pid = self.pid(name)
        if pid:
            os.kill(pid, number)

    def keep(self, where):
        """Keep what tells of a failure, before the run goes: the journals and what the processes said."""
        os.makedirs(where, exist_ok=True)
        for name in sorted(os.listdir(self.directory)):
            journal = self.path(name, "upper", "var", "log", "journal")
            if os.path.isdir(journal):
                with open(os.path.join(where, name + ".journal"), "w", encoding="utf-8") as f:
                    run("journalctl", "--directory", journal, "--merge", "--output=short-monotonic",
                        "--no-pager", capture_output=False, stdout=f, stderr=subprocess.STDOUT, check=False)
            elif name.endswith((".err", ".json")):
                shutil.copy(self.path(name), where)

    def hand_over(self):
        """Leave the run to itself: a process of its own owns it from now on, until somebody closes it."""
        self.spawn("owner", "sleep", "infinity", pass_fds=(self._lock, self._tree_lock))

    def close(self):
        """Take everything down. Safe at any time, any number of times."""
        _erase(self.directory)
        for lock in (self._lock, self._tree_lock):
            if lock is not None:
                os.close(lock)
        self._lock = self._tree_lock = None

    def __enter__(self):
        # What ends a program by default would leave the lab behind: make it an exception that unwinds.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupted)
        return self

    def __exit__(self, *unused):
        self.close()


def _interrupted(number, _frame):
    raise SystemExit(128 + number)


def _runs(prefix):
    try:
        return sorted(name for name in os.listdir(RUNS) if name.startswith(prefix))
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def _alone():
    """While one lab cleans up and takes its directory, no other takes the new one for a dead one."""
    lock = os.open(os.path.join(RUNS, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _lock(directory):
    lock = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _is_dead(directory):
    lock = _lock(directory)
    if lock is None:
        return False
    os.close(lock)
    return True


def sweep(prefix):
    """Clean up after runs whose owner is gone."""
    for name in _runs(prefix):
        directory = os.path.join(RUNS, name)
        lock = _lock(directory)
        if lock is not None:
            _erase(directory)
            os.close(lock)


def _erase(directory):
    name = os.path.basename(directory)
    cgroup = os.path.join(host.cgroup_root(), name)
    if os.path.isdir(cgroup):
        with open(os.path.join(cgroup, "cgroup.kill"), "w", encoding="ascii") as f:
            f.write("1")
        wait_for(f"the processes of {name} are gone", lambda: not _populated(cgroup), timeout=30)
        for path, _, _ in os.walk(cgroup, topdown=False):
            os.rmdir(path)
    for line in run("ip", "netns", "list").stdout.splitlines():
        namespace = line.split()[0]
        if namespace.startswith(name + "-"):
            run("ip", "netns", "delete", namespace)
    shutil.rmtree(directory, ignore_errors=True)


def _populated(cgroup):
    with open(os.path.join(cgroup, "cgroup.events"), encoding="ascii") as f:
        return "populated 1" in f.read()
