"""Judges the facts: all problems, worst first, a colour and an exit status. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from etalase.edge.status.snapshot import Facts

# Two periods of the hourly schedule: the status turns red by itself, also if beat is dead (hazard 39).
STALE_AFTER = timedelta(hours=2)
# A run in the future is not fresh: the clock is, or was, wrong. A small difference may be that of two servers.
CLOCK_MAY_DIFFER = timedelta(minutes=5)


class State(StrEnum):
    """The states of the photos, worst first. The words are part of ``--json``."""

    DATABASE_AWAY = "database_away"
    WRONG_STORE = "wrong_store"
    NOT_ADOPTED = "not_adopted"
    NOT_READY = "not_ready"
    BUCKET_AWAY = "bucket_away"
    STALE = "stale"
    DAMAGED = "damaged"
    HELD = "held"
    SERVICE_SILENT = "service_silent"
    FILLING = "filling"
    PARTIAL = "partial"
    SMALL_PICTURES = "small_pictures"
    RUN_FAILED = "run_failed"
    UNPROVED = "unproved"
    EMPTY = "empty"
    WELL = "well"


class Level(StrEnum):
    """The colour of a state."""

    GREEN = "green"
    BLUE = "blue"
    YELLOW = "yellow"
    RED = "red"


UNUSABLE = frozenset({State.DATABASE_AWAY, State.WRONG_STORE, State.NOT_ADOPTED, State.NOT_READY, State.BUCKET_AWAY})
# The photos of an edge that is not adopted show as they did before.
RED = (UNUSABLE - {State.NOT_ADOPTED}) | {State.STALE, State.DAMAGED}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement. ``holds`` has every problem, worst first; empty if all is well."""

    holds: tuple[State, ...]
    level: Level
    exit_status: int

    @property
    def state(self) -> State:
        """Returns the worst problem, or ``WELL``."""
        return self.holds[0] if self.holds else State.WELL


def judge(facts: Facts | None) -> Verdict:
    """Returns the verdict on ``facts``; None means that the database is away."""
    if facts is None:
        return Verdict((State.DATABASE_AWAY,), Level.RED, 4)
    conditions = {
        State.WRONG_STORE: facts.wrong_store,
        State.NOT_ADOPTED: facts.not_adopted,
        State.NOT_READY: facts.last_good_run_at is None and not facts.is_filling and not facts.not_adopted,
        State.BUCKET_AWAY: facts.bucket.error is not None,
        State.STALE: is_stale(facts) and not is_progressing(facts) and not facts.not_adopted,
        State.DAMAGED: bool(facts.damaged or facts.vanished),
        State.HELD: facts.held > 0,
        State.SERVICE_SILENT: facts.silent_since is not None,
        State.FILLING: facts.is_filling,
        State.PARTIAL: facts.failed + facts.waiting > 0,
        State.SMALL_PICTURES: facts.small.damaged > 0,
        State.RUN_FAILED: facts.last_run_failed,
        State.EMPTY: facts.is_empty,
        State.UNPROVED: facts.feed_proved_complete is False or (facts.last_good_run_at is not None and facts.expected is None),
    }
    holds = tuple(state for state in State if conditions.get(state))
    return Verdict(holds, _level(holds, facts), _exit_status(holds))


def is_stale(facts: Facts) -> bool:
    """Returns whether the last complete run is missing, longer ago than two periods, or in the future."""
    if facts.last_good_run_at is None:
        return True
    return facts.now - facts.last_good_run_at > STALE_AFTER or is_of_the_future(facts)


def is_progressing(facts: Facts) -> bool:
    """Returns whether a run publishes a known list, now or within two periods: then old photos are not a fault."""
    known = facts.known
    if not facts.is_filling or known is None or is_of_the_future(facts):
        return False
    lately = known.progressed_at is not None and facts.now - known.progressed_at <= STALE_AFTER
    return facts.is_running or lately


def is_of_the_future(facts: Facts) -> bool:
    """Returns whether the last complete run ended in the future."""
    return facts.last_good_run_at is not None and facts.last_good_run_at - facts.now > CLOCK_MAY_DIFFER


def _level(holds: Sequence[State], facts: Facts) -> Level:
    if not holds:
        return Level.GREEN
    first_load = holds[0] is State.NOT_READY and facts.is_running and State.BUCKET_AWAY not in holds
    if holds[0] is State.FILLING or first_load:
        return Level.BLUE  # photos on their way are not a fault
    return Level.RED if holds[0] in RED else Level.YELLOW


def _exit_status(holds: Sequence[State]) -> int:
    if UNUSABLE.intersection(holds):
        return 4
    if State.HELD in holds:
        return 3
    return 1 if holds else 0
