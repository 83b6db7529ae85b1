"""A proof needs the bytes, the nonce and the range; nothing else gives it."""

import hashlib
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.possession import MAX_RANGE_BYTES, Challenge, proof_of, range_of

BODY = bytes(range(256)) * 40
CHALLENGE = Challenge(nonce="0f" * 16, photo_id=UUID(int=1), checksum=hashlib.md5(BODY).hexdigest(), offset=1000, length=256)


def test_a_proof_is_the_hash_of_nonce_and_range() -> None:
    """As the API reference describes it."""
    assert proof_of(CHALLENGE, BODY) == hashlib.sha256(bytes.fromhex("0f" * 16) + BODY[1000:1256]).hexdigest()


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"x", BODY[:5000] + b"?" + BODY[5001:]])
def test_other_bytes_give_no_proof(body: bytes) -> None:
    """Also where they differ outside the range."""
    assert proof_of(CHALLENGE, body) is None


@pytest.mark.parametrize("changes", [{"nonce": "1f" * 16}, {"offset": 999}, {"length": 255}])
def test_another_challenge_has_another_proof(changes: dict[str, object]) -> None:
    """So that an earlier proof is of no use."""
    assert proof_of(msgspec.structs.replace(CHALLENGE, **changes), BODY) != proof_of(CHALLENGE, BODY)


@given(st.integers(1, 10**9), st.integers(0, 2**31))
def test_a_range_lies_in_the_photo(size: int, at: int) -> None:
    """Whatever its size."""
    offset, length = range_of(size, at=at)
    assert 0 <= offset < size
    assert 1 <= length <= MAX_RANGE_BYTES
    assert offset + length <= size
