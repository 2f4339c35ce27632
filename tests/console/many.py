"""Writes a capture of many assets and flows, for the console over a real replay.

    python3 tests/console/many.py FILE [ASSETS [FLOWS]]

10,000 assets of 10.0.0.0/8 and 1,000,000 flows of two packets each, within 30 hours, unless told
otherwise. Of each packet the headers alone are there, with the length that it had.
"""

import random
import struct
import sys

BEGIN, SECONDS = 1_780_000_000, 30 * 3600
PEERS = 400
HEADERS_BYTES = 42


def record(second, ends, payload_bytes):
    (src, src_port), (dst, dst_port) = ends
    udp = struct.pack(">HHHH", src_port, dst_port, 8 + payload_bytes, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + payload_bytes, 0, 0, 64, 17, 0, src, dst)
    frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + udp
    return struct.pack("<IIII", second, 0, HEADERS_BYTES, HEADERS_BYTES + payload_bytes) + frame


def main():
    path = sys.argv[1]
    assets, flows = (int(one) for one in (sys.argv[2:] + ["10000", "1000000"][len(sys.argv) - 2:]))
    chance = random.Random(1)
    peers = [bytes([chance.randrange(11, 200)]) + chance.randbytes(3) for _ in range(PEERS)]
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(flows):
            asset = struct.pack(">I", (10 << 24) + 256 + number % assets)
            second = BEGIN + number * SECONDS // flows
            # Each asset has a few peers of its own, as assets do.
            peer = peers[(number % assets * 7 + chance.randrange(6)) % PEERS]
            here, there = (asset, 1024 + number * 31 % 64000), (peer, 443)
            out.write(record(second, (here, there), chance.randrange(200, 1400)))
            out.write(record(second, (there, here), 100))


if __name__ == "__main__":
    main()
