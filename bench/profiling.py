"""Where the time of an initial load goes: py-spy samples the threads of a real run."""

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

# The frames from the thread downwards, and in how many samples they were seen.
Stack = tuple[list[str], int]


def profile(parts: Parts, photos: int, folder: Path) -> str:
    """Two loads, one sampled while Python code runs, one all the time; the sampled stacks stay in ``folder``."""
    said = []
    menu = menu_photos(photos)
    with parts.head_office(menu) as head_office:
        for kind, option, tell in (("python", "--gil", tell_python), ("elapsed", "--idle", tell_elapsed)):
            stacks = folder / f"{kind}.folded"
            with parts.edge(head_office) as edge:
                step = sync(edge)
                spy: list[str | Path] = [Path(sys.executable).with_name("py-spy"), "record", "--format", "raw", "--threads"]
                spy += ["--nolineno", option, "--rate", str(SAMPLES_PER_SECOND), "--output", stacks, "--"]
                done = subprocess.run([*spy, *step.argv], env=dict(step.env), capture_output=True, text=True, check=False)
            if done.returncode or not stacks.exists():
                raise TurnFailed(f"py-spy ended with {done.returncode}:\n{done.stderr[-2000:]}")
            said += [f"# {kind} ({os.path.relpath(stacks)})", *tell(_stacks(stacks.read_text().splitlines())), ""]
    return "\n".join(said)


def tell_python(stacks: Sequence[Stack]) -> list[str]:
    """Seconds in which Python code ran, with the interpreter's lock, by function."""
    own, whole = Counter[str](), Counter[str]()
    for frames, count in stacks:
        own[frames[-1]] += count
        for frame in set(frames[1:]):
            whole[frame] += count
    total = own.total()
    return [*_lines("in the function itself", own, total), *_lines("in the function and what it calls", whole, total)]


def tell_elapsed(stacks: Sequence[Stack]) -> list[str]:
    """Seconds that passed: of the run's own thread by phase, of its workers together by where they were."""
    led, workers = phases(stacks), Counter[str]()
    for frames, count in stacks:
        if WORKER in frames[0]:
            workers[frames[-1]] += count
    return [*_lines("the run's own thread", led, led.total()), *_lines("its workers together", workers, workers.total())]


def phases(stacks: Iterable[Stack]) -> Counter[str]:
    """Samples of the run's leading thread, by what ``_run`` was in at the time; what is before and after it by itself."""
    found: Counter[str] = Counter()
    for frames, count in stacks:
        if MAIN in frames[0]:
            led = next((place for place, frame in enumerate(frames) if frame.startswith("_run (")), None)
            found["start and end of the process" if led is None else (frames[led + 1 :] or ["_run itself"])[0]] += count
    return found


def _stacks(folded: Iterable[str]) -> list[Stack]:
    """Of py-spy's lines: frames with «;» between them, a blank, a number."""
    return [(stack.split(";"), int(count)) for stack, _, count in (line.rpartition(" ") for line in folded)]


def _lines(title: str, counted: Counter[str], total: int) -> list[str]:
    shown = counted.most_common(SHOWN)
    return [
        f"{title}:",
        *(f"  {count / SAMPLES_PER_SECOND:7.2f} s  {count / max(total, 1):5.1%}  {name}" for name, count in shown),
    ]
