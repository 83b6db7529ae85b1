"""One run, from the lock to the checkpoint. :func:`execute` is the list of its steps (docs/architecture.md, "One run")."""

import logging
from contextlib import nullcontext, suppress

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.models import Checkpoint
from etalase.edge.own_tables import refuse_other_form
from etalase.edge.sync import products, rendition_fetch, rendition_making, renditions, storage
from etalase.edge.sync.anomalies import PROBES, find_anomalies, note_anomalies
from etalase.edge.sync.bucket_audit import BucketAudit
from etalase.edge.sync.context import Run, Scope
from etalase.edge.sync.feed.pull import Coverage, Feed
from etalase.edge.sync.forecast import forecast
from etalase.edge.sync.orphans import delete_due
from etalase.edge.sync.record import errors_reported, record_new_photos, record_work, recorded
from etalase.edge.sync.removals import drop_unlisted_retries, sweep
from etalase.edge.sync.rendition_audit import audit_renditions, schedule_orphans
from etalase.edge.sync.reporting import report_after, report_beside_another_run
from etalase.edge.sync.result import RunKind, RunResult, Trigger
from etalase.edge.sync.rounds import check_unlisted, plan_changes, publish, publish_later, replan_stale
from etalase.edge.sync.selection import add_pending, choose_scope, pull_feed
from etalase.edge.sync.services import Services
from etalase.errors import EtalaseError, LockHeld, NotAdopted, ObjectStoreError
from etalase.progress import Progress

logger = logging.getLogger("etalase.edge")


def sync(
    services: Services,
    *,
    full: bool,
    trigger: Trigger = Trigger.HAND,
    wait_seconds: float = 0.0,
    dry_run: bool = False,
    deep: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Runs once and returns the result, which has the error if the run failed.

    ``trigger`` is ``hand``, ``schedule`` or ``retry``: a run by hand retries all photos on the retry list, due or not.
    ``deep``: a full run reads and hashes every object.
    """
    began = services.clock.monotonic()
    result = RunResult(kind=RunKind.FULL if full else RunKind.INCREMENTAL, dry_run=dry_run)
    try:
        with translated():
            checkpoint = services.store.claim()
            if not checkpoint.sync_timestamp:
                result.kind = RunKind.FULL
            with (
                services.lock.held(full=full, wait_seconds=wait_seconds, at_work=not dry_run),
                services.read_only() if dry_run else nullcontext(services) as given,
            ):
                run = begin(
                    given, result, checkpoint, progress or Progress(), full=full, by_hand=trigger is Trigger.HAND, deep=deep
                )
                with given.within(given.settings.MAX_RUN_SECONDS):
                    if dry_run:
                        with errors_reported(run):
                            forecast(run)
                    else:
                        given.reporter.is_due = True
                        with recorded(run, trigger), errors_reported(run):
                            execute(run)
                        report_after(run)
    except LockHeld as error:
        result.locked, result.error = True, error
        if trigger is Trigger.SCHEDULE and not dry_run:
            report_beside_another_run(services)
    except EtalaseError as error:
        result.error = error
    result.duration_seconds = services.clock.monotonic() - began
    if isinstance(result.error, NotAdopted):  # a run that did nothing has no metrics
        if trigger is not Trigger.HAND:  # a person reads it from the command
            logger.warning("%s", result.error)
    elif not dry_run:
        result.log_metrics()
    return result


def begin(
    services: Services, result: RunResult, checkpoint: Checkpoint, progress: Progress, *, full: bool, by_hand: bool, deep: bool
) -> Run:
    """Reads the state that the last run left, and repairs impossible values in it."""
    refuse_other_form()
    checkpoint.refresh_from_db()
    now, keeps = services.clock.utc(), not services.is_read_only
    dropped = storage.state_repair.distrust(checkpoint, keeps=keeps, now=now)
    if not checkpoint.sync_timestamp:
        result.kind = RunKind.FULL
    expected, there = storage.checkpoint.row_counts()
    days = services.settings.DEEP_VERIFY_DAYS
    services.spool.look()
    services.head_office.features = storage.checkpoint.features_of(services.settings.HO_URL)
    return Run(
        services,
        result,
        progress,
        checkpoint,
        now,
        requested_scope=Scope.FULL if full else Scope.CHANGES,
        by_hand=by_hand,
        audit=BucketAudit(services.bucket, services.workers, now.date(), checkpoint.compared_at, days, deep),
        extra_rows=0 if expected is None else there - expected,
        dropped=dropped,
    )


def execute(run: Run) -> None:
    """Makes the edge equal to head office. Raises the error that prevents it."""
    bucket_is_new, stuck = prepare_bucket(run)
    anomalies = find_anomalies(run, bucket_is_new=bucket_is_new)
    note_anomalies(run, anomalies)
    with renditions.features_remembered(run):
        feed = pull_feed(run, choose_scope(run.requested_scope, anomalies))
    listed_products = sync_products(run, feed)
    add_pending(run, feed)
    planned = plan_changes(run, feed)
    check_unlisted(run, feed)
    record_work(run, feed, planned)
    renditions.list_sets(run, feed)
    audit_renditions(run)
    rendition_fetch.fetch(run, feed)
    publish(run, feed, planned)
    replanned = replan_stale(run, feed)
    publish(run, feed, replanned)
    drop_unlisted_retries(feed)
    publish_later(run, feed, planned, replanned)
    drop_unused(run)
    feed.raise_if_incomplete()
    remove_unlisted(run, feed)
    product_checkpoint = products.remove(run.services, listed_products, run.result, now=run.now)
    commit_checkpoint(run, feed, product_checkpoint, head_office_is_older=bool(planned.older or replanned.older))
    products.note_unlisted(run.services, listed_products)
    rendition_making.tidy(run)
    collect_orphans(run, stuck)
    warn_of_risks(run)
    run.publisher.raise_if_given_up()
    listed_products.raise_if_unread()
    rendition_making.make_missing(run)


def prepare_bucket(run: Run) -> tuple[bool, list[str]]:
    """Creates the bucket where there is none, settles intents, and deletes objects whose grace period is over.

    Returns whether the bucket is new, and the keys of objects that it refused to delete.
    """
    is_new = run.services.bucket.ensure_bucket()
    rowless, settled = run.audit.look_at_intents()
    storage.reclaims.schedule(rowless, at=run.services.clock.utc())
    storage.intents.clear(rowless + settled)
    return is_new, delete_due(run, stuck=[])  # before anything is put: where the bucket is full, this makes room


def sync_products(run: Run, feed: Feed) -> products.Listed:
    """Writes the products of head office's list, before their photos."""
    record_new_photos(run, feed)
    run.result.note_oddities(feed.oddities)
    return products.sync(run.services, feed, run.checkpoint, run.result)


def drop_unused(run: Run) -> None:
    """Drops the bytes that were downloaded ahead of the plan and that it did not ask for."""
    photos, renditions_ = run.head_start.drop_unused(), run.rendition_start.drop_unused()
    if photos or renditions_:
        logger.info("downloads ahead of the plan, which did not ask for them: %d photos, %d renditions", photos, renditions_)


def remove_unlisted(run: Run, feed: Feed) -> None:
    """Removes photos that head office no longer lists, within the bound on removals."""
    run.result.deleted += sweep(run.services, feed, awaiting=run.failures.product_ids, now=run.now, run_id=run.id)


def commit_checkpoint(run: Run, feed: Feed, product_checkpoint: dict[str, object], *, head_office_is_older: bool) -> None:
    """Records failures first, then the checkpoint: each photo is either here, or on the retry list (hazard 5)."""
    run.failures.record()
    if feed.is_full and not feed.proved_complete:
        storage.retry_list.resolve([photo_id for photo_id in storage.retry_list.without_id() if photo_id not in feed.photos])
    if feed.sync_timestamp is None:
        run.result.note("no_checkpoint")
    if feed.is_unnamed:
        run.result.note("feed_unnamed")
    # Without a time from head office the last one stays; an empty text shows that a run completed without any.
    sync_timestamp = feed.sync_timestamp or run.checkpoint.sync_timestamp or ""
    storage.damage_marks.delete_without_row()
    compares_everything = feed.coverage is not Coverage.CHANGES
    changes: dict[str, object] = {"sync_timestamp": sync_timestamp, **product_checkpoint}
    if compares_everything:
        storage.own_photos.delete_without_row()
        is_proved = feed.proved_complete or feed.coverage is Coverage.DIGEST_PROVED
        changes["feed_proved_complete"] = run.result.feed_proved_complete = is_proved
        changes["compared_at"] = run.services.clock.utc()
        changes["renditions_compared"] = feed.renditions is not None and feed.has_all_renditions
    elif len(feed.photos) and head_office_is_older:
        # The next run compares everything: head office may have forgotten changes. Old photos of the retry list prove nothing.
        changes["compared_at"] = None
    with translated(), transaction.atomic():
        run.services.lock.still_held()
        storage.checkpoint.update(run.checkpoint.store_id, changes)
        if run.checkpoint.photos is not None:
            storage.checkpoint.add_to_row_count(run.extra_rows)
        elif compares_everything:  # proved or not: the photos that it named are here now, or on the retry list
            storage.checkpoint.set_row_count()
    run.result.checkpoint = sync_timestamp
    run.services.spool.note_checkpoint(sync_timestamp)


def collect_orphans(run: Run, stuck: list[str]) -> None:
    """Schedules the deletion of objects that no row names, and deletes those whose grace period is over."""
    if (listing := run.audit.listing) is not None:
        listing.use(storage.photos.keys())
        for orphans in listing.unused():
            storage.reclaims.schedule(orphans, at=run.services.clock.utc())
    schedule_orphans(run)
    if stuck := delete_due(run, stuck):
        run.result.note("not_reclaimed", objects=len(stuck))


def warn_of_risks(run: Run) -> None:
    """Notes photos that tills cannot read, and logs accesses that the bucket allows to anybody, once a full run (hazard 72).

    The run has seen to its own statement: what else denies reading, only a person can remove.
    """
    with suppress(ObjectStoreError):
        some = storage.photos.sample(PROBES, first=run.services.clock.random_id())
        if denied := [row.object_key for row in some if not run.services.bucket.is_public(row.object_key)]:
            run.result.note("not_public", told=denied[0])
    if run.audit.listing is not None and not run.services.settings.DEMO:
        with suppress(ObjectStoreError):
            for risk in run.services.bucket.risks():
                logger.warning("%s", risk)
