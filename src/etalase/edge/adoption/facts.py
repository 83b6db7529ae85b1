"""Reads the facts about a project's database that an adoption depends on. Reads PostgreSQL's catalog, and no table of ours."""

from typing import Any

from django.conf import settings as django_settings
from django.db import DEFAULT_DB_ALIAS, connection, router
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from etalase.edge.adoption.preconditions import Constraint, DatabaseFacts, PhotoColumn
from etalase.edge.adoption.shadow import is_table
from etalase.edge.database import cursor, is_behind_pooler
from etalase.edge.models import ProductPhoto
from etalase.edge.sync.storage.products import ProductTable
from etalase.postgres import TAKES_ALL


def read_facts(products: ProductTable) -> DatabaseFacts:
    """Reads the facts of the default database. Raises :class:`DatabaseAway`."""
    alias = router.db_for_write(ProductPhoto) or DEFAULT_DB_ALIAS
    if connection.vendor != "postgresql":
        return DatabaseFacts(vendor=connection.vendor, alias=alias, use_tz=django_settings.USE_TZ)
    has_photos, product_table = is_table("product_photo"), products.table.strip('"')
    has_products = is_table(product_table)
    product_columns = {column.name: column.type for column in _columns(product_table)} if has_products else {}
    needed = [name.strip('"') for name in (products.id, products.sku, products.name)]
    return DatabaseFacts(
        alias=alias,
        behind_pooler=is_behind_pooler(),
        is_standby=bool(_query("SELECT pg_is_in_recovery()")[0][0]),
        is_read_only=_query("SHOW default_transaction_read_only")[0][0] == "on",
        use_tz=django_settings.USE_TZ,
        encoding=(encoding := _query("SHOW server_encoding")[0][0]),
        lacks_characters=encoding not in TAKES_ALL,
        has_photo_table=has_photos,
        has_product_table=has_products,
        is_migrated=_is_migrated(),
        columns=_columns("product_photo") if has_photos else (),
        missing_product_columns=[name for name in needed if name not in product_columns] if has_products else [],
        product_id_type=product_columns.get(needed[0], "uuid"),
        missing_rights=_missing_rights(product_table if has_products else None, has_photos=has_photos),
        constraints=_constraints() if has_photos else (),
    )


def _query(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with cursor() as db:
        db.execute(sql, values)
        return list(db.fetchall())


def _is_migrated() -> bool:
    if not MigrationRecorder(connection).has_table():
        return False
    loader = MigrationLoader(connection)
    return set(loader.graph.leaf_nodes("etalase_edge")) <= set(loader.applied_migrations)


def _columns(table: str) -> list[PhotoColumn]:
    return [
        PhotoColumn(*record)
        for record in _query(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''"
            " FROM pg_attribute WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            table,
        )
    ]


def _missing_rights(product_table: str | None, *, has_photos: bool) -> list[str]:
    wanted = [(product_table, "SELECT")] if product_table else []
    wanted += [("product_photo", right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE") if has_photos]
    missing = [
        f"{right} on {table}"
        for table, right in wanted
        if not _query("SELECT has_table_privilege(to_regclass(quote_ident(%s)), %s)", table, right)[0][0]
    ]
    ((may_create, may_try),) = _query(
        "SELECT has_schema_privilege(current_schema(), 'CREATE'), has_database_privilege(current_database(), 'TEMP')"
    )
    if not may_create and not _is_migrated():
        missing.append("CREATE on the schema, for the tables of `migrate`")
    if not may_try:
        missing.append("TEMPORARY on the database, for a dry run")
    return missing


def _constraints() -> list[Constraint]:
    found = _query(
        "SELECT conname, CASE WHEN contype = 'f' THEN 'foreign key of ' || conrelid::regclass ELSE 'check' END,"
        " pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = to_regclass('product_photo')"
        " OR contype = 'f' AND confrelid = to_regclass('product_photo') AND conrelid <> confrelid"
        " UNION ALL SELECT indexrelid::regclass::text, 'unique index', pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = to_regclass('product_photo') AND indisunique AND NOT indisprimary"
        " UNION ALL SELECT tgname, 'trigger', pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgrelid = to_regclass('product_photo') AND NOT tgisinternal ORDER BY 2, 1"
    )
    return [Constraint(*record) for record in found]
