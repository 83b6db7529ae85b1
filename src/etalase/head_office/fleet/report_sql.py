"""The two statements of a report: what is kept of the store, and what is written of the report."""

from typing import Final

from etalase.head_office.feed_sql import NEWEST_OF_CHAIN, NEWEST_SALE
from etalase.head_office.fleet.challenges import OPEN, UNCHECKED_AT
from etalase.head_office.fleet.orders import OPEN_ORDERS

PHOTO_COUNTS: Final = ("listed", "verified", "damaged", "owed", "held", "parked", "own")
KEPT_OF_REPORT: Final = (
    "due_at",
    "behind_due_at",
    "checkpoint",
    "comparison",
    "state",
    "state_since",
    "possession_proved_at",
    "challenge_failed_at",
)

READ = f"""
SELECT r.revision, r.instances::text, r.faults_hash, {OPEN}, {UNCHECKED_AT}, {OPEN_ORDERS},
    {", ".join(f"r.{name}" for name in KEPT_OF_REPORT)},
    {NEWEST_SALE}, {NEWEST_OF_CHAIN}, r.assortment, r.sold_as_of, d.digest, d.changed_at, d.as_of
FROM (SELECT %(store_id)s::uuid AS id) s
LEFT JOIN head_office_store_report r ON r.store_id = s.id
LEFT JOIN head_office_assortment_digest d ON d.assortment = r.assortment
"""

WRITTEN: Final = (
    *("received_at", "due_at", "behind_due_at", "skew_seconds", "agent", "checkpoint", "comparison", "changed_at"),
    *("changed_as_of", "assortment", "sold_at", "sold_as_of", "verified_at", "state", "state_since", "word", "missing"),
    *PHOTO_COUNTS,
    *("is_cloned", "second_at", "faults_hash", "faults_cut", "instances", "body"),
)
_OF_HOUR: Final = ("received_at", "state", "comparison", "listed", "verified", "damaged", "owed", "held")


def _changed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = EXCLUDED.{name}" for name in columns)


# The hour keeps its last report.
WRITE = f"""
WITH written AS (
    INSERT INTO head_office_store_report AS kept (store_id, revision, {", ".join(WRITTEN)})
    VALUES (%(store_id)s, 1, {", ".join(f"%({name})s" for name in WRITTEN)})
    ON CONFLICT (store_id) DO UPDATE SET revision = kept.revision + 1, {_changed(WRITTEN)}
    WHERE kept.revision = %(revision_read)s
    RETURNING store_id, {", ".join(_OF_HOUR)}
)
INSERT INTO head_office_store_hour AS kept (store_id, hour, {", ".join(_OF_HOUR)})
SELECT store_id, %(hour)s, {", ".join(_OF_HOUR)} FROM written
ON CONFLICT (store_id, hour) DO UPDATE SET {_changed(_OF_HOUR)}
RETURNING store_id
"""
