"""Reads the renditions on a feed page, leniently and apart from the photos, so that none of them can harm a photo. Pure."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from uuid import UUID

import msgspec

from etalase.edge.sync.feed import values
from etalase.edge.sync.feed.json_parts import elements, members
from etalase.edge.sync.feed.lenient import in_utf8, read_photo_page
from etalase.edge.sync.feed.values import Unusable, decoded, excerpt
from etalase.edge.sync.plan.renditions import RenditionSet
from etalase.protocol import MD5_TEXT, Odd, Oddity, Page, Photo, is_md5
from etalase.renditions import MAX_THUMBHASH_BYTES, WireRendition, rendition_problem

# More are not one set: a head office of ours lists at most three.
MAX_RENDITIONS = 8
MAX_URL_CHARS = 2000


class RenditionPage(Page, frozen=True, kw_only=True):
    """A page of the photo feed, with the sets of its photos; without photos whose row has no ``renditions``."""

    renditions: tuple[RenditionSet, ...] = msgspec.field(default=(), name="etalase:renditions")
    rendition_digest: str | None = msgspec.field(default=None, name="etalase:rendition_digest")


class _Row(msgspec.Struct):
    id: UUID
    renditions: tuple[WireRendition, ...]
    thumbhash: str | None = None


class _Rows(msgspec.Struct):
    photos: list[_Row]
    rendition_digest: msgspec.Raw = msgspec.Raw(b"null")


Note = Callable[[str, bytes], None]

_rows = msgspec.json.Decoder(_Rows)
_row = msgspec.json.Decoder(_Row)
_rendition = msgspec.json.Decoder(WireRendition)
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_rendition_page(body: bytes, *, what: str) -> RenditionPage:
    """Returns the photo page in ``body`` with its renditions. Raises :class:`FeedRefused` where it is not a page."""
    page = read_photo_page(body, what=what)
    body = in_utf8(body)
    oddities = {(oddity.kind, oddity.field): oddity for oddity in page.oddities}

    def note(name: str, raw: bytes) -> None:
        oddities.setdefault((Odd.ROW_MENDED, name), Oddity(Odd.ROW_MENDED, name, excerpt(raw)))

    photos = {photo.id: photo for photo in page.photos if not photo.flaws and is_md5(photo.checksum)}
    try:
        plain = _rows.decode(body)
        rows: Iterable[_Row] = plain.photos
        raw_digest = bytes(plain.rendition_digest)
    except _NOT_PLAIN:
        fields = members(body)
        rows = _mended(fields, note)
        raw_digest = fields.get("rendition_digest", b"null")
    sets = tuple(_set(photos[row.id], row, note) for row in rows if row.id in photos)
    digest = MD5_TEXT.fullmatch(raw_digest)
    kept = {name: getattr(page, name) for name in page.__struct_fields__}
    kept["oddities"] = tuple(oddities.values())
    return RenditionPage(**kept, renditions=sets, rendition_digest=digest[1].decode() if digest else None)


def _mended(fields: Mapping[str, bytes], note: Note) -> Iterator[_Row]:
    """Yields the rows of a page with deviations, each with the renditions that are readable."""
    try:
        rows = elements(fields.get("photos", b""))
    except ValueError:
        return
    for raw in rows:
        try:
            yield _row.decode(raw)
            continue
        except _NOT_PLAIN:
            pass
        try:
            row = members(raw)
            photo_id, _ = values.identity(decoded(row.get("id")))
        except (ValueError, Unusable):
            continue
        if (listed := row.get("renditions")) is None:
            continue
        try:
            raw_renditions = elements(listed)
        except ValueError:  # another meaning than ours says nothing about the set
            note("renditions", listed)
            continue
        thumbhash = decoded(row.get("thumbhash"))
        if not isinstance(thumbhash, str | None):
            note("thumbhash", row["thumbhash"])
            thumbhash = None
        yield _Row(photo_id, tuple(_readable(raw_renditions, note)), thumbhash)


def _readable(raw_renditions: list[bytes], note: Note) -> Iterator[WireRendition]:
    for raw in raw_renditions:
        try:
            yield _rendition.decode(raw)
        except _NOT_PLAIN:
            note("renditions", raw)


def _set(photo: Photo, row: _Row, note: Note) -> RenditionSet:
    """Returns the usable renditions of ``row``, one of each width."""
    usable: dict[int, WireRendition] = {}
    for rendition in row.renditions:
        url = rendition.image_url
        is_url = url.isascii() and url.isprintable() and len(url) <= MAX_URL_CHARS
        is_new = rendition.width not in usable and len(usable) < MAX_RENDITIONS
        if is_url and is_new and rendition_problem(photo.id, rendition) is None:
            usable[rendition.width] = rendition
        else:
            note("renditions", msgspec.json.encode(rendition.object_key))
    thumbhash = row.thumbhash or ""
    if not is_thumbhash(thumbhash):
        note("thumbhash", thumbhash.encode("utf-8", "replace"))
        thumbhash = ""
    return RenditionSet(
        photo_id=photo.id,
        product_id=photo.product_id,
        is_primary=photo.is_primary,
        sort_order=photo.sort_order or 0,
        photo_checksum=(photo.checksum or "").lower(),
        thumbhash=thumbhash,
        renditions=tuple(usable[width] for width in sorted(usable)),
    )


def is_thumbhash(text: str) -> bool:
    """Returns whether ``text`` is the base64 of at most 40 bytes, or empty."""
    try:
        return len(base64.b64decode(text, validate=True)) <= MAX_THUMBHASH_BYTES
    except ValueError:  # also where a character is not ASCII
        return False
