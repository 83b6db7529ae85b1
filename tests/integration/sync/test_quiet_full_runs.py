"""Checks that a full run costs one request if head office's digest matches the rows (hazard 25, invariant I8)."""

from typing import Any

import msgspec
import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.photo_digest import photos_digest
from etalase.protocol import Photo


@pytest.fixture
def edge_with_digests(edge: Edge) -> Edge:
    """Returns a synced edge of a head office like ours, whose pages have ``digest`` and ``products_changed_at``."""

    def add(page: dict[str, Any]) -> None:
        photos = [msgspec.convert(wire, Photo, strict=False) for wire in edge.ho.photos.values()]
        page["digest"] = photos_digest(sorted(photos, key=lambda photo: photo.id))
        page["products_changed_at"] = "2026-02-03T07:00:00+00:00"

    edge.ho.change_page, edge.ho.max_page = add, 20
    for number in range(30):
        edge.ho.put(f"product {number}", picture(number))
    assert edge.sync().fetched == 30
    return synced_edge(edge)


def synced_edge(edge: Edge) -> Edge:
    """Returns the edge with the records of earlier requests cleared."""
    edge.ho.requests.clear()
    edge.ho.feed_requests.clear()
    edge.ho.image_requests.clear()
    return edge


def feed_requests(edge: Edge) -> list[bool]:
    """Returns whether each feed request was for changes only."""
    return ["updated_since" in request for request in edge.ho.feed_requests]


def test_a_full_run_without_changes_costs_one_digest_request_and_no_write(edge_with_digests: Edge) -> None:
    before = edge_with_digests.row_versions()
    report = edge_with_digests.sync(full=True)
    assert (report.kind, report.outcome, report.seen, report.unchanged) == ("full", "success", 30, 30)
    assert (report.feed_proved_complete, report.bytes_fetched) == (True, 0)
    assert feed_requests(edge_with_digests) == [True]
    assert edge_with_digests.ho.image_requests == []
    assert edge_with_digests.row_versions() == before


@pytest.mark.parametrize(("is_own", "asked"), [(True, [True]), (False, [True, False, False])])
def test_the_stores_own_photos_are_left_out_of_the_proof_and_others_are_not(
    edge_with_digests: Edge, is_own: bool, asked: list[bool]
) -> None:
    edge, key = edge_with_digests, "products/own.jpg"
    edge.query(
        "INSERT INTO product_photo (id, product_id, object_key, size, content_type, checksum, version, is_primary, sort_order)"
        " SELECT gen_random_uuid(), product_id, %s, 3, 'image/jpeg', md5('own'), 1, FALSE, 9 FROM product_photo LIMIT 1",
        key,
    )
    edge.bucket.put(key, b"own", content_type="image/jpeg")
    if is_own:
        edge.query(
            "INSERT INTO etalase_own_photo (photo_id, product_id, product_name, what, state)"
            " SELECT id, product_id, '', 'row_not_listed', 'kept' FROM product_photo WHERE object_key = %s",
            key,
        )
    assert edge.sync(full=True).outcome == "success"
    assert feed_requests(edge) == asked
    assert (key in {row["object_key"] for row in edge.rows().values()}) is is_own


@pytest.mark.parametrize("how", ["a row without an id", "a deletion that cannot be read", "a row that was mended"])
def test_a_digest_proves_nothing_if_some_changes_are_unreadable(edge_with_digests: Edge, how: str) -> None:
    add_digest, photo = edge_with_digests.ho.change_page, next(iter(edge_with_digests.ho.photos))
    assert add_digest is not None

    def change(page: dict[str, Any]) -> None:
        add_digest(page)
        if how == "a row without an id":
            page["photos"].append({"product_sku": "x"})
        elif how == "a deletion that cannot be read":
            page["deleted_ids"] = ["?"]
        else:
            page["digest"] = "0" * 32  # so that the digest covers head office's own values
            page["photos"] = [{**wire, "sort_order": 1.5} if wire["id"] == photo else wire for wire in page["photos"]]

    if how == "a deletion that cannot be read":
        del edge_with_digests.ho.photos[photo]
    else:
        edge_with_digests.ho.put("product 0", picture("new"), photo=photo)
    edge_with_digests.ho.change_page = change
    report = edge_with_digests.sync(full=True)
    assert len(feed_requests(edge_with_digests)) > 1
    assert report.feed_proved_complete == (how != "a row without an id")
    assert set(edge_with_digests.rows()) == set(edge_with_digests.ho.photos)


def test_a_full_run_after_a_matching_digest_requests_only_the_changes(edge_with_digests: Edge) -> None:
    photo = next(iter(edge_with_digests.ho.photos))
    edge_with_digests.ho.put("product 0", picture("new"), photo=photo)
    edge_with_digests.ho.put("one more", picture("more"))
    report = edge_with_digests.sync(full=True)
    assert (report.fetched, report.unchanged, feed_requests(edge_with_digests)) == (2, 29, [True])
    edge_with_digests.check_equals_head_office()


def test_a_full_run_after_a_matching_digest_repairs_damage_in_the_bucket(edge_with_digests: Edge) -> None:
    lost, changed, *_ = sorted(edge_with_digests.objects())
    edge_with_digests.bucket.delete([lost])
    edge_with_digests.bucket.put(changed, b"somebody's own", content_type="image/jpeg")
    report = edge_with_digests.sync(full=True)
    assert (report.healed, report.unchanged) == (2, 28)
    assert feed_requests(edge_with_digests) == [True, False, False]
    edge_with_digests.check_equals_head_office()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE product_photo SET sort_order = 9 WHERE id = %s",
        "DELETE FROM product_photo WHERE id = %s",
    ],
)
def test_a_digest_that_differs_from_the_rows_makes_the_run_read_the_full_list(edge_with_digests: Edge, damage: str) -> None:
    edge_with_digests.query(damage, next(iter(edge_with_digests.ho.photos)))  # the newest photo is listed again anyway
    edge_with_digests.sync(full=True)
    edge_with_digests.check_equals_head_office()
    assert feed_requests(edge_with_digests) == [True, False, False]


def test_a_digest_finds_a_change_that_head_office_did_not_announce(edge_with_digests: Edge) -> None:
    del edge_with_digests.ho.photos[next(iter(edge_with_digests.ho.photos))]
    report = edge_with_digests.sync(full=True)
    assert report.deleted == 1
    edge_with_digests.check_equals_head_office()


def test_a_photo_that_fails_for_weeks_does_not_cost_the_full_list_each_night(edge_with_digests: Edge) -> None:
    poisoned = edge_with_digests.ho.put("never there", picture("poison"))
    edge_with_digests.ho.on_image = lambda key: (
        Response(404) if key == edge_with_digests.ho.photos[poisoned]["object_key"] else None
    )
    assert edge_with_digests.sync().failed == 1
    synced_edge(edge_with_digests)
    report = edge_with_digests.sync(full=True)
    assert (report.failed, report.unchanged) == (1, 30)
    assert all(feed_requests(edge_with_digests))
    edge_with_digests.ho.on_image = None
    assert edge_with_digests.sync(full=True).fetched == 1
    edge_with_digests.check_equals_head_office()


def test_a_full_run_after_a_matching_digest_deletes_orphans_after_their_grace_period(edge_with_digests: Edge) -> None:
    edge_with_digests.bucket.put("products/orphan.jpg", b"x", content_type="image/jpeg")
    assert edge_with_digests.sync(full=True, RECLAIM_GRACE="0s").reclaimed == 1
    assert feed_requests(edge_with_digests) == [True]


def test_a_head_office_without_digests_gets_no_digest_request(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    synced_edge(edge)
    edge.sync(full=True)
    assert feed_requests(edge) == [False]
