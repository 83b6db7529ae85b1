"""Arguments and questions of head office's commands: paths, passwords, a typed confirmation."""

import sys
from argparse import ArgumentTypeError
from pathlib import Path

from etalase.errors import UsageError
from etalase.head_office.change_bound import Confirmation

LINE_EVERY_SECONDS = 10


def confirm(what: str, confirmation: Confirmation, answer: int | None) -> None:
    """Return where a person agreed to ``what``: by ``answer`` (``--yes N``), or by typing the number on a terminal.

    Raises :class:`UsageError` where the number is another, or where nobody can be asked.
    """
    if answer is not None:
        if answer == confirmation.number:
            return
        raise UsageError(f"Nothing was changed: --yes {answer} is another number than {confirmation.number}. {what}")
    if not confirmation.is_required:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"Nothing was changed. {what}\nLook at it with --dry-run; if it is meant, add --yes {confirmation.number}."
        )
    sys.stderr.write(f"{what}\nTo go on, type the number {confirmation.number}: ")
    sys.stderr.flush()
    if not confirmation.is_given_by(sys.stdin.readline()):
        raise UsageError("Nothing was changed: that was not the number.")


def given_path(text: str) -> Path:
    """Returns the path; for an argument. An empty one, as of a script's unset variable, would be the current folder."""
    if not text:
        raise ArgumentTypeError("the path is empty")
    return Path(text)


def password_from(path: str | None) -> str | None:
    """The first line of the file (``-``: of stdin), or None without a path. A password never stands in a command line."""
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
