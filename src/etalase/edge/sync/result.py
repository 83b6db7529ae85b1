"""The report of a run: its counts, its outcome, the object of ``--json``, and the guide's metrics."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from etalase.errors import (
    EtalaseError,
    HeadOfficeAway,
    HeadOfficeError,
    HeadOfficeRefused,
    HeadOfficeUntrusted,
    NotHeadOffice,
    Reason,
)
from etalase.protocol import Odd, Oddity

logger = logging.getLogger("product_photo_sync")

# The most fields that one notice names.
MAX_SHOWN_FIELDS = 5


class Outcome(StrEnum):
    """The result of a run: the worst that applies."""

    SUCCESS = "success"
    PARTIAL = "partial"
    HELD = "held"
    FAILED = "failed"
    LOCKED = "locked"
    INTERRUPTED = "interrupted"  # killed; the next run records it


class RunKind(StrEnum):
    """The extent of a run: a full comparison, or the changes."""

    FULL = "full"
    INCREMENTAL = "incremental"


class Trigger(StrEnum):
    """The start of a run: a person's `sync`, the schedule, or a person's `retry`."""

    HAND = "hand"
    SCHEDULE = "schedule"
    RETRY = "retry"


class RunFault(StrEnum):
    """The cause of the error that ended a run."""

    HEAD_OFFICE_AWAY = "head_office_away"
    HEAD_OFFICE_BUSY = "head_office_busy"
    NOT_HEAD_OFFICE = "not_head_office"
    UNTRUSTED = "untrusted"
    HEAD_OFFICE = "head_office"
    HEAD_OFFICE_ODD = "head_office_odd"
    HERE = "here"


EXIT_STATUS = {Outcome.SUCCESS: 0, Outcome.PARTIAL: 1, Outcome.HELD: 3, Outcome.FAILED: 4, Outcome.LOCKED: 75}


# The counts of a run's renditions that its row keeps, by their names there.
RENDITION_COUNTS = {name: f"renditions_{name}" for name in ("fetched", "failed", "made", "healed")}


@dataclass(slots=True)
class RenditionTally:
    """The renditions of a run. ``listed`` and ``waiting`` (listed and not here) are those of the whole store, after the run.

    ``healed`` are those that were here, were lost or damaged, and are here again; ``damaged`` those that are not yet.

    They change neither the outcome nor the exit status: a product shows its photo where it has no rendition (ADR 0030).
    """

    listed: int = 0
    fetched: int = 0
    failed: int = 0
    waiting: int = 0
    bytes: int = 0
    # Photos whose renditions were made here, and those of which none can be made.
    made: int = 0
    unmade: int = 0
    healed: int = 0
    damaged: int = 0


@dataclass(slots=True)
class RunResult:
    """The report of one run.

    ``held`` is the number of removals that wait for a person now. ``owed`` is the number of failed photos on the retry list,
    and ``failures`` has their entries, or the first of them.
    """

    COUNT_NAMES: ClassVar = ("seen", "fetched", "updated", "unchanged", "parked", "failed", "deleted", "held", "healed")

    kind: RunKind
    run_id: int | None = None
    dry_run: bool = False
    fetched: int = 0
    updated: int = 0
    unchanged: int = 0
    parked: int = 0
    failed: int = 0
    deleted: int = 0
    held: int = 0
    healed: int = 0
    reclaimed: int = 0
    bytes_fetched: int = 0
    duration_seconds: float = 0.0
    checkpoint: str | None = None
    feed_proved_complete: bool | None = None
    error: EtalaseError | None = None
    locked: bool = False
    yielded: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    owed: int = 0
    # The number of photos with known damage after the run.
    damaged: int = 0
    renditions: RenditionTally = field(default_factory=RenditionTally)
    forecast: dict[str, Any] | None = None
    # Anomalies and deviations: objects with a ``code`` and figures (edge.status.messages has the texts).
    notices: list[dict[str, Any]] = field(default_factory=list)

    def note(self, code: str, **details: Any) -> None:
        """Adds a notice for a person; one for each code."""
        if all(notice["code"] != code for notice in self.notices):
            self.notices.append({"code": code, **details})

    def note_oddities(self, oddities: Mapping[tuple[Odd, str], Oddity], *, of_products: bool = False) -> None:
        """Adds a notice for each kind of deviation in head office's list, with fields and values."""
        for kind in Odd:
            shown = [f"{oddity.field} {oddity.shown}" for oddity in oddities.values() if oddity.kind is kind]
            if shown:
                code = f"product_{kind}" if of_products and kind is not Odd.PAGE_MENDED else kind.value
                self.note(code, told=", ".join(shown[:MAX_SHOWN_FIELDS]) + (", …" if len(shown) > MAX_SHOWN_FIELDS else ""))

    def count_failures(self, reasons: Iterable[Reason]) -> None:
        """Counts photos that cannot be published; those whose product is not here are parked."""
        for reason in reasons:
            self.reasons[reason.value] += 1
            if reason.policy.is_parked:
                self.parked += 1
            else:
                self.failed += 1

    @property
    def seen(self) -> int:
        """Returns the number of photos that the run examined."""
        return self.fetched + self.updated + self.unchanged + self.parked + self.failed

    @property
    def fault(self) -> RunFault | None:
        """Returns the cause of the error, if there is one."""
        match self.error:
            case None:
                return None
            case HeadOfficeAway(has_responded=True):
                return RunFault.HEAD_OFFICE_BUSY
            case HeadOfficeAway():
                return RunFault.HEAD_OFFICE_AWAY
            case HeadOfficeUntrusted():
                return RunFault.UNTRUSTED
            case NotHeadOffice() | HeadOfficeRefused(is_elsewhere=True):
                return RunFault.NOT_HEAD_OFFICE
            case HeadOfficeRefused(status=401 | 403 | 404):
                return RunFault.HEAD_OFFICE
            case HeadOfficeError():
                return RunFault.HEAD_OFFICE_ODD
            case _:
                return RunFault.HERE

    @property
    def outcome(self) -> Outcome:
        """Returns the worst outcome that applies."""
        if self.locked:
            return Outcome.LOCKED
        if self.error is not None:
            return Outcome.FAILED
        if self.held:
            return Outcome.HELD
        return Outcome.PARTIAL if self.failed or self.owed or self.damaged or self.yielded else Outcome.SUCCESS

    @property
    def exit_status(self) -> int:
        """Returns the exit status of the process: 2 for wrong settings, else that of the outcome."""
        if self.error is not None and self.outcome is Outcome.FAILED:
            return self.error.exit_status if self.error.exit_status == 2 else EXIT_STATUS[Outcome.FAILED]
        return EXIT_STATUS[self.outcome]

    @property
    def counts(self) -> dict[str, int]:
        """Returns the counts, by the names of ``--json``."""
        return {name: getattr(self, name) for name in self.COUNT_NAMES}

    def as_json(self) -> dict[str, Any]:
        """Returns the object that ``--json`` prints (docs/EDGE_SERVER_IMAGE_SYNC_IMPLEMENTATION.md)."""
        return {
            "run_id": self.run_id,
            "kind": self.kind,
            "outcome": self.outcome.value,
            "dry_run": self.dry_run,
            **self.counts,
            "reclaimed": self.reclaimed,
            "bytes_fetched": self.bytes_fetched,
            "duration_seconds": round(self.duration_seconds, 3),
            "checkpoint": self.checkpoint or None,
            "feed_proved_complete": self.feed_proved_complete,
            "error": str(self.error) if self.error else None,
            "failures": self.failures,
            "owed": self.owed,
            "damaged": self.damaged,
            "renditions": asdict(self.renditions),
            "notices": self.notices,
            **({"forecast": self.forecast} if self.forecast else {}),
        }

    def log_metrics(self) -> None:
        """Logs the guide's five metrics ("Monitoring & Logging"), as text and as fields."""
        seconds = max(self.duration_seconds, 1e-6)
        logger.log(
            logging.INFO if self.outcome in {Outcome.SUCCESS, Outcome.LOCKED} else logging.WARNING,
            "Photo sync %s: duration %.2f s, success %d, failed %d, total bytes %.2f MB, average speed %.2f KB/s",
            self.outcome.value,
            self.duration_seconds,
            self.seen - self.failed - self.parked,
            self.failed,
            self.bytes_fetched / 1024 / 1024,
            self.bytes_fetched / seconds / 1024,
            extra={
                "run_id": self.run_id,
                "kind": self.kind,
                "outcome": self.outcome.value,
                "duration_seconds": round(self.duration_seconds, 3),
                "success_count": self.seen - self.failed - self.parked,
                "failed_count": self.failed,
                "total_bytes": self.bytes_fetched,
                "average_bytes_per_second": round(self.bytes_fetched / seconds),
                "reasons": dict(self.reasons),
                "notices": self.notices,
                "error": str(self.error) if self.error else None,
            },
        )
