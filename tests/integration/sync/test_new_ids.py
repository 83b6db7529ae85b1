"""Checks products with new ids, after a new import of the menu at head office."""

from typing import Any
from uuid import UUID, uuid5

from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.pos import catalogue
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock

NEW_IDS = UUID(int=0)
DISHES = 8


def synced_menu(edge: Edge) -> list[str]:
    """Syncs a store with eight dishes. Returns the ids of their photos."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(DISHES)]
    edge.sync()
    return photos


def reimport_menu(edge: Edge, photos: list[str], **fields: Any) -> list[str]:
    """Gives all dishes and their photos new ids; the old ones are listed as deleted."""
    for photo in photos:
        edge.ho.delete(photo)
    return [
        edge.ho.put(f"dish {n}", picture(n), product_id=str(uuid5(NEW_IDS, str(n))), key=f"products/new/{n}.jpg", **fields)
        for n in range(DISHES)
    ]


def shown_products(edge: Edge) -> list[tuple[str, bool]]:
    """Returns the menu by name, with the presence of a photo."""
    return [(product.name, bool(product.photos)) for product in catalogue.page(limit=100, offset=0).products]


WHOLE_MENU = [(f"dish {n}", True) for n in range(DISHES)]


def test_products_with_new_ids_hide_the_old_ones_while_their_removal_is_held(edge: Edge) -> None:
    photos = synced_menu(edge)
    old_product = UUID(edge.ho.photos[photos[0]]["product_id"])
    edge.ho.image_requests.clear()
    reimport_menu(edge, photos)
    report = edge.sync()
    assert (report.held, report.fetched, edge.ho.image_requests) == (DISHES, DISHES, [])
    assert shown_products(edge) == WHOLE_MENU
    assert catalogue.page(limit=3, offset=0).total == DISHES
    assert [product.id for product in catalogue.page(limit=100, offset=0, search="dish 0").products] != [old_product]
    held = storage.removals.in_states(["held"])
    assert all(consequence.is_replaced for consequence in removal_decisions.consequences(held).values())
    old = catalogue.find(old_product)
    assert old is not None
    assert old.photos  # a screen may still request its image
    reported = status(edge)
    assert (reported["products"], reported["held"], reported["held_replaced"]) == (DISHES, DISHES, DISHES)
    before = edge.row_versions()
    for full in (False, True):
        edge.sync(full=full)
        assert shown_products(edge) == WHOLE_MENU
    assert edge.row_versions() == before


def test_an_old_product_is_shown_until_its_new_one_has_an_undamaged_photo(edge: Edge, s3: Any) -> None:
    photos = synced_menu(edge)
    edge.ho.on_image = lambda key: Response(503) if "/new/" in key else None
    for n in range(DISHES):  # so that no bytes can be copied
        edge.ho.bodies[f"products/new/{n}.jpg"] = picture(f"new {n}")
    for photo in photos:
        edge.ho.delete(photo)
    new = [
        edge.ho.put(f"dish {n}", picture(f"new {n}"), product_id=str(uuid5(NEW_IDS, str(n))), key=f"products/new/{n}.jpg")
        for n in range(DISHES)
    ]
    edge.sync(TRIES=1)
    assert sorted(shown_products(edge)) == sorted([*WHOLE_MENU, *((name, False) for name, _ in WHOLE_MENU)])
    edge.ho.on_image = None
    edge.sync()
    assert shown_products(edge) == WHOLE_MENU
    edge.query("INSERT INTO etalase_doubt (photo_id, kind) VALUES (%s, 'missing')", new[0])
    assert len(shown_products(edge)) == DISHES + 1


def test_an_old_product_without_photos_is_hidden_until_it_is_listed_again(edge: Edge) -> None:
    photos = synced_menu(edge)
    old = dict(edge.ho.photos[photos[0]])
    edge.ho.delete(photos[0])
    edge.ho.put("dish 0", picture(0), product_id=str(uuid5(NEW_IDS, "0")), key="products/new/0.jpg")
    assert edge.sync().deleted == 1
    assert shown_products(edge) == WHOLE_MENU
    edge.ho.deleted_ids.remove(photos[0])
    edge.ho.photos[photos[0]] = {**old, "updated_at": edge.ho.now.isoformat()}
    edge.sync()
    assert shown_products(edge) == [("dish 0", True), *WHOLE_MENU]


def test_a_sku_shared_by_two_products_on_purpose_hides_neither(edge: Edge) -> None:
    for name in ("sate", "soto"):
        edge.ho.put(name, picture(name), product_sku="05018970")
    bare = edge.ho.put("rawon", picture("rawon"), product_sku="05018970")
    edge.ho.on_image = lambda key: Response(404) if edge.ho.photos[bare]["object_key"] == key else None
    for full in (False, False, True):
        edge.sync(full=full)
        assert shown_products(edge) == [("rawon", False), ("sate", True), ("soto", True)]


def test_an_old_product_with_a_refused_removal_is_shown(edge: Edge) -> None:
    reimport_menu(edge, synced_menu(edge))
    edge.sync()
    held = [removal for removal in storage.removals.in_states(["held"]) if removal.product_name == "dish 0"]
    removal_decisions.refuse(held, lock=RunLock(edge.configured().STORE_ID, Clock()))
    for _ in range(2):
        assert shown_products(edge) == [("dish 0", True), *WHOLE_MENU]
        edge.sync(full=True)


def test_removals_of_products_with_new_ids_follow_the_removal_bound(edge: Edge) -> None:
    new = reimport_menu(edge, synced_menu(edge))
    edge.sync()
    assert len(edge.rows()) == 2 * DISHES
    removal_decisions.approve(storage.removals.in_states(["held"]), lock=RunLock(edge.configured().STORE_ID, Clock()))
    assert set(edge.rows()) == set(new)
    edge.sync(full=True)
    assert shown_products(edge) == WHOLE_MENU
