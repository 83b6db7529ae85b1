"""Puts stores, photos and coverage into the fields of the API. The words are English there."""

from typing import Any
from zoneinfo import ZoneInfo

from etalase.head_office.fleet.announcements import sentence, side_of_incident
from etalase.head_office.fleet.coverage import MenuCoverage
from etalase.head_office.fleet.detail import StoreDetail
from etalase.head_office.fleet.incident_rows import IncidentRow
from etalase.head_office.fleet.photo_stores import PhotoStores
from etalase.head_office.fleet.rows import StoreRow
from etalase.head_office.fleet.states import Because
from etalase.head_office.messages import text


def store_fields(row: StoreRow) -> dict[str, Any]:
    """Returns a store as lists have it."""
    store, known = row.store, row.store.known
    return {
        "id": store.id,
        "code": store.code,
        "name": store.name,
        "region": store.region,
        "state": store.state.value,
        "tone": store.verdict.tone.value,
        "since": row.since,
        "reasons": [_reason(because) for because in store.verdict.because],
        "fault_sides": row.fault_sides,
        "behind": row.behind,
        "photos": row.photos,
        "agent": store.agent,
        "asked_at": known.asked_at,
        "last_report_at": known.received_at,
        "next_report_by": known.due_at,
        "verified_at": row.verified_at,
        "possession_proved_at": known.possession_proved_at,
    }


def _reason(because: Because) -> dict[str, Any]:
    sentence = text(f"fleet_cause_{because.cause}", language="en", photos=because.photos)
    return {"code": because.cause.value, "side": because.side and because.side.value, "text": sentence}


def detail_fields(detail: StoreDetail) -> dict[str, Any]:
    """Returns a store with its history and faults, and what its last report said of run, storage and traffic."""
    report = detail.report
    body = report.body if report else {}
    return {
        **store_fields(detail.row),
        "checkpoint": report and report.checkpoint,
        "clock_skew_seconds": report and report.skew_seconds,
        "run": body.get("run"),
        "menu": body.get("menu"),
        "storage": body.get("storage"),
        "traffic": body.get("traffic"),
        "faults_cut": report.faults_cut if report else 0,
        "faults": [
            {
                "photo_id": fault.photo_id,
                "product_id": fault.product_id,
                "product_sku": fault.product_sku,
                "product_name": fault.product_name,
                "reason": fault.reason,
                "side": fault.side,
                "attempts": fault.attempts,
                "since": fault.since,
            }
            for fault in detail.faults
        ],
        "history": [
            {
                "hour": hour.hour,
                "state": hour.state,
                "listed": hour.listed,
                "verified": hour.verified,
                "damaged": hour.damaged,
                "owed": hour.owed,
                "held": hour.held,
            }
            for hour in detail.hours
        ],
    }


def photo_fields(found: PhotoStores) -> dict[str, Any]:
    """Returns where a photo is shown."""
    return {
        "id": found.photo.id,
        "product_id": found.photo.product_id,
        "product_sku": found.photo.product.sku,
        "product_name": found.photo.product.name,
        "selling": found.selling,
        "showing": found.showing,
        "unknown": len(found.unknown),
        "missing": [
            {"store_id": lack.store.id, "code": lack.store.code, "reason": lack.reason, "side": lack.side, "since": lack.since}
            for lack in found.missing
        ],
        "unknown_stores": [{"store_id": store.id, "code": store.code, "state": store.state.value} for store in found.unknown],
    }


def incident_fields(row: IncidentRow) -> dict[str, Any]:
    """Returns an incident, with all its stores."""
    side = side_of_incident(row)
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "side": side and side.value,
        "text": sentence(row, ZoneInfo("UTC"), language="en"),
        "company_name": row.company,
        "opened_at": row.opened_at,
        "changed_at": row.changed_at,
        "closed_at": row.closed_at,
        "stores": len(row.stores),
        "most_stores": row.most_stores,
        "store_ids": row.stores,
    }


def coverage_fields(coverage: MenuCoverage) -> dict[str, Any]:
    """Returns the coverage."""
    return {
        "sold": coverage.sold,
        "covered": coverage.covered,
        "stores": coverage.stores,
        "left_out": {state.value: count for state, count in coverage.left_out.items()},
        "worklist": [
            {
                "product_id": dish.product_id,
                "product_sku": dish.sku,
                "product_name": dish.name,
                "has_photo": dish.has_photo,
                "missing": dish.missing,
            }
            for dish in coverage.worklist
        ],
    }
