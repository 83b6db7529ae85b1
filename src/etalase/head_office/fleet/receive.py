"""Takes the report of a store: tells what it is, compares its digest, judges the store, and keeps all that in one row.

The row is read and written without a lock between: of two reports at the same time, the second is judged anew.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import IntegrityError

from etalase.checksum import md5_hex
from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet import challenges, faults, orders
from etalase.head_office.fleet.comparison import DigestProof, compare
from etalase.head_office.fleet.instances import Instance, Receipt, Received, is_cloned, receive, second_seen_at
from etalase.head_office.fleet.listing import FoundListing, KeptListing, listing_of
from etalase.head_office.fleet.orders import OpenOrder
from etalase.head_office.fleet.report_sql import KEPT_OF_REPORT, PHOTO_COUNTS, READ, WRITE
from etalase.head_office.fleet.reports import checkpoint_of, timing
from etalase.head_office.fleet.states import KnownStore, judge
from etalase.head_office.horizon import Horizon, read_horizon
from etalase.possession import Challenge
from etalase.report import Report, ReportResponse, faults_hash

logger = logging.getLogger("etalase.head_office")

TRIES: Final = 3
CONTENT_DIGITS: Final = 16
NO_FAULTS: Final = faults_hash([])
# In the form of the wire, and earlier than anything else.
FAR_PAST: Final = "1970-01-01T00:00:00.000000+00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReport:
    """What is kept of the store's last report; ``revision`` 0 without one."""

    revision: int
    instances: tuple[Instance, ...]
    due_at: datetime | None
    behind_due_at: datetime | None
    checkpoint: datetime | None
    comparison: str | None
    state: str | None
    state_since: datetime | None
    possession_proved_at: datetime | None
    challenge_failed_at: datetime | None
    faults_hash: str
    challenges: Sequence[Challenge]
    # When the store last gave an answer that is not checked yet.
    unchecked_at: datetime | None
    orders: Sequence[OpenOrder]


def take_report(store_id: UUID, report: Report) -> ReportResponse:
    """Keeps the report of the store, whose account the caller has checked, and returns the answer to it."""
    for _ in range(TRIES):
        horizon = read_horizon()
        kept, listed_before = _kept(store_id)
        now = datetime.fromisoformat(horizon.clock)
        received = receive(
            kept.instances, instance=report.instance, sequence=report.sequence, content=_content(report), now=now
        )
        if received.receipt is Receipt.REPLAY or _is_written(store_id, report, kept, listed_before, received, horizon, now=now):
            break
    else:
        logger.warning("store %s: %d reports at the same time; one was left out", store_id, TRIES)
    if received.receipt is Receipt.DIVERGED:
        logger.warning(
            "store %s: instance %s used report number %d twice: a copy of the edge, or a restored one",
            store_id,
            report.instance,
            report.sequence,
        )
    open_now = kept.challenges
    ordered = [one.order for one in kept.orders]
    if received.receipt is not Receipt.REPLAY:
        open_now = _challenges(store_id, report, kept, now)
        ordered = orders.drawn(store_id, kept.orders, report.orders, now=now)
    return ReportResponse(
        challenges=[msgspec.Raw(msgspec.json.encode(one)) for one in open_now],
        orders=[msgspec.Raw(msgspec.json.encode(one)) for one in ordered],
        report_sequence=received.current.sequence,
        faults_wanted=report.faults is None and report.faults_hash != kept.faults_hash,
    )


def _challenges(store_id: UUID, report: Report, kept: KeptReport, now: datetime) -> Sequence[Challenge]:
    """Keeps the answers of the report, and returns the challenges that are open then, new ones if they are due."""
    if report.answer:
        challenges.keep_answers(store_id, report.answer, now=now)
    answered = {answer.nonce for answer in report.answer}
    still_open = [one for one in kept.challenges if one.nonce not in answered]
    if still_open or not challenges.is_due(
        proved_at=kept.possession_proved_at,
        failed_at=kept.challenge_failed_at,
        unchecked_at=now if answered else kept.unchecked_at,
        now=now,
    ):
        return still_open
    with suppress(IntegrityError):  # the store was deleted meanwhile
        return challenges.issue(store_id, now=now)
    return []


def _content(report: Report) -> str:
    return md5_hex(msgspec.json.encode(report))[:CONTENT_DIGITS]


def _kept(store_id: UUID) -> tuple[KeptReport, KeptListing]:
    with prepared_cursor() as cursor:
        cursor.execute(READ, {"store_id": store_id})
        row = cursor.fetchone()
    revision, instances, known_faults, open_challenges, unchecked_at, open_orders, *rest = row
    report, listing = rest[: len(KEPT_OF_REPORT)], rest[len(KEPT_OF_REPORT) :]
    kept = KeptReport(
        revision=revision or 0,
        instances=msgspec.json.decode(instances or "[]", type=tuple[Instance, ...]),
        faults_hash=known_faults or NO_FAULTS,
        challenges=challenges.open_challenges(open_challenges),
        unchecked_at=unchecked_at,
        orders=orders.open_orders(open_orders),
        **dict(zip(KEPT_OF_REPORT, report, strict=True)),
    )
    return kept, KeptListing(*listing)


def _is_written(
    store_id: UUID,
    report: Report,
    kept: KeptReport,
    listed_before: KeptListing,
    received: Received,
    horizon: Horizon,
    *,
    now: datetime,
) -> bool:
    """Judges and writes the report. Returns False where another one was written since ``kept`` was read."""
    # Where the start of open transactions is unknown, nothing is kept for later.
    as_of = datetime.fromisoformat(horizon.at(at_worst=FAR_PAST))
    checkpoint, times = checkpoint_of(report), timing(report, received_at=now)
    listed = listing_of(store_id, listed_before, checkpoint=checkpoint, horizon=as_of, read_at=now)
    comparison = compare(report.digest, checkpoint, listed.listing)
    known = KnownStore(
        received_at=now,
        due_at=times.due_at,
        behind_due_at=_behind_due_at(kept, comparison, checkpoint, times.due_at),
        comparison=comparison,
        is_cloned=is_cloned(received.current),
        second_at=second_seen_at(received.instances),
        damaged=report.photos.damaged,
        owed=report.photos.owed,
        parked=report.photos.parked,
        held=report.photos.held,
        missing=report.state.missing,
        possession_proved_at=kept.possession_proved_at,
        challenge_failed_at=kept.challenge_failed_at,
    )
    state = judge(known, now=now).state
    values = {
        **_columns_of(report, known, listed),
        "store_id": store_id,
        "revision_read": kept.revision,
        "skew_seconds": times.skew.total_seconds(),
        "checkpoint": checkpoint,
        "changed_as_of": as_of,
        "sold_as_of": as_of,
        "verified_at": times.verified_at,
        "state": state.value,
        "state_since": kept.state_since if state == kept.state else now,
        "faults_hash": kept.faults_hash if report.faults is None else report.faults_hash,
        "instances": msgspec.json.encode(received.instances).decode(),
        "hour": now.replace(minute=0, second=0, microsecond=0),
    }
    with suppress(IntegrityError), prepared_cursor() as cursor:  # the store was deleted meanwhile
        cursor.execute(WRITE, values)
        if cursor.fetchone() is None:
            return False
        if report.faults is not None and report.faults_hash != kept.faults_hash:
            faults.replace(store_id, report.faults)
    return True


def _columns_of(report: Report, known: KnownStore, listed: FoundListing) -> dict[str, Any]:
    """Returns the columns that are the report's own, or what is known of the store by it."""
    return {
        "received_at": known.received_at,
        "due_at": known.due_at,
        "behind_due_at": known.behind_due_at,
        "agent": report.agent,
        "comparison": known.comparison.value,
        "changed_at": listed.listing.changed_at,
        "assortment": listed.assortment,
        "sold_at": listed.sold_at,
        "word": report.state.word,
        "missing": report.state.missing,
        **{name: getattr(report.photos, name) for name in PHOTO_COUNTS},
        "is_cloned": known.is_cloned,
        "second_at": known.second_at,
        "faults_cut": report.faults_cut,
        "body": msgspec.json.encode(msgspec.structs.replace(report, faults=None)).decode(),
    }


def _behind_due_at(kept: KeptReport, comparison: DigestProof, checkpoint: datetime | None, due_at: datetime) -> datetime | None:
    """Returns by when the store should have fetched what it lacks: the first promise with this checkpoint."""
    if comparison is not DigestProof.BEHIND:
        return None
    if kept.comparison == DigestProof.BEHIND and kept.checkpoint == checkpoint and kept.behind_due_at is not None:
        return kept.behind_due_at
    return due_at
