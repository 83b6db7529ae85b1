"""The last good run: one reading of it for ``/healthz``, the status and the runs themselves."""

from etalase.edge.models import Checkpoint, SyncRun

# Outcomes of a run that did all its work; what it could not bring is on the retry list.
GOOD = ("success", "partial", "held")


def last_good_run() -> SyncRun | None:
    """The newest run that compared everything it set out to, and moved the checkpoint; None where nobody knows of one.

    Without a checkpoint, nobody knows any more what earlier runs left.
    """
    if not Checkpoint.objects.filter(sync_timestamp__isnull=False).exists():
        return None
    good = SyncRun.objects.filter(outcome__in=GOOD, checkpoint__isnull=False, finished_at__isnull=False)
    # By number, not by time: a clock that was wrong for a day must not hide the runs after it.
    return good.order_by("-id").first()
