"""Reads and writes ``etalase_doubt``: the damage marks of photos whose objects were seen not to match their rows."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from etalase.edge.database import cursor
from etalase.edge.integrity import Damage
from etalase.edge.sync.product_result import Rotten
from etalase.postgres import takes


def kinds() -> dict[UUID, Damage]:
    """Returns the kind of damage of each photo with a damage mark."""
    with cursor() as db:
        db.execute("SELECT photo_id, kind FROM etalase_doubt WHERE EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")
        return {photo_id: Damage(kind) for photo_id, kind in db.fetchall()}


def record_not_listed(photo_ids: Collection[UUID], *, at: datetime) -> None:
    """Records that head office's full list lacks these damaged photos."""
    if photo_ids:
        with cursor() as db:
            db.execute("UPDATE etalase_doubt SET asked_at = %s WHERE photo_id = ANY(%s)", [at, list(photo_ids)])


def mark(damaged: Mapping[UUID, Damage]) -> None:
    """Sets damage marks. They stay until the object is put again or a look finds it right."""
    if damaged:
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_doubt (photo_id, kind) SELECT * FROM unnest(%s::uuid[], %s::text[])"
                " ON CONFLICT (photo_id) DO UPDATE SET kind = excluded.kind WHERE etalase_doubt.kind <> excluded.kind",
                [list(damaged), [kind.value for kind in damaged.values()]],
            )


def mark_unless_replaced(rotten: Collection[Rotten], *, but: Collection[UUID]) -> None:
    """Sets damage marks on photos whose object failed the check before a copy, ``but`` not on these.

    Skips a key with an open publish intent: its object may differ from its row because of a put.
    """
    if rotten := [one for one in rotten if takes(one[0])]:
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
    """Clears the damage marks of these photos."""
    if photo_ids:
        with cursor() as db:
            db.execute("DELETE FROM etalase_doubt WHERE photo_id = ANY(%s)", [list(photo_ids)])


def delete_without_row() -> None:
    """Clears the damage marks of photos without a row."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_doubt WHERE NOT EXISTS (SELECT 1 FROM product_photo WHERE id = photo_id)")
