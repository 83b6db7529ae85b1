"""Restores the renditions of a removed photo from the JSON of its removal."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal
from uuid import UUID

import msgspec

from etalase.edge.database import cursor
from etalase.edge.sync.storage import reclaims
from etalase.edge.sync.storage.renditions import LISTED, NAMES
from etalase.renditions import parse_key


class SavedRendition(msgspec.Struct, frozen=True, kw_only=True):
    """A rendition as :func:`.renditions.take_of_photos` returns it."""

    photo_id: UUID
    product_id: UUID
    is_primary: bool
    sort_order: int
    photo_checksum: str
    width: int
    height: int
    object_key: str
    size: int
    checksum: str
    content_type: str
    image_url: str
    thumbhash: str
    origin: Literal["head_office", "edge"] = "head_office"


def saved(records: object) -> list[SavedRendition]:
    """Returns the readable renditions of a removal's JSON."""
    found: list[SavedRendition] = []
    for record in records if isinstance(records, list) else ():
        with suppress(msgspec.ValidationError):
            found.append(msgspec.convert(record, SavedRendition))
    return [one for one in found if (key := parse_key(one.object_key)) and key.photo_id == one.photo_id]


def restore(renditions: Sequence[SavedRendition]) -> None:
    """Writes renditions whose objects the caller found whole. Head office does not list them, as it does not list the photo."""
    if not renditions:
        return
    records = msgspec.json.encode(renditions).decode()
    with cursor() as db:
        db.execute(
            f"INSERT INTO etalase_rendition ({NAMES}, origin, is_listed, is_here, revision, attempts, reason)"
            f" SELECT {NAMES}, origin, FALSE, TRUE, 0, 0, '' FROM {LISTED} ON CONFLICT DO NOTHING",
            [records],
        )
    reclaims.cancel([one.object_key for one in renditions])
