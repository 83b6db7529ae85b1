"""Writes the facts of a store's page: its last report, its faults by side, and its last 14 days."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from django.utils import timezone

from etalase.head_office.fleet.detail import ShownFault, StoreDetail
from etalase.head_office.fleet.report_sql import PHOTO_COUNTS
from etalase.head_office.fleet.rows import StoreRow
from etalase.head_office.fleet_models import StoreHour
from etalase.head_office.fleet_pages import words
from etalase.head_office.fleet_pages.words import MONTHS, duration, language, moment, reason, run_word, say, side, size

DAYS: Final = 14
# The time of a request counts as skew, too.
RIGHT_WITHIN_SECONDS: Final = 5


def facts(detail: StoreDetail) -> list[tuple[str, str]]:
    """Returns the facts of the last report as names and values; without a report, only the last login."""
    known, now, report = detail.row.store.known, detail.now, detail.report
    login = (say("login_at"), moment(detail.last_login, now=now))
    if report is None:
        return [login]
    return [
        (say("reported"), moment(known.received_at, now=now)),
        (say("next"), moment(known.due_at, now=now)),
        (say("looked"), moment(report.verified_at, now=now)),
        (say("proved"), moment(report.possession_proved_at, now=now)),
        (say("counts"), say("counts_value", **{name: getattr(report, name) for name in PHOTO_COUNTS})),
        (say("version"), report.agent),
        (say("skew"), _skew(report.skew_seconds)),
        *_of_body(report.body, now),
        login,
    ]


def _skew(seconds: float) -> str:
    if abs(seconds) < RIGHT_WITHIN_SECONDS:
        return say("skew_right")
    return say("skew_ahead" if seconds > 0 else "skew_behind", time=duration(abs(seconds)))


def _of_body(body: dict[str, Any], now: datetime) -> list[tuple[str, str]]:
    found = []
    if run := body.get("run"):
        began = moment(datetime.fromisoformat(run["started_at"]), now=now)
        counts = {"fetched": run.get("fetched", 0), "failed": run.get("failed", 0)}
        found.append(
            (say("run"), say("run_value", kind=run_word(run["kind"]), outcome=run_word(run["outcome"]), time=began, **counts))
        )
    if menu := body.get("menu"):
        found.append((say("menu"), say("menu_value", products=menu["products"], with_photo=menu["with_photo"])))
    spaces = [
        say(name, size=size(free))
        for name in ("spool", "bucket")
        if (free := (body.get("storage") or {}).get(f"{name}_free_bytes")) is not None
    ]
    if spaces:
        found.append((say("storage"), ", ".join(spaces)))
    if traffic := body.get("traffic"):
        shown = say("traffic_value", today=size(traffic["today_bytes"]), month=size(traffic["month_bytes"]))
        found.append((say("traffic"), shown))
    return found


def sides(detail: StoreDetail) -> list[dict[str, Any]]:
    """Returns the faults by their side."""
    return [
        {"name": side(key), "faults": [_fault(fault, detail.now) for fault in faults]}
        for key, faults in groupby(detail.faults, key=lambda fault: fault.side)
    ]


def _fault(fault: ShownFault, now: datetime) -> dict[str, Any]:
    return {
        "photo_id": fault.photo_id if fault.filename else None,
        "name": fault.product_name or say("unknown_photo"),
        "sku": fault.product_sku,
        "reason": reason(fault.reason),
        "attempts": say("attempts", count=fault.attempts),
        "since": fault.since and say("since", time=moment(fault.since, now=now)),
    }


def days(detail: StoreDetail) -> list[dict[str, Any]]:
    """Returns the last 14 days, newest first, each with 24 hours and a summary in words; empty without any report."""
    hours = {timezone.localtime(hour.hour).strftime("%Y-%m-%d %H"): hour for hour in detail.hours}
    if not hours:
        return []
    today = timezone.localtime(detail.now).date()
    return [_day(hours, datetime(day.year, day.month, day.day)) for day in (today - timedelta(days=n) for n in range(DAYS))]  # noqa: DTZ001 - a day on the calendar


def _day(hours: dict[str, StoreHour], day: datetime) -> dict[str, Any]:
    found = [hours.get(f"{day:%Y-%m-%d} {hour:02}") for hour in range(24)]
    states: dict[str, int] = {}
    for hour in found:
        if hour is not None:
            states[hour.state] = states.get(hour.state, 0) + 1
    return {
        "name": f"{day.day} {MONTHS[language()][day.month - 1]}",
        "hours": [hour.state if hour else "none" for hour in found],
        "summary": ", ".join(f"{say(f'state_{state}')} {say('hours', count=count)}" for state, count in states.items()) or "–",
    }


def row_fields(row: StoreRow, now: datetime | None) -> dict[str, Any]:
    """Returns what pages show of a store in a list, and at the top of its own page."""
    store = row.store
    since = row.since and words.say("since", time=words.moment(row.since, now=now))
    behind = row.behind and words.say("behind_count", count=row.behind)
    more = (behind, words.promise(store, now=now), since)
    return {
        "id": store.id,
        "code": store.code,
        "name": store.name,
        "region": store.region,
        "state": store.state.value,
        "tone": store.verdict.tone.value,
        "state_name": words.state_name(store),
        "causes": words.causes(store, fault_sides=row.fault_sides, now=now),
        "more": " · ".join(part for part in more if part),
        "agent": store.agent,
    }
