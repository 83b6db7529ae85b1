"""Compares the digest of a report with the digest of what head office lists for the store. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DigestProof(StrEnum):
    """What a digest proves."""

    EQUAL = "equal"
    DIFFERENT = "different"
    # Not compared: something visible to the store changed since its checkpoint, or it has none yet.
    BEHIND = "behind"
    # Not compared: the checkpoint is later than head office's clock, as after a restore of head office.
    AHEAD = "ahead"
    # The edge has not looked at its photos yet.
    NO_DIGEST = "no_digest"


@dataclass(frozen=True, slots=True)
class StoreListing:
    """What head office lists for a store: its digest, when anything of it last changed, and when that was read."""

    digest: str
    changed_at: datetime | None
    read_at: datetime


def compare(digest: str | None, checkpoint: datetime | None, listing: StoreListing) -> DigestProof:
    """Returns what ``digest`` proves of a store whose runs resume at ``checkpoint``.

    A change with the very time of the checkpoint may be missing: the feed lists it again.
    """
    if checkpoint is None:
        return DigestProof.BEHIND
    if checkpoint > listing.read_at:
        return DigestProof.AHEAD
    if listing.changed_at is not None and listing.changed_at >= checkpoint:
        return DigestProof.BEHIND
    if digest is None:
        return DigestProof.NO_DIGEST
    return DigestProof.EQUAL if digest == listing.digest else DigestProof.DIFFERENT
