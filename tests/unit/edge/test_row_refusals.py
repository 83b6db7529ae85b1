"""Checks which database errors are the refusal of one row, and how they name the rule."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import django.db
import pytest

from etalase.edge.row_refusals import row_refusal
from etalase.edge.sync.storage.photo_rules import PhotoRules, rules_of
from etalase.errors import RowRefused

NAMES = ("table_name", "constraint_name", "column_name", "context", "message_primary", "source_function")
IN_TRIGGER = "PL/pgSQL function guard() line 1 at RAISE"
IN_TRIGGER_IN_GERMAN = "PL/pgSQL-Funktion shop.guard() Zeile 1 bei RAISE"


@dataclass
class DriverError(Exception):
    """An error as psycopg has it: with its SQLSTATE and the diagnostics."""

    sqlstate: str
    diag: Any = field(default_factory=SimpleNamespace)


@dataclass
class OlderDriverError(Exception):
    """An error as psycopg2 has it."""

    pgcode: str
    diag: Any = field(default_factory=SimpleNamespace)


def error(state: str, diagnostics: dict[str, str], driver: type[Any] = DriverError) -> Exception:
    """Returns Django's error with the driver's as its cause."""
    raised = django.db.DatabaseError("refused")
    raised.__cause__ = driver(state, SimpleNamespace(**{name: diagnostics.get(name) for name in NAMES}))
    return raised


@pytest.mark.parametrize("driver", [DriverError, OlderDriverError])
@pytest.mark.parametrize(
    ("state", "diagnostics", "rule"),
    [
        ("23514", {"table_name": "product_photo", "constraint_name": "small"}, "constraint small"),
        ("23503", {"table_name": "promo", "constraint_name": "fk"}, "constraint fk of promo"),
        ("23502", {"table_name": "product_photo", "column_name": "caption"}, "column caption"),
        ("22001", {}, ""),
        ("428C9", {}, ""),
        ("54000", {}, ""),
        ("P0001", {"context": IN_TRIGGER}, "function guard"),
        ("P0001", {"context": IN_TRIGGER_IN_GERMAN}, "function shop.guard"),
        ("ET001", {"context": IN_TRIGGER}, "function guard"),
        ("42501", {"context": IN_TRIGGER}, "function guard"),
        ("42P01", {"context": IN_TRIGGER}, "function guard"),
        ("42501", {"source_function": "ExecWithCheckOptions"}, "row security"),
        ("22P05", {}, "the database's encoding"),
        *(
            (state, {"context": IN_TRIGGER, "source_function": "exec_stmt_raise"}, "function guard")
            for state in ("08006", "25006", "40001", "40P01", "53100", "55P03", "57014", "57P01", "58030", "XX000", "XX001")
        ),
        ("08001", {"context": "PL/pgSQL function to_other_server() line 1 at PERFORM"}, "function to_other_server"),
        ("XX000", {"context": IN_TRIGGER_IN_GERMAN}, "function shop.guard"),
    ],
)
def test_a_refusal_names_its_rule(state: str, diagnostics: dict[str, str], rule: str, driver: type[Any]) -> None:
    refused = row_refusal(error(state, diagnostics, driver))
    assert refused is not None
    assert refused.rule == rule
    assert state in str(refused)


@pytest.mark.parametrize(
    ("state", "diagnostics"),
    [
        ("42501", {"source_function": "aclcheck_error"}),
        ("42P01", {}),
        ("42703", {}),
        ("23505", {"table_name": "etalase_sync_run", "constraint_name": "etalase_sync_run_pkey"}),
        *(
            (state, {"context": IN_TRIGGER})
            for state in ("40001", "40P01", "53100", "55P03", "57014", "57P01", "58030", "XX001")
        ),
        ("08006", {}),
        ("XX000", {"context": "while inserting index tuple (0,5) in relation »product_photo_pkey«"}),
        ("55P03", {"context": 'SQL statement "SELECT 1 FROM ONLY "public"."product" x WHERE "id" OPERATOR(pg_catalog.=) $1"'}),
    ],
)
def test_a_fault_of_every_statement_is_no_refusal_of_a_row(state: str, diagnostics: dict[str, str]) -> None:
    assert row_refusal(error(state, diagnostics)) is None


def test_an_error_without_diagnostics_is_no_refusal() -> None:
    assert row_refusal(django.db.InterfaceError("connection already closed")) is None
    assert row_refusal(ValueError("no")) is None


GUIDE = [
    ("column", "id", "uuid", False),
    ("column", "filename", "character varying(255)", False),
    ("column", "size", "integer", False),
    ("product_key", "product_photo_product_id_fkey", "", False),
]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], PhotoRules(product_keys=frozenset({"product_photo_product_id_fkey"}))),
        ([("column", "caption", "text", False)], PhotoRules(product_keys=frozenset({"product_photo_product_id_fkey"}))),
    ],
)
def test_the_guides_table_has_no_rules(more: list[tuple[str, str, str, bool]], expected: PhotoRules) -> None:
    assert rules_of(GUIDE + more) == expected


@pytest.mark.parametrize(
    ("record", "writes", "deletes", "at_commit"),
    [
        (("product_key", "django_fk", "", True), (), (), True),
        (("reference", "banner_fk", "", False), (), ("banner_fk",), True),
        (("constraint", "small", "", False), ("small",), (), False),
        (("index", "one_name", "", False), ("one_name",), (), False),
        (("trigger", "guard", "f_guard", False), ("guard",), ("guard",), True),
        (("generated", "upper_name", "text", False), ("upper_name",), (), False),
        (("required", "caption", "text", False), ("caption",), (), False),
        (("required", "checksum", "character varying(32)", False), (), (), False),
        (("required", "filename", "character varying(255)", False), ("filename",), (), False),
        (("column", "filename", "character varying(10)", False), ("filename",), (), False),
        (("column", "filename", "text", False), (), (), False),
        (("column", "size", "bigint", False), (), (), False),
        (("column", "created_at", "timestamp(3) with time zone", False), ("created_at",), (), False),
        (("row_security", "row security", "", False), ("row security",), ("row security",), False),
        (("partitions", "partitions", "", False), ("partitions",), (), False),
    ],
)
def test_a_record_of_the_catalogue_is_a_rule_for_writes_or_deletes(
    record: tuple[str, str, str, bool], writes: tuple[str, ...], deletes: tuple[str, ...], at_commit: bool
) -> None:
    rules = rules_of([record])
    assert (rules.for_writes, rules.for_deletes, rules.at_commit) == (writes, deletes, at_commit)


def test_a_function_is_named_by_its_trigger_and_a_narrow_column_by_itself() -> None:
    rules = rules_of([("trigger", "guard", "f_guard", False), ("column", "filename", "character varying(10)", False)])
    raised = RowRefused("function f_guard", "no (P0001)", state="P0001", function="f_guard")
    assert rules.described(raised) == "trigger guard (function f_guard): no (P0001)"
    assert rules.described(RowRefused("", "too long (22001)")) == "column filename character varying(10): too long (22001)"
    assert PhotoRules().described(RowRefused("", "no (22001)")) == "a rule of the table: no (22001)"
