"""Measures what docs/numbers.md promises, and writes it.

usage: python3 benches/numbers [--quick] [--no-peers] [--no-live] [--force] ...

Needs nothing but Python 3.9 and cargo. What else is absent is skipped, in one line each.
Status 0 if every promise held or could not be measured, 1 if one was missed, 2 if the
machine was too busy to judge.
"""

import argparse
import os
import sys
from pathlib import Path

import figures
import flood
import live
import report
from captures import Sizes, mix
from measure import LOAD_MAX, settle
from measure import load as current_load
from programs import ROOT, find, target_folder

QUICK_DIVISOR = 20
# Processors that others may keep busy, in the mean of a series.
OTHERS_MAX = 0.3


def main() -> int:
    """Runs what the arguments ask for. Returns the status."""
    options = arguments()
    work = target_folder() / "numbers"
    work.mkdir(parents=True, exist_ok=True)
    divisor = QUICK_DIVISOR if options.quick else 1
    sizes = Sizes().divided(divisor)
    tools = find(work, options.all_peers, divisor)
    if not options.peers:
        tools.peers.clear()
        tools.skipped.append("peers: --no-peers")
    for skipped in tools.skipped:
        print(f"numbers: skipped {skipped}")
    load = current_load() if options.force else settle()
    if load > LOAD_MAX and not options.force:
        print(f"numbers: load average {load:.2f} is above {LOAD_MAX}: others use the machine, so")
        print("numbers: nothing would be worth writing down; wait, or use --force")
        return 2
    measured = figures.measure(tools, sizes, options.rounds)
    rows = figures.judge(measured, sizes)
    parts, found = flood.measure(tools, sizes, max(1, options.rounds // 2))
    rows += flood.judge(parts, found, measured["small, 1 M flows"])
    seen = None
    if options.live:
        imix = mix(tools, "imix", sizes.live_packets, sizes.live_packets // 50)
        seen = live.measure(tools, sizes.live_packets, imix.path)
        rows += live.judge(seen)
    everything = list(measured.values()) + list(parts.values())
    disturbed = [one.name for one in everything if one.others_processors > OTHERS_MAX]
    text = report.render(rows, everything, seen, tools, load, sys.argv[1:], divisor)
    kept = options.force or not disturbed
    out = options.out or ROOT / "docs" / "numbers.md"
    if options.out is None and (options.quick or not kept):
        out = work / "trial.md"
    out.write_text(text)
    for row in rows:
        print(f"{report.verdict(row):>4}  {row.figure}: {row.best} / {row.median} ({row.must})")
    print(f"numbers: wrote {out}")
    if not kept:
        print(f"numbers: others used the machine during: {', '.join(disturbed)}; not judged")
        return 2
    return int(any(row.ok is False for row in rows))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches/numbers", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each series (5)")
    parser.add_argument(
        "--quick", action="store_true", help="a twentieth of everything, to try it out"
    )
    parser.add_argument("--force", action="store_true", help="measure on a busy machine, too")
    parser.add_argument("--all-peers", action="store_true", help="also argus, tshark, suricata")
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--no-live", dest="live", action="store_false")
    parser.add_argument("--out", type=Path, help="instead of docs/numbers.md")
    options = parser.parse_args()
    if options.live and os.geteuid() != 0:
        print("numbers: skipped live: only root may make network namespaces")
        options.live = False
    return options


if __name__ == "__main__":
    sys.exit(main())
