# SPDX-License-Identifier: LGPL-2.1-or-later
"""A system bus of the test's own, that can be stopped and started again at the same address."""

import subprocess

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Bus:
    """A system bus that can be stopped, frozen and started again at the same address."""

    def __init__(self, directory):
        self.path = directory / "bus"
        self.address = f"unix:path={self.path}"
        self.config = directory / "bus.conf"
        self.config.write_text(BUS.format(self.path))
        self.process = None

    def start(self):
        self.path.unlink(missing_ok=True)
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", "--print-address",
                                         f"--config-file={self.config}"], stdout=subprocess.PIPE)
        # Its socket is there a moment before it listens; this comes after.
        with self.process.stdout as said:
            said.readline()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def answers(self, name):
        done = subprocess.run(["busctl", f"--address={self.address}", "--timeout=1", "call", name,
                               "/" + name.replace(".", "/"), "org.freedesktop.DBus.Peer", "Ping"],
                              capture_output=True, check=False)
        return done.returncode == 0
