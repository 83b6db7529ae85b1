"""Reads and writes ``etalase_sync_run``: one row a run."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from etalase.edge.database import cursor, translated
from etalase.edge.models import Removal, SyncRun
from etalase.edge.sync.result import Fault
from etalase.postgres import storable
from etalase.protocol import MAX_INT32

# A year of hourly runs is nine thousand rows; what is older nobody asks for.
KEEP_RUNS = timedelta(days=400)
KEEP_AT_LEAST = 1000


def begin(kind: str, trigger: str) -> int:
    """A row for the run that begins. One that was killed before, and so never ended, is marked here: we hold the lock.

    Rows older than :data:`KEEP_RUNS` go, and removals with them; but never the newest runs, whatever the clock says.
    """
    with translated():
        SyncRun.objects.filter(outcome__isnull=True).update(outcome="interrupted", finished_at=None)
        try:
            with transaction.atomic():
                made: int = SyncRun.objects.create(kind=kind, trigger=trigger).id
        except IntegrityError:
            _catch_up_with_run_ids()
            made = SyncRun.objects.create(kind=kind, trigger=trigger).id
        old = SyncRun.objects.filter(started_at__lt=Now() - KEEP_RUNS, id__lt=made - KEEP_AT_LEAST)
        if old.exists():
            Removal.objects.filter(state=Removal.State.APPLIED, decided_at__lt=Now() - KEEP_RUNS).delete()
            old.delete()
        return made


def _catch_up_with_run_ids() -> None:
    """Let the next run's number follow the greatest: a standby by logical replication, or tables copied, lack the sequence."""
    with cursor() as db:
        db.execute("SELECT setval(pg_get_serial_sequence('etalase_sync_run', 'id'), max(id)) FROM etalase_sync_run")


def record_list(run_id: int, *, listed: int, missing: int) -> None:
    """Record how many photos head office lists and how many of them are not here, before anything is made of it (hazard 64).

    What it announces may be more than the columns take.
    """
    with translated():
        SyncRun.objects.filter(id=run_id).update(listed=min(listed, MAX_INT32), missing=min(missing, MAX_INT32))


def record_work(run_id: int, photos: int, *, kind: str, bytes_to_fetch: int) -> None:
    """Record how many photos the run sets out to publish and how many bytes to fetch, and which kind it turned out to be."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(to_carry=photos, kind=kind, bytes_to_fetch=bytes_to_fetch, planned_at=Now())


def record_published(run_id: int, photos: int, size_bytes: int) -> None:
    """Count photos that the run has published, in the transaction that commits their rows."""
    SyncRun.objects.filter(id=run_id).update(
        carried=F("carried") + photos, bytes_carried=F("bytes_carried") + size_bytes, carried_at=Now()
    )


def is_full_run_unfinished(run_id: int) -> bool:
    """Whether the last full run before this one was cut off here: what it would have healed nobody else looks at.

    One that head office ended does not count: a list that cannot be had must not hold the changes back.
    """
    with translated():
        full = SyncRun.objects.filter(kind="full").exclude(id=run_id).order_by("-id")
        last = full.values_list("checkpoint", "fault").first()
    if last is None:
        return False
    checkpoint, fault = last
    return checkpoint is None and fault not in set(Fault) - {Fault.HERE}


def last_complete() -> datetime | None:
    """When the newest run that moved the checkpoint ended."""
    with translated():
        complete = SyncRun.objects.filter(checkpoint__isnull=False, finished_at__isnull=False)
        # By number: a run of a clock that was wrong for a day is not the newest for ever.
        return complete.order_by("-id").values_list("finished_at", flat=True).first()


def end(run_id: int, **fields: Any) -> None:
    """What the run came to."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(**{name: storable(value) for name, value in fields.items()})
