"""Puts a store at the end of a weak link: the edge's programs run on one host, and head office is reachable on the other.

All servers stay on this machine's 127.0.0.1, and doors lead to them: only what goes between the store and head office
crosses the link.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from etalase.devstack.ports import LOOPBACK
from tests.acceptance.slow_link.door import doors
from tests.acceptance.slow_link.link import HEAD_OFFICE_ADDRESS, Link, Weather


@contextmanager
def store_on_a_weak_link(weather: Weather, *, edge_ports: Sequence[int], head_office_ports: Sequence[int]) -> Iterator[Link]:
    """Yields the store. ``edge_ports``: its database and bucket; ``head_office_ports``: web server and bucket there."""
    link = Link(weather)
    try:
        with doors(
            *((link.edge, LOOPBACK, port) for port in edge_ports),
            *((link.head_office, HEAD_OFFICE_ADDRESS, port) for port in head_office_ports),
        ):
            yield link
    finally:
        link.close()


def spread(total_bytes: int, smallest: int, largest: int) -> list[int]:
    """Returns sizes from ``smallest`` to ``largest``, in equal ratios, that add up to ``total_bytes``."""
    mean = (largest - smallest) / math.log(largest / smallest)
    count = max(2, round(total_bytes / mean))
    raw = [smallest * (largest / smallest) ** (number / (count - 1)) for number in range(count)]
    sizes = [min(largest, max(smallest, round(size * total_bytes / sum(raw)))) for size in raw]
    sizes[count // 2] += total_bytes - sum(sizes)
    return sizes
