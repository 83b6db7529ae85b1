"""Checks when a scheduled run starts: after the wait for off-peak, at the store's offset (hazard 38)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.edge.schedules import JAKARTA, MINUTE, MOMENTS, NIGHTS, WEEKENDS
from tests.unit.settings.examples import EDGE

from etalase.edge.schedule import LONGEST_COUNTDOWN_SECONDS, Wait
from etalase.edge.tasks import wait_of
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import parse_settings


def wait(now: str, bandwidth: str, *, after_offset: bool = False, full: bool = True, **changes: Any) -> Wait | None:
    """Returns the wait of a run at a local time, in a store with an offset of 45 minutes."""
    given = {"BANDWIDTH": bandwidth, "FULL_RUN": "off-peak", "SCHEDULE_OFFSET_MINUTES": 45, **changes}
    at = datetime.fromisoformat(now).replace(tzinfo=JAKARTA).timestamp()
    return wait_of(parse_settings(EdgeSettings, EDGE | given), full=full, after_offset=after_offset, now=at, zone=JAKARTA)


@pytest.mark.parametrize(
    ("now", "bandwidth", "after_offset", "expected"),
    [
        # in the widest step: the store's offset, then no more wait
        ("2026-02-02 02:00", NIGHTS, False, Wait(30 * MINUTE, False)),
        ("2026-02-02 02:30", NIGHTS, False, Wait(15 * MINUTE, True)),
        ("2026-02-02 02:45", NIGHTS, True, None),
        # outside: until it begins, in waits no longer than a broker's visibility timeout
        ("2026-02-02 22:50", NIGHTS, False, Wait(10 * MINUTE, False)),
        ("2026-02-02 12:00", NIGHTS, False, Wait(30 * MINUTE, False)),
        ("2026-02-03 02:00", WEEKENDS, False, Wait(30 * MINUTE, False)),
        # the worker was down during the step
        ("2026-02-02 07:00", NIGHTS, True, Wait(30 * MINUTE, False)),
        # the store's offset is after the end of a short step
        ("2026-02-02 02:00", MOMENTS, False, Wait(5 * MINUTE, True)),
        ("2026-02-02 02:05", MOMENTS, True, None),
    ],
)
def test_a_full_run_waits_for_off_peak_and_then_for_the_stores_offset(
    now: str, bandwidth: str, after_offset: bool, expected: Wait | None
) -> None:
    assert wait(now, bandwidth, after_offset=after_offset) == expected


@pytest.mark.parametrize("changes", [{"FULL_RUN": "any-time"}, {"full": False}])
def test_an_incremental_run_waits_only_for_the_stores_offset(changes: dict[str, Any]) -> None:
    assert wait("2026-02-02 12:20", NIGHTS, **changes) == Wait(25 * MINUTE, True)
    assert wait("2026-02-02 12:45", NIGHTS, after_offset=True, **changes) is None
    assert wait("2026-02-02 12:00", NIGHTS, **changes, SCHEDULE_OFFSET_MINUTES=0) is None


@pytest.mark.parametrize(
    ("minute", "offset", "expected"),
    [
        ("00", 13, Wait(13 * MINUTE, True)),
        ("10", 13, Wait(3 * MINUTE, True)),  # the project's beat sends at another minute than the guide's
        ("13", 13, None),
        ("14", 13, Wait(30 * MINUTE, False)),
        ("55", 13, Wait(18 * MINUTE, True)),
        ("00", 0, None),
        ("30", 0, None),  # no minute of its own: the schedule's
    ],
)
def test_the_stores_own_minute_is_a_minute_of_the_hour(minute: str, offset: int, expected: Wait | None) -> None:
    changes: dict[str, Any] = {"FULL_RUN": "any-time", "SCHEDULE_OFFSET_MINUTES": offset}
    assert wait(f"2026-02-02 12:{minute}", NIGHTS, **changes) == expected


def test_a_late_run_does_not_wait_for_the_next_hour() -> None:
    settings = parse_settings(EdgeSettings, EDGE | {"SCHEDULE_OFFSET_MINUTES": 13})
    due = datetime(2026, 2, 2, 12, tzinfo=JAKARTA).timestamp()
    waits = [
        wait_of(settings, full=False, after_offset=False, now=due + minutes * MINUTE, zone=JAKARTA, due=due)
        for minutes in (0, 5, 13, 50, 500)
    ]
    assert waits == [Wait(13 * MINUTE, True), Wait(8 * MINUTE, True), None, None, None]


@given(
    now=st.integers(1293840000, 2082758400),
    offset=st.integers(1, 59),
    zone=st.sampled_from([JAKARTA, ZoneInfo("Asia/Kolkata")]),
    longest=st.sampled_from([7.0, 600.0, 1800.0]),
)
def test_waits_end_in_the_own_minute_and_none_is_longer_than_the_broker_allows(
    now: int, offset: int, zone: ZoneInfo, longest: float
) -> None:
    settings = parse_settings(EdgeSettings, EDGE | {"SCHEDULE_OFFSET_MINUTES": offset})
    at, after_offset = float(now), False
    while put_off := wait_of(
        settings, full=False, after_offset=after_offset, now=at, zone=zone, due=float(now), longest_seconds=longest
    ):
        assert 0 < put_off.seconds <= longest
        at, after_offset = at + put_off.seconds, put_off.after_offset
    assert datetime.fromtimestamp(at, zone).minute == offset
    assert at - now < 60 * MINUTE


@given(
    due=st.integers(1293840000, 2082758400),
    bandwidth=st.sampled_from([NIGHTS, WEEKENDS, MOMENTS, "Sun-12:00,off Sun-12:01,64k"]),
    offset=st.integers(0, 59),
    zone=st.sampled_from([JAKARTA, ZoneInfo("America/New_York")]),
)
def test_every_due_full_run_starts_in_the_next_widest_step(due: int, bandwidth: str, offset: int, zone: ZoneInfo) -> None:
    settings = parse_settings(
        EdgeSettings, EDGE | {"BANDWIDTH": bandwidth, "FULL_RUN": "off-peak", "SCHEDULE_OFFSET_MINUTES": offset}
    )
    now, after_offset, waits = float(due), False, 0
    while put_off := wait_of(settings, full=True, after_offset=after_offset, now=now, zone=zone):
        assert 0 < put_off.seconds <= LONGEST_COUNTDOWN_SECONDS
        now, after_offset, waits = now + put_off.seconds, put_off.after_offset, waits + 1
        assert waits < 8 * 24 * 2 + 2
    assert settings.BANDWIDTH.at(now, zone).bytes_per_second is None
    assert now - due < settings.BANDWIDTH.seconds_to_widest(due, zone) + 60 * MINUTE
