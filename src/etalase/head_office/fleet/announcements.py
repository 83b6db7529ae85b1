"""Writes incidents in words: what it is, whose it is, and what to do."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from etalase.fault_side import FaultSide, side_of
from etalase.head_office.fleet.incident_rows import MOST_CODES, IncidentRow
from etalase.head_office.fleet.incidents import IncidentKind
from etalase.head_office.messages import TEXTS, text
from etalase.protocol import printable
from etalase.settings.head_office import HeadOfficeSettings

# A message names so many incidents.
MOST_LINES: Final = 12
MAX_TITLE_CHARS: Final = 200
SIDES: Final = {
    IncidentKind.SILENT: FaultSide.LINK,
    IncidentKind.DISK: FaultSide.STORE,
    IncidentKind.AGENT: FaultSide.STORE,
    IncidentKind.HELD: FaultSide.HEAD_OFFICE_DATA,
}


def is_quiet(at: time, hours: tuple[time, time] | None) -> bool:
    """Returns whether ``at`` is within the quiet hours, which may include midnight."""
    if hours is None:
        return False
    begins, ends = hours
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


def side_of_incident(row: IncidentRow) -> FaultSide | None:
    """Returns whose the incident is; None where the store's own page tells."""
    kind = IncidentKind(row.kind)
    return side_of(row.subject.partition(":")[2]) if kind is IncidentKind.PHOTO else SIDES.get(kind)


def message_of(news: Sequence[IncidentRow], ended: Sequence[IncidentRow], *, settings: HeadOfficeSettings) -> tuple[str, str]:
    """Returns the title and the body of one message about open incidents, the largest first, and ended ones."""
    language, zone = settings.ALARM_LANGUAGE, ZoneInfo(settings.TIME_ZONE)
    lines = [sentence(row, zone, language=language) for row in sorted(news, key=lambda row: -len(row.stores))]
    lines += [text("alarm_ended", language=language, what=sentence(row, zone, language=language)) for row in ended]
    title = lines[0] if len(lines) == 1 else text("alarm_title", language=language, new=len(news), ended=len(ended))
    shown = lines[:MOST_LINES]
    if len(lines) > len(shown):
        shown.append(text("alarm_more", language=language, count=len(lines) - len(shown)))
    if settings.CSRF_TRUSTED_ORIGINS:
        shown.append(f"{settings.CSRF_TRUSTED_ORIGINS[0].rstrip('/')}/fleet/")
    return printable(f"Etalase: {title}")[:MAX_TITLE_CHARS], "\n".join(printable(line) for line in shown)


def sentence(row: IncidentRow, zone: ZoneInfo, *, language: str) -> str:
    """Returns an incident as a sentence with advice."""
    count = len(row.stores)
    stores = text("one_store" if count == 1 else "many_stores", language=language, count=count)
    names = ", ".join([*row.codes[:MOST_CODES], *["…"] * (len(row.codes) > MOST_CODES)])
    values = {"stores": f"{stores} ({names})"}
    subject, _, cause = row.subject.partition(":")
    match IncidentKind(row.kind):
        case IncidentKind.PHOTO:
            values |= {"photo": row.product or subject, "reason": _reason(cause, language)}
        case IncidentKind.SILENT:
            values["at"] = datetime.fromisoformat(row.subject).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        case IncidentKind.AGENT:
            values |= {"agent": subject, "cause": text(f"fleet_cause_{cause}", language=language, photos="…")}
        case IncidentKind.DISK:
            values["reason"] = _reason(row.subject, language)
        case _:
            pass
    return text(f"incident_{row.kind}", language=language, **values)


def _reason(code: str, language: str) -> str:
    return TEXTS[language].get(f"fleet_reason_{code}", code)
