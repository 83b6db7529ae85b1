"""Translates the database's errors for head office."""

import django.db

from etalase.errors import DatabaseAway
from etalase.postgres import explained


def as_database_error(error: BaseException) -> DatabaseAway:
    """Returns any database error as an error with a message and a hint for a person."""
    return explained(error, whose="Head office's database", migrate="etalase head-office migrate")


def is_away(error: BaseException | None) -> bool:
    """Returns whether the database itself failed; a refused value is a fault of the input or of Etalase instead."""
    return isinstance(error, django.db.Error) and not isinstance(error, django.db.IntegrityError | django.db.DataError)
