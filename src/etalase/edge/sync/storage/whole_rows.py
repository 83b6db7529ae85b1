"""Inserts whole rows of ``product_photo`` again, with the customer's own columns."""

from typing import Any


def insert_whole(db: Any, whole: str, changes: str) -> int:
    """Inserts a row from its JSON, with the ``changes``, an object of columns. Returns how many rows are inserted, 0 or 1."""
    db.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('product_photo') AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''"
        " AND attname IN (SELECT jsonb_object_keys(%s::jsonb || %s::jsonb))",
        [whole, changes],
    )
    names = ", ".join(_quoted(record[0]) for record in db.fetchall())
    db.execute(
        f"INSERT INTO product_photo ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM"
        " jsonb_populate_record(NULL::product_photo, %s::jsonb || %s::jsonb) ON CONFLICT (id) DO NOTHING",
        [whole, changes],
    )
    return int(db.rowcount)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""').replace("%", "%%")
    return f'"{doubled}"'
