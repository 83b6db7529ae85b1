"""Checks the result of a run: outcome, exit status, ``--json`` and the guide's metrics."""

import json
import logging
from typing import Any

import pytest

from etalase.edge.sync.result import RunKind, RunResult
from etalase.errors import FeedRefused, HeadOfficeAway, LockHeld, LockLost, ObjectStoreFull, SettingsError, StoreMismatch

AWAY = HeadOfficeAway("away")
OWED = [{"photo_id": "x"}]


@pytest.mark.parametrize(
    ("fields", "outcome", "exit_status"),
    [
        ({}, "success", 0),
        ({"fetched": 5}, "success", 0),
        ({"parked": 5}, "success", 0),
        ({"failed": 1}, "partial", 1),
        ({"owed": 1}, "partial", 1),
        ({"yielded": True}, "partial", 1),
        ({"held": 1}, "held", 3),
        ({"held": 1, "failed": 1}, "held", 3),
        ({"error": AWAY}, "failed", 4),
        ({"error": AWAY, "held": 1, "failed": 1}, "failed", 4),
        ({"error": FeedRefused("x")}, "failed", 4),
        ({"error": ObjectStoreFull("x")}, "failed", 4),
        ({"error": LockLost("x")}, "failed", 4),
        ({"error": StoreMismatch("x")}, "failed", 2),
        ({"error": SettingsError(["x"])}, "failed", 2),
        ({"locked": True, "error": LockHeld("x")}, "locked", 75),
        ({"locked": True, "error": LockHeld("x"), "held": 2, "failed": 2}, "locked", 75),
    ],
)
def test_the_worst_condition_decides_the_outcome(fields: dict[str, Any], outcome: str, exit_status: int) -> None:
    report = RunResult(kind=RunKind.FULL, **fields)
    assert (report.outcome, report.exit_status) == (outcome, exit_status)


def test_every_examined_photo_is_counted_once() -> None:
    assert RunResult(kind=RunKind.FULL, fetched=1, updated=2, unchanged=4, parked=8, failed=16, deleted=32, healed=1).seen == 31


def test_the_json_result_has_the_documented_fields() -> None:
    report = json.loads(json.dumps(RunResult(kind=RunKind.INCREMENTAL, error=AWAY).as_json()))
    promised = (
        "run_id kind outcome dry_run seen fetched updated unchanged parked failed deleted held healed bytes_fetched"
        " duration_seconds checkpoint failures"
    )
    assert set(promised.split()) <= set(report)
    assert report["error"] == "away"


def test_the_guides_five_metrics_are_logged_as_text_and_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    report = RunResult(kind=RunKind.FULL, fetched=3, failed=1, parked=2, bytes_fetched=2 * 1024 * 1024, duration_seconds=2.0)
    with caplog.at_level(logging.INFO, "product_photo_sync"):
        report.log_metrics()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    for metric in ("duration 2.00 s", "success 3", "failed 1", "total bytes 2.00 MB", "average speed 1024.00 KB/s"):
        assert metric in message
    fields = vars(record)
    assert (fields["success_count"], fields["failed_count"], fields["total_bytes"]) == (3, 1, 2 * 1024 * 1024)


def test_a_run_of_zero_seconds_has_a_speed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "product_photo_sync"):
        RunResult(kind=RunKind.FULL).log_metrics()
    assert caplog.records[0].levelno == logging.INFO
