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
from etalase.settings.reading import read


def wait(now: str, bandwidth: str, *, after_offset: bool = False, full: bool = True, **changes: Any) -> Wait | None:
    """Returns the wait of a run at a local time, in a store with an offset of 45 minutes."""
    given = {"BANDWIDTH": bandwidth, "FULL_RUN": "off-peak", "SCHEDULE_OFFSET_MINUTES": 45, **changes}
    at = datetime.fromisoformat(now).replace(tzinfo=JAKARTA).timestamp()
    return wait_of(read(EdgeSettings, EDGE | given), full=full, after_offset=after_offset, now=at, zone=JAKARTA)


@pytest.mark.parametrize(
    ("now", "bandwidth", "after_offset", "expected"),
    [
        # in the widest step: the store's offset, then no more wait
        ("2026-02-02 02:00", NIGHTS, False, Wait(45 * MINUTE, True)),
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
    assert wait("2026-02-02 12:00", NIGHTS, **changes) == Wait(45 * MINUTE, True)
    assert wait("2026-02-02 12:45", NIGHTS, after_offset=True, **changes) is None
    assert wait("2026-02-02 12:00", NIGHTS, **changes, SCHEDULE_OFFSET_MINUTES=0) is None


@given(
    due=st.integers(1293840000, 2082758400),
    bandwidth=st.sampled_from([NIGHTS, WEEKENDS, MOMENTS, "Sun-12:00,off Sun-12:01,64k"]),
    offset=st.integers(0, 59),
    zone=st.sampled_from([JAKARTA, ZoneInfo("America/New_York")]),
)
def test_every_due_full_run_starts_in_the_next_widest_step(due: int, bandwidth: str, offset: int, zone: ZoneInfo) -> None:
    settings = read(EdgeSettings, EDGE | {"BANDWIDTH": bandwidth, "FULL_RUN": "off-peak", "SCHEDULE_OFFSET_MINUTES": offset})
    now, after_offset, waits = float(due), False, 0
    while put_off := wait_of(settings, full=True, after_offset=after_offset, now=now, zone=zone):
        assert 0 < put_off.seconds <= max(LONGEST_COUNTDOWN_SECONDS, offset * MINUTE)
        now, after_offset, waits = now + put_off.seconds, put_off.after_offset, waits + 1
        assert waits < 8 * 24 * 2 + 2
    assert settings.BANDWIDTH.at(now, zone).bytes_per_second is None
    assert now - due <= settings.BANDWIDTH.seconds_to_widest(due, zone) + offset * MINUTE
