"""Makes the JSON of the photos of a page, with renditions for an edge that prefers them (ADR 0030)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from etalase.media_types import EXTENSION_OF
from etalase.protocol import object_url
from etalase.renditions import RENDITION_PREFIX


@dataclass(frozen=True, slots=True)
class PublicBucket:
    """The bucket as the edges reach it."""

    public_url: str
    name: str

    def url(self, key: str, *, checksum: str, version: int | None = None) -> str:
        """Returns the public address of an object."""
        return object_url(self.public_url, self.name, key, checksum=checksum, version=version)


def listed_photos(rows: Iterable[Sequence[Any]], bucket: PublicBucket) -> list[msgspec.Raw]:
    """Returns the photos of the statement's rows (feed_sql.PHOTO_PAGE), in JSON.

    PostgreSQL has made that of the columns; the public addresses are not in the database. No character of an address after the
    bucket has another form in JSON.
    """
    of_json = PublicBucket(*(msgspec.json.encode(text).decode()[1:-1] for text in (bucket.public_url, bucket.name)))
    return [msgspec.Raw(_photo(of_json, *row)) for row in rows]


def _photo(bucket: PublicBucket, id_: str, columns: str, key: str, checksum: str, *more: Any) -> str:
    tail = f',"image_url":"{bucket.url(key, checksum=checksum)}"'
    if more:
        focal_x, focal_y, made = more
        thumbhash, listed = made or ("", "")
        point = {"x": 0.5 if focal_x is None else focal_x, "y": 0.5 if focal_y is None else focal_y}
        of_tile = msgspec.json.encode({"focal_point": point, "thumbhash": thumbhash or None}).decode()
        tail += f',"renditions":[{_renditions(bucket, id_, listed)}],{of_tile[1:-1]}'
    return f"{columns[:-1]}{tail}}}"


def _renditions(bucket: PublicBucket, photo_id: str, listed: str) -> str:
    """Returns the renditions in JSON. ``listed`` has five words for each, which need no quotes (migration 0009)."""
    base, words = f"{bucket.public_url.rstrip('/')}/{bucket.name}/", iter(listed.split())
    texts = []
    for width, height, size, content_type, checksum in zip(words, words, words, words, words, strict=True):
        key = f"{RENDITION_PREFIX}{photo_id}/{checksum}-{width}.{EXTENSION_OF[content_type]}"
        texts.append(
            f'{{"width":{width},"height":{height},"object_key":"{key}","size":{size},"checksum":"{checksum}",'
            f'"content_type":"{content_type}","image_url":"{base}{key}?v={checksum[:8]}"}}'
        )
    return ",".join(texts)
