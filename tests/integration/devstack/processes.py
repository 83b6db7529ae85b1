"""Processes that start services, to be killed by a test."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path

PYTHON = sys.executable


def eventually(condition: Callable[[], bool], within_seconds: float) -> bool:
    """Returns whether ``condition`` became true within the time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pids: Iterable[int]) -> list[int]:
    """Returns the processes that still run; a zombie does not."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            running.append(pid)
    return running


def start_starter(program: str, *arguments: object) -> "subprocess.Popen[str]":
    """Starts a Python process that runs ``program``, prints ``ready`` and sleeps."""
    text = textwrap.dedent(program) + "\nprint('ready', flush=True)\nimport time\ntime.sleep(600)\n"
    starter = subprocess.Popen([PYTHON, "-c", text, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    line = starter.stdout.readline()
    if line != "ready\n":
        kill(starter)
    assert line == "ready\n"
    return starter


def kill(starter: "subprocess.Popen[str]") -> None:
    """Kills the starter with SIGKILL and waits for its end."""
    starter.kill()
    starter.communicate()
