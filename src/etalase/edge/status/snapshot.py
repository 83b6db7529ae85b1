"""What is known of this store's photos at a moment. Pure data; :mod:`etalase.edge.status.collect` reads it."""

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
    """A row whose object is not what it promises."""

    photo_id: UUID
    product_id: UUID
    object_key: str
    kind: Damage


@dataclass(frozen=True, slots=True)
class Sign:
    """The newest sign of life of the worker or the beat."""

    at: datetime
    is_alive: bool


class Trouble(StrEnum):
    """Why the bucket could not be compared."""

    AWAY = "away"
    DENIED = "denied"
    MISCONFIGURED = "misconfigured"
    MISSING = "missing"
    NOT_PUBLIC = "not_public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of it. ``error`` says why the bucket could not be looked at, and ``trouble`` in a word; then the counts say
    nothing.

    ``replacing`` are rows whose newer, promised bytes lie there already: a run is about to write the row, or was cut off
    before it did, and a till shows the newer photo. ``damaged`` counts all,
    ``photos`` names the first of them; ``bare`` are the products of which a till shows no photo for that reason, each
    with how one is damaged. ``whole`` is a photo that any till has to be able to load: its key, checksum and version.
    """

    at: datetime
    error: str | None = None
    trouble: Trouble = Trouble.AWAY
    rows: int = 0
    verified: int = 0
    replacing: int = 0
    damaged: Mapping[Damage, int] = field(default_factory=dict)
    photos: tuple[DamagedPhoto, ...] = ()
    bare: Mapping[UUID, Damage] = field(default_factory=dict)
    whole: tuple[str, str | None, int | None] | None = None


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
class Run:
    """A run as its row tells it. ``fault`` is where the error lies (:class:`etalase.edge.sync.result.Fault`)."""

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
    # Whether it moved the checkpoint: then all that HO listed is here, or on the retry list.
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is. ``expected`` is how many rows the runs left, None where nobody knows; ``wrong_store``: the settings name
    another one.

    ``lock_taken``: a run is under way. ``known`` is head office's list as the edge last heard it, None before it heard any.
    ``last_good_run_at`` is when the last complete run ended, ``list_read_at`` when it began: what head office listed then is
    here.
    """

    now: datetime
    bucket: Comparison
    photos: int = 0
    expected: int | None = None
    wrong_store: bool = False
    products: int = 0
    uncovered: tuple[Uncovered, ...] = ()
    # (photo, product name) of damaged photos, as many as the comparison names
    damaged_names: Mapping[UUID, str] = field(default_factory=dict)
    without_row: tuple[str, ...] = ()
    # Damaged photos that head office did not list when last asked: no run can bring them back until it does.
    lost: tuple[UUID, ...] = ()
    failed: int = 0
    parked: int = 0
    # How many of the parked photos' products are here by now: the next run attaches them.
    arrived: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    # When the first of the failed photos may be tried again.
    next_try_at: datetime | None = None
    held: int = 0
    # How many of the held are of products that a till leaves out: they came back under another id.
    held_replaced: int = 0
    failed_names: tuple[str, ...] = ()
    held_names: tuple[str, ...] = ()
    last_run: Run | None = None
    # The newest run that is not under way.
    last_ended: Run | None = None
    lock_taken: bool = False
    last_good_run_at: datetime | None = None
    list_read_at: datetime | None = None
    checkpoint: str | None = None
    feed_proved_complete: bool | None = None
    known: KnownList | None = None
    notices: tuple[Mapping[str, Any], ...] = ()
    # None: nobody knows, as before the first sign of life.
    worker: Sign | None = None
    beat: Sign | None = None
    # When somebody asked for a sync on the page, while that keeps others from asking.
    asked_at: datetime | None = None
    # For how long a removed photo can be brought back, and the store's time zone.
    undo_for: timedelta = timedelta(hours=24)
    zone: tzinfo = UTC
    next_hourly_at: datetime | None = None
    next_full_at: datetime | None = None
    # Whether this is an app in a Django project: then its commands are those of manage.py.
    in_project: bool = False

    @property
    def is_running(self) -> bool:
        """Whether the newest run is under way."""
        return self.last_run is not None and self.last_run.outcome is None and self.lock_taken

    @property
    def was_cut_off(self) -> bool:
        """Whether the newest run ended without a word: a kill, a power cut."""
        return self.last_ended is not None and self.last_ended.outcome in {None, "interrupted"}

    @property
    def last_run_failed(self) -> bool:
        """Whether the newest run that ended did not come to its end: what it would have brought may be missing."""
        return self.last_ended is not None and (
            self.last_ended.outcome in {None, "interrupted", "failed"} or not self.last_ended.complete
        )

    @property
    def service_runs(self) -> bool:
        """Whether worker and beat are known to be alive: then the next sync comes when it is due."""
        return all(sign is not None and sign.is_alive for sign in (self.worker, self.beat))

    @property
    def silent_since(self) -> datetime | None:
        """When the worker or the beat, which were alive once, fell silent; None where neither is known to be.

        Where runs go on a day after both did, this store is synced by something else by now, as a timer of the system.
        """
        signs = [sign for sign in (self.worker, self.beat) if sign]
        good, last = self.last_good_run_at, max((sign.at for sign in signs), default=None)
        if good and last and good - last > SOMETHING_ELSE_AFTER and not any(sign.is_alive for sign in signs):
            return None
        return min((sign.at for sign in signs if not sign.is_alive), default=None)

    @property
    def is_filling(self) -> bool:
        """Whether a known list is not here yet, and photos are missing that no run has tried (hazard 64)."""
        return self.known is not None and self.known.is_filling

    @property
    def damaged(self) -> int:
        """How many rows have no object as they promise."""
        return sum(self.bucket.damaged.values())

    @property
    def is_empty(self) -> bool:
        """Whether no photo is here, none is missing, and none failed: head office listed none for a product that is here."""
        some = self.photos or self.vanished or self.failed or self.waiting or self.is_filling
        return self.last_good_run_at is not None and self.bucket.error is None and not some

    @property
    def waiting(self) -> int:
        """How many products came after their photos, and get them from the next run."""
        return sum(entry.why is Why.WAITS for entry in self.uncovered)

    @property
    def vanished(self) -> int:
        """How many rows that the last run left are gone, though no run is at work."""
        return 0 if self.expected is None else max(0, self.expected - self.photos)
