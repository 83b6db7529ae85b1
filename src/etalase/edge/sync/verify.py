"""Compares head office's list, the rows and the objects for ``etalase edge verify``; changes none of them.

Reports the comparison of a full run. Records damage, so that ``status`` reports it too.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from etalase.edge.integrity import Damage
from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit
from etalase.edge.sync.feed.pull import Feed, pull
from etalase.edge.sync.plan.model import Kind, Row
from etalase.edge.sync.planner import Planner
from etalase.edge.sync.removals import unlisted
from etalase.edge.sync.rendition_audit import list_renditions, look
from etalase.edge.sync.services import Services
from etalase.errors import EtalaseError, HeadOfficeError
from etalase.progress import Progress
from etalase.protocol import Photo
from etalase.renditions import RENDITION_PREFIX

# Kinds of differences, in addition to :class:`etalase.edge.integrity.Damage`. The words are part of ``--json``.
NOT_HERE, OUTDATED, ROW_DIFFERS = "not_here", "outdated", "row_differs"
NOT_LISTED, NOT_USABLE, ORPHAN = "not_listed", "not_usable", "orphan"
NOT_PUBLIC = "not_public"
# The photos that a comparison requests as tills do; a deep one requests all.
PUBLIC_PROBES = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``photo_id`` is None for an object that no row names."""

    what: str
    object_key: str
    photo_id: UUID | None = None
    product_name: str = ""
    detail: str = ""

    @property
    def is_rendition(self) -> bool:
        """Returns whether it is a difference of a small picture."""
        return self.object_key.startswith(RENDITION_PREFIX)

    def as_json(self) -> dict[str, Any]:
        """Returns the object of ``--json``."""
        return {
            "what": self.what,
            "photo_id": str(self.photo_id) if self.photo_id else None,
            "product_name": self.product_name,
            "object_key": self.object_key,
            "detail": self.detail,
        }


@dataclass(slots=True)
class Verification:
    """The result of a comparison. ``error`` is set where HO's list, or anything at all, could not be compared.

    Known states are not differences: orphans in their grace period, photos that wait for a person or for their product, photos
    that a person ``kept``, and what an adoption recorded as the store's own (``own``, ``own_objects``).
    """

    deep: bool
    rows: int = 0
    objects: int = 0
    listed: int | None = None
    proved_complete: bool = False
    awaiting_grace: int = 0
    parked: int = 0
    held: int = 0
    kept: int = 0
    own: int = 0
    own_objects: int = 0
    renditions: int = 0
    renditions_waiting: int = 0
    differences: list[Difference] = field(default_factory=list)
    error: EtalaseError | None = None

    @property
    def equal(self) -> bool:
        """Returns whether all was compared, with a list proved complete, without a difference."""
        return not self.differences and self.error is None and self.proved_complete

    @property
    def has_renditions(self) -> bool:
        """Returns whether there are renditions, or will be."""
        return bool(self.renditions or self.renditions_waiting)

    @property
    def exit_status(self) -> int:
        """Returns 0 if equal, else 1; the status of the error, if there is one."""
        return self.error.exit_status if self.error else int(not self.equal)

    def as_json(self) -> dict[str, Any]:
        """Returns the object that ``--json`` prints."""
        return {
            "equal": self.equal,
            "deep": self.deep,
            "rows": self.rows,
            "objects": self.objects,
            "listed": self.listed,
            "proved_complete": self.proved_complete,
            "awaiting_grace": self.awaiting_grace,
            "parked": self.parked,
            "held": self.held,
            "kept": self.kept,
            "own": self.own,
            "own_objects": self.own_objects,
            "renditions": self.renditions,
            "renditions_waiting": self.renditions_waiting,
            "differences": [difference.as_json() for difference in self.differences],
            "error": str(self.error) if self.error else None,
        }


def healed_by(before: Verification, after: Verification) -> list[Difference]:
    """Returns the damaged photos and renditions of ``before`` that are whole ``after`` a repair."""
    if after.error is not None and not isinstance(after.error, HeadOfficeError):
        return []  # the bucket was not compared
    damages = set(Damage)
    damaged = {one.object_key for one in after.differences if one.what in damages}
    return [one for one in before.differences if one.what in damages and one.object_key not in damaged]


def verify(services: Services, *, deep: bool, wait_seconds: float = 0.0, progress: Progress | None = None) -> Verification:
    """Returns the result of a comparison, with its error; raises none. ``deep`` reads and hashes each object.

    Takes the run lock, because a comparison during a run would report unfinished work.
    """
    result = Verification(deep)
    try:
        compared_at = services.store.claim().compared_at
        with services.lock.held(full=False, wait_seconds=wait_seconds):
            _compare_bucket(services, result, compared_at)
            try:
                feed = pull(services.head_office, None, pulled=(progress or Progress()).pulled)
                if feed.error is not None:
                    raise feed.error
                _compare_list(services, result, feed)
            except HeadOfficeError as error:
                result.error = error
    except EtalaseError as error:
        result.error = error
    result.differences.sort(key=lambda d: (d.product_name, d.object_key, d.what))
    return result


def _compare_bucket(services: Services, result: Verification, compared_at: datetime | None) -> None:
    """Compares rows with objects, in both directions."""
    today = services.clock.utc().date()
    days = services.settings.DEEP_VERIFY_DAYS
    audit = BucketAudit(services.bucket, services.workers, today, compared_at, days, result.deep)
    audit.list_bucket(may_be_missing=True)
    listing = audit.listing
    shown: list[Row] = []
    seed = services.clock.random_id().int
    own, own_objects = storage.own_photos.exempt(), storage.own_objects.exempt()
    for part in storage.photos.in_batches():
        result.rows += len(part)
        look = audit.look(part)
        storage.damage_marks.mark(look.to_mark)
        storage.damage_marks.clear(look.to_clear)
        shown += [row for row in part if row.id not in look.damaged]
        if not result.deep:  # others each time: a Deny may be about a few
            shown = sorted(shown, key=lambda row: row.id.int ^ seed)[:PUBLIC_PROBES]
        damaged = [row for row in part if row.id in look.damaged and row.id not in own]
        labels = services.products.labels({row.product_id for row in damaged})
        for row in damaged:
            name = labels[row.product_id].name
            result.differences.append(Difference(look.damaged[row.id], row.object_key, row.id, name))
    denied = [row for row in shown if not services.bucket.is_public(row.object_key)]
    names = services.products.labels({row.product_id for row in denied})
    result.differences += [Difference(NOT_PUBLIC, row.object_key, row.id, names[row.product_id].name) for row in denied]
    _compare_renditions(services, result, audit)
    if listing is None:
        return
    listing.use(storage.photos.keys())
    waiting = storage.reclaims.keys()
    for keys in listing.unused():
        result.awaiting_grace += sum(key in waiting for key in keys)
        result.differences += [Difference(ORPHAN, key) for key in keys if key not in waiting and key not in own_objects]
        result.own_objects += sum(key in own_objects for key in keys)
    result.objects = len(listing)


def _compare_renditions(services: Services, result: Verification, audit: BucketAudit) -> None:
    """Compares the rows of renditions with their objects. One that was never here is counted, and is not a difference.

    One that was here stays a difference until it is here again, also where an earlier look has recorded its loss.
    """
    listing = list_renditions(services.bucket, may_be_missing=True)
    for part in storage.renditions.objects():
        found = look(audit, listing, part)
        storage.renditions.record_lost(found.damaged)
        listing.use(one.object_key for one in part)
        damaged = [one for one in part if one.object_key in found.damaged]
        labels = services.products.labels({one.product_id for one in damaged})
        for one in damaged:
            name = labels[one.product_id].name
            result.differences.append(Difference(found.damaged[one.object_key], one.object_key, one.photo_id, name))
    waiting = storage.reclaims.keys()
    for keys in listing.unused():
        result.awaiting_grace += sum(key in waiting for key in keys)
        result.differences += [Difference(ORPHAN, key) for key in keys if key not in waiting]
    result.renditions, result.renditions_waiting = len(listing), storage.rendition_counts.counts().awaited


def _compare_list(services: Services, result: Verification, feed: Feed) -> None:
    """Compares HO's list with rows, without the objects."""
    result.listed, result.proved_complete = len(feed.photos), feed.proved_complete
    for _, rows, planned, _ in Planner(services, feed, adds_products=True).slices():
        result.parked += len(planned.parked)
        for photo, error in planned.failed:
            result.differences.append(_of_photo(NOT_USABLE, photo, f"{error.reason}: {error.detail}"))
        rows_by_id = {row.id: row for row in rows}
        for product in planned.products:
            for step in product.steps:
                what = _what(step.kind, rows_by_id.get(step.photo.id))
                result.differences.append(_of_photo(what, step.photo))
    if feed.proved_complete:
        _find_not_listed(services, result, feed)


def _of_photo(what: str, photo: Photo, detail: str = "") -> Difference:
    return Difference(what, photo.object_key or "", photo.id, photo.product_name or "", detail)


def _what(kind: Kind, row: Row | None) -> str:
    if row is None:
        return NOT_HERE
    return ROW_DIFFERS if kind is Kind.ROW else OUTDATED


def _find_not_listed(services: Services, result: Verification, feed: Feed) -> None:
    undecided = storage.removals.in_states([Removal.State.HELD, Removal.State.REFUSED, Removal.State.WAITING])
    decided = {removal.photo_id: removal.state for removal in undecided}
    own = storage.own_photos.exempt()
    for part in unlisted(feed):
        labels = services.products.labels({row.product_id for row in part})
        for row in part:
            if row.id in own:
                result.own += 1
            elif row.id in decided:
                result.held += decided[row.id] == Removal.State.HELD
                result.kept += decided[row.id] == Removal.State.REFUSED
            else:
                name = labels[row.product_id].name
                result.differences.append(Difference(NOT_LISTED, row.object_key, row.id, name))
