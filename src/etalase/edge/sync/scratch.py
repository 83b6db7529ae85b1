"""Keeps a run's data about many photos on disk, so that memory does not grow with the number of photos (ADR 9).

Each class is a temporary SQLite database: in the page cache while it is small, and deleted with the run.
"""

import sqlite3
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from etalase.edge.sync.plan.model import Kind, ProductPlan, urgency
from etalase.errors import SpoolFull
from etalase.objectstore.model import ObjectInfo
from etalase.protocol import Photo

SLICE_PHOTOS = 2000
CACHE_KIBIBYTES = 2000
# Every SQLite of the last ten years accepts so many values in a statement.
MAX_VALUES = 900

Item = TypeVar("Item")

_encoder = msgspec.json.Encoder()
_photo = msgspec.json.Decoder(Photo)
_product_plan = msgspec.json.Decoder(ProductPlan)


class Photos:
    """The photos of a feed, by id: listed ones, and pending ones of earlier runs. ``in`` and ``len`` count listed ones only."""

    def __init__(self) -> None:
        self._db = Scratch(
            "CREATE TABLE photo"
            " (id BLOB PRIMARY KEY, product_id BLOB, object_key TEXT, checksum TEXT, pending INT, photo BLOB);"
            "CREATE INDEX by_product ON photo (product_id)"
        )
        self._listed = 0

    def put(self, photos: Iterable[Photo]) -> None:
        """Adds listed photos; replaces earlier ones with the same id."""
        records = [_record(photo, pending=False) for photo in photos]
        inserted = self._insert(records)
        self._listed += inserted
        if inserted < len(records):
            self._db.write("REPLACE INTO photo VALUES (?, ?, ?, ?, ?, ?)", records)

    def add_pending(self, photos: Iterable[Photo]) -> None:
        """Adds pending photos of earlier runs; a listed photo with the same id is newer and stays."""
        self._insert([_record(photo, pending=True) for photo in photos])

    def discard(self, ids: Collection[UUID]) -> None:
        """Removes the photos with these ids."""
        if ids:
            self._listed -= self._db.write("DELETE FROM photo WHERE id = ?", [(id_.bytes,) for id_ in ids])

    def __len__(self) -> int:
        return self._listed

    def __contains__(self, photo_id: UUID) -> bool:
        return any(self._db.read("SELECT 1 FROM photo WHERE id = ? AND NOT pending", [photo_id.bytes]))

    def get(self, photo_id: UUID) -> Photo | None:
        """Returns the listed photo, or None."""
        found = self._db.read("SELECT photo FROM photo WHERE id = ? AND NOT pending", [photo_id.bytes])
        return next((_photo.decode(blob) for (blob,) in found), None)

    def knows(self, photo_id: UUID) -> bool:
        """Returns whether the photo is listed or pending."""
        return any(self._db.read("SELECT 1 FROM photo WHERE id = ?", [photo_id.bytes]))

    def among(self, ids: Iterable[UUID]) -> dict[UUID, Photo]:
        """Returns the listed and pending photos with these ids."""
        found: dict[UUID, Photo] = {}
        for some in batches(id_.bytes for id_ in ids):
            marks = ",".join("?" * len(some))
            for id_, blob in self._db.read(f"SELECT id, photo FROM photo WHERE id IN ({marks})", some):
                found[UUID(bytes=id_)] = _photo.decode(blob)
        return found

    def known_among(self, ids: Iterable[UUID]) -> set[UUID]:
        """Returns the ids of listed and pending photos among ``ids``."""
        found: set[UUID] = set()
        for some in batches(id_.bytes for id_ in ids):
            marks = ",".join("?" * len(some))
            found.update(UUID(bytes=id_) for (id_,) in self._db.read(f"SELECT id FROM photo WHERE id IN ({marks})", some))
        return found

    def has_product(self, product_id: UUID) -> bool:
        """Returns whether a photo of this product is listed or pending."""
        return any(self._db.read("SELECT 1 FROM photo WHERE product_id = ?", [product_id.bytes]))

    def by_id(self) -> Iterator[Photo]:
        """Yields all photos, pending ones too, in the order of their ids."""
        for (blob,) in self._db.read("SELECT photo FROM photo ORDER BY id"):
            yield _photo.decode(blob)

    def in_slices(self, about: int = SLICE_PHOTOS) -> Iterator[list[Photo]]:
        """Yields all photos, pending ones too, in lists of whole products with ``about`` so many photos."""
        part: list[Photo] = []
        for (blob,) in self._db.read("SELECT photo FROM photo ORDER BY product_id"):
            photo = _photo.decode(blob)
            if len(part) >= about and photo.product_id != part[-1].product_id:
                yield part
                part = []
            part.append(photo)
        if part:
            yield part

    def contested_keys(self) -> set[str]:
        """Returns the keys that several photos claim with different bytes, or for different products."""
        found = self._db.read(
            "SELECT object_key FROM photo GROUP BY object_key HAVING count(*) > 1"
            " AND (min(product_id) <> max(product_id) OR min(lower(checksum)) IS NOT max(lower(checksum)))"
        )
        return {key for (key,) in found}

    def disputes(self) -> Iterator[list[Photo]]:
        """Yields the photos that claim the same key with different bytes, in a list for each key."""
        found = self._db.read(
            "SELECT photo FROM photo WHERE object_key IN (SELECT object_key FROM photo GROUP BY object_key"
            " HAVING min(lower(checksum)) <> max(lower(checksum))) ORDER BY object_key, id"
        )
        for _, claimants in groupby((_photo.decode(blob) for (blob,) in found), key=lambda photo: photo.object_key):
            yield list(claimants)

    def _insert(self, records: list[tuple[object, ...]]) -> int:
        return self._db.write("INSERT OR IGNORE INTO photo VALUES (?, ?, ?, ?, ?, ?)", records)


def _record(photo: Photo, *, pending: bool) -> tuple[object, ...]:
    return photo.id.bytes, photo.product_id.bytes, photo.object_key or "", photo.checksum, pending, _encoder.encode(photo)


_IN_ORDER: Final = "SELECT plan FROM step ORDER BY attempts, further, size, number"


class Agenda:
    """The plans of products in the order of a run: fewest failures first, then primary photos, then small before large.

    ``is_tried``: the customer's rules accept all of them together.
    """

    def __init__(self, *, is_tried: bool = False) -> None:
        self.is_tried = is_tried
        self._db = Scratch(
            "CREATE TABLE step (attempts INT, further INT, size INT, number INT, plan BLOB,"
            " PRIMARY KEY (attempts, further, size, number)) WITHOUT ROWID"
        )
        self._rest: Iterator[tuple[Any, ...]] | None = None
        self._next: ProductPlan | None = None
        self._number = 0
        self.photos = self.photos_to_fetch = self.photos_to_copy = self.bytes_to_fetch = 0

    def add(self, products: Iterable[ProductPlan], *, attempts: Mapping[UUID, int]) -> None:
        """Adds plans at their places. ``attempts`` has the failures so far by product.

        Products with more failures come later, so that photos that always fail never delay the others (invariant I7).
        """
        records = []
        for product in products:
            self._number += 1
            self.photos += len(product.steps)
            self.photos_to_fetch += sum(step.kind is Kind.FETCH for step in product.steps)
            self.photos_to_copy += sum(step.kind is Kind.COPY for step in product.steps)
            self.bytes_to_fetch += product.bytes_to_fetch
            place = (attempts.get(product.product_id, 0), *urgency(product), self._number)
            records.append((*place, _encoder.encode(product)))
        self._db.write("INSERT INTO step VALUES (?, ?, ?, ?, ?)", records)

    def plans(self) -> Iterator[ProductPlan]:
        """Yields the plans in their order; the agenda keeps them."""
        for (blob,) in self._db.read(_IN_ORDER):
            yield _product_plan.decode(blob)

    def peek(self) -> ProductPlan | None:
        """Returns the next plan, or None at the end. After the first call nothing may be added."""
        if self._next is None:
            if self._rest is None:
                self._rest = self._db.read(_IN_ORDER)
            blob = next(self._rest, None)
            self._next = _product_plan.decode(blob[0]) if blob else None
        return self._next

    def pop(self) -> ProductPlan:
        """Removes and returns the plan that :meth:`peek` returns."""
        taken = self.peek()
        if taken is None:
            raise IndexError("the agenda is empty")
        self._next = None
        return taken


class Listing:
    """The objects of a bucket, by its own listing."""

    def __init__(self, objects: Iterable[ObjectInfo]) -> None:
        self._by_etag = False
        columns = "key TEXT PRIMARY KEY, size INT, etag TEXT, modified TEXT, in_use INT"
        self._db = Scratch(f"CREATE TABLE object ({columns}) WITHOUT ROWID")
        self._db.write("REPLACE INTO object VALUES (?, ?, ?, ?, 0)", ((o.key, o.size, o.etag, o.modified) for o in objects))

    def __len__(self) -> int:
        return int(next(self._db.read("SELECT count(*) FROM object"))[0])

    def of(self, keys: Iterable[str]) -> dict[str, ObjectInfo]:
        """Returns the objects under ``keys``, without the missing ones."""
        found: dict[str, ObjectInfo] = {}
        for some in batches(keys):
            marks = ",".join("?" * len(some))
            for record in self._db.read(f"SELECT key, size, etag, modified FROM object WHERE key IN ({marks})", some):
                found[record[0]] = ObjectInfo(*record)
        return found

    def with_bytes(self, checksums: Iterable[str]) -> dict[str, str]:
        """Returns the key of one object with each MD5 as its ETag, where there is one."""
        if not self._by_etag:
            self._db.write("CREATE INDEX by_etag ON object (etag)", [()])
            self._by_etag = True
        found: dict[str, str] = {}
        for some in batches(checksums):
            marks = ",".join("?" * len(some))
            found |= dict(self._db.read(f"SELECT etag, min(key) FROM object WHERE etag IN ({marks}) GROUP BY etag", some))
        return found

    def use(self, keys: Iterable[str]) -> None:
        """Marks these keys as named by a row."""
        self._db.write("UPDATE object SET in_use = 1 WHERE key = ?", ((key,) for key in keys))

    def unused(self) -> Iterator[list[str]]:
        """Yields the keys that :meth:`use` did not mark, in batches."""
        keys = (key for (key,) in self._db.read("SELECT key FROM object WHERE NOT in_use"))
        yield from batches(keys)


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, MAX_VALUES)):
        yield some


class Scratch:
    """A private temporary database: no journal, no syncing, one transaction without an end.

    Both methods raise :class:`SpoolFull` where the temporary folder has no room.
    """

    def __init__(self, schema: str) -> None:
        # One thread uses it, but the garbage collector may close it in another thread.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)  # Python 3.13 warns about an open connection at collection
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        self._db.executescript(f"{schema}; BEGIN")

    def write(self, statement: str, records: Iterable[tuple[Any, ...]]) -> int:
        """Executes the statement for each record. Returns the number of changed rows."""
        with _room():
            return max(self._db.executemany(statement, records).rowcount, 0)

    def read(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yields the rows.

        If a reader stops early, the garbage collector ends this generator, in any thread, possibly after the database is
        closed. ``yield from`` would then close the cursor, which SQLite refuses.
        """
        with _room():
            for record in self._db.execute(statement, values):  # noqa: UP028
                yield record


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise SpoolFull(
            f"A run cannot write to the temporary folder {tempfile.gettempdir()}: {error}.",
            hint="Make room there, or set TMPDIR to another folder.",
        ) from error
