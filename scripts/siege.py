#!/usr/bin/env python3
"""Captures in peace and under siege, and looks whether anything is lost by the siege.

usage: scripts/siege.py BORDERFLOW [SECONDS [FRAMES_PER_SECOND]]

In a network namespace of its own, `borderflow run` watches one end of a pair of veth, and
conversations with random countries, ports and names of servers (SNI) are sent into the other, as
many a second in each phase: in peace, and while its port of HTTP is held by 1,000 connections that
say nothing, 200 that send a head letter by letter, and 4 clients that scrape without a pause. One
client scrapes four times a second and is timed. In the end, every frame must be counted as read or
as lost, the siege must lose none where peace lost none, 99 of 100 scrapes take 20 ms or less, and
there are 5,000 series or fewer.

Times are those of a machine that does nothing else: SIEGE_SCRAPE_MILLISECONDS says what is too slow
on one that does. Needs root, or user namespaces, and `ip`; without them a line says so, and the
status is 0.
"""

import multiprocessing
import os
import random
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

SCRAPE_MILLISECONDS_MAX = float(os.environ.get("SIEGE_SCRAPE_MILLISECONDS", "20"))
SERIES_MAX = 5000
IDLE, SLOW, STORM = 1000, 200, 4
PORT = 9477
CONFIG = """[site]
jurisdictions = ["CN"]
networks = ["10.0.0.0/8"]
"""
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def in_namespace(arguments, script=__file__, kinds="-n"):
    """Goes on in namespaces of its own. Returns where that cannot be."""
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        return "needs ip and unshare"
    options = [kinds] if os.geteuid() == 0 else ["-r", kinds]
    if subprocess.run(["unshare", *options, "true"], capture_output=True, check=False).returncode:
        return "needs root or user namespaces"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", *options, sys.executable, script, "--inside", *arguments])


def hello(name):
    """A client's hello of TLS 1.2 for a server (RFC 5246, RFC 6066)."""
    server = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extension = struct.pack(">HH", 0, len(server)) + server
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack(">H", len(extension)) + extension
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


def frame(ends, sequence, flags, payload=b""):
    (src, src_port), (dst, dst_port) = ends
    tcp = struct.pack(">HHIIBBHHH", src_port, dst_port, sequence[0], sequence[1], 0x50, flags,
                      65535, 0, 0)
    length = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, 6, 0, src, dst)
    return b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + tcp + payload


def conversations(chance):
    """Frames of one conversation after the other, each from its opening to its end."""
    while True:
        asset = (bytes([10, 0, chance.randrange(256), chance.randrange(1, 255)]),
                 chance.randrange(1024, 65536))
        octets = bytes([chance.randrange(1, 224)]) + chance.randbytes(3)
        peer = (octets, chance.choice([443, chance.randrange(1, 65536)]))
        name = chance.randbytes(chance.randrange(4, 20)).hex().encode() + b".example"
        there, back = (asset, peer), (peer, asset)
        said = hello(name)
        yield frame(there, (1000, 0), 0x02)
        yield frame(back, (5000, 1001), 0x12)
        yield frame(there, (1001, 5001), 0x10)
        yield frame(there, (1001, 5001), 0x18, said)
        yield frame(back, (5001, 1001 + len(said)), 0x18, bytes(100))
        yield frame(there, (1001 + len(said), 5101), 0x11)
        yield frame(back, (5101, 1002 + len(said)), 0x11)


def send(rate, seconds, seed):
    """Sends frames at a rate. Returns how many."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind(("siege0", 0))
        frames = conversations(random.Random(seed))
        begun, sent = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            for _ in range(min(int(passed * rate) - sent, 200)):
                out.send(next(frames))
                sent += 1
            time.sleep(0.001)
    return sent


def connect():
    return socket.create_connection(("127.0.0.1", PORT), timeout=10)


def besiege_idle():
    """Holds connections that say nothing, and makes those anew that are closed."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    links = []
    while True:
        try:
            links.append(connect())
        except OSError:
            time.sleep(0.05)
        if len(links) >= IDLE:
            links.pop(0).close()
            time.sleep(0.01)


def besiege_slowly():
    """Sends heads letter by letter."""
    links = []
    while True:
        while len(links) < SLOW:
            try:
                link = connect()
                link.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
                links.append(link)
            except OSError:
                break
        alive = []
        for link in links:
            try:
                link.sendall(b"a")
                alive.append(link)
            except OSError:
                link.close()
        links = alive
        time.sleep(0.2)


def scrape():
    with connect() as link:
        link.sendall(REQUEST)
        parts = []
        while part := link.recv(1 << 16):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(head[:100].decode(errors="replace"))
    return body.decode()


def storm():
    while True:
        try:
            scrape()
        except OSError:
            time.sleep(0.001)


def timed_scrapes(stop, results):
    times, failures = [], 0
    while not stop.is_set():
        begun = time.monotonic()
        try:
            scrape()
            times.append((time.monotonic() - begun) * 1000)
        except OSError:
            failures += 1
        time.sleep(0.25)
    results.put((sorted(times), failures))


def counts():
    """Frames that were read and that were lost, and how many series there are."""
    text = scrape()
    series = [line for line in text.splitlines() if line and not line.startswith("#")]

    def of(name):
        ours = (line for line in series if re.match(name + r"[{ ]", line))
        return int(sum(float(line.split()[-1]) for line in ours))

    return of(READ), of(LOST), len(series)


READ = "borderflow_frames_total"
LOST = "borderflow_interface_dropped_frames_total"


def phase(name, seed, rate, seconds, besiegers):
    """Sends for a while, and returns what was lost, beside times of scrapes."""
    enemies = [multiprocessing.Process(target=one, daemon=True) for one in besiegers]
    for enemy in enemies:
        enemy.start()
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    observer = multiprocessing.Process(target=timed_scrapes, args=(stop, results), daemon=True)
    time.sleep(1)
    read, lost, _ = counts()
    observer.start()
    sent = send(rate, seconds, seed)
    stop.set()
    times, failures = results.get()
    for enemy in enemies:
        enemy.terminate()
    # The kernel hands over what it has within a second.
    time.sleep(2)
    read, lost, series = (now - then for now, then in zip(counts(), (read, lost, 0)))
    middle, late = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.99))]
    print(f"{name}: {sent} frames sent, {read} read, {lost} lost; {len(times)} scrapes, median "
          f"{middle:.1f} ms, p99 {late:.1f} ms, {failures} failed; {series} series", flush=True)
    return {"sent": sent, "read": read, "lost": lost, "late": late, "failures": failures,
            "series": series}


def inside(program, seconds, rate):
    # Neighbours would greet each other.
    with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as file:
        file.write("1")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "siege0", "type", "veth", "peer", "name", "siege1")
    for end in ("siege0", "siege1"):
        run("ip", "link", "set", end, "up")
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "config.toml")
        with open(config, "w", encoding="utf8") as file:
            file.write(CONFIG)
        command = [program, "run", "-i", "siege1", "--config", config, "--out",
                   os.path.join(folder, "out"), "--metrics", f"127.0.0.1:{PORT}"]
        with open(os.path.join(folder, "log"), "w+", encoding="utf8") as log:
            sensor = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                return hold(sensor, log, seconds, rate)
            finally:
                sensor.terminate()
                sensor.wait()


def hold(sensor, log, seconds, rate):
    for _ in range(200):
        try:
            counts()
            break
        except OSError:
            time.sleep(0.1)
        if sensor.poll() is not None:
            log.seek(0)
            sys.exit(f"it does not start: {log.read()}")
    peace = phase("in peace", 1, rate, seconds, [])
    siege = phase("under siege", 2, rate, seconds,
                  [besiege_idle, besiege_slowly, *[storm] * STORM])
    wrong = []
    for name, one in (("in peace", peace), ("under siege", siege)):
        if one["read"] + one["lost"] != one["sent"]:
            wrong.append(f"{name}: frames sent are not those read and lost")
    if siege["lost"] > peace["lost"]:
        wrong.append("the siege lost frames")
    if siege["late"] > SCRAPE_MILLISECONDS_MAX:
        wrong.append(f"a scrape takes more than {SCRAPE_MILLISECONDS_MAX:.0f} ms")
    if siege["failures"]:
        wrong.append(f"{siege['failures']} scrapes failed")
    if siege["series"] > SERIES_MAX:
        wrong.append(f"more than {SERIES_MAX} series")
    for one in wrong:
        print(f"WRONG: {one}")
    return 1 if wrong else 0


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--inside"]:
        program, seconds, rate = arguments[1], float(arguments[2]), int(arguments[3])
        return inside(program, seconds, rate)
    if not arguments:
        sys.exit(__doc__)
    seconds = arguments[1] if len(arguments) > 1 else "30"
    rate = arguments[2] if len(arguments) > 2 else "5000"
    why = in_namespace([os.path.abspath(arguments[0]), seconds, rate])
    print(f"siege: skipped, {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
