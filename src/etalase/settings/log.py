"""The form of a log line: one JSON object, so that machines can read it and no value can break out of its line; no secrets."""

import logging
from datetime import UTC, datetime

import msgspec

from etalase.redaction import redacted, redacted_values

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Redaction(logging.Filter):
    """Hides the known secrets in all of a record: message, arguments, ``extra``, traceback. On a handler, or on a logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, redacted in place."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit: the handler would say so, and print them
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = redacted(message), None
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
        return msgspec.json.encode(line, enc_hook=lambda value: redacted(str(value))).decode()
