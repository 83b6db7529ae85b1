"""Guards the output of commands: no secret, and no character that a terminal takes for a command (hazard 51)."""

import io
import json
import os
import re
import sys
import traceback
from types import TracebackType
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, OutputWrapper

from etalase.protocol import printable, printable_json
from etalase.redaction import redacted, redacted_values

# The status that shells report for a process whose reader ended: 128 and the number of SIGPIPE.
CLOSED_PIPE: Final = 141
# Django's styles (ECMA-48, SGR), which it writes on a terminal only. None of them hides a text or moves the cursor.
_STYLE = re.compile("(\x1b\\[[0-9;]*m)")
_LINES = re.compile("([\n\t])")


def end_quietly() -> NoReturn:
    """Ends the process after its reader has: ``photos_status | head`` needs no traceback, also not while Python ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(CLOSED_PIPE)


class GuardedStream(io.TextIOBase):
    """A stream of a command. Makes the names printable that a sentence has not made printable itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes ``text`` with secrets hidden and control characters escaped."""
        written: int = self._stream.write(terminal_safe(text, styled=self.isatty()))
        return written

    def isatty(self) -> bool:
        """Returns whether the stream is a terminal."""
        return bool(getattr(self._stream, "isatty", bool)())

    def flush(self) -> None:
        """Flushes the stream itself."""
        getattr(self._stream, "flush", bool)()


def guard(command: BaseCommand) -> None:
    """Lets ``command`` write through :class:`GuardedStream`."""
    for name in ("stdout", "stderr"):
        output: Any = getattr(command, name)
        stream: Any = GuardedStream(output._out)  # noqa: SLF001 - the only way to the stream
        guarded = OutputWrapper(stream, output.ending)
        guarded.style_func = output.style_func
        setattr(command, name, guarded)


def as_json(result: Any) -> str:
    """Returns ``result`` as one line of JSON that is safe on a terminal."""
    return printable_json(json.dumps(redacted_values(result), ensure_ascii=False, default=str))


def terminal_safe(text: str, *, styled: bool = False) -> str:
    """Returns ``text`` without secrets and control characters, line by line. ``styled``: Django's colours stay."""
    parts = _STYLE.split(redacted(text)) if styled else [redacted(text)]
    # With one group, each second part is the separator itself.
    return "".join(part if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(part if number % 2 else printable(part) for number, part in enumerate(_LINES.split(text)))


def show_uncaught_without_secrets() -> None:
    """Hides secrets in a traceback that ends the process: a library's error may quote the address of the database."""

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(terminal_safe("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = excepthook
