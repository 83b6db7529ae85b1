"""Reads the last lines of the logs: of the files that a setting names, and of systemd's journal."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from etalase.settings.reading import PREFIX

MAX_LINES, MAX_BYTES = 1000, 512 * 1024
JOURNAL_SECONDS = 10
# The object store writes a line for each request, which would leave no line of the others.
JOURNALS = {
    "journal.log": ("etalase.service", "etalase-[!s]*"),
    "journal-object-store.log": ("etalase-s*",),
}
NONE = (
    "No log is known here: systemd's journal shows this user no unit named etalase*, and ETALASE_LOG_FILES names no file. Where"
    " the logs of web server, worker and beat are elsewhere (a container's engine, a supervisor), add their last lines by hand."
)


def logs(patterns: Sequence[str]) -> dict[str, str]:
    """Returns the last lines of each log by the name of its file in the bundle, and of the journal."""
    found: dict[str, str] = {}
    for number, path in enumerate(sorted({path for pattern in patterns for path in _matching(pattern)}), 1):
        found[f"logs/{number}-{path.stem}.log"] = f"# {path}\n{tail(path)}"
    for name, units in JOURNALS.items():
        if journal := _journal(units):
            found[f"logs/{name}"] = journal
    return found or {"logs/none.txt": NONE}


def named_without_settings() -> list[str]:
    """Returns the log files that the environment or the project names, where another setting is not valid."""
    from django.conf import settings

    own = getattr(settings, "ETALASE", None)
    named = own.get("LOG_FILES") if isinstance(own, dict) else os.environ.get(f"{PREFIX}LOG_FILES")
    names = named.split(",") if isinstance(named, str) else named if isinstance(named, list | tuple) else []
    return [name.strip() for name in names if isinstance(name, str) and name.strip()]


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    return sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)) if path.anchor else pattern))


def tail(path: Path) -> str:
    """Returns the last lines of a file. The first, cut one is left out: it may begin in the middle of a secret."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MAX_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    lines = text.splitlines()[1 if size > MAX_BYTES else 0 :]
    return "\n".join(lines[-MAX_LINES:])


def _journal(units: Sequence[str]) -> str:
    program = shutil.which("journalctl")
    if program is None:
        return ""
    command = [program, "--no-pager", "--quiet", "--output=short-iso", f"--lines={MAX_LINES}"]
    command += [f"--unit={unit}" for unit in units]
    try:
        done = subprocess.run(command, capture_output=True, timeout=JOURNAL_SECONDS, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"journalctl failed: {error}"
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
