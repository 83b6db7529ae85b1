"""Reads pages that deviate from the API, as leniently as the guide's own client would. Pure.

The rules: API reference, "Lenient reading at the edge".

A page that is to the letter is decoded at once and costs nothing here. Any other is cut into its parts, and each row is read by
itself, field by field: so one odd row never changes what becomes of the others (hazard 63).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from etalase.edge.sync.feed.json_parts import elements, members
from etalase.edge.sync.feed.values import (
    MISSING,
    Fields,
    Unusable,
    address,
    any_text,
    count,
    cut_whole,
    decoded,
    exact_text,
    flag,
    flag_or_null,
    identity,
    identity_or_null,
    moment,
    shown,
    sync_timestamp,
    text,
    whole,
)
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
# Of rows without an id: made from what is least likely to change from one run to the next.
_NAMELESS: Final = UUID("5f0f1a3e-6b0c-4c53-9a53-7f5f0c1e2d3b")
_TELLING: Final = ("id", "product_id", "object_key", "filename")

P = TypeVar("P", Page, ProductPage)
_photo = msgspec.json.Decoder(Photo)
_product = msgspec.json.Decoder(Product)


def read_photo_page(body: bytes, *, what: str) -> Page:
    """The page of the photo feed in ``body``. Raises :class:`FeedRefused` where it is not one, whatever is odd inside."""
    return _read(body, Page, _mended_photo_page, what=what)


def read_product_page(body: bytes, *, what: str) -> ProductPage:
    """As :func:`read_photo_page`, of the product feed."""
    return _read(body, ProductPage, _mended_product_page, what=what)


def _read(body: bytes, as_type: type[P], mended: Callable[[dict[str, bytes]], P], *, what: str) -> P:
    body = _in_utf8(body)
    try:
        page = parse(body, as_type, what=what)
    except FeedRefused as refusal:
        try:
            return mended(members(body))
        except ValueError:
            raise refusal from None
    return page if _is_plain(page) else mended(members(body))


def read_tokens(body: bytes, *, what: str) -> TokenPair:
    """The tokens in ``body``; a refresh token that cannot be one is none. Raises :class:`FeedRefused`."""
    body = _in_utf8(body)
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


def _in_utf8(body: bytes) -> bytes:
    """``body`` without a byte order mark, and in UTF-8 where it is in UTF-16 or UTF-32, as Python's clients take it."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8-sig":
        return body[3:]
    return body if encoding == "utf-8" else body.decode(encoding, "replace").encode("utf-8", "replace")


def _is_plain(page: Page | ProductPage) -> bool:
    """Whether there is nothing to say about a page that was decoded at once."""
    if page.sync_timestamp is not None and lenient_time(page.sync_timestamp) is None:
        return False
    rows = page.photos if isinstance(page, Page) else ()
    return all(photo.updated_at for photo in rows)


# Rows


def read_photo(raw: bytes) -> tuple[Photo, dict[str, str]]:
    """The photo in a row that is not to the letter, and what was mended: by field, the text that stood there."""
    try:
        row = Fields(members(raw))
    except ValueError:
        row = Fields({})
    values = {name: row.take(name, *how) for name, how in _PHOTO.items()}
    if row.flaws.get("id"):
        values["id"] = _made_id(row.raw, raw)
        if not row.raw:
            row.flaws = {"id": f"{MISSING} in {shown(raw)}"}
    missing = {name: MISSING for name in _PHOTO if name not in row.raw and name not in row.flaws} if row.raw else {}
    return Photo(**values, flaws=tuple(sorted(row.flaws.items()))), row.mended | missing


def _made_id(fields: dict[str, bytes], raw: bytes) -> UUID:
    telling = b"\n".join(fields.get(name, b"") for name in _TELLING) if fields.keys() & set(_TELLING[1:]) else raw
    return uuid5(_NAMELESS, telling.decode("latin-1"))


# How each field of a photo is read, and its value where it is unusable.
_PHOTO: Final[dict[str, tuple[Callable[[object], tuple[Any, bool]], Any]]] = {
    "id": (identity, NO_UUID),
    "product_id": (identity, NO_UUID),
    "object_key": (exact_text, None),
    "size": (whole, None),
    "content_type": (text, None),
    "checksum": (text, None),
    "is_primary": (flag, False),
    "updated_at": (moment, None),
    "image_url": (address, ""),
    "filename": (text, None),
    "version": (cut_whole, None),
    "sort_order": (cut_whole, None),
    "product_sku": (any_text, None),
    "product_name": (any_text, None),
}


class _Oddities:
    """What is odd on one page: of each kind and field the first, and how many rows were mended."""

    def __init__(self) -> None:
        self._first: dict[tuple[Odd, str], Oddity] = {}

    def note(self, kind: Odd, told: Iterable[tuple[str, str]]) -> None:
        for name, text_ in told:
            self._first.setdefault((kind, name), Oddity(kind, name, text_))

    def all(self) -> tuple[Oddity, ...]:
        return tuple(self._first.values())


def _photos(rows: Iterable[bytes], odd: _Oddities) -> list[Photo]:
    """The photos, unusable ones first: of two rows with one id the usable one is to win, as with the guide's client."""
    usable: list[Photo] = []
    unusable: list[Photo] = []
    for raw in rows:
        try:
            photo = _photo.decode(raw)
            mended: dict[str, str] = {}
        except _NOT_PLAIN:
            photo, mended = read_photo(raw)
        else:
            if photo.updated_at is None or photo.flaws:
                photo, mended = read_photo(raw)
        if photo.is_nameless:
            odd.note(Odd.ROW_NAMELESS, photo.flaws)
        odd.note(Odd.ROW_MENDED, mended.items())
        (unusable if photo.flaws else usable).append(photo)
    return unusable + usable


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
            odd.note(Odd.ROW_NAMELESS, [("product", shown(raw))])
            continue
        product = Product(id=row.take("id", identity), sku=row.take("sku", any_text), name=row.take("name", any_text))
        if row.flaws:
            odd.note(Odd.ROW_NAMELESS, ((f"product {name}", shown) for name, shown in row.flaws.items()))
        else:
            products.append(product)
        odd.note(Odd.ROW_MENDED, ((f"product {name}", shown) for name, shown in row.mended.items()))
    return products


_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


# Pages


def _mended_photo_page(fields: dict[str, bytes]) -> Page:
    odd = _Oddities()
    photos = _photos(_rows(fields, "photos", odd), odd)
    changed_at, _ = any_text(decoded(fields.get("products_changed_at")))
    envelope = _envelope(fields, odd)
    digest = msgspec.Raw(fields.get("digest", b"null"))
    return Page(**envelope, photos=photos, products_changed_at=changed_at, raw_digest=digest, oddities=odd.all())


def _mended_product_page(fields: dict[str, bytes]) -> ProductPage:
    odd = _Oddities()
    products = _products(_rows(fields, "products", odd), odd)
    return ProductPage(**_envelope(fields, odd), products=products, oddities=odd.all())


def _rows(fields: dict[str, bytes], name: str, odd: _Oddities) -> list[bytes]:
    """The rows of a page. Raises ValueError where there is no list, unless it stands there as an empty one."""
    raw = fields.get(name, b"")
    if _is_empty(raw):
        odd.note(Odd.PAGE_MENDED, [(name, shown(raw))])
        return []
    return elements(raw)


def _is_empty(raw: bytes) -> bool:
    """Whether it is an empty list as Go and PHP write one: ``null``, ``{}``."""
    return raw == b"null" or (raw[:1] == b"{" and raw[1:-1].strip() == b"")


def _envelope(fields: dict[str, bytes], odd: _Oddities) -> dict[str, Any]:
    page = Fields(fields)
    envelope = {
        "deleted_ids": _deleted_ids(fields.get("deleted_ids"), odd),
        "sync_timestamp": page.take("sync_timestamp", sync_timestamp),
        "total": page.take("total", count),
        "has_more": page.take("has_more", flag_or_null),
        "next_offset": page.take("next_offset", count),
        "filter": _named(fields.get("filter"), FeedFilter, odd),
        "store": _named(fields.get("store"), FeedStore, odd),
        "full": page.take("full", flag, False),
    }
    odd.note(Odd.PAGE_MENDED, (page.mended | page.flaws).items())
    return envelope


def _deleted_ids(raw: bytes | None, odd: _Oddities) -> list[UUID]:
    """The ids that can be read."""
    told: list[UUID] = []
    if raw is None or _is_empty(raw):
        return told
    try:
        ids = elements(raw)
    except ValueError:
        odd.note(Odd.DELETION_UNREAD, [("deleted_ids", shown(raw))])
        return told
    for one in ids:
        try:
            told.append(identity(decoded(one))[0])
        except Unusable:
            odd.note(Odd.DELETION_UNREAD, [("deleted_ids", shown(one))])
    return told


N = TypeVar("N", FeedFilter, FeedStore)


def _named(raw: bytes | None, as_type: type[N], odd: _Oddities) -> N | None:
    if raw is None or raw == b"null":
        return None
    what = "filter" if as_type is FeedFilter else "store"
    if what == "store" and raw[:1] == b'"':  # its id alone
        raw = b'{"id": ' + raw + b"}"
        odd.note(Odd.PAGE_MENDED, [(what, shown(raw))])
    try:
        told = Fields(members(raw))
    except ValueError:
        odd.note(Odd.PAGE_MENDED, [(what, shown(raw))])
        return None
    ids = {name: told.take(name, identity_or_null) for name in as_type.__struct_fields__}
    odd.note(Odd.PAGE_MENDED, ((f"{what}.{name}", shown) for name, shown in told.flaws.items()))
    return as_type(**ids)
