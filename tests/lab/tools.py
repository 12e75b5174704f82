# SPDX-License-Identifier: LGPL-2.1-or-later
"""The small programs beside this file, as context managers: the client's probe, the watcher of the wire, the
serial cable.
"""

import json
import os
import signal
import subprocess
import threading
import time

from .host import LabError, wait_for

ECHO_PORT = 7


class _Tool:
    """A program that says `ready`, runs until its standard input is closed, and ends with a line of JSON."""

    def __init__(self, net, station, name, *argv):
        self.name = name
        self.lines = []
        self.process = net.lab.spawn(f"{name}-{os.getpid()}", *net.inside(station), net.lab.tool(name),
                                     *argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def ready(self, timeout=10):
        """Wait until the program is at work: for the probe, until every address has answered."""
        wait_for(f"{self.name} is ready", lambda: "ready" in self.lines, timeout)
        return self

    def follow(self):
        """Its lines as they come, as long as it runs."""
        said = 0
        while self.process.poll() is None:
            while said < len(self.lines):
                yield self.lines[said]
                said += 1
            time.sleep(0.01)

    def finish(self):
        """End it and return what it found."""
        self.process.stdin.close()
        if self.process.wait(10):
            raise LabError(f"{self.name}: exit {self.process.returncode}")
        self._reader.join()
        return json.loads(self.lines[-1])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Probe(_Tool):
    """A client that asks the addresses all the time and notes who answers."""

    def __init__(self, net, *addresses, interval_usec=1000):
        super().__init__(net, "client", "probe", interval_usec, ECHO_PORT, *addresses)

    def events(self):
        """What happened so far: (address, who answers or None, when in seconds of CLOCK_MONOTONIC)."""
        return [(words[1], words[2] if words[0] == "answers" else None, int(words[-1]) / 1e6)
                for words in (line.split() for line in list(self.lines))
                if words[0] in ("answers", "silent")]

    def holder(self, address):
        """The node that answers at an address now, by host name; None while nobody does."""
        return next((node for at, node, _ in reversed(self.events()) if at == address), None)

    def wait_holder(self, address, node, timeout=30):
        """Wait until this node answers at the address."""
        wait_for(f"{node} answers at {address}", lambda: self.holder(address) == node, timeout,
                 interval=0.005)


class Holders(_Tool):
    """Who answers for the addresses on the wire, and for how long more than one host did."""

    def __init__(self, net, *addresses, interval_usec=5000):
        super().__init__(net, "watcher", "holders", "eth0", interval_usec, *addresses)

    def wait_holders(self, number, timeout=10):
        """Wait until so many hosts have answered for an address at some time."""
        wait_for(f"{number} holders were seen",
                 lambda: sum(line.startswith("holder ") for line in self.lines) >= number, timeout)


class Cable:
    """The serial cable between the two nodes: what stands behind their /dev/ttyS0."""

    def __init__(self, lab):
        self.lab = lab

    def lay(self):
        """Make it; returns the two ends."""
        process = self.lab.spawn("cable", self.lab.tool("cable"), stdout=subprocess.PIPE, text=True)
        ends = [process.stdout.readline().strip() for _ in range(2)]
        if not all(os.path.exists(end) for end in ends):
            raise LabError(f"cable: exit {process.wait()}")
        return ends

    def pull(self):
        """Pull it out: silence, and what is sent meanwhile is lost."""
        self.lab.signal("cable", signal.SIGUSR1)

    def plug(self):
        """Put it back in."""
        self.lab.signal("cable", signal.SIGUSR2)
