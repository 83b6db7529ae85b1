"""Parses ``BANDWIDTH``: a rate, or a timetable of rates, in the form of rclone's ``--bwlimit``. Pure: reads no clock.

    512k                           always 512 KiB/s
    06:00,512k 23:00,off           by day 512 KiB/s, by night without a limit
    Mon-06:00,512k Sat-00:00,off   each step holds until the next one, across midnight and the week's end

A rate is bytes a second, never bits: a number and ``B``, ``k``, ``M`` or ``G`` (powers of 1024; default ``k``), or ``off``.
A step without a weekday is for every day; of two steps with the same start, the later one in the text holds.
See https://rclone.org/docs/#bwlimit-bwtimetable
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_TEXT: Final = 1000
YEAR_SECONDS: Final = 365 * 86400.0

_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(?:b|([kmg])(?:ib?)?)?", re.IGNORECASE | re.ASCII)
_MULTIPLE = {None: 1024, "k": 1024, "m": 1024**2, "g": 1024**3}
_TIME = re.compile(r"(?:([a-z]+)-)?([01]\d|2[0-3]):([0-5]\d)", re.IGNORECASE | re.ASCII)


class RateStep(NamedTuple):
    """The rate in force (None: no limit), its start and its end: Unix time, or infinite."""

    bytes_per_second: int | None
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """A week of rates: for each step its weekday (Monday is 0), minute of the day, and bytes a second (None: no limit).

    In order of time, at most one a minute, at least one. At a change of clocks, a repeated local time counts the first time,
    and a skipped one moves behind the jump by as much as it is after its start.
    """

    steps: tuple[tuple[int, int, int | None], ...] = ((0, 0, None),)

    @property
    def is_timetable(self) -> bool:
        """Returns whether the rate ever changes."""
        return len({rate for _, _, rate in self.steps}) > 1

    @property
    def is_off(self) -> bool:
        """Returns whether there is never a limit."""
        return all(rate is None for _, _, rate in self.steps)

    @property
    def widest(self) -> int | None:
        """Returns the greatest rate; None if one step has no limit."""
        return None if any(rate is None for *_, rate in self.steps) else max(rate or 0 for *_, rate in self.steps)

    def at(self, now: float, zone: tzinfo) -> RateStep:
        """Returns the step in force at ``now``, Unix time. Neighbours with the same rate count as one."""
        if not self.is_timetable:
            return RateStep(self.steps[0][2], -math.inf, math.inf)
        begun = self._around(now, zone)
        current = max(index for index, (begins, _) in enumerate(begun) if begins <= now)
        rate = begun[current][1]
        first = current
        while first and begun[first - 1][1] == rate:
            first -= 1
        ends = next(begins for begins, other in begun[current + 1 :] if other != rate)
        return RateStep(rate, begun[first][0], ends)

    def seconds_for(self, size_bytes: int, now: float, zone: tzinfo) -> float:
        """Returns the seconds for ``size_bytes`` from ``now``, step by step; a step without a limit takes no time.

        Beyond a year, it extrapolates that year.
        """
        at, left = now, float(size_bytes)
        while at - now < YEAR_SECONDS:
            step = self.at(at, zone)
            if step.bytes_per_second is None:
                return at - now
            if left <= step.bytes_per_second * (step.ends - at):
                return at - now + left / step.bytes_per_second
            left -= step.bytes_per_second * (step.ends - at)
            at = step.ends
        return (at - now) * size_bytes / (size_bytes - left)

    def seconds_to_widest(self, now: float, zone: tzinfo) -> float:
        """Returns the seconds until the widest step begins; 0 while it is in force."""
        step = self.at(now, zone)
        while step.bytes_per_second != self.widest:
            step = self.at(step.ends, zone)
        return max(0.0, step.begins - now)

    def _around(self, now: float, zone: tzinfo) -> list[tuple[float, int | None]]:
        """Returns the starts of steps from 8 days before ``now`` to 8 days after, so that each rate is on both sides."""
        midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        begun: list[tuple[float, int | None]] = []
        for days in range(-8, 9):
            day = midnight + timedelta(days=days)
            begun += [
                ((day + timedelta(minutes=minute)).replace(tzinfo=zone).timestamp(), rate)
                for weekday, minute, rate in self.steps
                if weekday == day.weekday()
            ]
        # A skipped local time moves behind the jump, maybe behind its successors: it begins no later than they do.
        for index in range(len(begun) - 2, -1, -1):
            begun[index] = (min(begun[index][0], begun[index + 1][0]), begun[index][1])
        return begun


def parse_bandwidth(text: str) -> Bandwidth:
    """Returns ``text`` as a week of rates. Raises :class:`ValueError` with the wrong part and the valid forms."""
    parts = re.split(r"[\s;]+", text.strip())
    if len(text) > MAX_TEXT or not parts[0]:
        raise ValueError("is neither a rate nor a timetable: write 512k, or 06:00,512k 23:00,off")
    if len(parts) == 1 and "," not in parts[0]:
        return Bandwidth(((0, 0, _rate(parts[0])),))
    steps: dict[tuple[int, int], int | None] = {}
    for part in parts:
        time, comma, rate = part.partition(",")
        if not comma or not (match := _TIME.fullmatch(time)):
            raise ValueError(f"«{part}» is not a step: write TIME,RATE or DAY-TIME,RATE, as in 06:00,512k or Mon-06:00,512k")
        minute = int(match[2]) * 60 + int(match[3])
        for weekday in _weekdays(match[1], part):
            steps[weekday, minute] = _rate(rate)
    return Bandwidth(tuple((weekday, minute, rate) for (weekday, minute), rate in sorted(steps.items())))


def _weekdays(name: str | None, part: str) -> tuple[int, ...]:
    if name is None:
        return tuple(range(7))
    for index, short in enumerate(WEEKDAYS):
        if name.lower() in {short, _FULL_NAMES[index]}:
            return (index,)
    raise ValueError(f"«{part}» names no weekday: write Mon, Tue, Wed, Thu, Fri, Sat or Sun")


_FULL_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _rate(text: str) -> int | None:
    if text.lower() == "off":
        return None
    if ":" in text:
        raise ValueError(f"«{text}» names two rates: an edge only downloads, so write the one for downloads, as in 512k")
    if not (match := _RATE.fullmatch(text)):
        raise ValueError(f"«{text}» is not a rate: write bytes a second, as in 512k, 1.5M or 800B, or off")
    in_bytes = text[-1] in "bB" and match[2] is None
    multiple = 1 if in_bytes else _MULTIPLE[match[2].lower() if match[2] else None]
    # As in rclone, 0 means no limit.
    return math.ceil(float(match[1]) * multiple) or None


def time_text(at: float, now: float, zone: tzinfo) -> str:
    """Returns the time for people: ``23:00``, with the weekday if it is not within a day."""
    local = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return f"{local:%H:%M}" if at - now < 86400 else f"{WEEKDAYS[local.weekday()].title()} {local:%H:%M}"
