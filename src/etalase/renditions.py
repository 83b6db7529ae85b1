"""Defines the renditions of a photo on the wire: widths, keys, messages and their digest (ADR 0030). Pure.

A rendition is a small picture of a photo, cut to the shape of a POS tile. Its key has the MD5 of its bytes, so that no object
under ``renditions/`` is ever overwritten with other bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol
from urllib.parse import quote
from uuid import UUID

import msgspec

from etalase.checksum import digest_of_lines
from etalase.media_types import EXTENSION_OF
from etalase.protocol import KEY_PREFIX

RENDITION_PREFIX = "renditions/"
# Of all objects that anybody may read: photos and their renditions.
PUBLIC_PREFIXES = (KEY_PREFIX, RENDITION_PREFIX)
# Pixels. A tile is 186×140 CSS pixels on a screen of 1024×768, and has the same shape on every screen.
WIDTHS = (160, 320, 640)
TILE_WIDTH, TILE_HEIGHT = 4, 3
# The rendition that shows a whole menu soonest: sharp on a tile at a device pixel ratio of 1.
FIRST_WIDTH = 320
MAX_RENDITION_BYTES = 1_000_000
MAX_THUMBHASH_BYTES = 40
# A head office ignores unknown preferences (RFC 7240, section 2).
RENDITIONS_PREFERENCE = "renditions"
# The response header by which a head office tells its abilities, as in ``report=1, renditions=1``.
FEATURES_HEADER = "Etalase-Features"

_KEY = re.compile(
    r"renditions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([0-9a-f]{32})-([1-9][0-9]{0,3})\.(jpg|webp)", re.ASCII
)
_TYPE_OF = {EXTENSION_OF[content_type]: content_type for content_type in ("image/jpeg", "image/webp")}

Pixels = Annotated[int, msgspec.Meta(ge=1, le=9999)]


class WireRendition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rendition as the feed lists it. ``width`` and ``height`` are pixels, ``size`` bytes, ``checksum`` the MD5 in hex."""

    width: Pixels
    height: Pixels
    object_key: str
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_RENDITION_BYTES)]
    checksum: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    content_type: str
    image_url: str


@dataclass(frozen=True, slots=True)
class RenditionKey:
    """The parts of a rendition's object key."""

    photo_id: UUID
    checksum: str
    width: int
    content_type: str

    def __str__(self) -> str:
        return f"{RENDITION_PREFIX}{self.photo_id}/{self.checksum}-{self.width}.{EXTENSION_OF[self.content_type]}"


class NamedByBytes(Protocol):
    """A rendition whose key can be told: as made, as listed, or as a row."""

    @property
    def checksum(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def content_type(self) -> str: ...


def key_of(photo_id: UUID, rendition: NamedByBytes) -> str:
    """Returns the object key of a photo's rendition."""
    return str(RenditionKey(photo_id, rendition.checksum, rendition.width, rendition.content_type))


def parse_key(key: str) -> RenditionKey | None:
    """Returns the parts of a rendition's key, or None: another object under ``renditions/`` belongs to somebody else."""
    match = _KEY.fullmatch(key)
    return RenditionKey(UUID(match[1]), match[2], int(match[3]), _TYPE_OF[match[4]]) if match else None


def rendition_problem(photo_id: UUID, rendition: WireRendition) -> str | None:
    """Returns why ``rendition`` is not one of the photo, or None: its key has to name photo, MD5, width and type."""
    if rendition.content_type not in _TYPE_OF.values():
        return f"its content_type is «{rendition.content_type[:40]}»"
    if rendition.object_key != (expected := key_of(photo_id, rendition)):
        return f"its object_key is not {expected}"
    return None


def rendition_url(public_url: str, bucket: str, key: str, *, revision: int = 0) -> str:
    """Returns the URL at which a browser reads a rendition: its key names its bytes, so that it needs no ``?v=``.

    ``revision`` counts the replacements of a damaged object: a browser may hold the damaged bytes.
    """
    return f"{public_url.rstrip('/')}/{bucket}/{quote(key, safe='/~')}" + (f"?r={revision}" if revision else "")


@dataclass(frozen=True, slots=True)
class ListedRenditions:
    """The renditions that head office lists for a photo: made from the bytes with the MD5 ``photo_checksum``."""

    photo_id: UUID
    photo_checksum: str
    thumbhash: str
    keys: Sequence[str]


def renditions_digest(photos: Iterable[ListedRenditions]) -> str:
    """Returns the digest of a store's renditions; equal lists have equal digests.

    ``photos`` are in ascending order of ``photo_id``, each once, photos without renditions left out. A key names MD5, width and
    type of its rendition, so that no other field needs to be covered. Raises :class:`ValueError` for another order.
    """
    return digest_of_lines((photo.photo_id, digest_line(photo)) for photo in photos)


def digest_line(photo: ListedRenditions) -> str:
    """Returns the fields of a photo's renditions that the digest covers, the keys in ascending order of their bytes."""
    return "|".join((str(photo.photo_id), photo.photo_checksum, photo.thumbhash, *sorted(photo.keys)))
