"""Defines the facts about this store's photos at one moment. Pure data; :mod:`etalase.edge.status.collect` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from uuid import UUID

from etalase.edge.integrity import Damage
from etalase.edge.status.filling import KnownList

SOMETHING_ELSE_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DamagedPhoto:
    """A row, of a photo or of a rendition of it, whose object is missing or differs from it."""

    photo_id: UUID
    product_id: UUID
    object_key: str
    kind: Damage


@dataclass(frozen=True, slots=True)
class Sign:
    """The newest heartbeat of the worker or the beat."""

    at: datetime
    is_alive: bool


class Trouble(StrEnum):
    """Why the bucket could not be compared."""

    AWAY = "away"
    DENIED = "denied"
    MISCONFIGURED = "misconfigured"
    MISSING = "missing"
    NOT_PUBLIC = "not_public"
    READ_DENIED = "read_denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The bucket compared with the rows. With an ``error``, and its ``trouble`` in a word, the counts mean nothing.

    ``replacing`` counts rows whose newer, promised bytes are in the bucket already: a run is about to write the row, or was
    interrupted before it did, and a POS shows the newer photo. ``damaged`` counts all damaged photos, ``photos`` names the
    first of them. ``bare`` are the products of which a POS therefore shows no photo, each with the damage of one. ``whole`` is
    a photo that every POS must be able to load: its key, checksum and version. ``renditions`` are those that were here and are
    missing or damaged, None if they were not compared.
    """

    at: datetime
    error: str | None = None
    trouble: Trouble = Trouble.AWAY
    rows: int = 0
    verified: int = 0
    replacing: int = 0
    damaged: Mapping[Damage, int] = field(default_factory=dict)
    own: int = 0
    own_damaged: int = 0
    photos: tuple[DamagedPhoto, ...] = ()
    bare: Mapping[UUID, Damage] = field(default_factory=dict)
    whole: tuple[str, str | None, int | None] | None = None
    renditions: tuple[DamagedPhoto, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What an adoption recorded as the store's own: exempt photos, how many of them are open and damaged; exempt objects."""

    photos: int = 0
    open: int = 0
    damaged: int = 0
    objects: int = 0
    open_objects: int = 0


@dataclass(frozen=True, slots=True)
class UnmadePhoto:
    """A photo whose renditions cannot be made, and why."""

    photo_id: UUID
    product_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class DamagedPicture:
    """A rendition that was here and is missing or damaged."""

    photo_id: UUID
    product_name: str
    object_key: str
    kind: Damage


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallPictures:
    """The renditions that head office lists: all, those that are not here, and those of them that have failed.

    ``unmade`` are photos whose renditions cannot be made here, with their number and, as many as are named, each with its
    product's name and the reason. None of this is a problem of the store: a product without one shows its photo. One that was
    here and is missing or damaged is a problem, until it is here again: ``damaged``, with the first of them.
    """

    listed: int = 0
    waiting: int = 0
    failed: int = 0
    unmade: int = 0
    unmade_photos: tuple[UnmadePhoto, ...] = ()
    damaged: int = 0
    damaged_pictures: tuple[DamagedPicture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFact:
    """Head office's newest order of the last days; an empty ``outcome`` while it waits."""

    kind: str
    by: str
    why: str
    at: datetime
    outcome: str


class Why(StrEnum):
    """Why a product has no verified photo. The words are part of ``--json``."""

    NONE_LISTED = "none_listed"
    FAILED = "failed"
    WAITS = "waits"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A product without a verified photo; ``reason`` is why its photo failed, or how it is damaged."""

    product_name: str
    why: Why
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run as its row records it. ``fault`` is the side of the error (:class:`etalase.edge.sync.result.RunFault`)."""

    id: int
    kind: str
    trigger: str
    outcome: str | None
    started_at: datetime
    finished_at: datetime | None = None
    error: str = ""
    fault: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    bytes_fetched: int = 0
    duration_seconds: float | None = None
    to_carry: int | None = None
    # Whether it moved the checkpoint: then every listed photo is here or on the retry list.
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts of a status. ``expected`` is the row count that the runs left, None if unknown; ``wrong_store``: the settings
    name another store than the database.

    ``lock_taken``: a run is in flight. ``known`` is the last known list of head office, None before the first.
    ``last_good_run_at`` is when the last complete run ended, ``list_read_at`` when it began and read the list.
    """

    now: datetime
    bucket: Comparison
    photos: int = 0
    expected: int | None = None
    wrong_store: bool = False
    # Another program filled this edge, and nobody has adopted it: no run does anything.
    not_adopted: bool = False
    # The store's own photos, which no other figure counts.
    own: Own = Own()
    small: SmallPictures = SmallPictures()
    products: int = 0
    uncovered: tuple[Uncovered, ...] = ()
    # (photo, product name) of damaged photos, as many as the comparison names
    damaged_names: Mapping[UUID, str] = field(default_factory=dict)
    without_row: tuple[str, ...] = ()
    # Damaged photos that head office did not list at the last request: no run can repair them until it does.
    lost: tuple[UUID, ...] = ()
    failed: int = 0
    parked: int = 0
    # How many parked photos have their product here by now: the next run publishes them.
    arrived: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    # When the first of the failed photos is due for a retry.
    next_try_at: datetime | None = None
    held: int = 0
    # How many of the held removals concern products that a POS hides, since they have another id now.
    held_replaced: int = 0
    # Of the held removals, those that rules of the store's own database block: the product and the rule of each.
    held_blocked: tuple[tuple[str, str], ...] = ()
    failed_names: tuple[str, ...] = ()
    held_names: tuple[str, ...] = ()
    last_run: RunFacts | None = None
    # The newest run that is not in flight.
    last_ended: RunFacts | None = None
    lock_taken: bool = False
    last_good_run_at: datetime | None = None
    list_read_at: datetime | None = None
    checkpoint: str | None = None
    feed_proved_complete: bool | None = None
    known: KnownList | None = None
    notices: tuple[Mapping[str, Any], ...] = ()
    # None: unknown, as before the first heartbeat.
    worker: Sign | None = None
    beat: Sign | None = None
    last_order: OrderFact | None = None
    # When a person last requested a sync on the page, as long as that blocks another request.
    asked_at: datetime | None = None
    # How long a removed photo can be restored, and the store's time zone.
    undo_for: timedelta = timedelta(hours=24)
    zone: tzinfo = UTC
    next_hourly_at: datetime | None = None
    next_full_at: datetime | None = None
    # Whether the edge is an app in a Django project: then its commands are those of manage.py.
    in_project: bool = False

    @property
    def is_running(self) -> bool:
        """Returns whether the newest run is in flight."""
        return self.last_run is not None and self.last_run.outcome is None and self.lock_taken

    @property
    def was_cut_off(self) -> bool:
        """Returns whether the newest run was interrupted: a kill, a power cut."""
        return self.last_ended is not None and self.last_ended.outcome in {None, "interrupted"}

    @property
    def last_run_failed(self) -> bool:
        """Returns whether the newest ended run did not complete: its photos may be missing."""
        return self.last_ended is not None and (
            self.last_ended.outcome in {None, "interrupted", "failed"} or not self.last_ended.complete
        )

    @property
    def service_runs(self) -> bool:
        """Returns whether worker and beat are known to be alive: then the next sync starts when it is due."""
        return all(sign is not None and sign.is_alive for sign in (self.worker, self.beat))

    @property
    def silent_since(self) -> datetime | None:
        """Returns when the worker or the beat fell silent; None if neither is known to be silent.

        If a run completed a day after both did, something else starts the runs by now, such as a system timer.
        """
        signs = [sign for sign in (self.worker, self.beat) if sign]
        good, last = self.last_good_run_at, max((sign.at for sign in signs), default=None)
        if good and last and good - last > SOMETHING_ELSE_AFTER and not any(sign.is_alive for sign in signs):
            return None
        return min((sign.at for sign in signs if not sign.is_alive), default=None)

    @property
    def is_filling(self) -> bool:
        """Returns whether photos of the known list are missing that no run has tried (hazard 64)."""
        return self.known is not None and self.known.is_filling

    @property
    def damaged(self) -> int:
        """Returns how many rows have a missing or different object."""
        return sum(self.bucket.damaged.values())

    @property
    def is_empty(self) -> bool:
        """Returns whether no photo is here, missing or failed: head office listed none for a product that is here."""
        some = self.photos or self.vanished or self.failed or self.waiting or self.is_filling
        return self.last_good_run_at is not None and self.bucket.error is None and not some

    @property
    def waiting(self) -> int:
        """Returns how many products arrived after their photos, and get them from the next run."""
        return sum(entry.why is Why.WAITS for entry in self.uncovered)

    @property
    def vanished(self) -> int:
        """Returns how many rows that the last run left are gone."""
        return 0 if self.expected is None else max(0, self.expected - self.photos)
