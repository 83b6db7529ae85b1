"""Makes samples of Prometheus from facts. Pure: tests compare them with the facts, field by field."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from etalase.edge.integrity import Damage
from etalase.edge.status.snapshot import Facts, RunFacts
from etalase.edge.status.verdict import State, judge
from etalase.edge.sync.result import Outcome, RunKind
from etalase.errors import Reason, ReasonClass

# A locked run leaves no row.
OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.LOCKED)
# A reason of another version counts as transient.
CLASSES = {reason.value: reason.policy.kind for reason in Reason}
OWED = (ReasonClass.TRANSIENT, ReasonClass.PERMANENT, ReasonClass.WRONG_DATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The runs of the last 24 hours, by outcome, and the sums of their counts."""

    runs: Mapping[str, int] = field(default_factory=dict)
    photos: Mapping[str, int] = field(default_factory=dict)
    renditions: Mapping[str, int] = field(default_factory=dict)
    bytes_fetched: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The facts of the database. ``is_compared``: the bucket was compared, so that its numbers are valid."""

    facts: Facts
    is_compared: bool
    day: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The worker's queue at the broker."""

    is_up: bool
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The facts from other sources than the database; None for an unknown one."""

    spool_free: int | None = None
    spool_size: int | None = None
    queue: Queue | None = None


def metrics(reading: Reading | None, machine: Surroundings, *, version: str) -> Iterator[Metric]:
    """Yields all metrics; without a reading, ``etalase_up`` is 0 and the numbers of the database are absent."""
    yield _gauge("etalase_up", "Whether the edge's database answered this scrape.", reading is not None)
    yield InfoMetricFamily("etalase_build", "The version of Etalase.", {"version": version})
    yield from _machine(machine)
    if reading is not None:
        yield from _photos(reading.facts)
        yield from _runs(reading.facts, reading.day)
        if reading.is_compared:
            yield from _bucket(reading.facts)


def _machine(machine: Surroundings) -> Iterator[Metric]:
    if machine.spool_free is not None and machine.spool_size is not None:
        yield _gauge("etalase_spool_free_bytes", "Free bytes on the disk of ETALASE_SPOOL_DIR.", machine.spool_free)
        yield _gauge("etalase_spool_size_bytes", "Size of that disk.", machine.spool_size)
    if machine.queue is not None:
        yield _gauge("etalase_broker_up", "Whether the broker answered this scrape.", machine.queue.is_up)
        if machine.queue.length is not None:
            yield _gauge("etalase_queue_length", "Tasks that wait for the worker.", machine.queue.length)


def _photos(facts: Facts) -> Iterator[Metric]:
    yield _gauge("etalase_photos", "Photo rows of head office's list.", facts.photos)
    yield _gauge("etalase_photos_vanished", "Rows that the last run left and that are gone.", facts.vanished)
    if facts.known is not None:
        yield _gauge("etalase_photos_listed", "Photos on head office's last known list.", facts.known.listed)
        yield _gauge("etalase_photos_here", "Photos of that list that are here in their present form.", facts.known.here)
    owed = Counter[ReasonClass]()
    for reason, count in facts.reasons.items():
        owed[CLASSES.get(reason, ReasonClass.TRANSIENT)] += count
    yield _by(
        "etalase_photos_owed", "Photos that failed and wait for a retry.", "class", {name.value: owed[name] for name in OWED}
    )
    yield _gauge("etalase_photos_parked", "Photos whose product is not here.", facts.parked)
    yield _gauge("etalase_photos_own", "Photos of the store's own, recorded by an adoption.", facts.own.photos)
    yield _gauge("etalase_photos_own_undecided", "Own photos on which nobody has decided.", facts.own.open)
    yield _gauge("etalase_objects_own", "Objects of the store's own, recorded by an adoption.", facts.own.objects)
    yield _gauge("etalase_objects_own_undecided", "Own objects on which nobody has decided.", facts.own.open_objects)
    yield _gauge("etalase_renditions_listed", "Small pictures that head office lists.", facts.small.listed)
    yield _gauge("etalase_renditions_waiting", "Small pictures that are not here yet.", facts.small.waiting)
    yield _gauge("etalase_renditions_failed", "Small pictures among these whose last attempt failed.", facts.small.failed)
    yield _gauge("etalase_renditions_damaged", "Small pictures that were here and are missing or damaged.", facts.small.damaged)
    yield _gauge("etalase_removals_held", "Removals that wait for a person.", facts.held)
    yield _gauge("etalase_products", "Products on the tills.", facts.products)


def _bucket(facts: Facts) -> Iterator[Metric]:
    bucket, verdict = facts.bucket, judge(facts)
    states = {state.value: state is verdict.state for state in State if state is not State.DATABASE_AWAY}
    yield _by("etalase_state", "1 for the state that `etalase edge status` shows.", "state", states)
    yield _by(
        "etalase_problem",
        "1 for each problem that `etalase edge status` shows.",
        "state",
        {state.value: state in verdict.holds for state in State if state not in {State.DATABASE_AWAY, State.WELL}},
    )
    yield _gauge("etalase_bucket_up", "Whether the photo store could be compared with the rows.", bucket.error is None)
    yield _gauge("etalase_bucket_compared_age_seconds", "Time since that comparison.", _age(bucket.at, facts.now))
    if bucket.error is None:
        damaged = {kind.value: bucket.damaged.get(kind, 0) for kind in Damage}
        yield _gauge("etalase_photos_verified", "Photos whose object is as promised.", bucket.verified)
        yield _gauge("etalase_photos_replacing", "Photos whose newer object is there before its row.", bucket.replacing)
        yield _by("etalase_photos_damaged", "Photos whose object is missing or not as promised.", "kind", damaged)
        yield _gauge("etalase_photos_own_damaged", "The store's own photos among the damaged.", facts.own.damaged)
        yield _gauge(
            "etalase_products_without_verified_photo", "Products whose photo is missing or damaged.", len(facts.uncovered)
        )


def _runs(facts: Facts, day: Day) -> Iterator[Metric]:
    yield _gauge("etalase_run_in_progress", "Whether a run is in flight.", facts.is_running)
    if facts.last_good_run_at is not None:
        age = _age(facts.last_good_run_at, facts.now)
        yield _gauge(
            "etalase_last_good_run_age_seconds", "Time since the last complete run ended; absent before the first.", age
        )
    if facts.last_ended is not None:
        yield from _last_run(facts.last_ended)
    runs = {outcome.value: day.runs.get(outcome.value, 0) for outcome in OUTCOMES}
    yield _by("etalase_runs_last_day", "Runs that began in the last 24 hours and ended, by outcome.", "outcome", runs)
    yield _by("etalase_run_photos_last_day", "Photos in these runs, by what a run did with them.", "result", day.photos)
    yield _by("etalase_run_renditions_last_day", "Small pictures in these runs, by result.", "result", day.renditions)
    yield _gauge("etalase_run_fetched_bytes_last_day", "Bytes of photos that these runs fetched.", day.bytes_fetched)
    yield _gauge("etalase_run_seconds_last_day", "Time that these runs took.", day.seconds)
    signs = {"worker": facts.worker, "beat": facts.beat}
    ages = {role: _age(sign.at, facts.now) for role, sign in signs.items() if sign is not None}
    yield _by("etalase_heartbeat_age_seconds", "Time since the last heartbeat; absent before the first.", "role", ages)


def _last_run(run: RunFacts) -> Iterator[Metric]:
    outcomes = {outcome.value: run.outcome == outcome for outcome in OUTCOMES}
    outcomes[Outcome.INTERRUPTED.value] |= run.outcome is None
    yield _by("etalase_last_run_outcome", "1 for the outcome of the last ended run.", "outcome", outcomes)
    kinds = {kind.value: run.kind == kind for kind in RunKind}
    yield _by("etalase_last_run_kind", "1 for the kind of the last ended run.", "kind", kinds)
    yield _gauge("etalase_last_run_fetched_bytes", "Bytes of photos that it fetched.", run.bytes_fetched)
    if run.duration_seconds is not None:
        yield _gauge("etalase_last_run_duration_seconds", "Its duration.", run.duration_seconds)


def _age(moment: datetime, now: datetime) -> float:
    """Returns the seconds since ``moment``; negative if it is in the future, because a clock is wrong."""
    return (now - moment).total_seconds()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    metric = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        metric.add_metric([key], float(value))
    return metric
