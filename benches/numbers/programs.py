"""What is measured: our program, the floor, and peers, as far as they are here."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from measure import Program

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT.parent / "shared" / "tools"
SCENARIOS = ROOT / "models" / "scenarios"

# Debian keeps daemons where only root's path looks.
SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"

# Room for a million flows that chance spreads over the shards a little unevenly; and for
# few enough that a fifth of the flood fills the table.
FLOWS_MAX = 1_250_000
FLOOD_FLOWS_MAX = 1_000_000

CONFIGS = {
    # Assets are 10.0.0.0/8, as the mixes have them, and everything is on.
    "everything": '[site]\nnetworks = ["10.0.0.0/8"]\njurisdictions = ["CN"]\n',
    # Nothing that is in the mixes is an asset, so nothing is exported and nothing learned.
    "sensor": '[site]\nnetworks = ["192.0.2.0/24"]\njurisdictions = ["CN"]\n',
    # A site whose alerts come early enough for 300 MB to be worth one.
    "flood": (SCENARIOS / "small-site.config.toml").read_text()
    + "[alert]\nbudget_per_asset_week = 0.5\n",
}


@dataclass
class Tools:
    """Where the programs are. What is absent is None, and `skipped` says why."""

    work: Path
    divisor: int
    ours: Path
    mixes: Path
    floor: Path | None = None
    packetgen: Path | None = None
    peers: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """Where the program that runs writes."""
        return self.work / "log"

    def config(self, name: str) -> Path:
        """A configuration of `CONFIGS` as a file."""
        path = self.work / f"{name}.toml"
        flows = (FLOOD_FLOWS_MAX if name == "flood" else FLOWS_MAX) // self.divisor
        path.write_text(CONFIGS[name] + f"[limits]\nflows = {flows}\n")
        return path


def find(work: Path, all_peers: bool, divisor: int) -> Tools:
    """Builds ours and, in a copy, the floor and its generator; looks for the peers."""
    wanted = ["--bin", "borderflow", "--example", "mixes"]
    build = ["cargo", "build", "--locked", "--release", "-q", *wanted]
    subprocess.run(build, cwd=ROOT, check=True)
    built = target_folder() / "release"
    borderflow, mixes = built / "borderflow", built / "examples" / "mixes"
    tools = Tools(work, divisor, borderflow, mixes)
    for name in ("floor", "packetgen"):
        setattr(tools, name, build_copy(name, tools))
    wanted = {"nfpcapd": "nfdump", "softflowd": "softflowd"}
    if all_peers:
        wanted |= {"argus": "argus-server", "tshark": "tshark", "suricata": "suricata"}
    for command, package in wanted.items():
        path = shutil.which(command, path=SEARCH_PATH)
        if path:
            tools.peers[command] = path
        else:
            tools.skipped.append(f"{command}: not installed (Debian package {package})")
    return tools


def target_folder() -> Path:
    """Where cargo builds."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def build_copy(name: str, tools: Tools) -> Path | None:
    """Builds a copy of a shared tool, which stays as it is."""
    source = TOOLS / name
    if not source.is_dir():
        tools.skipped.append(f"{name}: no ../shared/tools/{name}")
        return None
    copy = tools.work / "tools" / name
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
    # A package inside of ours is its own workspace.
    manifest = copy / "Cargo.toml"
    if "[workspace]" not in manifest.read_text():
        manifest.write_text(manifest.read_text() + "\n[workspace]\n")
    target = tools.work / "tools" / "target"
    command = ["cargo", "build", "-q", "--release", "--target-dir", str(target)]
    built = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    if built.returncode != 0:
        tools.skipped.append(f"{name}: does not build: {built.stderr.strip().splitlines()[-1:]}")
        return None
    return target / "release" / name


def ours(
    tools: Tools,
    name: str,
    capture: Path,
    packets: int,
    *options: str,
    config: str = "everything",
    state: Path | None = None,
) -> Program:
    """Our program with everything on and as many workers as it takes by itself, unless
    the options say otherwise. `state` is copied for each round."""
    out = tools.work / "out"
    own_state = tools.work / "state"
    command = [str(tools.ours), "replay", str(capture), "--out", str(out)]
    command += ["--config", str(tools.config(config)), "--metrics", "127.0.0.1:0", *options]
    if state:
        command += ["--state", str(own_state)]

    def prepare() -> None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(own_state, ignore_errors=True)
        if state:
            shutil.copytree(state, own_state)

    def check() -> str | None:
        summary = json.loads((out / "summary.json").read_text())
        dropped = sum(summary["dropped"].values())
        if (summary["frames_read"], dropped) != (packets, 0):
            return f"read {summary['frames_read']} frames of {packets}, dropped {dropped}"
        return None

    return Program(name, command, prepare, check)


def floors(tools: Tools, capture: Path, *modes: str) -> list[Program]:
    """The floor in some of its modes."""
    if not tools.floor:
        return []
    return [Program(f"floor {mode}", [str(tools.floor), mode, str(capture)]) for mode in modes]


def peers(tools: Tools, capture: Path) -> list[Program]:
    """Every peer that is here, as a person would start it."""
    folder = tools.work / "peer"

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    file, into = str(capture), str(folder)
    suricata = ["-k", "none", "-S", "/dev/null", "--runmode", "single"]
    suricata += ["--set", "flow.memcap=4gb", "--set", "stream.memcap=4gb"]
    options = {
        "nfpcapd": ["-r", file, "-w", into, "-e", "300,60"],
        # To a port of this machine where nobody listens.
        "softflowd": ["-r", file, "-d", "-m", "2000000", "-v", "9", "-n", "127.0.0.1:9995"],
        "argus": ["-r", file, "-w", f"{into}/argus"],
        "tshark": ["-r", file, "-q", "-z", "conv,tcp", "-z", "conv,udp"],
        "suricata": ["-r", file, "-l", into, *suricata],
    }
    return [
        Program(name, [path, *options[name]], prepare) for name, path in tools.peers.items()
    ]
