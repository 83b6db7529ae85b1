"""Counts the rows of ``etalase_rendition``."""

from dataclasses import dataclass

from etalase.edge.database import cursor
from etalase.edge.sync.storage.renditions import LOST


@dataclass(frozen=True, slots=True)
class RenditionCounts:
    """The number of listed renditions, of those among them that are not here, and of those of these that have failed.

    ``lost`` are those that were here and are missing or damaged, also of sets that are not listed.
    """

    listed: int = 0
    waiting: int = 0
    failed: int = 0
    lost: int = 0
    listed_lost: int = 0

    @property
    def awaited(self) -> int:
        """Returns the number of listed renditions that were never here."""
        return self.waiting - self.listed_lost


def counts() -> RenditionCounts:
    """Returns the counts."""
    with cursor() as db:
        db.execute(
            "SELECT count(*) FILTER (WHERE is_listed), count(*) FILTER (WHERE is_listed AND NOT is_here),"
            " count(*) FILTER (WHERE is_listed AND NOT is_here AND attempts > 0),"
            f" count(*) FILTER (WHERE {LOST}), count(*) FILTER (WHERE is_listed AND {LOST}) FROM etalase_rendition"
        )
        return RenditionCounts(*db.fetchone())


def count_objects() -> int:
    """Returns the number of rows, listed or not."""
    with cursor() as db:
        db.execute("SELECT count(*) FROM etalase_rendition")
        return int(db.fetchone()[0])
