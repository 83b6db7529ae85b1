"""Judges whether an edge can be adopted, by the facts of its database. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from etalase.edge.adoption.report import Precondition
from etalase.edge.command_names import as_typed

# The guide's DDL ("Step 4"), with the types under which a row of head office can be written.
_TEXT: Final = ("character varying", "text")
_INTEGER: Final = ("integer", "bigint", "smallint")
EXPECTED: Final = {
    "id": ("uuid",),
    "product_id": ("uuid",),
    "object_key": _TEXT,
    "filename": _TEXT,
    "size": _INTEGER,
    "content_type": _TEXT,
    "checksum": _TEXT,
    "version": _INTEGER,
    "is_primary": ("boolean",),
    "sort_order": _INTEGER,
    "created_at": ("timestamp with time zone",),
    "updated_at": ("timestamp with time zone",),
}
GUIDES_LENGTHS: Final = {"object_key": 500, "filename": 255, "content_type": 100, "checksum": 32}


@dataclass(frozen=True, slots=True)
class PhotoColumn:
    """A column of ``product_photo`` as PostgreSQL describes it: ``character varying(500)``."""

    name: str
    type: str
    is_required: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Constraint:
    """A thing of the project's that may refuse a row: its name, its kind in words, and its definition."""

    name: str
    kind: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """The database of a project. ``missing_rights`` are privileges that the role lacks, as ``INSERT on product_photo``.

    ``makes_products``: the product table is Etalase's own, which `migrate` makes.
    """

    vendor: str = "postgresql"
    alias: str = "default"
    behind_pooler: bool = False
    is_standby: bool = False
    is_read_only: bool = False
    use_tz: bool = True
    encoding: str = "UTF8"
    lacks_characters: bool = False
    has_photo_table: bool = True
    has_product_table: bool = True
    makes_products: bool = True
    is_migrated: bool = True
    columns: Sequence[PhotoColumn] = ()
    missing_product_columns: Sequence[str] = ()
    product_id_type: str = "uuid"
    missing_rights: Sequence[str] = ()
    constraints: Sequence[Constraint] = ()
    relation_problems: Sequence[str] = ()


def can_be_compared(facts: DatabaseFacts) -> bool:
    """Returns whether the rows can be read as a run reads them, whatever else keeps the edge from its adoption."""
    if facts.vendor != "postgresql" or facts.alias != "default" or not facts.use_tz:
        return False
    may_read = not any(right.startswith(("SELECT", "TEMPORARY")) for right in facts.missing_rights)
    has_form = _columns(facts).ok and _products(facts).ok
    return has_form and may_read and not facts.behind_pooler and not facts.is_standby


def judge_database(facts: DatabaseFacts, *, applies: bool) -> list[Precondition]:
    """Returns every precondition of the database. ``applies``: our own tables are needed, too."""
    if facts.vendor != "postgresql":
        return [
            Precondition(
                "database", ok=False, detail=f"The default database is {facts.vendor}.", hint="Etalase needs PostgreSQL."
            )
        ]
    return [
        Precondition("database", ok=True, detail="The default database is PostgreSQL."),
        *_of_session(facts),
        _encoding(facts),
        _tables(facts, applies=applies),
        _columns(facts),
        _constraints(facts),
        _products(facts),
    ]


def _of_session(facts: DatabaseFacts) -> Iterator[Precondition]:
    is_default, read_only = facts.alias == "default", facts.is_standby or facts.is_read_only
    yield Precondition(
        "database_alias",
        ok=is_default,
        detail=f"product_photo is in the database «{facts.alias}».",
        hint="" if is_default else "Etalase uses the database «default»: let the router send its models there.",
    )
    yield Precondition(
        "database_session",
        ok=not facts.behind_pooler,
        detail="The connection leads through a pooler." if facts.behind_pooler else "The connection is PostgreSQL's own.",
        hint="Name PostgreSQL's own port: a run's lock lives in its session." if facts.behind_pooler else "",
    )
    yield Precondition(
        "database_writable",
        ok=not read_only,
        detail="The database is read-only." if read_only else "The database takes writes.",
        hint="Name the primary server, or switch default_transaction_read_only off." if read_only else "",
    )
    yield Precondition(
        "time_zones",
        ok=facts.use_tz,
        detail=f"USE_TZ is {facts.use_tz}.",
        hint="" if facts.use_tz else "Set USE_TZ = True: head office's times have zones.",
    )
    yield Precondition(
        "rights",
        ok=not facts.missing_rights,
        detail=f"The role lacks: {', '.join(facts.missing_rights)}." if facts.missing_rights else "The role has its rights.",
        hint="GRANT them to the role of the settings." if facts.missing_rights else "",
    )


def _encoding(facts: DatabaseFacts) -> Precondition:
    detail, hint = f"The database's encoding is {facts.encoding}", ""
    if facts.lacks_characters:
        detail += ": a photo with another character in a text is refused, and an object with one in its key stays"
        hint = "Dump it, create it anew with ENCODING 'UTF8' TEMPLATE template0, and restore it."
    return Precondition("database_encoding", ok=True, detail=f"{detail}.", hint=hint)


def _tables(facts: DatabaseFacts, *, applies: bool) -> Precondition:
    if facts.is_migrated:
        return Precondition("tables", ok=True, detail="Etalase's own tables are there.")
    hint = as_typed("Run `etalase edge migrate`; it makes tables named etalase_* and changes no other.")
    return Precondition("tables", ok=not applies, detail="Etalase's own tables are not there yet.", hint=hint)


def _columns(facts: DatabaseFacts) -> Precondition:
    if not facts.has_photo_table:
        return Precondition("product_photo", ok=True, detail="There is no table product_photo yet; `migrate` makes it.")
    there = {column.name: column for column in facts.columns}
    wrong = [f"{name} is missing" for name in EXPECTED if name not in there]
    wrong += [
        f"{name} is {there[name].type} instead of {types[0]}"
        for name, types in EXPECTED.items()
        if name in there and _bare(there[name].type) not in types
    ]
    wrong += facts.relation_problems
    if wrong:
        return Precondition(
            "product_photo",
            ok=False,
            detail=f"product_photo does not have the guide's form: {'; '.join(wrong)}.",
            hint="Bring the table to the guide's DDL (ALTER TABLE), then look again.",
        )
    risks = [*_short(facts.columns), *_required(facts.columns)]
    if risks:
        detail = f"product_photo has the guide's columns, and may refuse photos, one by one: {'; '.join(risks)}."
        return Precondition("product_photo", ok=True, detail=detail, hint="Widen the column, or give it a default.")
    return Precondition("product_photo", ok=True, detail="product_photo has the guide's columns.")


def _bare(type_name: str) -> str:
    return type_name.partition("(")[0]


def _short(columns: Sequence[PhotoColumn]) -> Iterator[str]:
    for column in columns:
        length = column.type.rpartition("(")[2].rstrip(")")
        if length.isdecimal() and int(length) < GUIDES_LENGTHS.get(column.name, 0):
            yield f"{column.name} holds {length} characters of the guide's {GUIDES_LENGTHS[column.name]}"
        elif column.type == "smallint" and column.name in EXPECTED:
            yield f"{column.name} is smallint, which ends at 32767"


def _required(columns: Sequence[PhotoColumn]) -> Iterator[str]:
    for column in columns:
        if column.is_required and not column.has_default and column.name not in EXPECTED:
            yield f"{column.name} is NOT NULL without a default in the database"


def _constraints(facts: DatabaseFacts) -> Precondition:
    if not facts.constraints:
        return Precondition("product_photo_constraints", ok=True, detail="Nothing else of the project's refuses a photo's row.")
    named = "; ".join(f"{found.kind} {found.name}: {found.definition}" for found in facts.constraints)
    return Precondition(
        "product_photo_constraints",
        ok=True,
        detail=f"May refuse a photo's row, or its removal, product by product: {named}.",
        hint=as_typed(
            "Each photo that one of them refuses stays as it is, is listed by `etalase edge failures`, and is tried again."
        ),
    )


def _products(facts: DatabaseFacts) -> Precondition:
    if not facts.has_product_table:
        return Precondition(
            "products",
            ok=facts.makes_products and not facts.has_photo_table,
            detail="There is no product table.",
            hint=_no_products(facts),
        )
    if facts.missing_product_columns or facts.product_id_type != "uuid":
        wrong = [f"has no column {name}" for name in facts.missing_product_columns]
        wrong += [f"its id is {facts.product_id_type} instead of uuid"] if facts.product_id_type != "uuid" else []
        return Precondition(
            "products",
            ok=False,
            detail=f"The product table {'; '.join(wrong)}.",
            hint="Name the model in ETALASE_PRODUCT_MODEL, and its fields in ETALASE_PRODUCT_NAME_FIELD and _SKU_FIELD.",
        )
    return Precondition("products", ok=True, detail="The product table has an id, a name and a SKU.")


def _no_products(facts: DatabaseFacts) -> str:
    if not facts.makes_products:
        return "Migrate the project's own apps first; if that was done, the role's search_path leads elsewhere."
    return "Name the project's own in ETALASE_PRODUCT_MODEL." if facts.has_photo_table else "`migrate` makes one."
