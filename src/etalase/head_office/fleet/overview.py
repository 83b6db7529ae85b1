"""Judges all stores of an account's companies at once, as of now: without a job, and with one statement.

The report of a store was compared when it arrived. A comparison that a later change outdates counts as ``behind``, as the
next report would say.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from rest_framework_simplejwt.settings import api_settings

from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.comparison import DigestProof
from etalase.head_office.fleet.overview_sql import STORES, VALUES
from etalase.head_office.fleet.states import PROMISE_GRACE, KnownStore, StoreState, StoreVerdict, judge
from etalase.head_office.models import Account
from etalase.head_office.permissions import sees_every_company

# Worst first: the order of headline, map and page.
SEVERITY: Final = {
    state: place
    for place, state in enumerate(
        (
            StoreState.WRONG,
            StoreState.SILENT,
            StoreState.WAITS,
            StoreState.BEHIND,
            StoreState.UNPROVED,
            StoreState.ASKS,
            StoreState.NEVER,
            StoreState.REVOKED,
            StoreState.EQUAL,
        )
    )
}
BEHIND: Final = DigestProof.BEHIND
# Called for each time of ten thousand rows.
FROM_SECONDS: Final = datetime.fromtimestamp
PROOFS: Final = {proof.value: proof for proof in DigestProof}


class JudgedStore(msgspec.Struct, frozen=True, gc=False):
    """A store with its verdict now. ``known`` says ``behind`` also where only a later change made it so."""

    id: str
    code: str
    name: str
    region: str
    agent: str
    known: KnownStore
    verdict: StoreVerdict

    @property
    def state(self) -> StoreState:
        """Returns the state."""
        return self.verdict.state


@dataclass(frozen=True, slots=True)
class Overview:
    """The stores of an account's companies by code, judged at ``now`` of head office's clock (None: there is no store)."""

    stores: Sequence[JudgedStore]
    now: datetime | None

    @property
    def counts(self) -> dict[StoreState, int]:
        """Returns the number of stores by state, worst state first, without states that no store is in."""
        found = Counter(store.verdict.state for store in self.stores)
        return {state: found[state] for state in SEVERITY if found[state]}


@dataclass(frozen=True, slots=True)
class Reach:
    """The stores that an account sees: of all companies, or of its own (invariant I6)."""

    account_id: UUID
    is_everything: bool

    @property
    def values(self) -> dict[str, Any]:
        """Returns the values of :func:`.overview_sql.within`."""
        return {"account_id": self.account_id, "all": self.is_everything}


# Of no account: for the worker, and for a page without a part.
EVERYTHING: Final = Reach(UUID(int=0), is_everything=True)
NOTHING: Final = Reach(UUID(int=0), is_everything=False)


def reach_of(account: Account) -> Reach:
    """Returns the stores that a person at head office sees."""
    return Reach(account.pk, sees_every_company(account))


def overview(reach: Reach, *, only: UUID | None = None) -> Overview:
    """Returns all stores within ``reach``, with the state of each now; with ``only``, none but this one."""
    with prepared_cursor(reads_binary=True) as cursor:
        values: dict[str, Any] = {**VALUES, **reach.values, "grace": PROMISE_GRACE, "only": only}
        cursor.execute(STORES, values)
        rows = cursor.fetchall()
    now = _moment(rows[0][5]) if rows else None
    return Overview([_judged(row, now) for row in rows] if now else [], now)


def _judged(row: tuple[Any, ...], now: datetime) -> JudgedStore:
    id_, code, name, region, agent, _, has_account, is_active, *report = row
    tokens_end_at, received_at, due_at, behind_due_at, second_at, proved_at, failed_at, comparison, *flags = report
    is_cloned, damaged, owed, parked, held, missing, is_outdated = flags
    if comparison is None:
        asked_at = _moment(tokens_end_at)
        known = KnownStore(
            is_revoked=bool(has_account) and not is_active,
            asked_at=asked_at and asked_at - api_settings.REFRESH_TOKEN_LIFETIME,
        )
    else:
        known = KnownStore(
            is_revoked=not is_active,
            received_at=FROM_SECONDS(received_at, UTC),
            due_at=FROM_SECONDS(due_at, UTC),
            # Within its promise: a store that fetches the change later than that is silent by then.
            behind_due_at=_moment(due_at if is_outdated else behind_due_at),
            comparison=BEHIND if is_outdated else PROOFS[comparison],
            is_cloned=is_cloned,
            second_at=second_at and FROM_SECONDS(second_at, UTC),
            damaged=damaged,
            owed=owed,
            parked=parked,
            held=held,
            missing=missing,
            possession_proved_at=proved_at and FROM_SECONDS(proved_at, UTC),
            challenge_failed_at=failed_at and FROM_SECONDS(failed_at, UTC),
        )
    return JudgedStore(id_, code, name, region, agent, known, judge(known, now=now))


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
