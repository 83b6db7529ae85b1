"""Reports of strangers: each field is checked and named; times of a wrong clock are put right."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etalase.head_office.fleet.reports import ReportRefused, checkpoint_of, read_report, timing
from etalase.report import MAX_FAULTS, Report

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[3] / "wire" / "report.json"
PHOTO = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


def a_report(**changes: Any) -> dict[str, Any]:
    """Returns a valid report as JSON values, with changed fields; None removes one."""
    report: dict[str, Any] = json.loads(EXAMPLE.read_text())
    report.update(changes)
    return {name: value for name, value in report.items() if value is not None}


def test_a_report_of_this_release_is_read() -> None:
    """And is the same after a second trip over the wire."""
    report = read_report(a_report())
    assert report.photos.listed == 86
    assert read_report(msgspec.json.decode(msgspec.json.encode(report))) == report


def test_a_report_of_the_next_release_is_read() -> None:
    """Unknown fields, words and larger versions."""
    report = read_report(
        a_report(
            agent="etalase/9.0.0",
            state={"word": "polished", "parts": ["polished", "shining"], "missing": 0, "lustre": 3},
            faults=[{"photo_id": PHOTO, "product_id": PHOTO, "reason": "moonlight", "side": "moon", "phase": 1}],
            mood={"any": ["thing"]},
            orders=[{"id": PHOTO, "outcome": "polished", "detail": "", "lustre": 3}],
        )
    )
    assert report.state.word == "polished"
    assert report.orders[0].outcome == "polished"
    assert report.faults is not None
    assert report.faults[0].side == "moon"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instance": None}, "report"),
        ({"instance": "12"}, "report.instance"),
        ({"sequence": 0}, "report.sequence"),
        ({"orders": [{"id": "12", "outcome": "done"}]}, "report.orders[0].id"),
        ({"orders": [{"id": PHOTO}]}, "report.orders[0]"),
        ({"orders": [{"id": PHOTO, "outcome": "x" * 41}]}, "report.orders[0].outcome"),
        ({"orders": [{"id": PHOTO, "outcome": "done", "detail": "a\0b"}]}, "report.orders[0].detail"),
        ({"orders": [{"id": PHOTO, "outcome": "done"}] * 21}, "report.orders"),
        ({"sequence": 2**63}, "report.sequence"),
        ({"sequence": "12"}, "report.sequence"),
        ({"sequence": True}, "report.sequence"),
        ({"agent": "x" * 41}, "report.agent"),
        ({"agent": "a\0b"}, "report.agent"),
        ({"sent_at": "2026-11-27T10:00:00"}, "report.sent_at"),
        ({"sent_at": "0001-01-01T00:00:00+14:00"}, "report.sent_at"),
        ({"next_report_by": "9999-12-31T23:59:59-14:00"}, "report.next_report_by"),
        ({"verified_at": "0001-01-01T00:00:00+14:00"}, "report.verified_at"),
        ({"checkpoint": "x" * 65}, "report.checkpoint"),
        ({"digest": "A" * 32}, "report.digest"),
        ({"digest": 3}, "report.digest"),
        ({"faults_hash": None}, "report"),
        ({"photos": []}, "report.photos"),
        ({"photos": {**a_report()["photos"], "owed": -1}}, "report.photos.owed"),
        ({"photos": {**a_report()["photos"], "listed": 2**31}}, "report.photos.listed"),
        ({"menu": {"products": 1.5, "with_photo": 0}}, "report.menu.products"),
        ({"state": "well"}, "report.state"),
        ({"state": {"word": "well", "parts": ["x"] * 41}}, "report.state.parts"),
        ({"traffic": {"today_bytes": 1}}, "report.traffic"),
        ({"faults": [{"photo_id": PHOTO}]}, "report.faults[0]"),
        ({"faults": [{"photo_id": PHOTO, "product_id": PHOTO, "reason": "timeout", "side": 4}]}, "report.faults[0].side"),
        (
            {
                "faults": [
                    {
                        "photo_id": PHOTO,
                        "product_id": PHOTO,
                        "reason": "timeout",
                        "side": "link",
                        "since": "0001-01-01T00:00:00+14:00",
                    }
                ]
            },
            "report.faults[0].since",
        ),
        (
            {"faults": [{"photo_id": PHOTO, "product_id": PHOTO, "reason": "timeout", "side": "link"}] * (MAX_FAULTS + 1)},
            "report.faults",
        ),
        ({"answer": [{"nonce": "0" * 32, "checksum": "a" * 32, "proof": "zz"}]}, "report.answer[0].proof"),
        (
            {"run": {"kind": "full", "outcome": "success", "started_at": NOW.isoformat(), "duration_seconds": -1}},
            "report.run.duration_seconds",
        ),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    """Each kind of wrong value."""
    with pytest.raises(ReportRefused) as refused:
        read_report(a_report(**changes), prefix="report")
    assert refused.value.field == field
    assert refused.value.problem.isprintable()


@pytest.mark.parametrize("value", [None, 3, "report", [], [a_report()], float("nan")])
def test_what_is_no_object_is_refused(value: Any) -> None:
    """At the place where it stands."""
    with pytest.raises(ReportRefused) as refused:
        read_report(value, prefix="report")
    assert refused.value.field == "report"


def test_deep_nesting_is_refused() -> None:
    """In an unknown field it is nobody's; in a known one it is an error."""
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ReportRefused):
        read_report(a_report(state=deep))


@pytest.mark.parametrize("skew", [timedelta(), timedelta(days=1), timedelta(days=-1), timedelta(days=3650)])
def test_a_wrong_clock_moves_no_promise(skew: timedelta) -> None:
    """Promise and look are placed by head office's clock; the skew is told."""
    sent_at = NOW + skew
    report = read_report(
        a_report(
            sent_at=sent_at.isoformat(),
            next_report_by=(sent_at + timedelta(minutes=67)).isoformat(),
            verified_at=(sent_at - timedelta(hours=8)).isoformat(),
        )
    )
    placed = timing(report, received_at=NOW)
    assert placed.due_at == NOW + timedelta(minutes=67)
    assert placed.verified_at == NOW - timedelta(hours=8)
    assert placed.skew == skew


@pytest.mark.parametrize(
    ("promised", "due_in"),
    [
        ("2026-11-27T09:00:00+00:00", timedelta()),
        ("2999-01-01T00:00:00+00:00", timedelta(hours=25)),
    ],
)
def test_a_promise_is_bounded(promised: str, due_in: timedelta) -> None:
    """No promise keeps a store from falling silent."""
    assert timing(read_report(a_report(next_report_by=promised)), received_at=NOW).due_at == NOW + due_in


def test_a_look_in_the_future_is_now() -> None:
    """A store cannot have looked after it reported."""
    report = read_report(a_report(verified_at="2026-11-28T10:00:00+00:00"))
    assert timing(report, received_at=NOW).verified_at == NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-27T09:07:00.123456+00:00", datetime(2026, 11, 27, 9, 7, 0, 123456, tzinfo=UTC)),
        ("2026-11-27T16:07:00.123456+07:00", datetime(2026, 11, 27, 9, 7, 0, 123456, tzinfo=UTC)),
        ("", None),
        ("cursor:12", None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
    ],
)
def test_a_checkpoint_is_a_time_or_nothing(text: str | None, moment: datetime | None) -> None:
    """A checkpoint of another program's head office proves nothing."""
    report: Report = read_report(a_report(checkpoint=text))
    assert checkpoint_of(report) == moment


def test_a_report_of_an_edge_without_orders_is_read() -> None:
    """Of the release before."""
    assert read_report(a_report(orders=None)).orders == []
