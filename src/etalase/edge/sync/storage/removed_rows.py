"""Deletes rows of ``product_photo`` and restores them whole, with the customer's own columns."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from etalase.edge.database import cursor
from etalase.edge.models import Removal
from etalase.edge.sync.plan.model import Row, StoredRow
from etalase.edge.sync.storage import checkpoint, reclaims, renditions
from etalase.edge.sync.storage.photo_rules import PhotoRules
from etalase.edge.sync.storage.photo_writes import UPSERT
from etalase.edge.sync.storage.photos import COLUMN_NAMES
from etalase.edge.sync.storage.savepoints import apart, check_at_once
from etalase.edge.sync.storage.whole_rows import insert_whole
from etalase.errors import RowRefused

# Beside the guide's columns, a removal saves the whole row as PostgreSQL wrote it: as text, because Python's JSON numbers lose
# digits. And the rule that blocks the deletion, as long as it does.
WHOLE: Final = "whole"
RENDITIONS: Final = "renditions"
BLOCKED_BY: Final = "blocked_by"


@dataclass(slots=True)
class Deleted:
    """The result of :func:`delete`: the deleted rows as text, their renditions, and the rule that keeps each other row."""

    gone: dict[UUID, str] = field(default_factory=dict)
    blocked: dict[UUID, str] = field(default_factory=dict)
    renditions: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)


def delete(photo_ids: Collection[UUID], *, rules: PhotoRules, at: datetime) -> Deleted:
    """Deletes rows and schedules their objects for deletion after the grace period (hazard 15).

    A row that a rule of the customer's keeps, such as a foreign key to it, stays with its object.
    """
    deleted, keys = Deleted(), []

    def delete_some(some: Sequence[UUID]) -> None:
        with cursor() as db:
            db.execute(
                "DELETE FROM product_photo p WHERE id = ANY(%s) RETURNING id, object_key, to_jsonb(p)::text", [list(some)]
            )
            found = db.fetchall()
        gone.update({record[0]: record[1:] for record in found})

    gone: dict[UUID, tuple[str | None, str]] = {}
    if rules.at_commit:
        check_at_once()
    refused = apart(list(photo_ids), delete_some)
    blocked = {photo_id: rules.described(error) for photo_id, error in refused}
    rest = [photo_id for photo_id in photo_ids if photo_id not in gone and photo_id not in blocked]
    if rest:
        named = rules.silent
        with cursor() as db:
            db.execute("SELECT id FROM product_photo WHERE id = ANY(%s)", [rest])
            blocked |= {record[0]: f"{named}: the row is not deleted" for record in db.fetchall()}
    for photo_id, (key, whole) in gone.items():
        deleted.gone[photo_id] = whole
        keys.append(key)
    deleted.blocked = blocked
    checkpoint.add_to_row_count(-len(gone))
    deleted.renditions = renditions.take_of_photos(list(gone), at=at)
    reclaims.schedule([key for key in keys if key], at=at)
    return deleted


def settle(removals: Sequence[Removal], deleted: Deleted) -> list[Removal]:
    """Writes the result of :func:`delete` into its removals, held or applied. Returns the blocked ones, which are held."""
    held = []
    for removal in removals:
        row: dict[str, Any] = {name: value for name, value in (removal.row or {}).items() if name != BLOCKED_BY}
        if removal.photo_id in deleted.gone:
            row[WHOLE] = deleted.gone[removal.photo_id]
            row[RENDITIONS] = deleted.renditions.get(removal.photo_id, [])
        if (rule := deleted.blocked.get(removal.photo_id)) is not None:
            row[BLOCKED_BY] = rule
            removal.state, removal.decided_at, removal.approved, removal.left_bare = Removal.State.HELD, None, False, False
            held.append(removal)
        removal.row = row
    return held


def blocked_by(removal: Removal) -> str:
    """Returns the rule of the customer's that blocks the deletion; an empty text for a removal that waits for a person."""
    value = removal.row.get(BLOCKED_BY) if isinstance(removal.row, dict) and removal.state == Removal.State.HELD else None
    return value if isinstance(value, str) else ""


def to_json(row: Row) -> dict[str, Any]:
    """Returns the guide's columns of a row as JSON for :func:`restore`."""
    record: dict[str, Any] = json.loads(json.dumps({name: getattr(row, name) for name in COLUMN_NAMES}, default=str))
    return record


@dataclass(frozen=True, slots=True)
class _SavedRow(StoredRow):
    """The JSON of :func:`to_json`, to check a value of the JSON column against."""

    product_sku: str = ""
    whole: str = ""


def is_restorable(record: object) -> bool:
    """Returns whether :func:`restore` can write ``record`` as a row."""
    try:
        saved = msgspec.convert(record, _SavedRow)
        whole = json.loads(saved.whole) if saved.whole else {}
    except (ValueError, RecursionError):
        return False
    return isinstance(whole, dict)


def restore(records: Sequence[Mapping[str, Any]], *, rules: PhotoRules) -> dict[UUID, str]:
    """Writes rows that a removal saved. A product's current primary photo stays the primary one.

    Returns the rule that refuses each row that it cannot write.
    """
    if rules.at_commit:
        check_at_once()
    refused = apart(list(records), _restore)
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")
    return {UUID(record["id"]): rules.described(error) for record, error in refused}


def _restore(records: Sequence[Mapping[str, Any]]) -> None:
    ids = [UUID(record["id"]) for record in records]
    with cursor() as db:
        # Before the insert, because a customer's unique index on the primary photo cannot be deferred (hazard 58).
        db.execute(
            "SELECT product_id FROM product_photo WHERE is_primary AND product_id = ANY(%s)",
            [[UUID(record["product_id"]) for record in records]],
        )
        has_primary = {str(found[0]) for found in db.fetchall()}
        old: list[dict[str, Any]] = []
        more = 0
        for record in records:
            is_primary = bool(record.get("is_primary")) and record["product_id"] not in has_primary
            if not record.get(WHOLE):  # a removal of a version before 0.2
                old.append({**{name: record[name] for name in COLUMN_NAMES}, "is_primary": is_primary})
                continue
            more += insert_whole(db, record[WHOLE], json.dumps({"is_primary": is_primary}))
        if old:
            db.execute(UPSERT, [json.dumps(old)])
            more += sum(inserted for inserted, *_ in db.fetchall())
        checkpoint.add_to_row_count(more)
        db.execute("SELECT id FROM product_photo WHERE id = ANY(%s)", [ids])
        kept = {found[0] for found in db.fetchall()}
    if lost := [id_ for id_ in ids if id_ not in kept]:
        raise RowRefused("a rule of the table", f"the row of photo {lost[0]} is not kept")
