"""Values that rows take for a moment inside a transaction, so that they can exchange values of unique rules. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import Final
from uuid import UUID

from etalase.checksum import md5_hex
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.plan.vacating import moving_key
from etalase.protocol import Photo

NUMBERS: Final = ("size", "version", "sort_order")
TEXTS: Final = ("object_key", "filename", "content_type", "checksum")
# The least value that a CHECK is likely to accept.
_LEAST: Final = {"size": 1, "version": 1, "sort_order": 0}

Value = int | str | bool | None


class Way(Enum):
    """How rows leave their places. Each is an UPDATE, but for the last one."""

    NEAR = "near"  # the least numbers that are free in the product
    FAR = "far"  # numbers beyond all of the table
    NULL = "null"
    LIFTED = "lifted"  # deleted and inserted whole, only where neither a key nor a trigger would notice


class Leaving(Enum):
    """What becomes of rows that head office no longer lists."""

    STAY = "stay"
    LAST = "last"  # they make room like the others, and are deleted last
    FIRST = "first"  # they are deleted first


@dataclass(frozen=True, slots=True)
class Room:
    """One way to make room."""

    way: Way
    leaving: Leaving = Leaving.STAY


def interim_values(
    way: Way,
    rows: Iterable[Row],
    listed: Mapping[UUID, Photo],
    columns: Collection[str],
    *,
    neighbours: Iterable[Row] = (),
    largest: Mapping[str, int] | None = None,
) -> dict[UUID, dict[str, Value]]:
    """Returns for each of ``rows`` a value that no other row has in each of the ``columns`` of unique rules.

    ``neighbours`` are all rows of the products concerned. ``largest`` has the largest number of each column in the table. A
    photo that goes to another product is not primary meanwhile.
    """
    taken: dict[tuple[UUID, str], set[Value]] = {}
    known: list[Row | Photo] = [*neighbours, *listed.values()]
    for other in known:
        for name in NUMBERS:
            taken.setdefault((other.product_id, name), set()).add(getattr(other, name))
    beyond = {name: count(max([(largest or {}).get(name, 0), *numbers_of(listed.values(), name)]) + 1) for name in NUMBERS}
    values: dict[UUID, dict[str, Value]] = {}
    for row in rows:
        one: dict[str, Value] = {}
        for name in NUMBERS:
            free = taken.setdefault((row.product_id, name), set())
            near = next(n for n in count(_LEAST[name]) if n not in free)
            one[name] = None if way is Way.NULL else next(beyond[name]) if way is Way.FAR else near
            free.add(near)
        one |= dict.fromkeys(TEXTS) if way is Way.NULL else _texts(row)
        photo = listed.get(row.id)
        one["is_primary"] = row.is_primary and (photo is None or photo.product_id == row.product_id)
        values[row.id] = {name: value for name, value in one.items() if name in columns}
    return values


def numbers_of(photos: Iterable[Photo], name: str) -> list[int]:
    """Returns the numbers of a column in head office's list."""
    return [value for photo in photos if (value := getattr(photo, name)) is not None]


def _texts(row: Row) -> dict[str, Value]:
    short = row.id.hex[:14]
    digest = md5_hex(row.id.bytes)
    return {
        "object_key": moving_key(row.id, row.object_key),
        "filename": f"{short}.jpg",
        "content_type": f"image/{short}",
        "checksum": digest,
    }
