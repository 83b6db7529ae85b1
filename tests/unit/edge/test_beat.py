"""Checks the messages of the beat's scheduler on a controlled clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.schedules import crontab
from kombu.exceptions import OperationalError

from etalase.edge.beat import LONGEST_SLEEP_SECONDS, RETRY_SECONDS, MemoryScheduler

HOURLY, NIGHTLY = "sync_api.tasks.sync_product_photos", "sync_api.tasks.sync_product_photos_full"
JAKARTA = ZoneInfo("Asia/Jakarta")


class Beat:
    """A scheduler, its clock, and its messages since the last read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, zone: ZoneInfo) -> None:
        self.now = datetime(2026, 2, 3, 10, 30, tzinfo=zone)
        self.sent: list[tuple[str, datetime]] = []
        self.refuses = False
        app = Celery("tests", set_as_current=False)
        schedule = {
            "hourly": {"task": HOURLY, "schedule": crontab(minute=0)},
            "nightly": {"task": NIGHTLY, "schedule": crontab(hour=2, minute=0)},
        }
        app.conf.update(timezone=str(zone), beat_schedule=schedule)
        monkeypatch.setattr(app, "now", lambda: self.now)
        monkeypatch.setattr(app, "send_task", self._send)
        self.scheduler = MemoryScheduler(app)

    def _send(self, task: str, kwargs: dict[str, Any]) -> None:
        if self.refuses:
            raise OperationalError("MISCONF")
        self.sent.append((task, datetime.fromtimestamp(kwargs["due"], self.now.tzinfo)))

    def run(self, duration: timedelta) -> list[tuple[str, datetime]]:
        """Advances the clock tick by tick. Returns the messages."""
        until, before = self.now + duration, len(self.sent)
        while self.now < until:
            seconds = self.scheduler.tick()
            assert 0 < seconds <= LONGEST_SLEEP_SECONDS
            # In real time, across a change of clocks.
            self.now = (self.now.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(self.now.tzinfo)
        return self.sent[before:]


@pytest.fixture
def beat(monkeypatch: pytest.MonkeyPatch) -> Beat:
    """Returns a beat in a zone without summer time."""
    return Beat(monkeypatch, JAKARTA)


def at(hour: int, day: int = 3) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=JAKARTA)


def test_at_its_start_the_beat_sends_both_tasks_with_their_last_due_times(beat: Beat) -> None:
    beat.now = datetime(2026, 2, 3, 2, 1, tzinfo=JAKARTA)
    assert sorted(beat.run(timedelta(minutes=50))) == [(HOURLY, at(2)), (NIGHTLY, at(2))]


def test_the_beat_sends_each_task_once_when_it_is_due(beat: Beat) -> None:
    beat.run(timedelta(minutes=1))
    sent = beat.run(timedelta(days=2))
    assert [due for task, due in sent if task == NIGHTLY] == [at(2, day=4), at(2, day=5)]
    assert len([due for task, due in sent if task == HOURLY]) == 48


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(minutes=20), timedelta(days=400)])
def test_a_clock_set_back_stops_no_task_of_the_beat(beat: Beat, back: timedelta) -> None:
    beat.run(timedelta(hours=1))
    beat.now -= back
    beat.run(timedelta(minutes=1))
    sent = beat.run(timedelta(days=1))
    assert [task for task, _ in sent].count(NIGHTLY) == 1
    assert 24 <= [task for task, _ in sent].count(HOURLY) <= 25


def test_a_clock_that_jumps_ahead_makes_the_beat_send_each_task_once(beat: Beat) -> None:
    beat.run(timedelta(hours=1))
    beat.now += timedelta(days=400)
    assert sorted(task for task, _ in beat.run(timedelta(minutes=5))) == [HOURLY, NIGHTLY]


def test_the_beat_retries_a_message_that_the_broker_refused(beat: Beat) -> None:
    beat.refuses = True
    assert beat.run(timedelta(minutes=80)) == []
    beat.refuses = False
    assert sorted(beat.run(timedelta(seconds=RETRY_SECONDS))) == [(HOURLY, at(11)), (NIGHTLY, at(2))]


@pytest.mark.parametrize("day", ["2026-03-28T12:00", "2026-10-24T12:00"], ids=["to summer", "to winter"])
def test_a_night_with_a_clock_change_has_one_full_run(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    monkeypatch.setattr("etalase.edge.beat.get_default_timezone", lambda: berlin)
    beat = Beat(monkeypatch, berlin)
    beat.now = datetime.fromisoformat(day).replace(tzinfo=berlin)
    beat.run(timedelta(minutes=1))
    sent = beat.run(timedelta(days=1))
    assert [task for task, _ in sent].count(NIGHTLY) == 1
    assert [task for task, _ in sent].count(HOURLY) >= 23
