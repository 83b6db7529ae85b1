"""Where the time of one initial load goes: py-spy samples every thread of a real run."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.contenders import TurnFailed, sync
from bench.parts import Parts
from bench.photos import menu_photos

SAMPLES_PER_SECOND = 250
SHOWN = 30
LEADER = "_run (etalase/edge/sync/run.py"
WORKER = "etalase-fetch"


def profile(parts: Parts, photos: int, folder: Path) -> str:
    """Two loads, one sampled where it computes, one also where it waits; the sampled stacks stay in ``folder``."""
    said = []
    menu = menu_photos(photos)
    with parts.head_office(menu) as head_office:
        for kind, options in (("computing", []), ("waiting", ["--idle"])):
            stacks = folder / f"{kind}.folded"
            with parts.edge(head_office) as edge:
                step = sync(edge)
                spy: list[str | Path] = [
                    Path(sys.executable).with_name("py-spy"),
                    "record",
                    "--format",
                    "raw",
                    "--threads",
                    "--nolineno",
                ]
                spy += ["--rate", str(SAMPLES_PER_SECOND), "--output", stacks, *options, "--"]
                done = subprocess.run([*spy, *step.argv], env=dict(step.env), capture_output=True, text=True, check=False)
            if done.returncode or not stacks.exists():
                raise TurnFailed(f"py-spy ended with {done.returncode}:\n{done.stderr[-2000:]}")
            said += [
                f"# {kind}: {os.path.relpath(stacks)}",
                *tell(stacks.read_text().splitlines(), waiting=kind == "waiting"),
                "",
            ]
    return "\n".join(said)


def tell(folded: Iterable[str], *, waiting: bool) -> list[str]:
    """The folded stacks of py-spy in words: seconds by phase where they include waiting, else seconds by function."""
    stacks = [(stack.split(";"), int(count)) for stack, _, count in (line.rpartition(" ") for line in folded)]
    total = sum(count for _, count in stacks)
    if waiting:
        return _lines("phases of the run's own thread", phases(stacks), total)
    return [
        *_lines("in the function itself", Counter(own for frames, count in stacks for own in [frames[-1]] * count), total),
        *_lines(
            "in the function and what it calls",
            Counter(frame for frames, count in stacks for frame in set(frames[1:]) for _ in range(count)),
            total,
        ),
    ]


def phases(stacks: Iterable[tuple[list[str], int]]) -> Counter[str]:
    """Samples of the run's leading thread, by what ``_run`` was in at the time; what is before and after it by itself."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        if not frames[0].startswith("thread") or "MainThread" in frames[0]:
            led = next((place for place, frame in enumerate(frames) if frame.startswith("_run (")), None)
            found["start and end of the process" if led is None else (frames[led + 1 :] or ["_run itself"])[0]] += count
    return found


def _lines(title: str, counted: Mapping[str, int], total: int) -> list[str]:
    lines = [f"{title}:"]
    for name, count in Counter(counted).most_common(SHOWN):
        lines.append(f"  {count / SAMPLES_PER_SECOND:7.2f} s  {count / max(total, 1):5.1%}  {name}")
    return lines
