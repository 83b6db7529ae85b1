"""Checks the times of the next scheduled runs that the status reports."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from django.conf import settings as django_settings
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.edge.schedules import JAKARTA, MINUTE, MOMENTS, NIGHTS, WEEKENDS
from tests.unit.settings.examples import EDGE

from etalase.edge.schedule import next_runs
from etalase.edge.status import sync_request
from etalase.edge.tasks import wait_of
from etalase.settings.bandwidth import parse_bandwidth
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import parse_settings


def local(text: str) -> float:
    """Returns a time in Jakarta as Unix time."""
    return datetime.fromisoformat(text).replace(tzinfo=JAKARTA).timestamp()


@pytest.mark.parametrize(
    ("now", "offset", "off_peak", "hourly", "full"),
    [
        ("2026-02-02 06:00", 0, None, "2026-02-02 07:00", "2026-02-03 02:00"),
        ("2026-02-02 06:00", 13, None, "2026-02-02 06:13", "2026-02-03 02:13"),
        ("2026-02-02 06:13", 13, None, "2026-02-02 07:13", "2026-02-03 02:13"),
        ("2026-02-02 02:12", 13, None, "2026-02-02 02:13", "2026-02-02 02:13"),
        ("2026-02-02 23:30", 13, None, "2026-02-03 00:13", "2026-02-03 02:13"),
        # 02:00 is in the widest step
        ("2026-02-02 06:00", 13, NIGHTS, "2026-02-02 06:13", "2026-02-03 02:13"),
        # it comes on Saturday only; runs due on the days before wait for it
        ("2026-02-02 06:00", 13, WEEKENDS, "2026-02-02 06:13", "2026-02-07 00:13"),
        ("2026-02-07 00:14", 13, WEEKENDS, "2026-02-07 01:13", "2026-02-07 02:13"),
        # a short step: not after its end
        ("2026-02-02 06:00", 45, MOMENTS, "2026-02-02 06:45", "2026-02-03 02:05"),
    ],
)
def test_the_next_runs_are_due_at_the_stores_offset(
    now: str, offset: int, off_peak: str | None, hourly: str, full: str
) -> None:
    due = next_runs(
        local(now), JAKARTA, offset_minutes=offset, off_peak=off_peak is not None, bandwidth=parse_bandwidth(off_peak or "off")
    )
    assert due == (local(hourly), local(full))


def test_the_next_full_run_follows_the_beats_time_zone() -> None:
    due = next_runs(
        local("2026-02-02 06:00"),
        JAKARTA,
        offset_minutes=13,
        off_peak=False,
        bandwidth=parse_bandwidth("off"),
        beat_zone=ZoneInfo("UTC"),
    )
    assert due == (local("2026-02-02 06:13"), local("2026-02-02 09:13"))


@pytest.mark.parametrize(
    ("time_zone", "zone"),
    [("Asia/Makassar", ZoneInfo("Asia/Makassar")), (JAKARTA, JAKARTA), (None, None), ("Mars/Olympus", None), ("../x", None)],
)
def test_a_projects_beat_follows_its_own_time_zone(monkeypatch: pytest.MonkeyPatch, time_zone: object, zone: object) -> None:
    monkeypatch.setattr(sync_request, "project_celery", lambda: None)
    monkeypatch.setattr(django_settings, "CELERY_TIMEZONE", time_zone, raising=False)
    assert sync_request.beat_zone() == zone
    monkeypatch.setattr(
        sync_request, "project_celery", lambda: Celery("customer", timezone="Asia/Jayapura", set_as_current=False)
    )
    assert sync_request.beat_zone() == ZoneInfo("Asia/Jayapura")


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    before=st.integers(1, 7200),
    offset=st.integers(0, 59),
    bandwidth=st.sampled_from([None, NIGHTS, WEEKENDS, MOMENTS]),
    zone=st.sampled_from([JAKARTA, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]),
)
def test_the_predicted_next_run_equals_the_start_of_the_task(
    day: date, before: int, offset: int, bandwidth: str | None, zone: ZoneInfo
) -> None:
    off_peak = {"BANDWIDTH": bandwidth, "FULL_RUN": "off-peak"} if bandwidth else {}
    settings = parse_settings(EdgeSettings, EDGE | off_peak | {"SCHEDULE_OFFSET_MINUTES": offset})
    night = datetime(day.year, day.month, day.day, 2, tzinfo=zone)
    assume(datetime.fromtimestamp(night.timestamp(), zone).hour == 2)  # not in the hour that a change of clocks skips
    begins, after_offset = night.timestamp(), False
    while put_off := wait_of(settings, full=True, after_offset=after_offset, now=begins, zone=zone):
        begins, after_offset = begins + put_off.seconds, put_off.after_offset
    due = next_runs(
        begins - 1,
        zone,
        offset_minutes=settings.schedule_offset_minutes,
        off_peak=settings.FULL_RUN == "off-peak",
        bandwidth=settings.BANDWIDTH,
    )
    assert due.full == pytest.approx(begins, abs=1e-3)
    now = night.timestamp() - before
    due = next_runs(now, zone, offset_minutes=offset, off_peak=False, bandwidth=settings.BANDWIDTH)
    assert 0 < due.hourly - now <= 60 * MINUTE
    assert datetime.fromtimestamp(due.hourly, zone).minute == offset
