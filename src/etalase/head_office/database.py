"""Translates the database's errors for head office."""

import django.db

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
