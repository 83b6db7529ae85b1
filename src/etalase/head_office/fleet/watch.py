"""Looks for incidents, keeps them, and writes the messages about them: a pass of the worker.

Of several workers one looks at a time. Pages do not need it: they judge each store themselves.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max

from etalase.fault_side import FaultSide
from etalase.head_office.database import alone_in_transaction, prepared_cursor
from etalase.head_office.fleet.announcements import is_quiet, message_of
from etalase.head_office.fleet.incident_rows import rows_of_ids
from etalase.head_office.fleet.incidents import (
    FULL_REASONS,
    HEAD_OFFICE_SIDES,
    Changes,
    IncidentKey,
    IncidentKind,
    OpenIncident,
    PhotoFault,
    StoreNow,
    changes_of,
    find_incidents,
    is_to_be_told,
)
from etalase.head_office.fleet.overview import EVERYTHING, JudgedStore, overview
from etalase.head_office.fleet.states import PROMISE_GRACE, StateCause
from etalase.head_office.fleet_models import Alarm, Incident
from etalase.head_office.models import Store
from etalase.settings.head_office import HeadOfficeSettings

# Between two messages; what happens meanwhile is in the next one.
MESSAGES_EVERY: Final = timedelta(minutes=5)


@transaction.atomic
def look(settings: HeadOfficeSettings) -> int | None:
    """Brings the incidents up to date and writes the message that is due. Returns the number of open ones.

    Returns None where another worker looks now, or no store exists.
    """
    if not alone_in_transaction("etalase.head_office fleet"):
        return None
    judged = overview(EVERYTHING)
    if judged.now is None:
        return None
    rows = {_key(row): row for row in Incident.objects.filter(closed_at=None)}
    stores = _stores_now(judged.stores)
    known = [OpenIncident(key, row.opened_at, frozenset(row.stores), row.announced) for key, row in rows.items()]
    found = find_incidents(stores, _faults(), known)
    _keep(rows, changes_of(known, found), now=judged.now)
    if settings.alarm_urls:
        links = {store.store_id for store in stores if _is_of_link(store)}
        _write_message(settings, links, now=judged.now)
    return len(found)


def _key(row: Incident) -> IncidentKey:
    return IncidentKey(row.company_id, IncidentKind(row.kind), row.subject)


def _stores_now(judged: Iterable[JudgedStore]) -> list[StoreNow]:
    companies = dict(Store.objects.values_list("id", "company_id"))
    found = ((UUID(store.id), store) for store in judged)
    return [
        StoreNow(id_, companies[id_], store.agent, store.verdict, store.known.due_at and store.known.due_at + PROMISE_GRACE)
        for id_, store in found
        if id_ in companies
    ]


def _faults() -> list[PhotoFault]:
    """Returns the faults that make an incident of their own: head office's, and those of full disks."""
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT f.store_id, s.company_id, f.photo_id, f.reason, f.side FROM head_office_store_fault f"
            " JOIN head_office_store s ON s.id = f.store_id WHERE f.side = ANY(%s) OR f.reason = ANY(%s)",
            [[side.value for side in HEAD_OFFICE_SIDES], list(FULL_REASONS)],
        )
        return [PhotoFault(*row) for row in cursor.fetchall()]


def _is_of_link(store: StoreNow) -> bool:
    """Returns whether nothing but photos on their way is wrong: mostly the link, and over by the next run."""
    return all(because.cause is StateCause.OWED or because.side is FaultSide.LINK for because in store.verdict.because)


def _keep(rows: dict[IncidentKey, Incident], changes: Changes, *, now: datetime) -> None:
    Incident.objects.bulk_create(
        Incident(
            company_id=key.company_id, kind=key.kind.value, subject=key.subject, opened_at=now, changed_at=now,
            stores=sorted(ids), most_stores=len(ids),
        )
        for key, ids in changes.opened.items()
    )  # fmt: skip
    for key, ids in changes.changed.items():
        row = rows[key]
        row.stores, row.changed_at, row.most_stores = sorted(ids), now, max(row.most_stores, len(ids))
    Incident.objects.bulk_update(
        [rows[key] for key in changes.changed], ["stores", "changed_at", "most_stores"], batch_size=500
    )
    closed = [rows[key].id for key in changes.closed]
    Incident.objects.filter(id__in=closed).update(closed_at=now, changed_at=now)


def _write_message(settings: HeadOfficeSettings, links: set[UUID], *, now: datetime) -> None:
    """Writes one message of all that people have to learn now; none in quiet hours, and none soon after another."""
    if is_quiet(now.astimezone(ZoneInfo(settings.TIME_ZONE)).time(), settings.ALARM_QUIET):
        return
    last_at = Alarm.objects.aggregate(at=Max("made_at"))["at"]
    if last_at is not None and now - last_at < MESSAGES_EVERY:
        return
    news = [row for row in Incident.objects.filter(closed_at=None) if _is_news(row, links, now=now)]
    ended = list(Incident.objects.filter(closed_at__isnull=False, announced__gt=0, is_end_announced=False))
    if not news and not ended:
        return
    title, body = message_of(rows_of_ids([row.id for row in news]), rows_of_ids([row.id for row in ended]), settings=settings)
    Alarm.objects.create(made_at=now, title=title, body=body)
    for row in news:
        row.announced = len(row.stores)
    Incident.objects.bulk_update(news, ["announced"], batch_size=500)
    Incident.objects.filter(id__in=[row.id for row in ended]).update(is_end_announced=True)


def _is_news(row: Incident, links: set[UUID], *, now: datetime) -> bool:
    incident = OpenIncident(_key(row), row.opened_at, frozenset(row.stores), row.announced)
    is_of_link = row.kind == IncidentKind.STORE and links.issuperset(row.stores)
    return is_to_be_told(incident, now=now, is_of_link=is_of_link)
