"""The captures that are measured with, made once and kept in the work folder."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from programs import SCENARIOS, Tools

# The morning after the last day of models/scenarios/small-site.toml and a holiday.
FLOOD_START_SECONDS = 1_775_527_200


@dataclass(frozen=True)
class Sizes:
    """How large the captures are."""

    packets: int = 5_000_000
    imix_flows: int = 100_000
    small_flows: tuple[int, int, int] = (10_000, 100_000, 1_000_000)
    collide_flows: int = 1_000_000
    flood_sources: int = 10_000_000
    live_packets: int = 4_000_000

    def divided(self, by: int) -> "Sizes":
        """The same a good deal smaller, to try things out."""
        few, some, many = self.small_flows
        return Sizes(
            self.packets // by,
            self.imix_flows // by,
            (few // by, some // by, many // by),
            self.collide_flows // by,
            self.flood_sources // by,
            self.live_packets // by,
        )


@dataclass(frozen=True)
class Capture:
    """A capture and what its generator said of it."""

    path: Path
    packets: int
    truth: dict


def mix(tools: Tools, kind: str, packets: int, flows: int) -> Capture:
    """`imix` or `small` by packetgen, or the nearest thing that `benches/mixes` has."""
    path = tools.work / f"{kind}-{packets}-{flows}.pcap"
    if tools.packetgen:
        make(path, [str(tools.packetgen), kind, "OUT", str(packets), str(flows)])
        return Capture(path, packets, {})
    own = {"imix": "ordinary", "small": "small"}[kind]
    return generated(tools, own, packets, flows)


def generated(tools: Tools, kind: str, *numbers: int | Path) -> Capture:
    """A capture by `benches/mixes`."""
    name = "-".join(n.stem if isinstance(n, Path) else str(n) for n in (kind, *numbers))
    path = tools.work / f"{name}.pcap"
    said = path.with_suffix(".json")
    told = make(path, [str(tools.mixes), kind, "OUT", *map(str, numbers)])
    if told is not None:
        said.write_text(told)
    truth = json.loads(said.read_text())
    return Capture(path, truth["packets"], truth)


def make(path: Path, command: list[str]) -> str | None:
    """Runs a generator unless its capture is there. `OUT` stands for the capture."""
    if path.exists() and path.stat().st_mtime > Path(command[0]).stat().st_mtime:
        return None
    print(f"numbers: writing {path.name}", flush=True)
    # Under another name first, so that what is half written is never taken for whole.
    part = path.with_suffix(".part")
    command = [str(part) if word == "OUT" else word for word in command]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    os.replace(part, path)
    return ran.stdout


def learned(tools: Tools, name: str, capture: Path, config: str) -> Path:
    """The state after a replay of `capture`: what the sensor knows before it is timed."""
    state = tools.work / f"learned-{name}"
    # Anew each time: another version may learn otherwise.
    shutil.rmtree(state, ignore_errors=True)
    out = tools.work / "out"
    command = [tools.ours, "replay", capture, "--out", out, "--state", state]
    command += ["--config", tools.config(config)]
    subprocess.run(command, check=True, capture_output=True)
    return state


def site(tools: Tools) -> Path:
    """Three weeks of the example site."""
    path = tools.work / "site.pcap"
    scenario = SCENARIOS / "small-site.toml"
    truth = str(tools.work / "site-truth.jsonl")
    simulate = [str(tools.ours), "simulate", str(scenario)]
    make(path, [*simulate, "--output", "OUT", "--truth", truth])
    return path
