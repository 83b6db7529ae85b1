"""The condition that a report names: the worst of all that hold."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from etalase.edge.sync.condition import condition_of
from etalase.report import PhotoCounts, ReportedRun

WHOLE = PhotoCounts(listed=86, verified=86, damaged=0, owed=0, held=0, parked=0, own=0)
GOOD = ReportedRun(kind="incremental", outcome="success", started_at=datetime(2026, 11, 27, tzinfo=UTC))
BAD = msgspec.structs.replace(GOOD, outcome="failed")


@dataclass(frozen=True)
class Case:
    """The facts of a store, and the words that they give."""

    words: tuple[str, ...]
    changes: tuple[tuple[str, int], ...] = ()
    run: ReportedRun | None = GOOD
    missing: int = 0
    has_digest: bool = True


@pytest.mark.parametrize(
    "case",
    [
        Case(()),
        Case(("not_ready",), run=None, has_digest=False),
        Case(("filling",), run=None, has_digest=False, missing=3),
        Case(("filling",), missing=3),
        Case(("damaged", "partial"), (("damaged", 1), ("owed", 2))),
        Case(("held",), (("held", 64),)),
        Case(("held", "run_failed"), (("held", 64),), run=BAD),
        Case((), (("parked", 2), ("own", 3))),
        Case(("empty",), (("listed", 0), ("verified", 0))),
    ],
)
def test_the_worst_condition_is_the_word(case: Case) -> None:
    """And all of them are the parts."""
    photos = msgspec.structs.replace(WHOLE, **dict(case.changes))
    state = condition_of(photos, case.run, missing=case.missing, has_digest=case.has_digest)
    assert state.word == (case.words[0] if case.words else "well")
    assert tuple(state.parts) == case.words
    assert state.missing == case.missing
