"""Reads and writes ``etalase_sync_run``: one row for each run."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from etalase.edge.database import cursor, translated
from etalase.edge.models import Removal, SyncRun
from etalase.edge.runs import complete_runs
from etalase.edge.sync.result import Outcome, RunFault, RunKind, Trigger
from etalase.postgres import storable
from etalase.protocol import MAX_INT32

# Times of runs are the database's: tasks, status and health compare them in other processes, on other machines, too.

# A year of hourly runs is nine thousand rows; older rows have no reader.
KEEP_RUNS = timedelta(days=400)
KEEP_AT_LEAST = 1000


def begin(kind: RunKind, trigger: Trigger, *, keep_at_least: int = KEEP_AT_LEAST) -> int:
    """Inserts the row of a new run and returns its id. The caller holds the lock, so any other open run was killed: marks it.

    Deletes rows and removals older than :data:`KEEP_RUNS`, but always keeps the newest ``keep_at_least`` runs.
    """
    with translated():
        SyncRun.objects.filter(outcome__isnull=True).update(outcome=Outcome.INTERRUPTED, finished_at=None)
        try:
            with transaction.atomic():
                made: int = SyncRun.objects.create(kind=kind, trigger=trigger).id
        except IntegrityError:
            _catch_up_with_run_ids()
            made = SyncRun.objects.create(kind=kind, trigger=trigger).id
        old = SyncRun.objects.filter(started_at__lt=Now() - KEEP_RUNS, id__lt=made - keep_at_least)
        if old.exists():
            Removal.objects.filter(state=Removal.State.APPLIED, decided_at__lt=Now() - KEEP_RUNS).delete()
            old.delete()
        return made


def _catch_up_with_run_ids() -> None:
    """Moves the id sequence past the greatest id: logical replication and copied tables leave the sequence behind."""
    with cursor() as db:
        db.execute("SELECT setval(pg_get_serial_sequence('etalase_sync_run', 'id'), max(id)) FROM etalase_sync_run")


def record_list(run_id: int, *, listed: int, missing: int) -> None:
    """Records how many photos head office lists and how many of them are missing here, before any work on them (hazard 64).

    Head office may announce a number beyond the range of the columns.
    """
    with translated():
        SyncRun.objects.filter(id=run_id).update(listed=min(listed, MAX_INT32), missing=min(missing, MAX_INT32))


def record_work(run_id: int, photos: int, *, kind: str, bytes_to_fetch: int) -> None:
    """Records the number of photos to publish, the bytes to fetch, and the final kind of the run."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(to_carry=photos, kind=kind, bytes_to_fetch=bytes_to_fetch, planned_at=Now())


def record_published(run_id: int, photos: int, size_bytes: int) -> None:
    """Adds published photos to the run, in the transaction that commits their rows."""
    SyncRun.objects.filter(id=run_id).update(
        carried=F("carried") + photos, bytes_carried=F("bytes_carried") + size_bytes, carried_at=Now()
    )


def is_full_run_unfinished(run_id: int) -> bool:
    """Returns whether the last full run before run ``run_id`` was cut off by a fault of the edge.

    Then only another full run repairs the rest. A full run that head office cut off does not count, because an unavailable list
    must not hold the changes back.
    """
    with translated():
        full = SyncRun.objects.filter(kind=RunKind.FULL).exclude(id=run_id).order_by("-id")
        last = full.values_list("checkpoint", "fault").first()
    if last is None:
        return False
    checkpoint, fault = last
    return checkpoint is None and fault not in set(RunFault) - {RunFault.HERE}


def last_complete() -> datetime | None:
    """Returns the end of the newest run that moved the checkpoint, or None."""
    with translated():
        # By id, because a run under a wrong clock must not stay the newest for ever.
        return complete_runs().order_by("-id").values_list("finished_at", flat=True).first()


def end(run_id: int, **fields: Any) -> None:
    """Writes the result of the run."""
    with translated():
        SyncRun.objects.filter(id=run_id).update(**{name: storable(value) for name, value in fields.items()})
