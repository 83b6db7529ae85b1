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
from etalase.edge.own_tables import relation_problems
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
        makes_products=products.is_ours,
        is_migrated=_is_migrated(),
        columns=_columns("product_photo") if has_photos else (),
        missing_product_columns=[name for name in needed if name not in product_columns] if has_products else [],
        product_id_type=product_columns.get(needed[0], "uuid"),
        missing_rights=_missing_rights(product_table if has_products else None, has_photos=has_photos),
        constraints=_constraints() if has_photos else (),
        relation_problems=relation_problems(connection),
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
            # Of a domain, the type below it: its checks are those of the customer's that refuse single rows.
            "WITH RECURSIVE base AS (SELECT oid, typbasetype AS type, typtypmod AS mod FROM pg_type WHERE typtype = 'd'"
            " UNION ALL SELECT base.oid, t.typbasetype, t.typtypmod FROM base JOIN pg_type t ON t.oid = base.type"
            " WHERE t.typtype = 'd')"
            " SELECT attname, coalesce((SELECT format_type(b.type, b.mod) FROM base b JOIN pg_type t ON t.oid = b.type"
            " WHERE b.oid = atttypid AND t.typtype <> 'd'), format_type(atttypid, atttypmod)), attnotnull,"
            " atthasdef OR attidentity <> ''"
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
        "WITH photo AS (SELECT to_regclass('product_photo')::oid AS oid)"
        " SELECT conname::text, CASE WHEN contype = 'x' THEN 'exclusion' WHEN contype = 'c' THEN 'check'"
        " WHEN conrelid = photo.oid THEN 'foreign key' ELSE 'foreign key of ' || conrelid::regclass END,"
        " pg_get_constraintdef(c.oid)"
        " FROM photo JOIN pg_constraint c ON contype IN ('c', 'x') AND conrelid = photo.oid"
        " OR contype = 'f' AND confrelid = photo.oid"
        # The guide's own key leads from the product; a missing product parks its photo.
        " OR contype = 'f' AND conrelid = photo.oid AND conkey <> ARRAY[(SELECT attnum FROM pg_attribute"
        " WHERE attrelid = photo.oid AND attname = 'product_id')]"
        " UNION ALL SELECT indexrelid::regclass::text, 'unique index', pg_get_indexdef(indexrelid) FROM photo JOIN pg_index"
        " ON indrelid = photo.oid AND indisunique AND NOT indisprimary"
        " UNION ALL SELECT tgname::text, 'trigger', pg_get_triggerdef(t.oid) FROM photo JOIN pg_trigger t"
        " ON tgrelid = photo.oid AND NOT tgisinternal AND tgenabled <> 'D'"
        " UNION ALL SELECT attname::text, 'generated column', pg_get_expr(adbin, adrelid) FROM photo JOIN pg_attribute a"
        " ON attrelid = photo.oid AND attgenerated <> '' JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
        " UNION ALL SELECT attname::text, 'domain', format_type(atttypid, atttypmod) FROM photo JOIN pg_attribute"
        " ON attrelid = photo.oid AND attnum > 0 AND NOT attisdropped JOIN pg_type t ON t.oid = atttypid AND typtype = 'd'"
        " UNION ALL SELECT polname::text, 'row security policy',"
        " concat_ws(' WITH CHECK ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))"
        " FROM photo JOIN pg_class c ON c.oid = photo.oid AND relrowsecurity JOIN pg_policy ON polrelid = photo.oid"
        " ORDER BY 2, 1"
    )
    return [Constraint(*record) for record in found]
