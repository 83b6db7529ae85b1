"""Evaluates the figures: medians, the table of ratios, and the targets. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

MIB = 1024 * 1024
OTHERS = ("rclone", "rclone-tuned", "mc")
# The same number of changes may cost at most this factor in a menu that is five times as large.
PROPORTION = 1.5


@dataclass(frozen=True, slots=True)
class Target:
    """A target and its measured value. ``holds`` is None without figures."""

    what: str
    wanted: str
    measured: str
    holds: bool | None

    def as_json(self) -> dict[str, object]:
        """Returns the fields for the file of figures."""
        return asdict(self)


def middle(figures: Mapping[str, Sequence[float]], name: str) -> float:
    """Returns the median over the rounds."""
    return median(figures[name])


def beyond(figures: Mapping[str, Sequence[float]], start: Mapping[str, Sequence[float]]) -> float:
    """Returns the median of the seconds minus those of the start of a process in the same round."""
    pairs = zip(figures["wall_seconds"], start["wall_seconds"], strict=True)
    return median(wall - started for wall, started in pairs)


def table(initial: Mapping[str, Any]) -> list[str]:
    """Returns the first load as Markdown: a line per contender, the fastest first."""
    photos, contenders = initial["photos"], initial["contenders"]
    us = middle(contenders["etalase"], "wall_seconds") if "etalase" in contenders else None
    limit = middle(contenders["limit"], "wall_seconds") if "limit" in contenders else None
    lines = [
        "| | seconds | photos/s | speed, limit = 1 | Etalase is … times as fast | CPU ms a photo | peak MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, figures in sorted(contenders.items(), key=lambda item: middle(item[1], "wall_seconds")):
        wall = middle(figures, "wall_seconds")
        cells = [
            f"{wall:.2f} ({min(figures['wall_seconds']):.2f}–{max(figures['wall_seconds']):.2f})",
            f"{photos / wall:.0f}",
            "" if limit is None else f"{limit / wall:.2f}",
            "" if us is None else f"{wall / us:.2f}",
            f"{middle(figures, 'cpu_seconds') / photos * 1000:.2f}",
            f"{max(figures['peak_bytes']) / MIB:.0f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def targets(make: str, works: Mapping[str, Any]) -> list[Target]:
    """Returns each target with figures in ``works``. ``make`` is the make of object store."""
    judges = {"initial": _initial, "nothing": _nothing, "changed": _changed, "memory": _memory}
    return [target for name, judge in judges.items() if name in works for target in judge(make, works[name])]


def _initial(make: str, work: Mapping[str, Any]) -> Iterator[Target]:
    contenders = work["contenders"]
    if "etalase" not in contenders:
        return
    walls = {name: middle(figures, "wall_seconds") for name, figures in contenders.items()}
    us = walls["etalase"]
    if "limit" in contenders:
        limit = contenders["limit"]
        bare = middle(limit, "inner_seconds") / us
        share = walls["limit"] / us
        yield Target(
            "initial load", "≥ 90 % of the limit", f"{share:.0%} ({bare:.0%} without the start of its processes)", share >= 0.9
        )
        ratio = middle(contenders["etalase"], "cpu_seconds") / middle(limit, "cpu_seconds")
        own = middle(limit, "cpu_seconds") / work["photos"] * 1000
        yield Target("client CPU", "≤ 1.5 × the limit's", f"{ratio:.2f} × its {own:.2f} ms a photo", ratio <= 1.5)
    if make == "seaweedfs":
        for name, least in (("guide-10", 4.0), ("rclone", 1.7), ("rclone-tuned", 1.7)):
            if name in walls:
                times = walls[name] / us
                yield Target("initial load", f"≥ {least:g} × {name}", f"{times:.2f} ×", times >= least)
    elif any(name in walls for name in OTHERS):
        best = min((name for name in OTHERS if name in walls), key=lambda name: walls[name])
        times = walls[best] / us
        yield Target("initial load", "≥ 1.1 × the best of rclone and mc", f"{times:.2f} × {best}", times >= 1.1)


def _nothing(_make: str, work: Mapping[str, Any]) -> Iterator[Target]:
    requests = work["requests"].get("incremental")
    yield Target("nothing changed", "1 feed request", f"{requests}", requests == 1)
    for name, most in (("incremental", 0.1), ("full", 1.0)):
        seconds, django = (beyond(work[name], work[start]) for start in ("loaded", "start"))
        what = "nothing changed" if name == "incremental" else "nothing changed, full run"
        yield Target(
            what,
            f"≤ {most:g} s beyond the start of the process",
            f"{seconds:.2f} s ({django:.2f} s beyond Django alone)",
            seconds <= most,
        )


def _changed(_make: str, work: Mapping[str, Any]) -> Iterator[Target]:
    menus = sorted(work["menus"], key=int)
    small, large = (work["menus"][menu] for menu in (menus[0], menus[-1]))
    for some in map(str, work["changed"]):
        seconds = [beyond(figures[some], figures["start"]) for figures in (small, large)]
        times = seconds[1] / seconds[0]
        yield Target(
            f"{some} changed",
            f"no matter of how many (≤ {PROPORTION} ×)",
            f"{seconds[0]:.2f} s of {menus[0]}, {seconds[1]:.2f} s of {menus[-1]}: {times:.2f} ×",
            times <= PROPORTION,
        )


def _memory(_make: str, work: Mapping[str, Any]) -> Iterator[Target]:
    for figures in work.values():
        peaks = [figures[kind]["peak_bytes"] / MIB for kind in ("initial", "incremental", "full")]
        each = figures["bytes"] / figures["photos"] / 1024
        yield Target(
            f"peak memory, {figures['photos']} photos of {each:.0f} KiB",
            "≤ 150 MB",
            f"{max(peaks):.0f} MiB (first {peaks[0]:.0f}, then {peaks[1]:.0f}, full {peaks[2]:.0f})",
            max(peaks) * MIB <= 150e6,
        )


def verdicts(found: Sequence[Target]) -> list[str]:
    """Returns the targets as Markdown."""
    word = {True: "holds", False: "**does not hold**", None: "?"}
    lines = ["| work | must reach | measured | |", "|---|---|---|---|"]
    return lines + [f"| {target.what} | {target.wanted} | {target.measured} | {word[target.holds]} |" for target in found]


def page(result: Mapping[str, Any]) -> str:
    """Returns the report of a result as Markdown."""
    lines = []
    for make, works in result["stores"].items():
        lines += [f"## {make}", ""]
        if "initial" in works:
            initial = works["initial"]
            rounds = max((len(figures["wall_seconds"]) for figures in initial["contenders"].values()), default=0)
            lines += [f"{initial['photos']} photos, {initial['bytes'] / MIB:.0f} MiB, medians of {rounds} rounds:", ""]
            lines += [*table(initial), ""]
        lines += [*verdicts(targets(make, works)), ""]
    return "\n".join(lines)
