"""Judges the state of a store from what head office knows of it, at any moment and without any job. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from etalase.fault_side import FaultSide
from etalase.head_office.fleet.comparison import DigestProof
from etalase.head_office.fleet.instances import OTHER_COUNTS_FOR

# A promise may be late by as much: a slow start, a retry of the first request.
PROMISE_GRACE: Final = timedelta(minutes=15)
PROOF_LASTS: Final = timedelta(hours=24)


class StoreState(StrEnum):
    """The state of a store: the first that applies. The words are part of the API."""

    REVOKED = "revoked"
    NEVER = "never"
    ASKS = "asks"  # an edge that asks for the feed and does not report
    SILENT = "silent"
    WRONG = "wrong"
    WAITS = "waits"
    BEHIND = "behind"
    UNPROVED = "unproved"  # says that it has everything, and has not proved possession yet
    EQUAL = "equal"


class Tone(StrEnum):
    """How much a state asks for attention."""

    NONE = "none"
    NEUTRAL = "neutral"
    GOOD = "good"
    AMBER = "amber"
    RED = "red"


class StateCause(StrEnum):
    """Why a store is in its state. The words are part of the API."""

    OVERDUE = "overdue"
    TWO_EDGES = "two_edges"
    CLONED = "cloned"
    CHALLENGE_FAILED = "challenge_failed"
    DAMAGED = "damaged"
    OWED = "owed"
    PARKED = "parked"
    DIFFERENT = "different"
    HELD = "held"
    LOADING = "loading"
    CHANGED = "changed"
    CHECKPOINT_AHEAD = "checkpoint_ahead"
    NOT_LOOKED = "not_looked"
    NOT_PROVED = "not_proved"


class Because(msgspec.Struct, frozen=True, gc=False):
    """A cause, whose it is (None: nobody's fault), and a number of photos where one is known."""

    cause: StateCause
    side: FaultSide | None = None
    photos: int = 0


class KnownStore(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What head office knows of a store. Times are by its own clock.

    ``due_at`` is the end of the last report's promise. ``behind_due_at`` is the promise within which the store should have
    fetched the change that it lacks. ``second_at`` is when another edge last reported for this store.
    """

    is_revoked: bool = False
    asked_at: datetime | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    behind_due_at: datetime | None = None
    comparison: DigestProof = DigestProof.NO_DIGEST
    is_cloned: bool = False
    second_at: datetime | None = None
    damaged: int = 0
    owed: int = 0
    parked: int = 0
    held: int = 0
    missing: int = 0
    possession_proved_at: datetime | None = None
    challenge_failed_at: datetime | None = None


class StoreVerdict(msgspec.Struct, frozen=True, gc=False):
    """The state, its tone, and its causes."""

    state: StoreState
    tone: Tone
    because: tuple[Because, ...] = ()


# Of ten thousand stores, nearly all are equal or behind: they share their verdicts.
EQUAL: Final = StoreVerdict(StoreState.EQUAL, Tone.GOOD)


def judge(known: KnownStore, *, now: datetime) -> StoreVerdict:
    """Returns the first state that applies. A store is ``equal`` only by proof; whatever is not known is never good."""
    if known.is_revoked:
        return StoreVerdict(StoreState.REVOKED, Tone.NONE)
    if known.received_at is None or known.due_at is None:
        return StoreVerdict(StoreState.NEVER if known.asked_at is None else StoreState.ASKS, Tone.NONE)
    if now > known.due_at + PROMISE_GRACE:
        return StoreVerdict(StoreState.SILENT, Tone.RED, (Because(StateCause.OVERDUE, FaultSide.LINK),))
    if wrongs := _wrongs(known, now):
        return StoreVerdict(StoreState.WRONG, Tone.RED, wrongs)
    if known.held:
        return StoreVerdict(StoreState.WAITS, Tone.AMBER, (Because(StateCause.HELD, FaultSide.HEAD_OFFICE_DATA, known.held),))
    comparison = known.comparison
    if comparison is DigestProof.BEHIND or comparison is DigestProof.AHEAD:
        is_late = known.behind_due_at is not None and now > known.behind_due_at + PROMISE_GRACE
        return _behind(comparison, known.missing, is_late)
    if comparison is DigestProof.NO_DIGEST:
        return StoreVerdict(StoreState.UNPROVED, Tone.NEUTRAL, (Because(StateCause.NOT_LOOKED),))
    proved_at = known.possession_proved_at
    if proved_at is None or now - proved_at > PROOF_LASTS:
        return StoreVerdict(StoreState.UNPROVED, Tone.NEUTRAL, (Because(StateCause.NOT_PROVED),))
    return EQUAL


def since(
    known: KnownStore, verdict: StoreVerdict, *, kept_state: str, kept_since: datetime, lacking_since: datetime | None
) -> datetime | None:
    """Returns when the store came into its state, None where it is not known.

    ``kept_state`` and ``kept_since`` are of its last report; ``lacking_since`` is the oldest change that it has not fetched.
    """
    proved_at = known.possession_proved_at
    match verdict.state:
        case StoreState.REVOKED | StoreState.NEVER:
            return None
        case StoreState.ASKS:
            return known.asked_at
        case StoreState.SILENT:
            return known.due_at
        case StoreState.BEHIND if lacking_since is not None:
            return lacking_since
        case state if state == kept_state:
            return kept_since
        case StoreState.WRONG if verdict.because[0].cause is StateCause.CHALLENGE_FAILED:
            return known.challenge_failed_at
        case StoreState.UNPROVED if proved_at is not None:
            return proved_at + PROOF_LASTS
        case StoreState.EQUAL:
            return proved_at
    return known.received_at


def _wrongs(known: KnownStore, now: datetime) -> tuple[Because, ...]:
    """Returns all that is wrong, worst first."""
    failed_at, proved_at = known.challenge_failed_at, known.possession_proved_at
    differs = known.comparison is DigestProof.DIFFERENT
    # Of ten thousand stores, nearly all: each page judges them all.
    if not (differs or known.damaged or known.owed or known.is_cloned or known.second_at or failed_at):
        return ()
    is_disproved = failed_at is not None and (proved_at is None or failed_at >= proved_at)
    is_explained = known.damaged or known.owed or known.parked
    has_second = known.second_at is not None and now - known.second_at <= OTHER_COUNTS_FOR
    found = (
        (has_second, StateCause.TWO_EDGES, FaultSide.STORE, 0),
        (known.is_cloned, StateCause.CLONED, FaultSide.STORE, 0),
        (is_disproved, StateCause.CHALLENGE_FAILED, FaultSide.STORE, 0),
        (known.damaged > 0, StateCause.DAMAGED, FaultSide.STORE, known.damaged),
        (known.owed > 0, StateCause.OWED, None, known.owed),
        (differs and known.parked > 0, StateCause.PARKED, FaultSide.PRODUCT_FEED, known.parked),
        (differs and not is_explained, StateCause.DIFFERENT, FaultSide.STORE, 0),
    )
    return tuple(Because(cause, side, photos) for applies, cause, side, photos in found if applies)


@lru_cache(maxsize=1024)
def _behind(comparison: DigestProof, missing: int, is_late: bool) -> StoreVerdict:
    if comparison is DigestProof.AHEAD:
        because = Because(StateCause.CHECKPOINT_AHEAD, FaultSide.HEAD_OFFICE_DATA)
    else:
        because = Because(StateCause.LOADING if missing else StateCause.CHANGED, None, missing)
    return StoreVerdict(StoreState.BEHIND, Tone.AMBER if is_late else Tone.NEUTRAL, (because,))
