"""Computes when scheduled runs start: one rule for the tasks, which wait, and the status, which predicts. Pure."""

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from etalase.settings.bandwidth import Bandwidth

# The guide's schedule: every hour at minute 0, and the full run at 02:00 ("Sync Schedule Recommendation").
FULL_RUN_HOUR = 2
MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0
# By default Redis delivers a message again that was not acknowledged within an hour: a longer wait is several short ones.
LONGEST_COUNTDOWN_SECONDS = 30 * 60.0


class NextRuns(NamedTuple):
    """When the next hourly and the next full run are due, Unix time."""

    hourly: float
    full: float


class Wait(NamedTuple):
    """The wait of a scheduled run. ``after_offset``: it includes the store's own offset."""

    seconds: float
    after_offset: bool


def first_wait(
    now: float,
    zone: tzinfo,
    *,
    after_offset: bool,
    offset_minutes: int,
    off_peak: bool,
    bandwidth: Bandwidth,
    due: float | None = None,
    longest_seconds: float = LONGEST_COUNTDOWN_SECONDS,
) -> Wait | None:
    """Returns the first wait of a run that is due, or None if it starts now. Longer waits are several of ``longest_seconds``.

    With ``off_peak`` the run first waits for the widest step of ``bandwidth``. Then it waits for the store's own minute of the
    hour, since ten thousand stores at one minute would overload head office (hazard 38) at any minute of the schedule.
    A run that is late since ``due`` does not wait for the next hour's.
    """
    if off_peak and (seconds := bandwidth.seconds_to_widest(now, zone)):
        return Wait(min(seconds, longest_seconds), after_offset=False)
    begins = now if off_peak or due is None else min(due, now)
    seconds = begins + _offset_seconds(begins, zone, offset_minutes * 60.0, bandwidth if off_peak else None) - now
    if after_offset or seconds <= 0:
        return None
    return Wait(min(seconds, longest_seconds), after_offset=seconds <= longest_seconds)


def next_runs(
    now: float, zone: tzinfo, *, offset_minutes: int, off_peak: bool, bandwidth: Bandwidth, beat_zone: tzinfo | None = None
) -> NextRuns:
    """Returns the first runs after ``now`` of a store whose own minute is ``offset_minutes``.

    ``beat_zone`` is the zone of the beat's clock, if it is not the store's. ``off_peak``: the full run waits for the widest
    step of ``bandwidth``.
    """
    offset_seconds = offset_minutes * 60.0
    hour = datetime.fromtimestamp(now, zone).replace(minute=0, second=0, microsecond=0).timestamp()
    hourly = hour + offset_seconds if hour + offset_seconds > now else hour + HOUR_SECONDS + offset_seconds
    nights = _nights(now, beat_zone or zone)
    full = (_full_run(night, zone, offset_seconds, bandwidth if off_peak else None) for night in nights)
    return NextRuns(hourly, min(due for due in full if due > now))


def last_due(now: float, zone: tzinfo, *, full: bool) -> float:
    """Returns when the schedule was last due, Unix time, without any store's own minute."""
    if full:
        return max(night for night in _nights(now, zone) if night <= now)
    return datetime.fromtimestamp(now, zone).replace(minute=0, second=0, microsecond=0).timestamp()


def _nights(now: float, zone: tzinfo) -> list[float]:
    """Returns the hours of full runs around ``now``; one of last week may still wait for a widest step once a week."""
    hour = datetime.fromtimestamp(now, zone).replace(hour=FULL_RUN_HOUR, minute=0, second=0, microsecond=0, tzinfo=None)
    return [(hour + timedelta(days=days)).replace(tzinfo=zone).timestamp() for days in range(-8, 3)]


def _full_run(night: float, zone: tzinfo, offset_seconds: float, bandwidth: Bandwidth | None) -> float:
    if bandwidth is None:
        return night + offset_seconds
    begins = night + bandwidth.seconds_to_widest(night, zone)
    return begins + _offset_seconds(begins, zone, offset_seconds, bandwidth)


def _offset_seconds(begins: float, zone: tzinfo, offset_seconds: float, widest: Bandwidth | None) -> float:
    """Returns the time until the store's own minute: 0 within it, and for minute 0, which is when the guide's schedule is due.

    In a short widest step it is at most half of the step's rest.
    """
    local = datetime.fromtimestamp(begins, zone)
    seconds = (offset_seconds - (local.minute * 60 + local.second + local.microsecond / 1e6)) % HOUR_SECONDS
    if not offset_seconds or seconds > HOUR_SECONDS - MINUTE_SECONDS:
        return 0.0
    return seconds if widest is None else min(seconds, (widest.at(begins, zone).ends - begins) / 2)
