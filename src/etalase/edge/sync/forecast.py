"""Runs the reading steps of a sync for a dry run, and reports what a sync would do."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.anomalies import find_anomalies, note_anomalies
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.pull import Feed
from etalase.edge.sync.plan.model import Kind, ProductPlan, Step
from etalase.edge.sync.plan.removal_bound import Candidate
from etalase.edge.sync.planner import Planner, Slice
from etalase.edge.sync.record import note_plan
from etalase.edge.sync.removals import Proposal, propose, replaceable
from etalase.edge.sync.renditions import foresee
from etalase.edge.sync.scratch import Agenda
from etalase.edge.sync.selection import add_pending, choose_scope, pull_feed
from etalase.edge.sync.trial import MAX_TRIED, try_plans, try_removals
from etalase.errors import DatabaseRefused, Reason
from etalase.protocol import Photo


def forecast(run: Run, feed: Feed | None = None) -> None:
    """Reports how much a sync would fetch, copy, update and remove, also by the customer's rules. Changes nothing.

    ``feed`` is head office's full list, where the caller has pulled it already.
    """
    anomalies = find_anomalies(run)
    note_anomalies(run, anomalies)
    feed = feed or pull_feed(run, choose_scope(run.requested_scope, anomalies))
    run.result.note_oddities(feed.oddities)
    add_pending(run, feed)
    awaiting: set[UUID] = set()

    def count_failures(part: Slice) -> None:
        run.result.count_failures(error.reason for _, error in part.plan.unpublishable)
        awaiting.update(photo.product_id for photo, _ in part.plan.unpublishable)

    planned = _planner(run, feed).plan(count_failures)
    note_plan(run, planned)
    work = _try_work(run, planned.agenda, awaiting)
    proposal = propose(feed, awaiting=awaiting, now=run.now, arriving=work.arriving, replaced=work.replaced)
    blocked = _try_removals(run, work, planned.agenda, proposal)
    work.counts["renditions_to_fetch"], work.counts["rendition_bytes"] = foresee(feed)
    run.result.forecast = _describe(run, work, proposal, blocked)


def _planner(run: Run, feed: Feed) -> Planner:
    return Planner(run.services, feed, audit=run.audit, adds_products=True, leaving=lambda: replaceable(feed))


@dataclass(slots=True)
class _Work:
    """The work that PostgreSQL accepts: counts of steps, published photos by product, and rows that these replace.

    ``refused`` are the photos whose rows it refuses. ``not_tried`` is the reason for which some work could not be tried.
    """

    counts: Counter[str] = field(default_factory=Counter)
    arriving: dict[UUID, set[UUID]] = field(default_factory=dict)
    replaced: set[UUID] = field(default_factory=set)
    refused: set[UUID] = field(default_factory=set)
    not_tried: str = ""

    def add(self, plan: ProductPlan, kept_of: Callable[[Photo], int]) -> None:
        """Adds an accepted plan."""
        self.counts.update(_counts(plan, kept_of))
        for step in plan.steps:
            if not step.is_interim:
                self.arriving.setdefault(step.photo.product_id, set()).add(step.photo.id)
        self.replaced.update(photo_id for photo_id, _ in plan.displaced)


def _try_work(run: Run, agenda: Agenda, awaiting: set[UUID]) -> _Work:
    """Tries the agenda, and adds the products of refused photos to ``awaiting``, as a run does."""
    work = _Work()
    kept_of = run.services.spool.kept_of
    batches = 0
    try:
        for written in try_plans(run.services, agenda.plans()):
            batches += 1
            work.replaced |= written.replaced
            run.result.unchanged += sum(not step.is_interim for plan in written.overruled for step in plan.steps)
            for plan in written.accepted:
                work.add(plan, kept_of)
            reasons = {plan: run.services.rules.photo_error(refusal, ()).reason for plan, refusal in written.refused.items()}
            for plan, reason in (reasons | dict.fromkeys(written.parked, Reason.PRODUCT_MISSING)).items():
                photos = [step.photo for step in plan.steps if not step.is_interim]
                run.result.count_failures([reason] * len(photos))
                awaiting.update(photo.product_id for photo in photos)
                work.refused.update(step.photo.id for step in plan.steps)
    except DatabaseRefused as error:
        work.not_tried = error.message
        for plan in islice(agenda.plans(), batches * MAX_TRIED, None):
            work.add(plan, kept_of)
    return work


def _try_removals(run: Run, work: _Work, agenda: Agenda, proposal: Proposal) -> set[UUID]:
    """Returns the photos whose removal a rule of the customer's will block, so that a run will hold them."""
    removals = [candidate.photo_id for candidate in proposal.decision.apply]
    products = {candidate.product_id for candidate in proposal.decision.apply}
    if not removals or work.not_tried:
        return set()
    plans = [
        plan
        for plan in agenda.plans()
        if plan.product_id in products and not any(step.photo.id in work.refused for step in plan.steps)
    ]
    try:
        return set(try_removals(run.services, removals, plans))
    except DatabaseRefused as error:
        work.not_tried = error.message
        return set()


def _describe(run: Run, work: _Work, proposal: Proposal, blocked: set[UUID]) -> dict[str, Any]:
    labels = run.services.products.labels({row.product_id for row in proposal.gone.values()})

    def named(candidates: Collection[Candidate]) -> list[dict[str, str]]:
        return [
            {"photo_id": str(c.photo_id), "product_name": labels[c.product_id].name}
            for c in sorted(candidates, key=lambda c: (labels[c.product_id].name, c.photo_id))
        ]

    result, counts, decision = run.result, work.counts, proposal.decision
    apply = [candidate for candidate in decision.apply if candidate.photo_id not in blocked]
    hold = decision.hold + [candidate for candidate in decision.apply if candidate.photo_id in blocked]
    decided = {candidate.photo_id for candidate in apply + hold + decision.wait}
    held_before = [one for one in storage.removals.in_states([Removal.State.HELD]) if one.photo_id not in decided]
    limiter = run.services.limiter
    foretold = {
        "fetched": counts["fetched"] + counts["healed"],
        "updated": counts["updated"],
        "unchanged": result.unchanged,
        "parked": result.parked,
        "failed": result.failed,
        "deleted": len(work.replaced) + len(apply),
        "held": len(hold) + len(held_before),
        "healed": counts["healed"],
        "bytes_fetched": counts["bytes_to_fetch"] - counts["bytes_in_spool"] + counts["rendition_bytes"],
    }
    seen = sum(foretold[name] for name in ("fetched", "updated", "unchanged", "parked", "failed"))
    return {
        "photos_to_fetch": counts["photos_to_fetch"],
        "bytes_to_fetch": counts["bytes_to_fetch"],
        "bytes_in_spool": counts["bytes_in_spool"],
        "renditions_to_fetch": counts["renditions_to_fetch"],
        "rendition_bytes_to_fetch": counts["rendition_bytes"],
        "limit_bytes_per_second": limiter.bytes_per_second,
        "seconds_at_limit": limiter.seconds_for(foretold["bytes_fetched"]),
        "photos_to_copy": counts["photos_to_copy"],
        "rows_to_update": counts["updated"],
        "removals": named(apply),
        "removals_to_hold": named(hold),
        "not_tried": work.not_tried or None,
        # What the run would report of itself, by the same names, where each photo arrives that it fetches.
        "counts": {"seen": seen, **foretold},
    }


def _counts(plan: ProductPlan, kept_of: Callable[[Photo], int]) -> Counter[str]:
    """Returns what the plan adds to the counts of a run and of its forecast."""
    counts: Counter[str] = Counter(bytes_to_fetch=plan.bytes_to_fetch)
    for step in plan.steps:
        if step.is_interim:
            continue
        counts[_count(step)] += 1
        if step.kind is Kind.FETCH:
            counts["photos_to_fetch"] += 1
            counts["bytes_in_spool"] += kept_of(step.photo)
        elif step.kind is Kind.COPY:
            counts["photos_to_copy"] += 1
    return counts


def _count(step: Step) -> str:
    """Returns the count of a run's result that the step adds to; a healed photo counts as fetched, too."""
    if step.kind is Kind.ROW:
        return "updated"
    return "healed" if step.heals else "fetched"
