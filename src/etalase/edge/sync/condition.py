"""Names the condition of the store's photos for a report, in the words of the status. Pure.

The status also looks at the bucket, which a report must not wait for.
"""

from enum import StrEnum

from etalase.report import PhotoCounts, ReportedRun, ReportedState

# Outcomes of a run that did not reach its end.
UNFINISHED = frozenset({"failed", "interrupted"})


class Condition(StrEnum):
    """The conditions, worst first."""

    NOT_READY = "not_ready"
    DAMAGED = "damaged"
    HELD = "held"
    FILLING = "filling"
    PARTIAL = "partial"
    RUN_FAILED = "run_failed"
    EMPTY = "empty"
    WELL = "well"


def condition_of(photos: PhotoCounts, run: ReportedRun | None, *, missing: int, has_digest: bool) -> ReportedState:
    """Returns all conditions that hold, the worst as the word. ``has_digest``: a run has looked at the rows."""
    conditions = {
        Condition.NOT_READY: not has_digest and not missing,
        Condition.DAMAGED: photos.damaged > 0,
        Condition.HELD: photos.held > 0,
        Condition.FILLING: missing > 0,
        Condition.PARTIAL: photos.owed > 0,
        Condition.RUN_FAILED: run is not None and run.outcome in UNFINISHED,
        Condition.EMPTY: has_digest and not photos.listed and not missing,
    }
    holds = [condition.value for condition in Condition if conditions.get(condition)]
    return ReportedState(word=holds[0] if holds else Condition.WELL.value, parts=holds, missing=missing)
