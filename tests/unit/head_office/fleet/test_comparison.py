"""A digest is compared only where nothing visible to the store changed since its checkpoint."""

from datetime import UTC, datetime, timedelta

import pytest

from etalase.head_office.fleet.comparison import DigestProof, StoreListing, compare

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
A, B = "a" * 32, "b" * 32


@pytest.mark.parametrize(
    ("digest", "checkpoint", "changed_at", "comparison"),
    [
        (A, NOON, NOON - TICK, DigestProof.EQUAL),
        (B, NOON, NOON - TICK, DigestProof.DIFFERENT),
        (B, NOON, None, DigestProof.DIFFERENT),
        (A, NOON, None, DigestProof.EQUAL),
        (None, NOON, NOON - TICK, DigestProof.NO_DIGEST),
        # The feed lists changes at the checkpoint again, so that they count as not fetched.
        (A, NOON, NOON, DigestProof.BEHIND),
        (A, NOON, NOON + TICK, DigestProof.BEHIND),
        (B, NOON, NOON + TICK, DigestProof.BEHIND),
        (None, None, None, DigestProof.BEHIND),
        (A, None, None, DigestProof.BEHIND),
        (A, NOON + timedelta(hours=1, microseconds=1), NOON, DigestProof.AHEAD),
    ],
)
def test_a_digest_proves(
    digest: str | None, checkpoint: datetime | None, changed_at: datetime | None, comparison: DigestProof
) -> None:
    """Each case, and both sides of each border."""
    assert compare(digest, checkpoint, StoreListing(A, changed_at, read_at=NOON + timedelta(hours=1))) is comparison
