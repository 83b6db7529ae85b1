"""Checks random exchanges of products, keys, bytes and places between photos, under random unique rules (I1, I2, I3)."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import Rule, added, constraint
from tests.integration.sync.steps import forget_everything
from tests.integration.sync.watcher import watched
from tests.simulator import picture

PHOTOS = ("a", "b", "c", "d")
PRODUCTS = ("sate", "soto", "rawon")
OWN = Rule("ALTER TABLE product_photo ADD reviewed_by text", "ALTER TABLE product_photo DROP reviewed_by", "")
RULES = [
    constraint("one_key", "UNIQUE (object_key)"),
    constraint("one_checksum", "UNIQUE (checksum)"),
    constraint("one_size", "UNIQUE (size)"),
    constraint("one_order", "UNIQUE (product_id, sort_order)"),
    constraint("one_order_deferred", "UNIQUE (product_id, sort_order) DEFERRABLE INITIALLY DEFERRED"),
    constraint("few", "CHECK (sort_order BETWEEN 0 AND 3)"),
    constraint("one_photo", "UNIQUE (product_id)"),
    constraint("folder", "CHECK (object_key LIKE 'products/%' AND length(checksum) = 32)"),
    Rule("CREATE UNIQUE INDEX one_main ON product_photo (product_id) WHERE is_primary", "DROP INDEX one_main", "one_main"),
    Rule("CREATE UNIQUE INDEX one_name ON product_photo (lower(filename))", "DROP INDEX one_name", "one_name"),
]
CHILDREN = {
    "none": None,
    "cascade": "ON DELETE CASCADE",
    "protect": "DEFERRABLE INITIALLY DEFERRED",
    "restrict": "ON DELETE RESTRICT",
}


@dataclass(frozen=True)
class Listed:
    """One photo of head office's list."""

    product: str
    key: str
    text: str
    primary: bool
    order: int
    name: str


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Listed]:
    """Draws a list of all photos: their products, and permutations of keys, bytes, orders and names."""
    products = [draw(st.sampled_from(PRODUCTS)) for _ in PHOTOS]
    keys, texts, names = (draw(st.permutations(PHOTOS)) for _ in range(3))
    orders = draw(st.permutations(range(len(PHOTOS))))
    has_main: set[str] = set()
    menu = {}
    for n, photo in enumerate(PHOTOS):
        primary = draw(st.booleans()) and products[n] not in has_main
        has_main |= {products[n]} if primary else set()
        key = f"products/{keys[n]}/primary.jpg"
        menu[photo] = Listed(products[n], key, texts[n], primary, orders[n], f"{names[n]}.jpg")
    return menu


def list_menu(edge: Edge, ids: dict[str, str], menu: dict[str, Listed]) -> None:
    """Makes head office list the menu."""
    for photo, one in menu.items():
        body = picture(one.text, 2000 + 100 * PHOTOS.index(one.text))
        fields: dict[str, Any] = {"primary": one.primary, "sort_order": one.order, "filename": one.name}
        ids[photo] = edge.ho.put(one.product, body, photo=ids.get(photo), key=one.key, **fields)


def check_run(edge: Edge, rules: list[Rule], *, full: bool) -> bool:
    """Runs, watched, and checks what it reports. Returns whether all is here."""
    foretold = (edge.sync(full=full, dry_run=True).forecast or {})["counts"]
    with watched(edge) as watcher:
        report = edge.sync(full=full, inject=watcher.inject)
    assert (report.error, watcher.faults) == (None, [])
    for failure in report.failures:
        is_named = any(rule.named.removeprefix("constraint ") in failure["detail"] for rule in rules)
        assert is_named or failure["reason"] == "waits_for_sibling", failure
    if full:
        assert report.seen == len(edge.ho.photos)
    assert report.deleted == 0
    if not report.failures:
        # The bytes that a photo gets may lie under its key already, and a photo that leaves another key hides them.
        done = {name: getattr(report, name) for name in ("seen", "deleted", "parked", "unchanged", "held")}
        assert done == {name: foretold[name] for name in done}
    assert edge.removals() == {}
    return not report.failures


@pytest.mark.parametrize("examples", [4, pytest.param(150, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_photos_exchange_anything_and_their_rows_stay(edge: Edge, examples: int) -> None:
    @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate])
    @given(
        lists(),
        st.lists(lists(), min_size=1, max_size=2),
        st.lists(st.sampled_from(RULES), max_size=3, unique_by=str),
        st.sampled_from(list(CHILDREN)),
    )
    def check(first: dict[str, Listed], later: list[dict[str, Listed]], rules: list[Rule], child: str) -> None:
        forget_everything(edge)
        edge.ho.photos.clear()
        edge.ho.bodies.clear()
        ids: dict[str, str] = {}
        with ExitStack() as there:
            there.enter_context(added(OWN, *rules))
            list_menu(edge, ids, first)
            edge.sync()
            if (on_delete := CHILDREN[child]) is not None:
                table = f"CREATE TABLE note (photo_id uuid PRIMARY KEY REFERENCES product_photo (id) {on_delete})"
                there.enter_context(added(Rule(table, "DROP TABLE note", "")))
                edge.query("INSERT INTO note SELECT id FROM product_photo")
            edge.query("UPDATE product_photo SET reviewed_by = id::text")
            before = edge.rows()
            for menu in later:
                list_menu(edge, ids, menu)
                note(f"{[str(rule) for rule in rules]} {child} {menu}")
                check_run(edge, rules, full=False)
                is_here = check_run(edge, rules, full=True)
                if is_here:
                    edge.check_equals_head_office()
                edge.check_every_row_shows_its_bytes()
                after = edge.rows()
                for id_, row in before.items():
                    assert (after[id_]["reviewed_by"], after[id_]["created_at"]) == (id_, row["created_at"])
                assert child == "none" or edge.count("note") == len(before)
                assert is_here or any("UNIQUE" in rule.add or "CHECK" in rule.add for rule in rules)
            assert edge.count("etalase_publish_intent") == 0
        for full in (False, True):
            edge.sync(full=full)
        edge.check_equals_head_office()

    check()
