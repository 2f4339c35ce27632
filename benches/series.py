#!/usr/bin/env python3
"""Real series through the detectors: false alerts as they are, and leaks put into them.

usage: benches/series.py [--trials N] [--out FILE]

Byte counts of NAB (github.com/numenta/NAB, realAWSCloudwatch: what cloud machines received or
wrote in five minutes) stand for what an asset exports. They are moved by whole weeks, so that
they run at the same time, and become one site by `borderflow baseline import`, with the
configuration's defaults. A leak is put into one series of one copy at a time: so many times the
99.9th percentile of the series' hours, within an hour, to the country in use or to a new one,
after the first week.

Writes docs/series.md. The series lie in ../shared/timeseries/nab; without them nothing is measured, and it says so.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERIES = ROOT.parent / "shared" / "timeseries" / "nab"
WEEK = 7 * 86_400
HOUR = 3_600
RATIOS = (1, 3, 10, 30)
BUDGETS = (0.02, 0.1, 1.0)
HOME, KNOWN, NEW = "CN", "SG", "RU"
SEED = 20_261_125


@dataclass(frozen=True)
class Series:
    """One file as what an asset exports."""

    name: str
    asset: str
    points: list[tuple[int, int]]
    windows: list[tuple[int, int]]

    def hours(self) -> list[int]:
        """Bytes of its hours, in order of size."""
        sums: dict[int, int] = {}
        for time, count in self.points:
            sums[time // HOUR] = sums.get(time // HOUR, 0) + count
        return sorted(sums.values())

    def busy_hour_bytes(self) -> int:
        """The 99.9th percentile of its hours."""
        hours = self.hours()
        return hours[min(len(hours) - 1, int(len(hours) * 0.999))]

    def weeks(self) -> float:
        """How long it is."""
        return (self.points[-1][0] - self.points[0][0]) / WEEK

    def is_labelled(self, time: int) -> bool:
        """Whether NAB calls a time anomalous, or the day after it."""
        return any(start <= time <= end + 86_400 for start, end in self.windows)


@dataclass(frozen=True)
class Leak:
    """What is put into a series."""

    series: Series
    ratio: int
    country: str
    start: int

    def rows(self) -> list[tuple[int, str, str, int]]:
        """An hour of it, minute by minute."""
        total = self.ratio * self.series.busy_hour_bytes()
        return [
            (self.start + 60 * minute, self.series.asset, self.country, total // 60)
            for minute in range(60)
        ]


def seconds(text: str) -> int:
    """A time of NAB, as UTC."""
    moment = datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S")
    return int(moment.replace(tzinfo=timezone.utc).timestamp())


def read_all() -> list[Series]:
    """The series of bytes that are longer than a week, moved to the same weeks."""
    windows = json.loads((SERIES / "combined_windows.json").read_text())
    found = []
    for path in sorted((SERIES / "realAWSCloudwatch").glob("*.csv")):
        if "bytes" not in path.name and "etwork" not in path.name:
            continue
        with path.open() as file:
            rows = [(seconds(time), int(float(count))) for time, count in list(csv.reader(file))[1:]]
        # 2026-01-05 was a Monday; the day of the week stays.
        monday = seconds("2026-01-05 00:00:00")
        shift = -((rows[0][0] - monday) // WEEK) * WEEK
        spans = [
            (seconds(start) + shift, seconds(end) + shift)
            for start, end in windows.get(f"realAWSCloudwatch/{path.name}", [])
        ]
        points = [(time + shift, count) for time, count in rows]
        found.append(Series(path.stem, f"10.0.0.{len(found) + 1}", points, spans))
    return found


def alerts(program: Path, rows: list[tuple[int, str, str, int]], budget: float) -> list[dict]:
    """What is told of a site."""
    with tempfile.TemporaryDirectory(prefix="series-") as name:
        folder = Path(name)
        log = folder / "site.csv"
        with log.open("w") as file:
            file.write("time,asset,country,bytes\n")
            file.writelines(f"{t},{asset},{country},{n}\n" for t, asset, country, n in sorted(rows))
        config = folder / "site.toml"
        config.write_text(
            f'[site]\nnetworks = ["10.0.0.0/8"]\njurisdictions = ["{HOME}"]\n'
            f"[alert]\nbudget_per_asset_week = {budget}\n"
        )
        command = [program, "baseline", "import", log, "--config", config]
        command += ["--state", folder / "state", "--out", folder / "out"]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"series: the import failed:\n{ran.stderr}")
        lines = (folder / "out" / "alerts.jsonl").read_text().splitlines()
    return [alert for alert in map(json.loads, lines) if alert["event"] == "open"]


def at(alert: dict) -> int:
    """When an alert was written."""
    moment = datetime.strptime(alert["time"], "%Y-%m-%dT%H:%M:%SZ")
    return int(moment.replace(tzinfo=timezone.utc).timestamp())


def hits(alert: dict, leak: Leak) -> bool:
    """Whether an alert is of a leak: its asset and country, until a day after."""
    same = (alert["asset"], alert["jurisdiction"]) == (leak.series.asset, leak.country)
    return same and leak.start <= at(alert) <= leak.start + HOUR + 86_400


def leaks(all_series: list[Series], trials: int) -> list[Leak]:
    """As many of each size and destination in each series, at times of chance."""
    chance = random.Random(SEED)
    made = []
    for series in all_series:
        first, last = series.points[0][0] + WEEK, series.points[-1][0] - 2 * HOUR
        if last <= first:
            continue
        for ratio in RATIOS:
            for country in (KNOWN, NEW):
                for _ in range(trials):
                    made.append(Leak(series, ratio, country, chance.randrange(first, last)))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/series.py", description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=10, help="leaks of a kind in each series (10)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "series.md")
    options = parser.parse_args()
    if not SERIES.is_dir():
        print(f"series: SKIPPED, there is no {SERIES}")
        return 0
    subprocess.run(["cargo", "build", "--release", "--locked", "-q"], cwd=ROOT, check=True)
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    program = target / "release" / "borderflow"
    all_series = read_all()
    site = [(t, one.asset, KNOWN, n) for one in all_series for t, n in one.points]
    weeks = sum(one.weeks() for one in all_series)
    text = [__doc__.split("\n\n")[2].replace("\n", " "), ""]
    text += ["| series | weeks | 99.9th percentile hour, MB | anomalies by NAB |", "|---|---:|---:|---:|"]
    for one in all_series:
        size = one.busy_hour_bytes() / 1e6
        text.append(f"| {one.name} | {one.weeks():.1f} | {size:.1f} | {len(one.windows)} |")
    text += ["", *untouched(program, all_series, site, weeks), ""]
    text += with_leaks(program, leaks(all_series, options.trials), site)
    head = f"# Real series\n\nWritten by `make series` (seed {SEED}).\n\n"
    options.out.write_text(head + "\n".join(text) + "\n")
    print(options.out.read_text())
    return 0


def untouched(program: Path, all_series: list[Series], site: list, weeks: float) -> list[str]:
    """What is told of the series as they are."""
    text = [
        f"As they are, {weeks:.1f} asset-weeks. An alert within a window that NAB calls anomalous, "
        "or the day after, is none of the false ones.",
        "",
        "| budget per asset-week | alerts | within NAB's windows | false per asset-week |",
        "|---:|---:|---:|---:|",
    ]
    of = {one.asset: one for one in all_series}
    for budget in BUDGETS:
        told = alerts(program, site, budget)
        within = sum(of[alert["asset"]].is_labelled(at(alert)) for alert in told)
        rate = (len(told) - within) / weeks
        text.append(f"| {budget} | {len(told)} | {within} | {rate:.2f} |")
    return text


def with_leaks(program: Path, all_leaks: list[Leak], site: list) -> list[str]:
    """How many leaks are told."""
    text = [
        f"With leaks, {len(all_leaks)} one at a time: the part that was told.",
        "",
        "| budget | to | " + " | ".join(f"{ratio} x" for ratio in RATIOS) + " |",
        "|---:|---|" + "---:|" * len(RATIOS),
    ]
    for budget in BUDGETS:
        told = {(leak.country, leak.ratio): [] for leak in all_leaks}
        for leak in all_leaks:
            found = any(hits(alert, leak) for alert in alerts(program, site + leak.rows(), budget))
            told[leak.country, leak.ratio].append(found)
        for country, name in ((KNOWN, "the country in use"), (NEW, "a new country")):
            shares = [told[country, ratio] for ratio in RATIOS]
            cells = " | ".join(f"{sum(share) / len(share):.2f}" for share in shares)
            text.append(f"| {budget} | {name} | {cells} |")
    return text


if __name__ == "__main__":
    sys.exit(main())
