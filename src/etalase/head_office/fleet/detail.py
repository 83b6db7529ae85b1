"""Reads all that head office knows of one store: its last report, its history of 14 days, and its faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max

from etalase.head_office.fleet.overview import Reach, overview
from etalase.head_office.fleet.rows import StoreRow, rows_of
from etalase.head_office.fleet_models import StoreHour, StoreReport
from etalase.head_office.models import Account


@dataclass(frozen=True, slots=True)
class ShownFault:
    """A photo that the store does not show as head office lists it. Names are empty where head office has no such photo."""

    photo_id: UUID
    product_id: UUID
    product_sku: str
    product_name: str
    filename: str
    reason: str
    side: str
    attempts: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class StoreDetail:
    """A store in full. ``report`` is None without any."""

    row: StoreRow
    now: datetime
    report: StoreReport | None
    hours: Sequence[StoreHour]
    faults: Sequence[ShownFault]
    last_login: datetime | None


def detail_of(reach: Reach, store_id: UUID) -> StoreDetail | None:
    """Returns the store, None if it does not exist or is not within ``reach``."""
    judged = overview(reach, only=store_id)
    if judged.now is None:
        return None
    return StoreDetail(
        rows_of(judged.stores).rows[0],
        judged.now,
        StoreReport.objects.filter(store=store_id).first(),
        list(StoreHour.objects.filter(store=store_id).order_by("-hour")),
        _faults(store_id),
        Account.objects.filter(store=store_id, is_staff=False).aggregate(at=Max("last_login"))["at"],
    )


def _faults(store_id: UUID) -> list[ShownFault]:
    with connection.cursor() as cursor:
        cursor.execute(FAULTS, {"store_id": store_id})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [ShownFault(*row) for row in rows]


# The names of the store's own company only: a report may name any id.
FAULTS = """
SELECT x.photo_id, x.product_id, coalesce(p.sku, ''), coalesce(p.name, ''), coalesce(f.filename, ''), x.reason, x.side,
    x.attempts, x.since
FROM head_office_store_fault x
JOIN head_office_store s ON s.id = x.store_id
LEFT JOIN head_office_product p ON p.id = x.product_id AND p.company_id = s.company_id
LEFT JOIN head_office_photo f ON f.id = x.photo_id AND f.product_id = p.id
WHERE x.store_id = %(store_id)s
ORDER BY x.side, p.name, x.photo_id
"""
