"""The one place where head office puts the database's errors in words."""

import django.db

from etalase.errors import DatabaseAway
from etalase.postgres import explained


def in_our_words(error: BaseException) -> DatabaseAway:
    """A database error of any kind, for a person."""
    return explained(error, whose="Head office's database", migrate="etalase head-office migrate")


def is_away(error: BaseException | None) -> bool:
    """Whether the database is what failed. A value that it does not take is a mistake of ours instead."""
    return isinstance(error, django.db.Error) and not isinstance(error, django.db.IntegrityError | django.db.DataError)
