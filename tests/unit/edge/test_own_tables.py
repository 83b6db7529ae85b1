"""Checks which tables of a database a standalone edge can use."""

import pytest

from etalase.edge.own_tables import PHOTO_COLUMNS, Column, photo_problems, standalone_problems

TEXT = "character varying"
PRODUCT = {
    "id": Column("id", "uuid", None, is_required=True),
    "sku": Column("sku", TEXT, 100, is_required=True),
    "name": Column("name", "text", None, is_required=False),
}
PHOTO = {
    name: Column(name, "uuid" if name in {"id", "product_id"} else "timestamp with time zone", None, is_required=False)
    for name in PHOTO_COLUMNS
}


def test_a_database_without_tables_and_one_with_the_guides_can_be_used() -> None:
    assert standalone_problems({}, []) == []
    assert standalone_problems(PRODUCT, ["product"]) == []
    assert standalone_problems(PRODUCT | {"category": Column("category", TEXT, 100, is_required=True)}, []) == []
    assert standalone_problems(PRODUCT | {"note": Column("note", "text", None, is_required=False)}, []) == []
    assert photo_problems({}) == photo_problems(PHOTO) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": Column("id", "bigint", None, is_required=True)}, "product.id is bigint, not uuid"),
        ({"sku": Column("sku", TEXT, 50, is_required=True)}, "product.sku holds 50 characters, not 100"),
        ({"sku": Column("sku", "integer", None, is_required=True)}, "product.sku is integer, not text"),
        (
            {"price": Column("price", "numeric", None, is_required=True)},
            "product.price is NOT NULL without a default in the database",
        ),
        ({"category": Column("category", "jsonb", None, is_required=False)}, "product.category is jsonb, not text"),
        ({"is_listed": Column("is_listed", "boolean", None, is_required=False)}, "product has a column is_listed already"),
    ],
)
def test_each_difference_of_another_product_table_is_named(changes: dict[str, Column], problem: str) -> None:
    assert standalone_problems(PRODUCT | changes, []) == [problem]


def test_a_missing_column_and_a_foreign_key_elsewhere_are_named() -> None:
    assert standalone_problems({"id": PRODUCT["id"]}, ["menu_item"]) == [
        "product_photo refers to the products of another table, menu_item",
        "product lacks the column sku",
        "product lacks the column name",
    ]


def test_a_photo_table_of_another_form_is_refused_by_column() -> None:
    odd = PHOTO | {"updated_at": Column("updated_at", "timestamp without time zone", None, is_required=False)}
    odd["id"] = Column("id", "integer", None, is_required=True)
    del odd["checksum"]
    assert photo_problems(odd) == [
        "product_photo lacks the column checksum",
        "product_photo.id is integer, not uuid",
        "product_photo.updated_at is timestamp without time zone, not timestamp with time zone",
    ]
