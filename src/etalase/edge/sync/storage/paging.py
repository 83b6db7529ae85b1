"""Reads a table page by page, in the order of its ids."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from etalase.edge.database import cursor

PAGE_ROWS = 2000
AFTER = "(%(after)s::uuid IS NULL OR {} > %(after)s)"
AFTER_ID = AFTER.format("id")


def paged(select: str) -> Iterator[tuple[Any, ...]]:
    """Yields the records of ``select``, fetched in pages by id, because a cursor would hold the whole result in memory."""
    after: UUID | None = None
    while True:
        with cursor() as db:
            db.execute(f"{select} LIMIT {PAGE_ROWS}", {"after": after})
            page = db.fetchall()
        yield from page
        if len(page) < PAGE_ROWS:
            return
        after = page[-1][0]
