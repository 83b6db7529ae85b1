"""Checks which texts of a project's product model can be its category."""

import pytest

from etalase.edge.models import ProductPhoto
from etalase.edge.project import category_fields, category_lookup
from etalase.head_office.models import Product


@pytest.mark.parametrize(
    ("lookup", "columns"), [("", []), ("name", ["name"]), ("company__name", ["company_id", "name"]), ("category", ["category"])]
)
def test_a_text_of_the_product_or_behind_a_foreign_key_can_be_its_category(lookup: str, columns: list[str]) -> None:
    assert [field.column for field in category_fields(Product, lookup)] == columns


@pytest.mark.parametrize(
    ("lookup", "problem"),
    [
        ("nosuch", "head_office.Product has no such field as nosuch; it has id, company, sku, name"),
        ("company", "head_office.Product.company is a relation; name a text behind it, as in company__name"),
        ("company_id", "is a relation"),
        ("company__nosuch", "head_office.Company has no such field as nosuch; it has id, name"),
        ("company__id", "head_office.Company.id is not a text"),
        ("updated_at", "is not a text"),
        ("name__lower", "head_office.Product.name is not a foreign key"),
        ("stores__name", "head_office.Product.stores is not a foreign key"),
        ("photos__filename", "head_office.Product.photos is not a foreign key"),
        ("photos", "is a relation"),
        ("company__", "head_office.Company has no such field as ;"),
        ("__name", "head_office.Product has no such field as ;"),
    ],
)
def test_any_other_field_is_refused_with_the_reason(lookup: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        category_fields(Product, lookup)


def test_our_own_products_have_head_offices_category_without_a_setting() -> None:
    assert (category_lookup(""), category_lookup("kind__label")) == ("category", "kind__label")
    assert category_fields(ProductPhoto, "product__category")[-1].column == "category"
