"""Reads and writes ``etalase_rendition``: the renditions that are listed, whether each is here, and when to try again.

A key that changes hands is never overwritten with other bytes (:mod:`etalase.renditions`), so that rows and objects need no
intent and no common order.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from etalase.edge.database import cursor
from etalase.edge.models import PhotoRendition
from etalase.edge.sync.plan.renditions import MAX_PAUSE, RenditionSet, WantedRendition
from etalase.edge.sync.storage import reclaims
from etalase.edge.sync.storage.paging import AFTER, PAGE_ROWS, paged
from etalase.renditions import FIRST_WIDTH, ListedRenditions

HEAD_OFFICE: Final = PhotoRendition.Origin.HEAD_OFFICE
LISTED: Final = """json_to_recordset(%s::json) AS listed (
    photo_id uuid, product_id uuid, is_primary bool, sort_order int, photo_checksum text, width int, height int,
    object_key text, size int, checksum text, content_type text, image_url text, thumbhash text, origin text)"""
_COLUMNS: Final = (
    "photo_id", "product_id", "is_primary", "sort_order", "photo_checksum", "width", "height", "object_key", "size",
    "checksum", "content_type", "image_url", "thumbhash",
)  # fmt: skip
NAMES: Final = ", ".join(_COLUMNS)
# The columns of a known key that head office may change.
_CHANGING: Final = ("product_id", "is_primary", "sort_order", "image_url", "thumbhash")
_UPSERT: Final = f"""
    INSERT INTO etalase_rendition AS r ({NAMES}, origin, is_listed, is_here, revision, attempts, reason)
    SELECT {NAMES}, %s, TRUE, coalesce(other.is_here, FALSE), coalesce(other.revision, 0), 0, '' FROM {LISTED}
    LEFT JOIN LATERAL (SELECT is_here, revision FROM etalase_rendition o WHERE o.object_key = listed.object_key
        ORDER BY is_here DESC LIMIT 1) other ON TRUE
    ON CONFLICT (object_key, photo_checksum) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}, origin = excluded.origin, is_listed = TRUE,
        next_try_at = CASE WHEN r.image_url = excluded.image_url THEN r.next_try_at END
    WHERE NOT r.is_listed OR r.origin <> excluded.origin
        OR ({", ".join(f"r.{name}" for name in _CHANGING)}) IS DISTINCT FROM
           ({", ".join(f"excluded.{name}" for name in _CHANGING)})
"""


# An object that was here and is missing or damaged, until it is here again: only a loss begins a new revision.
LOST: Final = "(NOT is_here AND revision > 0)"


def list_sets(sets: Sequence[RenditionSet]) -> None:
    """Writes the sets that head office lists; other sets of the same photos are no longer listed. Writes only differences."""
    with cursor() as db:
        db.execute(
            "UPDATE etalase_rendition r SET is_listed = FALSE FROM unnest(%s::uuid[]) AS photo WHERE r.photo_id = photo"
            " AND is_listed AND NOT EXISTS (SELECT 1 FROM unnest(%s::text[], %s::text[]) AS kept (key, photo_checksum)"
            " WHERE kept.key = r.object_key AND kept.photo_checksum = r.photo_checksum)",
            [
                [one.photo_id for one in sets],
                [rendition.object_key for one in sets for rendition in one.renditions],
                [one.photo_checksum for one in sets for _ in one.renditions],
            ],
        )
        records = [_record(one, at) for one in sets for at in range(len(one.renditions))]
        if records:
            db.execute(_UPSERT, [HEAD_OFFICE, json.dumps(records)])
            reclaims.cancel([record["object_key"] for record in records])


def _record(one: RenditionSet, at: int) -> dict[str, Any]:
    rendition = one.renditions[at]
    return {
        "photo_id": str(one.photo_id),
        "product_id": str(one.product_id),
        **{name: getattr(one, name) for name in ("is_primary", "sort_order", "photo_checksum", "thumbhash")},
        **{name: getattr(rendition, name) for name in rendition.__struct_fields__},
    }


def unlist(photo_ids: Collection[UUID]) -> None:
    """Records that head office lists no renditions of these photos. They stay as long as the photos' rows."""
    with cursor() as db:
        db.execute("UPDATE etalase_rendition SET is_listed = FALSE WHERE is_listed AND photo_id = ANY(%s)", [list(photo_ids)])


def unlist_all() -> None:
    """Records that head office lists no renditions at all: it no longer offers them, or is another one."""
    with cursor() as db:
        db.execute("UPDATE etalase_rendition SET is_listed = FALSE WHERE is_listed")


def listed() -> Iterator[ListedRenditions]:
    """Yields the listed sets, in the order of the photos' ids."""
    records = paged(
        "SELECT photo_id, min(photo_checksum), min(thumbhash), array_agg(object_key) FROM etalase_rendition"
        f" WHERE is_listed AND {AFTER.format('photo_id')} GROUP BY photo_id ORDER BY photo_id"
    )
    return (ListedRenditions(*record) for record in records)


def is_list_doubtful(attempts: int) -> bool:
    """Returns whether a listed rendition has failed so often that its listed address may be outdated."""
    with cursor() as db:
        db.execute(
            "SELECT EXISTS (SELECT 1 FROM etalase_rendition WHERE NOT is_here AND is_listed AND attempts >= %s)", [attempts]
        )
        return bool(db.fetchone()[0])


_DUE: Final = "NOT is_here AND is_listed AND (next_try_at IS NULL OR next_try_at <= %(now)s OR next_try_at > %(longest)s)"


def due(*, now: datetime, limit: int, besides: Collection[int] = ()) -> list[WantedRendition]:
    """Returns renditions to fetch, the most useful first: fewest failures, then one of each primary photo, then the others.

    Those with an id in ``besides`` are left out: they are in flight.

    The one is the rendition whose width is closest to :data:`FIRST_WIDTH`. A next try beyond the longest pause was set by a
    wrong clock.
    """
    with cursor() as db:
        db.execute(
            "SELECT id, photo_id, object_key, width, height, size, checksum, content_type, image_url, attempts,"
            f" {LOST} FROM ("
            " SELECT *, row_number() OVER (PARTITION BY photo_id ORDER BY abs(width - %(first)s), id) AS place"
            " FROM etalase_rendition WHERE is_listed) r"
            f" WHERE {_DUE} AND id <> ALL(%(besides)s::bigint[])"
            " ORDER BY attempts, NOT (is_primary AND place = 1), NOT is_primary, width, id LIMIT %(limit)s",
            {"now": now, "longest": now + MAX_PAUSE, "first": FIRST_WIDTH, "limit": limit, "besides": list(besides)},
        )
        return [WantedRendition(*record) for record in db.fetchall()]


def make_due() -> None:
    """Makes all missing renditions due, because a person asked for the run."""
    with cursor() as db:
        db.execute("UPDATE etalase_rendition SET next_try_at = NULL WHERE NOT is_here AND next_try_at IS NOT NULL")


def record_arrived(keys: Collection[str]) -> None:
    """Records that these objects are here and verified, for each photo that lists them."""
    if not keys:
        return
    with cursor() as db:
        db.execute(
            "UPDATE etalase_rendition SET is_here = TRUE, attempts = 0, next_try_at = NULL, reason = ''"
            " WHERE object_key = ANY(%s)",
            [list(keys)],
        )
    reclaims.cancel(keys)


def record_lost(keys: Collection[str]) -> None:
    """Records that these objects are missing or damaged. The next run fetches them again, under an URL of a new revision."""
    with cursor() as db:
        db.execute(
            "UPDATE etalase_rendition SET is_here = FALSE, revision = revision + 1, attempts = 0, next_try_at = NULL"
            " WHERE is_here AND object_key = ANY(%s)",
            [list(keys)],
        )


def record_failed(failed: Collection[tuple[int, int, datetime, str]]) -> None:
    """Records failed attempts: the id of each rendition, its attempts, its next try and the reason."""
    if not failed:
        return
    ids, attempts, tries, reasons = zip(*failed, strict=True)
    with cursor() as db:
        db.execute(
            "UPDATE etalase_rendition r SET attempts = failed.attempts, next_try_at = failed.next_try_at,"
            " reason = failed.reason FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::text[])"
            " AS failed (id, attempts, next_try_at, reason) WHERE r.id = failed.id AND NOT is_here",
            [list(ids), list(attempts), list(tries), list(reasons)],
        )


@dataclass(frozen=True, slots=True)
class RenditionObject:
    """The object of a rendition, as its rows describe it. ``was_here``: it is or was here, so that its absence is a loss."""

    object_key: str
    photo_id: UUID
    product_id: UUID
    size: int
    checksum: str
    content_type: str
    is_here: bool
    was_here: bool


def objects(*, page: int = PAGE_ROWS) -> Iterator[list[RenditionObject]]:
    """Yields the objects of all renditions, each once, in lists of at most ``page``, in the order of their keys."""
    after = ""
    while True:
        with cursor() as db:
            db.execute(
                "SELECT DISTINCT ON (object_key) object_key, photo_id, product_id, size, checksum, content_type, is_here,"
                f" is_here OR {LOST} FROM etalase_rendition WHERE object_key > %s ORDER BY object_key, is_here DESC LIMIT %s",
                [after, page],
            )
            found = [RenditionObject(*record) for record in db.fetchall()]
        if found:
            yield found
        if len(found) < page:
            return
        after = found[-1].object_key


def here_among(keys: Collection[str]) -> set[str]:
    """Returns the keys among ``keys`` whose objects are here."""
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_rendition WHERE is_here AND object_key = ANY(%s)", [list(keys)])
        return {record[0] for record in db.fetchall()}


def waiting() -> Iterator[tuple[UUID, int, int]]:
    """Yields each photo with listed renditions that are not here, their number and their bytes."""
    records = paged(
        "SELECT photo_id, count(*), sum(size) FROM etalase_rendition WHERE is_listed AND NOT is_here"
        f" AND {AFTER.format('photo_id')} GROUP BY photo_id ORDER BY photo_id"
    )
    return ((photo_id, count, int(size)) for photo_id, count, size in records)


# A set that is not listed is superseded once the row has other bytes, or once the listed set of the same bytes is whole here.
_SUPERSEDED: Final = """NOT r.is_listed AND (
    (NOT r.is_here AND NOT (r.origin = 'edge' AND %(keeps_lost_own)s))
    OR EXISTS (SELECT 1 FROM product_photo p WHERE p.id = r.photo_id AND lower(p.checksum) <> r.photo_checksum)
    OR (SELECT bool_and(l.is_here) FROM etalase_rendition l
        WHERE l.is_listed AND l.photo_id = r.photo_id AND l.photo_checksum = r.photo_checksum))"""
# After a complete run, each photo that head office lists has a row or is on the retry list.
_PHOTOLESS: Final = """NOT EXISTS (SELECT 1 FROM product_photo p WHERE p.id = r.photo_id)
    AND NOT EXISTS (SELECT 1 FROM etalase_pending_photo o WHERE o.photo_id = r.photo_id)"""


def drop_superseded(*, at: datetime, keeps_lost_own: bool) -> None:
    """Deletes the rows of old sets, and of photos that are gone. Schedules their objects for deletion.

    ``keeps_lost_own``: lost ones of the edge's own stay until they are made again, since browsers may hold damaged bytes.
    """
    _delete(f"({_SUPERSEDED}) OR ({_PHOTOLESS})", {"keeps_lost_own": keeps_lost_own}, at=at)


def drop_all(*, at: datetime) -> None:
    """Deletes all rows, for a store that wants none. Schedules their objects for deletion."""
    _delete("TRUE", {}, at=at)


def take_of_photos(photo_ids: Collection[UUID], *, at: datetime) -> dict[UUID, list[dict[str, Any]]]:
    """Deletes the rows of photos whose rows the caller deletes in the same transaction. Schedules their objects, too.

    Returns by photo the renditions that were here with its bytes, for :func:`.saved_renditions.restore`.
    """
    taken: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for photo_id, is_here, record in _delete("r.photo_id = ANY(%(photos)s)", {"photos": list(photo_ids)}, at=at):
        if is_here:
            taken[photo_id].append(json.loads(record))
    return taken


def _delete(where: str, values: Mapping[str, Any], *, at: datetime) -> list[tuple[UUID, bool, str]]:
    with cursor() as db:
        saved = ", ".join(f"'{name}', r.{name}" for name in (*_COLUMNS, "origin"))
        db.execute(
            f"DELETE FROM etalase_rendition r WHERE {where}"
            f" RETURNING photo_id, is_here, jsonb_build_object({saved})::text, object_key",
            values,
        )
        found = db.fetchall()
        gone = {record[3] for record in found}
        if gone:
            db.execute("SELECT object_key FROM etalase_rendition WHERE object_key = ANY(%s)", [list(gone)])
            reclaims.schedule(gone - {record[0] for record in db.fetchall()}, at=at)
    return [record[:3] for record in found]
