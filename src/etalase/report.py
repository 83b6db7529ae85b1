"""Defines the report of an edge to a head office that announces ``report=1``: the state of its photos. Pure.

Unknown fields are ignored, and words are texts, so that the next release can add some.
"""

from typing import Annotated, Final
from uuid import UUID

import msgspec

from etalase.checksum import md5_hex
from etalase.protocol import AwareTime
from etalase.store_order import MAX_ORDERS, OrderResult
from etalase.wire_types import Bytes, Count, Md5, Nonce, Text, Word

# The ability by which head office announces that it takes reports.
REPORT_FEATURE: Final = "report=1"
REPORT_PATH: Final = "/api/v1/sync/report/"
# A head office takes bodies of 64 KiB by default, and a report may come with the other fields of a feed request.
MAX_REPORT_BYTES: Final = 60 * 1024
MAX_FAULTS: Final = 200
MAX_ANSWERS: Final = 3
MAX_SEQUENCE: Final = 2**63 - 1


class ReportedState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the edge says of itself: its worst problem, all of them, and how many photos are still on their way."""

    word: Word
    parts: Annotated[list[Word], msgspec.Meta(max_length=40)] = []
    missing: Count = 0


class PhotoCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The photos that head office lists, and where they are; the last four are in no other figure."""

    listed: Count
    verified: Count
    damaged: Count
    owed: Count
    held: Count
    parked: Count
    own: Count


class ReportedMenu(msgspec.Struct, frozen=True, kw_only=True):
    """The products of the POS, and how many of them show a photo."""

    products: Count
    with_photo: Count


class ReportedRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last run that has ended."""

    kind: Word
    outcome: Word
    started_at: AwareTime
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    fetched: Count = 0
    failed: Count = 0
    fault: Word = ""
    error: Text = ""


class ReportedFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A listed photo that this store does not show as listed, and why."""

    photo_id: UUID
    product_id: UUID
    reason: Word
    side: Word
    attempts: Count = 0
    since: AwareTime | None = None


class FreeSpace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Free bytes, where they are known."""

    spool_free_bytes: Bytes | None = None
    bucket_free_bytes: Bytes | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Image bytes fetched since midnight and since the first of the month, by the store's clock."""

    today_bytes: Bytes
    month_bytes: Bytes


class ChallengeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a challenge (:mod:`etalase.possession`), with the checksum of the edge's row.

    ``proof`` is None where the photo is not here, or its object is not what the row promises.
    """

    nonce: Nonce
    checksum: Md5
    proof: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")] | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A report. Times are the edge's, except ``checkpoint``, which is head office's own text.

    ``digest`` covers the rows of listed photos whose objects were verified, at ``verified_at``. ``faults`` is None where they
    are those of the last report that head office took: then ``faults_hash`` alone tells so.
    """

    instance: UUID
    sequence: Annotated[int, msgspec.Meta(ge=1, le=MAX_SEQUENCE)]
    agent: Word
    sent_at: AwareTime
    next_report_by: AwareTime
    checkpoint: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\0]*\Z")] | None = None
    state: ReportedState
    photos: PhotoCounts
    digest: Md5 | None = None
    verified_at: AwareTime | None = None
    menu: ReportedMenu
    run: ReportedRun | None = None
    faults: Annotated[list[ReportedFault], msgspec.Meta(max_length=MAX_FAULTS)] | None = None
    faults_hash: Md5
    faults_cut: Count = 0
    storage: FreeSpace = FreeSpace()
    traffic: Traffic
    answer: Annotated[list[ChallengeAnswer], msgspec.Meta(max_length=MAX_ANSWERS)] = []
    # Until head office has taken them.
    orders: Annotated[list[OrderResult], msgspec.Meta(max_length=MAX_ORDERS)] = []


class ReportResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What head office adds to its answer. Unknown fields and malformed entries are left out by the edge.

    ``report_sequence`` is the greatest known of this instance: an edge restored from a backup goes on after it.
    ``faults_wanted``: head office does not have the faults that ``faults_hash`` means.
    """

    challenges: list[msgspec.Raw] = []
    orders: list[msgspec.Raw] = []
    report_sequence: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQUENCE)] = 0
    faults_wanted: bool = False


def faults_hash(faults: list[ReportedFault]) -> str:
    """Returns the hash of faults in their order, cut or not."""
    return md5_hex(msgspec.json.encode(faults))
