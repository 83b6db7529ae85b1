"""Reads the rules of ``product_photo`` beyond the guide's DDL, which may refuse a row (hazard 68)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from etalase.edge.database import cursor
from etalase.edge.sync.plan.model import ProductPlan
from etalase.errors import PhotoError, Reason, RowRefused, RowWaits
from etalase.protocol import Photo

# The guide's columns: the longest text, or the least bits of the number; and the types that take each value of the guide's.
_LENGTHS: Final = {"object_key": 500, "filename": 255, "content_type": 100, "checksum": 32}
_TYPES: Final = {
    **dict.fromkeys(_LENGTHS, ("text", "character varying")),
    **dict.fromkeys(("id", "product_id"), ("uuid",)),
    **dict.fromkeys(("size", "version", "sort_order"), ("integer", "bigint")),
    "is_primary": ("boolean",),
    **dict.fromkeys(("created_at", "updated_at"), ("timestamp with time zone",)),
}
# Columns of the guide that a run may write as null.
_NULLABLE: Final = {"filename", "content_type"}
_CATALOGUE: Final = """
    WITH photo AS (SELECT oid, relrowsecurity, relkind FROM pg_class WHERE oid = to_regclass('product_photo'))
    SELECT CASE WHEN c.confrelid = photo.oid THEN 'reference'
                WHEN c.contype = 'f' AND c.conkey = ARRAY[(SELECT attnum FROM pg_attribute
                     WHERE attrelid = photo.oid AND attname = 'product_id')] THEN 'product_key'
                ELSE 'constraint' END, c.conname::text, '', c.condeferrable
        FROM photo JOIN pg_constraint c ON photo.oid IN (c.conrelid, c.confrelid) WHERE c.contype IN ('f', 'c', 'u', 'x')
    UNION ALL SELECT 'index', i.indexrelid::regclass::text, '', FALSE
        FROM photo JOIN pg_index i ON i.indrelid = photo.oid
        WHERE NOT i.indisprimary AND (i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('u', 'x'))
    UNION ALL SELECT 'trigger', t.tgname::text, p.proname::text, t.tgdeferrable
        FROM photo JOIN pg_trigger t ON t.tgrelid = photo.oid JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
    UNION ALL SELECT CASE WHEN a.attgenerated <> '' THEN 'generated'
                          WHEN a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' THEN 'required' ELSE 'column' END,
            a.attname::text, format_type(a.atttypid, a.atttypmod), FALSE
        FROM photo JOIN pg_attribute a ON a.attrelid = photo.oid WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT DISTINCT 'unique', a.attname::text, '', FALSE
        FROM photo JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = photo.oid
        JOIN pg_attribute a ON a.attrelid = photo.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
        WHERE d.classid = 'pg_class'::regclass AND d.objid IN (SELECT indexrelid FROM pg_index
            WHERE indrelid = photo.oid AND (indisunique OR indisexclusion) AND NOT indisprimary)
        OR d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT oid FROM pg_constraint
            WHERE conrelid = photo.oid AND contype IN ('u', 'x'))
    UNION ALL SELECT 'encoding', 'encoding ' || current_setting('server_encoding'), '', FALSE FROM photo
        WHERE current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII')
    UNION ALL SELECT 'row_security', 'row security', '', FALSE FROM photo WHERE relrowsecurity
    UNION ALL SELECT 'partitions', 'partitions', '', FALSE FROM photo WHERE relkind = 'p'
"""


@dataclass(frozen=True, slots=True)
class PhotoRules:
    """The rules beyond the guide's. ``for_writes`` can refuse an insert or update, ``for_deletes`` a delete.

    ``product_keys`` are the foreign keys of ``product_id``; ``at_commit``: a rule may be checked at COMMIT only (hazard 58).
    ``triggers`` has the trigger of each function, ``narrow`` the columns that do not take each value of the guide's, ``unique``
    the columns about which a unique index or an exclusion is.
    """

    for_writes: tuple[str, ...] = ()
    for_deletes: tuple[str, ...] = ()
    product_keys: frozenset[str] = frozenset()
    at_commit: bool = False
    triggers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    narrow: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unique: tuple[str, ...] = ()

    @property
    def silent(self) -> str:
        """Returns the rules that can drop a write without an error."""
        return f"trigger {' or '.join(sorted(self.triggers.values()))}" if self.triggers else "a rule of the table"

    def concern(self, plan: ProductPlan) -> bool:
        """Returns whether a rule may refuse rows of the plan."""
        return bool(self.for_writes or (self.for_deletes and plan.displaced))

    def photo_error(self, refused: RowRefused, photos: Iterable[Photo]) -> PhotoError:
        """Returns the failure of photos whose rows PostgreSQL refuses."""
        if self.is_of_missing_product(refused):
            return PhotoError(Reason.PRODUCT_MISSING, "its product is no longer here")
        reason = Reason.ROW_WAITS if isinstance(refused, RowWaits) else Reason.ROW_REFUSED
        return PhotoError(reason, self.described(refused, photos))

    def is_of_missing_product(self, refused: RowRefused) -> bool:
        """Returns whether the row was refused because its product is not here."""
        return refused.state == "23503" and refused.table == "product_photo" and refused.constraint in self.product_keys

    def described(self, refused: RowRefused, photos: Iterable[Photo] = ()) -> str:
        """Returns the rule that refuses and PostgreSQL's words, as the retry list and `held` show them."""
        return f"{self.named(refused, photos)}: {refused.detail}"

    def named(self, refused: RowRefused, photos: Iterable[Photo] = ()) -> str:
        """Returns the rule that refuses: the trigger of a function, or the columns that are too narrow for these photos."""
        if refused.function in self.triggers and not refused.constraint:
            return f"trigger {self.triggers[refused.function]} ({refused.rule or 'function ' + refused.function})"
        if refused.rule:
            return refused.rule
        wide = [name for name, kind in self.narrow.items() if any(_exceeds(getattr(one, name, None), kind) for one in photos)]
        columns = [f"{name} {self.narrow[name]}" for name in wide or self.narrow]
        return f"column {', '.join(columns)}" if columns else "a rule of the table"


def read() -> PhotoRules:
    """Reads the rules from PostgreSQL's catalogue, in one statement."""
    with cursor() as db:
        db.execute(_CATALOGUE)
        return rules_of(db.fetchall())


def rules_of(records: Sequence[tuple[Any, ...]]) -> PhotoRules:
    """Returns the rules of the catalogue's ``records``: kind, name, type or function, deferrable. Pure."""
    of_kind: dict[str, list[str]] = {}
    for kind, name, _, _ in records:
        of_kind.setdefault(kind, []).append(name)
    triggers = {function: name for kind, name, function, _ in records if kind == "trigger"}
    types = {name: type_ for kind, name, type_, _ in records if kind in {"column", "required", "generated"}}
    narrow = {name: type_ for name, type_ in types.items() if name in _TYPES and _is_narrow(name, type_)}
    required = [name for name in of_kind.get("required", ()) if name not in _TYPES or name in _NULLABLE]
    others = [name for kind in ("constraint", "index", "trigger", "generated", "row_security", "partitions", "encoding")
              for name in of_kind.get(kind, ())]  # fmt: skip
    references = of_kind.get("reference", [])
    deletes = [*references, *(name for kind in ("trigger", "row_security") for name in of_kind.get(kind, ()))]
    return PhotoRules(
        for_writes=(*others, *required, *narrow),
        for_deletes=tuple(deletes),
        product_keys=frozenset(of_kind.get("product_key", ())),
        # A trigger, or a cascade, may write to a table whose own rules are deferred.
        at_commit=bool(triggers or references) or any(deferrable for *_, deferrable in records),
        triggers=triggers,
        narrow=narrow,
        unique=tuple(of_kind.get("unique", ())),
    )


def _is_narrow(name: str, type_: str) -> bool:
    base, _, length = type_.partition("(")
    return base not in _TYPES[name] or (bool(length) and int(length.rstrip(")")) < _LENGTHS.get(name, 0))


def _exceeds(value: object, type_: str) -> bool:
    """Returns whether a column of this narrower type does not take the value, as far as that can be told."""
    length = type_.partition("(")[2].rstrip(")")
    if isinstance(value, str):
        return length.isdecimal() and len(value) > int(length)
    return type_ == "smallint" and isinstance(value, int) and abs(value) > 0x7FFF
