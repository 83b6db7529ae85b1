"""What a run knows of many photos, on disk instead of in memory: a store of 100,000 photos costs no more than one of 100.

Each of these is a database of SQLite's own temporary kind: it stays in its page cache while it is small, and goes with the run.
"""

import sqlite3
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from etalase.edge.sync.plan.plan import Kind, ProductPlan, urgency
from etalase.errors import SpoolFull
from etalase.objectstore.model import ObjectInfo
from etalase.protocol import Photo

SLICE_PHOTOS = 2000
CACHE_KIBIBYTES = 2000
# SQLite takes so many values in a statement wherever it was built in the last ten years.
MAX_VALUES = 900

Item = TypeVar("Item")

_encoder = msgspec.json.Encoder()
_photo = msgspec.json.Decoder(Photo)
_product_plan = msgspec.json.Decoder(ProductPlan)


class Photos:
    """The photos of a feed, by id. ``in`` and ``len`` are about what was listed, not about what is owed."""

    def __init__(self) -> None:
        self._db = _Scratch(
            "CREATE TABLE photo (id BLOB PRIMARY KEY, product_id BLOB, object_key TEXT, checksum TEXT, owed INT, photo BLOB);"
            "CREATE INDEX by_product ON photo (product_id)"
        )
        self._listed = 0

    def put(self, photos: Iterable[Photo]) -> None:
        """List ``photos``; what was listed under their ids before is overruled."""
        records = [_record(photo, owed=False) for photo in photos]
        inserted = self._insert(records)
        self._listed += inserted
        if inserted < len(records):
            self._db.write("REPLACE INTO photo VALUES (?, ?, ?, ?, ?, ?)", records)

    def owe(self, photos: Iterable[Photo]) -> None:
        """Add what earlier runs owe; what is listed has newer word of it."""
        self._insert([_record(photo, owed=True) for photo in photos])

    def discard(self, ids: Collection[UUID]) -> None:
        """List these no longer."""
        if ids:
            self._listed -= self._db.write("DELETE FROM photo WHERE id = ?", [(id_.bytes,) for id_ in ids])

    def __len__(self) -> int:
        return self._listed

    def __contains__(self, photo_id: UUID) -> bool:
        return any(self._db.read("SELECT 1 FROM photo WHERE id = ? AND NOT owed", [photo_id.bytes]))

    def get(self, photo_id: UUID) -> Photo | None:
        """The photo as it is listed."""
        found = self._db.read("SELECT photo FROM photo WHERE id = ? AND NOT owed", [photo_id.bytes])
        return next((_photo.decode(blob) for (blob,) in found), None)

    def knows(self, photo_id: UUID) -> bool:
        """Whether the photo is listed or owed."""
        return any(self._db.read("SELECT 1 FROM photo WHERE id = ?", [photo_id.bytes]))

    def among(self, ids: Iterable[UUID]) -> dict[UUID, Photo]:
        """Those of ``ids`` that are listed or owed, as they are."""
        found: dict[UUID, Photo] = {}
        for some in _batches(id_.bytes for id_ in ids):
            marks = ",".join("?" * len(some))
            for id_, blob in self._db.read(f"SELECT id, photo FROM photo WHERE id IN ({marks})", some):
                found[UUID(bytes=id_)] = _photo.decode(blob)
        return found

    def known_among(self, ids: Iterable[UUID]) -> set[UUID]:
        """Those of ``ids`` that are listed or owed."""
        found: set[UUID] = set()
        for some in _batches(id_.bytes for id_ in ids):
            marks = ",".join("?" * len(some))
            found.update(UUID(bytes=id_) for (id_,) in self._db.read(f"SELECT id FROM photo WHERE id IN ({marks})", some))
        return found

    def has_product(self, product_id: UUID) -> bool:
        """Whether a photo of this product is listed or owed."""
        return any(self._db.read("SELECT 1 FROM photo WHERE product_id = ?", [product_id.bytes]))

    def by_id(self) -> Iterator[Photo]:
        """All, also what is owed, in the order of their ids."""
        for (blob,) in self._db.read("SELECT photo FROM photo ORDER BY id"):
            yield _photo.decode(blob)

    def in_slices(self) -> Iterator[list[Photo]]:
        """All, also what is owed, in lists of whole products and of :data:`SLICE_PHOTOS` photos or a few more."""
        part: list[Photo] = []
        for (blob,) in self._db.read("SELECT photo FROM photo ORDER BY product_id"):
            photo = _photo.decode(blob)
            if len(part) >= SLICE_PHOTOS and photo.product_id != part[-1].product_id:
                yield part
                part = []
            part.append(photo)
        if part:
            yield part

    def contested_keys(self) -> set[str]:
        """The keys that several photos claim with different bytes, or for different products."""
        found = self._db.read(
            "SELECT object_key FROM photo GROUP BY object_key HAVING count(*) > 1"
            " AND (min(product_id) <> max(product_id) OR min(lower(checksum)) IS NOT max(lower(checksum)))"
        )
        return {key for (key,) in found}

    def disputes(self) -> Iterator[list[Photo]]:
        """The photos that claim a key with different bytes, key by key."""
        found = self._db.read(
            "SELECT photo FROM photo WHERE object_key IN (SELECT object_key FROM photo GROUP BY object_key"
            " HAVING min(lower(checksum)) <> max(lower(checksum))) ORDER BY object_key, id"
        )
        for _, claimants in groupby((_photo.decode(blob) for (blob,) in found), key=lambda photo: photo.object_key):
            yield list(claimants)

    def _insert(self, records: list[tuple[object, ...]]) -> int:
        return self._db.write("INSERT OR IGNORE INTO photo VALUES (?, ?, ?, ?, ?, ?)", records)


def _record(photo: Photo, *, owed: bool) -> tuple[object, ...]:
    return photo.id.bytes, photo.product_id.bytes, photo.object_key or "", photo.checksum, owed, _encoder.encode(photo)


class Agenda:
    """What is to be carried, in the order in which a run does it: what failed least, primary photos, small before large."""

    def __init__(self) -> None:
        self._db = _Scratch(
            "CREATE TABLE step (attempts INT, further INT, size INT, number INT, plan BLOB,"
            " PRIMARY KEY (attempts, further, size, number)) WITHOUT ROWID"
        )
        self._rest: Iterator[tuple[Any, ...]] | None = None
        self._next: ProductPlan | None = None
        self._number = 0
        self.photos = self.photos_to_fetch = self.bytes_to_fetch = 0

    def add(self, products: Iterable[ProductPlan], *, attempts: Mapping[UUID, int]) -> None:
        """Put them in their places. ``attempts`` are failures so far, by product: the more, the later, so that many photos
        that nobody gives never hide the rest (invariant I7)."""
        records = []
        for product in products:
            self._number += 1
            self.photos += len(product.steps)
            self.photos_to_fetch += sum(step.kind is Kind.FETCH for step in product.steps)
            self.bytes_to_fetch += product.bytes_to_fetch
            place = (attempts.get(product.product_id, 0), *urgency(product), self._number)
            records.append((*place, _encoder.encode(product)))
        self._db.write("INSERT INTO step VALUES (?, ?, ?, ?, ?)", records)

    def to_fetch(self) -> Iterator[Photo]:
        """The photos that have to come over the link; what is on the agenda stays there."""
        for (blob,) in self._db.read("SELECT plan FROM step"):
            yield from (step.photo for step in _product_plan.decode(blob).steps if step.kind is Kind.FETCH)

    def peek(self) -> ProductPlan | None:
        """What comes next, or None at the end. Nothing may be added any more."""
        if self._next is None:
            if self._rest is None:
                self._rest = self._db.read("SELECT plan FROM step ORDER BY attempts, further, size, number")
            blob = next(self._rest, None)
            self._next = _product_plan.decode(blob[0]) if blob else None
        return self._next

    def pop(self) -> ProductPlan:
        """Take what :meth:`peek` shows."""
        taken = self.peek()
        if taken is None:
            raise IndexError("the agenda is done")
        self._next = None
        return taken


class Listing:
    """What the bucket says that it has."""

    def __init__(self, objects: Iterable[ObjectInfo]) -> None:
        self._by_etag = False
        columns = "key TEXT PRIMARY KEY, size INT, etag TEXT, modified TEXT, in_use INT"
        self._db = _Scratch(f"CREATE TABLE object ({columns}) WITHOUT ROWID")
        self._db.write("REPLACE INTO object VALUES (?, ?, ?, ?, 0)", ((o.key, o.size, o.etag, o.modified) for o in objects))

    def __len__(self) -> int:
        return int(next(self._db.read("SELECT count(*) FROM object"))[0])

    def of(self, keys: Iterable[str]) -> dict[str, ObjectInfo]:
        """What lies under ``keys``, where something does."""
        found: dict[str, ObjectInfo] = {}
        for some in _batches(keys):
            marks = ",".join("?" * len(some))
            for record in self._db.read(f"SELECT key, size, etag, modified FROM object WHERE key IN ({marks})", some):
                found[record[0]] = ObjectInfo(*record)
        return found

    def with_bytes(self, checksums: Iterable[str]) -> dict[str, str]:
        """The key of one object each whose ETag is the MD5, where there is one."""
        if not self._by_etag:
            self._db.write("CREATE INDEX by_etag ON object (etag)", [()])
            self._by_etag = True
        found: dict[str, str] = {}
        for some in _batches(checksums):
            marks = ",".join("?" * len(some))
            found |= dict(self._db.read(f"SELECT etag, min(key) FROM object WHERE etag IN ({marks}) GROUP BY etag", some))
        return found

    def use(self, keys: Iterable[str]) -> None:
        """Rows name these."""
        self._db.write("UPDATE object SET in_use = 1 WHERE key = ?", ((key,) for key in keys))

    def unused(self) -> Iterator[list[str]]:
        """The keys that no row named to :meth:`use`, some at a time."""
        keys = (key for (key,) in self._db.read("SELECT key FROM object WHERE NOT in_use"))
        yield from _batches(keys)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, MAX_VALUES)):
        yield some


class _Scratch:
    """A database that nobody else sees: no journal, no syncing, one transaction that never ends.

    Both methods raise :class:`SpoolFull` where the temporary folder has no room.
    """

    def __init__(self, schema: str) -> None:
        # One thread uses it; but the garbage collector may close it in any.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)  # Python 3.13 warns of a connection that is collected open
        self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        self._db.executescript(f"{schema}; BEGIN")

    def write(self, statement: str, records: Iterable[tuple[Any, ...]]) -> int:
        """Do it for each record; how many rows were touched comes back."""
        with _room():
            return max(self._db.executemany(statement, records).rowcount, 0)

    def read(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Returns the rows one by one.

        Where a reader stops half-way, the garbage collector ends this generator: in any thread, and perhaps after the
        database is closed. ``yield from`` would close the cursor then, which SQLite refuses.
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
            f"The temporary folder {tempfile.gettempdir()} does not take what a run has to note: {error}.",
            hint="Make room there, or name another one in TMPDIR.",
        ) from error
