"""Creates ``product`` and ``product_photo``, or adopts those that the database has already. Never changes or drops one."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from etalase.edge.database import translated
from etalase.edge.project import product_model_name
from etalase.errors import UsageError
from etalase.postgres import REWRITE_RULES, TAKES_WRITES
from etalase.protocol import MAX_CATEGORY_CHARS

PHOTO_COLUMNS: Final = (
    "id", "product_id", "object_key", "filename", "size", "content_type", "checksum", "version", "is_primary", "sort_order",
    "created_at", "updated_at",
)  # fmt: skip
# Our own product table; the numbers are the longest texts that a run writes.
PRODUCT_LENGTHS: Final = {"sku": 100, "name": 255}
WRITTEN_LENGTHS: Final = PRODUCT_LENGTHS | {"category": MAX_CATEGORY_CHARS}  # a missing category is added
RENAME = "Give that column another name or a text type of 100 characters or more, then run `etalase edge migrate` again."
IN_PROJECT = "Use Etalase as an app of the project whose table it is (docs/COMING_FROM_THE_GUIDE.md), or name another database."


class Column(NamedTuple):
    """A column of a table, as ``information_schema`` describes it."""

    name: str
    type: str
    length: int | None
    is_required: bool


def columns(connection: Any, table: str) -> dict[str, Column]:
    """Returns the columns of the table that the role's search_path finds; none if there is no such table."""
    with connection.cursor() as db:
        db.execute(
            "SELECT column_name, data_type, character_maximum_length, is_nullable = 'NO' AND column_default IS NULL"
            " AND is_identity = 'NO' AND is_generated = 'NEVER' FROM information_schema.columns c, pg_class t"
            " WHERE t.oid = to_regclass(%s) AND c.table_name = t.relname"
            " AND c.table_schema = (SELECT nspname FROM pg_namespace n WHERE n.oid = t.relnamespace)",
            [f'"{table}"'],
        )
        return {row[0]: Column(*row) for row in db.fetchall()}


def standalone_problems(product: dict[str, Column], photo_refers_to: Sequence[str]) -> list[str]:
    """Returns the reasons for which a standalone edge cannot use the tables that are here. Pure."""
    problems = []
    if others := [table for table in photo_refers_to if table != "product"]:
        problems.append(f"product_photo refers to the products of another table, {', '.join(others)}")
    if not product:
        return problems
    missing = [name for name in ("id", *PRODUCT_LENGTHS) if name not in product]
    problems += [f"product lacks the column {name}" for name in missing]
    if "id" in product and product["id"].type != "uuid":
        problems.append(f"product.id is {product['id'].type}, not uuid")
    if "is_listed" in product:
        problems.append("product has a column is_listed already")
    problems += _text_problems(product)
    needed = [column.name for column in product.values() if column.is_required and column.name not in {"id", *WRITTEN_LENGTHS}]
    return problems + [f"product.{name} is NOT NULL without a default in the database" for name in needed]


def _text_problems(product: dict[str, Column]) -> list[str]:
    problems = []
    for name, length in WRITTEN_LENGTHS.items():
        column = product.get(name)
        if column and column.type not in {"text", "character varying"}:
            problems.append(f"product.{name} is {column.type}, not text")
        elif column and column.length is not None and column.length < length:
            problems.append(f"product.{name} holds {column.length} characters, not {length}")
    return problems


def create_standalone(connection: Any) -> None:
    """Creates the tables of a standalone edge that are missing. Raises :class:`CommandError` if those here are others."""
    product, photo = columns(connection, "product"), columns(connection, "product_photo")
    refers_to = _photo_refers_to(connection) if photo else []
    if problems := standalone_problems(product, refers_to) + photo_problems(photo) + relation_problems(connection):
        named = "; ".join(problems)
        message = f"A standalone edge cannot use the tables of this database: {named}. Nothing was changed. {IN_PROJECT}"
        raise CommandError(message, returncode=2)
    if not product:
        with connection.cursor() as db:
            db.execute(
                "CREATE TABLE product (id uuid NOT NULL PRIMARY KEY, sku varchar(100) NOT NULL, name varchar(255) NOT NULL)"
            )
    if not photo:
        _create_photo_table(connection, "product", "id")


def add_category(connection: Any) -> None:
    """Adds the category to our product table. Raises :class:`CommandError` if another program's column cannot hold it."""
    there = {name: column for name, column in columns(connection, "product").items() if name == "category"}
    if problems := _text_problems(there):
        message = f"The edge cannot write the categories of products: {'; '.join(problems)}. Nothing was changed. {RENAME}"
        raise CommandError(message, returncode=2)
    if not there:
        with connection.cursor() as db:
            db.execute(f"ALTER TABLE product ADD COLUMN category varchar({MAX_CATEGORY_CHARS}) NOT NULL DEFAULT ''")


def create_in_project(using: str) -> None:
    """Creates ``product_photo`` after all migrations of a project, unless a model of the project has the table."""
    connection = connections[using]
    if using != DEFAULT_DB_ALIAS or connection.vendor != "postgresql" or product_model_name() == "etalase_edge.Product":
        return
    if columns(connection, "product_photo") or not columns(connection, "etalase_checkpoint") or _is_theirs():
        return
    meta: Any = apps.get_model(product_model_name())._meta  # noqa: SLF001 - Django documents Model._meta as its API
    if columns(connection, meta.db_table):
        _create_photo_table(connection, meta.db_table, meta.pk.column)


def photo_problems(photo: dict[str, Column]) -> list[str]:
    """Returns the differences of an existing ``product_photo`` from the guide's form that no run can do with. Pure."""
    if not photo:
        return []
    problems = [f"product_photo lacks the column {name}" for name in PHOTO_COLUMNS if name not in photo]
    problems += [
        f"product_photo.{name} is {photo[name].type}, not uuid"
        for name in ("id", "product_id")
        if name in photo and photo[name].type != "uuid"
    ]
    return problems + [
        f"product_photo.{name} is {photo[name].type}, not timestamp with time zone"
        for name in ("created_at", "updated_at")
        if name in photo and photo[name].type != "timestamp with time zone"
    ]


def relation_problems(connection: Any) -> list[str]:
    """Returns what keeps PostgreSQL from every write of a run: a view that takes no rows, or rewrite rules."""
    with connection.cursor() as db:
        db.execute(f"SELECT {TAKES_WRITES}, {REWRITE_RULES} FROM pg_class c WHERE c.oid = to_regclass('product_photo')")
        takes_writes, rules = db.fetchone() or (True, [])
    problems = [] if takes_writes else ["product_photo is a view, or another relation that takes no writes"]
    return problems + [f"product_photo has the rewrite rule {name} (CREATE RULE): make it a trigger" for name in rules]


def form_problems(connection: Any) -> list[str]:
    """Returns all that keeps runs from the ``product_photo`` that is there."""
    return photo_problems(columns(connection, "product_photo")) + relation_problems(connection)


def refuse_other_form() -> None:
    """Raises :class:`UsageError` if ``product_photo`` has got a form that no run can do with."""
    with translated():
        problems = form_problems(connections[DEFAULT_DB_ALIAS])
    if problems:
        hint = "Bring it to the guide's DDL with ALTER TABLE."
        raise UsageError(f"No run is possible with this table: {'; '.join(problems)}.", hint=hint)


def _is_theirs() -> bool:
    """Returns whether a managed model of the project has the table, and migrations to create it."""
    from django.db.migrations.loader import MigrationLoader

    owners = [
        model._meta.app_label  # noqa: SLF001
        for model in apps.get_models()
        if model._meta.db_table == "product_photo" and model._meta.managed  # noqa: SLF001
    ]
    return bool(set(owners) & MigrationLoader(None).migrated_apps)


def _photo_refers_to(connection: Any) -> list[str]:
    with connection.cursor() as db:
        db.execute(
            "SELECT DISTINCT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid JOIN pg_attribute a"
            " ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey) AND a.attname = 'product_id'"
            " WHERE k.conrelid = to_regclass('product_photo') AND k.contype = 'f' ORDER BY 1"
        )
        return [row[0] for row in db.fetchall()]


def _create_photo_table(connection: Any, product_table: str, product_id: str) -> None:
    """Creates the guide's table.

    The foreign key is checked at once and not at COMMIT, so that a vanished product fails inside its own savepoint.
    """
    quote = connection.ops.quote_name
    with connection.cursor() as db:
        db.execute(
            f"""
            CREATE TABLE product_photo (
                id UUID PRIMARY KEY,
                product_id UUID NOT NULL,
                object_key VARCHAR(500),
                filename VARCHAR(255),
                size INTEGER,
                content_type VARCHAR(100),
                checksum VARCHAR(32),
                version INTEGER DEFAULT 1,
                is_primary BOOLEAN DEFAULT FALSE,
                sort_order INTEGER DEFAULT 0,
                created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
                updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
                FOREIGN KEY (product_id) REFERENCES {quote(product_table)}({quote(product_id)}) ON DELETE CASCADE
            )
            """
        )
        db.execute("CREATE INDEX idx_product_photo_product ON product_photo(product_id)")
        db.execute("CREATE INDEX idx_product_photo_primary ON product_photo(product_id, is_primary)")
