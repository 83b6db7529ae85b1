"""The table of states: the first that applies, whatever else is true as well."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from etalase.head_office.fleet.comparison import DigestProof
from etalase.head_office.fleet.states import Because, KnownStore, StateCause, StoreState, Tone, judge, since

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
EQUAL = KnownStore(
    received_at=NOW - 10 * MINUTE,
    due_at=NOW + 50 * MINUTE,
    comparison=DigestProof.EQUAL,
    possession_proved_at=NOW - HOUR,
)


@pytest.mark.parametrize(
    ("known", "state", "tone", "causes"),
    [
        (EQUAL, StoreState.EQUAL, Tone.GOOD, []),
        (replace(EQUAL, is_revoked=True, damaged=1), StoreState.REVOKED, Tone.NONE, []),
        (KnownStore(), StoreState.NEVER, Tone.NONE, []),
        (KnownStore(asked_at=NOW), StoreState.ASKS, Tone.NONE, []),
        (replace(EQUAL, due_at=NOW - 15 * MINUTE), StoreState.EQUAL, Tone.GOOD, []),
        (replace(EQUAL, due_at=NOW - 15 * MINUTE - SECOND), StoreState.SILENT, Tone.RED, [StateCause.OVERDUE]),
        (replace(EQUAL, due_at=NOW - HOUR, damaged=3), StoreState.SILENT, Tone.RED, [StateCause.OVERDUE]),
        (replace(EQUAL, comparison=DigestProof.DIFFERENT), StoreState.WRONG, Tone.RED, [StateCause.DIFFERENT]),
        (replace(EQUAL, comparison=DigestProof.DIFFERENT, owed=1), StoreState.WRONG, Tone.RED, [StateCause.OWED]),
        (replace(EQUAL, comparison=DigestProof.DIFFERENT, parked=2), StoreState.WRONG, Tone.RED, [StateCause.PARKED]),
        (replace(EQUAL, parked=2), StoreState.EQUAL, Tone.GOOD, []),
        (replace(EQUAL, damaged=1, owed=1), StoreState.WRONG, Tone.RED, [StateCause.DAMAGED, StateCause.OWED]),
        (replace(EQUAL, comparison=DigestProof.BEHIND, damaged=1), StoreState.WRONG, Tone.RED, [StateCause.DAMAGED]),
        (replace(EQUAL, challenge_failed_at=NOW), StoreState.WRONG, Tone.RED, [StateCause.CHALLENGE_FAILED]),
        (replace(EQUAL, challenge_failed_at=NOW - 2 * HOUR), StoreState.EQUAL, Tone.GOOD, []),
        (replace(EQUAL, is_cloned=True), StoreState.WRONG, Tone.RED, [StateCause.CLONED]),
        (replace(EQUAL, second_at=NOW - HOUR), StoreState.WRONG, Tone.RED, [StateCause.TWO_EDGES]),
        (replace(EQUAL, second_at=NOW - 25 * HOUR), StoreState.EQUAL, Tone.GOOD, []),
        (replace(EQUAL, held=64), StoreState.WAITS, Tone.AMBER, [StateCause.HELD]),
        (replace(EQUAL, held=64, comparison=DigestProof.BEHIND), StoreState.WAITS, Tone.AMBER, [StateCause.HELD]),
        (replace(EQUAL, comparison=DigestProof.BEHIND), StoreState.BEHIND, Tone.NEUTRAL, [StateCause.CHANGED]),
        (replace(EQUAL, comparison=DigestProof.BEHIND, missing=312), StoreState.BEHIND, Tone.NEUTRAL, [StateCause.LOADING]),
        (
            replace(EQUAL, comparison=DigestProof.BEHIND, behind_due_at=NOW - 15 * MINUTE),
            StoreState.BEHIND,
            Tone.NEUTRAL,
            [StateCause.CHANGED],
        ),
        (
            replace(EQUAL, comparison=DigestProof.BEHIND, behind_due_at=NOW - 16 * MINUTE),
            StoreState.BEHIND,
            Tone.AMBER,
            [StateCause.CHANGED],
        ),
        (replace(EQUAL, comparison=DigestProof.AHEAD), StoreState.BEHIND, Tone.NEUTRAL, [StateCause.CHECKPOINT_AHEAD]),
        (replace(EQUAL, comparison=DigestProof.NO_DIGEST), StoreState.UNPROVED, Tone.NEUTRAL, [StateCause.NOT_LOOKED]),
        (replace(EQUAL, possession_proved_at=None), StoreState.UNPROVED, Tone.NEUTRAL, [StateCause.NOT_PROVED]),
        (replace(EQUAL, possession_proved_at=NOW - 25 * HOUR), StoreState.UNPROVED, Tone.NEUTRAL, [StateCause.NOT_PROVED]),
    ],
)
def test_the_first_state_applies(known: KnownStore, state: StoreState, tone: Tone, causes: list[StateCause]) -> None:
    """Each line of the table, and its border."""
    verdict = judge(known, now=NOW)
    assert (verdict.state, verdict.tone, [because.cause for because in verdict.because]) == (state, tone, causes)


def test_a_cause_says_how_many_photos() -> None:
    """The page names the number beside the cause."""
    assert judge(replace(EQUAL, held=64), now=NOW).because[0].photos == 64
    assert judge(replace(EQUAL, comparison=DigestProof.BEHIND, missing=7), now=NOW).because == (
        Because(StateCause.LOADING, None, 7),
    )


times = st.none() | st.integers(-48, 48).map(lambda hours: NOW + hours * HOUR)
counts = st.integers(0, 3)


@given(
    st.builds(
        KnownStore,
        is_revoked=st.booleans(),
        asked_at=times,
        received_at=times,
        due_at=times,
        behind_due_at=times,
        comparison=st.sampled_from(DigestProof),
        is_cloned=st.booleans(),
        second_at=times,
        damaged=counts,
        owed=counts,
        parked=counts,
        held=counts,
        missing=counts,
        possession_proved_at=times,
        challenge_failed_at=times,
    )
)
def test_only_proof_makes_a_store_equal(known: KnownStore) -> None:
    """Whatever else is true: green needs an equal digest, recent possession, a kept promise, and nothing against it."""
    verdict = judge(known, now=NOW)
    assert (verdict.tone is Tone.GOOD) == (verdict.state is StoreState.EQUAL)
    if verdict.state is StoreState.EQUAL:
        assert known.comparison is DigestProof.EQUAL
        assert known.due_at is not None
        assert known.due_at + 15 * MINUTE >= NOW
        assert known.possession_proved_at is not None
        assert NOW - known.possession_proved_at <= timedelta(hours=24)
        assert not any([known.damaged, known.owed, known.held, known.is_cloned, known.is_revoked])
        assert known.challenge_failed_at is None or known.challenge_failed_at < known.possession_proved_at


@pytest.mark.parametrize(
    ("known", "kept", "lacking", "expected"),
    [
        (KnownStore(is_revoked=True), "equal", None, None),
        (KnownStore(), "", None, None),
        (KnownStore(asked_at=NOW - MINUTE), "", None, NOW - MINUTE),
        (replace(EQUAL, due_at=NOW - HOUR), "equal", None, NOW - HOUR),
        (EQUAL, "equal", None, NOW - 9 * HOUR),
        (EQUAL, "unproved", None, NOW - HOUR),
        (replace(EQUAL, possession_proved_at=NOW - 25 * HOUR), "equal", None, NOW - HOUR),
        (replace(EQUAL, possession_proved_at=NOW - 25 * HOUR), "unproved", None, NOW - 9 * HOUR),
        (replace(EQUAL, comparison=DigestProof.BEHIND), "equal", NOW - SECOND, NOW - SECOND),
        (replace(EQUAL, comparison=DigestProof.BEHIND), "behind", None, NOW - 9 * HOUR),
        (replace(EQUAL, challenge_failed_at=NOW - MINUTE), "equal", None, NOW - MINUTE),
        (replace(EQUAL, damaged=1), "equal", None, NOW - 10 * MINUTE),
        (replace(EQUAL, held=1), "waits", None, NOW - 9 * HOUR),
    ],
)
def test_a_state_began_with_its_cause(
    known: KnownStore, kept: str, lacking: datetime | None, expected: datetime | None
) -> None:
    """The last report's state began nine hours ago."""
    verdict = judge(known, now=NOW)
    began = since(known, verdict, kept_state=kept, kept_since=NOW - 9 * HOUR, lacking_since=lacking)
    assert began == expected
