"""Runs the works: their steps, and the raw figures that they produce."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.contenders import CONTENDERS, Contender, Cost, Turn, TurnFailed, loaded, run_programs, start, sync
from bench.parts import Edge, HeadOffice, Parts
from bench.photos import BenchPhoto, equal_photos, menu_photos, share

MIB = 1024 * 1024
LIMIT_STEPS = ("read", "write")
# 1 % of the smaller menu, and five times that number, in both menus; the larger menu has five times as many photos.
CHANGED_SHARE = 0.01
LARGER = 5
TINY_BYTES, TINY_PHOTOS = 2 * 1024, 100_000
LARGE_BYTES, LARGE_PHOTOS = 20 * MIB, 50


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a bench. ``photos`` is the size of the menu, ``names`` are the contenders."""

    photos: int
    rounds: int
    names: Sequence[str]


Work = Callable[[Parts, Options], dict[str, Any]]


def order(names: Sequence[str], turn: int) -> list[str]:
    """Returns the order of the contenders in a round, rotated so that each is first once."""
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def initial(parts: Parts, options: Options) -> dict[str, Any]:
    """Measures the first load of an empty edge. A round runs every contender once."""
    photos = menu_photos(options.photos)
    names = _present(options.names)
    result: dict[str, Any] = {"photos": len(photos), "bytes": sum(photo.size for photo in photos), "contenders": {}}
    with parts.head_office(photos) as head_office:
        for turn in range(options.rounds):
            for name in order(names, turn):
                cost = _load(CONTENDERS[name], parts, head_office, photos)
                say(f"  round {turn + 1}: {name:<9} {cost.wall_seconds:7.2f} s, {cost.cpu_seconds:6.2f} s CPU")
                _note(result["contenders"].setdefault(name, {}), cost)
    return result


def nothing(parts: Parts, options: Options) -> dict[str, Any]:
    """Measures runs without changes, incremental and full, and counts their requests."""
    photos = menu_photos(options.photos)
    result: dict[str, Any] = {"photos": len(photos), "requests": {}}
    for name in ("start", "loaded", "incremental", "full"):
        result[name] = {}
    with parts.head_office(photos) as head_office, _loaded(parts, head_office) as edge:
        for turn in range(options.rounds):
            steps = {"start": start(edge), "loaded": loaded(edge), "incremental": sync(edge), "full": sync(edge, "--full")}
            for name in order(list(steps), turn):
                _note(result[name], _checked(run_programs([steps[name]], parts.folder), fetched=0))
            say(f"  round {turn + 1}: " + ", ".join(f"{name} {result[name]['wall_seconds'][-1]:.2f} s" for name in steps))
        with head_office.counted() as (url, count_requests):
            for name, flags in (("incremental", []), ("full", ["--full"])):
                before = count_requests()
                run_programs([sync(edge, *flags, ETALASE_HO_URL=url)], parts.folder)
                result["requests"][name] = count_requests() - before
    return result


def changed(parts: Parts, options: Options) -> dict[str, Any]:
    """Measures runs after changes of photo bytes: two numbers of changes, each in a small and in a large menu."""
    few = max(1, round(options.photos * CHANGED_SHARE))
    result: dict[str, Any] = {"changed": [few, few * LARGER], "menus": {}}
    for count in (options.photos, options.photos * LARGER):
        photos = menu_photos(count)
        figures: dict[str, Any] = {"start": {}, **{str(some): {} for some in result["changed"]}}
        result["menus"][str(count)] = figures
        with parts.head_office(photos) as head_office, _loaded(parts, head_office) as edge:
            for turn in range(options.rounds):
                _note(figures["start"], run_programs([start(edge)], parts.folder))
                for some in result["changed"]:
                    now = [photo.changed() for photo in share(photos, some, turn)]
                    photos = _with(photos, now)
                    head_office.change(now)
                    _note(figures[str(some)], _checked(run_programs([sync(edge)], parts.folder), fetched=some))
                shown = ", ".join(f"{some}: {figures[str(some)]['wall_seconds'][-1]:.2f} s" for some in result["changed"])
                say(f"  round {turn + 1}: of {count} photos, changed {shown}")
    return result


def memory(parts: Parts, options: Options) -> dict[str, Any]:
    """Measures peak memory of the first load and later runs: the menu, very many small photos, some very large ones."""
    result = {}
    for name, photos in (
        ("menu", menu_photos(options.photos)),
        ("tiny", equal_photos(round(TINY_PHOTOS * options.photos / 4000), TINY_BYTES)),
        ("large", equal_photos(LARGE_PHOTOS, LARGE_BYTES)),
    ):
        with parts.head_office(photos) as head_office, parts.edge(head_office) as edge:
            figures: dict[str, Any] = {"photos": len(photos), "bytes": sum(photo.size for photo in photos)}
            for kind, flags in (("initial", []), ("incremental", []), ("full", ["--full"])):
                fetched = len(photos) if kind == "initial" else 0
                cost = _checked(run_programs([sync(edge, *flags)], parts.folder), fetched=fetched)
                figures[kind] = {"peak_bytes": cost.peak_bytes, "wall_seconds": cost.wall_seconds}
            result[name] = figures
            peaks = ", ".join(
                f"{kind} {figures[kind]['peak_bytes'] / MIB:.0f} MiB" for kind in ("initial", "incremental", "full")
            )
            say(f"  {len(photos)} photos of {figures['bytes'] / len(photos) / 1024:.0f} KiB: {peaks}")
    return result


WORKS: dict[str, Work] = {"initial": initial, "nothing": nothing, "changed": changed, "memory": memory}


def say(what: str) -> None:
    """Writes progress to stderr."""
    sys.stderr.write(what + "\n")
    sys.stderr.flush()


def _load(contender: Contender, parts: Parts, head_office: HeadOffice, photos: Sequence[BenchPhoto]) -> Cost:
    """Measures one first load by one contender. Raises :class:`TurnFailed` if objects or rows are missing."""
    with parts.edge(head_office) as edge:
        if contender.needs_products:
            edge.give_products(photos)
        cost = run_programs(contender.steps(Turn(head_office, edge, photos, parts.folder, parts.make)), parts.folder)
        expected = (len(photos), sum(photo.size for photo in photos))
        if (arrived := edge.objects()) != expected:
            raise TurnFailed(f"{contender.name}: {arrived} (objects, bytes) are in the bucket, not {expected}.")
        if contender.writes_rows and (rows := edge.rows()) != len(photos):
            raise TurnFailed(f"{contender.name}: {rows} rows, not {len(photos)}.")
        return cost


@contextmanager
def _loaded(parts: Parts, head_office: HeadOffice) -> Iterator[Edge]:
    """Yields an edge after its first load and one further run, which finishes the work that the first leaves."""
    with parts.edge(head_office) as edge:
        for _ in range(2):
            run_programs([sync(edge)], parts.folder)
        yield edge


def _checked(cost: Cost, *, fetched: int) -> Cost:
    """Returns ``cost``. Raises :class:`TurnFailed` if Etalase's report differs from the expected one."""
    if "etalase" in cost.output:
        report = json.loads(cost.output["etalase"])
        if (report["outcome"], report["fetched"]) != ("success", fetched):
            raise TurnFailed(f"Expected {fetched} photos fetched: {report}")
    return cost


def _with(photos: Sequence[BenchPhoto], now: Sequence[BenchPhoto]) -> list[BenchPhoto]:
    others = {photo.number: photo for photo in now}
    return [others.get(photo.number, photo) for photo in photos]


def _note(figures: dict[str, list[Any]], cost: Cost) -> None:
    for name in ("wall_seconds", "cpu_seconds", "peak_bytes"):
        figures.setdefault(name, []).append(getattr(cost, name))
    if LIMIT_STEPS[0] in cost.output:
        inner = [json.loads(cost.output[step]) for step in LIMIT_STEPS]
        for name in ("seconds", "cpu_seconds"):
            figures.setdefault(f"inner_{name}", []).append(sum(took[name] for took in inner))
        for step, took in zip(LIMIT_STEPS, inner, strict=True):
            figures.setdefault(f"{step}_seconds", []).append(took["seconds"])


def _present(names: Sequence[str]) -> list[str]:
    """Returns the contenders that can take part; reports the others with the reason."""
    present = []
    for name in names:
        if why := CONTENDERS[name].missing():
            say(f"  without {name}: {why}")
        else:
            present.append(name)
    return present
