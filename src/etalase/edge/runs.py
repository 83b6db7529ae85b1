"""Selects complete and good runs: one meaning for ``/healthz``, the status, the schedule and the runs themselves."""

from django.db.models import QuerySet

from etalase.edge.models import Checkpoint, SyncRun

# Outcomes of a run that reached its end; photos that it could not publish are on the retry list.
GOOD = ("success", "partial", "held")


def complete_runs() -> "QuerySet[SyncRun]":
    """Selects the runs that completed their comparison and moved the checkpoint."""
    return SyncRun.objects.filter(checkpoint__isnull=False, finished_at__isnull=False)


def last_good_run() -> SyncRun | None:
    """Returns the newest complete run with a good outcome, or None; without a checkpoint, earlier runs prove nothing."""
    if not Checkpoint.objects.filter(sync_timestamp__isnull=False).exists():
        return None
    # By id, because a run under a wrong clock must not stay the newest forever.
    return complete_runs().filter(outcome__in=GOOD).order_by("-id").first()
