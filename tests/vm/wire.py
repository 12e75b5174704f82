# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the wire through which commands get into a virtual node (guest.c is the node's).

Run as a program it is the command: its standard input goes in, its output and exit status come out.

    python3 -m tests.vm.wire DIRECTORY COMMAND...
"""

import fcntl
import os
import shlex
import socket
import struct
import subprocess
import sys
import time

from ..lab.host import LabError, Timeout

PORTS = 8
# As ssh's exit status when there is nobody to run the command.
GONE = 255
REQUEST, ANSWER = struct.Struct("<QII"), struct.Struct("<QIIII")


class Hangup(LabError):
    """The node went off before it answered."""


def port_path(directory, number):
    """The socket of one of the ports."""
    return os.path.join(directory, f"wire{number}")


def command(directory, argv, timeout=30, text=b""):
    """Run a command in the node; returns its exit status as a shell counts it, its output and its errors."""
    end = time.monotonic() + timeout
    with _free_port(directory, end) as port:
        token = int.from_bytes(os.urandom(8), "little")
        script = shlex.join(map(str, argv)).encode()
        try:
            port.settimeout(_left(end))
            port.sendall(REQUEST.pack(token, len(script), len(text)) + script + text)
            while True:
                found, status, *sizes, _ = ANSWER.unpack(_read(port, ANSWER.size, end))
                output, errors = (_read(port, size, end) for size in sizes)
                if found == token:
                    break
        except TimeoutError as e:
            raise Timeout(f"{shlex.join(map(str, argv))}: no answer within {timeout} s") from e
        except ConnectionError as e:
            raise Hangup(f"{directory}: the node went off") from e
    return os.waitstatus_to_exitcode(status) % 256, output, errors


def _left(end):
    return max(end - time.monotonic(), 0.001)


def _read(port, size, end):
    data = b""
    while len(data) < size:
        port.settimeout(_left(end))
        more = port.recv(min(size - len(data), 1 << 20))
        if not more:
            raise ConnectionResetError
        data += more
    return data


class _free_port:  # pylint: disable=invalid-name
    """A port that nobody else uses meanwhile: QEMU talks to one at a time, and whoever holds the lock is he."""

    def __init__(self, directory, end):
        self.lock = None
        while not self.lock:
            for number in range(PORTS):
                lock = os.open(port_path(directory, number) + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.lock, self.path = lock, port_path(directory, number)
                    break
                except BlockingIOError:
                    os.close(lock)
            else:
                if time.monotonic() > end:
                    raise Timeout(f"{directory}: all {PORTS} ports of the wire are busy")
                time.sleep(0.01)

    def __enter__(self):
        self.port = socket.socket(socket.AF_UNIX)
        try:
            self.port.connect(self.path)
        except OSError as e:
            self.__exit__()
            raise Hangup(f"{self.path}: the node is off") from e
        return self.port

    def __exit__(self, *unused):
        self.port.close()
        os.close(self.lock)


def main():
    """Be the command."""
    directory, *argv = sys.argv[1:]
    text = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    try:
        status, output, errors = command(directory, argv, 600, text)
    except LabError as e:
        sys.exit(f"wire: {e}")
    sys.stdout.buffer.write(output)
    sys.stderr.buffer.write(errors)
    return status


def program(directory, argv):
    """The command line of a command in the node, for who wants it as a process."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return ["env", f"PYTHONPATH={root}", "/usr/bin/python3", "-m", __name__, directory, *map(str, argv)]


def run(directory, name, argv, *, check=True, timeout=30, **options):
    """As host.run(), in the node."""
    text = options.pop("input", "").encode()
    if options:
        raise TypeError(f"no such option in a virtual node: {', '.join(options)}")
    try:
        status, output, errors = command(directory, argv, timeout, text)
    except Timeout as e:
        raise Timeout(f"{name}: no answer within {timeout} s") from e
    except Hangup as e:
        if check:
            raise
        status, output, errors = GONE, b"", str(e).encode()
    done = subprocess.CompletedProcess(argv, status, output.decode(errors="replace"),
                                       errors.decode(errors="replace"))
    if check and status:
        raise LabError(f"{name}: exit {status}: {(done.stderr + done.stdout).strip()}")
    return done


if __name__ == "__main__":
    sys.exit(main())
