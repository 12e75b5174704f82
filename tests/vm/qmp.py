# SPDX-License-Identifier: LGPL-2.1-or-later
"""What QEMU is told while it runs, in its own protocol (docs/interop/qmp-spec.txt in QEMU)."""

import json
import socket

from ..lab.host import LabError, wait_for

TIMEOUT = 180


class Qmp:
    """A connection to one QEMU."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        wait_for(f"QEMU listens on {path}", lambda: self._connected(path), TIMEOUT, 0.01)
        self.stream = self.socket.makefile("rw", encoding="utf-8")
        self.events = []
        self.stream.readline()
        self("qmp_capabilities")

    def _connected(self, path):
        try:
            self.socket.connect(path)
            return True
        except OSError:
            return False

    def __call__(self, command, **arguments):
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.stream, flush=True)
        while True:
            said = self._read()
            if "error" in said:
                raise LabError(f"QEMU: {command}: {said['error']['desc']}")
            if "return" in said:
                return said["return"]
            self.events.append(said)

    def wait_event(self, name, **data):
        """Wait for an event with this data, as far as given, and return it."""
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            self.events.append(self._read())

    def _read(self):
        line = self.stream.readline()
        if not line:
            raise LabError("QEMU hung up")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stream.close()
        self.socket.close()
