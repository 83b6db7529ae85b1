"""One run, from the lock to the checkpoint: pull, plan, fetch and publish, settle, reconcile (design, "How a photo travels").

Read :func:`_run` first: it is the whole way of a run, a line a step.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.models import Checkpoint, PendingPhoto, Removal
from etalase.edge.sync import ledger, products, rows
from etalase.edge.sync.carriage import Carriage, GivesWay
from etalase.edge.sync.feed import Feed, pull
from etalase.edge.sync.plan import Kind, Plan, Row, normalised, plan
from etalase.edge.sync.report import Nobody, Report, Watcher
from etalase.edge.sync.sweep import sweep
from etalase.edge.sync.world import World
from etalase.errors import DatabaseAway, EtalaseError, LockHeld, LockLost, ObjectMissing, PhotoError, Reason
from etalase.protocol import KEY_PREFIX, Photo

logger = logging.getLogger("etalase.edge")

PLAN_PHOTOS = 5000


@dataclass(slots=True)
class Run:
    """What a run knows while it is under way."""

    world: World
    report: Report
    watcher: Watcher
    checkpoint: Checkpoint
    now: datetime
    by_hand: bool
    # What is really under keys, where something looked: ETag by key, None where the object is missing.
    found: dict[str, str | None] = field(default_factory=dict)
    orphans: dict[str, str] = field(default_factory=dict)
    carriage: Carriage = field(init=False)

    def __post_init__(self) -> None:
        self.carriage = Carriage(self.world, self.report, self.watcher)


def sync(
    world: World,
    *,
    full: bool,
    trigger: str = "hand",
    wait_seconds: float = 0.0,
    dry_run: bool = False,
    watcher: Watcher | None = None,
) -> Report:
    """Run once and say what happened; it raises nothing of ours, the report has it.

    ``trigger`` is ``hand`` or ``schedule``: by hand, photos on the retry list are tried whatever their next try.
    """
    began = world.pace.monotonic()
    report = Report(kind="full" if full else "incremental", dry_run=dry_run)
    try:
        checkpoint = world.store.claim()
        if checkpoint.sync_timestamp is None:
            report.kind = "full"
        with world.lock.held(full=full, wait_seconds=wait_seconds):
            checkpoint.refresh_from_db()
            run = Run(
                world,
                report,
                watcher or Nobody(),
                checkpoint,
                datetime.fromtimestamp(world.pace.now(), UTC),
                trigger == "hand",
            )
            _recorded(run, trigger)
    except LockHeld as error:
        report.locked, report.error = True, error
    except EtalaseError as error:
        report.error = error
    report.duration_seconds = world.pace.monotonic() - began
    report.log_metrics()
    return report


def _recorded(run: Run, trigger: str) -> None:
    """Run, and leave a row that says what came of it, also where it failed."""
    report, world = run.report, run.world
    began = world.pace.monotonic()
    if not report.dry_run:
        report.run_id = ledger.begin_run(report.kind, trigger)
    try:
        _run(run)
    except GivesWay as error:
        report.yielded = True
        logger.info("%s", error)
    except EtalaseError as error:
        report.error = error
    except BaseException as error:
        report.error = EtalaseError(f"The run was stopped ({type(error).__name__}).", hint="The next one goes on where it was.")
        raise
    finally:
        if not report.dry_run:
            with suppress(DatabaseAway, LockLost):
                _keep_failures(run)
            _say_what_stands(run)
            with suppress(DatabaseAway):
                ledger.end_run(
                    report.run_id or 0,
                    kind=report.kind,
                    outcome=report.outcome.value,
                    error=str(report.error or ""),
                    counts=report.counts,
                    reasons=dict(report.reasons),
                    bytes_fetched=report.bytes_fetched,
                    checkpoint=report.checkpoint,
                    finished_at=run.now + timedelta(seconds=world.pace.monotonic() - began),
                )


def _run(run: Run) -> None:
    since = None if run.report.kind == "full" else run.checkpoint.sync_timestamp
    if not run.report.dry_run:
        run.world.bucket.ensure_bucket()
        _settle_intents(run)
    feed = pull(run.world.head_office, since, pulled=run.watcher.pulled)
    if since is not None and feed.is_older_than(since):
        # What changed by the new clock is older than the checkpoint, and would not be told (hazard 9).
        logger.warning("head office's clock went back, from %s to %s: comparing everything", since, feed.sync_timestamp)
        since, feed = None, pull(run.world.head_office, None, pulled=run.watcher.pulled)
    run.report.kind = "full" if feed.full else "incremental"
    if feed.full:
        _list_bucket(run)
    gone = set() if run.report.dry_run else products.bring(run.world, feed, run.checkpoint)
    planned = _plan(run, _with_retries(run, feed), feed)
    if run.report.dry_run:
        _forecast(run, feed, planned)
        return
    run.watcher.planned(sum(len(product.steps) for product in planned.products), planned.bytes_to_fetch)
    run.carriage.carry_all(planned)
    _carry_what_moved_on(run, since)
    if feed.error is not None:
        raise feed.error
    run.report.deleted += sweep(
        run.world,
        feed,
        awaiting={photo.product_id for photo, _ in run.carriage.failures.values()},
        now=run.now,
        run_id=run.report.run_id,
    )
    products.remove(run.world, gone)
    _settle(run, feed)
    _reclaim(run)
    if run.carriage.given_up is not None and not run.report.fetched:
        raise run.carriage.given_up


# Before the feed


def _settle_intents(run: Run) -> None:
    """Look at the keys that an earlier run was about to overwrite: what lies there now, nobody knows (hazard 18)."""
    for key, checksum in rows.intents():
        there = run.world.bucket.head(key)
        etag = there.etag if there else None
        if checksum is None:  # its product went meanwhile, and the row with it
            rows.reclaim_later([key], grace=run.world.settings.RECLAIM_GRACE)
        elif etag != checksum:
            run.found[key] = etag
            continue
        rows.clear_intents([key])


def _list_bucket(run: Run) -> None:
    """Compare rows with what the bucket says it has; a difference is healed by the plan, an orphan reclaimed later."""
    try:
        objects = {info.key: info for info in run.world.bucket.list(KEY_PREFIX)}
    except ObjectMissing:
        if not run.report.dry_run:
            raise
        objects = {}  # a run that writes would have made the bucket
    in_use = set()
    for row in rows.every():
        in_use.add(row.object_key)
        info = objects.get(row.object_key)
        if info is None:
            run.found.setdefault(row.object_key, None)
        elif info.size != row.size or (info.etag != row.object_etag and not _holds(run, row)):
            run.found[row.object_key] = info.etag
    run.orphans = {key: info.etag for key, info in objects.items() if key not in in_use}


def _holds(run: Run, row: Row) -> bool:
    """Whether the row's bytes lie there after all: an ETag need not be an MD5 (hazard 56), so they are read."""
    try:
        return run.world.bucket.digest(row.object_key) == row.object_etag
    except ObjectMissing:
        return False


# The feed


def _with_retries(run: Run, feed: Feed) -> list[Photo]:
    """What the feed lists, and what earlier runs owe, unless the feed has newer word of it."""
    if feed.proved_complete:
        return list(feed.photos.values())  # what is not in a complete feed is gone
    due = ledger.pending(due_before=None if run.by_hand or feed.full else run.now)
    owed = (photo for photo in due if photo.id not in feed.photos and photo.id not in feed.deleted_ids)
    return [*feed.photos.values(), *owed]


def _plan(run: Run, photos: list[Photo], feed: Feed) -> Plan:
    """Plan in slices of whole products, so that memory and SQL arrays stay bounded."""
    total = Plan()
    claims: dict[str, Photo] = {}
    photos.sort(key=lambda photo: photo.product_id)
    for part in _slices(photos):
        known = {photo.product_id for photo in part}
        if not (run.report.dry_run and run.world.products.is_ours):  # a run that writes makes the missing ones first
            known &= set(run.world.products.names(known))
        planned = plan(
            part,
            [_as_found(row, run.found) for row in rows.touching(part)],
            known_products=known,
            max_photo_bytes=run.world.settings.MAX_PHOTO_BYTES,
            orphans=run.orphans,
            leaving=feed.deleted_ids,
            claims=claims,
        )
        total.products += planned.products
        total.unchanged += planned.unchanged
        total.parked += planned.parked
        total.failed += planned.failed
        total.several_primaries += planned.several_primaries
    total.sort(attempts=ledger.attempts())
    _take_note(run, total, feed)
    return total


def _slices(photos: list[Photo]) -> Iterable[list[Photo]]:
    start = 0
    while start < len(photos):
        end = min(start + PLAN_PHOTOS, len(photos))
        while end < len(photos) and photos[end].product_id == photos[end - 1].product_id:
            end += 1
        yield photos[start:end]
        start = end


def _as_found(row: Row, found: dict[str, str | None]) -> Row:
    return row.with_object(found[row.object_key]) if row.object_key in found else row


def _take_note(run: Run, planned: Plan, feed: Feed) -> None:
    run.report.unchanged += len(planned.unchanged)
    for photo, error in planned.failed:
        run.carriage.failures[photo.id] = (photo, error)
    for photo in planned.parked:
        missing = PhotoError(Reason.PRODUCT_MISSING, f"product {photo.product_id} is not here yet")
        run.carriage.failures[photo.id] = (photo, missing)
    for product_id in planned.several_primaries:
        logger.warning("HO's own data: product %s has several primary photos; the newest is shown", product_id)
    if run.report.dry_run:
        return
    # Living again, or arrived meanwhile: whatever was remembered of them is over.
    ledger.cancel_removals(list(feed.photos))
    still_owed = ledger.pending_ids()
    ledger.settle([photo_id for photo_id in planned.unchanged if photo_id in still_owed])


# After carrying


def _carry_what_moved_on(run: Run, since: str | None) -> None:
    """Pull the metadata of photos whose bytes contradicted it again: HO may have replaced them meanwhile (hazard 20)."""
    stale = {id_: photo for id_, (photo, error) in run.carriage.failures.items() if error.reason.may_be_stale}
    if not stale:
        return
    again = pull(run.world.head_office, since, pulled=lambda _: None)
    listed = {id_: (normalised(photo), normalised(again.photos[id_])) for id_, photo in stale.items() if id_ in again.photos}
    moved_on = [now for before, now in listed.values() if now != before]
    if moved_on:
        for photo in moved_on:
            del run.carriage.failures[photo.id]
        again.photos = {photo.id: photo for photo in moved_on}
        run.carriage.carry_all(_plan(run, moved_on, again))


def _settle(run: Run, feed: Feed) -> None:
    """Failures first, then the checkpoint: a photo is either here, or remembered (hazard 5)."""
    _keep_failures(run)
    if feed.proved_complete:
        ledger.settle(ledger.pending_ids() - set(feed.photos))
    changes: dict[str, object] = {
        "sync_timestamp": feed.sync_timestamp,
        "products_changed_at": feed.products_changed_at,
    }
    if feed.full:
        changes["feed_proved_complete"] = run.report.feed_proved_complete = feed.proved_complete
    with translated(), transaction.atomic():
        run.world.lock.still_held()
        ledger.move_checkpoint(run.checkpoint.store_id, changes)
    run.report.checkpoint = feed.sync_timestamp


def _keep_failures(run: Run) -> None:
    failures = run.carriage.failures
    if not failures:
        return
    run.report.parked = sum(error.reason is Reason.PRODUCT_MISSING for _, error in failures.values())
    run.report.failed = len(failures) - run.report.parked
    run.report.reasons.update(error.reason.value for _, error in failures.values())
    with translated(), transaction.atomic():
        run.world.lock.still_held()
        ledger.remember_failures(failures.values(), now=run.now, untried=run.carriage.untried)
    failures.clear()


def _reclaim(run: Run) -> None:
    """Orphans get their grace, unless a row names them by now; what has had it, goes (hazards 15 and 17)."""
    rows.reclaim_later(run.orphans, grace=run.world.settings.RECLAIM_GRACE)
    due = rows.reclaims_due()
    if due:
        run.world.lock.still_held()
        run.world.bucket.delete(due)
        rows.reclaimed(due)
    run.report.reclaimed = len(due)


def _say_what_stands(run: Run) -> None:
    """What waits for a person and what is still owed, whoever left it: a run that says "success" means it."""
    with suppress(DatabaseAway), translated():
        run.report.held = Removal.objects.filter(state=Removal.State.HELD).count()
        owed = PendingPhoto.objects.exclude(reason=Reason.PRODUCT_MISSING).order_by("product_name", "photo_id")
        run.report.failures = [ledger.describe(entry) for entry in owed]


def _forecast(run: Run, feed: Feed, planned: Plan) -> None:
    steps = [step for product in planned.products for step in product.steps]
    swept = {row.id for row in rows.every()} - set(feed.photos) if feed.proved_complete else set()
    gone = rows.with_ids([*feed.deleted_ids, *swept])
    names = run.world.products.names({row.product_id for row in gone})
    run.report.forecast = {
        "photos_to_fetch": sum(step.kind is Kind.FETCH for step in steps),
        "bytes_to_fetch": planned.bytes_to_fetch,
        "rows_to_update": sum(step.kind is not Kind.FETCH for step in steps),
        "removals": [{"photo_id": str(row.id), "product_name": names.get(row.product_id, ("", ""))[1]} for row in gone],
    }
    run.report.failed = sum(error.reason is not Reason.PRODUCT_MISSING for _, error in run.carriage.failures.values())
    run.report.parked = len(run.carriage.failures) - run.report.failed
