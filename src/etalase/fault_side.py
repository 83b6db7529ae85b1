"""Names the side of each fault of a photo: whose it is, and so who can end it. Pure.

Finer than :class:`etalase.errors.Side`: head office acts on its data in another way than on its objects.
"""

from enum import StrEnum

from etalase.errors import Reason, Side


class FaultSide(StrEnum):
    """The side of a fault. The words are part of the report."""

    HEAD_OFFICE_DATA = "head_office_data"
    HEAD_OFFICE_OBJECT = "head_office_object"
    LINK = "link"
    STORE = "store"  # its disk, bucket, database or settings
    PRODUCT_FEED = "product_feed"


def side_of(reason: str) -> FaultSide:
    """Returns the side of a reason, by its policy. A kind of damage, and a reason of another release, is the store's."""
    policy = next((known.policy for known in Reason if known == reason), None)
    if policy is None:
        return FaultSide.STORE
    if policy.is_parked:
        return FaultSide.PRODUCT_FEED
    if policy.side is Side.HEAD_OFFICE:
        return FaultSide.HEAD_OFFICE_DATA if policy.is_of_list else FaultSide.HEAD_OFFICE_OBJECT
    return FaultSide.LINK if policy.side is Side.LINK else FaultSide.STORE
