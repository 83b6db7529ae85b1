"""Writes the status as one JSON object. Its fields are a contract: new ones may be added, and none changes its meaning."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from etalase.edge.integrity import Damage
from etalase.edge.status.snapshot import Facts, OrderFact, RunFacts
from etalase.edge.status.verdict import Verdict, is_of_the_future, is_stale
from etalase.edge.sync.result import RunFault

# Faults that end by themselves: head office does not respond now.
FAULTS_AWAY = frozenset({RunFault.HEAD_OFFICE_AWAY, RunFault.HEAD_OFFICE_BUSY})


def as_json(facts: Facts | None, verdict: Verdict, *, error: str = "") -> dict[str, Any]:
    """Returns the object of ``--json``; ``error`` is the reason for missing facts."""
    head = {
        "state": verdict.state.value,
        "well": not verdict.holds,
        "level": verdict.level.value,
        "problems": [state.value for state in verdict.holds],
    }
    return head | ({"error": error} if facts is None else _facts(facts))


def _facts(facts: Facts) -> dict[str, Any]:
    good, bucket = facts.last_good_run_at, facts.bucket
    return {
        "stale": is_stale(facts),
        "clock_went_back": is_of_the_future(facts),
        "last_good_run_at": _time(good),
        "age_seconds": round((facts.now - good).total_seconds()) if good else None,
        "photos": facts.photos,
        "verified": bucket.verified if bucket.error is None else None,
        "replacing": bucket.replacing,
        "damaged": {kind.value: bucket.damaged.get(kind, 0) for kind in Damage},
        "damaged_photos": [
            {
                "photo_id": str(photo.photo_id),
                "product_name": facts.damaged_names.get(photo.photo_id, ""),
                "object_key": photo.object_key,
                "kind": photo.kind.value,
            }
            for photo in bucket.photos
        ],
        "lost": [str(photo_id) for photo_id in facts.lost],
        "vanished": facts.vanished,
        "not_adopted": facts.not_adopted,
        "own": {
            "photos": facts.own.photos,
            "open": facts.own.open,
            "damaged": facts.own.damaged,
            "objects": facts.own.objects,
            "open_objects": facts.own.open_objects,
        },
        "renditions": {
            "listed": facts.small.listed,
            "here": facts.small.listed - facts.small.waiting,
            "waiting": facts.small.waiting,
            "failed": facts.small.failed,
            "unmade": facts.small.unmade,
            "unmade_photos": [
                {"photo_id": str(photo.photo_id), "product_name": photo.product_name, "reason": photo.reason}
                for photo in facts.small.unmade_photos
            ],
            "damaged": facts.small.damaged,
            "damaged_pictures": [
                {
                    "photo_id": str(one.photo_id),
                    "product_name": one.product_name,
                    "object_key": one.object_key,
                    "kind": one.kind.value,
                }
                for one in facts.small.damaged_pictures
            ],
        },
        "bucket": {
            "away": bucket.error is not None,
            "trouble": bucket.trouble.value if bucket.error is not None else None,
            "error": bucket.error,
            "compared_at": bucket.at.isoformat(),
        },
        "products": facts.products,
        "products_without_photo": list(facts.without_row),
        "products_without_verified_photo": [
            {"product_name": entry.product_name, "why": entry.why.value, "reason": entry.reason} for entry in facts.uncovered
        ],
        "failed": facts.failed,
        "parked": facts.parked,
        "reasons": dict(facts.reasons),
        "held": facts.held,
        "held_replaced": facts.held_replaced,
        "held_blocked": [{"product_name": name, "blocked_by": rule} for name, rule in facts.held_blocked],
        "last_run": _run(facts.last_run) if facts.last_run else None,
        "running": facts.is_running,
        "cut_off": facts.was_cut_off,
        "last_run_incomplete": facts.last_run_failed,
        "head_office_away": facts.last_ended is not None and facts.last_ended.fault in FAULTS_AWAY,
        "first_load": _first_load(facts),
        "listed": facts.known.listed if facts.known else None,
        "here": facts.known.here if facts.known else facts.photos,
        "eta_seconds": facts.known.eta_seconds if facts.known else None,
        "notices": [dict(notice) for notice in facts.notices],
        "list_read_at": _time(facts.list_read_at),
        "last_order": _order(facts.last_order) if facts.last_order else None,
        "worker_seen_at": _time(facts.worker.at if facts.worker else None),
        "beat_seen_at": _time(facts.beat.at if facts.beat else None),
        "next_run_at": _time(facts.next_hourly_at),
        "next_full_run_at": _time(facts.next_full_at),
        "checkpoint": facts.checkpoint,
        "feed_proved_complete": facts.feed_proved_complete,
    }


def _run(run: RunFacts) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "kind": run.kind,
        "trigger": run.trigger,
        "outcome": run.outcome,
        "started_at": run.started_at.isoformat(),
        "finished_at": _time(run.finished_at),
        "duration_seconds": run.duration_seconds,
        "error": run.error,
        "fault": run.fault or None,
        "counts": dict(run.counts),
        "reasons": dict(run.reasons),
        "bytes_fetched": run.bytes_fetched,
        "to_carry": run.to_carry,
    }


def _order(order: OrderFact) -> dict[str, Any]:
    outcome = order.outcome or None
    return {"kind": order.kind, "by": order.by, "why": order.why, "received_at": order.at.isoformat(), "outcome": outcome}


def _first_load(facts: Facts) -> Mapping[str, int | None] | None:
    """Returns the progress of the first load; None after it."""
    if facts.last_good_run_at is not None:
        return None
    return {"here": facts.photos, "of": facts.known.listed if facts.known else None}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
