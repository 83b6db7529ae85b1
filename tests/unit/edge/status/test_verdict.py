"""Checks the state of a store: the worst condition, its colour and its exit status."""

import json
from typing import Any

import pytest
from hypothesis import given
from tests.unit.edge.status.snapshots import HOUR, MINUTE, NOW, SILENT, any_facts, comparison, damaged, facts, run

from etalase.edge.integrity import Damage
from etalase.edge.status.filling import KnownList
from etalase.edge.status.snapshot import Facts, Own, Sign, SmallPictures
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import Level, State, judge

NEVER: dict[str, Any] = {"last_good_run_at": None, "feed_proved_complete": None, "expected": None, "known": None}
LONG_SILENT = Sign(NOW - 25 * HOUR, is_alive=False)
FILLING = KnownList(listed=1042, here=138, progressed_at=NOW - MINUTE)
LEFT = KnownList(listed=1042, here=138, progressed_at=NOW - 3 * HOUR)
AT_WORK: dict[str, Any] = {"last_run": run(None), "lock_taken": True}
AWAY = comparison(error="it does not answer", rows=0, verified=0)


@pytest.mark.parametrize(
    ("changes", "holds", "level", "exit_status"),
    [
        ({}, [], "green", 0),
        # no fault: no listed photos, a parked photo, a run in flight, a newer photo in flight, an empty list
        ({"parked": 2}, [], "green", 0),
        ({"last_run": run(None), "lock_taken": True}, [], "green", 0),
        ({"bucket": comparison(verified=411, replacing=1)}, [], "green", 0),
        ({"bucket": comparison(rows=0, verified=0), "photos": 0, "expected": 0}, ["empty"], "yellow", 1),
        # ... and a listed photo failed
        ({"bucket": comparison(rows=0, verified=0), "photos": 0, "expected": 0, "failed": 87}, ["partial"], "yellow", 1),
        # no sync will come; a service without any heartbeat may be alive
        ({"beat": SILENT}, ["service_silent"], "yellow", 1),
        ({"worker": SILENT, "known": FILLING}, ["service_silent", "filling"], "yellow", 1),
        ({"worker": None, "beat": None}, [], "green", 0),
        # ... but runs continue a day after both fell silent, so a system timer starts them
        ({"worker": LONG_SILENT, "beat": LONG_SILENT}, [], "green", 0),
        ({"worker": LONG_SILENT, "beat": SILENT}, ["service_silent"], "yellow", 1),
        ({"beat": LONG_SILENT}, ["service_silent"], "yellow", 1),
        ({"photos": 413}, [], "green", 0),
        ({"last_run": run("partial")}, [], "green", 0),  # its failures are settled by now
        ({"last_run": run("partial", complete=False)}, ["run_failed"], "yellow", 1),  # it reached its time limit, or yielded
        ({"last_run": run(None), "lock_taken": True, "last_ended": run("failed")}, ["run_failed"], "yellow", 1),
        # freshness
        ({"last_good_run_at": NOW - 2 * HOUR}, [], "green", 0),
        ({"last_good_run_at": NOW - 2 * HOUR - MINUTE}, ["stale"], "red", 1),
        ({"last_good_run_at": NOW + 4 * MINUTE}, [], "green", 0),
        ({"last_good_run_at": NOW + 6 * MINUTE}, ["stale"], "red", 1),
        # the bucket
        ({"bucket": damaged(Damage.CUT)}, ["damaged"], "red", 1),
        ({"bucket": AWAY}, ["bucket_away"], "red", 4),
        # lost rows, also during a run: the removals of that run are not expected rows
        ({"photos": 411}, ["damaged"], "red", 1),
        ({"photos": 411, "last_run": run(None), "lock_taken": True}, ["damaged"], "red", 1),
        ({"expected": None}, ["unproved"], "yellow", 1),  # the expected number of rows is unknown
        # another program filled the edge: nothing is stale, and no run is missing
        ({**NEVER, "not_adopted": True}, ["not_adopted"], "yellow", 4),
        ({**NEVER, "not_adopted": True, "bucket": AWAY}, ["not_adopted", "bucket_away"], "yellow", 4),
        ({"own": Own(photos=3, open=2, damaged=1, objects=4, open_objects=4)}, [], "green", 0),
        # small pictures: one that was never here is no fault, one that was here and is lost or damaged is
        ({"small": SmallPictures(listed=30, waiting=3, failed=1, unmade=2)}, [], "green", 0),
        ({"small": SmallPictures(listed=30, damaged=1)}, ["small_pictures"], "yellow", 1),
        ({"small": SmallPictures(damaged=1), "bucket": damaged()}, ["damaged", "small_pictures"], "red", 1),
        # held removals
        ({"held": 1}, ["held"], "yellow", 3),
        ({"failed": 1}, ["partial"], "yellow", 1),
        ({"last_run": run("failed")}, ["run_failed"], "yellow", 1),
        ({"last_run": run("failed"), "last_good_run_at": NOW - 3 * HOUR}, ["stale", "run_failed"], "red", 1),
        ({"last_run": run(None)}, ["run_failed"], "yellow", 1),
        ({"last_run": run("interrupted"), "lock_taken": True}, ["run_failed"], "yellow", 1),
        ({"feed_proved_complete": False}, ["unproved"], "yellow", 1),
        # a list in progress: also a first load, stale photos during a run, and the rest of an ended run
        ({"known": FILLING}, ["filling"], "blue", 1),
        ({"known": FILLING, **AT_WORK}, ["filling"], "blue", 1),
        ({**NEVER, "known": FILLING, **AT_WORK}, ["filling"], "blue", 1),
        ({**NEVER, "known": FILLING, "last_run": run("partial", complete=False)}, ["filling", "run_failed"], "blue", 1),
        ({"known": FILLING, **AT_WORK, "last_good_run_at": NOW - 5 * HOUR}, ["filling"], "blue", 1),
        ({"known": FILLING, "last_good_run_at": NOW - 5 * HOUR}, ["filling"], "blue", 1),
        ({"known": LEFT, "last_good_run_at": NOW - 5 * HOUR}, ["stale", "filling"], "red", 1),
        ({"known": FILLING, **AT_WORK, "last_good_run_at": NOW + HOUR}, ["stale", "filling"], "red", 1),
        ({"known": FILLING, "bucket": damaged()}, ["damaged", "filling"], "red", 1),
        ({"known": FILLING, "held": 1}, ["held", "filling"], "yellow", 3),
        ({"known": FILLING, "bucket": AWAY}, ["bucket_away", "filling"], "red", 4),
        # failed photos are not in progress
        ({"known": KnownList(listed=412, here=411, tried=1), "failed": 1}, ["partial"], "yellow", 1),
        ({"known": KnownList(listed=412, here=400, tried=1), "failed": 12}, ["filling", "partial"], "blue", 1),
        # several conditions: the worst decides, 4 before 3 before 1
        ({"held": 1, "failed": 1, "feed_proved_complete": False}, ["held", "partial", "unproved"], "yellow", 3),
        ({"held": 1, "bucket": damaged()}, ["damaged", "held"], "red", 3),
        ({"held": 1, "bucket": AWAY}, ["bucket_away", "held"], "red", 4),
        ({"bucket": AWAY, "last_good_run_at": NOW - 3 * HOUR}, ["bucket_away", "stale"], "red", 4),
        # before the first complete run
        ({**NEVER, "last_run": None}, ["not_ready", "stale"], "red", 4),
        ({**NEVER, "last_run": run(None), "lock_taken": True}, ["not_ready", "stale"], "blue", 4),
        ({**NEVER, "last_run": run("failed")}, ["not_ready", "stale", "run_failed"], "red", 4),
        ({**NEVER, "last_run": run(None), "lock_taken": True, "bucket": AWAY}, ["not_ready", "bucket_away", "stale"], "red", 4),
    ],
)
def test_the_worst_condition_decides_the_state(changes: dict[str, Any], holds: list[str], level: str, exit_status: int) -> None:
    verdict = judge(facts(**changes))
    assert (list(verdict.holds), verdict.level, verdict.exit_status) == (holds, level, exit_status)
    assert verdict.state == (holds[0] if holds else "well")


def test_without_a_database_the_state_is_not_well() -> None:
    verdict = judge(None)
    assert (verdict.state, verdict.level, verdict.exit_status) == (State.DATABASE_AWAY, Level.RED, 4)
    output = as_json(None, verdict, error="gone")
    assert (output["well"], output["error"]) == (False, "gone")


@given(any_facts())
def test_the_state_is_well_only_if_nothing_is_missing(store_facts: Facts) -> None:
    verdict = judge(store_facts)
    if verdict.state is State.WELL:
        assert store_facts.bucket.error is None
        assert store_facts.bucket.verified + store_facts.bucket.replacing == store_facts.bucket.rows
        assert store_facts.failed + store_facts.held == 0
        assert store_facts.known is None or store_facts.known.listed - store_facts.known.here <= store_facts.known.tried
        assert store_facts.feed_proved_complete is not False
        assert store_facts.expected is None or store_facts.photos >= store_facts.expected
        assert store_facts.last_ended is None or (
            store_facts.last_ended.complete and store_facts.last_ended.outcome not in {"failed", None}
        )
        assert store_facts.last_good_run_at is not None
        assert -5 * MINUTE <= store_facts.now - store_facts.last_good_run_at <= 2 * HOUR
    assert (verdict.exit_status == 0) == (verdict.state is State.WELL) == (verdict.level is Level.GREEN)
    assert list(verdict.holds) == sorted(verdict.holds, key=list(State).index)


@given(any_facts())
def test_the_json_status_has_the_same_facts_and_is_always_valid(store_facts: Facts) -> None:
    verdict = judge(store_facts)
    output = json.loads(json.dumps(as_json(store_facts, verdict)))
    assert (output["state"], output["well"]) == (verdict.state, verdict.exit_status == 0)
    assert output["problems"] == list(verdict.holds)
    assert sum(output["damaged"].values()) == store_facts.damaged
    assert output["bucket"]["away"] == (output["verified"] is None)
