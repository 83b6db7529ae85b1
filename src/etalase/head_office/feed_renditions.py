"""Adds renditions to a page of the photo feed, for an edge that prefers them (ADR 0030). Reads only, in the page's snapshot."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from etalase.protocol import object_url
from etalase.renditions import RenditionKey, WireRendition


@dataclass(frozen=True, slots=True)
class PublicBucket:
    """The bucket as the edges reach it."""

    public_url: str
    name: str

    def url(self, key: str, *, checksum: str, version: int | None = None) -> str:
        """Returns the public address of an object."""
        return object_url(self.public_url, self.name, key, checksum=checksum, version=version)


def add_renditions(cursor: CursorWrapper, photos: Sequence[dict[str, Any]], bucket: PublicBucket) -> None:
    """Adds ``renditions``, ``focal_point`` and ``thumbhash`` to the photos of a page, by one query."""
    cursor.execute(RENDITIONS, {"photo_ids": [photo["id"] for photo in photos]})
    rows: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for photo_id, *row in cursor.fetchall():
        rows[photo_id].append(tuple(row))
    for photo in photos:
        focal_x, focal_y, thumbhash, *_ = rows[photo["id"]][0]
        photo["renditions"] = [
            _rendition(photo["id"], row, bucket) for _, _, _, *row in rows[photo["id"]] if row[0] is not None
        ]
        photo["focal_point"] = {"x": 0.5 if focal_x is None else focal_x, "y": 0.5 if focal_y is None else focal_y}
        photo["thumbhash"] = thumbhash or None


def _rendition(photo_id: UUID, row: Sequence[Any], bucket: PublicBucket) -> WireRendition:
    width, height, size, content_type, checksum = row
    key = str(RenditionKey(photo_id, checksum, width, content_type))
    return WireRendition(
        width=width,
        height=height,
        object_key=key,
        size=size,
        checksum=checksum,
        content_type=content_type,
        image_url=bucket.url(key, checksum=checksum),
    )


# A set of other bytes than the photo's is not listed.
RENDITIONS = """
SELECT f.id, f.focal_x, f.focal_y, s.thumbhash, r.width, r.height, r.size, r.content_type, r.checksum
FROM head_office_photo f
LEFT JOIN head_office_rendition_set s ON s.photo_id = f.id AND s.photo_checksum = f.checksum
LEFT JOIN head_office_rendition r ON r.photo_id = s.photo_id
WHERE f.id = ANY(%(photo_ids)s)
ORDER BY f.id, r.width
"""

# The same digest as etalase.renditions.renditions_digest; a trigger keeps the MD5 of each photo's line (migration 0007).
RENDITION_DIGEST = """
SELECT md5(coalesce(string_agg(f.line_digest, '' ORDER BY f.id), ''))
FROM head_office_assortment a
CROSS JOIN LATERAL (
    SELECT p.id, s.line_digest
    FROM head_office_photo p
    JOIN head_office_rendition_set s ON s.photo_id = p.id AND s.photo_checksum = p.checksum
    WHERE p.product_id = a.product_id OFFSET 0
) f
WHERE a.store_id = %(store_id)s
"""
