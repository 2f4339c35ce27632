"""A flood of invented sources with a real upload inside: bounded, told, exact."""

import json
import shutil

from captures import FLOOD_START_SECONDS, Capture, Sizes, generated, learned, site
from figures import Row, divide, ratio_row
from measure import Series, series
from programs import Tools, ours

# So many sources fill the table as well, in a run that is short.
FEWER = 5


def measure(tools: Tools, sizes: Sizes, rounds: int) -> tuple[dict[str, Series], list[str]]:
    """Replays the flood and a fifth of it after three learned weeks. Returns the runs, and
    what was wrong with the results of the last one."""
    state = learned(tools, "site", site(tools), "flood")
    parts = {}
    for name, sources in (("part", sizes.flood_sources // FEWER), ("flood", sizes.flood_sources)):
        capture = generated(tools, "flood", sources, FLOOD_START_SECONDS)
        program = ours(
            tools,
            "ours",
            capture.path,
            capture.packets,
            "--transfers",
            config="flood",
            state=state,
        )
        title = f"flood of {sources:,} sources"
        one = [program]
        parts[name] = series(title, capture.path, capture.packets, one, rounds, tools.log)
    return parts, complaints(tools, capture)


def complaints(tools: Tools, flood: Capture) -> list[str]:
    """What the results of the last replay do not say of the upload, and should."""
    out = tools.work / "out"
    asset, peer = flood.truth["asset"], flood.truth["peer"]
    leaked = flood.truth["leak_bytes"]
    alerts = lines(out / "alerts.jsonl")
    found = []
    if not any(alert["asset_ip"] == asset and alert["event"] == "open" for alert in alerts):
        found.append(f"no alert on {asset}")
    moved = [row for row in lines(out / "transfers.jsonl") if peer in json.dumps(row)]
    told = sum(row["bytes"] for row in moved)
    if told != leaked:
        found.append(f"transfers to {peer} say {told} bytes, {leaked} were sent")
    summary = json.loads((out / "summary.json").read_text())
    exported = sum(summary["export_bytes"].values())
    if exported != leaked:
        found.append(f"the summary says {exported} bytes of exports, {leaked} were sent")
    shutil.copy(out / "summary.json", tools.work / "flood-summary.json")
    return found


def lines(path) -> list[dict]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def judge(parts: dict[str, Series], found: list[str], normal: Series) -> list[Row]:
    """Rows of the flood. `normal` is the mix whose speed it is held against."""
    flood, part = parts["flood"], parts["part"]

    def cost(which: str) -> float | None:
        flooded = divide(getattr(flood, which)("ours"), flood.packets)
        return divide(flooded, divide(getattr(normal, which)("ours"), normal.packets))

    def memory(which: str) -> float | None:
        pick = [getattr(one, which)("ours", "rss_bytes") for one in (flood, part)]
        return divide(*pick)

    ran = flood.best("ours") is not None
    told = "; ".join(found) or "alerted, exact"
    return [
        ratio_row(
            f"flood: RSS against that of {1 / FEWER:.0%} of it, when the table is full",
            "≤ 1.05 ×",
            memory,
            lambda value: value <= 1.05,
        ),
        ratio_row(
            f"flood: ns/packet against {normal.name}", "≤ 2 ×", cost, lambda value: value <= 2
        ),
        Row("flood: the upload of 300 MB inside", "alerted, exact", told, "", not found)
        if ran
        else Row("flood: the upload of 300 MB inside", "alerted, exact", "–", "", None),
    ]
