"""Reads and writes ``etalase_reclaim``: orphans (objects without a row), deleted after a grace period (hazard 15)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from etalase.edge.database import cursor
from etalase.edge.models import OwnState
from etalase.postgres import takes
from etalase.protocol import KEY_PREFIX
from etalase.renditions import parse_key


def is_ours(key: str) -> bool:
    """Returns whether ``key`` is a photo's or a rendition's; other objects in the bucket belong to others (hazard 16)."""
    return key.startswith(KEY_PREFIX) or parse_key(key) is not None


def schedule(keys: Collection[str], *, at: datetime) -> None:
    """Schedules the objects under ``keys`` for deletion, a grace period after ``at``. Ignores foreign keys (hazard 16).

    Ignores the store's own objects, too (:mod:`.own_objects`), and keys with a character that the database lacks: these objects
    stay.

    :func:`due` applies the length of the grace period, so that a changed ETALASE_RECLAIM_GRACE counts for waiting objects too.
    """
    ours = [key for key in dict.fromkeys(keys) if is_ours(key) and takes(key)]
    if not ours:
        return
    with cursor() as db:
        db.execute(
            "INSERT INTO etalase_reclaim (object_key, obsolete_at) SELECT key, %s FROM unnest(%s::text[]) AS key"
            " WHERE NOT EXISTS (SELECT 1 FROM etalase_own_object WHERE object_key = key AND state <> %s)"
            " ON CONFLICT (object_key) DO NOTHING",
            [at, ours, OwnState.DISOWNED],
        )


def cancel(keys: Collection[str]) -> None:
    """Takes ``keys`` off the schedule, deleted or named by rows. A later schedule starts a new grace period."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim WHERE object_key = ANY(%s)", [list(keys)])


def postpone(keys: Collection[str], *, until: datetime) -> None:
    """Postpones the deletion of objects that the bucket refuses to delete, so that they do not block the others."""
    with cursor() as db:
        db.execute("UPDATE etalase_reclaim SET put_off_until = %s WHERE object_key = ANY(%s)", [until, list(keys)])


def due(grace: timedelta, *, now: datetime) -> list[str]:
    """Returns the keys whose grace period is over. Takes keys off the schedule that a row names again."""
    with cursor() as db:
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")
        db.execute("DELETE FROM etalase_reclaim r USING etalase_rendition n WHERE n.object_key = r.object_key")
        # Scheduled while the clock was ahead: the grace period begins now.
        db.execute("UPDATE etalase_reclaim SET obsolete_at = %s WHERE obsolete_at > %s", [now, now])
        db.execute(
            "SELECT object_key FROM etalase_reclaim WHERE obsolete_at <= %s"
            " AND (put_off_until IS NULL OR put_off_until <= %s) ORDER BY coalesce(put_off_until, obsolete_at)",
            [now - grace, now],
        )
        return [record[0] for record in db.fetchall()]


def keys() -> set[str]:
    """Returns all scheduled keys."""
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_reclaim")
        return {record[0] for record in db.fetchall()}
