"""One run, from the lock to the checkpoint: pull, plan, fetch and publish, settle, reconcile (docs/architecture.md, "One run").

Read :func:`_run` first: it is the whole way of a run, a line a step.
"""

import heapq
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.models import Checkpoint, PendingPhoto, Removal
from etalase.edge.sync import storage
from etalase.edge.sync.feed import products
from etalase.edge.sync.feed.client import VALUE_REFUSED
from etalase.edge.sync.feed.pull import Feed, pull
from etalase.edge.sync.inventory import Inventory
from etalase.edge.sync.plan.plan import Plan, Row, normalised
from etalase.edge.sync.plan.planner import Planner, Tally
from etalase.edge.sync.plan.removal_bound import Candidate
from etalase.edge.sync.publish.pipeline import KEEP_FAILURES, Carriage, GivesWay
from etalase.edge.sync.removals import propose, sweep, unlisted
from etalase.edge.sync.result import Nobody, Report, Watcher
from etalase.edge.sync.scratch import Agenda, Photos
from etalase.edge.sync.services import World
from etalase.errors import (
    DatabaseAway,
    EtalaseError,
    HeadOfficeError,
    HeadOfficeRefused,
    LockHeld,
    LockLost,
    ObjectStoreError,
    PhotoError,
    Reason,
)
from etalase.protocol import Photo, lenient_time, photos_digest, printable
from etalase.redaction import redacted

logger = logging.getLogger("etalase.edge")

PROPOSED = (Removal.State.HELD, Removal.State.WAITING, Removal.State.REFUSED)
# After so long, an HO that forgets its deletions may have forgotten some that this edge never heard of (hazard 12).
LONG_AWAY = timedelta(days=30)
# So many rows are looked up in the bucket by a run that does not list it: where none has its object, the bucket is lost.
PROBES = 3
# A damaged photo that head office's list does not name is asked for so often.
ASK_AGAIN = timedelta(days=1)
# So many objects that the bucket does not let go are tried in a run, each once a day.
MAX_STUCK = 5
RECLAIM_AGAIN = timedelta(days=1)
# A report names so many of the photos that are owed; `etalase edge failures` names all.
MAX_FAILURES_TOLD = 1000


@dataclass(slots=True)
class Run:
    """What a run knows while it is under way."""

    world: World
    report: Report
    watcher: Watcher
    checkpoint: Checkpoint
    now: datetime
    by_hand: bool
    inventory: Inventory
    # How many rows more or less there were at its beginning than the checkpoint knew of.
    unaccounted: int = 0
    # Keys of objects that the bucket did not let go.
    stuck: list[str] = field(default_factory=list)
    # What stood in our own state and could not be read.
    dropped: list[str] = field(default_factory=list)
    carriage: Carriage = field(init=False)

    def __post_init__(self) -> None:
        self.carriage = Carriage(self.world, self.report, self.watcher, self.now)


def sync(
    world: World,
    *,
    full: bool,
    trigger: str = "hand",
    wait_seconds: float = 0.0,
    dry_run: bool = False,
    deep: bool = False,
    watcher: Watcher | None = None,
) -> Report:
    """Run once and say what happened; it raises nothing of ours, the report has it.

    ``trigger`` is ``hand``, ``schedule`` or ``retry``: by hand, photos on the retry list are tried whatever their next try.
    ``deep`` is for a full run: every object is read through and hashed.
    """
    began = world.pace.monotonic()
    report = Report(kind="full" if full else "incremental", dry_run=dry_run)
    try:
        with translated():
            checkpoint = world.store.claim()
            if not checkpoint.sync_timestamp:
                report.kind = "full"
            with world.lock.held(full=full, wait_seconds=wait_seconds, at_work=not dry_run):
                checkpoint.refresh_from_db()
                now = datetime.fromtimestamp(world.pace.now(), UTC)
                dropped = storage.state_repair.distrust(checkpoint, keeps=not dry_run, now=now)
                if not checkpoint.sync_timestamp:
                    report.kind = "full"
                inventory = Inventory(world, now.date(), checkpoint.compared_at, deep, keeps=not dry_run)
                run = Run(world, report, watcher or Nobody(), checkpoint, now, trigger == "hand", inventory, dropped=dropped)
                with world.within(world.settings.MAX_RUN_SECONDS):
                    _recorded(run, trigger)
    except LockHeld as error:
        report.locked, report.error = True, error
    except EtalaseError as error:
        report.error = error
    report.duration_seconds = world.pace.monotonic() - began
    if not dry_run:
        report.log_metrics()
    return report


def _recorded(run: Run, trigger: str) -> None:
    """Run, and leave a row that says what came of it, also where it failed."""
    report, world = run.report, run.world
    began = world.pace.monotonic()
    world.spool.look()
    if not report.dry_run:
        report.run_id = storage.runs.begin(report.kind, trigger)
    try:
        _run(run)
    except GivesWay as error:
        report.yielded = True
        logger.info("%s", error)
    except EtalaseError as error:
        if not world.time_is_up:
            report.error = error
        else:
            report.yielded = True
            report.note("out_of_time", seconds=world.settings.MAX_RUN_SECONDS)
    except Exception as error:
        logger.exception("the run failed for a reason that nobody foresaw")
        report.error = EtalaseError(
            f"The run failed for a reason that nobody foresaw: {type(error).__name__}: {redacted(str(error))[:500]}",
            hint="This is a fault of Etalase's: please report it, with what the log says above.",
        )
    except BaseException as error:
        report.error = EtalaseError(f"The run was stopped ({type(error).__name__}).", hint="The next one goes on where it was.")
        raise
    finally:
        if not report.dry_run:
            with suppress(DatabaseAway, LockLost):
                run.carriage.keep_failures()
            with suppress(OSError):
                world.spool.sweep(max_bytes=world.settings.SPOOL_MAX_BYTES, now=world.pace.now())
            report.bytes_fetched = world.images.bytes_came
            _say_what_stands(run)
            report.duration_seconds = world.pace.monotonic() - began
            with suppress(DatabaseAway):
                storage.runs.end(
                    report.run_id or 0,
                    kind=report.kind,
                    outcome=report.outcome.value,
                    error=str(report.error or ""),
                    fault=report.fault or "",
                    counts=report.counts,
                    reasons=dict(report.reasons),
                    bytes_fetched=report.bytes_fetched,
                    checkpoint=report.checkpoint,
                    notices=report.notices,
                    duration_seconds=round(report.duration_seconds, 3),
                    finished_at=run.now + timedelta(seconds=report.duration_seconds),
                )


def _run(run: Run) -> None:
    made_anew = False
    if not run.report.dry_run:
        made_anew = run.world.bucket.ensure_bucket()
        run.inventory.settle_intents()
        _reclaim(run)  # before anything is put: where the bucket is full, this makes room
    _look_around(run, made_anew=made_anew)
    feed = _pull(run)
    if not run.report.dry_run:  # products show without their photos from here on: the status has to know
        _note_what_is_new(run, feed)
    run.report.note_oddities(feed.oddities)
    listed = None if run.report.dry_run else products.bring(run.world, feed, run.checkpoint, run.report)
    _owe(run, feed)
    agenda, tally = _plan(run, feed)
    _look_at_the_unlisted(run, feed)
    if run.report.dry_run:
        _forecast(run, feed, agenda)
        return
    run.watcher.planned(agenda.photos, agenda.bytes_to_fetch)
    if agenda.photos or tally.known:
        _note_list(run, feed, tally)
    if agenda.photos:
        run_id, bytes_to_fetch = run.report.run_id or 0, agenda.bytes_to_fetch
        storage.runs.record_work(run_id, agenda.photos, kind=run.report.kind, bytes_to_fetch=bytes_to_fetch)
    run.carriage.carry_all(agenda)
    _carry_what_moved_on(run, feed)
    if feed.error is not None:
        raise feed.error
    run.report.deleted += sweep(run.world, feed, awaiting=run.carriage.awaited_products, now=run.now, run_id=run.report.run_id)
    _settle(run, feed, products.remove(run.world, listed, run.report))
    products.note_unlisted(run.world, listed)
    _find_orphans(run)
    _warn_of_risks(run)
    _reclaim(run)
    if run.stuck:
        run.report.note("not_reclaimed", objects=len(run.stuck))
    if run.carriage.given_up is not None and not run.report.fetched:
        raise run.carriage.given_up
    if listed is not None and listed.error is not None:
        raise listed.error


# Before the feed


def _owe(run: Run, feed: Feed) -> None:
    """Add what earlier runs owe; what is not in a complete feed is gone."""
    if not feed.proved_complete:
        due = _pending(run, due_before=None if run.by_hand or feed.full else run.now)
        feed.photos.owe(photo for photo in due if photo.id not in feed.deleted_ids)
        feed.photos.owe(_damaged(run, feed))
    if run.dropped:
        run.report.note("state_dropped", told=", ".join(sorted(set(run.dropped))))


def _pending(run: Run, *, due_before: datetime | None) -> Iterator[Photo]:
    def unreadable(photo_id: UUID) -> None:
        logger.warning("photo %s leaves the retry list, its entry cannot be read", photo_id)
        run.dropped.append("etalase_pending_photo.wire")
        if not run.report.dry_run:
            storage.retry_list.drop_unreadable(photo_id)

    return storage.retry_list.due(due_before=due_before, unreadable=unreadable)


def _look_around(run: Run, *, made_anew: bool) -> None:
    """Notice where the world is not as the last run left it, and make this a full run then: it compares everything.

    A mass deletion cannot come of it: a full run's removals are bounded like all others.
    """
    report = run.report
    expected, there = storage.checkpoint.row_counts()
    if expected is not None:  # also without a checkpoint, which may be lost alone
        run.unaccounted = there - expected
        if run.unaccounted < 0:
            report.note("rows_vanished", photos=-run.unaccounted)
    if run.checkpoint.sync_timestamp is None:
        return
    some = storage.photos.sample(PROBES)
    # Known damage is mended anyway; where it cannot be, each run would compare everything, for ever.
    is_news = any(row.id not in run.inventory.doubted for row in some)
    if some and (made_anew or (is_news and run.inventory.is_lost(some))):
        report.note("bucket_lost")
    unsure = expected is None or run.checkpoint.compared_at is None
    last_here = run.world.spool.last_checkpoint
    kept = lenient_time(run.checkpoint.sync_timestamp)
    if last_here and kept and kept < last_here:
        report.note("edge_restored")
    last = storage.runs.last_complete()
    if last is not None and run.now - last > LONG_AWAY:
        report.note("long_away", days=(run.now - last).days)
    if report.notices or unsure or storage.runs.is_full_run_unfinished(report.run_id or 0):
        report.kind = "full"


# The feed


def _pull(run: Run) -> Feed:
    """What head office lists: everything, or what changed since the checkpoint.

    A full run asks a head office of ours for what changed, too, and for the digest of everything: where that proves that the
    rest is here, the rest need not come over the link (hazard 25).
    """
    since, full = run.checkpoint.sync_timestamp or None, run.report.kind == "full"
    with_digest = full and run.checkpoint.products_changed_at is not None
    feed = None
    if since is not None and (with_digest or not full):
        try:
            feed = pull(run.world.head_office, since, pulled=run.watcher.pulled, with_digest=with_digest)
        except HeadOfficeRefused as error:
            if error.status not in VALUE_REFUSED:
                raise
            # It may be the checkpoint: then it would be refused for ever.
            run.report.note("checkpoint_refused", kept=since)
            full = True
        if feed is not None and feed.is_older_than(since):
            # What changed by the new clock is older than the checkpoint, and would not be told (hazard 9).
            logger.warning("head office's clock went back, from %s to %s: comparing everything", since, feed.sync_timestamp)
            run.report.note("ho_clock_back", told=feed.sync_timestamp, kept=since)
            feed, full = None, True
    if full or feed is None or feed.full:
        run.report.kind = "full"
        # A run that writes has made the bucket.
        run.inventory.list_bucket(may_be_missing=run.report.dry_run)
    if feed is None or (full and not feed.full and not _rest_is_here(run, feed)):
        feed = pull(run.world.head_office, None, pulled=run.watcher.pulled)
    return feed


def _rest_is_here(run: Run, feed: Feed) -> bool:
    """Whether rows and bucket have all that head office lists, but for what ``feed`` tells and what earlier runs owe."""
    if feed.digest is None or feed.error is not None:
        return False
    changes = feed.photos
    changes.owe(photo for photo in _pending(run, due_before=None) if photo.id not in feed.deleted_ids)
    leaving = feed.deleted_ids | {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    unchanged = 0

    def rest() -> Iterator[Row]:
        nonlocal unchanged
        for row in storage.photos.every():
            if row.id not in leaving and not changes.knows(row.id):
                unchanged += 1
                yield row

    if photos_digest(heapq.merge(rest(), changes.by_id(), key=lambda photo: photo.id)) != feed.digest:
        return False
    for part in storage.photos.in_batches():
        if run.inventory.found(part):
            return False
    feed.matches_digest = True
    run.report.unchanged += unchanged
    return True


def _damaged(run: Run, feed: Feed) -> list[Photo]:
    """What is known to be damaged, as head office lists it, so that this run mends it and the night need not be waited for.

    A row has no ``image_url``, so the whole list is pulled for it; the bucket is not listed. What a full run does anyway, and
    what the retry list or a removal sees to, is left to them; where the list does not name it, it is asked for once a day.
    """
    if run.inventory.listing is not None or not run.inventory.doubted or feed.error is not None:
        return []
    doubted = storage.photos.suspect_unattended(asked_before=run.now - ASK_AGAIN)
    doubted = [row for row in doubted if not feed.photos.knows(row.id) and row.id not in feed.deleted_ids]
    run.inventory.found(doubted)  # some may be right again
    damaged = [row.id for row in doubted if row.id in run.inventory.damaged]
    if not damaged:
        return []
    try:
        everything = pull(run.world.head_office, None, pulled=lambda _: None)
    except HeadOfficeError as error:
        logger.warning("head office's list of %d damaged photos could not be had: %s", len(damaged), error)
        return []
    listed = [photo for photo in map(everything.photos.get, damaged) if photo is not None]
    if everything.error is None and not run.report.dry_run:
        storage.suspects.record_not_listed(set(damaged) - {photo.id for photo in listed}, at=run.now)
    return listed


def _note_what_is_new(run: Run, feed: Feed) -> None:
    """Record that photos are missing, as soon as head office has named them (hazard 64)."""
    tally = Tally()
    for part in feed.photos.in_slices():
        new = len(part) - storage.photos.count_among(photo.id for photo in part)
        tally += Tally(known=len(part), new=new, missing=new)
    if tally.missing:
        _note_list(run, feed, tally)


def _note_list(run: Run, feed: Feed, tally: Tally) -> None:
    """Record how long head office's list is, as far as it is known by now, and how much of it is missing here."""
    listed, missing = tally.known, tally.missing
    if feed.full and feed.error is not None:
        unseen = max(0, (feed.totals[-1] or 0) - listed)
        listed, missing = listed + unseen, missing + unseen
    elif not feed.full:  # what it does not name is here, but for what goes and what is owed
        leaving = feed.deleted_ids | {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
        owed = _owed_besides(feed)
        missing += len(owed)
        listed = storage.photos.count() - storage.photos.count_among(leaving) + tally.new
        listed += len(owed) - storage.photos.count_among(owed)
    storage.runs.record_list(run.report.run_id or 0, listed=listed, missing=missing)


def _owed_besides(feed: Feed) -> set[UUID]:
    """The photos on the retry list whose time has not come, parked ones aside."""
    owed: set[UUID] = set()
    for some in storage.retry_list.ids(parked=False):
        owed.update(set(some) - feed.photos.known_among(some) - feed.deleted_ids)
    return owed


def _plan(run: Run, feed: Feed) -> tuple[Agenda, Tally]:
    """Plan the feed; returns what to publish, and how much of the list is missing here."""
    agenda, tally, older = Agenda(), Tally(), 0
    anything_owed, dry_run = storage.retry_list.is_anything_pending(), run.report.dry_run
    # Living again: whatever was proposed or refused for them is over.
    proposed = set() if dry_run else {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    for part in Planner(run.world, feed, inventory=run.inventory, brings_products=dry_run).slices():
        tally += Tally.of(part)
        product_ids = {photo.product_id for photo in part.photos}
        agenda.add(part.plan.products, attempts=storage.retry_list.attempts(product_ids) if anything_owed else {})
        older += part.plan.older_at_head_office
        _take_note(run, part.plan)
        if anything_owed and not dry_run:
            storage.retry_list.resolve(part.plan.unchanged)
        storage.removals.cancel([photo.id for photo in part.photos if photo.id in proposed and photo.id in feed.photos])
    if older:
        run.report.note("ho_older", photos=older)
    return agenda, tally


def _look_at_the_unlisted(run: Run, feed: Feed) -> None:
    """A full run looks at each row's object, also where head office does not list it: nobody can heal that, but it is told."""
    if run.inventory.listing is None or feed.matches_digest or run.report.dry_run:
        return
    for part in unlisted(feed):
        run.inventory.found(part)


def _take_note(run: Run, planned: Plan) -> None:
    run.report.unchanged += len(planned.unchanged)
    for photo, error in planned.failed:
        run.carriage.failures[photo.id] = (photo, error)
    for photo in planned.parked:
        missing = PhotoError(Reason.PRODUCT_MISSING, f"product {photo.product_id} is not here yet")
        run.carriage.failures[photo.id] = (photo, missing)
    for product_id in planned.several_primaries:
        logger.warning("HO's own data: product %s has several primary photos; the newest is shown", product_id)
        name = run.world.products.names([product_id]).get(product_id, ("", ""))[1]
        run.report.note("several_primaries", product_id=str(product_id), product_name=printable(name or str(product_id)))
    run.carriage.keep_failures(at_least=KEEP_FAILURES)


# After carrying


def _carry_what_moved_on(run: Run, feed: Feed) -> None:
    """Pull the metadata of photos whose bytes contradicted it again: HO may have replaced them meanwhile (hazard 20)."""
    stale = {id_: photo for id_, (photo, error) in run.carriage.failures.items() if error.reason.policy.may_be_stale}
    if not stale:
        return
    since = None if feed.full else run.checkpoint.sync_timestamp or None
    again = pull(run.world.head_office, since, pulled=lambda _: None)
    moved_on = []
    for photo_id, before in stale.items():
        now = again.photos.get(photo_id)
        if now is not None and normalised(now) != normalised(before):
            moved_on.append(now)
            del run.carriage.failures[photo_id]
    if moved_on:
        again.photos = Photos()
        again.photos.put(moved_on)
        run.carriage.carry_all(_plan(run, again)[0])


def _settle(run: Run, feed: Feed, products_came_to: Mapping[str, object]) -> None:
    """Failures first, then the checkpoint: a photo is either here, or remembered (hazard 5)."""
    run.carriage.keep_failures()
    if feed.full and not feed.proved_complete:
        storage.retry_list.resolve([photo_id for photo_id in storage.retry_list.without_id() if photo_id not in feed.photos])
    if feed.sync_timestamp is None:
        run.report.note("no_checkpoint")
    if feed.is_unnamed:
        run.report.note("feed_unnamed")
    # Without HO's word the last one holds on; without any, an empty text says that a run came to its end all the same.
    sync_timestamp = feed.sync_timestamp or run.checkpoint.sync_timestamp or ""
    storage.suspects.delete_without_row()
    changes: dict[str, object] = {"sync_timestamp": sync_timestamp, **products_came_to}
    if feed.full or feed.matches_digest:
        changes["feed_proved_complete"] = run.report.feed_proved_complete = feed.proved_complete or feed.matches_digest
        changes["compared_at"] = datetime.fromtimestamp(run.world.pace.now(), UTC)
    elif len(feed.photos) and any(notice["code"] == "ho_older" for notice in run.report.notices):
        changes["compared_at"] = None  # what HO forgot to tell, the next run finds; what is owed alone is no news of it
    with translated(), transaction.atomic():
        run.world.lock.still_held()
        storage.checkpoint.update(run.checkpoint.store_id, changes)
        if run.checkpoint.photos is not None:
            storage.checkpoint.add_to_row_count(run.unaccounted)
        elif feed.full or feed.matches_digest:  # proved or not: what it named is here now, or on the retry list
            storage.checkpoint.set_row_count()
    run.report.checkpoint = sync_timestamp
    run.world.spool.note_checkpoint(sync_timestamp)


def _warn_of_risks(run: Run) -> None:
    """Log what else the bucket lets anybody do, once a full run (hazard 72)."""
    if run.inventory.listing is not None and not run.world.settings.DEMO:
        with suppress(ObjectStoreError):
            for risk in run.world.bucket.risks():
                logger.warning("%s", risk)


def _find_orphans(run: Run) -> None:
    """Orphans get their grace, unless a row names them by now."""
    if (listing := run.inventory.listing) is not None:
        listing.use(storage.photos.keys())
        for orphans in listing.unused():
            storage.reclaims.schedule(orphans)


def _reclaim(run: Run) -> None:
    """What has had its grace, goes, unless a row names it by now (hazards 15 and 17). What cannot go holds nothing up."""
    due = storage.reclaims.due(run.world.settings.RECLAIM_GRACE)
    if not due:
        return
    run.world.lock.still_held()
    gone: list[str] = []
    for key in due:
        if len(run.stuck) >= MAX_STUCK:
            break
        try:
            run.world.bucket.delete([key])
            gone.append(key)
        except ObjectStoreError as error:
            logger.warning("an object that no photo needs any more stays: %s", error)
            run.stuck.append(key)
    storage.reclaims.cancel(gone)
    storage.reclaims.postpone(run.stuck, until=datetime.now(UTC) + RECLAIM_AGAIN)
    run.report.reclaimed += len(gone)


def _say_what_stands(run: Run) -> None:
    """What waits for a person and what is still owed, whoever left it: a run that says "success" means it."""
    with suppress(DatabaseAway), translated():
        run.report.held = Removal.objects.filter(state=Removal.State.HELD).count()
        owed = PendingPhoto.objects.defer("wire").exclude(reason=Reason.PRODUCT_MISSING).order_by("product_name", "photo_id")
        run.report.owed = owed.count()
        run.report.damaged = len(storage.suspects.kinds())
        run.report.failures = [storage.retry_list.to_json(entry) for entry in owed[:MAX_FAILURES_TOLD]]


def _forecast(run: Run, feed: Feed, agenda: Agenda) -> None:
    photos, size_bytes = agenda.photos_to_fetch, agenda.bytes_to_fetch
    kept_bytes = sum(map(run.world.spool.kept_of, agenda.to_fetch()))
    proposal = propose(feed, awaiting=run.carriage.awaited_products, now=run.now)
    run.carriage.keep_failures()
    names = run.world.products.names({row.product_id for row in proposal.gone.values()})

    def named(candidates: Collection[Candidate]) -> list[dict[str, str]]:
        return [
            {"photo_id": str(c.photo_id), "product_name": names.get(c.product_id, ("", ""))[1]}
            for c in sorted(candidates, key=lambda c: (names.get(c.product_id, ("", ""))[1], c.photo_id))
        ]

    run.report.forecast = {
        "photos_to_fetch": photos,
        "bytes_to_fetch": size_bytes,
        "bytes_in_spool": kept_bytes,
        "limit_bytes_per_second": run.world.limiter.bytes_per_second,
        "seconds_at_limit": run.world.limiter.seconds_for(size_bytes - kept_bytes),
        "rows_to_update": agenda.photos - photos,
        "removals": named(proposal.decision.apply),
        "removals_to_hold": named(proposal.decision.hold),
    }
