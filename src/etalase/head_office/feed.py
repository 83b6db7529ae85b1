"""The feed: photos and products of a store, all or changed since a time (docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md).

A page is a range of immutable positions, so that each page costs the same and no row that changes between two pages is missed
(hazard 1). ``sync_timestamp`` is a horizon: each change with an earlier time stamp is visible by now (hazard 2). Both rely on
the triggers of migration 0002. Times are in the form of the wire, which sorts as text.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from django.db import IntegrityError

from etalase.head_office.database import prepared_cursor
from etalase.head_office.feed_renditions import PublicBucket, listed_photos
from etalase.head_office.feed_sql import KEEP_SUMMARY, photo_statement, product_statement
from etalase.head_office.horizon import Horizon, read_horizon
from etalase.protocol import format_time

PageRow: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """The store of a page; the view has checked that the account may read it."""

    id: UUID
    company_id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The range of a page: ``offset`` is 0 or an earlier ``next_offset``; ``limit`` counts live rows and tombstones together.

    ``with_digest`` has an effect on the first page of the photo feed only, ``with_renditions`` on all of its pages.
    """

    limit: int
    offset: int = 0
    updated_since: datetime | None = None
    with_digest: bool = False
    with_renditions: bool = False


def photo_page(store: StoreIdentity, request: PageRequest, bucket: PublicBucket) -> dict[str, Any]:
    """Returns a page of the photo feed, with the fields of the guide."""
    horizon = read_horizon()

    def statement(*, changes_only: bool) -> str:
        return photo_statement(
            changes_only=changes_only,
            with_renditions=request.with_renditions,
            with_digest=request.with_digest and not request.offset,
        )

    # The digest is of the page's own snapshot: rows beyond the horizon are sent now and once more, later rows next time.
    rows, since = _rows(statement, store, request, horizon)
    floor, is_kept, total, products_changed_at, digest, rendition_digest = rows[0][:6]
    listed, deleted_ids, next_offset = _cut([row[6:] for row in rows], request.limit)
    at_worst = since or floor
    if not is_kept and not horizon.unknown:
        _keep_summary(store, horizon)
    if products_changed_at is not None and products_changed_at >= horizon.at(at_worst=at_worst):
        # An open transaction may still commit an older change: the text differs on each page until that transaction ends.
        products_changed_at = horizon.clock
    digests = {"digest": digest, "rendition_digest": rendition_digest}
    return {
        "photos": listed_photos((row[2:] for row in listed), bucket),
        "deleted_ids": deleted_ids,
        **_envelope(store, request, horizon.at(at_worst=at_worst), since, total=total, next_offset=next_offset),
        "products_changed_at": products_changed_at,
        **{name: text for name, text in digests.items() if text is not None},
    }


def product_page(store: StoreIdentity, request: PageRequest) -> dict[str, Any]:
    """Returns a page of the products that the store sells, in the envelope of the photo feed."""
    horizon = read_horizon()
    rows, since = _rows(product_statement, store, request, horizon)
    floor, total = rows[0][:2]
    listed, deleted_ids, next_offset = _cut([row[2:] for row in rows], request.limit)
    return {
        "products": [msgspec.Raw(row[3]) for row in listed],
        "deleted_ids": deleted_ids,
        **_envelope(store, request, horizon.at(at_worst=since or floor), since, total=total, next_offset=next_offset),
    }


def _rows(
    statement: Callable[..., str], store: StoreIdentity, request: PageRequest, horizon: Horizon
) -> tuple[list[PageRow], str | None]:
    """Returns the rows of the page's one statement, and the time from which changes are listed, or None for the full set.

    There is a row at least, and one more than fits on the page where another page follows.
    """
    values: dict[str, Any] = {"store_id": store.id, "offset": request.offset, "limit": request.limit + 1}
    since = None if request.updated_since is None else format_time(request.updated_since)
    with prepared_cursor() as cursor:
        if since is not None and since <= horizon.clock:
            cursor.execute(statement(changes_only=True), {**values, "since": request.updated_since})
            rows = cursor.fetchall()
            if rows[0][0] <= since:
                return rows, since
        cursor.execute(statement(changes_only=False), values)
        return cursor.fetchall(), None


def _cut(rows: list[PageRow], limit: int) -> tuple[list[PageRow], list[str], int | None]:
    """Returns the live rows of the first ``limit``, the deleted ids, and the offset of the next page."""
    taken = [row for row in rows[:limit] if row[0] is not None]
    next_offset = taken[-1][0] if len(rows) > limit else None
    deleted_ids = dict.fromkeys(row[2] for row in taken if not row[1])
    return [row for row in taken if row[1]], list(deleted_ids), next_offset


def _keep_summary(store: StoreIdentity, horizon: Horizon) -> None:
    """Counts what each page says of the whole store, for the pages to come."""
    with suppress(IntegrityError), prepared_cursor() as cursor:  # a store that was deleted meanwhile
        cursor.execute(KEEP_SUMMARY, {"store_id": store.id, "as_of": horizon.at(at_worst=horizon.clock)})


def _envelope(
    store: StoreIdentity,
    request: PageRequest,
    horizon: str,
    since: str | None,
    *,
    total: int,
    next_offset: int | None,
) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "sync_timestamp": horizon,
        "total": total,
        "has_more": next_offset is not None,
        "next_offset": next_offset,
        "filter": {"company_id": store.company_id, "store_id": store.id},
        "store": {"id": store.id, "code": store.code, "name": store.name},
    }
    if request.updated_since is not None and since is None:
        envelope["full"] = True
    return envelope
