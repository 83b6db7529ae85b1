"""Reads how much of head office's list is here, from the rows of runs."""

from django.db.models import F
from django.db.models.functions import Now

from etalase.edge.models import SyncRun
from etalase.edge.status.filling import KnownList, Work, eta_seconds
from etalase.edge.sync import storage


def known_list(good: SyncRun | None, newest: SyncRun | None, *, at_work: bool, tried: int) -> KnownList | None:
    """Returns head office's list as last known: from a run that has not completed yet, or from the rows."""
    unfinished = SyncRun.objects.filter(id__gt=good.id if good else 0, listed__isnull=False, checkpoint__isnull=True)
    run = unfinished.annotate(elapsed=Now() - F("planned_at")).order_by("-id").first()
    if run is None or run.listed is None or run.missing is None:
        if good is None:
            return None
        listed, here = storage.photos.listed_and_here()
        return KnownList(listed=listed, here=here, tried=tried)
    carried = min(run.carried, run.missing)
    is_at_it = at_work and newest is not None and run.id == newest.id
    left = Work(run.missing - carried, max(0, (run.bytes_to_fetch or 0) - run.bytes_carried))
    return KnownList(
        listed=run.listed,
        here=run.listed - run.missing + carried,
        tried=tried,
        eta_seconds=_eta_seconds(run, left) if is_at_it and run.planned_at else None,
        progressed_at=run.carried_at or run.planned_at or run.started_at,
    )


def _eta_seconds(run: SyncRun, left: Work) -> int | None:
    """Estimates at this run's own speed, or at that of the newest earlier run that published a photo."""
    if run.carried:
        return eta_seconds(left, Work(run.carried, run.bytes_carried), run.elapsed)  # type: ignore[attr-defined]
    measured = SyncRun.objects.filter(id__lt=run.id, carried__gt=0, planned_at__isnull=False, carried_at__isnull=False)
    before = measured.annotate(took=F("carried_at") - F("planned_at")).order_by("-id").first()
    return eta_seconds(left, Work(before.carried, before.bytes_carried), before.took) if before else None
