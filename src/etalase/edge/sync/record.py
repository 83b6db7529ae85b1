"""Keeps the row that a run leaves in ``etalase_sync_run``: how far it is, and how it ended."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.pull import Feed
from etalase.edge.sync.planner import Planned, Tally
from etalase.edge.sync.publish.pipeline import EndsEarly
from etalase.edge.sync.result import RENDITION_COUNTS, Trigger
from etalase.edge.sync.selection import PROPOSED
from etalase.errors import DatabaseAway, EtalaseError, LockLost
from etalase.protocol import printable
from etalase.redaction import redacted
from etalase.settings.logging import log_fields

logger = logging.getLogger("etalase.edge")

# How many photos of the retry list a report names; `etalase edge failures` names all.
MAX_REPORTED_FAILURES = 1000


@contextmanager
def errors_reported(run: Run) -> Iterator[None]:
    """Writes the error that ends the run into its result."""
    result, services = run.result, run.services
    try:
        yield
    except (EndsEarly, EtalaseError) as error:
        if services.time_is_up:  # also where it stopped a request, which then failed
            result.yielded = True
            result.note("out_of_time", seconds=services.settings.MAX_RUN_SECONDS)
        elif isinstance(error, EtalaseError):
            result.error = error
        else:
            result.yielded = True
            logger.info("%s", error)
    except Exception as error:
        logger.exception("unexpected error in the sync run")
        result.error = EtalaseError(
            f"Unexpected error in the sync run: {type(error).__name__}: {redacted(str(error))[:500]}",
            hint="This is a defect of Etalase: please report it with the log lines above.",
        )
    except BaseException as error:
        result.error = EtalaseError(f"The run was stopped ({type(error).__name__}).", hint="The next one continues from here.")
        raise


@contextmanager
def recorded(run: Run, trigger: Trigger) -> Iterator[None]:
    """Begins the run's row, and completes it when the run ends, also where it failed."""
    result, services = run.result, run.services
    began = services.clock.monotonic()
    run.id = result.run_id = storage.runs.begin(result.kind, trigger)
    try:
        with log_fields(run_id=run.id):
            yield
    finally:
        with suppress(DatabaseAway, LockLost):
            run.failures.record()
        with suppress(OSError):
            services.spool.sweep(max_bytes=services.settings.SPOOL_MAX_BYTES, now=services.clock.now())
        result.bytes_fetched = services.images.bytes_received
        _report_open_work(run)
        result.duration_seconds = services.clock.monotonic() - began
        with suppress(DatabaseAway):
            storage.runs.end(
                run.id,
                kind=result.kind,
                outcome=result.outcome.value,
                error=str(result.error or ""),
                fault=result.fault or "",
                counts=result.counts | {kept: getattr(result.renditions, name) for name, kept in RENDITION_COUNTS.items()},
                reasons=dict(result.reasons),
                bytes_fetched=result.bytes_fetched,
                checkpoint=result.checkpoint,
                notices=result.notices,
                duration_seconds=round(result.duration_seconds, 3),
                finished_at=run.now + timedelta(seconds=result.duration_seconds),
            )


def record_new_photos(run: Run, feed: Feed) -> None:
    """Records that photos are missing, as soon as head office has named them (hazard 64).

    From here on products show without their photos, and the status has to know.
    """
    tally = Tally()
    for part in feed.photos.in_slices():
        new = len(part) - storage.photos.count_among(photo.id for photo in part)
        tally += Tally(known=len(part), new=new, missing=new)
    if tally.missing:
        _record_list(run, feed, tally)


def record_work(run: Run, feed: Feed, planned: Planned) -> None:
    """Records how much of head office's list is missing here, and how much the run will publish."""
    photos, bytes_to_fetch = planned.agenda.photos, planned.agenda.bytes_to_fetch
    run.progress.planned(photos, bytes_to_fetch)
    if photos or planned.tally.known:
        _record_list(run, feed, planned.tally)
    if photos:
        storage.runs.record_work(run.id, photos, kind=run.result.kind, bytes_to_fetch=bytes_to_fetch)


def note_plan(run: Run, planned: Planned) -> None:
    """Reports what a plan found: unchanged photos, and oddities of head office's data."""
    run.result.unchanged += planned.unchanged
    for product_id in planned.several_primaries:
        logger.warning("HO's own data: product %s has several primary photos; the newest is shown", product_id)
        name = run.services.products.labels([product_id])[product_id].name
        run.result.note("several_primaries", product_id=str(product_id), product_name=printable(name or str(product_id)))
    if planned.older and run.checkpoint.sync_timestamp:  # before a first run, the times in rows are another program's
        run.result.note("ho_older", photos=planned.older)


def _record_list(run: Run, feed: Feed, tally: Tally) -> None:
    """Records the length of head office's list, as far as it is known by now, and how much of it is missing here."""
    listed, missing = tally.known, tally.missing
    if not feed.is_full:  # the photos that it does not name are here, without those on the retry list and the leaving ones
        leaving = feed.deleted_ids | {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
        leaving |= storage.own_photos.exempt()
        pending = _pending_besides(feed)
        missing += len(pending)
        listed = storage.photos.count() - storage.photos.count_among(leaving) + tally.new
        listed += len(pending) - storage.photos.count_among(pending)
    elif feed.error is not None:
        unseen = max(0, (feed.totals[-1] or 0) - listed)
        listed, missing = listed + unseen, missing + unseen
    storage.runs.record_list(run.id, listed=listed, missing=missing)


def _pending_besides(feed: Feed) -> set[UUID]:
    """Returns the photos on the retry list that are not due yet, without parked ones."""
    pending: set[UUID] = set()
    for some in storage.retry_list.ids(parked=False):
        pending.update(set(some) - feed.photos.known_among(some) - feed.deleted_ids)
    return pending


def _report_open_work(run: Run) -> None:
    """Reports held removals, the retry list and known damage, of this run and of earlier ones."""
    with suppress(DatabaseAway):
        run.result.held = storage.removals.count_held()
        counts = storage.rendition_counts.counts()
        run.result.renditions.listed, run.result.renditions.waiting = counts.listed, counts.waiting
        run.result.renditions.damaged = counts.lost
        run.result.owed, run.result.failures = storage.retry_list.count_and_describe(MAX_REPORTED_FAILURES)
        # No run can repair the store's own photos: the status counts them apart.
        run.result.damaged = len(storage.damage_marks.kinds().keys() - storage.own_photos.exempt())
