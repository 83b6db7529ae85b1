"""Simulates an edge in memory: the engine's own plan, publish and removal bound, over dictionaries as bucket and rows.

Only the two lowest seams are fakes (:class:`Images`, :class:`Bucket`); :meth:`Edge.write` writes rows in Python, as
:mod:`etalase.edge.sync.storage.photos` does in SQL.
It checks the view of a POS at every put and every commit (invariants I1 and I2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from tests.unit.strategies import MAX_PHOTO_BYTES, Feed, md5, row_of

from etalase.edge.sync.plan.model import Found, Plan, Row
from etalase.edge.sync.plan.plan import plan
from etalase.edge.sync.plan.removal_bound import Candidate, Cause, decide
from etalase.edge.sync.publish.put import ProductResult, put_product
from etalase.errors import ObjectChanged, ObjectMissing, ObjectStoreAway, PhotoError, Reason
from etalase.objectstore.model import Body, ObjectInfo, ObjectRead
from etalase.protocol import Photo


class Fate(Enum):
    """The fate of one effect."""

    DONE = "done"
    REFUSED = "refused"
    RESPONSE_LOST = "response lost"


class Killed(BaseException):
    """Simulates a kill of the process."""


@dataclass
class Edge:
    """One store's rows, bucket and intents, and all photos that head office ever listed for its products."""

    rows: dict[UUID, Row] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    intents: set[str] = field(default_factory=set)
    promised: dict[UUID, set[str]] = field(default_factory=dict)
    puts: int = 0
    fetches: int = 0

    def round(self, feed: Feed, fates: Iterator[Fate], *, full: bool = True, killed_after_puts: int | None = None) -> Plan:
        """Simulates a run. A full run reads the bucket; an incremental one trusts its rows, except for keys with an intent."""
        for photo in feed.photos:
            self.promised.setdefault(photo.product_id, set()).add((photo.checksum or "").lower())
        looked_at = {row.object_key for row in self.rows.values()} if full else set(self.intents)
        in_use = {row.object_key for row in self.rows.values()}
        self.intents -= {key for key in self.intents if key not in in_use}
        known = [
            row.with_object(Found(self.etag(row.object_key))) if row.object_key in looked_at else row
            for row in self.rows.values()
        ]
        for key in looked_at & self.intents:
            if all(row.object_etag == row.checksum for row in known if row.object_key == key):
                self.intents.discard(key)
        orphans = {key: md5(body) for key, body in self.objects.items() if key not in in_use} if full else {}
        planned = plan(
            feed.photos,
            known,
            known_products={photo.product_id for photo in feed.photos},
            max_photo_bytes=MAX_PHOTO_BYTES,
            orphans=orphans,
        )
        awaiting = {photo.product_id for photo, _ in planned.failed}
        last_put = None if killed_after_puts is None else self.puts + killed_after_puts
        for product in planned.products:
            self.intents |= {step.photo.object_key or "" for step in product.steps if step.overwrites_live_key}
            result = put_product(product, Images(self, feed.bodies, fates), Bucket(self, fates, last_put))
            awaiting |= {step.photo.product_id for step, _ in result.failed}
            self.write(result)
        self.sweep(feed, awaiting)
        if full:
            in_use = {row.object_key for row in self.rows.values()}
            self.objects = {key: body for key, body in self.objects.items() if key in in_use}
        return planned

    def etag(self, key: str) -> str | None:
        """Returns the ETag of a HEAD response."""
        return md5(self.objects[key]) if key in self.objects else None

    def write(self, result: ProductResult) -> None:
        """Writes the rows of one product in one transaction."""
        shown = {row.product_id for row in self.rows.values()}
        for photo_id in result.displaced:
            self.rows.pop(photo_id, None)
        for step in result.published:
            self.rows[step.photo.id] = row_of(step.photo)
        self.intents -= {step.photo.object_key or "" for step in result.published} - result.unsettled_keys
        assert shown <= {row.product_id for row in self.rows.values()}, "a product lost its last photo"
        self.check_what_a_pos_sees()

    def sweep(self, feed: Feed, awaiting: set[UUID]) -> None:
        """Removes unlisted photos by :func:`decide`, without a limit of the bound."""
        listed = {photo.id for photo in feed.photos}
        candidates = [Candidate(row.id, row.product_id, Cause.SWEEP) for row in self.rows.values() if row.id not in listed]
        photos_of: dict[UUID, set[UUID]] = {}
        for row in self.rows.values():
            photos_of.setdefault(row.product_id, set()).add(row.id)
        decision = decide(candidates, photos_of, awaiting=awaiting, products_with_a_photo=1000, bared_lately=0)
        for candidate in decision.apply:
            del self.rows[candidate.photo_id]

    def check_what_a_pos_sees(self) -> None:
        """Asserts invariant I1: every row's URL gives whole bytes that head office listed for a photo of that product."""
        for row in self.rows.values():
            etag = self.etag(row.object_key)
            assert etag is not None, f"{row.object_key} is gone"
            assert etag in self.promised[row.product_id], f"{row.object_key} shows what HO never promised for its product"


@dataclass
class Images:
    """Head office's bucket."""

    edge: Edge
    bodies: Mapping[str, bytes]
    fates: Iterator[Fate]
    bytes_received: int = 0

    def done(self, photo: Photo) -> None:
        """Does nothing: the fake keeps no part on disk."""

    def keep(self, photo: Photo, body: Body) -> None:
        """Does nothing: the fake keeps no part on disk."""

    def fetch(self, photo: Photo) -> Body:
        """Returns the bytes, or raises the drawn fault."""
        self.edge.fetches += 1
        if next(self.fates) is not Fate.DONE:
            raise PhotoError(Reason.TIMEOUT, "no response")
        return self.bodies[photo.checksum or ""]


@dataclass
class Bucket:
    """The edge's bucket, with the conditions and faults of S3."""

    edge: Edge
    fates: Iterator[Fate]
    last_put: int | None = None

    def put(self, key: str, body: Body, *, content_type: str, if_match: str | None = None) -> str:
        """Writes the object, unless the condition fails or the store is away."""
        fate = next(self.fates)
        if self.edge.puts == self.last_put:
            raise Killed
        if fate is Fate.REFUSED:
            raise ObjectStoreAway("no response")
        if if_match is not None and self.edge.etag(key) != if_match:
            raise ObjectChanged(key)
        self.edge.objects[key] = bytes(body)
        self.edge.puts += 1
        self.edge.check_what_a_pos_sees()
        if fate is Fate.RESPONSE_LOST:
            raise ObjectStoreAway("the response was lost")
        return md5(bytes(body))

    def head(self, key: str) -> ObjectInfo | None:
        """Returns the object's metadata."""
        etag = self.edge.etag(key)
        return ObjectInfo(key, len(self.edge.objects[key]), etag) if etag else None

    def get(self, key: str) -> bytes:
        """Returns the bytes, or raises the drawn fault."""
        if key not in self.edge.objects:
            raise ObjectMissing(key)
        if next(self.fates) is not Fate.DONE:
            raise ObjectStoreAway("no response")
        return self.edge.objects[key]

    def read_through(self, key: str) -> ObjectRead:
        """Reads the whole object."""
        return ObjectRead(md5(self.edge.objects[key]), "image/jpeg")
