"""Names the side of each fault of a photo: whose it is, and so who can end it. Pure.

Finer than :class:`etalase.errors.Side`: head office acts on its data in another way than on its objects.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from etalase.errors import Reason


class FaultSide(StrEnum):
    """The side of a fault. The words are part of the report."""

    HEAD_OFFICE_DATA = "head_office_data"
    HEAD_OFFICE_OBJECT = "head_office_object"
    LINK = "link"
    STORE = "store"  # its disk, bucket, database or settings
    PRODUCT_FEED = "product_feed"


SIDE_OF: Final[Mapping[Reason, FaultSide]] = {
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


def side_of(reason: str) -> FaultSide:
    """Returns the side of a reason. A kind of damage, and a reason of another release, is the store's."""
    known = {member.value: side for member, side in SIDE_OF.items()}
    return known.get(reason, FaultSide.STORE)
