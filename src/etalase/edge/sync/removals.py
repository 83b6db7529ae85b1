"""Finds photos that head office no longer lists, and removes, holds or postpones them (:mod:`.plan.removal_bound`)."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.feed.pull import Feed
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.plan.removal_bound import Candidate, Cause, Decision, decide
from etalase.edge.sync.product_result import Replaced
from etalase.edge.sync.services import Services
from etalase.edge.sync.storage.products import ProductLabel
from etalase.errors import DatabaseBusy, RowWaits

logger = logging.getLogger("etalase.edge")

DAY = timedelta(hours=24)


@dataclass(slots=True)
class Proposal:
    """The decision on photos that head office no longer lists, and their rows by id."""

    decision: Decision = field(default_factory=Decision)
    gone: dict[UUID, Row] = field(default_factory=dict)


def sweep(services: Services, feed: Feed, *, awaiting: Collection[UUID], now: datetime, run_id: int) -> int:
    """Removes photos within the bound, and records the others. Returns the number of removed photos.

    ``awaiting`` are products of which a living photo has not arrived in this run.
    """
    storage.removals.delete_without_row()
    storage.own_photos.end_undecided(feed.deleted_ids)
    proposal = propose(feed, awaiting=awaiting, now=now)
    return _apply(services, proposal, now=now, run_id=run_id) if proposal.gone else 0


def drop_unlisted_retries(feed: Feed) -> None:
    """Deletes from the retry list what head office no longer lists, so that no removal and no move waits for it."""
    storage.retry_list.resolve(feed.deleted_ids)
    if feed.proved_complete:
        for some in storage.retry_list.ids():
            storage.retry_list.resolve([photo_id for photo_id in some if photo_id not in feed.photos])


def propose(
    feed: Feed,
    *,
    awaiting: Collection[UUID],
    now: datetime,
    arriving: Mapping[UUID, Collection[UUID]] = MappingProxyType({}),
    replaced: Collection[UUID] = (),
) -> Proposal:
    """Returns what :func:`sweep` would do.

    For a forecast: ``arriving`` has the photos by product that the run will publish before, and ``replaced`` those that it will
    replace by them.
    """
    causes, decided = _open_causes(feed)
    gone = {row.id: row for row in storage.photos.with_ids(causes.keys() - set(replaced))} if causes else {}
    if not gone:
        return Proposal()
    candidates = [Candidate(row.id, row.product_id, causes[row.id]) for row in gone.values() if row.id not in decided]
    photos_of = storage.photos.undamaged_of({row.product_id for row in gone.values()})
    decision = decide(
        candidates,
        {product: set(photos).union(arriving.get(product, ())) for product, photos in photos_of.items()},
        awaiting=set(awaiting) | storage.retry_list.product_ids(),
        products_with_a_photo=storage.photos.products_with_a_photo(),
        bared_lately=storage.removals.products_bared_since(now - DAY),
    )
    return Proposal(decision, gone)


def replaceable(feed: Feed) -> dict[UUID, str]:
    """Returns the causes of the removals that a run applies where the product keeps another photo."""
    causes, decided = _open_causes(feed)
    return {photo_id: cause for photo_id, cause in causes.items() if photo_id not in decided and not cause.is_suspect}


def removal(
    row: Row, candidate: Candidate, state: Removal.State, label: ProductLabel, *, is_bare: bool, now: datetime, run_id: int
) -> Removal:
    """Returns the record of a removal."""
    return Removal(
        photo_id=row.id,
        product_id=row.product_id,
        product_name=label.name,
        cause=candidate.cause,
        state=state,
        left_bare=is_bare,
        # The product may be removed after its photos, and :func:`.removal_decisions.undo` needs both.
        row={**storage.removed_rows.to_json(row), "product_sku": label.sku},
        run_id=run_id,
        noticed_at=now,
        decided_at=now if state == Removal.State.APPLIED else None,
    )


def record_replaced(services: Services, replaced: Sequence[Replaced], *, now: datetime, run_id: int) -> None:
    """Records the removal of rows whose place another photo of their product has taken."""
    labels = services.products.labels({one.row.product_id for one in replaced})
    renditions = storage.renditions.take_of_photos([one.row.id for one in replaced], at=now)
    records = []
    for row, cause, whole in replaced:
        candidate = Candidate(row.id, row.product_id, Cause(cause))
        label = labels[row.product_id]
        record = removal(row, candidate, Removal.State.APPLIED, label, is_bare=False, now=now, run_id=run_id)
        saved = {storage.removed_rows.WHOLE: whole, storage.removed_rows.RENDITIONS: renditions.get(row.id, [])}
        record.row = {**(record.row or {}), **saved}
        records.append(record)
    storage.removals.record(records)


def unlisted(feed: Feed) -> Iterator[list[Row]]:
    """Yields the rows whose photos a full list does not contain, in batches."""
    for part in storage.photos.in_batches():
        if gone := [row for row in part if row.id not in feed.photos]:
            yield gone


def _open_causes(feed: Feed) -> tuple[dict[UUID, Cause], set[UUID]]:
    """Returns the cause of each possible removal, and the photos among them on which a person decides or has decided."""
    known = {removal.photo_id: removal for removal in storage.removals.in_states(["held", "waiting", "refused"])}
    undone = {
        photo_id: removal
        for photo_id, removal in known.items()
        if removal.state == Removal.State.WAITING or storage.removed_rows.blocked_by(removal)
    }
    return _causes(feed, list(undone.values())), known.keys() - undone.keys()


def _causes(feed: Feed, waiting: list[Removal]) -> dict[UUID, Cause]:
    """Returns the cause of each possible removal. A list that is not proved complete sweeps nothing (hazard 1).

    The store's own photos are not on any list, and stay.
    """
    own = storage.own_photos.exempt(but_undecided=feed.deleted_ids)
    causes = {removal.photo_id: Cause(removal.cause) for removal in waiting}
    deleted = Cause.UNPROVED_FEED if feed.is_full and not feed.proved_complete else Cause.DELETED_ID
    deleted = Cause.UNNAMED_FEED if feed.is_unnamed else deleted
    causes.update(dict.fromkeys(feed.deleted_ids - own, deleted))
    if feed.proved_complete:
        swept = Cause.EMPTY_FEED if not len(feed.photos) else Cause.UNNAMED_FEED if feed.is_unnamed else Cause.SWEEP
        causes.update({id_: swept for id_ in storage.photos.ids() if not (id_ in causes or id_ in own or id_ in feed.photos)})
    return causes


def _apply(services: Services, proposal: Proposal, *, now: datetime, run_id: int) -> int:
    """Deletes and records. Returns the number of deleted rows; one that a rule of the customer's keeps is held."""
    decision, gone = proposal.decision, proposal.gone
    labels = services.products.labels({row.product_id for row in gone.values()})

    def record(candidate: Candidate, state: Removal.State) -> Removal:
        row = gone[candidate.photo_id]
        is_bare = row.product_id in decision.bare
        return removal(row, candidate, state, labels[row.product_id], is_bare=is_bare, now=now, run_id=run_id)

    def apply(candidates: Sequence[Candidate], kept: Sequence[Removal] = (), waits: str = "") -> int:
        """Deletes the rows of candidates, or records the reason for which they wait. Returns the number of deleted rows."""
        with translated(), transaction.atomic():
            services.lock.still_held()
            storage.savepoints.bound_waits()
            applied = [record(c, Removal.State.APPLIED) for c in candidates]
            blocked: list[Removal] = []
            if applied:
                ids = [removal.photo_id for removal in applied]
                if waits:
                    deleted = storage.removed_rows.Deleted(blocked=dict.fromkeys(ids, waits))
                else:
                    deleted = storage.removed_rows.delete(ids, rules=services.rules, at=services.clock.utc())
                blocked = storage.removed_rows.settle(applied, deleted)
            storage.removals.record([*applied, *kept])
        return len(applied) - len(blocked)

    kept = [record(c, Removal.State.HELD) for c in decision.hold] + [record(c, Removal.State.WAITING) for c in decision.wait]
    try:
        return apply(decision.apply, kept)
    except DatabaseBusy as busy:
        logger.warning("%s Each photo is removed alone.", busy)
    count = apply([], kept)
    for candidate in decision.apply:
        try:
            count += services.patience.alone(partial(apply, [candidate]))
        except RowWaits as waiting:
            apply([candidate], waits=services.rules.described(waiting))
    return count
