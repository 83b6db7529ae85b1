"""Reads feed pages that deviate from the API, as leniently as the guide's own client would. Pure.

The rules: API reference, "Lenient reading at the edge". A page without a deviation is decoded at once. Any other page is cut
into its parts, and each row is decoded by itself, field by field: so one odd row never changes another row (hazard 63).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from etalase.edge.sync.feed import values
from etalase.edge.sync.feed.json_parts import elements, members
from etalase.edge.sync.feed.values import MISSING, Fields, Unusable, decoded, excerpt
from etalase.errors import FeedRefused
from etalase.protocol import (
    BearerToken,
    FeedFilter,
    FeedStore,
    Odd,
    Oddity,
    Page,
    Photo,
    Product,
    ProductPage,
    TokenPair,
    lenient_time,
    parse,
)

NO_UUID: Final = UUID(int=0)
# A row without an id gets one from its fields that are least likely to change between runs.
_NAMELESS: Final = UUID("5f0f1a3e-6b0c-4c53-9a53-7f5f0c1e2d3b")
_NAMING_FIELDS: Final = ("id", "product_id", "object_key", "filename")

# The reader of each field of a photo, and the value of the field where it is unusable.
_PHOTO: Final[dict[str, tuple[Callable[[object], tuple[Any, bool]], Any]]] = {
    "id": (values.identity, NO_UUID),
    "product_id": (values.identity, NO_UUID),
    "object_key": (values.exact_text, None),
    "size": (values.whole, None),
    "content_type": (values.text, None),
    "checksum": (values.text, None),
    "is_primary": (values.flag, False),
    "updated_at": (values.moment, None),
    "image_url": (values.address, ""),
    "filename": (values.text, None),
    "version": (values.cut_whole, None),
    "sort_order": (values.cut_whole, None),
    "product_sku": (values.any_text, None),
    "product_name": (values.any_text, None),
}

P = TypeVar("P", Page, ProductPage)
N = TypeVar("N", FeedFilter, FeedStore)

_photo = msgspec.json.Decoder(Photo)
_product = msgspec.json.Decoder(Product)
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_photo_page(body: bytes, *, what: str) -> Page:
    """Returns the photo page in ``body``, with odd rows too. Raises :class:`FeedRefused` where it is not a page."""
    return _read(body, Page, _mended_photo_page, what=what)


def read_product_page(body: bytes, *, what: str) -> ProductPage:
    """Returns the product page in ``body``, as :func:`read_photo_page` does."""
    return _read(body, ProductPage, _mended_product_page, what=what)


def _read(body: bytes, as_type: type[P], mended: Callable[[dict[str, bytes]], P], *, what: str) -> P:
    body = in_utf8(body)
    try:
        page = parse(body, as_type, what=what)
    except FeedRefused as refusal:
        try:
            return mended(members(body))
        except ValueError:
            raise refusal from None
    return page if _is_plain(page) else mended(members(body))


def read_tokens(body: bytes, *, what: str) -> TokenPair:
    """Returns the tokens in ``body``, without a refresh token that is not usable. Raises :class:`FeedRefused`."""
    body = in_utf8(body)
    try:
        return parse(body, TokenPair, what=what, secret=True)
    except FeedRefused as refusal:
        try:
            fields = members(body)
            access, refresh = (_token(decoded(fields.get(name))) for name in ("access", "refresh"))
        except ValueError:
            raise refusal from None
        if access is None:
            raise
        return TokenPair(access, refresh)


def _token(value: object) -> str | None:
    try:
        return msgspec.convert(value, BearerToken)
    except msgspec.ValidationError:
        return None


def in_utf8(body: bytes) -> bytes:
    """Returns ``body`` in UTF-8 without a byte order mark; Python's clients accept UTF-16 and UTF-32 too."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8-sig":
        return body[3:]
    return body if encoding == "utf-8" else body.decode(encoding, "replace").encode("utf-8", "replace")


def _is_plain(page: Page | ProductPage) -> bool:
    """Returns whether a page that was decoded at once has no deviation."""
    if page.sync_timestamp is not None and lenient_time(page.sync_timestamp) is None:
        return False
    rows = page.photos if isinstance(page, Page) else ()
    return all(photo.updated_at for photo in rows)


class _Oddities:
    """The deviations of one page: the first of each kind and field."""

    def __init__(self) -> None:
        self._first: dict[tuple[Odd, str], Oddity] = {}

    def note(self, kind: Odd, fields: Iterable[tuple[str, str]]) -> None:
        """Adds deviations as pairs of a field's name and its text."""
        for name, raw_text in fields:
            self._first.setdefault((kind, name), Oddity(kind, name, raw_text))

    def all(self) -> tuple[Oddity, ...]:
        """Returns all deviations."""
        return tuple(self._first.values())


def _mended_photo_page(fields: dict[str, bytes]) -> Page:
    odd = _Oddities()
    photos = _photos(_rows(fields, "photos", odd), odd)
    changed_at, _ = values.any_text(decoded(fields.get("products_changed_at")))
    envelope = _envelope(fields, odd)
    digest = msgspec.Raw(fields.get("digest", b"null"))
    return Page(**envelope, photos=photos, products_changed_at=changed_at, raw_digest=digest, oddities=odd.all())


def _mended_product_page(fields: dict[str, bytes]) -> ProductPage:
    odd = _Oddities()
    products = _products(_rows(fields, "products", odd), odd)
    return ProductPage(**_envelope(fields, odd), products=products, oddities=odd.all())


def _rows(fields: dict[str, bytes], name: str, odd: _Oddities) -> list[bytes]:
    """Returns the raw rows of a page. Raises ValueError where the field is not a list."""
    raw = fields.get(name, b"")
    if _is_empty(raw):
        odd.note(Odd.PAGE_MENDED, [(name, excerpt(raw))])
        return []
    return elements(raw)


def _is_empty(raw: bytes) -> bool:
    """Returns whether ``raw`` is an empty list as Go and PHP write it: ``null``, ``{}``."""
    return raw == b"null" or (raw[:1] == b"{" and raw[1:-1].strip() == b"")


def _photos(rows: Iterable[bytes], odd: _Oddities) -> list[Photo]:
    """Returns the photos, unusable ones first: of two rows with one id the usable one wins, as with the guide's client."""
    usable: list[Photo] = []
    unusable: list[Photo] = []
    for raw in rows:
        try:
            photo = _photo.decode(raw)
            mended: dict[str, str] = {}
        except _NOT_PLAIN:
            photo, mended = _mended_photo(raw)
        else:
            if photo.updated_at is None or photo.flaws:
                photo, mended = _mended_photo(raw)
        if photo.is_nameless:
            odd.note(Odd.ROW_NAMELESS, photo.flaws)
        odd.note(Odd.ROW_MENDED, mended.items())
        (unusable if photo.flaws else usable).append(photo)
    return unusable + usable


def _mended_photo(raw: bytes) -> tuple[Photo, dict[str, str]]:
    """Returns the photo in a row with deviations, and the text of each mended field."""
    try:
        row = Fields(members(raw))
    except ValueError:
        row = Fields({})
    photo = {name: row.take(name, read, otherwise) for name, (read, otherwise) in _PHOTO.items()}
    if row.flaws.get("id"):
        photo["id"] = _made_id(row.raw, raw)
        if not row.raw:
            row.flaws = {"id": f"{MISSING} in {excerpt(raw)}"}
    missing = {name: MISSING for name in _PHOTO if name not in row.raw and name not in row.flaws} if row.raw else {}
    return Photo(**photo, flaws=tuple(sorted(row.flaws.items()))), row.mended | missing


def _made_id(fields: dict[str, bytes], raw: bytes) -> UUID:
    has_names = bool(fields.keys() & set(_NAMING_FIELDS[1:]))
    names = b"\n".join(fields.get(name, b"") for name in _NAMING_FIELDS) if has_names else raw
    return uuid5(_NAMELESS, names.decode("latin-1"))


def _products(rows: Iterable[bytes], odd: _Oddities) -> list[Product]:
    products: list[Product] = []
    for raw in rows:
        try:
            products.append(_product.decode(raw))
            continue
        except _NOT_PLAIN:
            pass
        try:
            row = Fields(members(raw))
        except ValueError:
            odd.note(Odd.ROW_NAMELESS, [("product", excerpt(raw))])
            continue
        product = Product(
            id=row.take("id", values.identity),
            sku=row.take("sku", values.any_text),
            name=row.take("name", values.any_text),
            category=row.take("category", values.any_text),
        )
        if row.flaws:
            odd.note(Odd.ROW_NAMELESS, _prefixed("product ", row.flaws))
        else:
            products.append(product)
        odd.note(Odd.ROW_MENDED, _prefixed("product ", row.mended))
    return products


def _prefixed(prefix: str, texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(prefix + name, raw_text) for name, raw_text in texts.items()]


def _envelope(fields: dict[str, bytes], odd: _Oddities) -> dict[str, Any]:
    page = Fields(fields)
    envelope = {
        "deleted_ids": _deleted_ids(fields.get("deleted_ids"), odd),
        "sync_timestamp": page.take("sync_timestamp", values.sync_timestamp),
        "total": page.take("total", values.count),
        "has_more": page.take("has_more", values.flag_or_null),
        "next_offset": page.take("next_offset", values.count),
        "filter": _named(fields.get("filter"), "filter", FeedFilter, odd),
        "store": _named(fields.get("store"), "store", FeedStore, odd),
        "full": page.take("full", values.flag, False),
    }
    odd.note(Odd.PAGE_MENDED, (page.mended | page.flaws).items())
    return envelope


def _deleted_ids(raw: bytes | None, odd: _Oddities) -> list[UUID]:
    """Returns the readable ids."""
    if raw is None or _is_empty(raw):
        return []
    try:
        raw_ids = elements(raw)
    except ValueError:
        odd.note(Odd.DELETION_UNREAD, [("deleted_ids", excerpt(raw))])
        return []
    ids: list[UUID] = []
    for raw_id in raw_ids:
        try:
            ids.append(values.identity(decoded(raw_id))[0])
        except Unusable:
            odd.note(Odd.DELETION_UNREAD, [("deleted_ids", excerpt(raw_id))])
    return ids


def _named(raw: bytes | None, name: str, as_type: type[N], odd: _Oddities) -> N | None:
    """Returns the company and store that a page names in its field ``name``."""
    if raw is None or raw == b"null":
        return None
    if as_type is FeedStore and raw[:1] == b'"':  # the id alone
        raw = b'{"id": ' + raw + b"}"
        odd.note(Odd.PAGE_MENDED, [(name, excerpt(raw))])
    try:
        found = Fields(members(raw))
    except ValueError:
        odd.note(Odd.PAGE_MENDED, [(name, excerpt(raw))])
        return None
    ids = {id_name: found.take(id_name, values.identity_or_null) for id_name in as_type.__struct_fields__}
    odd.note(Odd.PAGE_MENDED, _prefixed(f"{name}.", found.flaws))
    return as_type(**ids)
