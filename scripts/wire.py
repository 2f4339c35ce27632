#!/usr/bin/env python3
"""A wire between two interfaces, with a tap that writes a capture.

usage: wire.py LEFT RIGHT FILE [--tags OUTER:INNER] [--lose N] [--swap N]

Forwards every frame, and writes its first bytes with the length that it had. `--tags`
writes frames as a mirror port behind a provider's switch shows them, with an 802.1ad and
an 802.1Q tag. `--lose N` drops each Nth large frame behind the tap, so that its sender
must send it again. `--swap N` sends each Nth large frame behind the next one.
Ends at SIGTERM.
"""

import argparse
import select
import signal
import socket
import struct
import sys
import time

SNAP_LENGTH = 128
LARGE_FRAME = 1000
SWAP_WAIT_SECONDS = 0.02

# Captures begin at 2026-06-15 12:00:00 UTC, whenever they are made.
START_NANOS = 1_781_524_800_000_000_000


class Tap:
    """A capture file in the classic format with nanosecond times."""

    def __init__(self, path, tags):
        self.began_nanos = None
        self.output = open(path, "wb")
        self.output.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP_LENGTH, 1))
        self.tags = b""
        if tags:
            outer, inner = (int(tag) for tag in tags.split(":"))
            self.tags = struct.pack(">HHHH", 0x88A8, outer, 0x8100, inner)

    def write(self, frame):
        frame = frame[:12] + self.tags + frame[12:]
        now = time.monotonic_ns()
        self.began_nanos = self.began_nanos or now
        seconds, nanos = divmod(START_NANOS + now - self.began_nanos, 1_000_000_000)
        captured = frame[:SNAP_LENGTH]
        self.output.write(struct.pack("<IIII", seconds, nanos, len(captured), len(frame)))
        self.output.write(captured)


def open_interface(name):
    every_protocol = 3
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(every_protocol))
    wire.bind((name, 0))
    return wire


def is_every(count, interval):
    return interval and count % interval == 0


def forward(left, right, tap, lose, swap):
    other = {left: right, right: left}
    held, large_frames = None, 0
    while True:
        ready, _, _ = select.select([left, right], [], [], SWAP_WAIT_SECONDS)
        if not ready and held:
            send(*held, tap)
            held = None
        for wire in ready:
            frame, address = wire.recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            large_frames += len(frame) >= LARGE_FRAME
            if len(frame) >= LARGE_FRAME and is_every(large_frames, lose):
                tap.write(frame)
                continue
            if len(frame) >= LARGE_FRAME and is_every(large_frames, swap) and not held:
                held = (other[wire], frame)
                continue
            send(other[wire], frame, tap)
            if held and held[0] is other[wire]:
                send(*held, tap)
                held = None


def send(wire, frame, tap):
    tap.write(frame)
    wire.send(frame)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("left")
    parser.add_argument("right")
    parser.add_argument("file")
    parser.add_argument("--tags")
    parser.add_argument("--lose", type=int, default=0)
    parser.add_argument("--swap", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tap = Tap(arguments.file, arguments.tags)
    left, right = open_interface(arguments.left), open_interface(arguments.right)
    print("ready", flush=True)
    try:
        forward(left, right, tap, arguments.lose, arguments.swap)
    finally:
        tap.output.close()


main()
