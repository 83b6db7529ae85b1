"""Makes the reports of this store for a head office of ours, and notes what becomes of them.

A report never fails or delays a run: whatever goes wrong with it is logged, and the run goes on without it.
"""

import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import django.db
import msgspec
from django.utils.timezone import get_default_timezone

from etalase.edge.clock import Clock
from etalase.edge.schedule import next_runs
from etalase.edge.sync import storage
from etalase.edge.sync.condition import condition_of
from etalase.errors import EtalaseError, HeadOfficeAway, HeadOfficeError, HeadOfficeRefused
from etalase.possession import Challenge
from etalase.protocol import printable
from etalase.report import MAX_ANSWERS, MAX_FAULTS, MAX_REPORT_BYTES, FreeSpace, Report, ReportResponse, faults_hash
from etalase.settings.edge import EdgeSettings
from etalase.store_order import MAX_ORDERS, Order

logger = logging.getLogger("etalase.edge")

# A report that head office refuses is refused again, as a rule: nothing of it is sent for a day.
LEFT_OUT_FOR: Final = timedelta(hours=24)
# Statuses that refuse this body; others refuse the request, with a report or without.
REFUSALS: Final = frozenset({400, 413, 422})
P = ParamSpec("P")
T = TypeVar("T")


def never_failing(what: str, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Returns the result of ``step``, or None where it failed, which is logged."""
    try:
        return step(*args, **kwargs)
    except (EtalaseError, django.db.Error) as error:
        logger.warning("the report to head office: %s failed: %s", what, error)
    except Exception:
        logger.exception("the report to head office: unexpected error: %s", what)
    return None


@dataclass(slots=True)
class Reporter:
    """The reports of one process. ``is_due``: a run is about to send its first feed request."""

    settings: EdgeSettings
    clock: Clock
    spool: Path
    is_due: bool = False
    _sent: Report | None = field(default=None, repr=False)

    def first_report(self) -> dict[str, object] | None:
        """Returns the report for the first feed request of a run, None for every other request."""
        if not self.is_due:
            return None
        self.is_due = False
        return self.report()

    def report(self) -> dict[str, object] | None:
        """Returns the next report as JSON values, or None while reports are left out, or where it cannot be made."""
        return never_failing("making it", self._make)

    def taken(self, body: bytes) -> None:
        """Notes that head office took the last report; ``body`` is its response."""
        never_failing("noting the answer", self._note_answer, body)

    def left_out(self, error: HeadOfficeError) -> None:
        """Leaves reports out for a day if head office refused the last one itself, and not every request."""
        logger.warning("head office did not take the report: %s", error)
        if is_refusal(error):
            never_failing("leaving it out", storage.report_state.leave_out, self.clock.utc() + LEFT_OUT_FOR)

    def _make(self) -> dict[str, object] | None:
        state, now = storage.report_state.load(), self.clock.utc()
        # A time beyond the pause was set by a wrong clock.
        if state.left_out_until is not None and now < state.left_out_until <= now + LEFT_OUT_FOR:
            return None
        zone = get_default_timezone()
        local = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        faults = storage.report_facts.faults()
        photos, missing = storage.report_facts.photo_counts(state.verified), storage.report_facts.missing()
        run = storage.report_facts.last_run()
        known_faults = faults_hash(faults)
        report = Report(
            instance=state.instance,
            sequence=storage.report_state.next_sequence(),
            agent=f"etalase/{version('etalase')}"[:40],
            sent_at=now,
            next_report_by=self._promise(now),
            checkpoint=storage.report_facts.checkpoint(),
            state=condition_of(photos, run, missing=missing, has_digest=bool(state.digest)),
            photos=photos,
            digest=state.digest or None,
            verified_at=state.verified_at,
            menu=storage.report_facts.menu(),
            run=run,
            faults=None if known_faults == state.faults_taken else faults[:MAX_FAULTS],
            faults_hash=known_faults,
            faults_cut=max(0, len(faults) - MAX_FAULTS),
            storage=FreeSpace(spool_free_bytes=self._spool_free_bytes()),
            traffic=storage.report_facts.traffic(today=local, month=local.replace(day=1)),
            answer=storage.report_state.answers(state)[:MAX_ANSWERS],
            orders=storage.orders.results(),
        )
        self._sent = within_bounds(report)
        values: dict[str, object] = msgspec.to_builtins(self._sent)
        return values

    def _promise(self, now: datetime) -> datetime:
        due = next_runs(
            now.timestamp(),
            get_default_timezone(),
            offset_minutes=self.settings.schedule_offset_minutes,
            off_peak=self.settings.FULL_RUN == "off-peak",
            bandwidth=self.settings.BANDWIDTH,
        )
        return datetime.fromtimestamp(due.hourly, UTC)

    def _spool_free_bytes(self) -> int | None:
        try:
            return shutil.disk_usage(self.spool).free
        except OSError:
            return None

    def _note_answer(self, body: bytes) -> None:
        if self._sent is None:
            return
        try:
            answer = msgspec.json.decode(body, type=ReportResponse)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # of another release; it took the report
            answer = ReportResponse()
        given = {one.nonce for one in self._sent.answer}
        kept = [one for one in storage.report_state.answers(storage.report_state.load()) if one.nonce not in given]
        storage.report_state.keep_challenges(readable(answer.challenges, Challenge, most=MAX_ANSWERS), answers=kept)
        faults_taken = "" if answer.faults_wanted else self._sent.faults_hash
        storage.report_state.note_taken(faults_taken=faults_taken, sequence=answer.report_sequence)
        self._receive(answer.orders)

    def _receive(self, raw: Sequence[msgspec.Raw]) -> None:
        """Records the orders of an answer. They are carried out after the run (:mod:`etalase.edge.sync.orders`)."""
        now, accepts = self.clock.utc(), self.settings.ACCEPT_ORDERS
        sent = self._sent.orders if self._sent is not None else []
        storage.orders.note_reported([result.id for result in sent], now=now)
        orders = readable(raw, Order, most=MAX_ORDERS)
        new = set(storage.orders.receive(orders, is_accepted=accepts, now=now))
        for order in orders:
            if order.id in new:
                what = "received" if accepts else "not accepted (ETALASE_ACCEPT_ORDERS)"
                kind, by, why = printable(order.kind), printable(order.by), printable(order.why)
                logger.warning("head office's order %s %s: %s, by %s: %s", order.id, what, kind, by, why)


def readable(raw: Sequence[msgspec.Raw], kind: type[T], *, most: int) -> list[T]:
    """Returns the first ``most`` messages that this release understands."""
    found: list[T] = []
    for one in raw[:most]:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.append(msgspec.json.decode(one, type=kind))
    return found


def is_refusal(error: HeadOfficeError) -> bool:
    """Returns whether head office refused the report itself: it may take the same request without one."""
    if isinstance(error, HeadOfficeRefused):
        return error.status in REFUSALS
    return isinstance(error, HeadOfficeAway) and error.has_failed


def within_bounds(report: Report) -> Report:
    """Returns the report with as many of its faults as fit into :data:`MAX_REPORT_BYTES`; the oldest are cut and counted."""
    while report.faults and len(msgspec.json.encode(report)) > MAX_REPORT_BYTES:
        kept = report.faults[: len(report.faults) // 2]
        cut = report.faults_cut + len(report.faults) - len(kept)
        report = msgspec.structs.replace(report, faults=kept, faults_cut=cut)
    return report
