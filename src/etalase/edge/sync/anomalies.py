"""Finds reasons for a full comparison: rows, bucket or checkpoint differ from the end of the last run (hazards 12, 22)."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.features import offers_renditions
from etalase.protocol import lenient_time

# Head offices drop their tombstones after such a time, perhaps before this edge saw them (hazard 12).
LONG_AWAY = timedelta(days=30)
# The number of rows whose objects a run checks: if none has its object, the bucket is lost.
PROBES = 3


class AnomalyKind(StrEnum):
    """The kinds of anomalies. A notice reports some of them."""

    ROWS_VANISHED = "rows_vanished"
    BUCKET_LOST = "bucket_lost"
    EDGE_RESTORED = "edge_restored"
    LONG_AWAY = "long_away"
    NO_CHECKPOINT = "no_checkpoint"
    NEVER_COMPARED = "never_compared"
    FULL_RUN_UNFINISHED = "full_run_unfinished"
    RENDITIONS_NEW = "renditions_new"

    @property
    def is_noticed(self) -> bool:
        """Returns whether a notice reports it. The others are normal in a store's first runs, or already reported."""
        return self not in {
            AnomalyKind.NO_CHECKPOINT,
            AnomalyKind.NEVER_COMPARED,
            AnomalyKind.FULL_RUN_UNFINISHED,
            AnomalyKind.RENDITIONS_NEW,
        }


class Anomaly(NamedTuple):
    """One reason for a full comparison, with the figures of its notice."""

    kind: AnomalyKind
    details: dict[str, Any]


def find_anomalies(run: Run, *, bucket_is_new: bool = False) -> list[Anomaly]:
    """Returns the reasons for a full comparison.

    They cause no mass deletion, because the bound on removals applies to a full run too.
    """
    found = [Anomaly(AnomalyKind.ROWS_VANISHED, {"photos": -run.extra_rows})] if run.extra_rows < 0 else []
    kept = run.checkpoint.sync_timestamp
    if not kept:
        found.append(Anomaly(AnomalyKind.NO_CHECKPOINT, {}))
    if kept is None:
        return found
    if _is_bucket_lost(run, bucket_is_new=bucket_is_new):
        found.append(Anomaly(AnomalyKind.BUCKET_LOST, {}))
    last_here, kept_time = run.services.spool.last_checkpoint, lenient_time(kept)
    if last_here and kept_time and kept_time < last_here:
        found.append(Anomaly(AnomalyKind.EDGE_RESTORED, {}))
    last = storage.runs.last_complete()
    if last is not None and run.now - last > LONG_AWAY:
        found.append(Anomaly(AnomalyKind.LONG_AWAY, {"days": (run.now - last).days}))
    if run.checkpoint.photos is None or run.checkpoint.compared_at is None:
        found.append(Anomaly(AnomalyKind.NEVER_COMPARED, {}))
    if storage.runs.is_full_run_unfinished(run.id):
        found.append(Anomaly(AnomalyKind.FULL_RUN_UNFINISHED, {}))
    if offers_renditions(run.services.head_office.features) and not run.checkpoint.renditions_compared:
        found.append(Anomaly(AnomalyKind.RENDITIONS_NEW, {}))
    return found


def note_anomalies(run: Run, anomalies: Sequence[Anomaly]) -> None:
    """Adds a notice for each anomaly that concerns a person."""
    for kind, details in anomalies:
        if kind.is_noticed:
            run.result.note(kind.value, **details)


def _is_bucket_lost(run: Run, *, bucket_is_new: bool) -> bool:
    some = storage.photos.sample(PROBES, first=run.services.clock.random_id())
    if not some or bucket_is_new:
        return bool(some)
    # Known damage is repaired anyway. If it cannot be repaired, each run would be a full comparison.
    return any(row.id not in run.audit.marked for row in some) and run.audit.is_lost(some)
