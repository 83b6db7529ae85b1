"""Reads and writes ``etalase_publish_intent``: keys whose objects are about to be overwritten (hazard 18)."""

from collections.abc import Collection, Iterable

from etalase.edge.database import cursor
from etalase.edge.sync.plan.plan import Step


# Publish intents (hazard 18)
def checksums() -> list[tuple[str, str | None]]:
    """The live keys that a run was about to overwrite and did not get to commit, with the checksum of a row there, if any."""
    with cursor() as db:
        db.execute(
            "SELECT i.object_key, min(p.checksum) FROM etalase_publish_intent i LEFT JOIN product_photo p USING (object_key)"
            " GROUP BY i.object_key"
        )
        return list(db.fetchall())


def new_checksums() -> dict[str, str]:
    """What the intents were about: the MD5s, by key, of photos that head office promised and that may lie there already."""
    with cursor() as db:
        db.execute("SELECT object_key, new_checksum FROM etalase_publish_intent WHERE new_checksum IS NOT NULL")
        return {key: checksum.lower() for key, checksum in db.fetchall()}


def record(steps: Iterable[Step]) -> None:
    """Commit what the next puts are about to overwrite, before they do."""
    # Photos that share an object share its intent.
    noted = {s.photo.object_key: (s.replaces or "", s.photo.checksum) for s in steps if s.overwrites_live_key}
    if not noted:
        return
    old, new = (list(column) for column in zip(*noted.values(), strict=True))
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_publish_intent (object_key, old_checksum, new_checksum)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (object_key) DO UPDATE SET new_checksum = excluded.new_checksum",
            [list(noted), old, new],
        )


def clear(keys: Collection[str]) -> None:
    """Forget the intents of ``keys``: their rows say what their objects are."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_publish_intent WHERE object_key = ANY(%s)", [list(keys)])
