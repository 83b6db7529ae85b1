"""Keeps the faults that stores report: the photos that a store does not show as head office lists them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from etalase.head_office.database import prepared_cursor
from etalase.report import ReportedFault


def replace(store_id: UUID, faults: Sequence[ReportedFault]) -> None:
    """Writes the faults of the store in place of those of its last report."""
    by_photo = {fault.photo_id: fault for fault in faults}
    rows = list(by_photo.values())
    values: dict[str, Any] = {
        "store_id": store_id,
        "photos": [fault.photo_id for fault in rows],
        "products": [fault.product_id for fault in rows],
        "reasons": [fault.reason for fault in rows],
        "sides": [fault.side for fault in rows],
        "attempts": [fault.attempts for fault in rows],
        "since": [fault.since for fault in rows],
    }
    with transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute("DELETE FROM head_office_store_fault WHERE store_id = %(store_id)s", {"store_id": store_id})
        if rows:
            cursor.execute(INSERT, values)


INSERT = """
INSERT INTO head_office_store_fault (store_id, photo_id, product_id, reason, side, attempts, since)
SELECT %(store_id)s, * FROM unnest(
    %(photos)s::uuid[], %(products)s::uuid[], %(reasons)s::text[], %(sides)s::text[], %(attempts)s::int[],
    %(since)s::timestamptz[]
)
ON CONFLICT (store_id, photo_id) DO UPDATE SET product_id = EXCLUDED.product_id, reason = EXCLUDED.reason, side = EXCLUDED.side,
    attempts = EXCLUDED.attempts, since = EXCLUDED.since
"""
