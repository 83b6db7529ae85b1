"""Writes log lines: one JSON object each, without secrets, with their run and store.

No value can end its line, because JSON escapes newlines.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import Lock
from types import MappingProxyType

import msgspec

from etalase.protocol import printable, printable_json
from etalase.redaction import redacted, redacted_values

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

_fields: ContextVar[Mapping[str, object]] = ContextVar("etalase_log_fields", default=MappingProxyType({}))


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Adds ``fields`` to each log line during the context.

    Other threads add them, too, if they work in a copy of the context.
    """
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class ContextFields(logging.Filter):
    """Adds the fields of :func:`log_fields` to a record, on a handler or on a logger. A field of the record itself stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns True for every record."""
        for name, value in _fields.get().items():
            vars(record).setdefault(name, value)
        return True


class Redaction(logging.Filter):
    """Hides the known secrets in a whole record: message, arguments, ``extra``, traceback. On a handler, or on a logger.

    ``one_line`` escapes newlines in names, for an Etalase logger with the handlers of a Django project.
    """

    def __init__(self, *, one_line: bool = False) -> None:
        super().__init__()
        self._one_line = one_line

    def filter(self, record: logging.LogRecord) -> bool:
        """Redacts the record in place. Returns True for every record."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # the handler would print arguments that do not fit
            message = f"{record.msg} {record.args!r}"
        message = redacted(message)
        record.msg, record.args = printable(message) if self._one_line else message, None
        if record.exc_info:
            record.exc_text = redacted(record.exc_text or logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        for name in vars(record).keys() - _OWN:
            setattr(record, name, redacted_values(getattr(record, name)))
        return True


class JsonFormatter(logging.Formatter):
    """Writes ``{"at", "level", "logger", "message", ...}`` and the fields of ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line for ``record``."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _OWN})
        if record.exc_info:
            line["traceback"] = record.exc_text or self.formatException(record.exc_info)
        return printable_json(msgspec.json.encode(line, enc_hook=lambda value: redacted(str(value))).decode())


class ClientFaults(logging.Filter):
    """Makes client faults warnings without a traceback, and limits their number a minute.

    An unknown Host, a refused form, a missing page: any client can send thousands. ``suppressed`` is the number of lines of
    the same logger that were dropped before this one.
    """

    LINES, SECONDS = 10, 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is written; makes it a warning first if the client is at fault."""
        is_security = record.name.startswith("django.security")
        if not is_security and not (record.name == "django.request" and record.levelno < logging.ERROR):
            return True
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.exc_info = record.exc_text = None
        with self._lock:
            now = self._clock()
            since, count = self._windows.get(record.name, (now, 0))
            if now - since < self.SECONDS:
                self._windows[record.name] = since, count + 1
                return count < self.LINES
            self._windows[record.name] = now, 1
        if count > self.LINES:
            record.suppressed = count - self.LINES
        return True
