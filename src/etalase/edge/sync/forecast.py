"""Runs the reading steps of a sync for a dry run, and reports what a sync would do."""

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.anomalies import find_anomalies, note_anomalies
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.selection import add_pending, choose_scope, pull_feed
from etalase.edge.sync.plan.model import Kind, Step
from etalase.edge.sync.plan.planner import Planner, Slice
from etalase.edge.sync.plan.removal_bound import Candidate
from etalase.edge.sync.record import note_plan
from etalase.edge.sync.removals import propose


def forecast(run: Run) -> None:
    """Reports how much a sync would fetch, copy, update and remove. Changes nothing."""
    anomalies = find_anomalies(run)
    note_anomalies(run, anomalies)
    feed = pull_feed(run, choose_scope(run.requested_scope, anomalies))
    run.result.note_oddities(feed.oddities)
    add_pending(run, feed)
    awaiting: set[UUID] = set()
    steps: Counter[str] = Counter()

    def count_failures(part: Slice) -> None:
        run.result.count_failures(error.reason for _, error in part.plan.unpublishable)
        steps.update(_count(step) for product in part.plan.products for step in product.steps)
        steps["deleted"] += sum(len(product.displaced) for product in part.plan.products)
        awaiting.update(photo.product_id for photo, _ in part.plan.unpublishable)

    planned = Planner(run.services, feed, audit=run.audit, adds_products=True).plan(count_failures)
    note_plan(run, planned)
    agenda, limiter = planned.agenda, run.services.limiter
    kept_bytes = sum(map(run.services.spool.kept_of, agenda.to_fetch()))
    proposal = propose(feed, awaiting=awaiting, now=run.now)
    labels = run.services.products.labels({row.product_id for row in proposal.gone.values()})

    def named(candidates: Collection[Candidate]) -> list[dict[str, str]]:
        return [
            {"photo_id": str(c.photo_id), "product_name": labels[c.product_id].name}
            for c in sorted(candidates, key=lambda c: (labels[c.product_id].name, c.photo_id))
        ]

    result = run.result
    counts = {
        "fetched": steps["fetched"] + steps["healed"],
        "updated": steps["updated"],
        "unchanged": result.unchanged,
        "parked": result.parked,
        "failed": result.failed,
        "deleted": steps["deleted"] + len(proposal.decision.apply),
        "held": len(proposal.decision.hold) + len(storage.removals.in_states([Removal.State.HELD])),
        "healed": steps["healed"],
        "bytes_fetched": agenda.bytes_to_fetch - kept_bytes,
    }
    seen = sum(counts[name] for name in ("fetched", "updated", "unchanged", "parked", "failed"))
    result.forecast = {
        "photos_to_fetch": agenda.photos_to_fetch,
        "bytes_to_fetch": agenda.bytes_to_fetch,
        "bytes_in_spool": kept_bytes,
        "limit_bytes_per_second": limiter.bytes_per_second,
        "seconds_at_limit": limiter.seconds_for(agenda.bytes_to_fetch - kept_bytes),
        "photos_to_copy": agenda.photos_to_copy,
        "rows_to_update": agenda.photos - agenda.photos_to_fetch - agenda.photos_to_copy,
        "removals": named(proposal.decision.apply),
        "removals_to_hold": named(proposal.decision.hold),
        # What the run would report of itself, by the same names, where each photo arrives that it fetches.
        "counts": {"seen": seen, **counts},
    }


def _count(step: Step) -> str:
    """Returns the count of a run's result that the step adds to; a healed photo counts as fetched, too."""
    if step.kind is Kind.ROW:
        return "updated"
    return "healed" if step.heals else "fetched"
