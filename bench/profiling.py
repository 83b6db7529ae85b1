"""Profiles a first load: py-spy samples the threads of a real run."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.contenders import TurnFailed, sync
from bench.parts import Parts
from bench.photos import menu_photos

SAMPLES_PER_SECOND = 250
SHOWN = 30
MAIN, WORKER = "MainThread", "etalase-fetch"

# The frames, from the thread downwards, and the number of their samples.
Stack = tuple[list[str], int]


def profile(parts: Parts, photos: int, folder: Path) -> str:
    """Profiles two loads: CPU time of Python code, and elapsed time. Returns the report; stacks are stored in ``folder``."""
    report = []
    menu = menu_photos(photos)
    with parts.head_office(menu) as head_office:
        for kind, option, describe in (("python", "--gil", cpu_report), ("elapsed", "--idle", elapsed_report)):
            stacks = folder / f"{kind}.folded"
            with parts.edge(head_office) as edge:
                step = sync(edge)
                spy: list[str | Path] = [Path(sys.executable).with_name("py-spy"), "record", "--format", "raw", "--threads"]
                spy += ["--nolineno", option, "--rate", str(SAMPLES_PER_SECOND), "--output", stacks, "--"]
                done = subprocess.run([*spy, *step.argv], env=dict(step.env), capture_output=True, text=True, check=False)
            if done.returncode or not stacks.exists():
                raise TurnFailed(f"py-spy ended with {done.returncode}:\n{done.stderr[-2000:]}")
            report += [f"# {kind} ({os.path.relpath(stacks)})", *describe(_stacks(stacks.read_text().splitlines())), ""]
    return "\n".join(report)


def cpu_report(stacks: Sequence[Stack]) -> list[str]:
    """Returns the seconds with the interpreter's lock, by function."""
    own, whole = Counter[str](), Counter[str]()
    for frames, count in stacks:
        own[frames[-1]] += count
        for frame in set(frames[1:]):
            whole[frame] += count
    total = own.total()
    return [*_lines("in the function itself", own, total), *_lines("in the function and what it calls", whole, total)]


def elapsed_report(stacks: Sequence[Stack]) -> list[str]:
    """Returns the elapsed seconds: of the main thread by phase, of the workers together by function."""
    led, workers = phases(stacks), Counter[str]()
    for frames, count in stacks:
        if WORKER in frames[0]:
            workers[frames[-1]] += count
    return [*_lines("the run's own thread", led, led.total()), *_lines("its workers together", workers, workers.total())]


def phases(stacks: Iterable[Stack]) -> Counter[str]:
    """Returns the samples of the main thread by the function that ``_run`` called; those outside it are counted apart."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        if MAIN in frames[0]:
            led = next((place for place, frame in enumerate(frames) if frame.startswith("_run (")), None)
            found["start and end of the process" if led is None else (frames[led + 1 :] or ["_run itself"])[0]] += count
    return found


def _stacks(folded: Iterable[str]) -> list[Stack]:
    """Parses py-spy's lines: frames separated by «;», a space, a number."""
    return [(stack.split(";"), int(count)) for stack, _, count in (line.rpartition(" ") for line in folded)]


def _lines(title: str, counted: Counter[str], total: int) -> list[str]:
    shown = counted.most_common(SHOWN)
    return [
        f"{title}:",
        *(f"  {count / SAMPLES_PER_SECOND:7.2f} s  {count / max(total, 1):5.1%}  {name}" for name, count in shown),
    ]
