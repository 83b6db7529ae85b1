"""Checks photos that exchange products, keys, bytes and places: their rows stay, with all that belongs to them."""

from typing import Any

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import Rule, added, constraint
from tests.integration.sync.watcher import Watcher, watched
from tests.simulator import picture

OWN = Rule("ALTER TABLE product_photo ADD reviewed_by text", "ALTER TABLE product_photo DROP reviewed_by", "")
NEEDS_TEXT = Rule(
    "ALTER TABLE product_photo ADD alt_text text NOT NULL DEFAULT 'foto';"
    " ALTER TABLE product_photo ALTER alt_text DROP DEFAULT",
    "ALTER TABLE product_photo DROP alt_text",
    "column alt_text",
)
CHILD = Rule(
    "CREATE TABLE photo_note (id serial PRIMARY KEY, photo_id uuid NOT NULL REFERENCES product_photo (id) ON DELETE CASCADE)",
    "DROP TABLE photo_note",
    "",
)
BANNER = Rule(
    "CREATE TABLE photo_banner (id serial PRIMARY KEY, photo_id uuid NOT NULL UNIQUE REFERENCES product_photo (id)"
    " DEFERRABLE INITIALLY DEFERRED)",
    "DROP TABLE photo_banner",
    "",
)
ONE_MAIN = Rule(
    "CREATE UNIQUE INDEX one_main ON product_photo (product_id) WHERE is_primary", "DROP INDEX one_main", "one_main"
)
UNIQUE = [
    constraint("one_key", "UNIQUE (object_key)"),
    constraint("one_order", "UNIQUE (product_id, sort_order)"),
    constraint("one_order_deferred", "UNIQUE (product_id, sort_order) DEFERRABLE INITIALLY DEFERRED"),
    ONE_MAIN,
    constraint("one_photo", "UNIQUE (product_id)"),
    Rule("CREATE UNIQUE INDEX one_name ON product_photo (lower(filename))", "DROP INDEX one_name", "one_name"),
]
RING = ("rendang", "soto", "gado-gado")


@pytest.fixture
def menu(edge: Edge) -> dict[str, str]:
    """Syncs five dishes of different sizes under the guide's keys. Returns the photos by dish."""
    names = (*RING, "sate", "ayam")
    photos = {name: edge.ho.put(name, picture(name, 20_000 + 1000 * n)) for n, name in enumerate(names)}
    assert edge.sync().outcome == "success"
    return photos


def body_of(edge: Edge, photo: str) -> bytes:
    return edge.ho.bodies[edge.ho.photos[photo]["object_key"]]


def rotate(edge: Edge, menu: dict[str, str], names: tuple[str, ...], *, product: bool, key: bool, body: bool = False) -> None:
    """Makes head office give each photo the next one's product, key, or bytes."""
    before = {name: (dict(edge.ho.photos[menu[name]]), body_of(edge, menu[name])) for name in names}
    for name, following in zip(names, names[1:] + names[:1], strict=True):
        (own, own_body), (other, other_body) = before[name], before[following]
        edge.ho.put(
            following if product else name,
            other_body if body else own_body,
            photo=menu[name],
            key=(other if key else own)["object_key"],
            filename=own["filename"],
        )


def check_kept(edge: Edge, before: dict[str, dict[str, Any]], *columns: str) -> None:
    """Asserts that each row still has these columns of its own."""
    rows = edge.rows()
    assert {id_: [rows[id_][name] for name in columns] for id_ in before} == {
        id_: [row[name] for name in columns] for id_, row in before.items()
    }


def counts(edge: Edge, *, full: bool) -> tuple[dict[str, int], dict[str, int], Watcher]:
    """Runs dry and then in earnest, watched. Returns both counts."""
    foretold = (edge.sync(full=full, dry_run=True).forecast or {})["counts"]
    with watched(edge) as watcher:
        report = edge.sync(full=full, inject=watcher.inject)
    assert watcher.faults == []
    return foretold, {name: getattr(report, name) for name in foretold}, watcher


@pytest.mark.parametrize(
    ("rule", "moves", "key", "names", "full"),
    daily(
        [
            (rule, moves, key, names, full)
            for rule in [None, *UNIQUE]
            for moves, key in [(True, True), (False, True), (True, False)]
            for names in [RING[:2], RING]
            for full in [False, True]
        ],
        (None, True, True, RING[:2], False),
        (None, False, True, RING, True),
        (UNIQUE[0], False, True, RING[:2], False),
        (UNIQUE[2], True, True, RING, False),
        (ONE_MAIN, True, True, RING[:2], True),
        (UNIQUE[4], True, False, RING[:2], False),
    ),
)
def test_an_exchange_updates_rows_and_loses_nothing(
    edge: Edge, menu: dict[str, str], rule: Rule | None, moves: bool, key: bool, names: tuple[str, ...], full: bool
) -> None:
    has_child = rule is None or rule.named != "constraint one_photo"  # only without keys to it can such a row be moved
    with added(OWN, NEEDS_TEXT, *([rule] if rule else []), *([CHILD, BANNER] if has_child else [])):
        edge.query("UPDATE product_photo SET reviewed_by = id::text, alt_text = id::text")
        for photo in menu.values() if has_child else ():
            edge.query("INSERT INTO photo_note (photo_id) VALUES (%s)", photo)
            edge.query("INSERT INTO photo_banner (photo_id) VALUES (%s)", photo)
        before = edge.rows()
        rotate(edge, menu, names, product=moves, key=key)
        edge.ho.image_requests.clear()
        foretold, done, _ = counts(edge, full=full)
        assert (edge.reasons(), done["deleted"], done["failed"]) == ({}, 0, 0)
        assert foretold == done
        assert done["fetched"] + done["updated"] == len(names)
        assert not full or done["seen"] == len(edge.ho.photos)
        assert (edge.ho.image_requests, done["bytes_fetched"]) == ([], 0)
        edge.check_equals_head_office()
        check_kept(edge, before, "reviewed_by", "alt_text", "created_at")
        if has_child:
            assert edge.count("photo_note") == edge.count("photo_banner") == len(menu)
    assert edge.removals() == {}
    assert edge.count("etalase_publish_intent") == 0
    assert edge.sync(full=True).unchanged == len(menu)
    edge.sync(full=True, RECLAIM_GRACE="0s")
    assert edge.objects() == {row["object_key"] for row in edge.rows().values()}


@pytest.mark.parametrize("full", [False, True])
def test_a_chain_of_keys_arrives_in_one_run(edge: Edge, menu: dict[str, str], full: bool) -> None:
    first, second, third = (edge.ho.photos[menu[name]]["object_key"] for name in RING)
    for name, key in zip(RING, ("products/away.jpg", first, second), strict=True):
        edge.ho.put(name, body_of(edge, menu[name]), photo=menu[name], key=key)
    # The old key's bytes are another photo's now.
    foretold, done, _ = counts(edge, full=full)
    assert (edge.reasons(), foretold) == ({}, done)
    edge.check_equals_head_office()
    assert third not in {row["object_key"] for row in edge.rows().values()}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("rule", [None, constraint("one_checksum", "UNIQUE (checksum)")], ids=str)
def test_photos_exchange_their_bytes(edge: Edge, menu: dict[str, str], rule: Rule | None, full: bool) -> None:
    with added(*([rule] if rule else [])):
        bodies = {name: body_of(edge, menu[name]) for name in RING}
        for name, following in zip(RING, RING[1:] + RING[:1], strict=True):
            edge.ho.put(name, bodies[following], photo=menu[name])
        with watched(edge) as watcher:
            report = edge.sync(full=full, inject=watcher.inject)
        assert (report.outcome, report.failures, report.fetched, watcher.faults) == ("success", [], 3, [])
        edge.check_equals_head_office()
    assert edge.count("etalase_doubt") == edge.count("etalase_publish_intent") == 0


@pytest.mark.parametrize("full", [False, True])
def test_products_keep_their_photos_where_a_rule_refuses_one_of_an_exchange(
    edge: Edge, menu: dict[str, str], full: bool
) -> None:
    forbidden = constraint("no_soto", f"CHECK (id <> '{menu['soto']}' OR version = 1) NOT VALID")
    with added(forbidden):
        before = edge.rows()
        rotate(edge, menu, RING, product=True, key=True)
        for _ in range(2):
            with watched(edge) as watcher:
                edge.sync(full=full, inject=watcher.inject)
            assert watcher.faults == []
            assert set(edge.reasons()) == {menu[name] for name in RING}
            (reason,) = edge.query("SELECT detail FROM etalase_pending_photo WHERE photo_id = %s", menu["soto"])
            assert "no_soto" in str(reason["detail"])
            check_kept(edge, before, "product_id", "checksum")
            edge.check_every_row_shows_its_bytes()
    edge.sync()
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_a_rule_that_refuses_the_key_for_the_time_between_is_named(edge: Edge, menu: dict[str, str]) -> None:
    with added(constraint("key_form", "CHECK (object_key LIKE '%/primary.jpg')")):
        before = edge.rows()
        rotate(edge, menu, RING[:2], product=False, key=True)
        edge.sync()
        assert set(edge.reasons().values()) == {"row_refused"}
        (detail, _) = edge.query("SELECT detail FROM etalase_pending_photo")
        assert "key_form" in str(detail["detail"])
        assert edge.rows() == before
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_products_keep_their_photos_where_the_put_of_one_of_an_exchange_fails(edge: Edge, menu: dict[str, str]) -> None:
    before = edge.rows()
    rotate(edge, menu, RING, product=True, key=True)
    key = edge.ho.photos[menu["soto"]]["object_key"]
    with watched(edge) as watcher:
        edge.sync(inject=lambda services: watcher.inject(services, refuse_put=key))
    assert watcher.faults == []
    check_kept(edge, before, "product_id", "checksum")
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


@pytest.mark.parametrize("full", [False, True])
def test_a_photo_in_the_place_of_a_deleted_primary_one_is_counted_once(edge: Edge, menu: dict[str, str], full: bool) -> None:
    with added(UNIQUE[1]):
        edge.ho.delete(menu["sate"])
        edge.ho.put("sate", picture("new sate"), key="products/new-sate.jpg")
        foretold, done, _ = counts(edge, full=full)
        assert foretold == done
        assert (done["seen"] - done["unchanged"], done["updated"], done["deleted"]) == (1, 0, 1)
        assert not full or done["seen"] == len(edge.ho.photos)
        edge.check_equals_head_office()
