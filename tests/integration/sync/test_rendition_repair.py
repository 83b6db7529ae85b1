"""Checks that lost and damaged renditions are fetched again, that orphans go, and that a removal can be undone with them."""

from typing import Any
from uuid import UUID

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.rotting import Rotting
from tests.integration.sync.steps import status
from tests.integration.sync.test_renditions import MENU, check_shown_as_listed, list_menu, shown, shown_keys
from tests.pictures import renditions
from tests.simulator import Response, picture

from etalase.edge import leaving
from etalase.edge.clock import Clock
from etalase.edge.models import Removal
from etalase.edge.pos import catalogue
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.services import Services
from etalase.edge.sync.verify import Verification, verify
from etalase.own_bucket import own_bucket


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Syncs six dishes with three renditions each. Returns the photo ids."""
    photos = list_menu(edge)
    edge.sync()
    edge.ho.image_requests.clear()
    return photos


def verified(edge: Edge, *, deep: bool = False) -> Verification:
    """Returns the result of ``verify``."""
    with edge.services() as services:
        return verify(services, deep=deep)


def revisions(edge: Edge, photo: str) -> list[str]:
    """Returns what follows the key in the URL of each shown rendition."""
    return [one.image_url.partition("webp")[2] for one in shown(edge, photo).renditions]


def listed_counts(found: dict[str, Any]) -> dict[str, int]:
    """Returns the counts of listed renditions in a status."""
    return {name: found["renditions"][name] for name in ("listed", "here", "waiting", "failed")}


@pytest.mark.parametrize("harm", daily(["deleted", "cut", "other bytes", "another type"], "deleted", "other bytes"))
def test_a_full_run_brings_a_harmed_rendition_back_under_another_url(edge: Edge, menu: list[str], s3: Any, harm: str) -> None:
    key = shown_keys(edge, menu[0])[1]
    body = edge.bucket.get(key)
    if harm == "deleted":
        edge.bucket.delete([key])
    else:
        harmed = {"cut": body[:-3], "other bytes": bytes(len(body)), "another type": body}[harm]
        content_type = "text/html" if harm == "another type" else "image/webp"
        s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=harmed, ContentType=content_type)
    found = verified(edge)
    assert [(one.object_key, str(one.photo_id)) for one in found.differences] == [(key, menu[0])]
    assert [one.width for one in shown(edge, menu[0]).renditions] == [160, 640]  # not shown from now on
    report = edge.sync(trigger="schedule")
    assert (report.kind, report.outcome, report.renditions.fetched, report.fetched) == ("incremental", "success", 1, 0)
    assert len(edge.ho.image_requests) == 1
    assert revisions(edge, menu[0]) == ["", "?r=1", ""]
    assert edge.md5_at(key) == edge.ho.rendition_sets[menu[0]]["renditions"][1]["checksum"]
    assert verified(edge).equal


def test_a_full_run_finds_harm_by_itself(edge: Edge, menu: list[str]) -> None:
    edge.bucket.delete([shown_keys(edge, menu[0])[1]])
    assert edge.sync(full=True).renditions.fetched == 1
    assert revisions(edge, menu[0]) == ["", "?r=1", ""]


def test_a_disk_that_rots_under_the_listing_is_found_by_reading(edge: Edge, menu: list[str]) -> None:
    edge.sync(full=True)
    edge.hours_later = 48
    edge.sync(full=True)
    key = shown_keys(edge, menu[0])[1]
    disk = Rotting(key)
    assert edge.sync(full=True, inject=disk.inject, DEEP_VERIFY_DAYS=1).renditions.fetched == 1
    assert disk.mended
    assert revisions(edge, menu[0]) == ["", "?r=1", ""]


def test_orphans_go_after_their_grace_and_objects_of_others_stay(edge: Edge, menu: list[str]) -> None:
    orphan = f"renditions/{menu[0]}/{'0' * 32}-320.webp"
    theirs = ["renditions/notes.txt", f"renditions/{menu[0]}/cover.webp", f"renditions/{menu[0].upper()}/{'0' * 32}-320.webp"]
    for key in (orphan, *theirs):
        edge.bucket.put(key, b"x", content_type="image/webp")
    assert [(one.what, one.object_key) for one in verified(edge).differences] == [("orphan", orphan)]
    edge.sync(full=True)
    assert (verified(edge).differences, verified(edge).awaiting_grace) == ([], 1)
    edge.hours_later = 25
    edge.sync()
    assert edge.rendition_objects() == {key for photo in menu for key in shown_keys(edge, photo)} | set(theirs)


def test_objects_that_are_here_are_not_fetched_after_the_table_was_lost(edge: Edge, menu: list[str]) -> None:
    edge.query("TRUNCATE etalase_rendition")
    edge.query("UPDATE etalase_checkpoint SET renditions_compared = FALSE")
    report = edge.sync()
    assert (report.kind, report.renditions.fetched, report.renditions.waiting) == ("full", 0, 0)
    assert edge.ho.image_requests == []
    check_shown_as_listed(edge)


def test_a_lost_bucket_gets_its_renditions_back_before_its_photos(edge: Edge, menu: list[str]) -> None:
    edge.bucket.delete([info.key for info in edge.bucket.list("")])
    report = edge.sync(WORKERS=1)
    assert (report.kind, report.renditions.fetched, report.healed) == ("full", 3 * MENU, MENU)
    assert ["renditions" in path for path in edge.ho.image_requests] == [True] * 3 * MENU + [False] * MENU
    check_shown_as_listed(edge)


def test_a_bucket_that_shows_photos_alone_costs_no_broken_tile(edge: Edge) -> None:
    photos = list_menu(edge)

    def private(services: Services) -> None:
        real = services.bucket

        class Bucket:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def is_public(self, key: str) -> bool:
                return not key.startswith("renditions/")

        services.bucket = Bucket()

    report = edge.sync(inject=private)
    assert (report.outcome, report.fetched, report.renditions.fetched) == ("success", MENU, 0)
    assert shown(edge, photos[0]).renditions == ()
    assert edge.sync().renditions.fetched == 3 * MENU


def test_held_removals_keep_their_renditions_and_undo_restores_them(edge: Edge, menu: list[str]) -> None:
    keys = {photo: shown_keys(edge, photo) for photo in menu}
    products = {photo: edge.ho.photos[photo]["product_id"] for photo in menu}
    for photo in menu[1:]:
        edge.ho.delete(photo)
    report = edge.sync()
    assert report.held == MENU - 1
    assert edge.count("etalase_rendition") == 3 * MENU
    settings = edge.configured()
    lock = RunLock(settings.STORE_ID, Clock())
    removal_decisions.approve(storage.removals.in_states([Removal.State.HELD]), lock=lock)
    assert edge.count("etalase_rendition") == 3
    edge.sync()
    table = storage.products.ProductTable(name_field="name", sku_field="sku")
    lost = keys[menu[1]][0]
    edge.bucket.delete([lost])
    undone = removal_decisions.undo(report.run_id or 0, lock=lock, bucket=own_bucket(settings), products=table)
    assert len(undone.restored) == MENU - 1
    for photo in menu[1:]:
        product = catalogue.find(UUID(products[photo]))
        assert product is not None
        assert [one.image_url.partition("product-images/")[2] for one in product.renditions] == [
            key for key in keys[photo] if key != lost
        ]
    edge.hours_later = 25
    edge.sync(full=True)
    assert edge.rendition_objects() == {key for some in keys.values() for key in some} - {lost}


def test_a_dry_run_says_the_bytes_and_writes_nothing(edge: Edge, menu: list[str]) -> None:
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    edge.ho.put_renditions(menu[0], *renditions(70))
    new = sum(one["size"] for one in edge.ho.rendition_sets[menu[0]]["renditions"])
    before = edge.query("SELECT id, xmin::text FROM etalase_rendition ORDER BY id")
    forecast = edge.sync(dry_run=True).forecast or {}
    assert (forecast["renditions_to_fetch"], forecast["rendition_bytes_to_fetch"]) == (3, new)
    assert edge.query("SELECT id, xmin::text FROM etalase_rendition ORDER BY id") == before
    report = edge.sync()
    assert report.bytes_fetched == forecast["counts"]["bytes_fetched"]


def test_the_status_counts_small_pictures_and_finds_missing_ones(edge: Edge, menu: list[str]) -> None:
    assert listed_counts(status(edge)) == {"listed": 3 * MENU, "here": 3 * MENU, "waiting": 0, "failed": 0}
    lost, cut = shown_keys(edge, menu[0])[:2]
    edge.bucket.delete([lost])
    edge.bucket.put(cut, b"cut", content_type="image/webp")
    found = status(edge)
    assert listed_counts(found) == {"listed": 3 * MENU, "here": 3 * MENU - 2, "waiting": 2, "failed": 0}
    assert "damaged" not in found["problems"]
    assert [one.width for one in shown(edge, menu[0]).renditions] == [640]
    edge.ho.on_image = lambda key: Response(404) if key == lost else None
    edge.sync(trigger="schedule")
    assert listed_counts(status(edge)) == {"listed": 3 * MENU, "here": 3 * MENU - 1, "waiting": 1, "failed": 1}
    assert revisions(edge, menu[0]) == ["?r=1", ""]
    recorded = edge.query("SELECT counts ->> 'renditions_failed' AS failed FROM etalase_sync_run ORDER BY id DESC LIMIT 1")
    assert recorded == [{"failed": "1"}]


def test_leaving_names_the_small_pictures_and_no_object_of_others(edge: Edge, menu: list[str]) -> None:
    edge.ho.put_renditions(menu[0], *renditions(80))
    edge.sync()
    assert set(leaving.rendition_keys()) == edge.rendition_objects()
    assert len(leaving.rendition_keys()) == 3 * MENU + 3
