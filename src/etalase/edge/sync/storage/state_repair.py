"""Drops values of our own tables that no run could have written, so that they fail no run (hazard 66)."""

from datetime import UTC, datetime, timedelta

from django.apps import apps
from django.db import transaction
from django.db.models import DateTimeField

from etalase.edge.database import cursor, translated
from etalase.edge.integrity import Damage
from etalase.edge.models import Checkpoint, Removal
from etalase.edge.sync.plan.removal_bound import Cause
from etalase.edge.sync.storage.checkpoint import is_token
from etalase.edge.sync.storage.reclaims import is_ours
from etalase.objectstore.model import names_one_object
from etalase.postgres import FAR_FUTURE, FAR_PAST
from etalase.protocol import lenient_time

# Above any real number of photos, and low enough that the column can hold one more.
MAX_PHOTOS = 1_000_000_000
_UTC_PAST, _UTC_FUTURE = FAR_PAST.replace(tzinfo=UTC), FAR_FUTURE.replace(tzinfo=UTC)
# A word that this version does not know becomes the one that its enumeration reads it as.
_WORDS = (("etalase_doubt", "kind", Damage), ("etalase_removal", "cause", Cause))
# A time further ahead than SOON was written under a wrong clock, and would stay in force until then.
_SOON = (
    ("etalase_removal", "decided_at"),
    ("etalase_doubt", "asked_at"),
    ("etalase_reclaim", "put_off_until"),
    ("etalase_rendition", "next_try_at"),
)
# A rendition's key names its photo, MD5, width and type; another key is never put, nor deleted.
_STRANGE_RENDITION = (
    "DELETE FROM etalase_rendition WHERE object_key IS DISTINCT FROM 'renditions/' || photo_id || '/' || checksum || '-'"
    " || width || CASE content_type WHEN 'image/jpeg' THEN '.jpg' WHEN 'image/webp' THEN '.webp' END"
)
SOON = timedelta(days=2)


def distrust(checkpoint: Checkpoint, *, keeps: bool, now: datetime) -> list[str]:
    """Replaces impossible values in ``checkpoint`` and, if ``keeps``, in the database. Returns the names of these columns.

    :mod:`~etalase.edge.sync.storage.retry_list` drops unreadable entries itself, and :class:`etalase.edge.models.KeptJSON`
    unreadable JSON.
    """
    dropped = _mend_checkpoint(checkpoint, now)
    if not keeps:
        return dropped
    with translated(), transaction.atomic():
        if dropped:
            checkpoint.save(update_fields=dropped)
        dropped += _mend_times(now)
        with cursor() as db:
            for table, column, words in _WORDS:
                known = [word.value for word in words]
                db.execute(f"UPDATE {table} SET {column} = %s WHERE {column} <> ALL(%s)", [words("").value, known])
                dropped += [f"{table}.{column}"] * bool(db.rowcount)
            for table, column in _SOON:
                db.execute(f"UPDATE {table} SET {column} = %s WHERE {column} > %s", [now, now + SOON])
                dropped += [f"{table}.{column}"] * bool(db.rowcount)
            db.execute("DELETE FROM etalase_removal WHERE state <> ALL(%s)", [list(Removal.State.values)])
            dropped += ["etalase_removal.state"] * bool(db.rowcount)
            db.execute(_STRANGE_RENDITION)
            dropped += ["etalase_rendition.object_key"] * bool(db.rowcount)
            for table in ("etalase_publish_intent", "etalase_reclaim"):
                db.execute(f"SELECT object_key FROM {table}")
                strange = [key for (key,) in db.fetchall() if not is_ours(key) or not names_one_object(key)]
                if strange:  # not a photo's key: the object is neither read nor deleted
                    db.execute(f"DELETE FROM {table} WHERE object_key = ANY(%s)", [strange])
                    dropped.append(f"{table}.object_key")
    return dropped


def _mend_checkpoint(checkpoint: Checkpoint, now: datetime) -> list[str]:
    """Replaces impossible values of ``checkpoint`` in memory. Returns the names of their fields."""
    dropped = []
    for name in ("sync_timestamp", "products_sync_timestamp"):
        kept = getattr(checkpoint, name)
        if kept and lenient_time(kept) is None:
            setattr(checkpoint, name, None)
            dropped.append(name)
    for name in ("access_token", "refresh_token"):
        kept = getattr(checkpoint, name)
        if kept and not is_token(kept):
            setattr(checkpoint, name, "")
            dropped.append(name)
    if checkpoint.compared_at and checkpoint.compared_at > now:  # written while the clock was ahead
        checkpoint.compared_at = None
        dropped.append("compared_at")
    if checkpoint.photos is not None and not 0 <= checkpoint.photos <= MAX_PHOTOS:
        checkpoint.photos = None
        dropped.append("photos")
    return dropped


def _mend_times(now: datetime) -> list[str]:
    """Replaces times of our own tables that a Python datetime cannot hold. Returns the names of their columns."""
    bounds, times = {"past": _UTC_PAST, "future": _UTC_FUTURE, "now": now}, _time_columns()
    odd = {name: f"{name} <= %(past)s OR {name} >= %(future)s" for name in times}
    table_of = {name: name.partition(".")[0] for name in times}
    # One statement for all columns, since nearly every run finds nothing.
    checks = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {table_of[name]} WHERE {odd[name]})" for name in times]
    with cursor() as db:
        db.execute(" UNION ALL ".join(checks), bounds)
        found = [name for (name,) in db.fetchall()]
        for name in found:
            value = "NULL" if times[name] else "%(now)s"
            db.execute(f"UPDATE {table_of[name]} SET {name.partition('.')[2]} = {value} WHERE {odd[name]}", bounds)
    return found


def _time_columns() -> dict[str, bool]:
    """Returns the times of our own tables, as ``table.column``, and whether they may be null."""
    metas = [model._meta for model in apps.get_app_config("etalase_edge").get_models()]  # noqa: SLF001 - Django documents it
    return {
        f"{meta.db_table}.{time.column}": time.null
        for meta in metas
        if meta.db_table.startswith("etalase_")
        for time in meta.get_fields()
        if isinstance(time, DateTimeField)
    }
