"""Plans a run's changes and publishes them, in rounds: photos that exchange keys, products or unique values come last."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from etalase.edge.sync import storage
from etalase.edge.sync.context import Run, mark_damage
from etalase.edge.sync.feed.pull import Coverage, Feed, pull
from etalase.edge.sync.plan.model import Stage
from etalase.edge.sync.plan.plan import normalised
from etalase.edge.sync.plan.vacating import last_photo_kept
from etalase.edge.sync.planner import Planned, Planner, Slice
from etalase.edge.sync.record import note_plan
from etalase.edge.sync.removals import replaceable, unlisted
from etalase.edge.sync.scratch import Photos
from etalase.edge.sync.selection import PROPOSED
from etalase.errors import Reason


def plan_changes(
    run: Run,
    feed: Feed,
    *,
    stage: Stage = Stage.FIRST,
    keeps_last_photo: Callable[[UUID], bool] = lambda _: True,
    everything: Photos | None = None,
) -> Planned:
    """Plans the feed, and records what needs no publishing: failures, settled retries, removals that are over.

    No product that ``keeps_last_photo`` accepts loses its last photo to another product: the plan puts off such moves.
    ``everything`` is head office's whole list, where ``feed`` has a part of it.
    """
    planner = Planner(
        run.services,
        feed,
        audit=run.audit,
        keeps_last_photo=keeps_last_photo,
        leaving=lambda: replaceable(feed),
        stage=stage,
        everything=everything,
    )
    # A photo that head office lists again is not removed, although its removal was proposed or refused.
    proposed = {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    own = storage.own_photos.exempt()

    def settle(part: Slice) -> None:
        mark_damage(run, part.look)
        for photo, error in part.plan.unpublishable:
            is_waiting = error.reason is Reason.WAITS_FOR_SIBLING
            run.failures.add(photo, run.publisher.keys_not_left.get(photo.object_key or "", error) if is_waiting else error)
        run.failures.record_many()
        if planner.has_retries:
            storage.retry_list.resolve(part.plan.unchanged)
        storage.removals.cancel([photo.id for photo in part.photos if photo.id in proposed and photo.id in feed.photos])
        storage.own_photos.end([photo.id for photo in part.photos if photo.id in own])

    planned = planner.plan(settle)
    note_plan(run, planned)
    return planned


def check_unlisted(run: Run, feed: Feed) -> None:
    """Compares the rows that a full list does not name with their objects: the status reports damage that no run can repair."""
    if feed.is_full:
        for part in unlisted(feed):
            mark_damage(run, run.audit.look(part))


def publish(run: Run, feed: Feed, planned: Planned, *, is_last: bool = False) -> None:
    """Fetches and publishes the photos on the agenda; a run that compares only changes gives way to a scheduled full run."""
    gives_way = feed.coverage is Coverage.CHANGES
    run.publisher.publish(planned.agenda, run_id=run.id, gives_way=gives_way, together=is_last)
    run.audit.is_listing_current = False


def replan_stale(run: Run, feed: Feed) -> Planned:
    """Plans the photos again whose metadata head office has replaced since the feed was pulled (hazard 20)."""
    stale = run.failures.maybe_stale
    if not stale:
        return Planned()
    again = pull(
        run.services.head_office, None if feed.is_full else run.checkpoint.sync_timestamp or None, pulled=lambda _: None
    )
    moved_on = []
    for before in stale:
        now = again.photos.get(before.id)
        if now is not None and normalised(now) != normalised(before):
            moved_on.append(now)
    if not moved_on:
        return Planned()
    run.failures.resolve(photo.id for photo in moved_on)
    photos = Photos()
    photos.put(moved_on)
    return plan_changes(run, replace(again, photos=photos))


def publish_later(run: Run, feed: Feed, *planned: Planned) -> None:
    """Publishes what the plans put off, after all others: photos that give keys, products or unique values to each other.

    Where such photos wait for each other's keys, those that hold one move to keys of their own first. Products that exchange
    their last photos do so together. A move waits that would leave a product bare whose new photo failed (hazard 79).
    """
    photos = Photos()
    for some in [one.put_off for one in planned if one.put_off is not None]:
        photos.put(photo for photo in some.by_id() if photo.id in feed.photos)
        photos.add_pending(some.by_id())
    photos.add_pending(feed.photos.among(run.publisher.crowded).values())
    tried = {photo.id for photo in photos.by_id()}
    if not tried:
        return
    part = replace(feed, photos=photos)
    if any(one.waits_for_keys for one in planned):
        moves = plan_changes(run, part, stage=Stage.VACATE, keeps_last_photo=lambda _: False, everything=feed.photos)
        publish(run, feed, moves)
    lacking = run.failures.product_ids | storage.retry_list.product_ids(going_on=tried)
    last = plan_changes(run, part, stage=Stage.LAST, keeps_last_photo=lacking.__contains__, everything=feed.photos)
    for photo in last.put_off.by_id() if last.put_off is not None else ():
        run.failures.add(photo, last_photo_kept())
    publish(run, feed, last, is_last=True)
