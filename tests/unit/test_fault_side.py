"""Each reason has a side; what another release says is the store's, never nobody's."""

import pytest

from etalase.errors import Reason, Side
from etalase.fault_side import SIDE_OF, FaultSide, side_of


def test_each_reason_has_a_side() -> None:
    """Compares the table with the enumeration."""
    assert set(SIDE_OF) == set(Reason)


def test_the_finer_side_lies_within_the_coarse_one() -> None:
    """Compares with the policy of the reasons."""
    within = {
        Side.LINK: {FaultSide.LINK},
        Side.HEAD_OFFICE: {FaultSide.HEAD_OFFICE_DATA, FaultSide.HEAD_OFFICE_OBJECT, FaultSide.PRODUCT_FEED},
        Side.STORAGE: {FaultSide.STORE},
        Side.EDGE: {FaultSide.STORE},
    }
    assert all(side in within[reason.policy.side] for reason, side in SIDE_OF.items())


@pytest.mark.parametrize(
    ("reason", "side"),
    [
        ("timeout", FaultSide.LINK),
        ("missing", FaultSide.STORE),
        ("from_the_next_release", FaultSide.STORE),
        ("", FaultSide.STORE),
    ],
)
def test_a_word_gets_a_side(reason: str, side: FaultSide) -> None:
    """A kind of damage, and an unknown word, are the store's."""
    assert side_of(reason) is side
