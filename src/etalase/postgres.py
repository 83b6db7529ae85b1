"""Explains PostgreSQL's errors, for both halves, and sets up each database session.

The SQLSTATE decides (https://www.postgresql.org/docs/current/errcodes-appendix.html), by its longest known prefix. A refused
connection has none: then its text decides, which is in English unless ``lc_messages`` is set.
"""

import codecs
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.signals import connection_created

from etalase.errors import DatabaseAway, DatabaseBusy, DatabaseRefused

# Far enough from the bounds of datetime for arithmetic, and for any time zone.
FAR_PAST: Final = datetime(1000, 1, 1)  # noqa: DTZ001 - its user adds the zone
FAR_FUTURE: Final = datetime(9000, 1, 1)  # noqa: DTZ001


# A missing table, column, type, function or schema
UNDEFINED: Final = frozenset({"42P01", "42703", "42704", "42883", "3F000"})
# A time limit of a statement or of a lock, a deadlock, and a serialization failure.
BUSY: Final = frozenset({"57014", "55P03", "40P01", "40001"})
# Columns for a table ``c`` of pg_class: whether PostgreSQL takes all writes to it, and the rules (CREATE RULE) under which it
# has neither ON CONFLICT nor RETURNING. Inserts, updates and deletions are the bits 8, 4 and 16 (PostgreSQL's CmdType); that
# function waits for a lock, so that tables are not asked for.
TAKES_WRITES: Final = "CASE WHEN c.relkind IN ('r', 'p') THEN true ELSE pg_relation_is_updatable(c.oid, false) & 28 = 28 END"
REWRITE_RULES: Final = """ARRAY(SELECT rulename::text FROM pg_rewrite WHERE ev_class = c.oid AND ev_enabled <> 'D'
             AND (ev_type IN ('2', '3') OR ev_type = '4' AND is_instead) ORDER BY 1)"""
# Encodings that have every character. SQL_ASCII keeps the bytes as they are.
TAKES_ALL: Final = frozenset({"UTF8", "SQL_ASCII"})


class _Case(NamedTuple):
    """A fault as text, with a hint. ``refuses``: PostgreSQL responds and refuses, rather than being away."""

    fault: str
    hint: str
    refuses: bool = True


_RUNS = "Check that PostgreSQL runs and that DATABASE_URL names it; nothing half done was kept."
_AWAY = _Case("does not answer", _RUNS, refuses=False)
_BUSY = _Case("takes no more connections", "Close other programs' connections, or raise max_connections.", refuses=False)
_BUSY_ROLE = _Case(
    "takes no more connections of this role",
    "Close others, or raise the role's limit (ALTER ROLE … CONNECTION LIMIT).",
    refuses=False,
)
_BUSY_DATABASE = _Case(
    "takes no more connections",
    "Close others, or raise the database's limit (ALTER DATABASE … CONNECTION LIMIT).",
    refuses=False,
)
_STARTING = _Case("is starting, stopping or recovering", "Wait until it is up; nothing half done was kept.", refuses=False)
_ADDRESS = _Case(
    "refuses this user, password or database", "Correct user, password and database in DATABASE_URL.", refuses=False
)
_NO_LOGIN = _Case(
    "refuses this user", "ALTER ROLE … LOGIN, and look at its VALID UNTIL; or name another role in DATABASE_URL.", refuses=False
)
_HBA = _Case(
    "refuses connections from this machine by pg_hba.conf",
    "Allow role, database and address in pg_hba.conf and reload PostgreSQL; or correct them in DATABASE_URL.",
    refuses=False,
)
_CLOSED = _Case(
    "takes no connections now",
    "ALTER DATABASE … ALLOW_CONNECTIONS true; a database that PostgreSQL calls invalid is dropped and restored.",
    refuses=False,
)
_OTHER_PROGRAM = _Case(
    "is not what answers", "Another program listens there: correct address and port in DATABASE_URL.", refuses=False
)
_OPTIONS = _Case(
    "cannot be connected to in this way",
    "Correct the options after «?» in DATABASE_URL, or the settings of the role.",
    refuses=False,
)
_OURS = "If it happens again, this is a defect of Etalase: please report it, with the log."
IN_UTF8: Final = "It is not in UTF-8: dump it, create it anew with ENCODING 'UTF8' TEMPLATE template0, and restore it."
_TABLES = _Case(
    "lacks Etalase's tables, or has them older than this version needs",
    "Run `{migrate}`. If that was done, the role's search_path leads elsewhere.",
)
_TOO_LONG = _Case(
    "stopped a statement that took too long",
    "Raise statement_timeout or lock_timeout for the role in DATABASE_URL where they are short (SHOW statement_timeout); else"
    " look for what blocks it (pg_locks).",
)
_DAMAGED = _Case(
    "has damaged files", "Stop writing to it and restore it from a backup; PostgreSQL's log says which are damaged."
)

_BY_STATE: dict[str, _Case] = {
    "08": _AWAY,
    "57P": _Case("closed the connection", "It was restarted, or a person ended the connection. " + _RUNS, refuses=False),
    "57P03": _STARTING,
    "57P04": _ADDRESS,  # the database was dropped
    "25P03": _Case("closed the connection", "Raise idle_in_transaction_session_timeout for the role.", refuses=False),
    "25P04": _Case("closed the connection", "Raise transaction_timeout for the role.", refuses=False),
    "28": _ADDRESS,
    "3D": _ADDRESS,
    "53300": _BUSY,
    "53100": _Case("has no room on its disk", "Make room there. The present photos are still shown."),
    "53": _Case("has no memory or other resources left", "Give PostgreSQL's machine more, or lower its load."),
    "25006": _Case(
        "is read-only",
        "It is a standby, or default_transaction_read_only is on, as hosts set it when a disk is full: name the primary in "
        "DATABASE_URL, or make room and switch it off.",
    ),
    "42501": _Case(
        "does not allow this to the role in DATABASE_URL", "GRANT it ALL on Etalase's tables, or make it their owner."
    ),
    "42P01": _TABLES,
    "42703": _TABLES,
    "42704": _TABLES,
    "42883": _TABLES,
    "3F": _TABLES,
    "57014": _TOO_LONG,
    "55P03": _TOO_LONG,
    "40": _Case("aborted the transaction in favour of another session", "Try again; nothing half done was kept."),
    "22": _Case("does not take a value", _OURS),
    "22P05": _Case("lacks a character that head office uses", IN_UTF8),
    "23": _Case("does not take a value", _OURS),
    "58": _Case("cannot read or write its files", "Look into its disk and its log."),
    "XX": _Case(
        "met an internal error",
        "PostgreSQL's log says more. If it happens again, report it to the maker of the extension or function that it names.",
    ),
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
# For a refused connection, before a session exists.
_BY_TEXT: dict[str, _Case] = {
    "too many clients": _BUSY,
    "too many connections for role": _BUSY_ROLE,
    "too many connections for database": _BUSY_DATABASE,
    "too many connections": _BUSY,
    "remaining connection slots": _BUSY,
    "is starting up": _STARTING,
    "is shutting down": _STARTING,
    "in recovery": _STARTING,
    "not yet accepting connections": _STARTING,
    "not accepting connections": _STARTING,
    "not currently accepting connections": _CLOSED,
    "invalid database": _CLOSED,
    "received invalid response": _OTHER_PROGRAM,
    "expected authentication request": _OTHER_PROGRAM,
    "unrecognized configuration parameter": _OPTIONS,
    "invalid value for parameter": _OPTIONS,
    "invalid connection option": _OPTIONS,
    "invalid sslmode": _OPTIONS,
    "SSL was required": _OPTIONS,
    "certificate": _OPTIONS,
    "SSL error": _OPTIONS,
    "authentication failed": _ADDRESS,
    "no password supplied": _ADDRESS,
    "pg_hba.conf": _HBA,
    "does not exist": _ADDRESS,
    "not permitted to log in": _NO_LOGIN,
    "permission denied for database": _ADDRESS,
}


def explained(error: BaseException, *, whose: str, migrate: str) -> DatabaseAway:
    """Explains Django's or psycopg's ``error``. ``whose`` names the database in the sentence; ``migrate`` is a command."""
    state = sqlstate_of(error)
    text = str(error).strip().split("\n")[0] or type(error).__name__
    case = _case(state, text, type(error).__name__)
    shown = f"{text} ({state})" if state else text
    message, hint = f"{whose} {case.fault}: {shown}.", case.hint.format(migrate=migrate)
    if state in BUSY:
        return DatabaseBusy(message, hint=hint, state=state, detail=shown)
    return (DatabaseRefused if case.refuses else DatabaseAway)(message, hint=hint)


def sqlstate_of(error: BaseException) -> str:
    """Returns the SQLSTATE of Django's or a driver's ``error``, or an empty text. psycopg2 calls it ``pgcode``."""
    sources = (error, error.__cause__)
    return next((str(state) for one in sources for name in ("sqlstate", "pgcode") if (state := getattr(one, name, None))), "")


def _case(state: str, text: str, kind: str) -> _Case:
    for length in range(len(state), 1, -1):
        if found := _BY_STATE.get(state[:length]):
            return found
    if not state and (known := next((case for part, case in _BY_TEXT.items() if part in text), None)):
        return known
    return _AWAY if not state and kind in {"OperationalError", "InterfaceError"} else _Case("refused a statement", _OURS)


def pin_sessions() -> None:
    """Sets the form of dates and intervals of each new session to the one that psycopg reads, against role and database.

    Also makes every time readable. Django itself sets the time zone and the encoding.
    """
    connection_created.connect(_pin, dispatch_uid="etalase.postgres")


def _pin(connection: Any, **_: Any) -> None:
    if connection.alias != DEFAULT_DB_ALIAS or connection.vendor != "postgresql":
        return
    from django.db.backends.postgresql.psycopg_any import is_psycopg3  # only where there is a driver of PostgreSQL

    if is_psycopg3:
        from psycopg.postgres import types
        from psycopg.pq import Format

        adapters = connection.connection.adapters
        adapters.register_loader("timestamptz", _bounded(adapters.get_loader(types["timestamptz"].oid, Format.TEXT)))
    parameter = connection.connection.info.parameter_status
    # Only if needed, because it is a round trip.
    if not (parameter("DateStyle") or "").startswith("ISO") or parameter("IntervalStyle") != "postgres":
        with connection.cursor() as cursor:
            cursor.execute("SET DateStyle = ISO; SET IntervalStyle = postgres")


def _bounded(loader: type[Any]) -> type[Any]:
    """Returns a loader that reads a time outside of datetime, such as ``infinity``, as its bound.

    The bounds are :data:`FAR_PAST` and :data:`FAR_FUTURE`. Otherwise one such value would make its row unreadable.
    """

    from psycopg import DataError

    class Bounded(loader):
        def load(self, data: Any) -> datetime:
            """Returns the time, or the bound beyond which it is."""
            try:
                moment: datetime = super().load(data)
            except DataError:
                text = bytes(data)
                bound = FAR_PAST if text.startswith(b"-") or text.endswith(b"BC") else FAR_FUTURE
                moment = bound.replace(tzinfo=self.timezone)  # of Django's own loader
            return moment

    return Bounded


def storable(value: Any) -> Any:
    """Returns ``value`` with the characters escaped that no text in the database may have.

    These are NUL, half a surrogate pair, and what the database's encoding lacks.
    """
    match value:
        case str():
            codec = _codec()
            return value.replace("\0", "\\x00").encode(codec, "backslashreplace").decode(codec)
        case dict():
            return {storable(name): storable(one) for name, one in value.items()}
        case list():
            return [storable(one) for one in value]
        case _:
            return value


def takes(text: str) -> bool:
    """Returns whether the database's encoding has each character of ``text``."""
    try:
        text.encode(_codec())
    except UnicodeEncodeError:
        return False
    return True


def _codec() -> str:
    """Returns Python's name of the database's encoding: ASCII, which each includes, for one that Python does not know."""
    connection.ensure_connection()
    encoding = connection.connection.info.parameter_status("server_encoding")
    if encoding in TAKES_ALL:
        return "utf-8"
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "ascii"
