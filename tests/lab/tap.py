# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stranger on the LAN who keeps every heartbeat over IPv4 that passes and can send it again, or forged.

Run as a program it is that stranger, in the switch's namespace, told what to do line by line; every line is
answered by a number of heartbeats:

    mark             what passed until now is old
    fresh MAC        how many to this host are not old
    replayed MAC     send this host everything old again
    forged MAC       send it what is not old, forged
"""

import os
import socket
import struct
import subprocess
import sys
import threading

from .host import LabError, wait_for
from .net import HEARTBEAT_PORT, NODES, mac

KEPT = 20000
BURST = 500
ETH_P_IP, UDP = 0x0800, 17
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1


class Tap:
    """The stranger, as the lab sees him."""

    def __init__(self, net):
        self.net = net
        tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.process = net.lab.spawn("tap", *net.inside("switch"), sys.executable, "-m", "lab.tap",
                                     cwd=tests, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def mark(self):
        """What passed until now is old."""
        self._tell("mark")

    def replay(self, name):
        """Send a node what was old at the last mark(); how many there were."""
        return self._sent("replayed", name)

    def forge(self, name):
        """Send a node forged heartbeats; how many there were.

        Forged from some that the switch keeps from it: one that it had before would only be a replay.
        """
        with self.net.parting("lan", next(n for n in NODES if n != name)):
            self.mark()
            wait_for("heartbeats to forge", lambda: int(self._tell("fresh", mac(name))) >= 3)
            return self._sent("forged", name)

    def _sent(self, kind, name):
        number = int(self._tell(kind, mac(name)))
        if not number:
            raise LabError(f"no heartbeat to {name} has passed that could be {kind}")
        return number

    def _tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise LabError(f"tap: exit {self.process.wait()}")
        return line.strip()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()


def udp_header(frame):
    """Where the UDP header of an Ethernet frame begins; None if it is not UDP over IPv4."""
    if struct.unpack_from("!H", frame, 12)[0] != ETH_P_IP or frame[23] != UDP:
        return None
    return 14 + 4 * (frame[14] & 15)


def is_heartbeat(frame):
    """Whether an Ethernet frame is UDP to hapair's port."""
    header = udp_header(frame)
    return header is not None and struct.unpack_from("!H", frame, header + 2)[0] == HEARTBEAT_PORT


def again(frame, forge):
    """The frame, ready to be sent again; forged, with its last byte changed.

    It goes without a UDP checksum. A frame caught on its way between containers never had a whole one, and a
    forged one has to get as far as the receiver's own check.
    """
    copy = bytearray(frame)
    checksum = udp_header(frame) + 6
    copy[checksum:checksum + 2] = bytes(2)
    if forge:
        copy[-1] ^= 0xff
    return bytes(copy)


def main():
    """The stranger himself."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    wire.bind(("lan", 0))
    wire.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("iHH8s", socket.if_nametoindex("lan"), PACKET_MR_PROMISC, 0, b""))
    frames, old = [], 0

    def listen():
        while True:
            frame = wire.recv(2048)
            if len(frames) < KEPT and is_heartbeat(frame):
                frames.append(frame)

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *target = line.split()
        if verb == "mark":
            old = len(frames)
            print(old, flush=True)
            continue
        to = bytes.fromhex(target[0].replace(":", ""))
        chosen = [frame for frame in (frames[:old] if verb == "replayed" else frames[old:])
                  if frame[:6] == to][-BURST:]
        if verb != "fresh":
            for frame in chosen:
                wire.send(again(frame, verb == "forged"))
        print(len(chosen), flush=True)


if __name__ == "__main__":
    main()
