"""Reads and writes ``etalase_reclaim``: objects without a row, which are deleted after their grace period (hazard 15)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from etalase.edge.database import cursor
from etalase.protocol import KEY_PREFIX


# Reclaiming objects
def schedule(keys: Collection[str]) -> None:
    """Let the objects under ``keys`` go after their grace, if no row names them then. What is not ours stays (hazard 16).

    How long that is, is asked when it may be over: so a changed RECLAIM_GRACE counts for what waits already.
    """
    ours = [key for key in dict.fromkeys(keys) if key.startswith(KEY_PREFIX)]
    if not ours:
        return
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_reclaim (object_key) SELECT * FROM unnest(%s::text[]) ON CONFLICT (object_key) DO NOTHING",
            [ours],
        )


def cancel(keys: Collection[str]) -> None:
    """The objects under ``keys`` are gone, or a row names them: should they go later, they have their grace anew."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim WHERE object_key = ANY(%s)", [list(keys)])


def postpone(keys: Collection[str], *, until: datetime) -> None:
    """The objects under ``keys`` cannot be removed now; the others must not wait for them."""
    with cursor() as db:
        db.execute("UPDATE etalase_reclaim SET put_off_until = %s WHERE object_key = ANY(%s)", [until, list(keys)])


def due(grace: timedelta) -> list[str]:
    """The keys whose ``grace`` is over. Those that a row names again are forgotten here, their objects stay."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")
        # By a clock that was ahead once: the grace begins now.
        db.execute("UPDATE etalase_reclaim SET obsolete_at = now() WHERE obsolete_at > now()")
        db.execute(
            "SELECT object_key FROM etalase_reclaim WHERE obsolete_at <= now() - %s"
            " AND (put_off_until IS NULL OR put_off_until <= now()) ORDER BY coalesce(put_off_until, obsolete_at)",
            [grace],
        )
        return [record[0] for record in db.fetchall()]


def keys() -> set[str]:
    """The keys that wait for their grace."""
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_reclaim")
        return {record[0] for record in db.fetchall()}
