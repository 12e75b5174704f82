# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every daemon has from common/: both doors, the watchdog, and that nobody outside can hold it up. hapair-confd
stands for all of them here."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from gi.repository import Gio

from daemon import CallError, Daemon, wait_until
from system_bus import Bus

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network and act as several users")


class Notified:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, directory):
        self.path = directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))

    def next(self, timeout=5):
        """The next message, None when none comes in time."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(4096).decode()
        except TimeoutError:
            return None

    def drain(self):
        while self.next(0.01):
            pass


CONFIG = """[General]
Cluster=gw
MasterAddress=192.0.2.11/24
SlaveAddress=192.0.2.12/24
FailbackDelaySec={}
[Heartbeat]
MasterSerial=/dev/ttyS0
SlaveSerial=/dev/ttyS0
"""


@pytest.fixture(name="directory")
def make_directory():
    """One that also strangers may enter."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        path.chmod(0o755)
        (path / "hapair.conf").write_text(CONFIG.format(1))
        yield path


@pytest.fixture(name="bus")
def make_bus(directory):
    bus = Bus(directory)
    yield bus
    bus.stop()


@pytest.fixture(name="notified")
def make_notified(directory):
    notified = Notified(directory)
    yield notified
    notified.socket.close()


@pytest.fixture(name="daemon")
def make_daemon(directory, bus, notified):
    daemon = Daemon("confd", directory, HAPAIR_CONFIG_DIR=str(directory), DBUS_SYSTEM_BUS_ADDRESS=bus.address,
                    NOTIFY_SOCKET=str(notified.path), WATCHDOG_USEC="400000")
    yield daemon
    daemon.close()


def answers_at_once(daemon):
    begin = time.monotonic()
    daemon.property("Generation")
    return time.monotonic() - begin < 2


def test_it_works_without_a_system_bus(daemon):
    daemon.start()
    assert daemon.property("ConfiguredRole") == "none"


def test_it_takes_its_name_when_the_bus_comes_and_again_when_it_restarts(daemon, bus):
    daemon.start()
    bus.start()
    wait_until(lambda: bus.answers(daemon.interface), "the name is taken")
    for _ in range(2):
        bus.stop()
        assert answers_at_once(daemon)
        bus.start()
        wait_until(lambda: bus.answers(daemon.interface), "the name is taken again")


def test_a_frozen_bus_holds_nothing_up(daemon, bus):
    bus.start()
    bus.process.send_signal(signal.SIGSTOP)
    daemon.start()
    assert answers_at_once(daemon)
    bus.process.send_signal(signal.SIGCONT)
    wait_until(lambda: bus.answers(daemon.interface), "the name is taken once the bus goes on")


def call_on_bus(bus, daemon, method, *arguments):
    return subprocess.run(["dbus-send", f"--bus={bus.address}", "--print-reply", f"--dest={daemon.interface}",
                           daemon.object, f"{daemon.interface}.{method}", *arguments], capture_output=True, text=True,
                          check=False)


def test_private_methods_are_refused_on_the_bus(daemon, bus):
    bus.start()
    daemon.start()
    wait_until(lambda: bus.answers(daemon.interface), "the name is taken")
    done = call_on_bus(bus, daemon, "GetSettings", "string:hbd")
    assert "AccessDenied" in done.stderr and "private socket only" in done.stderr


def test_without_polkit_nobody_on_the_bus_changes_anything(daemon, bus):
    bus.start()
    daemon.start()
    wait_until(lambda: bus.answers(daemon.interface), "the name is taken")
    done = call_on_bus(bus, daemon, "Reload")
    assert "AccessDenied" in done.stderr and "org.hapair.configure" in done.stderr


def test_a_stranger_gets_no_private_connection(daemon):
    daemon.start()
    daemon.socket_path.chmod(0o777)
    with pytest.raises(CallError):
        daemon.call("Show", user="daemon")
    wait_until(lambda: "neither root nor one of hapair's" in daemon.log(), "the refusal is logged")
    assert answers_at_once(daemon)


def test_one_who_does_not_read_is_dropped_and_nobody_else_suffers(daemon):
    daemon.start()
    answers_at_once(daemon)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(daemon.socket_path))
        # Signals come to who has spoken.
        ping = Gio.DBusMessage.new_method_call(None, "/", "org.freedesktop.DBus.Peer", "Ping")
        ping.set_serial(1)
        deaf.sendall(b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n" +
                     ping.to_blob(Gio.DBusCapabilityFlags.NONE))
        for i in range(3000):
            # Each reload signals a long list of problems: the kernel alone holds 8 MB of them for a reader.
            wrong = "".join(f"Unknown{i}x{k}=1\n" for k in range(400))
            (daemon.directory / "hapair.conf").write_text(CONFIG.format(1) + wrong)
            daemon.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)
            if i % 50 == 0 and "messages unread" in daemon.log():
                break
        assert "messages unread" in daemon.log()
    assert answers_at_once(daemon)


def test_too_many_connections_are_refused_and_gone_ones_make_room(daemon):
    daemon.start()
    answers_at_once(daemon)
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for one in crowd:
        one.connect(str(daemon.socket_path))
    wait_until(lambda: "too many connections" in daemon.log(), "the refusal is logged")
    for one in crowd:
        one.close()
    wait_until(lambda: answers_at_once(daemon), "there is room again")


def test_garbage_on_the_private_socket_harms_nobody(daemon):
    daemon.start()
    for garbage in (b"\0", b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n" + b"\xff" * 4096, b"l\1\0\1" * 1000, os.urandom(4096)):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(daemon.socket_path))
            try:
                one.sendall(garbage)
            except BrokenPipeError:
                pass
    assert answers_at_once(daemon)


def test_readiness_watchdog_and_stop_are_told(daemon, notified):
    daemon.start()
    said = [notified.next() for _ in range(4)]
    assert any("READY=1" in s for s in said) and sum("WATCHDOG=1" in s for s in said) >= 2
    assert daemon.kill(signal.SIGTERM) == 0
    rest = []
    while (text := notified.next(0.1)):
        rest.append(text)
    assert any("STOPPING=1" in s for s in rest)


def test_a_hung_service_manager_holds_nothing_up(daemon, notified):
    """Its queue is full: sd_notify() would wait for ever here."""
    daemon.start()
    assert notified.next() is not None
    time.sleep(1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as filler:
        try:
            while True:
                filler.sendto(b"x", str(notified.path))
        except BlockingIOError:
            pass
    time.sleep(0.5)
    assert answers_at_once(daemon)
