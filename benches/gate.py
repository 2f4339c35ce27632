#!/usr/bin/env python3
"""Holds the instructions that a packet costs against the committed figures.

usage: benches/gate.py [--update]

Each mix is generated in two lengths, one the beginning of the other, and replayed by the
release build under valgrind, which counts instructions exactly and slows nothing down that
matters. The difference of the two counts, over the difference in packets, is what a packet
costs; the start of the program falls out of it. Times would need a quiet machine, and
instructions do not. They say nothing of memory, though: that is what `make numbers` is for.

Status 0 if every figure is within the tolerance, or where there is no valgrind; 1 if one is
beyond it, in either direction, since a gain that is not written down can be lost again.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "benches" / "instructions.json"
TOLERANCE = 0.05
UPDATE_HINT = "if it is meant to be so: benches/gate.py --update, and commit the file"


@dataclass(frozen=True)
class Mix:
    """A capture by `benches/mixes`, in two lengths."""

    name: str
    generator: str
    packets_short: int
    packets_long: int
    flows: int
    options: tuple[str, ...] = ()
    config: str = ""


# Inspection is on, and none of those who send is inspected: it costs the question who sends.
INSPECTS_ANOTHER = """
[inspect]
key = "inspect.key"
[[asset.known]]
name = "another"
addresses = ["198.18.0.1/32"]
is_inspected = true
"""

MIXES = (
    Mix("conversations", "ordinary", 10_000, 60_000, 500),
    Mix("updates of 20,000 live flows", "small", 20_000, 70_000, 20_000),
    Mix("openings, every packet a flow", "random", 10_000, 60_000, 60_000),
    Mix("conversations, with --flows", "ordinary", 10_000, 60_000, 500, ("--flows",)),
    Mix("conversations, another inspected", "ordinary", 10_000, 60_000, 500, (), INSPECTS_ANOTHER),
)


def main() -> int:
    update = sys.argv[1:] == ["--update"]
    if sys.argv[1:] and not update:
        print(__doc__)
        return 2
    if shutil.which("valgrind") is None:
        print("gate: SKIPPED, there is no valgrind: instructions were not counted")
        return 0
    program, mixes = build()
    measured = {mix.name: per_packet(program, mixes, mix) for mix in MIXES}
    if update:
        figures = {"machine": platform.machine(), "instructions_per_packet": measured}
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
        print(f"gate: {FIGURES.relative_to(ROOT)} now says {measured}")
        return 0
    return judge(json.loads(FIGURES.read_text()), measured)


def judge(figures: dict, measured: dict[str, int]) -> int:
    """Prints every figure beside the committed one. Returns the status."""
    if figures["machine"] != platform.machine():
        print(f"gate: SKIPPED, figures are of {figures['machine']}: {measured}")
        return 0
    failed = False
    for name, count in measured.items():
        expected = figures["instructions_per_packet"].get(name)
        if expected is None:
            print(f"gate: {name}: {count} instructions a packet, not committed; {UPDATE_HINT}")
            failed = True
            continue
        change = count / expected - 1
        beyond = abs(change) > TOLERANCE
        verdict = f"BEYOND {TOLERANCE:.0%}; {UPDATE_HINT}" if beyond else "ok"
        print(
            f"gate: {name}: {count} instructions a packet, {expected} committed "
            f"({change:+.1%}): {verdict}"
        )
        failed |= beyond
    return int(failed)


def per_packet(program: Path, mixes: Path, mix: Mix) -> int:
    """Instructions that a packet of the mix costs, without the start of the program."""
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        folder = Path(name)
        # The longer of two captures goes on where the shorter one ends: none of the
        # generators asked for here looks at the number of packets before the last.
        options = list(mix.options)
        if mix.config:
            key = folder / "inspect.key"
            key.write_text("000102030405060708090a0b0c0d0e0f\n")
            key.chmod(0o600)
            (folder / "config.toml").write_text(mix.config)
            options += ["--config", str(folder / "config.toml")]
        counts = []
        for packets in (mix.packets_short, mix.packets_long):
            capture = folder / f"{packets}.pcap"
            generate = [mixes, mix.generator, capture, str(packets), str(mix.flows)]
            subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
            counts.append(instructions(program, capture, folder, options))
    short, long = counts
    return round((long - short) / (mix.packets_long - mix.packets_short))


def instructions(program: Path, capture: Path, folder: Path, options: list[str]) -> int:
    """Instructions of one replay with one worker."""
    # Of valgrind's tools this one counts fastest.
    tool = ["valgrind", "--tool=exp-bbv", "--instr-count-only=yes"]
    tool.append(f"--bb-out-file={folder / 'unused'}")
    replay = [program, "replay", capture, "--out", folder / "out", "--workers", "1", *options]
    environment = {**os.environ, "RUST_LOG": "off"}
    ran = subprocess.run([*tool, *replay], capture_output=True, text=True, env=environment)
    if ran.returncode != 0:
        sys.exit(f"gate: the replay under valgrind failed:\n{ran.stderr}")
    totals = re.findall(r"Total instructions: (\d+)", ran.stderr)
    if not totals:
        sys.exit(f"gate: valgrind told no count:\n{ran.stderr}")
    return sum(int(total) for total in totals)


def build() -> tuple[Path, Path]:
    """The release build of the product, and the generator."""
    wanted = ["--bin", "borderflow", "--example", "mixes"]
    build = ["cargo", "build", "--locked", "--release", "-q", *wanted]
    subprocess.run(build, cwd=ROOT, check=True)
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    return target / "release" / "borderflow", target / "release" / "examples" / "mixes"


if __name__ == "__main__":
    sys.exit(main())
