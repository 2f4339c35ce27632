"""The figures that are promised: what is measured for each, and what it must be."""

from collections.abc import Callable
from dataclasses import dataclass

from captures import Sizes, generated, learned, mix
from measure import Series, series
from programs import Tools, floors, ours, peers

FLOW_BYTES_MAX = 200
REPLAY_BYTES_MAX = 64 << 20
LEARNED_PAIRS = 2_000


@dataclass(frozen=True)
class Row:
    """A promise and what came of it. `ok` is None where it could not be measured."""

    figure: str
    must: str
    best: str
    median: str
    ok: bool | None


def measure(tools: Tools, sizes: Sizes, rounds: int) -> dict[str, Series]:
    """Runs everything that reads a file, except the flood."""
    imix = mix(tools, "imix", sizes.packets, sizes.imix_flows)
    weeks = generated(tools, "weeks", imix.path, LEARNED_PAIRS)
    mature = learned(tools, "imix", weeks.path, "everything")
    few, some, many = (mix(tools, "small", sizes.packets, flows) for flows in sizes.small_flows)
    plans = {
        "imix": (
            imix,
            [
                *floors(tools, imix.path, "read", "read-flow", "std-flow"),
                *variants(tools, imix.path, imix.packets),
                ours(tools, "ours, learned state", imix.path, imix.packets, state=mature),
                *peers(tools, imix.path),
            ],
        ),
        "small, 1 M flows": (
            many,
            [
                *floors(tools, many.path, "read", "read-flow", "std-flow"),
                *variants(tools, many.path, many.packets),
                *peers(tools, many.path),
            ],
        ),
    }
    for name, capture in (("small, 100 k flows", some), ("small, 10 k flows", few)):
        programs = floors(tools, capture.path, "read-flow")
        programs.append(ours(tools, "ours", capture.path, capture.packets))
        path, packets = capture.path, capture.packets
        programs.append(ours(tools, "ours, sensor half", path, packets, config="sensor"))
        plans[name] = (capture, programs)
    for name in ("random", "collide"):
        capture = generated(tools, name, sizes.packets, sizes.collide_flows)
        programs = floors(tools, capture.path, "read-flow")
        programs.append(ours(tools, "ours", capture.path, capture.packets))
        plans[f"{name} keys"] = (capture, programs)
    return {
        name: series(name, capture.path, capture.packets, programs, rounds, tools.log)
        for name, (capture, programs) in plans.items()
    }


def variants(tools: Tools, path, packets: int) -> list:
    """Our program in the ways that a promise speaks of."""
    return [
        ours(tools, "ours", path, packets),
        ours(tools, "ours, 1 worker", path, packets, "--workers", "1"),
        ours(tools, "ours, 2 workers", path, packets, "--workers", "2"),
        ours(tools, "ours, 4 workers", path, packets, "--workers", "4"),
        ours(tools, "ours, --flows", path, packets, "--flows"),
        ours(tools, "ours, sensor half", path, packets, config="sensor"),
    ]


def judge(measured: dict[str, Series], sizes: Sizes) -> list[Row]:
    """A row for each promise."""
    imix, small = measured["imix"], measured["small, 1 M flows"]
    rows = []
    for variant in ("ours", "ours, --flows", "ours, learned state"):
        rows.append(speed(imix, variant, "floor read", 0.4))
        rows += [speed(imix, variant, peer, 6) for peer in ("nfpcapd", "softflowd")]
        rows += [speed(imix, variant, p, 3, "cpu_seconds") for p in ("nfpcapd", "softflowd")]
    for variant in ("ours", "ours, --flows"):
        rows.append(speed(small, variant, "floor read-flow", 0.5))
        rows += [speed(small, variant, peer, 16) for peer in ("nfpcapd", "softflowd")]
    rows.append(speed(small, "ours, 2 workers", "ours, 1 worker", 1.3))
    rows.append(speed(imix, "ours, 2 workers", "ours, 1 worker", 1.0))
    rows += [more_cpu(part) for part in (imix, small)]
    rows += [flow_memory(measured, sizes, variant) for variant in ("ours, sensor half", "ours")]
    rows.append(replay_memory(imix, sizes))
    rows.append(growth(measured))
    rows.append(collisions(measured))
    return rows


def ratio_row(
    figure: str, must: str, ratio: Callable[[str], float | None], ok: Callable[[float], bool]
) -> Row:
    """A row of the ratio of the best rounds and of the median ones; both must hold."""
    ratios = [ratio("best"), ratio("median")]
    known = [value for value in ratios if value is not None]
    if len(known) < len(ratios):
        return Row(figure, must, "–", "–", None)
    best, median = (f"{value:.2f}" for value in known)
    return Row(figure, must, best, median, all(ok(value) for value in known))


def divide(above: float | None, below: float | None) -> float | None:
    """A quotient, where both are known."""
    return above / below if above is not None and below else None


def speed(
    part: Series, program: str, other: str, least: float, quantity: str = "wall_seconds"
) -> Row:
    """How many times as fast `program` is as `other`."""
    per = "packets per CPU second" if quantity == "cpu_seconds" else "speed"

    def ratio(which: str) -> float | None:
        pick = getattr(part, which)
        return divide(pick(other, quantity), pick(program, quantity))

    figure = f"{part.name}: {per}, {program} against {other}"
    return ratio_row(figure, f"≥ {least} ×", ratio, lambda value: value >= least)


def more_cpu(part: Series) -> Row:
    """What four workers cost more than one."""

    def ratio(which: str) -> float | None:
        pick = getattr(part, which)
        one = pick("ours, 1 worker", "cpu_seconds")
        return divide(pick("ours, 4 workers", "cpu_seconds"), one)

    figure = f"{part.name}: CPU seconds, 4 workers against 1"
    return ratio_row(figure, "≤ 1.25 ×", ratio, lambda value: value <= 1.25)


def flow_memory(measured: dict[str, Series], sizes: Sizes, variant: str) -> Row:
    """Bytes that a live flow takes, from the slope between two numbers of them."""
    _, some, many = sizes.small_flows

    def slope(which: str) -> float | None:
        rss = [
            getattr(measured[name], which)(variant, "rss_bytes")
            for name in ("small, 100 k flows", "small, 1 M flows")
        ]
        return None if None in rss else (rss[1] - rss[0]) / (many - some)

    is_promised = variant == "ours, sensor half"
    must = f"≤ {FLOW_BYTES_MAX} bytes" if is_promised else "(for comparison)"
    figure = f"memory of a live flow, {variant}"
    row = ratio_row(figure, must, slope, lambda value: value <= FLOW_BYTES_MAX)
    return row if is_promised else Row(figure, must, row.best, row.median, None)


def replay_memory(imix: Series, sizes: Sizes) -> Row:
    """What a large file takes, beyond its flows."""
    bound = REPLAY_BYTES_MAX + FLOW_BYTES_MAX * sizes.imix_flows

    def mebibytes(which: str) -> float | None:
        return divide(getattr(imix, which)("ours", "rss_bytes"), float(1 << 20))

    figure = f"RSS in MiB over a file of {imix.capture.stat().st_size / 1e9:.2f} GB"
    must = f"≤ {bound / (1 << 20):.0f}"
    return ratio_row(figure, must, mebibytes, lambda value: value <= bound / (1 << 20))


def growth(measured: dict[str, Series]) -> Row:
    """Nanoseconds that a packet costs more when flows no longer fit the caches."""
    few, many = measured["small, 10 k flows"], measured["small, 1 M flows"]

    def added(which: str, program: str) -> float | None:
        walls = [getattr(part, which)(program) for part in (few, many)]
        if None in walls:
            return None
        return (walls[1] / many.packets - walls[0] / few.packets) * 1e9

    figure = "small: ns/packet added from 10 k to 1 M flows, ours against floor read-flow"
    return ratio_row(
        figure,
        "≤ 1.5 ×",
        lambda which: divide(added(which, "ours"), added(which, "floor read-flow")),
        lambda value: value <= 1.5,
    )


def collisions(measured: dict[str, Series]) -> Row:
    """Speed over keys that collide without the table's secret, against random ones."""
    hostile, plain = measured["collide keys"], measured["random keys"]

    def ratio(which: str) -> float | None:
        return divide(getattr(plain, which)("ours"), getattr(hostile, which)("ours"))

    figure = "colliding keys: speed against random keys"
    return ratio_row(figure, "≥ 0.95 ×", ratio, lambda value: value >= 0.95)


