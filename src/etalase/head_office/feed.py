"""The feed: photos and products of a store, all or changed since a time (docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md).

A page is a range of immutable positions, so that each page costs the same and no row that changes between two pages is missed
(hazard 1). ``sync_timestamp`` is a horizon: each change with an earlier time stamp is visible by now (hazard 2). Both rely on
the triggers of migration 0002. Times are in the form of the wire, which sorts as text.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from django.db import IntegrityError
from psycopg.types.numeric import Int8

from etalase.head_office.database import prepared_cursor
from etalase.head_office.feed_bucket import PublicBucket
from etalase.head_office.feed_sql import KEEP_SUMMARY, photo_statement, product_statement
from etalase.head_office.horizon import Horizon, read_horizon
from etalase.protocol import format_time

PageRow: TypeAlias = tuple[Any, ...]

# Of a row in the feed: no sequence of the triggers comes near it.
MAX_POSITION = 2**62


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


def photo_page(
    store: StoreIdentity, request: PageRequest, bucket: PublicBucket, *, count: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Returns a page of the photo feed, with the fields of the guide. ``count`` gets the number of its photos."""
    horizon = read_horizon()

    def statement(*, changes_only: bool) -> str:
        return photo_statement(
            changes_only=changes_only,
            with_renditions=request.with_renditions,
            with_digest=request.with_digest and not request.offset,
        )

    # The digest is of the page's own snapshot: rows beyond the horizon are sent now and once more, later rows next time.
    row, since = _page(statement, {**_values(store, request), "base": bucket.base_in_json}, request, horizon)
    floor, is_kept, total, products_changed_at, digest, rendition_digest, photos, photo_count, deleted_ids, next_offset = row
    count(photo_count)
    at_worst = since or floor
    if not is_kept and not horizon.unknown:
        _keep_summary(store, horizon)
    if products_changed_at is not None and products_changed_at >= horizon.at(at_worst=at_worst):
        # An open transaction may still commit an older change: the text differs on each page until that transaction ends.
        products_changed_at = horizon.clock
    digests = {"digest": digest, "rendition_digest": rendition_digest}
    return {
        "photos": _array(photos),
        "deleted_ids": _array(deleted_ids),
        **_envelope(store, request, horizon.at(at_worst=at_worst), since, total=total, next_offset=next_offset),
        "products_changed_at": products_changed_at,
        **{name: text for name, text in digests.items() if text is not None},
    }


def product_page(store: StoreIdentity, request: PageRequest) -> dict[str, Any]:
    """Returns a page of the products that the store sells, in the envelope of the photo feed."""
    horizon = read_horizon()
    row, since = _page(product_statement, _values(store, request), request, horizon)
    floor, total, products, _, deleted_ids, next_offset = row
    return {
        "products": _array(products),
        "deleted_ids": _array(deleted_ids),
        **_envelope(store, request, horizon.at(at_worst=since or floor), since, total=total, next_offset=next_offset),
    }


def _values(store: StoreIdentity, request: PageRequest) -> dict[str, Any]:
    # Int8: a prepared statement is one of the types of its values. No position reaches the bound, which may be added to.
    return {"store_id": store.id, "offset": Int8(min(request.offset, MAX_POSITION)), "limit": Int8(request.limit)}


def _page(
    statement: Callable[..., str], values: Mapping[str, Any], request: PageRequest, horizon: Horizon
) -> tuple[PageRow, str | None]:
    """Returns the row of the page's one statement, and the time from which changes are listed, or None for the full set."""
    since = None if request.updated_since is None else format_time(request.updated_since)
    with prepared_cursor() as cursor:
        if since is not None and since <= horizon.clock:
            cursor.execute(statement(changes_only=True), {**values, "since": request.updated_since})
            row = cursor.fetchone()
            if row[0] <= since:
                return row, since
        cursor.execute(statement(changes_only=False), values)
        return cursor.fetchone(), None


def _array(elements: str | None) -> msgspec.Raw:
    return msgspec.Raw(f"[{elements or ''}]")


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
