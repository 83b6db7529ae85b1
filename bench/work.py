"""The works: what is done, in which order, and the raw figures that come of it."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.contenders import CONTENDERS, Contender, Cost, Turn, TurnFailed, loaded, start, sync, take
from bench.parts import Edge, HeadOffice, Parts
from bench.photos import BenchPhoto, equal_photos, menu_photos, share

MIB = 1024 * 1024
LIMIT_STEPS = ("read", "write")
# 1 % of the smaller menu, and five times that, in a menu of 4,000 and in one five times as large.
CHANGED_SHARE = 0.01
LARGER = 5
TINY_BYTES, TINY_PHOTOS = 2 * 1024, 100_000
LARGE_BYTES, LARGE_PHOTOS = 20 * MIB, 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. ``photos`` is the size of the menu, ``names`` are the contenders."""

    photos: int
    rounds: int
    names: Sequence[str]


Work = Callable[[Parts, Plan], dict[str, Any]]


def order(names: Sequence[str], turn: int) -> list[str]:
    """The contenders' order in a round: each begins in its turn, so that nobody always follows the same one."""
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def initial(parts: Parts, plan: Plan) -> dict[str, Any]:
    """A new store: everything there is, loaded into an edge that has nothing. One round is every contender once."""
    photos = menu_photos(plan.photos)
    names = _present(plan.names)
    result: dict[str, Any] = {"photos": len(photos), "bytes": sum(photo.size for photo in photos), "contenders": {}}
    with parts.head_office(photos) as head_office:
        for turn in range(plan.rounds):
            for name in order(names, turn):
                cost = _load(CONTENDERS[name], parts, head_office, photos)
                say(f"  round {turn + 1}: {name:<9} {cost.wall_seconds:7.2f} s, {cost.cpu_seconds:6.2f} s CPU")
                _note(result["contenders"].setdefault(name, {}), cost)
    return result


def nothing(parts: Parts, plan: Plan) -> dict[str, Any]:
    """An edge that has everything runs again: hourly, and nightly with its bucket compared; and how often it asks."""
    photos = menu_photos(plan.photos)
    result: dict[str, Any] = {"photos": len(photos), "requests": {}}
    for name in ("start", "loaded", "incremental", "full"):
        result[name] = {}
    with parts.head_office(photos) as head_office, _loaded(parts, head_office) as edge:
        for turn in range(plan.rounds):
            steps = {"start": start(edge), "loaded": loaded(edge), "incremental": sync(edge), "full": sync(edge, "--full")}
            for name in order(list(steps), turn):
                _note(result[name], _checked(take([steps[name]], parts.folder), fetched=0))
            say(f"  round {turn + 1}: " + ", ".join(f"{name} {result[name]['wall_seconds'][-1]:.2f} s" for name in steps))
        with head_office.counted() as (url, asked):
            for name, options in (("incremental", []), ("full", ["--full"])):
                before = asked()
                take([sync(edge, *options, ETALASE_HO_URL=url)], parts.folder)
                result["requests"][name] = asked() - before
    return result


def changed(parts: Parts, plan: Plan) -> dict[str, Any]:
    """Some photos have new bytes: as many in a small menu as in a large one, and five times as many in both."""
    few = max(1, round(plan.photos * CHANGED_SHARE))
    result: dict[str, Any] = {"changed": [few, few * LARGER], "menus": {}}
    for count in (plan.photos, plan.photos * LARGER):
        photos = menu_photos(count)
        figures: dict[str, Any] = {"start": {}, **{str(some): {} for some in result["changed"]}}
        result["menus"][str(count)] = figures
        with parts.head_office(photos) as head_office, _loaded(parts, head_office) as edge:
            for turn in range(plan.rounds):
                _note(figures["start"], take([start(edge)], parts.folder))
                for some in result["changed"]:
                    now = [photo.changed() for photo in share(photos, some, turn)]
                    photos = _with(photos, now)
                    head_office.change(now)
                    _note(figures[str(some)], _checked(take([sync(edge)], parts.folder), fetched=some))
                shown = ", ".join(f"{some}: {figures[str(some)]['wall_seconds'][-1]:.2f} s" for some in result["changed"])
                say(f"  round {turn + 1}: of {count} photos, changed {shown}")
    return result


def memory(parts: Parts, plan: Plan) -> dict[str, Any]:
    """The peak of an initial load and of the runs after it: the menu, very many small photos, some very large ones."""
    result = {}
    for name, photos in (
        ("menu", menu_photos(plan.photos)),
        ("tiny", equal_photos(round(TINY_PHOTOS * plan.photos / 4000), TINY_BYTES)),
        ("large", equal_photos(LARGE_PHOTOS, LARGE_BYTES)),
    ):
        with parts.head_office(photos) as head_office, parts.edge(head_office) as edge:
            figures: dict[str, Any] = {"photos": len(photos), "bytes": sum(photo.size for photo in photos)}
            for kind, options in (("initial", []), ("incremental", []), ("full", ["--full"])):
                fetched = len(photos) if kind == "initial" else 0
                cost = _checked(take([sync(edge, *options)], parts.folder), fetched=fetched)
                figures[kind] = {"peak_bytes": cost.peak_bytes, "wall_seconds": cost.wall_seconds}
            result[name] = figures
            peaks = ", ".join(
                f"{kind} {figures[kind]['peak_bytes'] / MIB:.0f} MiB" for kind in ("initial", "incremental", "full")
            )
            say(f"  {len(photos)} photos of {figures['bytes'] / len(photos) / 1024:.0f} KiB: {peaks}")
    return result


WORKS: dict[str, Work] = {"initial": initial, "nothing": nothing, "changed": changed, "memory": memory}


def say(what: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(what + "\n")
    sys.stderr.flush()


def _load(contender: Contender, parts: Parts, head_office: HeadOffice, photos: Sequence[BenchPhoto]) -> Cost:
    """One initial load by one contender. Raises :class:`TurnFailed` where not all of it arrived."""
    with parts.edge(head_office) as edge:
        if contender.needs_products:
            edge.give_products(photos)
        cost = take(contender.steps(Turn(head_office, edge, photos, parts.folder, parts.make)), parts.folder)
        expected = (len(photos), sum(photo.size for photo in photos))
        if (arrived := edge.objects()) != expected:
            raise TurnFailed(f"{contender.name}: {arrived} (objects, bytes) are in the bucket, not {expected}.")
        if contender.writes_rows and (rows := edge.rows()) != len(photos):
            raise TurnFailed(f"{contender.name}: {rows} rows, not {len(photos)}.")
        return cost


@contextmanager
def _loaded(parts: Parts, head_office: HeadOffice) -> Iterator[Edge]:
    """An edge that has everything, and has run once more since: what the first run leaves to the second is done."""
    with parts.edge(head_office) as edge:
        for _ in range(2):
            take([sync(edge)], parts.folder)
        yield edge


def _checked(cost: Cost, *, fetched: int) -> Cost:
    """Raises :class:`TurnFailed` where Etalase did something else than it should have."""
    if "etalase" in cost.said:
        report = json.loads(cost.said["etalase"])
        if (report["outcome"], report["fetched"]) != ("success", fetched):
            raise TurnFailed(f"Expected {fetched} photos fetched: {report}")
    return cost


def _with(photos: Sequence[BenchPhoto], now: Sequence[BenchPhoto]) -> list[BenchPhoto]:
    others = {photo.number: photo for photo in now}
    return [others.get(photo.number, photo) for photo in photos]


def _note(figures: dict[str, list[Any]], cost: Cost) -> None:
    for name in ("wall_seconds", "cpu_seconds", "peak_bytes"):
        figures.setdefault(name, []).append(getattr(cost, name))
    if LIMIT_STEPS[0] in cost.said:
        inner = [json.loads(cost.said[step]) for step in LIMIT_STEPS]
        for name in ("seconds", "cpu_seconds"):
            figures.setdefault(f"inner_{name}", []).append(sum(took[name] for took in inner))
        for step, took in zip(LIMIT_STEPS, inner, strict=True):
            figures.setdefault(f"{step}_seconds", []).append(took["seconds"])


def _present(names: Sequence[str]) -> list[str]:
    """Who can take part; who cannot, and why, is said."""
    present = []
    for name in names:
        if why := CONTENDERS[name].missing():
            say(f"  without {name}: {why}")
        else:
            present.append(name)
    return present
