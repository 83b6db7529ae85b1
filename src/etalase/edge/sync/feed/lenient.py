"""Reads pages that deviate from the API, as leniently as the guide's own client would. Pure.

The rules: API reference, "Lenient reading at the edge".

A page that is to the letter is decoded at once and costs nothing here. Any other is cut into its parts, and each row is read by
itself, field by field: so one odd row never changes what becomes of the others (hazard 63).
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import msgspec

from etalase.edge.sync.feed.json_parts import elements, members, scalar
from etalase.errors import FeedRefused
from etalase.protocol import (
    MAX_INT32,
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
    printable,
)

MAX_SHOWN = 60
MISSING: Final = "missing"
NO_UUID: Final = UUID(int=0)
# Of rows without an id: made from what is least likely to change from one run to the next.
_NAMELESS: Final = UUID("5f0f1a3e-6b0c-4c53-9a53-7f5f0c1e2d3b")
_TELLING: Final = ("id", "product_id", "object_key", "filename")

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_FLAGS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# Unix times beyond this are in milliseconds: the year 5138 in seconds, 1973 in milliseconds.
_MILLISECONDS_FROM = 1e11

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
            access, refresh = (_token(_value(fields.get(name))) for name in ("access", "refresh"))
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


class Unusable(ValueError):
    """The guide's own client would not get along with this value either."""


@dataclass(slots=True)
class _Reading:
    """The fields of one object, and what was odd of them: by name, the text that stood there."""

    fields: dict[str, bytes]
    mended: dict[str, str] = field(default_factory=dict)
    flaws: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, read: Callable[[object], tuple[Any, bool]], otherwise: Any = None) -> Any:
        """The field's value by ``read``, which also says whether it stood there to the letter; ``otherwise`` where it is
        unusable."""
        raw = self.fields.get(name)
        try:
            value, plain = read(_value(raw))
        except Unusable:
            self.flaws[name] = _shown(raw)
            return otherwise
        if not plain and raw is not None:
            self.mended[name] = _shown(raw)
        return value


def _value(raw: bytes | None) -> object:
    if raw is None:
        return None
    try:
        return raw if raw[:1] in b"{[" else scalar(raw)
    except ValueError:
        return raw


def _shown(raw: bytes | None) -> str:
    if raw is None:
        return MISSING
    cut = "…" if len(raw) > MAX_SHOWN else ""
    return f"«{printable(raw[:MAX_SHOWN].decode('utf-8', 'replace'))}{cut}»"


# Values: each of these says the value, and whether it stood there to the letter


def text(value: object) -> tuple[str | None, bool]:
    """A text or null; a number as its digits, half an emoji as a replacement character."""
    match value:
        case None:
            return None, True
        case str():
            whole = _HALF_CHARACTER.sub("\ufffd", value)
            return whole, whole == value
        case int() | float() if not isinstance(value, bool):
            return str(value), False
        case _:
            raise Unusable


def any_text(value: object) -> tuple[str | None, bool]:
    """As :func:`text`; anything else says nothing."""
    try:
        return text(value)
    except Unusable:
        return None, False


def exact_text(value: object) -> tuple[str | None, bool]:
    """A text or null, no character of which is lost: with another one it would name something else."""
    told, plain = text(value)
    if told and "\ufffd" in told:
        raise Unusable
    return told, plain


def address(value: object) -> tuple[str, bool]:
    """A text that must be there."""
    told, plain = exact_text(value)
    if told is None:
        raise Unusable
    return told, plain


def whole(value: object) -> tuple[int | None, bool]:
    """A whole number or null; also in quotes, or with a fraction of zero."""
    match value:
        case None:
            return None, True
        case bool():
            raise Unusable
        case int():
            return value, True
        case float() if value.is_integer():
            return int(value), False
        case str() if _WHOLE.fullmatch(value.strip()):
            return int(value.strip().partition(".")[0]), False
        case _:
            raise Unusable


def cut_whole(value: object) -> tuple[int | None, bool]:
    """As :func:`whole`; the fraction of a number is cut off, as Django does."""
    told, plain = (int(value), False) if isinstance(value, float) and math.isfinite(value) else whole(value)
    if told is not None and abs(told) > MAX_INT32:  # no column takes it
        raise Unusable
    return told, plain


def flag(value: object) -> tuple[bool, bool]:
    """A boolean; also 0, 1 and the words that Django reads. Null is false."""
    if isinstance(value, bool):
        return value, True
    if value is None:
        return False, False
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()], False
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value), False
    raise Unusable


def moment(value: object) -> tuple[datetime | None, bool]:
    """A time; without an offset it is UTC, a number counts from 1970. Anything else is an unknown time: the guide's own client
    does not read it."""
    if isinstance(value, str) and (told := lenient_time(value)):
        return told, _has_offset(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC), False
        except (ValueError, OverflowError, OSError):
            pass
    return None, False


def identity(value: object) -> tuple[UUID, bool]:
    """A UUID, in any form that Python reads."""
    if not isinstance(value, str):
        raise Unusable
    try:
        told = UUID(value.strip())
    except ValueError:
        raise Unusable from None
    return told, value.lower() in {str(told), told.hex}


def _has_offset(told: str) -> bool:
    return msgspec.convert(told, datetime).tzinfo is not None


# Rows


def read_photo(raw: bytes) -> tuple[Photo, dict[str, str]]:
    """The photo in a row that is not to the letter, and what was mended: by field, the text that stood there."""
    try:
        row = _Reading(members(raw))
    except ValueError:
        row = _Reading({})
    values = {name: row.take(name, *how) for name, how in _PHOTO.items()}
    if row.flaws.get("id"):
        values["id"] = _made_id(row.fields, raw)
        if not row.fields:
            row.flaws = {"id": f"{MISSING} in {_shown(raw)}"}
    missing = {name: MISSING for name in _PHOTO if name not in row.fields and name not in row.flaws} if row.fields else {}
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
        for name, shown in told:
            self._first.setdefault((kind, name), Oddity(kind, name, shown))

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
            row = _Reading(members(raw))
        except ValueError:
            odd.note(Odd.ROW_NAMELESS, [("product", _shown(raw))])
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
    changed_at, _ = any_text(_value(fields.get("products_changed_at")))
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
        odd.note(Odd.PAGE_MENDED, [(name, _shown(raw))])
        return []
    return elements(raw)


def _is_empty(raw: bytes) -> bool:
    """Whether it is an empty list as Go and PHP write one: ``null``, ``{}``."""
    return raw == b"null" or (raw[:1] == b"{" and raw[1:-1].strip() == b"")


def _envelope(fields: dict[str, bytes], odd: _Oddities) -> dict[str, Any]:
    page = _Reading(fields)
    envelope = {
        "deleted_ids": _deleted_ids(fields.get("deleted_ids"), odd),
        "sync_timestamp": page.take("sync_timestamp", _sync_timestamp),
        "total": page.take("total", _count),
        "has_more": page.take("has_more", _flag_or_null),
        "next_offset": page.take("next_offset", _count),
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
        odd.note(Odd.DELETION_UNREAD, [("deleted_ids", _shown(raw))])
        return told
    for one in ids:
        try:
            told.append(identity(_value(one))[0])
        except Unusable:
            odd.note(Odd.DELETION_UNREAD, [("deleted_ids", _shown(one))])
    return told


N = TypeVar("N", FeedFilter, FeedStore)


def _named(raw: bytes | None, as_type: type[N], odd: _Oddities) -> N | None:
    if raw is None or raw == b"null":
        return None
    what = "filter" if as_type is FeedFilter else "store"
    if what == "store" and raw[:1] == b'"':  # its id alone
        raw = b'{"id": ' + raw + b"}"
        odd.note(Odd.PAGE_MENDED, [(what, _shown(raw))])
    try:
        told = _Reading(members(raw))
    except ValueError:
        odd.note(Odd.PAGE_MENDED, [(what, _shown(raw))])
        return None
    ids = {name: told.take(name, _identity_or_null) for name in as_type.__struct_fields__}
    odd.note(Odd.PAGE_MENDED, ((f"{what}.{name}", shown) for name, shown in told.flaws.items()))
    return as_type(**ids)


def _identity_or_null(value: object) -> tuple[UUID | None, bool]:
    return (None, True) if value is None else identity(value)


def _flag_or_null(value: object) -> tuple[bool | None, bool]:
    return (None, True) if value is None else flag(value)


def _count(value: object) -> tuple[int | None, bool]:
    told, plain = whole(value)
    if told is not None and not 0 <= told < 2**63:
        raise Unusable
    return told, plain


def _sync_timestamp(value: object) -> tuple[str | None, bool]:
    """HO's own text, where it is a time; with or without an offset it goes back as it came."""
    if value is None:
        return None, True
    if isinstance(value, str) and lenient_time(value):
        return value, True
    raise Unusable
