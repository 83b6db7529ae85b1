"""Checks equal bytes: products that share one object, and bytes of another object in the bucket."""

from typing import Any
from uuid import UUID

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import PNG, picture

from etalase.edge.clock import Clock
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.verify import verify
from etalase.errors import Reason
from etalase.own_bucket import own_bucket

SHARED = "products/shared/no-photo-yet.jpg"


def shared(edge: Edge, body: bytes, *, photos: list[str] | None = None, **fields: Any) -> list[str]:
    """Lists five dishes with one object; every other one has its checksum in capitals."""
    made = []
    for n in range(5):
        photo = edge.ho.put(f"dish {n}", body, key=SHARED, photo=photos[n] if photos else None, **fields)
        if n % 2:
            edge.ho.photos[photo]["checksum"] = edge.ho.photos[photo]["checksum"].upper()
        made.append(photo)
    return made


@pytest.mark.parametrize("slice_photos", [1, 2000], ids=["slices apart", "one slice"])
def test_products_that_share_an_object_all_get_it_and_its_changes(edge: Edge, slice_photos: int) -> None:
    edge.slice_photos = slice_photos
    photos = shared(edge, picture("old"))
    report = edge.sync()
    assert (report.exit_status, report.fetched, edge.reasons()) == (0, 5, {})
    edge.check_equals_head_office()

    shared(edge, picture("new"), photos=photos)
    report = edge.sync()
    assert (report.exit_status, report.fetched, edge.reasons()) == (0, 5, {})
    edge.check_equals_head_office()
    before = edge.row_versions()
    for full in (False, True, True):
        assert edge.sync(full=full).outcome == "success"
    assert edge.row_versions() == before
    with edge.services() as services:
        assert verify(services, deep=True).equal


@pytest.mark.parametrize("is_newest", [False, True])
def test_a_wrong_size_of_one_photo_that_shares_an_object_fails_that_photo_only(edge: Edge, is_newest: bool) -> None:
    first, second = (edge.ho.put(f"dish {n}", picture("same"), key=SHARED) for n in range(2))
    right, wrong = (first, second) if is_newest else (second, first)
    edge.ho.photos[wrong]["size"] -= 1
    for full in (False, False, True):
        edge.sync(full=full)
        assert set(edge.rows()) == {right}
        assert set(edge.reasons()) == {wrong}
        assert edge.reasons()[wrong] in {Reason.SIZE_MISMATCH, Reason.HO_CONTRADICTS_ITSELF}
        edge.check_every_row_shows_its_bytes()
    edge.ho.photos[wrong]["size"] += 1
    assert edge.sync(full=True).outcome == "success"
    edge.check_equals_head_office()


def test_a_shared_object_is_downloaded_about_once(edge: Edge) -> None:
    shared(edge, picture("old", 50_000))
    assert edge.sync(WORKERS=1).exit_status == 0
    assert len(edge.ho.image_requests) == 1


def test_a_shared_object_is_deleted_with_the_last_of_its_products(edge: Edge) -> None:
    photos = shared(edge, picture("old"))
    edge.sync()
    for photo in photos[:4]:
        edge.ho.delete(photo)
        edge.sync(RECLAIM_GRACE="0s")
    edge.query("UPDATE etalase_removal SET decided_at = decided_at - interval '2 days'")
    edge.sync(RECLAIM_GRACE="0s")
    assert edge.objects() == {SHARED}
    edge.check_every_row_shows_its_bytes()


def test_undo_restores_a_removal_if_another_product_still_shares_the_object(edge: Edge) -> None:
    photos = shared(edge, picture("old"))
    edge.sync()
    edge.ho.delete(photos[0])
    report = edge.sync()
    assert report.deleted == 1
    settings = edge.configured()
    undone = removal_decisions.undo(
        report.run_id or 0,
        lock=RunLock(settings.STORE_ID, Clock()),
        bucket=own_bucket(settings),
        products=storage.products.ProductTable(name_field="name", sku_field="sku"),
    )
    assert (len(undone.restored), undone.lost) == (1, [])
    assert len(storage.removals.in_states(["refused"])) == 1
    edge.check_every_row_shows_its_bytes()


def test_different_bytes_under_one_key_are_a_conflict_of_the_later_photo_and_delay_no_other(edge: Edge) -> None:
    first = edge.ho.put("soto", picture("soto"), key=SHARED)
    edge.sync()
    later = edge.ho.put("sate", picture("sate"), key=SHARED)
    other = edge.ho.put("rawon", picture("rawon"))
    for full in (False, True):
        report = edge.sync(full=full)
        assert (report.outcome, edge.reasons()) == ("partial", {later: Reason.KEY_CONFLICT})
        assert first in report.failures[0]["detail"]
        assert set(edge.rows()) == {first, other}
        edge.check_every_row_shows_its_bytes()


@pytest.mark.parametrize("product_ids", [("1", "2"), ("2", "1")])
def test_of_two_new_photos_with_one_key_the_newest_gets_it_in_any_order(edge: Edge, product_ids: tuple[str, str]) -> None:
    ids = [str(UUID(int=int(number))) for number in product_ids]
    older = edge.ho.put("sate", picture("sate"), key=SHARED, product_id=ids[0])
    newer = edge.ho.put("soto", picture("soto"), key=SHARED, product_id=ids[1])  # head office has the bytes of this photo
    for _ in range(2):
        edge.sync()
        assert edge.reasons() == {older: Reason.KEY_CONFLICT}
        assert set(edge.rows()) == {newer}


# Bytes of another object


def test_bytes_of_another_product_are_copied_with_their_own_type_and_cache_control(edge_on_each_store: Edge) -> None:
    edge = edge_on_each_store
    edge.ho.put("old id", picture(1), key="products/old.jpg")
    edge.sync()
    edge.bucket.put("products/old.jpg", picture(1), content_type="text/html")  # another program changed the source
    edge.ho.image_requests.clear()
    edge.ho.put("new id", picture(1), key="products/new.jpg")
    report = edge.sync()
    assert (report.exit_status, report.fetched, report.bytes_fetched, edge.ho.image_requests) == (0, 1, 0, [])
    info = edge.bucket.head("products/new.jpg")
    assert info is not None
    assert info.content_type == "image/jpeg"
    edge.check_equals_head_office()


def test_bytes_of_an_orphan_are_copied_by_a_full_run(edge: Edge, s3: Any) -> None:
    s3.put_object(Bucket=edge.bucket.bucket, Key="products/left.jpg", Body=picture(1), ContentType="text/plain")
    edge.ho.put("sate", picture(1), key="products/new.jpg")
    assert edge.sync(full=True).exit_status == 0
    assert edge.ho.image_requests == []
    head = s3.head_object(Bucket=edge.bucket.bucket, Key="products/new.jpg")
    assert (head["ContentType"], head["CacheControl"]) == ("image/jpeg", "no-cache")
    edge.check_equals_head_office()


def test_a_damaged_copy_source_is_replaced_by_a_download_and_repaired_by_the_next_run(edge: Edge, s3: Any) -> None:
    source = edge.ho.put("old id", picture(1), key="products/old.jpg")
    edge.sync()
    s3.put_object(Bucket=edge.bucket.bucket, Key="products/old.jpg", Body=picture("rot"), ContentType="image/jpeg")
    edge.ho.image_requests.clear()
    edge.ho.put("new id", picture(1), key="products/new.jpg")
    report = edge.sync()
    assert (report.fetched, len(edge.ho.image_requests), report.damaged) == (1, 1, 1)
    assert edge.query("SELECT photo_id::text, kind FROM etalase_doubt") == [{"photo_id": source, "kind": "changed"}]
    report = edge.sync()
    assert (report.outcome, report.healed, len(edge.ho.image_requests)) == (
        "success",
        1,
        1,
    )  # copied from the new photo's object
    edge.check_equals_head_office()


@pytest.mark.parametrize("wrong", [{"size": 1999}, {"size": 2001}])
def test_a_whole_copy_source_is_not_marked_as_damaged_because_of_another_photos_listing(
    edge: Edge, wrong: dict[str, Any]
) -> None:
    edge.ho.put("right", picture(1))
    edge.sync()
    edge.ho.put("wrong", picture(1), **wrong)
    for full in (False, True):
        report = edge.sync(full=full, TRIES=1)
        assert (report.failed, report.damaged, edge.count("etalase_doubt")) == (1, 0, 0)


def test_a_missing_copy_source_gets_a_damage_mark(edge: Edge) -> None:
    source = edge.ho.put("old id", picture(1), key="products/old.jpg")
    edge.sync()
    edge.bucket.delete(["products/old.jpg"])
    edge.ho.put("new id", picture(1), key="products/new.jpg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etalase.edge.sync.anomalies.PROBES", 0)
        edge.sync()
    assert edge.query("SELECT photo_id::text, kind FROM etalase_doubt") == [{"photo_id": source, "kind": "missing"}]


def test_an_etag_alone_is_not_a_proof_of_the_bytes(edge: Edge, s3: Any) -> None:
    """Puts an orphan under the photo's own key, with the same length but other bytes, or with another media type."""
    for n, (body, content_type) in enumerate([(picture("other"), "image/jpeg"), (picture(1), "text/html")]):
        key = f"products/{n}.jpg"
        s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=body, ContentType=content_type)
        edge.ho.put(f"dish {n}", picture(n), key=key)
    edge.ho.put("png", picture("png", magic=PNG), key="products/a.png")
    assert edge.sync(full=True).exit_status == 0
    edge.check_equals_head_office()
    assert s3.head_object(Bucket=edge.bucket.bucket, Key="products/1.jpg")["ContentType"] == "image/jpeg"
