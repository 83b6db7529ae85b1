"""The form of a log line: one JSON object, so that machines can read it and no value can break out of its line."""

import logging
from datetime import UTC, datetime

import msgspec

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()
