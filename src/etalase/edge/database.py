"""Translates the database's errors for the whole edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django.db
from django.db import connection

from etalase import other_half
from etalase.edge.command_names import as_typed
from etalase.edge.row_refusals import row_refusal
from etalase.errors import DatabaseAway, DatabaseRefused
from etalase.postgres import UNDEFINED, explained, sqlstate_of


@contextmanager
def cursor() -> Iterator[Any]:
    """Yields a cursor of Django's connection. Raises :class:`DatabaseAway`, as :func:`translated` does."""
    with translated(), connection.cursor() as open_cursor:
        yield open_cursor


def database_name() -> str:
    """Returns host, port and name of the database, which tell two databases apart on this machine."""
    return "{HOST}:{PORT}/{NAME}".format_map(connection.settings_dict)


def is_behind_pooler() -> bool:
    """Returns whether the session is not the one of PostgreSQL that was connected to (hazard 59)."""
    with cursor() as db:
        db.execute("SELECT pg_backend_pid()")
        return bool(db.fetchone()[0] != db.connection.info.backend_pid)


@contextmanager
def translated() -> Iterator[None]:
    """Raises :class:`DatabaseAway` or a subclass in place of Django's database errors."""
    try:
        yield
    # A database in SQL_ASCII may hold bytes that are not UTF-8.
    except (django.db.Error, UnicodeDecodeError) as error:
        raise as_database_error(error) from error


def as_database_error(error: BaseException) -> DatabaseAway:
    """Returns a database error of any kind with a sentence and a hint for a person."""
    if connection.vendor != "postgresql":
        said = f"The edge's database is {connection.vendor}, and Etalase needs PostgreSQL: {error}."
        return DatabaseRefused(said, hint="Name PostgreSQL in DATABASES «default».")
    if (refused := row_refusal(error)) is not None:
        return refused
    if sqlstate_of(error) in UNDEFINED and (wrong := other_half.problem_here(other_half.EDGE)):
        return DatabaseRefused(wrong, hint=other_half.HINT)
    return explained(error, whose="The edge's database", migrate=as_typed("etalase edge migrate"))
