"""Builds snapshots for the tests of the status: fixed ones for tables, any for Hypothesis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from etalase.edge.integrity import Damage
from etalase.edge.status.filling import KnownList
from etalase.edge.status.snapshot import Comparison, DamagedPhoto, Facts, Own, RunFacts, Sign, Uncovered, Why
from etalase.edge.sync.result import RunFault
from etalase.errors import Reason

NOW = datetime(2026, 11, 25, 23, 0, 30, tzinfo=UTC)  # 06:00:30 in Jakarta
JAKARTA = ZoneInfo("Asia/Jakarta")
PHOTO, PRODUCT = UUID(int=1), UUID(int=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ALIVE, SILENT = Sign(NOW, is_alive=True), Sign(NOW - 3 * HOUR, is_alive=False)


def run(outcome: str | None = "success", **changes: Any) -> RunFacts:
    """Returns a run that began seven minutes ago."""
    made = RunFacts(
        id=7,
        kind="incremental",
        trigger="schedule",
        outcome=outcome,
        started_at=NOW - 7 * MINUTE,
        finished_at=NOW - 6 * MINUTE if outcome else None,
        counts={"seen": 412},
        bytes_fetched=12 * 1024 * 1024,
        duration_seconds=61.0 if outcome else None,
    )
    return replace(made, **changes)


def comparison(**changes: Any) -> Comparison:
    """Returns the audit of a bucket with every promised object."""
    return replace(Comparison(at=NOW, rows=412, verified=412), **changes)


def damaged(kind: Damage = Damage.MISSING, *, rows: int = 412) -> Comparison:
    """Returns the audit of a bucket with one damaged object."""
    return comparison(
        rows=rows,
        verified=rows - 1,
        damaged={kind: 1},
        photos=(DamagedPhoto(PHOTO, PRODUCT, "products/2/primary.jpg", kind),),
        bare={PRODUCT: kind},
    )


def facts(**changes: Any) -> Facts:
    """Returns the facts of a store in which all is well, six minutes after its last run."""
    well = Facts(
        now=NOW,
        bucket=comparison(),
        photos=412,
        expected=412,
        products=390,
        uncovered=(Uncovered("AIR MINERAL", Why.NONE_LISTED),),
        without_row=("AIR MINERAL",),
        last_run=run(),
        last_good_run_at=NOW - 6 * MINUTE,
        list_read_at=NOW - 7 * MINUTE,
        known=KnownList(listed=412, here=412),
        checkpoint="2026-11-25T22:54:30+00:00",
        feed_proved_complete=True,
        worker=ALIVE,
        beat=ALIVE,
        zone=JAKARTA,
        next_hourly_at=datetime(2026, 11, 26, 6, 13, tzinfo=JAKARTA),
        next_full_at=datetime(2026, 11, 27, 2, 13, tzinfo=JAKARTA),
    )
    changed = replace(well, **changes)
    # Unless a test changes it, the run before the one in flight was well.
    before = run() if changed.last_good_run_at else None
    return (
        changed if "last_ended" in changes else replace(changed, last_ended=before if changed.is_running else changed.last_run)
    )


NOTICES = (
    {"code": "ho_clock_back", "told": "2026-02-03T07:26:11Z", "kept": "2027-02-03T07:26:11Z"},
    {"code": "ho_older", "photos": 3},
    {"code": "edge_restored"},
    {"code": "bucket_lost"},
    {"code": "long_away", "days": 12},
    {"code": "out_of_time", "seconds": 6 * 3600},
    {"code": "of the future", "what": "ever"},
    {"code": "ho_older"},
)

_counts = st.integers(0, 3)
_lists = st.builds(
    lambda here, more, **rest: KnownList(listed=here + more, here=here, **rest),
    here=st.integers(0, 9),
    more=st.integers(0, 3),
    tried=st.integers(0, 2),
    eta_seconds=st.none() | st.integers(0, 200_000),
    progressed_at=st.none() | st.timedeltas(-HOUR, 48 * HOUR).map(lambda age: NOW - age),
)
_runs = st.builds(
    run,
    st.sampled_from(["success", "partial", "held", "failed", "interrupted", "from another version", None]),
    kind=st.sampled_from(["full", "incremental"]),
    fault=st.sampled_from(["", "from another version", *RunFault]),
    error=st.sampled_from(["", "http://ho.example:8002/api answered 503. Check the link."]),
    complete=st.booleans(),
    to_carry=st.none() | st.integers(0, 500),
    counts=st.sampled_from([{}, {"seen": 412}]),
)


@st.composite
def any_comparison(draw: st.DrawFn) -> Comparison:
    """Draws any audit: bucket away, damaged or well."""
    if draw(st.booleans()) and draw(st.booleans()):
        return Comparison(at=NOW, error="The object store http://127.0.0.1:9010 does not answer as it should.")
    kinds = draw(st.dictionaries(st.sampled_from(list(Damage)), st.integers(1, 3), max_size=2))
    verified, replacing = draw(_counts), draw(_counts)
    photos = tuple(DamagedPhoto(UUID(int=i), PRODUCT, f"products/{i}.jpg", kind) for i, kind in enumerate(kinds))
    total = verified + replacing + sum(kinds.values())
    return Comparison(at=NOW, rows=total, verified=verified, replacing=replacing, damaged=kinds, photos=photos)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Draws any state of a store."""
    bucket = draw(any_comparison())
    reasons = draw(st.dictionaries(st.sampled_from(list(Reason)), st.integers(1, 3), max_size=4))
    why = st.builds(Uncovered, st.text(max_size=5), st.sampled_from(list(Why)), st.none() | st.sampled_from([*Reason, *Damage]))
    return facts(
        bucket=bucket,
        photos=draw(st.just(bucket.rows) | st.integers(0, 9)),
        expected=draw(st.none() | st.integers(0, 9)),
        products=draw(st.integers(0, 9)),
        uncovered=tuple(draw(st.lists(why, max_size=4))),
        failed=sum(reasons.values()),
        reasons=reasons,
        parked=draw(_counts),
        held=(held := draw(_counts)),
        held_replaced=draw(st.integers(0, held)),
        held_blocked=(("SATE", "constraint promo_banner: it is shown"),) * draw(st.integers(0, held)),
        last_run=draw(st.none() | _runs),
        lock_taken=draw(st.booleans()),
        last_good_run_at=draw(st.none() | st.timedeltas(-48 * HOUR, 48 * HOUR).map(lambda age: NOW - age)),
        feed_proved_complete=draw(st.sampled_from([None, True, False])),
        known=draw(st.none() | _lists),
        worker=draw(st.sampled_from([None, ALIVE, SILENT])),
        beat=draw(st.sampled_from([None, ALIVE, SILENT])),
        asked_at=draw(st.sampled_from([None, NOW - MINUTE])),
        not_adopted=draw(st.booleans()) and draw(st.booleans()),
        own=draw(st.builds(Own, **dict.fromkeys(("photos", "open", "damaged", "objects", "open_objects"), st.integers(0, 3)))),
        wrong_store=draw(st.booleans()) and draw(st.booleans()),
        lost=draw(st.sampled_from([(), (PHOTO,)])),
        notices=tuple(draw(st.lists(st.sampled_from(NOTICES), max_size=2))),
    )
