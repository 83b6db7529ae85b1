"""The scheduled runs, under the guide's task names ("Sync Schedule Recommendation")."""

from typing import Any

from celery import Task, shared_task

from etalase.edge.sync.run import sync
from etalase.edge.sync.world import real_world
from etalase.settings.edge import configured

# The nightly run waits so long for one that is under way; the next hourly one is due after that.
FULL_WAITS_SECONDS = 55 * 60.0


@shared_task(bind=True, name="sync_api.tasks.sync_product_photos")
def sync_product_photos(self: "Task[Any, Any]", *, after_offset: bool = False) -> dict[str, Any] | None:
    """The hourly run: what changed since the checkpoint."""
    return _run(self, full=False, after_offset=after_offset)


@shared_task(bind=True, name="sync_api.tasks.sync_product_photos_full")
def sync_product_photos_full(self: "Task[Any, Any]", *, after_offset: bool = False) -> dict[str, Any] | None:
    """The nightly run: the whole feed against rows and bucket."""
    return _run(self, full=True, after_offset=after_offset)


def _run(task: "Task[Any, Any]", *, full: bool, after_offset: bool) -> dict[str, Any] | None:
    """Run now, or leave it to the store's own minute: ten thousand stores at minute 0 would be a flood (hazard 38)."""
    settings = configured()
    if settings.schedule_offset_minutes and not after_offset:
        task.apply_async(kwargs={"after_offset": True}, countdown=settings.schedule_offset_minutes * 60)
        return None
    with real_world(settings) as world:
        report = sync(world, full=full, trigger="schedule", wait_seconds=FULL_WAITS_SECONDS if full else 0.0)
    return report.as_json()
