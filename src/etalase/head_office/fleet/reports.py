"""Reads a report of an edge, and places its times on head office's clock. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from etalase.protocol import lenient_time, printable
from etalase.report import Report

# The edge's schedule is hourly. A later promise is a wrong one, and would keep a store from ever falling silent.
LONGEST_PROMISE: Final = timedelta(hours=25)
_PLACE: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
MAX_SHOWN_CHARS: Final = 200


class ReportRefused(Exception):
    """The report is not valid. ``field`` is its place in the request's body."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of a report by head office's clock. ``skew`` is by how much the edge's clock is ahead."""

    due_at: datetime
    verified_at: datetime | None
    skew: timedelta


def read_report(value: Any, *, prefix: str = "") -> Report:
    """Returns the report in ``value``, decoded JSON. Raises :class:`ReportRefused`; ``prefix`` is the report's own place."""
    try:
        report = msgspec.convert(value, Report)
    except (msgspec.ValidationError, RecursionError) as error:
        path, problem = place_and_problem(error)
        raise ReportRefused(_joined(prefix, path), problem) from None
    for name, moment in _times(report):
        try:
            moment.astimezone(UTC)
        except (OverflowError, ValueError):
            raise ReportRefused(_joined(prefix, name), "The time is out of range.") from None
    return report


def place_and_problem(error: msgspec.ValidationError | RecursionError) -> tuple[str, str]:
    """Returns the field of a message that cannot be read, empty for the whole message, and a sentence about it."""
    text = str(error) or "It is nested too deep"
    match = _PLACE.search(text)
    problem = text[: match.start()] if match else text
    return match["path"] if match else "", printable(problem)[:MAX_SHOWN_CHARS] + "."


def timing(report: Report, *, received_at: datetime) -> Timing:
    """Returns the report's times by head office's clock: a clock that is a day off changes nothing but the skew."""
    promise = min(max(report.next_report_by - report.sent_at, timedelta()), LONGEST_PROMISE)
    verified_at = None
    if report.verified_at is not None:
        verified_at = received_at - max(report.sent_at - report.verified_at, timedelta())
    return Timing(received_at + promise, verified_at, report.sent_at - received_at)


def checkpoint_of(report: Report) -> datetime | None:
    """Returns the report's checkpoint as a time, or None without one, or with another program's text."""
    try:
        moment = lenient_time(report.checkpoint or "")
        return moment and moment.astimezone(UTC)
    except OverflowError:
        return None


def _times(report: Report) -> list[tuple[str, datetime]]:
    times = [("sent_at", report.sent_at), ("next_report_by", report.next_report_by)]
    if report.verified_at is not None:
        times.append(("verified_at", report.verified_at))
    if report.run is not None:
        times.append(("run.started_at", report.run.started_at))
    times += [
        (f"faults[{number}].since", fault.since) for number, fault in enumerate(report.faults or []) if fault.since is not None
    ]
    return times


def _joined(prefix: str, path: str) -> str:
    return ".".join(part for part in (prefix, path) if part) or "report"
