"""Checks the samples against the facts and the verdict they are made of."""

from dataclasses import replace

from hypothesis import given
from prometheus_client.core import Metric
from tests.unit.edge.status.snapshots import any_facts, facts

from etalase.edge.metrics.samples import Day, Queue, Reading, Surroundings, metrics
from etalase.edge.status.snapshot import Facts
from etalase.edge.status.verdict import State, judge
from etalase.errors import PARKED

MAX_SERIES = 200
MACHINE = Surroundings(spool_free=1, spool_size=2, queue=Queue(is_up=True, length=3))
DAY = Day(runs={"success": 24}, photos={"fetched": 5}, bytes_fetched=6, seconds=7.5)


def shown(reading: Reading | None, machine: Surroundings = MACHINE) -> dict[str, float]:
    """Returns the samples by name, or ``name{value}`` of their one label."""
    found: dict[str, float] = {}
    families: list[Metric] = list(metrics(reading, machine, version="1.2.3"))
    assert len({family.name for family in families}) == len(families)
    for sample in (sample for family in families for sample in family.samples):
        values = ",".join(sample.labels.values())
        name = f"{sample.name}{{{values}}}" if values else sample.name
        assert name not in found
        found[name] = sample.value
    return found


def reading(snapshot: Facts, *, is_compared: bool = True) -> Reading:
    """Returns a reading of these facts."""
    return Reading(facts=snapshot, is_compared=is_compared, day=DAY)


@given(any_facts())
def test_any_facts_make_few_samples_that_agree_with_the_verdict(snapshot: Facts) -> None:
    told, verdict = shown(reading(snapshot)), judge(snapshot)
    assert len(told) <= MAX_SERIES
    assert told["etalase_up"] == 1
    assert [state for state in State if told.get(f"etalase_state{{{state}}}")] == [verdict.state]
    assert tuple(state for state in State if told.get(f"etalase_problem{{{state}}}")) == verdict.holds
    assert told["etalase_photos"] == snapshot.photos
    owed = [count for reason, count in snapshot.reasons.items() if reason not in PARKED]
    assert sum(value for name, value in told.items() if name.startswith("etalase_photos_owed{")) == sum(owed)
    assert told["etalase_removals_held"] == snapshot.held
    if snapshot.bucket.error is None:
        damaged = {name: value for name, value in told.items() if name.startswith("etalase_photos_damaged{")}
        assert sum(damaged.values()) == snapshot.damaged
    assert told["etalase_bucket_up"] == (snapshot.bucket.error is None)
    assert ("etalase_last_good_run_age_seconds" in told) == (snapshot.last_good_run_at is not None)


def test_without_the_database_only_up_version_and_the_machine_are_shown() -> None:
    told = shown(None)
    assert told == {
        "etalase_up": 0,
        "etalase_build_info{1.2.3}": 1,
        "etalase_spool_free_bytes": 1,
        "etalase_spool_size_bytes": 2,
        "etalase_broker_up": 1,
        "etalase_queue_length": 3,
    }


def test_what_is_unknown_is_absent_and_not_zero() -> None:
    before_the_first_run = facts(last_good_run_at=None, last_ended=None, known=None, worker=None, beat=None)
    told = shown(reading(before_the_first_run, is_compared=False), Surroundings())
    for name in ("etalase_bucket", "etalase_state", "etalase_photos_verified", "etalase_last", "etalase_photos_listed",
                 "etalase_heartbeat", "etalase_spool", "etalase_queue", "etalase_broker"):  # fmt: skip
        assert not [sample for sample in told if sample.startswith(name)]


def test_a_killed_run_counts_as_interrupted() -> None:
    before = facts().last_run
    assert before is not None
    told = shown(reading(facts(last_ended=replace(before, outcome=None, duration_seconds=None))))
    assert told["etalase_last_run_outcome{interrupted}"] == 1
    assert "etalase_last_run_duration_seconds" not in told
