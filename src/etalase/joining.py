"""Defines the code by which a store's machine joins head office, and the messages of joining on the wire. Pure.

A code is eleven random characters (55 bits) and a check character, in groups of four: ``K7QF-M2XR-9TWR``. It lacks 0, O, 1 and
I, which look alike. The check character is a sum over the field of 32 elements with a weight of its own for each place, so that
one wrong character, or two that changed places, are always found before the code is sent.
"""

import re
import secrets
from typing import Annotated, Final

import msgspec

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_CHARS: Final = 12
GROUP_CHARS: Final = 4
CODE_DAYS: Final = 7
# The machine that used a code may ask once more for so long: the response may have been lost.
RETRY_SECONDS: Final = 3600
NONCE_FORM: Final = r"^[A-Za-z0-9_-]{22,64}$"
JOIN_PATH: Final = "/api/v1/join/"

# x^5 + x^2 + 1, which is primitive: the weights of the first 31 places differ.
_MODULUS: Final = 0b100101
_SEPARATORS: Final = re.compile(r"[\s.–—_-]+")
_LOOKALIKES: Final = "0O1I"


def _times_weight(element: int) -> int:
    doubled = element << 1
    return doubled ^ _MODULUS if doubled & 0b100000 else doubled


def _sum(symbols: str) -> int:
    total = 0
    for symbol in symbols:
        total = _times_weight(total) ^ ALPHABET.index(symbol)
    return total


def new_code() -> str:
    """Returns a random code, without its dashes."""
    data = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS - 1))
    return data + ALPHABET[_times_weight(_sum(data))]


def shown_code(code: str) -> str:
    """Returns the code in groups, as people read and type it."""
    return "-".join(code[start : start + GROUP_CHARS] for start in range(0, len(code), GROUP_CHARS))


def parse_code(text: str) -> str:
    """Returns the code that a person typed, without dashes and in capitals. Raises ValueError with the fault."""
    code = _SEPARATORS.sub("", text).upper()
    if odd := [char for char in dict.fromkeys(code) if char not in ALPHABET]:
        about = " 0, O, 1 and I are never used." if set(odd) & set(_LOOKALIKES) else ""
        raise ValueError(f"a code has no «{''.join(odd)[:CODE_CHARS]}».{about}")
    if len(code) != CODE_CHARS:
        raise ValueError(f"a code has {CODE_CHARS} characters, as in K7QF-M2XR-9TWR; this one has {len(code)}.")
    if _sum(code):
        raise ValueError("the code has a typing error: one character is wrong, or two have changed places.")
    return code


def new_nonce() -> str:
    """Returns the text by which head office knows the same machine again."""
    return secrets.token_urlsafe(24)


class JoinSchedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The schedule of a chain's stores: the values of the edge's settings BANDWIDTH and FULL_RUN."""

    bandwidth: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    full_run: Annotated[str, msgspec.Meta(max_length=20)] = ""


class JoinResponse(msgspec.Struct, frozen=True):
    """All that a store's machine needs of head office."""

    company_id: str
    store_id: str
    store_code: str
    store_name: str
    username: str
    password: str
    # HOST:PORT or SCHEME://HOST:PORT of the photos
    image_origins: list[str] = []
    # Null: head office leaves it to the machine.
    time_zone: str | None = None
    schedule: JoinSchedule | None = None
