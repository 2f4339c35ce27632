"""A live link: who loses what at the same offered load, and how soon a silent one ends.

Two network namespaces of our own are joined by a veth pair. One sends with the shared
`xdpgen`, whose frames cost so little that the sending core is not the limit; in the other
listens one program after the other. Delivery over veth runs on the sender's processor, so
what is offered in a second depends on who listens, and every listener has its own row.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from figures import Row
from measure import Sample, wait
from programs import SEARCH_PATH, TOOLS, Tools

FLOW_BITS = 16
START_SECONDS_MAX = 20
# A listener that has seen nothing new for so long has seen all that it will.
QUIET_SECONDS = 2
STOP_SECONDS_MAX = 60
SILENT_STOP_SECONDS_MAX = 1.0
CPU_NANOSECONDS_MAX = 150


@dataclass(frozen=True)
class Load:
    """What is offered, and by how many at once. The command runs at the sending end."""

    name: str
    command: tuple[str, ...]
    senders: int = 1


@dataclass
class Heard:
    """One listener under one load."""

    listener: str
    load: Load
    # What the interface says that it received.
    offered: int
    seconds: float
    counted: int | None
    # As the listener tells it; None if it does not.
    dropped: int | None
    user_seconds: float

    @property
    def unaccounted(self) -> int | None:
        """What was neither counted nor told as dropped."""
        if self.counted is None:
            return None
        return self.offered - self.counted - (self.dropped or 0)


@dataclass
class Seen:
    """All that was measured on the link."""

    heard: list[Heard] = field(default_factory=list)
    silent_stop_seconds: float | None = None
    # User CPU of a start, a silent link and a stop, which no packet is to blame for.
    silent_user_seconds: float = 0.0
    skipped: list[str] = field(default_factory=list)


class Link:
    """Two namespaces and the veth pair between them, for as long as the `with` lasts."""

    def __init__(self) -> None:
        self.sender = f"numbers-{os.getpid()}-a"
        self.listener = f"numbers-{os.getpid()}-b"

    def __enter__(self) -> "Link":
        try:
            for name in (self.sender, self.listener):
                command("ip", "netns", "add", name)
            peer = ["peer", "name", "v2", "netns", self.listener]
            command("ip", "link", "add", "v1", "netns", self.sender, "type", "veth", *peer)
            for name, end in ((self.sender, "v1"), (self.listener, "v2")):
                quiet = ["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]
                command(*self.inside(name, *quiet))
                command("ip", "-n", name, "link", "set", "lo", "up")
                command("ip", "-n", name, "link", "set", end, "up")
            # Without GRO the receiving end takes no frames from an XDP program.
            command(*self.inside(self.listener, "ethtool", "-K", "v2", "gro", "on"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.sender, self.listener):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    @staticmethod
    def inside(namespace: str, *words: str) -> list[str]:
        """A command, to run in a namespace."""
        return ["ip", "netns", "exec", namespace, *words]

    def received(self) -> int:
        """Packets that the listening end has received."""
        shown = command("ip", "-n", self.listener, "-s", "-j", "link", "show", "v2")
        return json.loads(shown)[0]["stats64"]["rx"]["packets"]

    def send(self, load: Load) -> float:
        """Offers a load. Returns the seconds that it took."""
        words = self.inside(self.sender, *load.command)
        null = subprocess.DEVNULL
        begin = time.monotonic()
        running = [
            subprocess.Popen(words, stdout=null, stderr=null) for _ in range(load.senders)
        ]
        for process in running:
            process.wait()
        return time.monotonic() - begin


def command(*words: str) -> str:
    """Runs a command that has to succeed. Returns what it says."""
    path = {**os.environ, "PATH": SEARCH_PATH}
    return subprocess.run(words, check=True, capture_output=True, text=True, env=path).stdout


def measure(tools: Tools, packets: int, imix: Path) -> Seen:
    """Ours in silence; every listener at one sender; ours under more load, and at imix."""
    seen = Seen()
    needed = ("ip", "ethtool", "sysctl")
    absent = [name for name in needed if not shutil.which(name, path=SEARCH_PATH)]
    xdpgen = None if absent else compiled(tools)
    if xdpgen is None:
        seen.skipped.append(f"live: no {', '.join(absent) or 'xdpgen (../shared, or gcc)'}")
        return seen
    words = (str(xdpgen), "v1", str(packets), str(FLOW_BITS))
    one, *more = (Load(f"xdpgen × {count}", words, count) for count in (1, 2, 5))
    plans = [(name, one) for name in listeners(tools)] + [("ours", load) for load in more]
    tcpreplay = shutil.which("tcpreplay", path=SEARCH_PATH)
    if tcpreplay:
        replay = (tcpreplay, "-q", "-i", "v1", "-t", "--preload-pcap", str(imix))
        plans.append(("ours", Load("imix by tcpreplay", replay)))
    else:
        seen.skipped.append("live imix: no tcpreplay")
    try:
        with Link() as link:
            seen.silent_stop_seconds, seen.silent_user_seconds = silent(tools, link)
            seen.heard += [listen(tools, link, name, load) for name, load in plans]
    except subprocess.CalledProcessError as error:
        seen.skipped.append(f"live: {' '.join(map(str, error.cmd))}: {error.stderr}")
    return seen


def compiled(tools: Tools) -> Path | None:
    """The sender, compiled."""
    source, program = TOOLS / "live" / "xdpgen.c", tools.work / "tools" / "xdpgen"
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not source.is_file() or not compiler:
        return None
    made = subprocess.run([compiler, "-O2", "-w", source, "-o", program], check=False)
    return program if made.returncode == 0 else None


def listeners(tools: Tools) -> list[str]:
    """Who listens: ours, and what is installed of the others."""
    others = [name for name in ("nfpcapd", "softflowd") if name in tools.peers]
    return ["ours", *(["tcpdump"] if shutil.which("tcpdump", path=SEARCH_PATH) else []), *others]


def started(tools: Tools, link: Link, name: str) -> subprocess.Popen:
    """A listener that is listening."""
    folder = tools.work / "live"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    into = str(folder)
    ours = [str(tools.ours), "run", "--interface", "v2", "--out", into]
    ours += ["--config", str(tools.config("everything")), "--metrics", "127.0.0.1:0"]
    words = {
        "ours": ours,
        "tcpdump": ["tcpdump", "-i", "v2", "-n", "-w", "/dev/null"],
        "nfpcapd": ["nfpcapd", "-i", "v2", "-w", into, "-e", "300,60"],
        "softflowd": ["softflowd", "-i", "v2", "-d", "-m", "2000000", "-c", f"{into}/control"],
    }[name]
    path = {**os.environ, "PATH": SEARCH_PATH}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        link.inside(link.listener, *words), stdout=log, stderr=subprocess.STDOUT, env=path
    )
    log.close()
    ready = {"ours": "watching", "tcpdump": "listening", "softflowd": "starting"}.get(name)
    end = time.monotonic() + START_SECONDS_MAX
    while ready and ready not in (folder / "log").read_text() and time.monotonic() < end:
        time.sleep(0.05)
    # That it says so is a moment before it is so, and nfpcapd says nothing.
    time.sleep(1)
    return process


def stop(process: subprocess.Popen, signal_: int = signal.SIGTERM) -> tuple[Sample, float]:
    """Asks a listener to end. Returns what it took, and the seconds until it ended."""
    begin = time.monotonic()
    with suppress(ProcessLookupError):
        process.send_signal(signal_)
    sample = wait(process, begin, STOP_SECONDS_MAX)
    return sample, sample.wall_seconds


def silent(tools: Tools, link: Link) -> tuple[float, float]:
    """Seconds from SIGTERM to the end on a link without a packet, and the user CPU."""
    process = started(tools, link, "ours")
    time.sleep(2)
    sample, seconds = stop(process)
    return seconds, sample.user_seconds


def listen(tools: Tools, link: Link, name: str, load: Load) -> Heard:
    """One listener under one load."""
    print(f"numbers: live: {name}, {load.name}", flush=True)
    process = started(tools, link, name)
    before = link.received()
    seconds = link.send(load)
    # What the ring holds is still being read.
    time.sleep(QUIET_SECONDS)
    offered = link.received() - before
    folder = tools.work / "live"
    # It has counted, and says so only while it runs.
    asked = ["softflowctl", "-c", str(folder / "control"), "statistics"]
    answer = command(*asked) if name == "softflowd" else ""
    sample, _ = stop(process, signal.SIGINT if name == "tcpdump" else signal.SIGTERM)
    log = (folder / "log").read_text(errors="replace") + answer
    counted, dropped = told(name, folder, log)
    return Heard(name, load, offered, seconds, counted, dropped, sample.user_seconds)


def told(name: str, folder: Path, log: str) -> tuple[int | None, int | None]:
    """What a listener says that it counted, and that it dropped."""
    if name == "ours":
        summary = json.loads((folder / "summary.json").read_text())
        return summary["frames_read"], ours_dropped(summary)
    counted, dropped = {
        "tcpdump": (r"(\d+) packets? captured", r"(\d+) packets? dropped by kernel"),
        # It tells each interval and the total apart, and at times no total.
        "nfpcapd": (r"Total: Processed: (\d+)", r"dropped: (\d+)"),
        "softflowd": (r"Packets processed: (\d+)", r"Packets dropped by libpcap: (\d+)"),
    }[name]
    last = [re.findall(pattern, log) for pattern in (counted, dropped)]
    return tuple(int(found[-1]) if found else None for found in last)


def ours_dropped(summary: dict) -> int:
    """What the kernel or the interface dropped before we could read it."""
    dropped = summary["dropped"]
    known = [dropped[name] for name in ("kernel", "interface") if name in dropped]
    if known:
        return sum(known)
    # Without a field of its own it stands in a note for people.
    notes = " ".join(summary.get("notes", []))
    return sum(map(int, re.findall(r"(\d+) of \d+ frames were lost", notes)))


def judge(seen: Seen) -> list[Row]:
    """Rows of the live link."""
    ours = [heard for heard in seen.heard if heard.listener == "ours"]
    tcpdump = next((heard for heard in seen.heard if heard.listener == "tcpdump"), None)
    rows = []
    if ours and tcpdump:
        lost, other = lost_of(ours[0]), lost_of(tcpdump)
        ok = None if other is None else other > 0 or lost == 0
        must = "0 wherever tcpdump loses 0"
        figure = f"live, {ours[0].load.name}: lost"
        rows.append(Row(figure, must, f"{lost}", f"tcpdump: {other}", ok))
    if ours:
        spent = ours[0].user_seconds - seen.silent_user_seconds
        nanoseconds = spent / max(1, ours[0].counted or 1) * 1e9
        must = f"≤ {CPU_NANOSECONDS_MAX}"
        ok = nanoseconds <= CPU_NANOSECONDS_MAX
        figure = f"live, {ours[0].load.name}: ns of user CPU a packet"
        rows.append(Row(figure, must, f"{nanoseconds:.0f}", "", ok))
    for heard in ours:
        if "imix" in heard.load.name:
            lost = lost_of(heard)
            rows.append(Row(f"live, {heard.load.name}: lost", "0", f"{lost}", "", lost == 0))
        figure = f"live, {heard.load.name}: offered less counted and dropped"
        rows.append(Row(figure, "0", f"{heard.unaccounted}", "", heard.unaccounted == 0))
    if seen.silent_stop_seconds is not None:
        seconds = seen.silent_stop_seconds
        ok = seconds <= SILENT_STOP_SECONDS_MAX
        figure = "live, a silent link: seconds from SIGTERM to the end"
        rows.append(Row(figure, f"≤ {SILENT_STOP_SECONDS_MAX}", f"{seconds:.2f}", "", ok))
    return rows


def lost_of(heard: Heard) -> int | None:
    """What was offered and not counted."""
    return None if heard.counted is None else heard.offered - heard.counted
