"""Defines the wire between head office and edge: messages, their parsing, and the rules for keys, URLs and ``?v=``.

Field names are the guide's and never change. Pure: no Django, no I/O.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from etalase.errors import FeedRefused, PhotoError, Reason

PLACEHOLDER_URL = "/static/images/no-image.png"
KEY_PREFIX = "products/"
MAX_KEY_CHARS = 500
MAX_KEY_BYTES = 1024  # S3 API, "Object key naming guidelines": no server takes more
MAX_FILENAME_CHARS = 255
MAX_INT32 = 2**31 - 1
MIN_LIMIT, DEFAULT_LIMIT, MAX_LIMIT = 1, 100, 1000
MAX_CONTENT_TYPE_CHARS = MAX_CATEGORY_CHARS = 100

# Between two machines, a time without its offset means nothing.
AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
Int32 = Annotated[int, msgspec.Meta(ge=-MAX_INT32, le=MAX_INT32)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# More characters than RFC 6750 (section 2.1) allows, since some head offices have tokens such as «12|abc» or «user:abc»;
# servers accept no header of 16 KB.
BearerToken = Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z", max_length=16_384)]


class Photo(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A living photo as head office lists it. ``size`` is in bytes, ``checksum`` the MD5 in hex that HO promised.

    A field is nullable where the guide's code or table allows null; :func:`defect` decides whether a photo is usable.
    ``flaws`` are the unreadable fields, each with its text; the values of these fields mean nothing.
    """

    id: UUID
    product_id: UUID
    object_key: str | None
    size: int | None
    content_type: str | None
    checksum: str | None
    is_primary: bool
    updated_at: AwareTime | None
    image_url: str
    filename: str | None
    version: Int32 | None
    sort_order: Int32 | None
    product_sku: str | None
    product_name: str | None
    # Internal: no head office sends a name like this.
    flaws: tuple[tuple[str, str], ...] = msgspec.field(default=(), name="etalase:flaws")

    @property
    def is_nameless(self) -> bool:
        """Returns whether HO listed the row without a readable id; ``id`` is then made from the rest of the row."""
        return any(name == "id" for name, _ in self.flaws)


class FeedFilter(msgspec.Struct, frozen=True):
    """The company and store of the request, as HO understood them."""

    company_id: UUID | None = None
    store_id: UUID | None = None


class FeedStore(msgspec.Struct, frozen=True):
    """The store that the page is for."""

    id: UUID | None = None


class Odd(StrEnum):
    """The kind of an oddity that was repaired or skipped. The words are codes of a run's notices."""

    ROW_MENDED = "rows_mended"
    ROW_NAMELESS = "rows_without_id"
    DELETION_UNREAD = "deletions_unread"
    PAGE_MENDED = "page_mended"


class Oddity(msgspec.Struct, frozen=True):
    """A deviation on a page: the field, and its text."""

    kind: Odd
    field: str
    shown: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every feed page. ``sync_timestamp`` stays HO's own text, so that it returns with every digit.

    None means that HO did not send the field. ``full`` is Etalase's; another HO does not send it.
    """

    deleted_ids: list[UUID] = msgspec.field(default_factory=list)
    sync_timestamp: str | None = None
    total: Offset | None = None
    has_more: bool | None = None
    next_offset: Offset | None = None
    filter: FeedFilter | None = None
    store: FeedStore | None = None
    full: bool = False
    # Internal: no head office sends a name like this.
    oddities: tuple[Oddity, ...] = msgspec.field(default=(), name="etalase:oddities")

    @property
    def names_its_store(self) -> bool:
        """Returns whether HO names the store of the page."""
        return bool((self.filter and self.filter.store_id) or (self.store and self.store.id))


class Page(Envelope, frozen=True, kw_only=True):
    """One page of the photo feed. Only Etalase's HO sends ``products_changed_at`` and ``digest``."""

    photos: list[Photo]
    products_changed_at: str | None = None
    # Kept raw, like an unknown field: another meaning at another HO must not make the feed unreadable.
    raw_digest: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="digest")

    @property
    def digest(self) -> str | None:
        """Returns the store's :func:`etalase.photo_digest.photos_digest`, or None if HO does not send one."""
        match = MD5_TEXT.fullmatch(bytes(self.raw_digest))
        return match[1].decode() if match else None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product as ``/api/v1/sync/products/`` lists it, which only Etalase's HO has."""

    id: UUID
    sku: str | None
    name: str | None
    category: str | None = None  # None: from an older head office


class ProductPage(Envelope, frozen=True, kw_only=True):
    """One page of the product feed."""

    products: list[Product]


class TokenPair(msgspec.Struct, frozen=True):
    """The response of ``/api/v1/token/`` and ``/api/v1/token/refresh/``; the latter may omit ``refresh``."""

    access: BearerToken
    refresh: BearerToken | None = None


T = TypeVar("T")


def parse(body: bytes, as_type: type[T], *, what: str, secret: bool = False) -> T:
    """Returns the message in ``body``. Raises :class:`FeedRefused` with the reason and its place in the message.

    ``what`` names the message in the error. No part of a ``secret`` message is shown (hazard 51).
    """
    try:
        return msgspec.json.decode(body, type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        began = f" The answer begins with «{printable(body[:60].decode('utf-8', 'replace'))}»." if not secret else ""
        raise FeedRefused(
            f"{what}: {printable(str(error))}.{began}",
            hint="Head office (or something between it and this edge) did not answer with what the guide describes.",
        ) from error


def check_envelope(page: Envelope, *, company_id: UUID, store_id: UUID, offset: int) -> None:
    """Raises :class:`FeedRefused` where the page is another store's, or contradicts itself (hazard 10).

    ``offset`` is that of the request: the next one must be greater, or the pages would never end.
    """
    for name, listed, own in (
        ("store", page.filter and page.filter.store_id, store_id),
        ("store", page.store and page.store.id, store_id),
        ("company", page.filter and page.filter.company_id, company_id),
    ):
        if listed and listed != own:
            raise FeedRefused(
                f"The page is for {name} {listed}, not for {own}.",
                hint="Compare ETALASE_STORE_ID and ETALASE_COMPANY_ID with the store that this account belongs to.",
            )
    if page.has_more and page.next_offset is None:
        raise FeedRefused("The page says has_more, but its next_offset is null.")
    if page.has_more and page.next_offset is not None and page.next_offset <= offset:
        raise FeedRefused(f"The page at offset {offset} leads back to next_offset {page.next_offset}: it would never end.")


def parse_time(text: str, *, field: str) -> datetime:
    """Returns the time of an ISO 8601 text with offset. Raises :class:`FeedRefused` naming ``field``."""
    try:
        return msgspec.convert(text, AwareTime)
    except msgspec.ValidationError as error:
        raise FeedRefused(f"{field} is «{printable(text[:60])}», which is not a time with its offset.") from error


def lenient_time(text: str) -> datetime | None:
    """Returns the time of an ISO 8601 text, in UTC where it has no offset; None for any other text."""
    try:
        moment = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """Returns the guide's form: always with microseconds, and ``+00:00`` instead of ``Z``. ``moment`` is in UTC."""
    return moment.isoformat(timespec="microseconds")


# Most keys match, and are not examined character by character.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._/ -]*")


def _is_odd(character: str) -> bool:
    return character == "\\" or (character != " " and unicodedata.category(character)[0] in "CZ")


def key_problem(key: str) -> str | None:
    """Returns why ``key`` is not an object key of a photo, or None where it is one (hazard 47).

    Only keys under ``products/`` are photos; the other objects in the bucket belong to others.
    """
    segments = key.split("/")
    if len(key) > MAX_KEY_CHARS:
        return f"is {len(key)} characters long; {MAX_KEY_CHARS} are allowed"
    if not key.startswith(KEY_PREFIX):
        return f"does not begin with {KEY_PREFIX}"
    if any(segment in {"", ".", ".."} for segment in segments):
        return "has an empty part, «.» or «..»"
    if not _PLAIN_KEY.fullmatch(key) and any(map(_is_odd, key)):
        return "has a control character, an odd space or a backslash"
    if any(len(segment.encode()) > MAX_FILENAME_CHARS for segment in segments):
        return f"has a part of more than {MAX_FILENAME_CHARS} bytes"
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"is {len(key.encode())} bytes long in UTF-8; S3 takes {MAX_KEY_BYTES}"
    return None


_CHECKSUM = re.compile(r"[0-9a-fA-F]{32}")


def is_md5(checksum: str | None) -> bool:
    """Returns whether the text can be an MD5; on the wire it may be any text."""
    return checksum is not None and _CHECKSUM.fullmatch(checksum) is not None


def defect(photo: Photo, *, max_photo_bytes: int) -> PhotoError | None:
    """Returns why this photo cannot be published as head office lists it, or None. It fails alone (hazard 34)."""
    if photo.object_key is None or (problem := key_problem(photo.object_key)):
        shown = printable((photo.object_key or "null")[:80])
        return PhotoError(Reason.BAD_KEY, f"object_key «{shown}» {problem if photo.object_key else 'is missing'}")
    if not is_md5(photo.checksum):
        shown = printable(str(photo.checksum)[:40])
        return PhotoError(Reason.CHECKSUM_MISSING, f"HO's own data: checksum is «{shown}», not an MD5")
    if photo.size is None or photo.size <= 0:
        return PhotoError(Reason.BAD_FIELD, f"HO's own data: size is {photo.size}")
    if photo.size > max_photo_bytes:
        return PhotoError(Reason.TOO_LARGE, f"size is {photo.size} bytes; ETALASE_MAX_PHOTO_BYTES is {max_photo_bytes}")
    if photo.filename is not None and (len(photo.filename) > MAX_FILENAME_CHARS or "\0" in photo.filename):
        return PhotoError(Reason.BAD_FIELD, f"filename has {len(photo.filename)} characters or a NUL among them")
    return None


def flawed(photo: Photo) -> PhotoError:
    """Returns the error of a photo whose row has flaws: the fields, and their texts."""
    fields = ", ".join(f"{name} is {shown}" for name, shown in photo.flaws)
    return PhotoError(Reason.BAD_FIELD, f"HO's own data: {fields}")


# A head office ignores unknown preferences (RFC 7240, section 2), so the request is harmless.
DIGEST_PREFERENCE = "photo-digest"
MD5_TEXT = re.compile(rb'"([0-9a-f]{32})"')


def cache_key(checksum: str | None, version: int | None) -> str:
    """Returns the value of ``?v=``: it changes whenever the bytes do."""
    return checksum[:8] if checksum else str(version or 1)


def object_url(public_url: str, bucket: str, key: str, *, checksum: str | None, version: int | None = None) -> str:
    """Returns the URL at which a browser reads the object; the key is quoted (RFC 3986, hazard 44)."""
    return f"{public_url.rstrip('/')}/{bucket}/{quote(key, safe='/~')}?v={cache_key(checksum, version)}"


def printable_json(text: str) -> str:
    """Returns JSON text with each character that a terminal could take for a command as ``\\uXXXX`` (RFC 8259, section 7)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def printable(text: str) -> str:
    """Returns ``text`` on one line, with each character escaped that a terminal or log could take for a command (hazard 51)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
