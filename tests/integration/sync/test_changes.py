"""Checks changes at head office, also during a run: moved keys, new bytes, photos deleted and created again."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.errors import Reason


def product_key(edge: Edge, product: str, name: str) -> str:
    """Returns ``products/{product_id}/{name}``."""
    return f"products/{uuid.uuid5(uuid.NAMESPACE_OID, product)}/{name}"


def relist(edge: Edge, photo: str, **fields: Any) -> None:
    """Lists the photo with other fields, with its bytes under its new key too."""
    wire = edge.ho.photos[photo]
    body = edge.ho.bodies[wire["object_key"]]
    edge.ho.put(
        wire["product_name"],
        fields.pop("body", body),
        photo=photo,
        key=fields.pop("key", wire["object_key"]),
        primary=fields.pop("primary", wire["is_primary"]),
        **{"sort_order": wire["sort_order"], **fields},
    )


# Keys that move between the photos of a product (hazard 55)


def test_a_new_primary_photo_that_moves_keys_is_copied_without_a_download(edge: Edge) -> None:
    first = edge.ho.put("sate", picture("first"))
    second = edge.ho.put("sate", picture("second"), primary=False)
    edge.sync()
    edge.ho.image_requests.clear()
    primary_key, first_body, second_body = (
        edge.ho.photos[first]["object_key"],
        edge.ho.bodies[edge.ho.photos[first]["object_key"]],
        edge.ho.bodies[edge.ho.photos[second]["object_key"]],
    )
    edge.ho.put("sate", first_body, photo=first, key=product_key(edge, "sate", f"{first}.jpg"), primary=False)
    edge.ho.put("sate", second_body, photo=second, key=primary_key, primary=True)

    report = edge.sync()

    assert (report.exit_status, report.bytes_fetched, edge.ho.image_requests) == (0, 0, [])
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == 0


def test_two_photos_that_swap_keys_cost_no_download(edge: Edge) -> None:
    one, two = (edge.ho.put("sate", picture(name), primary=False) for name in ("one", "two"))
    edge.sync()
    edge.ho.image_requests.clear()
    keys = {photo: edge.ho.photos[photo]["object_key"] for photo in (one, two)}
    bodies = {photo: edge.ho.bodies[keys[photo]] for photo in (one, two)}
    edge.ho.put("sate", bodies[one], photo=one, key=keys[two], primary=False)
    edge.ho.put("sate", bodies[two], photo=two, key=keys[one], primary=False)
    assert edge.sync().exit_status == 0
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()


def test_a_photo_that_moves_to_another_product_keeps_its_bytes(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.put("soto", picture(2))
    edge.sync()
    edge.ho.image_requests.clear()
    body, key = picture(1), edge.ho.photos[photo]["object_key"]
    edge.ho.put("soto", body, photo=photo, key=key, primary=False)
    assert edge.sync().exit_status == 0
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()


# The last photo of a product moves to another product (hazard 79)


def move_last_photo(edge: Edge, *, to_key: str | None = None) -> str:
    """Makes head office give the only photo of sate to soto; returns the photo."""
    photo = edge.ho.put("sate", picture("moving"), key="products/sate.jpg")
    edge.ho.put("soto", picture("soto"))
    edge.sync()
    edge.ho.image_requests.clear()
    edge.ho.put("soto", picture("moving"), photo=photo, key=to_key or "products/sate.jpg", primary=False)
    return photo


def products_with_a_photo(edge: Edge) -> int:
    return len({row["product_id"] for row in edge.rows().values()})


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("to_key", ["products/sate.jpg", "products/soto_2.jpg"])
def test_the_last_photo_of_a_product_stays_until_its_new_one_is_here(edge: Edge, to_key: str, full: bool) -> None:
    photo = move_last_photo(edge, to_key=to_key)
    new = edge.ho.put("sate", picture("new"), key="products/sate_new.jpg")
    edge.ho.on_image = lambda _: Response(503)
    for _ in range(2):
        assert edge.sync(full=full).exit_status == 1
        assert edge.reasons() == {new: Reason.SERVER_ERROR, photo: Reason.WAITS_FOR_SIBLING}
        assert products_with_a_photo(edge) == 2
    edge.ho.on_image = None
    assert edge.sync(full=full).exit_status == 0
    edge.check_equals_head_office()


def test_the_last_photo_of_a_product_waits_for_a_new_one_that_failed_in_an_earlier_run(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("moving"), key="products/sate.jpg")
    edge.ho.put("soto", picture("soto"))
    edge.sync()
    edge.ho.on_image = lambda _: Response(404)
    new = edge.ho.put("sate", picture("new"), key="products/sate_new.jpg", primary=False)
    for _ in range(3):
        edge.sync()
    edge.ho.put("soto", picture("moving"), photo=photo, key="products/sate.jpg", primary=False)
    edge.sync(trigger="schedule")  # the new photo is not due
    assert edge.reasons() == {new: Reason.NOT_FOUND, photo: Reason.WAITS_FOR_SIBLING}
    assert products_with_a_photo(edge) == 2
    edge.ho.delete(new)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


@pytest.mark.parametrize("new_key", ["products/sate.jpg", "products/sate_new.jpg"])
def test_the_last_photo_of_a_product_moves_in_the_run_that_brings_the_new_one(edge: Edge, new_key: str) -> None:
    move_last_photo(edge, to_key="products/soto_2.jpg")
    edge.ho.put("sate", picture("new"), key=new_key)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_the_last_photo_of_a_product_that_gets_no_other_moves(edge: Edge) -> None:
    move_last_photo(edge)
    assert edge.sync().exit_status == 0
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()


def test_a_damaged_last_photo_does_not_wait(edge: Edge) -> None:
    photo = move_last_photo(edge, to_key="products/soto_2.jpg")
    edge.bucket.delete(["products/sate.jpg"])
    new = edge.ho.put("sate", picture("new"), key="products/sate_new.jpg")
    edge.ho.on_image = lambda key: Response(503) if key == "products/sate_new.jpg" else None
    assert edge.sync(full=True).exit_status == 1
    assert edge.reasons() == {new: Reason.SERVER_ERROR}
    assert edge.rows()[photo]["object_key"] == "products/soto_2.jpg"


def test_a_key_of_another_product_is_taken_after_that_product_has_left_it(edge: Edge) -> None:
    theirs = edge.ho.put("soto", picture("theirs"))
    edge.sync()
    contested = edge.ho.photos[theirs]["object_key"]
    edge.ho.put("soto", picture("theirs"), photo=theirs, key=product_key(edge, "soto", "moved.jpg"))
    edge.ho.put("sate", picture("ours"), key=contested)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_two_products_planned_in_different_slices_do_not_get_the_same_key(edge: Edge) -> None:
    edge.slice_photos = 1
    for product in ("sate", "soto"):
        edge.ho.put(product, picture(product), key="products/one.jpg")
    report = edge.sync()
    assert (report.exit_status, report.fetched, report.failed) == (1, 1, 1)
    edge.check_every_row_shows_its_bytes()


# Orphans (hazards 15, 16 and 19)


def test_the_old_object_of_a_jpeg_that_becomes_a_webp_is_an_orphan_until_its_grace_period_ends(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("jpeg"))
    edge.sync()
    old = edge.ho.photos[photo]["object_key"]
    body = picture("webp", magic=b"RIFF\0\0\0\0WEBP")
    new = old.replace(".jpg", ".webp")
    edge.ho.put("sate", body, photo=photo, key=new, content_type="image/webp")

    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert edge.objects() == {old, new}
    edge.hours_later = 23
    edge.sync(full=True)
    assert edge.objects() == {old, new}
    edge.query("UPDATE etalase_reclaim SET obsolete_at = obsolete_at - interval '24 hours'")
    assert edge.sync().reclaimed == 1
    assert edge.objects() == {new}
    edge.check_equals_head_office()


def test_a_key_that_is_used_again_within_its_grace_period_stays(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("a"))
    edge.sync()
    old = edge.ho.photos[photo]["object_key"]
    relist(edge, photo, key=product_key(edge, "sate", "elsewhere.jpg"))
    edge.sync()
    relist(edge, photo, key=old)
    edge.sync(RECLAIM_GRACE="0s")
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '25 hours'")
    edge.sync(RECLAIM_GRACE="0s")
    edge.check_equals_head_office()
    assert edge.objects() == {old}


def test_a_shared_object_is_deleted_with_the_last_of_its_rows(edge: Edge) -> None:
    one, two = (edge.ho.put("sate", picture("same"), key="products/shared.jpg", primary=False) for _ in "ab")
    edge.ho.put("sate", picture("stays"))
    edge.sync()
    edge.ho.delete(one)
    edge.sync(RECLAIM_GRACE="0s")
    edge.sync(RECLAIM_GRACE="0s")
    assert edge.bucket.head("products/shared.jpg")
    edge.ho.delete(two)
    edge.sync(RECLAIM_GRACE="0s")
    assert edge.bucket.head("products/shared.jpg") is None
    edge.check_equals_head_office()


def test_two_photos_that_share_an_object_get_its_new_bytes_together(edge: Edge) -> None:
    photos = [edge.ho.put("sate", picture("old"), key="products/shared.jpg", primary=False) for _ in "ab"]
    edge.sync()
    for photo in photos:
        edge.ho.put("sate", picture("new"), photo=photo, key="products/shared.jpg", primary=False)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


# Deleted and created again (hazard 13)


def test_a_new_photo_under_the_key_of_a_deleted_one_is_published(edge: Edge) -> None:
    old = edge.ho.put("sate", picture("old"))
    edge.sync()
    edge.ho.delete(old)
    new = edge.ho.put("sate", picture("new"))
    report = edge.sync()
    assert report.exit_status == 0
    assert set(edge.rows()) == {new}
    edge.check_equals_head_office()


def test_an_id_that_is_deleted_and_listed_on_one_page_is_listed(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    edge.ho.deleted_ids.append(photo)
    edge.ho.put("sate", picture("new"), photo=photo)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_deleted_photo_that_head_office_lists_again_is_published_again(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    wire = dict(edge.ho.photos[photo])
    edge.ho.delete(photo)
    edge.sync(RECLAIM_GRACE="0s")
    assert edge.rows() == {}
    edge.ho.deleted_ids.clear()
    edge.ho.put("sate", picture("old"), photo=photo, version=wire["version"])
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


# Head office changes during the run (hazards 20 and 33)


def test_bytes_that_change_during_a_run_are_published_in_their_new_form(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.ho.put("soto", picture("soto"))
    key = edge.ho.photos[photo]["object_key"]

    def bump(requested: str) -> Response | None:
        if requested == key and edge.ho.photos[photo]["version"] == 1:
            edge.ho.put("sate", picture("new"), photo=photo)
        return None

    edge.ho.on_image = bump
    report = edge.sync()
    assert (report.exit_status, report.failed) == (0, 0)
    edge.check_equals_head_office()


def test_a_stale_url_is_looked_up_again_after_the_photo_moved_during_a_run(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("a"))
    old = edge.ho.photos[photo]["object_key"]

    def move(requested: str) -> Response | None:
        if requested != old:
            return None
        if edge.ho.photos[photo]["object_key"] == old:
            relist(edge, photo, key=product_key(edge, "sate", "elsewhere.jpg"))
        return Response(404, b"NoSuchKey")

    edge.ho.on_image = move
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert len(edge.ho.image_requests) == 2


def test_an_expired_signed_url_is_requested_again(edge: Edge) -> None:
    edge.ho.put("sate", picture("a"))
    signatures = iter(range(1, 9))

    def sign(page: dict[str, Any]) -> None:
        signature = next(signatures)
        page["photos"] = [{**one, "image_url": f"{one['image_url']}&X-Amz-Signature={signature}"} for one in page["photos"]]

    edge.ho.change_page = sign
    edge.ho.on_image = lambda key: Response(403) if "Signature=1" in edge.ho.image_requests[-1] else None
    assert edge.sync().exit_status == 0
    assert len(edge.rows()) == 1


# Photos that change their product, and rows changed by hand


def swap(edge: Edge, one: str, two: str, *columns: str) -> None:
    """Swaps columns of two rows."""
    rows = edge.rows()
    for photo, other in ((one, two), (two, one)):
        assigned = ", ".join(f"{column} = %s" for column in columns)
        edge.query(f"UPDATE product_photo SET {assigned} WHERE id = %s", *(rows[other][column] for column in columns), photo)


@pytest.mark.parametrize("full", [False, True])
def test_primary_photos_that_swap_products_are_right_after_one_run(edge: Edge, full: bool) -> None:
    one, two = (edge.ho.put(name, picture(name)) for name in ("one", "two"))
    edge.sync()
    products = edge.ho.photos[one]["product_id"], edge.ho.photos[two]["product_id"]
    for photo, product_id in zip((two, one), products, strict=True):
        edge.ho.now += timedelta(seconds=1)
        edge.ho.photos[photo].update(product_id=product_id, updated_at=edge.ho.now.isoformat())
    report = edge.sync(full=full)
    assert (report.outcome, report.fetched) == ("success", 0)
    edge.check_equals_head_office()


@pytest.mark.parametrize("moved", ["both", "one"])
def test_rows_moved_to_other_products_are_repaired_by_one_full_run(edge: Edge, moved: str) -> None:
    one, two = (edge.ho.put(name, picture(name)) for name in ("one", "two"))
    edge.sync()
    if moved == "both":
        swap(edge, one, two, "product_id")
    else:
        edge.query("UPDATE product_photo SET product_id = %s WHERE id = %s", edge.rows()[two]["product_id"], one)
    assert edge.sync(full=True).outcome == "success"
    edge.check_equals_head_office()


@pytest.mark.parametrize("both", [True, False])
def test_rows_with_swapped_keys_are_repaired_without_blaming_head_office(edge: Edge, both: bool) -> None:
    one, two = (edge.ho.put(name, picture(name)) for name in ("one", "two"))
    edge.sync()
    columns = ("object_key", "size", "checksum", "content_type")
    if both:
        swap(edge, one, two, *columns)
    else:
        row = edge.rows()[two]
        edge.query(
            "UPDATE product_photo SET object_key = %s, size = %s, checksum = %s WHERE id = %s",
            row["object_key"], row["size"], row["checksum"], one,
        )  # fmt: skip
    report = edge.sync(full=True)
    assert (report.outcome, edge.reasons()) == ("success", {})
    edge.check_equals_head_office()


def test_an_object_with_another_content_type_is_not_adopted_unchanged(edge: Edge, s3: Any) -> None:
    photo = edge.ho.put("sate", picture("sate"))
    edge.ho.put("soto", picture("soto"))
    edge.sync()
    key = edge.rows()[photo]["object_key"]
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture("sate"), ContentType="text/plain")
    edge.query("DELETE FROM product_photo WHERE id = %s", photo)
    assert edge.sync().outcome == "success"
    assert s3.head_object(Bucket=edge.bucket.bucket, Key=key)["ContentType"] == "image/jpeg"


def test_a_photo_that_moves_to_a_missing_product_leaves_its_old_product_with_one_primary(edge: Edge) -> None:
    old = edge.ho.put("one", picture("old"))
    edge.sync()
    edge.ho.now += timedelta(seconds=1)
    edge.ho.photos[old].update(product_id=str(uuid.uuid4()), updated_at=edge.ho.now.isoformat(), size=0)
    edge.ho.put("one", picture("new"), key=product_key(edge, "one", "new.jpg"))
    assert edge.sync().outcome == "partial"
    assert [row["is_primary"] for row in sorted(edge.rows().values(), key=lambda row: row["filename"])].count(True) == 1
