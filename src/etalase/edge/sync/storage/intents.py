"""Reads and writes ``etalase_publish_intent``: keys whose objects are about to be overwritten (hazard 18)."""

from collections.abc import Collection, Iterable

from etalase.edge.database import cursor
from etalase.edge.sync.plan.model import Step


# Publish intents (hazard 18)
def checksums() -> list[tuple[str, str | None]]:
    """Returns the keys with an open intent, each with the checksum of its row, or None if it has no row.

    A run has put objects under these keys, or was about to, and did not commit their rows.
    """
    with cursor() as db:
        db.execute(
            "SELECT i.object_key, min(p.checksum) FROM etalase_publish_intent i LEFT JOIN product_photo p USING (object_key)"
            " GROUP BY i.object_key"
        )
        return list(db.fetchall())


def new_checksums() -> dict[str, str]:
    """Returns the MD5 that each open intent was to publish, by key: the object may have these bytes already."""
    with cursor() as db:
        db.execute("SELECT object_key, new_checksum FROM etalase_publish_intent WHERE new_checksum IS NOT NULL")
        return {key: checksum.lower() for key, checksum in db.fetchall()}


def record(steps: Iterable[Step]) -> None:
    """Records an intent for each live key that the next puts overwrite; the caller commits it before the puts."""
    # Photos that share an object share one intent.
    intents = {s.photo.object_key: (s.replaces or "", s.photo.checksum) for s in steps if s.overwrites_live_key}
    if not intents:
        return
    old, new = (list(column) for column in zip(*intents.values(), strict=True))
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_publish_intent (object_key, old_checksum, new_checksum)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (object_key) DO UPDATE SET new_checksum = excluded.new_checksum",
            [list(intents), old, new],
        )


def clear(keys: Collection[str]) -> None:
    """Deletes the intents of ``keys``, whose rows describe their objects again."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_publish_intent WHERE object_key = ANY(%s)", [list(keys)])
