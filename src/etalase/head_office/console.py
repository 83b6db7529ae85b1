"""Reads paths, passwords and a typed confirmation for head office's commands."""

import sys
from argparse import ArgumentTypeError
from pathlib import Path

from etalase.errors import UsageError
from etalase.head_office.change_bound import Confirmation

LINE_EVERY_SECONDS = 10


def confirm(what: str, confirmation: Confirmation, given: int | None) -> None:
    """Returns if a person confirmed ``what``: by ``given`` (``--yes N``), or by the number typed on a terminal.

    Raises :class:`UsageError` for another number, or without a terminal.
    """
    if given is not None:
        if given == confirmation.number:
            return
        raise UsageError(f"Nothing was changed: --yes {given} is another number than {confirmation.number}. {what}")
    if not confirmation.is_required:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"Nothing was changed. {what}\nLook at it with --dry-run; if it is meant, add --yes {confirmation.number}."
        )
    sys.stderr.write(f"{what}\nTo continue, type the number {confirmation.number}: ")
    sys.stderr.flush()
    if not confirmation.is_given_by(sys.stdin.readline()):
        raise UsageError("Nothing was changed: that was not the number.")


def given_path(text: str) -> Path:
    """Returns the path; for an argument. Refuses an empty one, which would mean the current folder."""
    if not text:
        raise ArgumentTypeError("the path is empty")
    return Path(text)


def password_from(path: str | None) -> str | None:
    """Returns the first line of the file (``-``: stdin), or None without a path. Command lines must not hold passwords."""
    if path is None:
        return None
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The password file {path} cannot be read: {error}.") from error
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise UsageError(f"The password file {path} is empty.")
    return password
