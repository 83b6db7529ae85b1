"""Checks that renditions of a head office of ours arrive before the photos, and never delay, fail or contradict one."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.integration.sync.effects import replayed
from tests.pictures import renditions
from tests.simulator import THUMBHASH, Response, picture

from etalase.edge.pos import catalogue as pos
from etalase.photo_digest import photos_digest
from etalase.protocol import Photo

MENU = 6


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Lists six dishes with three renditions each. Returns the photo ids."""
    return list_menu(edge)


def list_menu(edge: Edge) -> list[str]:
    """Lists six dishes with three renditions each. Returns the photo ids."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(MENU)]
    for n, photo in enumerate(photos):
        edge.ho.put_renditions(photo, *renditions(n))
    return photos


def with_digests(edge: Edge) -> None:
    """Makes head office give digests, as one of ours does."""

    def digest() -> str:
        photos = [msgspec.convert(wire, Photo, strict=False) for wire in edge.ho.photos.values()]
        return photos_digest(sorted(photos, key=lambda photo: photo.id))

    edge.ho.photo_digest = digest


def prefers(edge: Edge) -> list[str]:
    """Returns the ``Prefer`` of each feed request, and forgets them."""
    found = [prefer for path, prefer, _ in edge.ho.posts if path == "/api/v1/sync/product-photos/"]
    edge.ho.posts.clear()
    return found


def shown(edge: Edge, photo: str) -> pos.MenuProduct:
    """Returns the product of ``photo`` as the POS shows it, the same in the menu and by itself."""
    product_id = UUID(edge.ho.photos[photo]["product_id"])
    (listed,) = [one for one in pos.page(limit=100, offset=0).products if one.id == product_id]
    assert pos.find(product_id) == listed
    return listed


def shown_keys(edge: Edge, photo: str) -> list[str]:
    """Returns the keys of the renditions that the POS shows, in ascending width."""
    return [one.image_url.partition("product-images/")[2].partition("?")[0] for one in shown(edge, photo).renditions]


def check_shown_as_listed(edge: Edge) -> None:
    """Asserts that the POS shows exactly the renditions that head office lists, each with the bytes that its key names."""
    for photo, one in edge.ho.rendition_sets.items():
        keys = [rendition["object_key"] for rendition in one["renditions"]]
        assert shown_keys(edge, photo) == keys
        for key in keys:
            assert hashlib.md5(edge.bucket.get(key)).hexdigest() in key


@pytest.mark.parametrize("read_at_once", [1, 2000])
def test_a_new_store_gets_every_rendition_and_photo_in_one_run(edge: Edge, menu: list[str], read_at_once: int) -> None:
    edge.slice_photos = read_at_once
    report = edge.sync()
    assert len(edge.ho.image_requests) == 4 * MENU
    assert (report.outcome, report.fetched) == ("success", MENU)
    bodies = sum(rendition["size"] for one in edge.ho.rendition_sets.values() for rendition in one["renditions"])
    assert report.as_json()["renditions"] == {
        "listed": 3 * MENU, "fetched": 3 * MENU, "failed": 0, "waiting": 0, "bytes": bodies, "made": 0, "unmade": 0,
        "damaged": 0, "healed": 0,
    }  # fmt: skip
    edge.check_equals_head_office()
    check_shown_as_listed(edge)
    one = shown(edge, menu[0])
    assert [(r.width, r.height, r.content_type) for r in one.renditions] == [
        (160, 120, "image/webp"), (320, 240, "image/webp"), (640, 480, "image/webp")
    ]  # fmt: skip
    assert one.thumbhash == THUMBHASH


def test_renditions_are_objects_that_a_browser_may_keep(edge: Edge, menu: list[str], s3: Any) -> None:
    edge.sync()
    for key in shown_keys(edge, menu[0]):
        head = s3.head_object(Bucket=edge.bucket.bucket, Key=key)
        assert (head["CacheControl"], head["ContentType"]) == ("public, max-age=31536000, immutable", "image/webp")
        assert edge.bucket.is_public(key)


def test_the_small_pictures_of_primary_photos_arrive_first_and_photos_last(edge: Edge) -> None:
    second = edge.ho.put("dish 0", picture("second"), primary=False)
    edge.ho.put_renditions(second, *renditions(100))
    list_menu(edge)
    edge.sync(WORKERS=1)
    asked = [path.rsplit("/", 1)[1] for path in edge.ho.image_requests]
    widths = [
        name.partition("-")[2][:3] if "renditions" in path else ""
        for name, path in zip(asked, edge.ho.image_requests, strict=True)
    ]
    assert widths == ["320"] * MENU + ["160"] * MENU + ["640"] * MENU + ["160", "320", "640"] + [""] * (MENU + 1)


def test_a_run_that_ends_before_the_photos_shows_every_tile(edge: Edge, menu: list[str]) -> None:
    edge.end_time_at_download(3 * MENU + 1)
    assert edge.sync(WORKERS=1).yielded
    assert edge.rows() == {}
    for photo in menu:
        tile = shown(edge, photo)
        assert (tile.photos, len(tile.renditions), tile.thumbhash) == ((), 3, THUMBHASH)
    edge.ho.on_image = None
    edge.ho.image_requests.clear()
    edge.sync()
    assert len(edge.ho.image_requests) == MENU
    check_shown_as_listed(edge)


def test_nothing_new_costs_one_request_and_no_write(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.sync()
    edge.ho.requests.clear()
    edge.ho.image_requests.clear()
    versions = "SELECT id, xmin::text, ctid::text FROM etalase_rendition ORDER BY id"
    before = edge.query(versions)
    report = edge.sync()
    assert (report.kind, report.outcome, report.renditions.fetched) == ("incremental", "success", 0)
    assert edge.ho.requests == ["/api/v1/sync/product-photos/"]
    assert edge.ho.image_requests == []
    assert edge.query(versions) == before


def test_a_head_office_that_follows_the_guide_gets_no_request_beyond_its_own(edge: Edge) -> None:
    edge.ho.put("dish", picture("dish"))
    for _ in range(2):
        edge.sync()
        edge.sync(full=True)
    assert set(prefers(edge)) == {""}
    assert edge.query("SELECT features, features_of, renditions_compared FROM etalase_checkpoint") == [
        {"features": "", "features_of": "", "renditions_compared": False}
    ]
    assert shown(edge, next(iter(edge.ho.photos))).renditions == ()


def test_an_upgraded_head_office_is_compared_once(edge: Edge) -> None:
    with_digests(edge)
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(MENU)]
    edge.sync()
    edge.sync(full=True)
    assert set(prefers(edge)) == {"", "photo-digest"}
    for n, photo in enumerate(photos):
        edge.ho.put_renditions(photo, *renditions(n))
    assert edge.sync(trigger="schedule").kind == "incremental"  # learns of it
    assert prefers(edge) == [""]
    report = edge.sync(trigger="schedule")
    assert (report.kind, report.renditions.fetched, report.fetched, report.notices) == ("full", 3 * MENU, 0, [])
    check_shown_as_listed(edge)
    assert edge.sync(trigger="schedule").kind == "incremental"
    prefers(edge)
    edge.ho.feed_requests.clear()
    report = edge.sync(full=True)
    assert (report.outcome, prefers(edge)) == ("success", ["photo-digest, renditions"])


@pytest.mark.parametrize("gone", daily(["the header", "the feature", "another version of the feature"], "the feature"))
def test_a_head_office_that_no_longer_offers_them_is_forgotten(edge: Edge, menu: list[str], gone: str) -> None:
    edge.sync()
    edge.ho.features = {"the header": None, "the feature": "report=1", "another version of the feature": "renditions=2"}[gone]
    prefers(edge)
    edge.sync()
    edge.sync(full=True)
    assert prefers(edge) == ["renditions", ""]
    assert len(shown(edge, menu[0]).renditions) == 3  # still of the photo's own bytes
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    edge.sync()
    assert shown(edge, menu[0]).renditions == ()
    edge.ho.features = "renditions=1"
    edge.ho.put_renditions(menu[0], *renditions(50))
    edge.sync()
    assert edge.sync().kind == "full"
    check_shown_as_listed(edge)


def test_another_head_office_is_not_asked_before_it_offers(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    prefers(edge)
    other = edge.ho.url.replace("127.0.0.1", "localhost")
    edge.sync(HO_URL=other, IMAGE_ORIGINS="127.0.0.1,localhost")
    assert prefers(edge) == [""]
    assert edge.sync(HO_URL=other, IMAGE_ORIGINS="127.0.0.1,localhost").kind == "full"
    check_shown_as_listed(edge)


def test_the_nightly_digest_finds_a_lost_table(edge: Edge, menu: list[str]) -> None:
    with_digests(edge)
    edge.sync()
    edge.query("DELETE FROM etalase_rendition WHERE photo_id = %s", menu[0])
    assert edge.sync().renditions.listed == 3 * (MENU - 1)
    edge.ho.image_requests.clear()
    assert edge.sync(full=True).renditions.listed == 3 * MENU
    check_shown_as_listed(edge)


def test_a_changed_photo_keeps_its_renditions_until_its_row_changes(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    old = shown_keys(edge, menu[0])
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    new = edge.ho.put_renditions(menu[0], *renditions(60))
    photo_key = edge.ho.photos[menu[0]]["object_key"]
    edge.ho.on_image = lambda key: Response(503) if key == photo_key else None
    report = edge.sync()
    assert (report.outcome, report.renditions.fetched) == ("partial", 3)
    assert shown_keys(edge, menu[0]) == old
    edge.ho.on_image = None
    edge.sync()
    assert shown_keys(edge, menu[0]) == new
    assert edge.count("etalase_rendition") == 3 * MENU
    assert {record["object_key"] for record in edge.query("SELECT object_key FROM etalase_reclaim")} == set(old)
    edge.hours_later = 25
    edge.sync()
    assert all(edge.bucket.head(key) is None for key in old)
    assert all(edge.bucket.head(key) for key in new)


def test_another_cut_of_the_same_photo_is_shown_once_it_is_whole(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    old = shown_keys(edge, menu[0])
    new = edge.ho.put_renditions(menu[0], *renditions(61))
    edge.ho.on_image = lambda key: Response(404) if key == new[1] else None
    report = edge.sync()
    assert (report.outcome, report.exit_status, report.renditions.failed, report.renditions.waiting) == ("success", 0, 1, 1)
    assert shown_keys(edge, menu[0]) == old
    edge.ho.on_image = None
    edge.sync()
    assert shown_keys(edge, menu[0]) == new


def test_equal_renditions_of_other_bytes_are_not_fetched_again(edge: Edge, menu: list[str]) -> None:
    """New metadata in a photo change its MD5, and not its small pictures."""
    edge.sync()
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    edge.ho.put_renditions(menu[0], *renditions(0))
    assert (edge.sync().renditions.fetched, edge.sync().renditions.waiting) == (0, 0)
    check_shown_as_listed(edge)


def test_a_photo_without_renditions_shows_none_of_its_old_bytes(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.ho.put("dish 0", picture("new"), photo=menu[0])
    edge.sync()
    tile = shown(edge, menu[0])
    assert (tile.renditions, tile.thumbhash, len(tile.photos)) == ((), None, 1)
    assert edge.count("etalase_rendition") == 3 * (MENU - 1)


HARM: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    "cut short": lambda body: body[:-9],
    "longer": lambda body: body + b"more",
    "a login page": lambda _: b"<html>please log in</html>",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("harm", daily(HARM, "other bytes"))
def test_damaged_bytes_are_not_published_and_delay_nothing(edge: Edge, menu: list[str], harm: str) -> None:
    bad = edge.ho.rendition_sets[menu[0]]["renditions"][1]["object_key"]
    edge.ho.on_image = lambda key: Response(body=HARM[harm](edge.ho.bodies[key])) if key == bad else None
    report = edge.sync()
    assert (report.outcome, report.exit_status, report.fetched) == ("success", 0, MENU)
    assert (report.renditions.fetched, report.renditions.failed, report.renditions.waiting) == (3 * MENU - 1, 1, 1)
    assert bad not in shown_keys(edge, menu[0])
    assert edge.bucket.head(bad) is None
    edge.ho.image_requests.clear()
    edge.sync(trigger="schedule")
    assert edge.ho.image_requests == []  # its pause
    edge.ho.on_image = None
    edge.sync()
    check_shown_as_listed(edge)


@pytest.mark.parametrize("what", daily(["no picture", "another width", "another type"], "another width"))
def test_a_rendition_that_is_no_such_picture_is_not_published(edge: Edge, menu: list[str], what: str) -> None:
    one = edge.ho.rendition_sets[menu[0]]["renditions"][1]
    body = {
        "no picture": b"RIFF\x00\x00\x00\x00WEBP nothing",
        "another width": renditions(1, 161)[0],
        "another type": renditions(1, 320, kind="JPEG")[0],
    }[what]
    checksum = hashlib.md5(body).hexdigest()
    one.update(object_key=f"renditions/{menu[0]}/{checksum}-320.webp", size=len(body), checksum=checksum)
    edge.ho.bodies[one["object_key"]] = body
    one["image_url"] = f"{edge.ho.url}/product-images/{one['object_key']}"
    report = edge.sync()
    assert (report.outcome, report.renditions.failed) == ("success", 1)
    assert edge.query("SELECT reason FROM etalase_rendition WHERE reason <> ''") == [{"reason": "type_mismatch"}]
    assert edge.bucket.head(one["object_key"]) is None


def test_malformed_renditions_harm_no_photo_and_no_other_rendition(edge: Edge, menu: list[str]) -> None:
    edge.ho.rendition_sets[menu[0]]["renditions"] = "renditions"
    edge.ho.rendition_sets[menu[1]]["renditions"][1]["width"] = "320"
    edge.ho.rendition_sets[menu[2]]["renditions"][1]["object_key"] = "products/x.jpg"
    edge.ho.rendition_sets[menu[3]]["thumbhash"] = [1]
    report = edge.sync()
    assert (report.outcome, report.fetched) == ("success", MENU)
    assert [notice["code"] for notice in report.notices] == ["rows_mended"]
    edge.check_equals_head_office()
    assert [len(shown(edge, photo).renditions) for photo in menu] == [0, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("fault", daily([503, 404, "refuses connections"], 503))
def test_a_dead_rendition_host_costs_few_requests_and_no_photo(edge: Edge, fault: int | str) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(30)]
    for n, photo in enumerate(photos):
        edge.ho.put_renditions(photo, *renditions(n))
        if isinstance(fault, str):
            for one in edge.ho.rendition_sets[photo]["renditions"]:
                one["image_url"] = one["image_url"].replace(edge.ho.url, "http://127.0.0.1:1")
    edge.ho.on_image = lambda key: Response(int(fault)) if key.startswith("renditions/") else None
    report = edge.sync(IMAGE_ORIGINS="127.0.0.1,127.0.0.1:1")
    assert (report.outcome, report.exit_status, report.fetched) == ("success", 0, 30)
    assert 5 <= report.renditions.failed < 30
    assert report.renditions.waiting == 90
    edge.check_equals_head_office()


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 4])
def test_a_silent_rendition_host_delays_the_photos_by_one_deadline(edge: Edge, workers: int) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(30)]
    for n, photo in enumerate(photos):
        edge.ho.put_renditions(photo, *renditions(n))
    ended = threading.Event()

    def silence(key: str) -> Response | None:
        if key.startswith("renditions/"):
            ended.wait(60)
        return None

    edge.ho.on_image = silence
    try:
        report = edge.sync(WORKERS=workers)
    finally:
        ended.set()
    assert (report.outcome, report.fetched) == ("success", 30)
    assert report.renditions.failed == workers


@pytest.mark.parametrize("each", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_run_that_is_killed_at_any_effect_loses_no_rendition(edge: Edge, each: int) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(2)]
    for n, photo in enumerate(photos):
        edge.ho.put_renditions(photo, *renditions(n))
    whole, _ = replayed(edge, full=True)
    kills = [at for at, effect in enumerate(whole.seen) if "rendition" in effect]
    assert len(kills) > 6
    for at in kills[::each]:
        edge.query("TRUNCATE etalase_checkpoint, etalase_rendition, etalase_sync_run, product_photo, product CASCADE")
        edge.bucket.delete([info.key for info in edge.bucket.list("")])
        replayed(edge, full=True, killed_before=at)
        assert edge.sync().outcome == "success"
        edge.check_equals_head_office()
        edge.sync()  # a run that was killed right after its login has forgotten what the login's response offers
        check_shown_as_listed(edge)


def test_a_removed_photo_takes_its_renditions_along(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    keys = shown_keys(edge, menu[0])
    edge.ho.delete(menu[0])
    edge.sync()
    assert edge.count("etalase_rendition") == 3 * (MENU - 1)
    assert all(edge.bucket.head(key) for key in keys)
    edge.hours_later = 25
    edge.sync()
    assert not any(edge.bucket.head(key) for key in keys)
