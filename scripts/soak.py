#!/usr/bin/env python3
"""Runs the sensor for a long time on a link with clients, a flood and a leak, and looks at it.

usage: scripts/soak.py BORDERFLOW MIXES OUT [MINUTES]

BORDERFLOW is the program, MIXES the example of `benches/mixes`, OUT a folder for what is written.
Two network namespaces are joined by a veth pair. In one, clients of five assets fetch, send, ask
for names and measure (curl over HTTP and TLS, dig, iperf3), and a flood comes whose every packet
has another source; in the other are their servers, abroad by address, and the sensor with all that
it can keep: state, ledger, history, metrics, pages. After two thirds of the time a sixth asset
sends 300 MB, and passes its ceiling.

It fails unless
- all that the interface received or sent was counted or dropped, exactly;
- the resident set does not grow by more than 1 MiB an hour once the first third is over, what
  the end of an hour adds included;
- the ledger is sound;
- the leak was alerted while it ran, by the ceiling, and its bytes are those that were sent.

Status 0 if all holds, 1 if not, and 0 with a line that says so where it cannot be run: it needs
root, ip, ethtool, curl, openssl and tcpreplay. dig and iperf3 take part where they are there.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

LEAK_BYTES = 300_000_000
LEAK_BYTES_PER_SECOND = 5_000_000
CEILING_BYTES = 100_000_000
FLOOD_PACKETS = 2_000_000
FLOOD_PACKETS_PER_SECOND = 5_000
RSS_SLOPE_MAX_MIB_PER_HOUR = 1.0
SECONDS_BETWEEN_LOOKS = 5

ASSETS = [f"10.99.0.{number}" for number in range(2, 7)]
LEAKING = "10.99.0.9"
# Of the embedded database: Russia, the United States, the Netherlands.
SERVERS = ["77.88.8.8", "8.8.8.8", "193.0.6.139"]
NEEDED = ["ip", "ethtool", "curl", "openssl", "tcpreplay"]

CONFIG = f"""
[site]
networks = ["10.0.0.0/8"]
jurisdictions = ["CN"]

[alert]
ceiling_bytes_per_hour = {CEILING_BYTES}
"""
# All of them have one card here, which would be one machine.
CONFIG += "".join(f'[[asset.known]]\nname = "asset {address}"\naddresses = ["{address}"]\n'
                  for address in (*ASSETS, LEAKING))
LEAKING_NAME = f"asset {LEAKING}"

SERVER = """
import http.server, socketserver, ssl, sys, threading
address, key = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.answer(b"")
    def do_GET(self):
        self.answer(bytes(200_000))
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
plain, secret = Server((address, 80), Handler), Server((address, 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(key)
secret.socket = context.wrap_socket(secret.socket, server_side=True,
                                    do_handshake_on_connect=False)
threading.Thread(target=plain.serve_forever, daemon=True).start()
threading.Thread(target=secret.serve_forever, daemon=True).start()
import socket
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind((address, 53))
print("ready", flush=True)
while True:
    asked, who = names.recvfrom(2048)
    if len(asked) < 17:
        continue
    # The question alone, without what the client adds, and one address as an answer.
    end = 12
    while asked[end]:
        end += 1 + asked[end]
    question = asked[12:end + 5]
    head = asked[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0"
    answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton(address)
    names.sendto(head + question + answer, who)
"""


def run(*command, **more):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True,
                          **more)


class Link:
    """Two namespaces and the link between them."""

    def __init__(self):
        self.client = f"borderflow-soak-{os.getpid()}-client"
        self.server = f"borderflow-soak-{os.getpid()}-server"

    def __enter__(self):
        for end in (self.client, self.server):
            run("ip", "netns", "add", end)
        run("ip", "-n", self.client, "link", "add", "eth0", "type", "veth", "peer", "name",
            "eth0", "netns", self.server)
        addresses = {self.client: [*ASSETS, LEAKING], self.server: SERVERS}
        for end, of_end in addresses.items():
            # What the kernel says by itself would be counted by one and not by the other.
            run(*inside(end), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            run(*inside(end), "ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off")
            for address in of_end:
                run("ip", "-n", end, "addr", "add", f"{address}/32", "dev", "eth0")
            run("ip", "-n", end, "link", "set", "lo", "up")
            run("ip", "-n", end, "link", "set", "eth0", "up")
            run("ip", "-n", end, "route", "add", "default", "dev", "eth0")
        return self

    def __exit__(self, *_):
        for end in (self.client, self.server):
            subprocess.run(["ip", "netns", "del", end], check=False)

    def counted(self):
        """Packets that the sensor's interface has received and sent."""
        paths = [f"/sys/class/net/eth0/statistics/{way}_packets" for way in ("rx", "tx")]
        return sum(map(int, run(*inside(self.server), "cat", *paths).stdout.split()))


def inside(namespace):
    return ["ip", "netns", "exec", namespace]


class Clients:
    """Threads that do what people do, until they are stopped."""

    def __init__(self, link, out):
        self.link, self.over = link, threading.Event()
        self.bodies = []
        for kilobytes in (20, 200, 1000):
            body = out / f"body-{kilobytes}"
            body.write_bytes(random.Random(kilobytes).randbytes(kilobytes * 1000))
            self.bodies.append(body)
        self.done, self.failed = {}, {}
        self.threads = [threading.Thread(target=self.work, args=(asset,)) for asset in ASSETS]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def work(self, asset):
        chance = random.Random(asset)
        while not self.over.wait(chance.expovariate(1 / 3)):
            server, body = chance.choice(SERVERS), chance.choice(self.bodies)
            curl = ["curl", "-sS", "-k", "--fail", "--interface", asset, "--max-time", "30",
                    "-o", os.devnull]
            ways = {
                "http put": [*curl, "-T", body, f"http://{server}/"],
                "http get": [*curl, f"http://{server}/"],
                "tls put": [*curl, "-T", body, f"https://{server}/"],
                "tls get": [*curl, f"https://{server}/"],
            }
            if shutil.which("dig"):
                name = f"host-{chance.randrange(1000)}.example.com"
                ways["dig"] = ["dig", "-b", asset, f"@{server}", "+tries=1", name]
            if shutil.which("iperf3"):
                ways["iperf3"] = ["iperf3", "-c", SERVERS[2], "-B", asset, "-u", "-b", "500k",
                                  "-t", "5", "-l", "1200"]
            way = chance.choice(list(ways))
            ran = subprocess.run([*inside(self.link.client), *map(str, ways[way])],
                                 capture_output=True, check=False)
            # iperf3 takes one client at a time.
            counts = self.done if ran.returncode == 0 else self.failed
            counts[way] = counts.get(way, 0) + 1


def look(process, seconds):
    """When it is, in hours since the start and on the clock, and what is resident, in MiB: all of
    it, and what is the process's own and not the program's file, of which a page is resident once
    it is first used."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    sizes = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", status))
    whole, own = (int(sizes[name]) / 1024 for name in ("VmRSS", "RssAnon"))
    return seconds / 3600, time.time(), whole, own


def growth(looks, which):
    """MiB an hour over the looks, and apart from that what the first end of an hour added: what
    happens once an hour is no slope of a time shorter than that. Later ends are in the slope."""
    hours = [int(clock // 3600) for _, clock, *_ in looks]
    first = next((i for i in range(1, len(looks)) if hours[i] != hours[i - 1]), None)
    if first is None:
        return slope([(one[0], one[which]) for one in looks]), 0.0
    # The end of an hour takes a moment.
    step = looks[min(first + 1, len(looks) - 1)][which] - looks[first - 1][which]
    return slope([(one[0], one[which] - (step if i >= first else 0))
                  for i, one in enumerate(looks)]), step


def slope(points):
    """Of the straight line with the least squares."""
    count = len(points)
    mean_x, mean_y = (sum(point[axis] for point in points) / count for axis in (0, 1))
    over = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return over / sum((x - mean_x) ** 2 for x, _ in points)


def leak(link, out):
    """Starts the leak, in a thread, and tells when it ended."""
    body = out / "leak"
    with body.open("wb") as file:
        file.truncate(LEAK_BYTES)
    times = {"begun": time.time()}

    def send():
        run(*inside(link.client), "curl", "-sS", "--fail", "--interface", LEAKING, "-H", "Expect:",
            "--limit-rate", LEAK_BYTES_PER_SECOND, "-T", body, f"http://{SERVERS[0]}/")
        times["ended"] = time.time()

    thread = threading.Thread(target=send)
    thread.start()
    return thread, times


def alerts_of(out, asset):
    path = out / "out" / "alerts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [alert for alert in map(json.loads, lines) if alert["asset"] == asset]


def exported(out, asset, country):
    """What the history has of an asset, of all hours."""
    with contextlib.closing(sqlite3.connect(out / "history" / "history.sqlite")) as history:
        return history.execute(
            "SELECT coalesce(sum(bytes), 0) FROM asset_hours JOIN assets ON id = asset "
            "WHERE label = ? AND country = ?", (asset, country)).fetchone()[0]


def soak(program, mixes, out, minutes):
    flood = out / "flood.pcap"
    run(mixes, "random", flood, FLOOD_PACKETS, FLOOD_PACKETS)
    config = out / "soak.toml"
    config.write_text(CONFIG)
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=soak.example",
        "-keyout", out / "part", "-out", out / "certificate", "-days", "30")
    key = out / "key.pem"
    key.write_text((out / "part").read_text() + (out / "certificate").read_text())
    ledger_key = out / "ledger.key"
    run(program, "ledger", "key", ledger_key)
    with config.open("a") as more:
        more.write(f'\n[ledger]\ndir = "{out}/ledger"\nkey = "{ledger_key}"\n')
    seconds = minutes * 60
    with Link() as link, contextlib.ExitStack() as stack:

        def start(*command, namespace=link.server, **more):
            process = subprocess.Popen([*inside(namespace), *map(str, command)], text=True, **more)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        before = link.counted()
        log = stack.enter_context((out / "log").open("w"))
        sensor = start(program, "run", "-i", "eth0", "--config", config, "--out", out / "out",
                       "--state", out / "state", "--history", out / "history",
                       "--metrics", "127.0.0.1:9477", stderr=log, stdout=log)
        time.sleep(2)
        for address in SERVERS:
            server = start(sys.executable, "-c", SERVER, address, key, stdout=subprocess.PIPE)
            assert server.stdout.readline() == "ready\n"
        if shutil.which("iperf3"):
            start("iperf3", "-s", "-B", SERVERS[2], stdout=subprocess.DEVNULL)
        clients = Clients(link, out)
        clients.start()
        flooding = start("tcpreplay", "-q", "-i", "eth0", "--loop", "0", "--pps",
                         FLOOD_PACKETS_PER_SECOND, flood, namespace=link.client,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        looks, leaking, begun = [], None, time.monotonic()
        while (at := time.monotonic() - begun) < seconds and sensor.poll() is None:
            looks.append(look(sensor, at))
            if leaking is None and at > seconds * 2 / 3:
                leaking = leak(link, out)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if leaking:
            leaking[0].join()
        clients.stop()
        flooding.terminate()
        flooding.wait()
        time.sleep(2)
        offered = link.counted() - before
        sensor.send_signal(signal.SIGTERM)
        status = sensor.wait()
    verdict = run(program, "ledger", "verify", out / "ledger")
    return judge(out, looks, leaking, offered, status, clients, verdict)


def judge(out, looks, leaking, offered, status, clients, verdict):
    wrong = []

    def say(is_right, text):
        print(("  " if is_right else "WRONG: ") + text)
        if not is_right:
            wrong.append(text)

    print("clients:", clients.done, "failed:", clients.failed)
    say(status == 0, f"the sensor ended with status {status}")
    summary = json.loads((out / "out" / "summary.json").read_text())
    # What the kernel lost stands in a note.
    lost = sum(map(int, re.findall(r"(\d+) of \d+ frames were lost", "\n".join(summary["notes"]))))
    missing = offered - summary["frames_read"] - lost
    say(missing == 0, f"offered {offered:,}, read {summary['frames_read']:,} (no packets of IP: "
        f"{summary['dropped']}), lost by the kernel {lost:,}, unaccounted {missing:,}")
    warm = [one for one in looks if one[0] > looks[-1][0] / 3]
    grows = slope([(one[0], one[2]) for one in warm])
    apart, step = growth(warm, 2)
    say(grows <= RSS_SLOPE_MAX_MIB_PER_HOUR,
        f"RSS {warm[0][2]:.1f} MiB after a third, {warm[-1][2]:.1f} at the end, at most "
        f"{max(one[2] for one in warm):.1f}, slope {grows:.2f} MiB/h; {apart:.2f} without "
        f"{step:.2f} MiB at the first end of an hour, {growth(warm, 3)[0]:.2f} of it its own "
        f"memory; at first {looks[0][2]:.1f}")
    (out / "rss.tsv").write_text("".join(f"{at * 60:.2f}\t{whole:.2f}\t{own:.2f}\n"
                                         for at, _, whole, own in looks))
    told = [alert for alert in alerts_of(out, LEAKING_NAME) if alert["jurisdiction"] == "RU"]
    opened = [alert for alert in told if alert["event"] == "open"]
    say(len(opened) == 1 and any("ceiling" == d["name"] for d in opened[0]["detectors"]),
        f"{len(opened)} incident of the leak, lines: {len(told)}")
    if opened:
        at, times = opened[0]["time"], leaking[1]
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(times["ended"]))
        say(at < ended, f"opened {at}, with {opened[0]['bytes']:,} bytes; the leak ended {ended}")
    seen = exported(out, LEAKING_NAME, "RU")
    say(LEAK_BYTES <= seen <= LEAK_BYTES + 1_000,
        f"{seen:,} bytes of the leak in the history, {LEAK_BYTES:,} and a request's head sent")
    say(verdict.returncode == 0, "ledger: " + verdict.stdout.strip().splitlines()[0])
    return 1 if wrong else 0


def main():
    if len(sys.argv) not in (4, 5):
        print(__doc__)
        return 2
    absent = [name for name in NEEDED if not shutil.which(name)]
    if absent or os.geteuid() != 0:
        print(f"soak: SKIPPED, it needs root and {', '.join(absent) or 'nothing else'}")
        return 0
    program, mixes = (os.path.abspath(path) for path in sys.argv[1:3])
    out = Path(sys.argv[3]).absolute()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return soak(program, mixes, out, float(sys.argv[4]) if len(sys.argv) == 5 else 40.0)


if __name__ == "__main__":
    sys.exit(main())
