"""Reads and writes the renditions that this edge makes: rows of ``etalase_rendition``, and ``etalase_unmade_renditions``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from etalase.edge.database import cursor
from etalase.edge.models import PhotoRendition
from etalase.edge.sync.storage import reclaims
from etalase.edge.sync.storage.renditions import LISTED, LOST, NAMES
from etalase.pictures.making import MadeRenditions
from etalase.renditions import key_of

EDGE: Final = PhotoRendition.Origin.EDGE
# The worker has the photo in its memory, several times for a moment.
MAX_PHOTO_BYTES: Final = 64 * 1024**2
# Photos without a rendition of their bytes here. A set of which a part was lost is made again. Materialized: joined whole, by
# hashes, where a limit would make PostgreSQL look up each photo.
_WITHOUT: Final = """
    WITH lost AS MATERIALIZED (SELECT photo_id, photo_checksum FROM etalase_rendition WHERE NOT is_here AND origin = %(edge)s),
    without AS MATERIALIZED (
        SELECT p.id, p.product_id, p.object_key, p.size, lower(p.checksum) AS checksum, p.is_primary IS TRUE AS is_primary,
            coalesce(p.sort_order, 0) AS sort_order
        FROM product_photo p WHERE p.checksum > '' AND p.object_key > '' AND p.size BETWEEN 1 AND %(most)s
        AND NOT EXISTS (SELECT 1 FROM etalase_doubt d WHERE d.photo_id = p.id)
        AND NOT EXISTS (SELECT 1 FROM etalase_unmade_renditions u
            WHERE u.photo_id = p.id AND u.photo_checksum = lower(p.checksum)
            AND (u.next_try_at > %(now)s OR u.next_try_at IS NULL))
        AND NOT EXISTS (SELECT 1 FROM etalase_rendition r
            WHERE r.is_here AND r.photo_id = p.id AND r.photo_checksum = lower(p.checksum)
            AND NOT EXISTS (SELECT 1 FROM lost WHERE lost.photo_id = r.photo_id AND lost.photo_checksum = r.photo_checksum)))
"""
_NEXT: Final = """SELECT * FROM without
    WHERE %(last)s::uuid IS NULL OR (NOT is_primary, id) > (%(last_is_other)s, %(last)s)
    ORDER BY NOT is_primary, id LIMIT %(limit)s"""
# An object that is put again may have been damaged before: its URL keeps the number of its replacements.
_WRITE: Final = f"""
    INSERT INTO etalase_rendition AS r ({NAMES}, origin, is_listed, is_here, revision, attempts, reason)
    SELECT {NAMES}, %s, FALSE, TRUE,
        coalesce((SELECT max(revision) FROM etalase_rendition o WHERE o.object_key = listed.object_key), 0), 0, ''
    FROM {LISTED}
    ON CONFLICT (object_key, photo_checksum) DO UPDATE SET is_here = TRUE, attempts = 0, next_try_at = NULL, reason = '',
        thumbhash = excluded.thumbhash, origin = CASE WHEN r.is_listed THEN r.origin ELSE excluded.origin END
"""


@dataclass(frozen=True, slots=True)
class PhotoWithout:
    """A published photo without renditions; ``checksum`` is the MD5 in lower case."""

    id: UUID
    product_id: UUID
    object_key: str
    size: int
    checksum: str
    is_primary: bool
    sort_order: int


def photos_without(*, after: PhotoWithout | None, limit: int, now: datetime) -> list[PhotoWithout]:
    """Returns the photos after ``after`` whose renditions are to be made here, primary photos first."""
    with cursor() as db:
        db.execute(
            _WITHOUT + _NEXT,
            {
                "edge": EDGE,
                "most": MAX_PHOTO_BYTES,
                "last": after and after.id,
                "last_is_other": after is not None and not after.is_primary,
                "limit": limit,
                "now": now,
            },
        )
        return [PhotoWithout(*record) for record in db.fetchall()]


def count_without(*, now: datetime) -> int:
    """Returns the number of photos whose renditions are to be made here."""
    with cursor() as db:
        db.execute(_WITHOUT + "SELECT count(*) FROM without", {"edge": EDGE, "most": MAX_PHOTO_BYTES, "now": now})
        return int(db.fetchone()[0])


def keys_of(photo: PhotoWithout, made: MadeRenditions) -> list[str]:
    """Returns the key of each rendition of a photo."""
    return [key_of(photo.id, one) for one in made.renditions]


def record_made(photo: PhotoWithout, made: MadeRenditions, *, at: datetime) -> int:
    """Writes the rows of a photo's renditions, whose objects are in the bucket. They replace another set of the same bytes.

    A set that head office lists stays: it has precedence once it is whole. Returns the number of renditions that were lost
    before.
    """
    keys = keys_of(photo, made)
    records = [
        {
            "photo_id": str(photo.id), "product_id": str(photo.product_id), "is_primary": photo.is_primary,
            "sort_order": photo.sort_order, "photo_checksum": photo.checksum, "width": one.width, "height": one.height,
            "object_key": key, "size": len(one.body), "checksum": one.checksum, "content_type": one.content_type,
            "image_url": "", "thumbhash": made.thumbhash,
        }
        for key, one in zip(keys, made.renditions, strict=True)
    ]  # fmt: skip
    with cursor() as db:
        db.execute(
            f"SELECT count(*) FROM etalase_rendition WHERE photo_id = %s AND photo_checksum = %s AND {LOST}",
            [photo.id, photo.checksum],
        )
        lost = int(db.fetchone()[0])
        db.execute(_WRITE, [EDGE, json.dumps(records)])
        db.execute(
            "DELETE FROM etalase_rendition WHERE photo_id = %s AND photo_checksum = %s AND NOT is_listed"
            " AND object_key <> ALL(%s) RETURNING object_key",
            [photo.id, photo.checksum, keys],
        )
        obsolete = {record[0] for record in db.fetchall()}
        db.execute("DELETE FROM etalase_unmade_renditions WHERE photo_id = %s", [photo.id])
    reclaims.schedule(obsolete, at=at)  # `due` leaves out those that another row names
    reclaims.cancel(keys)
    return lost


def record_unmade(photo: PhotoWithout, *, code: str, reason: str, again_at: Sequence[datetime]) -> None:
    """Records that the renditions of these bytes cannot be made. The n-th failure is tried again at the n-th of ``again_at``.

    After these, no run tries again until the photo has other bytes.
    """
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_unmade_renditions AS u (photo_id, photo_checksum, code, reason, attempts, next_try_at)"
            " VALUES (%s, %s, %s, %s, 1, (%s::timestamptz[])[1]) ON CONFLICT (photo_id) DO UPDATE SET"
            " attempts = CASE WHEN u.photo_checksum = excluded.photo_checksum THEN u.attempts + 1 ELSE 1 END,"
            " next_try_at = CASE WHEN u.photo_checksum = excluded.photo_checksum"
            " THEN (%s::timestamptz[])[u.attempts + 1] ELSE excluded.next_try_at END,"
            " photo_checksum = excluded.photo_checksum, code = excluded.code, reason = excluded.reason",
            [photo.id, photo.checksum, code, reason, list(again_at), list(again_at)],
        )


@dataclass(frozen=True, slots=True)
class Unmade:
    """A photo whose renditions cannot be made here, and why."""

    photo_id: UUID
    product_id: UUID
    reason: str


_UNMADE: Final = """FROM etalase_unmade_renditions u JOIN product_photo p ON p.id = u.photo_id
    AND lower(p.checksum) = u.photo_checksum WHERE NOT EXISTS (SELECT 1 FROM etalase_rendition r
        WHERE r.is_here AND r.photo_id = u.photo_id AND r.photo_checksum = u.photo_checksum)"""


def unmade(*, limit: int) -> tuple[int, Sequence[Unmade]]:
    """Returns the number of published photos whose renditions cannot be made, and up to ``limit`` of them."""
    with cursor() as db:
        db.execute(f"SELECT count(*) {_UNMADE}")
        count = int(db.fetchone()[0])
        db.execute(f"SELECT u.photo_id, p.product_id, u.reason {_UNMADE} ORDER BY u.photo_id LIMIT %s", [limit])
        return count, [Unmade(*record) for record in db.fetchall()]


def forget_unmade() -> None:
    """Deletes the reasons of photos that are gone, or have other bytes."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_unmade_renditions u WHERE NOT EXISTS"
            " (SELECT 1 FROM product_photo p WHERE p.id = u.photo_id AND lower(p.checksum) = u.photo_checksum)"
        )


def try_all_again() -> None:
    """Makes every photo due of which none could be made: the programs that make them may be newer."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_unmade_renditions")
