"""Translates the database's errors for head office, and opens cursors for statements that it executes often."""

from collections.abc import Mapping
from typing import Any

import django.db
import psycopg
from django.db import connection
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


def prepared_cursor() -> CursorWrapper:
    """Returns a cursor that sends values apart from the statement, so that PostgreSQL plans a frequent statement once.

    The option ``prepare_threshold`` of the connection says from which execution on. Django's own cursors write values into it.
    """
    connection.ensure_connection()
    session: Any = connection.connection
    return CursorWrapper(psycopg.Cursor(session), connection)


def first_row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Returns the first row of a request's first statement; on a new connection where PostgreSQL has ended the kept one.

    So a quick request needs no statement that only examines the connection, as Django sends one (CONN_HEALTH_CHECKS).
    """
    try:
        return _first_row(statement, values)
    except (django.db.OperationalError, django.db.InterfaceError):
        if connection.connection is None or connection.is_usable():
            raise
        connection.close()
        return _first_row(statement, values)


def _first_row(statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    with prepared_cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
