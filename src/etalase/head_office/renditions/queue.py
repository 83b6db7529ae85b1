"""Reads and fills the queue: the photos whose renditions are to be made. Triggers fill it for every writer (migration 0007)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import Error, connection

# Rises where the same photo gives other renditions: the worker then makes all of them anew, the newest photos last.
RECIPE = 1
# Few, because a new upload is in the next ones.
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The photos that wait, those whose making failed, and the bytes of both: head office reads these."""

    waiting: int
    failed: int
    photo_bytes: int

    @property
    def lacking(self) -> int:
        """Returns the number of photos whose renditions are to be made."""
        return self.waiting + self.failed


def counts(companies: list[UUID] | None = None) -> QueueCounts:
    """Returns what the queue holds, of photos of these companies or of all."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"recipe": RECIPE, "companies": companies})
        return QueueCounts(*cursor.fetchone())


def next_photos(*, but: Sequence[UUID] = ()) -> list[UUID]:
    """Returns some photos that are due, the latest change first; none of ``but``."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, {"but": list(but), "limit": AT_ONCE})
        return [photo_id for (photo_id,) in cursor.fetchall()]


def complete() -> None:
    """Adds to the queue what no trigger can: photos without a row (after a TRUNCATE), and sets of an earlier recipe."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, {"recipe": RECIPE})


def retry_failed() -> None:
    """Makes every failed photo due again."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE head_office_rendition_set SET due_at = head_office_clock(), problem = '' WHERE problem <> ''")


@contextmanager
def alone_with(photo_id: UUID) -> Iterator[bool]:
    """Holds the photo's lock, unless another process has it: then yields False. The lock ends with its session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_lock_name(photo_id)])
        (is_mine,) = cursor.fetchone()
    try:
        yield is_mine
    finally:
        # Without its session, the lock is gone already.
        if is_mine:
            with suppress(Error), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_lock_name(photo_id)])


def _lock_name(photo_id: UUID) -> str:
    return f"etalase.head_office renditions {photo_id}"


_COUNTS = """
SELECT count(*) FILTER (WHERE problem <> '' IS NOT TRUE), count(*) FILTER (WHERE problem <> ''), coalesce(sum(f.size), 0)
FROM head_office_photo f LEFT JOIN head_office_rendition_set s ON s.photo_id = f.id
WHERE (s.photo_id IS NULL OR s.due_at IS NOT NULL OR s.problem <> '' OR (s.recipe <> %(recipe)s AND s.photo_checksum <> ''))
AND (%(companies)s::uuid[] IS NULL
    OR f.product_id IN (SELECT id FROM head_office_product WHERE company_id = ANY(%(companies)s::uuid[])))
"""

_NEXT = """
SELECT photo_id FROM head_office_rendition_set
WHERE due_at IS NOT NULL AND (problem = '' OR due_at <= head_office_clock()) AND photo_id <> ALL(%(but)s)
ORDER BY due_at DESC LIMIT %(limit)s
"""

_COMPLETE = """
WITH added AS (
    INSERT INTO head_office_rendition_set (photo_id, due_at)
    SELECT f.id, head_office_clock() - interval '1 minute' FROM head_office_photo f
    WHERE NOT EXISTS (SELECT FROM head_office_rendition_set s WHERE s.photo_id = f.id)
    ON CONFLICT DO NOTHING
)
UPDATE head_office_rendition_set SET due_at = head_office_clock() - interval '1 minute', problem = ''
WHERE recipe <> %(recipe)s AND (photo_checksum <> '' OR problem <> '') AND due_at IS NULL
"""
