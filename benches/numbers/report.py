"""Writes the figures down, with the machine and the commit that they are of."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from figures import Row
from live import Seen
from measure import Series
from programs import ROOT, Tools

INTRODUCTION = """\
# Numbers

What `make numbers` measured, by the promises it was measured for. Programs take turns,
A B C A B C, on files that the page cache holds; a ratio is given once for the best round of
each and once for the median one, and both have to hold. Absolute figures differ from machine
to machine and from day to day: quote ratios. Peaks of memory below 20 MB cannot be told
apart: that is what the measuring program has when it starts another.

"Ours" is the whole product: decoding, flows, geolocation, transfers, baseline, detectors,
alerts and metrics, with as many workers as it takes by itself (two on two cores) unless it
says so. The floor reads the same file and touches its headers (`floor read`), or
keeps a table of flows as well, without timeouts or results (`floor read-flow`); `floor
std-flow` is the program one would write first. Peers are started as their manuals say.
"""


def render(
    rows: list[Row],
    everything: list[Series],
    seen: Seen | None,
    tools: Tools,
    load: float,
    words: list[str],
    divisor: int,
) -> str:
    """The document. `divisor` is by how much everything was smaller than its name says."""
    parts = [INTRODUCTION, machine(tools, load, words)]
    if divisor > 1:
        parts.append(f"**A trial: captures have 1/{divisor} of their size, flows and bounds.**\n")
    parts.append(promises(rows))
    parts += [runs(series) for series in everything]
    if seen:
        parts.append(link(seen))
    skipped = tools.skipped + (seen.skipped if seen else [])
    failures = [f"{series.name}: {said}" for series in everything for said in series.failures]
    parts += [listing("Skipped", skipped), listing("Failed", failures)]
    return "\n".join(part for part in parts if part)


def verdict(row: Row) -> str:
    """ok, MISS, or a dash for what could not be measured."""
    return {True: "ok", False: "MISS", None: "–"}[row.ok]


def machine(tools: Tools, load: float, words: list[str]) -> str:
    """What was measured, on what, when."""
    cpu = first(r"model name\s*: (.*)", Path("/proc/cpuinfo")) or platform.machine()
    memory = int(first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")) or 0) / (1 << 20)
    dirty = " with changes" if said("git", "status", "--porcelain", "--", "src") else ""
    rows = {
        "commit": said("git", "rev-parse", "--short=12", "HEAD") + dirty,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": " ".join(["python3 benches/numbers", *words]),
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"Linux {platform.release()}, {system()}",
        "compiler": said("rustc", "--version"),
        "peers": ", ".join(version(name) for name in tools.peers) or "none",
        "load average before": f"{load:.2f}",
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


def promises(rows: list[Row]) -> str:
    """The table of the promises."""
    lines = ["## Promises", "", "| figure | must | best | median | |", "|---|---|---|---|---|"]
    for row in rows:
        mark = "**MISS**" if row.ok is False else verdict(row)
        lines.append(f"| {row.figure} | {row.must} | {row.best} | {row.median} | {mark} |")
    missed = sum(row.ok is False for row in rows)
    unknown = sum(row.ok is None for row in rows)
    lines += ["", f"{missed} missed, {unknown} not judged, of {len(rows)}.", ""]
    return "\n".join(lines)


def runs(series: Series) -> str:
    """The table of one series."""
    size = series.capture.stat().st_size
    lines = [
        f"## {series.name}",
        "",
        f"{series.packets:,} packets, {size / 1e6:,.0f} MB. Load average before: "
        f"{series.load_before:.2f}; others kept {series.others_processors:.2f} processors busy.",
        "",
        "| program | rounds | best s | median s | Mpps | ns/packet | CPU s | RSS MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in series.samples:
        wall = series.median(name)
        rounds = len(series.values(name, "wall_seconds"))
        if not wall:
            lines.append(f"| {name} | 0 | failed | | | | | |")
            continue
        cells = [
            f"{series.best(name):.3f}",
            f"{wall:.3f}",
            f"{series.packets / wall / 1e6:.2f}",
            f"{wall / series.packets * 1e9:.0f}",
            f"{series.median(name, 'cpu_seconds'):.2f}",
            f"{(series.median(name, 'rss_bytes') or 0) / 1e6:.0f}",
        ]
        lines.append(f"| {name} | {rounds} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def link(seen: Seen) -> str:
    """The table of the live link."""
    if not seen.heard:
        return ""
    lines = [
        "## Live",
        "",
        "`xdpgen` sends 60-byte frames of 65,536 flows over a veth pair, from one process or "
        "from some at once, which is more than two cores can take. Offered is what the "
        "listener's interface received.",
        "",
        "| listener | load | offered | Mpps | counted | dropped, it says | unaccounted "
        "| user CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for heard in seen.heard:
        told = [heard.counted, heard.dropped, heard.unaccounted]
        counts = " | ".join("not told" if count is None else f"{count:,}" for count in told)
        rate = heard.offered / heard.seconds / 1e6
        lines.append(
            f"| {heard.listener} | {heard.load.name} | {heard.offered:,} | {rate:.2f} | {counts} "
            f"| {heard.user_seconds:.2f} |"
        )
    return "\n".join([*lines, ""])


def listing(title: str, lines: list[str]) -> str:
    """A section with a list, if there is anything in it."""
    if not lines:
        return ""
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines), ""])


def system() -> str:
    """The distribution."""
    return first(r'PRETTY_NAME="(.*)"', Path("/etc/os-release")) or "unknown"


def version(name: str) -> str:
    """A peer with the version of its package, where dpkg knows it."""
    package = {"nfpcapd": "nfdump", "argus": "argus-server"}.get(name, name)
    known = said("dpkg-query", "-W", "-f", "${Version}", package)
    return f"{name} {known}".strip()


def first(pattern: str, path: Path) -> str | None:
    """The first match in a file."""
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found.group(1) if found else None


def said(*words: str) -> str:
    """What a command says, or nothing if it is absent or fails."""
    try:
        ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ran.stdout.strip()
