"""Reads and writes ``etalase_doubt``: photos whose objects do not match their rows, as far as known."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from etalase.edge.database import cursor
from etalase.edge.integrity import Damage
from etalase.edge.sync.publish.put import Rotten


# Doubts: what is known to be damaged
def kinds() -> dict[UUID, Damage]:
    """The photos whose objects were seen not to be what their rows say, and how."""
    with cursor() as db:
        db.execute("SELECT photo_id, kind FROM etalase_doubt WHERE EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")
        return {photo_id: Damage(kind) for photo_id, kind in db.fetchall()}


def record_not_listed(photo_ids: Collection[UUID], *, at: datetime) -> None:
    """Note that head office's whole list does not name these damaged photos."""
    if photo_ids:
        with cursor() as db:
            db.execute("UPDATE etalase_doubt SET asked_at = %s WHERE photo_id = ANY(%s)", [at, list(photo_ids)])


def mark(damaged: Mapping[UUID, Damage]) -> None:
    """Remember these until their objects were put anew, or seen to be right."""
    if damaged:
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_doubt (photo_id, kind) SELECT * FROM unnest(%s::uuid[], %s::text[])"
                " ON CONFLICT (photo_id) DO UPDATE SET kind = excluded.kind WHERE etalase_doubt.kind <> excluded.kind",
                [list(damaged), [kind.value for kind in damaged.values()]],
            )


def mark_unless_replaced(rotten: Collection[Rotten], *, but: Collection[UUID]) -> None:
    """Remember the photos whose objects were to be copied and turned out not to be what their rows say, ``but`` for some.

    A key that a put is about to change says nothing about its row.
    """
    if rotten:
        keys, checksums, kinds = (list(column) for column in zip(*rotten, strict=True))
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_doubt (photo_id, kind) SELECT DISTINCT ON (p.id) p.id, r.kind"
                " FROM unnest(%s::text[], %s::text[], %s::text[]) AS r (object_key, checksum, kind)"
                " JOIN product_photo p ON p.object_key = r.object_key AND lower(p.checksum) = r.checksum"
                " WHERE p.id <> ALL(%s)"
                " AND NOT EXISTS (SELECT 1 FROM etalase_publish_intent i WHERE i.object_key = r.object_key)"
                " ON CONFLICT (photo_id) DO NOTHING",
                [keys, checksums, [kind.value for kind in kinds], list(but)],
            )


def clear(photo_ids: Collection[UUID]) -> None:
    """The objects of these are right (again)."""
    if photo_ids:
        with cursor() as db:
            db.execute("DELETE FROM etalase_doubt WHERE photo_id = ANY(%s)", [list(photo_ids)])


def delete_without_row() -> None:
    """What was removed need not be right."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_doubt WHERE NOT EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")
