"""Reads single JSON values leniently. Pure.

Each reader takes a decoded scalar, the bytes of an object or array, or None for a missing field. It returns the value, and
whether the API allows the spelling. It raises :class:`Unusable` where the guide's own client could not use the value either.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from etalase.edge.sync.feed.json_parts import scalar
from etalase.protocol import MAX_INT32, lenient_time, printable

MAX_SHOWN_BYTES: Final = 60
MISSING: Final = "missing"

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_FLAGS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# Unix times beyond this are in milliseconds: the year 5138 in seconds, 1973 in milliseconds.
_MILLISECONDS_FROM = 1e11


class Unusable(ValueError):
    """The guide's own client could not use this value either."""


@dataclass(slots=True)
class Fields:
    """The fields of one JSON object, with the text of each ``mended`` field and of each unusable one (``flaws``), by name."""

    raw: dict[str, bytes]
    mended: dict[str, str] = field(default_factory=dict)
    flaws: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, read: Callable[[object], tuple[Any, bool]], otherwise: Any = None) -> Any:
        """Returns the value of a field by the reader ``read``; ``otherwise`` where it is unusable."""
        raw = self.raw.get(name)
        try:
            value, is_plain = read(decoded(raw))
        except Unusable:
            self.flaws[name] = excerpt(raw)
            return otherwise
        if not is_plain and raw is not None:
            self.mended[name] = excerpt(raw)
        return value


def decoded(raw: bytes | None) -> object:
    """Returns the scalar in ``raw``; the bytes themselves where it is an object, an array, or not JSON."""
    if raw is None:
        return None
    try:
        return raw if raw[:1] in b"{[" else scalar(raw)
    except ValueError:
        return raw


def excerpt(raw: bytes | None) -> str:
    """Returns the first characters of a raw value, for texts."""
    if raw is None:
        return MISSING
    cut = "…" if len(raw) > MAX_SHOWN_BYTES else ""
    return f"«{printable(raw[:MAX_SHOWN_BYTES].decode('utf-8', 'replace'))}{cut}»"


def text(value: object) -> tuple[str | None, bool]:
    """Reads a text or null; a number becomes its digits, half an emoji a replacement character."""
    match value:
        case None:
            return None, True
        case str():
            without_halves = _HALF_CHARACTER.sub("\ufffd", value)
            return without_halves, without_halves == value
        case int() | float() if not isinstance(value, bool):
            return str(value), False
        case _:
            raise Unusable


def any_text(value: object) -> tuple[str | None, bool]:
    """Reads as :func:`text` does; any other value becomes null."""
    try:
        return text(value)
    except Unusable:
        return None, False


def exact_text(value: object) -> tuple[str | None, bool]:
    """Reads a text or null without a replacement character: with a lost character it would name another thing."""
    exact, is_plain = text(value)
    if exact and "\ufffd" in exact:
        raise Unusable
    return exact, is_plain


def address(value: object) -> tuple[str, bool]:
    """Reads a text that is not null."""
    exact, is_plain = exact_text(value)
    if exact is None:
        raise Unusable
    return exact, is_plain


def whole(value: object) -> tuple[int | None, bool]:
    """Reads a whole number or null; also in quotes, or with a fraction of zero."""
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
    """Reads as :func:`whole` does, and cuts off the fraction of a number, as Django does."""
    number, is_plain = (int(value), False) if isinstance(value, float) and math.isfinite(value) else whole(value)
    if number is not None and abs(number) > MAX_INT32:  # too large for the column
        raise Unusable
    return number, is_plain


def count(value: object) -> tuple[int | None, bool]:
    """Reads a whole number of 0 or more, or null."""
    number, is_plain = whole(value)
    if number is not None and not 0 <= number < 2**63:
        raise Unusable
    return number, is_plain


def flag(value: object) -> tuple[bool, bool]:
    """Reads a boolean; also 0, 1 and the words that Django reads. Null is false."""
    if isinstance(value, bool):
        return value, True
    if value is None:
        return False, False
    if isinstance(value, str) and value.strip().lower() in _FLAGS:
        return _FLAGS[value.strip().lower()], False
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value), False
    raise Unusable


def flag_or_null(value: object) -> tuple[bool | None, bool]:
    """Reads as :func:`flag` does; null stays null."""
    return (None, True) if value is None else flag(value)


def moment(value: object) -> tuple[datetime | None, bool]:
    """Reads a time; one without an offset is UTC, a number counts from 1970. Any other value is an unknown time."""
    if isinstance(value, str) and (time := lenient_time(value)):
        return time, msgspec.convert(value, datetime).tzinfo is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC), False
        except (ValueError, OverflowError, OSError):
            pass
    return None, False


def sync_timestamp(value: object) -> tuple[str | None, bool]:
    """Reads head office's own spelling of a time, which is sent back unchanged; or null."""
    if value is None:
        return None, True
    if isinstance(value, str) and lenient_time(value):
        return value, True
    raise Unusable


def identity(value: object) -> tuple[UUID, bool]:
    """Reads a UUID, in any form that Python reads."""
    if not isinstance(value, str):
        raise Unusable
    try:
        parsed = UUID(value.strip())
    except ValueError:
        raise Unusable from None
    return parsed, value.lower() in {str(parsed), parsed.hex}


def identity_or_null(value: object) -> tuple[UUID | None, bool]:
    """Reads as :func:`identity` does; null stays null."""
    return (None, True) if value is None else identity(value)
