"""Proves that an edge has the bytes of a photo: the message of a challenge, and the proof that answers it. Pure.

The nonce is head office's, so that no earlier proof is of use; the edge has to read the object itself.
"""

import hashlib
from typing import Annotated, Final
from uuid import UUID

import msgspec

from etalase.checksum import md5_hex
from etalase.protocol import MAX_INT32
from etalase.wire_types import Md5, Nonce

MAX_RANGE_BYTES: Final = 64 * 1024
NONCE_BYTES: Final = 16


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge: prove the bytes ``offset`` to ``offset + length`` of a photo whose MD5 is ``checksum``."""

    nonce: Nonce
    photo_id: UUID
    checksum: Md5
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_INT32)]
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_RANGE_BYTES)]


def proof_of(challenge: Challenge, body: bytes) -> str | None:
    """Returns the proof: SHA-256 of nonce and range, in hex; None where the MD5 of ``body`` is not the photo's."""
    if md5_hex(body) != challenge.checksum:
        return None
    part = body[challenge.offset : challenge.offset + challenge.length]
    return hashlib.sha256(bytes.fromhex(challenge.nonce) + part).hexdigest()


def range_of(size: int, *, at: int) -> tuple[int, int]:
    """Returns offset and length of a range in ``size`` bytes; ``at`` is any number, which places it."""
    offset = at % max(1, size)
    return offset, max(1, min(MAX_RANGE_BYTES, size - offset))
