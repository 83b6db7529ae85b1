"""Defines the bound on accidents: how much may disappear or change in a day without a person (invariant I4). Pure.

Head office and edge apply the same rule: head office before a mistake leaves it, the edge before it obeys one.
"""

from datetime import timedelta

PERIOD = timedelta(hours=24)
MIN_COUNT = 3
MAX_SHARE = 0.2


def exceeds_bound(count: int, *, total: int) -> bool:
    """Returns whether ``count`` of ``total`` within :data:`PERIOD` is above max(3, 20 %); ``total`` is from before them."""
    return count > max(MIN_COUNT, MAX_SHARE * total)
