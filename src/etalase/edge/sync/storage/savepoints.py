"""Writes a batch so that the refusal of one part costs that part only (hazard 68)."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

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


# Longer than PostgreSQL's deadlock_timeout, so that it tells a deadlock as such.
MAX_LOCK_MS: Final = 3000
MAX_STATEMENT_MS: Final = 15_000


def bound_waits() -> None:
    """Bounds each statement of the rest of the transaction, and its waits for locks; a role's own shorter limits stay.

    A lock of another session, or a trigger that waits, would otherwise hold up the run as long as it likes.
    """
    with cursor() as db:
        db.execute(
            "SELECT set_config(name, least(coalesce(nullif(setting::bigint, 0), most), most)::text, TRUE) FROM pg_settings"
            " JOIN (VALUES ('lock_timeout', %s), ('statement_timeout', %s)) AS bound (name, most) USING (name)",
            [MAX_LOCK_MS, MAX_STATEMENT_MS],
        )


def check_at_once() -> None:
    """Makes PostgreSQL check each rule at its statement for the rest of the transaction.

    Otherwise it checks the foreign keys of a project's own Django at COMMIT, after every savepoint (hazard 58).
    """
    with cursor() as db:
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
