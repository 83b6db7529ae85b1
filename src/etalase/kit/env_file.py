"""Writes and reads the file of settings that systemd (EnvironmentFile=) and a shell (``. FILE``) understand alike. Pure.

systemd.exec(5) and POSIX shells agree on values in single quotes: every character in them is itself.
"""

import re
import shlex
from collections.abc import Mapping

from etalase.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def render(settings: Mapping[str, str], *, about: str) -> str:
    """Returns the text of the file: the lines of ``about`` as comments, then a line for each setting."""
    head = [f"# {line}".rstrip() for line in about.splitlines()]
    return "\n".join([*head, *(f"{name}={quoted(value)}" for name, value in settings.items())]) + "\n"


def quoted(value: str) -> str:
    """Returns ``value`` as both read it. Raises :class:`UsageError` for a value that no line can hold."""
    if not value.isprintable():
        raise UsageError("A value has a line break, or another character that a settings file cannot hold.")
    return shlex.quote(value) if value else ""


def parse(text: str, *, name: str) -> dict[str, str]:
    """Returns the settings of a file ``name``. Raises :class:`UsageError` with the number of a line that is not one.

    Unlike in a shell, a value without quotes may contain spaces: systemd reads it so.
    """
    settings = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        key, equals, value = stripped.removeprefix("export ").partition("=")
        if not equals or not _NAME.fullmatch(key.strip()):
            raise UsageError(f"{name}, line {number}, is not of the form NAME=VALUE.")
        try:
            settings[key.strip()] = "".join(shlex.split(value)) if value[:1] in {"'", '"'} else value.strip().replace("\\", "")
        except ValueError as error:
            raise UsageError(f"{name}, line {number}: a quotation is not closed.") from error
    return settings
