"""Each reason has a side; what another release says is the store's, never nobody's."""

import pytest

from etalase.errors import Reason, Side
from etalase.fault_side import FaultSide, side_of

SIDE_OF: dict[Reason, FaultSide] = {
    **dict.fromkeys(
        [
            Reason.BAD_KEY,
            Reason.BAD_FIELD,
            Reason.TOO_LARGE,
            Reason.KEY_CONFLICT,
            Reason.CHECKSUM_MISSING,
            Reason.HO_CONTRADICTS_ITSELF,
        ],
        FaultSide.HEAD_OFFICE_DATA,
    ),
    **dict.fromkeys(
        [
            Reason.SERVER_ERROR,
            Reason.THROTTLED,
            Reason.REDIRECT_REFUSED,
            Reason.ENCODING_REFUSED,
            Reason.FORBIDDEN,
            Reason.NOT_FOUND,
            Reason.HTTP_ERROR,
            Reason.SIZE_MISMATCH,
            Reason.CHECKSUM_MISMATCH,
            Reason.TYPE_MISMATCH,
        ],
        FaultSide.HEAD_OFFICE_OBJECT,
    ),
    **dict.fromkeys([Reason.TIMEOUT, Reason.CONNECTION_FAILED], FaultSide.LINK),
    **dict.fromkeys(
        [
            Reason.STORE_AWAY,
            Reason.STORE_FULL,
            Reason.STORE_CONFLICT,
            Reason.STORE_ERROR,
            Reason.STORE_DENIED,
            Reason.STORE_REFUSED,
            Reason.SPOOL_FULL,
            Reason.ROW_REFUSED,
            Reason.ROW_WAITS,
            Reason.KEY_IS_OWN,
            Reason.WAITS_FOR_SIBLING,
            Reason.ORIGIN_REFUSED,
            Reason.UNFORESEEN,
        ],
        FaultSide.STORE,
    ),
    Reason.PRODUCT_MISSING: FaultSide.PRODUCT_FEED,
}


def test_each_reason_has_a_side() -> None:
    """Compares the table with the enumeration."""
    assert set(SIDE_OF) == set(Reason)
    assert {reason: side_of(reason) for reason in Reason} == SIDE_OF


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
