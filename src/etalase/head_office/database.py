"""Translates the database's errors for head office, and opens cursors for statements that it executes often."""

from collections.abc import Mapping
from typing import Any, Self

import django.db
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper

from etalase import other_half
from etalase.errors import DatabaseAway, DatabaseRefused
from etalase.postgres import UNDEFINED, explained, sqlstate_of


def as_database_error(error: BaseException) -> DatabaseAway:
    """Returns any database error as an error with a message and a hint for a person."""
    if sqlstate_of(error) in UNDEFINED and (wrong := other_half.problem_here(other_half.HEAD_OFFICE)):
        return DatabaseRefused(wrong, hint=other_half.HINT)
    return explained(error, whose="Head office's database", migrate="etalase head-office migrate")


def is_away(error: BaseException | None) -> bool:
    """Returns whether the database itself failed; a refused value is a fault of the input or of Etalase instead."""
    return isinstance(error, django.db.Error) and not isinstance(error, django.db.IntegrityError | django.db.DataError)


def prepare_own_sessions() -> None:
    """Allows prepared statements in each new session that is PostgreSQL's own."""
    connection_created.connect(_allow_preparing, dispatch_uid="etalase.head_office.database")


def _allow_preparing(connection: Any, **_: Any) -> None:
    """Allows them unless DATABASE_URL decides by ``prepare_threshold``.

    A pooler tells clients a pid of its own. It gives another session for each transaction, in which the statement is not
    prepared, or another statement has its name.
    """
    options = connection.settings_dict.get("OPTIONS") or {}
    if connection.alias != DEFAULT_DB_ALIAS or "prepare_threshold" in options:
        return
    session = connection.connection
    with psycopg.Cursor(session) as cursor:
        is_direct = cursor.execute("SELECT pg_backend_pid()").fetchone() == (session.info.backend_pid,)
        # PostgreSQL would plan a page anew each time, since no estimate knows how few rows it reads; that takes as long.
        if is_direct:
            cursor.execute("SET plan_cache_mode = force_generic_plan")
    session.prepare_threshold = 1 if is_direct else None


class _Prepared(psycopg.Cursor[Any]):
    """Sends values apart from the statement. Django's own cursors write them into it, and never prepare."""

    def execute(self, query: Any, params: Any = None, **_: Any) -> Self:
        return super().execute(query, params, prepare=True)


def prepared_cursor(*, reads_binary: bool = False) -> CursorWrapper:
    """Returns a cursor with which PostgreSQL plans each statement once, in a session that allows it.

    ``reads_binary`` is for many rows of numbers, which then take half the time to read.
    """
    connection.ensure_connection()
    session: Any = connection.connection
    cursor = _Prepared(session)
    cursor.format = psycopg.pq.Format.BINARY if reads_binary else psycopg.pq.Format.TEXT
    return CursorWrapper(cursor, connection)


def first_row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Returns the first row of a request's first statement; on a new connection where PostgreSQL has ended the kept one.

    So a quick request needs no statement that only examines the connection, as Django sends one (CONN_HEALTH_CHECKS).
    """
    try:
        return prepared_row(statement, values)
    except (django.db.OperationalError, django.db.InterfaceError):
        if connection.connection is None or connection.is_usable():
            raise
        connection.close()
        return prepared_row(statement, values)


def prepared_row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Returns the first row of a statement that PostgreSQL plans once, or None without one."""
    with prepared_cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def alone_in_transaction(name: str) -> bool:
    """Takes the lock ``name`` until the end of the transaction. Returns False where another process has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        (is_mine,) = cursor.fetchone()
        return bool(is_mine)
