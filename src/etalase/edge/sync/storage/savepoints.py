"""Writes a batch so that the refusal of one part costs that part only (hazard 68)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import transaction

from etalase.edge.database import cursor, translated
from etalase.errors import RowRefused

T = TypeVar("T")


def apart(items: Sequence[T], write: Callable[[Sequence[T]], object]) -> list[tuple[T, RowRefused]]:
    """Writes the items together, and in halves where PostgreSQL refuses some. Returns the refused ones.

    ``write`` runs inside a savepoint of the caller's transaction.
    """
    if not items:
        return []
    try:
        with translated(), transaction.atomic():
            write(items)
        return []
    except RowRefused as refused:
        if len(items) == 1:
            return [(items[0], refused)]
    middle = len(items) // 2
    return apart(items[:middle], write) + apart(items[middle:], write)


def check_at_once() -> None:
    """Makes PostgreSQL check each rule at its statement for the rest of the transaction.

    Otherwise it checks the foreign keys of a project's own Django at COMMIT, after every savepoint (hazard 58).
    """
    with cursor() as db:
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
