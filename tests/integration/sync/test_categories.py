"""Checks how categories of products come from head office's list of products."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.own_tables import add_category, columns

NAMES = ("KOPI", "SATE", "TEH")
ListsProducts = Callable[..., None]


@pytest.fixture
def lists(edge: Edge) -> ListsProducts:
    """Lets head office list the products with these categories; a name without one has no such field."""
    for name in NAMES:
        edge.ho.put(name, picture(name))
    told = iter(range(100))

    def list_products(**category_of: Any) -> None:
        version = f"version {next(told)}"

        def answer(_request: dict[str, Any]) -> Response:
            edge.ho.change_page = None
            page = edge.ho.page({**edge.ho.feed_requests[-1], "offset": 0, "updated_since": None})
            edge.ho.change_page = mark
            rows = [{"id": p["product_id"], "sku": p["product_sku"], "name": p["product_name"]} for p in page.pop("photos")]
            rows = [row | ({"category": category_of[row["name"]]} if row["name"] in category_of else {}) for row in rows]
            return Response(body=json.dumps({**page, "products": rows, "total": len(rows)}).encode())

        def mark(page: dict[str, Any]) -> None:
            page["products_changed_at"] = version

        edge.ho.change_page, edge.ho.on_products = mark, answer

    return list_products


def categories(edge: Edge) -> dict[str, str]:
    return {row["name"]: row["category"] for row in edge.query("SELECT name, category FROM product")}


def test_a_category_comes_changes_and_goes_with_the_list_of_products(edge: Edge, lists: ListsProducts) -> None:
    lists(KOPI="Minuman", TEH="Minuman", SATE="")
    assert edge.sync().outcome == "success"
    assert categories(edge) == {"KOPI": "Minuman", "SATE": "", "TEH": "Minuman"}
    lists(KOPI="Kopi", TEH="", SATE="Bakar")
    report = edge.sync()
    assert (report.outcome, report.fetched, report.updated) == ("success", 0, 0)
    assert categories(edge) == {"KOPI": "Kopi", "SATE": "Bakar", "TEH": ""}


def test_a_list_without_categories_keeps_them(edge: Edge, lists: ListsProducts) -> None:
    lists(KOPI="Minuman", TEH="Minuman", SATE="Bakar")
    edge.sync()
    edge.ho.put("JUS", picture("JUS"))
    lists(KOPI=None)
    assert edge.sync(full=True).outcome == "success"
    assert categories(edge) == {"KOPI": "Minuman", "SATE": "Bakar", "TEH": "Minuman", "JUS": ""}


def test_a_quiet_run_writes_no_product(edge: Edge, lists: ListsProducts) -> None:
    lists(KOPI="Minuman")
    edge.sync()
    before = edge.query("SELECT id, xmin::text FROM product ORDER BY id")
    for full in (False, True):
        edge.sync(full=full)
        assert edge.query("SELECT id, xmin::text FROM product ORDER BY id") == before


@pytest.mark.parametrize(
    ("sent", "kept", "notices"),
    [
        ("x" * 101, "x" * 100, []),
        ("Mi\0num", "Minum", []),
        ("☕\ufe0f Kopi", "☕\ufe0f Kopi", []),
        ({"name": "Minuman"}, "Teh", ["product_rows_mended"]),
        (["Minuman"], "Teh", ["product_rows_mended"]),
        (7, "7", ["product_rows_mended"]),
    ],
    ids=["long", "NUL", "emoji", "object", "list", "number"],
)
def test_an_odd_category_stops_no_product(edge: Edge, lists: ListsProducts, sent: Any, kept: str, notices: list[str]) -> None:
    lists(TEH="Teh")
    edge.sync()
    lists(TEH=sent, KOPI="Kopi")
    report = edge.sync()
    assert (report.outcome, [notice["code"] for notice in report.notices]) == ("success", notices)
    assert categories(edge) == {"KOPI": "Kopi", "SATE": "", "TEH": kept}


def test_an_upgraded_edge_asks_once_for_the_categories_that_it_ignored(edge: Edge, lists: ListsProducts) -> None:
    lists(KOPI="Minuman")
    edge.sync()
    call_command("migrate", "etalase_edge", "0009_renditions", verbosity=0)
    edge.query("ALTER TABLE product DROP COLUMN category")
    call_command("migrate", "etalase_edge", verbosity=0)
    assert categories(edge) == dict.fromkeys(NAMES, "")
    asked: list[dict[str, Any]] = []
    answer = edge.ho.on_products
    assert answer is not None

    def counted(request: dict[str, Any]) -> Response:
        asked.append(request)
        return answer(request)

    edge.ho.on_products = counted
    for _ in range(2):
        report = edge.sync()
        assert (report.kind, report.outcome, report.fetched) == ("incremental", "success", 0)
        assert categories(edge) == {"KOPI": "Minuman", "SATE": "", "TEH": ""}
    assert [request.get("updated_since") for request in asked] == [None]


@pytest.mark.parametrize(
    ("column", "problem"),
    [("varchar(20)", "product.category holds 20 characters, not 100"), ("integer", "product.category is integer, not text")],
)
def test_another_programs_column_that_holds_no_category_is_refused_in_one_line(edge: Edge, column: str, problem: str) -> None:
    edge.query(f"ALTER TABLE product DROP COLUMN category, ADD COLUMN category {column}")
    try:
        with pytest.raises(CommandError, match=problem):
            add_category(connection)
    finally:
        edge.query("ALTER TABLE product DROP COLUMN category")
        add_category(connection)
    assert columns(connection, "product")["category"].length == 100


def test_another_programs_nullable_column_is_used(edge: Edge, lists: ListsProducts) -> None:
    edge.query("ALTER TABLE product DROP COLUMN category, ADD COLUMN category text")
    try:
        add_category(connection)
        lists(KOPI="Minuman")
        edge.sync()
        assert categories(edge) == {"KOPI": "Minuman", "SATE": "", "TEH": ""}
    finally:
        edge.query("ALTER TABLE product DROP COLUMN category")
        add_category(connection)
