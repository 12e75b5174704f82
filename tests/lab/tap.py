# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stranger on the LAN who keeps every heartbeat over IPv4 that passes and can send it again, or forged.

Run as a program it is that stranger, in the switch's namespace, told what to do line by line: `mark` ends what
counts as old, `replayed MAC` sends this host everything old again, `forged MAC` sends it the latest, forged.
"""

import os
import socket
import struct
import subprocess
import sys
import threading

from .host import LabError

PORT = 5694
KEPT = 20000
BURST = 500
ETH_P_IP, UDP = 0x0800, 17
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1


class Tap:
    """The stranger, as the lab sees him."""

    def __init__(self, net):
        tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.process = net.lab.spawn("tap", *net.inside("switch"), sys.executable, "-m", "lab.tap", cwd=tests,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def mark(self):
        """What passed until now is old."""
        self._tell("mark")

    def inject(self, kind, mac):
        """Send the host with this MAC `replayed` or `forged` heartbeats; how many there were."""
        number = int(self._tell(kind, mac))
        if not number:
            raise LabError(f"no heartbeat to {mac} has passed that could be {kind}")
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
    return header is not None and struct.unpack_from("!H", frame, header + 2)[0] == PORT


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
        words = line.split()
        if words[0] == "mark":
            old = len(frames)
            print(old, flush=True)
            continue
        mac = bytes.fromhex(words[1].replace(":", ""))
        mine = [frame for frame in (frames[:old] if words[0] == "replayed" else list(frames))
                if frame[:6] == mac][-BURST:]
        for frame in mine:
            wire.send(again(frame, words[0] == "forged"))
        print(len(mine), flush=True)


if __name__ == "__main__":
    main()
