"""Deletes objects without a row, once their grace period is over."""

import logging
from datetime import timedelta

from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.errors import ObjectStoreError

logger = logging.getLogger("etalase.edge")

# A run tries to delete so many objects that the bucket refuses to delete; each of them then waits for so long.
MAX_STUCK = 5
RECLAIM_AGAIN = timedelta(days=1)


def delete_due(run: Run, stuck: list[str]) -> list[str]:
    """Deletes objects whose grace period is over, unless a row names them by now (hazards 15 and 17).

    Returns ``stuck``, the keys that the bucket refused to delete in this run, with those of this call.
    """
    now = run.services.clock.utc()
    due = storage.reclaims.due(run.services.settings.RECLAIM_GRACE, now=now)
    if not due:
        return stuck
    run.services.lock.still_held()
    gone: list[str] = []
    refused: list[str] = []
    for key in due:
        if len(stuck) + len(refused) >= MAX_STUCK:
            break
        try:
            run.services.bucket.delete([key])
            gone.append(key)
        except ObjectStoreError as error:
            logger.warning("an orphan could not be deleted: %s", error)
            refused.append(key)
    storage.reclaims.cancel(gone)
    storage.reclaims.postpone(refused, until=now + RECLAIM_AGAIN)
    run.result.reclaimed += len(gone)
    return stuck + refused
