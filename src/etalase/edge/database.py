"""The one place where the edge meets the database's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg.errors import UndefinedColumn, UndefinedTable

from etalase.errors import DatabaseAway


@contextmanager
def cursor() -> Iterator[Any]:
    """A cursor of Django's connection. Raises :class:`DatabaseAway` where the database is gone."""
    with translated(), connection.cursor() as open_cursor:
        yield open_cursor


@contextmanager
def translated() -> Iterator[None]:
    """Turn "the database is gone" into our own error; what a statement itself did wrong stays what it is."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseAway(
            f"The edge's database does not answer: {str(error).splitlines()[0] if str(error) else type(error).__name__}.",
            hint="Check that PostgreSQL runs and that DATABASE_URL names it; nothing half done was kept.",
        ) from error
    except DatabaseError as error:
        if isinstance(error.__cause__, UndefinedTable | UndefinedColumn):
            raise DatabaseAway(
                f"The edge's tables are not there, or older than this version: {str(error).splitlines()[0]}.",
                hint="Run `etalase edge migrate` first.",
            ) from error
        raise
