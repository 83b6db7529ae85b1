"""The form of a log line: one JSON object, so that machines can read it and no value can break out of its line; no secrets."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

import msgspec

from etalase.protocol import printable, printable_json
from etalase.redaction import redacted, redacted_values

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Redaction(logging.Filter):
    """Hides the known secrets in all of a record: message, arguments, ``extra``, traceback. On a handler, or on a logger.

    ``one_line`` is for a logger of ours whose handlers are a project's: no name of a dish begins a line of its own there.
    """

    def __init__(self, *, one_line: bool = False) -> None:
        super().__init__()
        self._one_line = one_line

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, redacted in place."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit: the handler would say so, and print them
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
    """``{"at", "level", "logger", "message", ...}`` with what ``extra`` added; newlines in values are escaped by JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One line for ``record``."""
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
    """Requests that are the client's own fault: a warning without a traceback each, and so many a minute at most.

    An unknown Host, a refused form, a page that is not there: anybody can send thousands. ``suppressed`` says how many lines of
    the same logger were left out before this one.
    """

    LINES, SECONDS = 10, 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written, made quiet where a client is to blame for it."""
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
