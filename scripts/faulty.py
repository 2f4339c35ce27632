"""A sensor that keeps all that it can, its traffic, and what is on its disk, for `faults.py`."""

import contextlib
import glob
import hashlib
import http.server
import json
import os
import random
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import time
from pathlib import Path

from siege import frame, hello, run

PORT, RECORDS_PORT, HOOK_PORT = 9477, 2055, 9478
METRICS = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# How much faster than ours the sensor's clock runs.
SPEED = 1800
SEED = int(os.environ.get("FAULTS_SEED", "7"))
# How long a sensor may take to be ready, or well again, in seconds.
SOON = float(os.environ.get("FAULTS_SECONDS", "20"))
CONFIG = """[site]
jurisdictions = ["CN"]
networks = ["10.0.0.0/8"]
[alert]
ceiling_bytes_per_hour = 1000
[flow_input]
delay_seconds = 1
[ledger]
dir = "{0}/ledger"
key = "{1}/ledger.key"
[[sink]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:{2}/"
"""


def send_for_ever(seed):
    """Conversations of 50 assets with random countries, and flow records of the like."""
    chance = random.Random(seed)
    records = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out, told = None, 0
    while True:
        asset = bytes([10, 0, 0, chance.randrange(1, 51)])
        peer = bytes([chance.randrange(1, 224)]) + chance.randbytes(3)
        there = ((asset, chance.randrange(1024, 65536)), (peer, 443))
        said = hello(chance.randbytes(8).hex().encode() + b".example") + bytes(1200)
        try:
            if out is None:
                out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                out.bind(("faults0", 0))
            back = there[::-1]
            for one in (frame(there, (1000, 0), 0x02), frame(back, (5000, 1001), 0x12),
                        frame(there, (1001, 5001), 0x10), frame(there, (1001, 5001), 0x18, said),
                        frame(back, (5001, 1001 + len(said)), 0x11)):
                out.send(one)
        except OSError:
            # The interface is away.
            out = None
        up = 600_000
        head = struct.pack(">HHIIIIBBH", 5, 1, up, int(time.time()), 0, told, 0, 0, 0)
        record = struct.pack(">4s4s4sHHIIIIHHBBBBHHBBH", asset, peer, bytes(4), 1, 2, 9, 3000,
                             up - 1000, up - 500, there[0][1], 443, 0, 0x1b, 6, 0, 0, 0, 0, 0, 0)
        with contextlib.suppress(OSError):
            records.sendto(head + record, ("127.0.0.1", RECORDS_PORT))
        told += 1
        time.sleep(0.02)


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes all events but every fiftieth, after which a sensor pauses for a second."""

    protocol_version = "HTTP/1.1"
    received, count = set(), 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.count += 1
        takes = Hook.count % 50 != 0
        if takes:
            Hook.received.add(json.loads(body)["id"])
        self.send_response(200 if takes else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

    def handle(self):
        # Who sends may have been killed.
        with contextlib.suppress(OSError, ValueError):
            super().handle()


class Clock:
    """That of the sensors: it runs faster than ours, and never begins anew."""

    def __init__(self):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        self.library = libraries[0] if libraries else None
        self.begun = time.time()

    def environment(self):
        if not self.library:
            return {}
        now = self.begun + (time.time() - self.begun) * SPEED
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))
        return {**self.library_alone(), "FAKETIME": f"@{stamp} x{SPEED}"}

    def library_alone(self):
        return {"LD_PRELOAD": self.library, "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1"}


CLOCK = Clock()


class Place:
    """What a sensor writes to, and its configuration."""

    def __init__(self, program, folder, disk=None):
        self.program, self.folder, self.disk = program, Path(folder), Path(disk or folder)
        self.acknowledged, self.known = 0, hashlib.sha256()
        self.spooled, self.options = set(), []
        self.inodes = set()
        run(program, "ledger", "key", self.folder / "ledger.key")
        self.config = self.folder / "config.toml"
        self.config.write_text(CONFIG.format(self.disk, self.folder, HOOK_PORT))

    def command(self):
        return [self.program, "run", "-i", "faults1", *self.options, "--config", self.config,
                "--flow-input", f"127.0.0.1:{RECORDS_PORT}", "--metrics", f"127.0.0.1:{PORT}",
                "--out", self.disk / "out", "--state", self.disk / "state",
                "--history", self.disk / "history"]

    def entries(self):
        path = self.disk / "ledger" / "entries.jsonl"
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []

    def acknowledge(self, count):
        """Remembers entries that must stay as they are."""
        self.acknowledged = max(self.acknowledged, count)
        self.known = hashlib.sha256(b"".join(self.entries()[:self.acknowledged]))

    def look(self):
        """What is wrong with what is on the disk, after a crash or at any time."""
        wrong = []
        entries = self.entries()
        kept = hashlib.sha256(b"".join(entries[:self.acknowledged]))
        if len(entries) < self.acknowledged or kept.digest() != self.known.digest():
            wrong.append(f"acknowledged entries are lost or others: {len(entries)} lines of "
                         f"{self.acknowledged}")
        if entries:
            ran = ask(self.program, "ledger", "verify", self.disk / "ledger")
            bad = re.search(r"entry (\d+)", ran.stdout)
            torn = ran.returncode == 3 and bad and int(bad.group(1)) >= self.acknowledged
            if ran.returncode != 0 and not torn:
                wrong.append(f"ledger: {ran.stdout}{ran.stderr}")
        state = self.disk / "state" / "baseline.state"
        if state.exists():
            self.inodes.add((state.stat().st_ino, state.stat().st_mtime_ns))
            ran = ask(self.program, "baseline", "show", "--state", self.disk / "state")
            if ran.returncode != 0 or "damaged" in ran.stderr:
                wrong.append(f"state: {ran.stdout}{ran.stderr}")
        wrong += self.torn_alerts()
        history = self.disk / "history" / "history.sqlite"
        if history.exists() and history.stat().st_size:
            with contextlib.closing(sqlite3.connect(history)) as database:
                said = database.execute("PRAGMA quick_check").fetchall()
            if said != [("ok",)]:
                wrong.append(f"history: {said}")
        self.look_at_spool()
        return wrong

    def torn_alerts(self):
        """Lines that do not parse; the last may be torn until the next start."""
        path = self.disk / "out" / "alerts.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        torn = 0
        for number, line in enumerate(lines):
            try:
                json.loads(line)
            except ValueError:
                torn += number + 1 < len(lines)
        return [f"{torn} lines of alerts do not parse"] if torn else []

    def alerts(self):
        path = self.disk / "out" / "alerts.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line)["id"])
        return found

    def look_at_spool(self):
        """What is in the spool now, sound and synced. What was delivered may still be there."""
        found = set()
        for path in (self.disk / "state" / "sinks").glob("*/*.spool"):
            for line in path.read_bytes().splitlines():
                sum_, _, text = line.partition(b" ")
                if hashlib.sha256(text).hexdigest()[:16].encode() == sum_:
                    found.add(json.loads(text)["id"])
        self.spooled |= found
        return found


def ask(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


class Sensor:
    """A sensor that runs."""

    def __init__(self, place, before=(), environment=None, **more):
        self.place = place
        self.log = open(place.folder / "log", "a", encoding="utf8", errors="replace")
        more.setdefault("stderr", self.log)
        # What stands before the program goes by our clock.
        fake = [f"{name}={value}" for name, value in (environment or CLOCK.environment()).items()]
        command = [*before, "env", *fake, *map(str, place.command())]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                        start_new_session=True, **more)

    def metrics(self):
        with socket.create_connection(("127.0.0.1", PORT), timeout=5) as link:
            link.sendall(METRICS)
            parts = []
            while part := link.recv(1 << 16):
                parts.append(part)
        return b"".join(parts).decode()

    def value(self, name, page=None):
        if page is None:
            try:
                page = self.metrics()
            except OSError:
                return 0
        lines = (line for line in page.splitlines() if re.match(re.escape(name) + r"[{ ]", line))
        return sum(float(line.split()[-1]) for line in lines)

    def await_that(self, wanted, seconds=SOON):
        """Whether it comes true in time."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                if wanted():
                    return True
            time.sleep(0.1)
        return False

    def counts_frames(self):
        """Whether it is ready and captures."""
        begun = self.await_that(lambda: self.value("borderflow_frames_total") > 0)
        if not begun:
            return False
        before = self.value("borderflow_frames_total")
        return self.await_that(lambda: self.value("borderflow_frames_total") > before)

    def acknowledged(self):
        with contextlib.suppress(OSError):
            page = self.metrics()
            entries = self.value("borderflow_ledger_entries_total", page)
            return int(entries - self.value("borderflow_ledger_waiting_entries", page))
        return 0

    def pid(self):
        """Of the sensor itself, where something stands before it."""
        for path in glob.glob("/proc/[0-9]*/exe"):
            with contextlib.suppress(OSError):
                status = Path(path).with_name("stat").read_text()
                session = int(status.rsplit(")", 1)[1].split()[3])
                if session == self.process.pid and os.readlink(path) == self.place.program:
                    return int(path.split("/")[2])
        return self.process.pid

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(), signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it does not end"

    def alarms(self):
        """How often it was told that something could not be written."""
        return self.said().count("could not be written")

    def said(self):
        self.log.flush()
        return (self.place.folder / "log").read_text(errors="replace")


class Table:
    def __init__(self):
        self.wrong = 0

    def row(self, name, figures, wrong=()):
        self.wrong += bool(wrong)
        print(f"{'WRONG' if wrong else 'ok':5}  {name:34}  {figures}", flush=True)
        for one in list(wrong)[:5]:
            print(f"       - {one.strip()[:600]}", flush=True)

    def skip(self, name, why):
        print(f"skip   {name:34}  {why}", flush=True)
