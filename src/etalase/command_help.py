"""Writes the help of ``etalase edge`` and ``etalase head-office``: a line for each command, without Django and settings."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Options that Django gives every command. They work, but an installation of Etalase's own has no use for them.
DJANGO_OPTIONS: Final = {
    "--version",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
    "--skip-checks",
}
MIGRATE: Final = "Create the tables in the database, or bring those of an earlier version up to date."
SERVERS: Final = {
    ("edge", "serve"): "Run the web server of the POS page and its API, and of the status page.",
    ("edge", "worker"): "Run the Celery worker, which executes the scheduled runs.",
    ("edge", "beat"): "Run the Celery beat, which schedules the runs: hourly, and the full run each night.",
    ("head-office", "serve"): "Run the web server of the admin and of the sync API.",
}
CELERY: Final = {
    "worker": """\
usage: etalase edge worker [-h] [--concurrency N] [--loglevel LEVEL] [OPTION ...]

{line} In the foreground; SIGTERM ends it in order.
Needs the settings of the edge, with its broker (ETALASE_BROKER_URL). One worker is enough: an edge has one run at a time.

options:
  -h, --help            show this help message and exit
  -c, --concurrency N   child processes; 1 or 2 suffice (default: one for each processor)
  -l, --loglevel LEVEL  DEBUG, INFO, WARNING or ERROR (default: WARNING)
  OPTION ...            any other option of `celery worker`, as Celery's manual lists them
""",
    "beat": """\
usage: etalase edge beat [-h] [--loglevel LEVEL] [OPTION ...]

{line}
In the foreground; SIGTERM ends it in order. Needs the settings of the edge, with its broker (ETALASE_BROKER_URL). One beat
is enough. It keeps no file: what became due while it was stopped is due at its start.

options:
  -h, --help            show this help message and exit
  -l, --loglevel LEVEL  DEBUG, INFO, WARNING or ERROR (default: WARNING)
  OPTION ...            any other option of `celery beat`, as Celery's manual lists them
""",
}


def celery_help(role: str) -> str:
    """Returns the help of ``etalase edge worker`` or ``beat``."""
    return CELERY[role].format(line=SERVERS["edge", role])


def half_help(half: str, files: Mapping[str, Path | None]) -> str:
    """Returns the help of a half, by the names to type; ``files`` has the file of each command, or None for the others."""
    lines = {name: first_sentence(_help_of(path)) if path else _line(half, name) for name, path in files.items()}
    width = max(map(len, lines)) + 2
    listed = "".join(f"  {name:<{width}}{line}\n" for name, line in lines.items())
    return f"usage: etalase {half} COMMAND ...\n\n{listed}\nEach command explains itself: etalase {half} COMMAND --help\n"


def first_sentence(text: str) -> str:
    """Returns a help text up to its first full stop, semicolon or colon, without remarks in parentheses."""
    plain = re.sub(r" \([^()]*\)", "", text)
    return re.split(r"[.;:](?:\s|$)", plain, maxsplit=1)[0] + "."


def _line(half: str, name: str) -> str:
    return SERVERS.get((half, name), MIGRATE)


def _help_of(path: Path) -> str:
    """Returns the ``help`` of the command in this file, without importing it: an import needs Django and settings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "help" for target in node.targets
        ):
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{path} has no help as text")
