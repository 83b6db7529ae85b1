"""Checks which databases can be adopted, and what a person is told about the others."""

from typing import Any

import pytest

from etalase.edge.adoption.preconditions import (
    EXPECTED,
    GUIDES_LENGTHS,
    Constraint,
    DatabaseFacts,
    PhotoColumn,
    can_be_compared,
    judge_database,
)
from etalase.edge.adoption.report import Adoption, Clash, OpenDecision, Precondition


def columns(**changes: str | None) -> list[PhotoColumn]:
    """Returns the guide's columns, some with another type, or without (None)."""
    types = {name: types[0] for name, types in EXPECTED.items()}
    types |= {name: f"{types[name]}({length})" for name, length in GUIDES_LENGTHS.items()}
    return [
        PhotoColumn(name, type_, is_required=False, has_default=False) for name, type_ in (types | changes).items() if type_
    ]


def facts(**changes: Any) -> DatabaseFacts:
    """Returns the facts of the guide's database with ``changes``."""
    return DatabaseFacts(**({"columns": columns()} | changes))


@pytest.mark.parametrize(
    ("changes", "id_", "compared"),
    [
        ({"vendor": "sqlite"}, "database", False),
        ({"alias": "photos"}, "database_alias", False),
        ({"behind_pooler": True}, "database_session", False),
        ({"is_standby": True}, "database_writable", False),
        ({"is_read_only": True}, "database_writable", True),
        ({"use_tz": False}, "time_zones", False),
        ({"missing_rights": ["INSERT on product_photo"]}, "rights", True),
        ({"missing_rights": ["SELECT on product"]}, "rights", False),
        ({"missing_rights": ["TEMPORARY on the database"]}, "rights", False),
        ({"columns": columns(checksum=None)}, "product_photo", False),
        ({"columns": columns(id="bigint")}, "product_photo", False),
        ({"columns": columns(updated_at="timestamp without time zone")}, "product_photo", False),
        ({"relation_problems": ["product_photo has the rewrite rule audit"]}, "product_photo", False),
        ({"has_product_table": False}, "products", False),
        ({"has_product_table": False, "has_photo_table": False, "makes_products": False}, "products", False),
        ({"missing_product_columns": ["sku"]}, "products", False),
        ({"product_id_type": "bigint"}, "products", False),
    ],
)
def test_what_makes_an_adoption_impossible_is_named_with_a_hint(changes: dict[str, Any], id_: str, compared: bool) -> None:
    found = facts(**changes)
    (failed,) = [condition for condition in judge_database(found, applies=False) if not condition.ok]
    assert failed.id == id_
    assert failed.detail
    assert failed.hint
    assert can_be_compared(found) is compared


def test_the_guides_own_database_can_be_adopted() -> None:
    assert all(condition.ok and not condition.hint for condition in judge_database(facts(), applies=True))
    assert can_be_compared(facts())


def test_the_form_that_django_gives_the_guides_table_is_the_guides() -> None:
    forms = columns(size="bigint", object_key="text", filename="character varying")
    assert all(condition.ok for condition in judge_database(facts(columns=forms), applies=True))


def test_migrations_are_needed_to_adopt_and_not_to_look() -> None:
    failed = [
        [condition.id for condition in judge_database(facts(is_migrated=False), applies=applies) if not condition.ok]
        for applies in (False, True)
    ]
    assert failed == [[], ["tables"]]


def test_what_may_refuse_single_photos_is_named_and_prevents_nothing() -> None:
    extra = PhotoColumn("menu_code", "text", is_required=True, has_default=False)
    found = facts(
        columns=[*columns(filename="character varying(10)", sort_order="smallint"), extra],
        constraints=[Constraint("one_place", "unique index", "UNIQUE (product_id, sort_order)")],
    )
    told = {condition.id: condition for condition in judge_database(found, applies=True)}
    assert all(condition.ok for condition in told.values())
    assert "filename holds 10 characters of the guide's 255" in told["product_photo"].detail
    assert "sort_order is smallint" in told["product_photo"].detail
    assert "menu_code is NOT NULL without a default" in told["product_photo"].detail
    assert "one_place: UNIQUE (product_id, sort_order)" in told["product_photo_constraints"].detail


DECISION = OpenDecision("a", "row_not_listed", "?", 1, ["x"], ["keep"], "keep")


@pytest.mark.parametrize(
    ("changes", "exit_status"),
    [
        ({}, 0),
        ({"decisions": [DECISION]}, 1),
        ({"clashes": [Clash("task", "a", "b", "c")]}, 1),
        ({"decisions": [DECISION], "applied": True}, 0),
        ({"preconditions": [Precondition("rights", ok=False, detail="-")], "decisions": [DECISION]}, 2),
    ],
)
def test_the_exit_status_says_clean_to_decide_or_impossible(changes: dict[str, Any], exit_status: int) -> None:
    report = Adoption(**changes)
    assert report.exit_status == exit_status
    assert set(report.as_json()) == {
        "ok", "decisions", "preconditions", "clashes", "rows", "bucket", "policy", "first_run",
    }  # fmt: skip
    assert report.as_json()["ok"] is (exit_status == 0)
