"""Tells the database of the other half, which a wrong DATABASE_URL names. A project's own database is of neither half."""

from contextlib import suppress
from typing import Any, Final

import django.db
from django.db import DEFAULT_DB_ALIAS, connections

EDGE, HEAD_OFFICE = "edge", "head-office"
# They are there from the first migration of a half. Where one of an edge's tables is lost, the others still tell.
QUERY: Final = """
SELECT coalesce(to_regclass('etalase_checkpoint'), to_regclass('etalase_sync_run'), to_regclass('product_photo')) IS NOT NULL,
       to_regclass('head_office_photo_tombstone') IS NOT NULL
"""
HINT: Final = "Name the database of this half in DATABASE_URL: each half has its own. Nothing was changed."
CONNECT_SECONDS: Final = 2


def problem(half: str, record: tuple[bool, bool]) -> str:
    """Returns a sentence if ``record`` of :data:`QUERY` is of the other half alone, else an empty text. Pure."""
    is_edge, is_head_office = record
    if half == EDGE and is_head_office and not is_edge:
        return "This database is a head office's, not an edge's."
    if half == HEAD_OFFICE and is_edge and not is_head_office:
        return "This database is an edge's, not a head office's."
    return ""


def problem_here(half: str, alias: str = DEFAULT_DB_ALIAS) -> str:
    """Returns the sentence of :func:`problem`. With a session of its own: an error may have ended the other's transaction."""
    session: Any = connections[alias].copy()
    options = session.settings_dict.get("OPTIONS") or {}
    session.settings_dict["OPTIONS"] = {**options, "connect_timeout": CONNECT_SECONDS}
    with suppress(django.db.Error):  # the caller's own statements report it
        try:
            with session.cursor() as cursor:
                cursor.execute(QUERY)
                return problem(half, cursor.fetchone())
        finally:
            session.close()
    return ""
