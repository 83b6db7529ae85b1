"""Checks the renditions that an edge makes itself, from a head office that offers none (ADR 0030)."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.integration.sync.test_renditions import prefers, shown, shown_keys
from tests.pictures import dish, renditions
from tests.pictures import picture as photo_of

from etalase.edge.clock import Clock
from etalase.edge.sync import removal_decisions, rendition_making, storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.services import Services
from etalase.edge.sync.verify import verify
from etalase.errors import PictureFault, PictureRefused
from etalase.objectstore.client import PROBE_PNG
from etalase.own_bucket import own_bucket
from etalase.pictures.making import MadePicture, MadeRenditions

WIDTHS = (160, 320)


class InProcess:
    """Makes renditions in this process: the real maker has tests of its own."""

    def __init__(self) -> None:
        self.photos: list[bytes] = []
        self.refused: set[bytes] = set()
        self.fault = PictureFault.UNDECODABLE
        self.works = True
        self.on_photo: Callable[[], None] = lambda: None

    def renditions(self, photo: bytes) -> MadeRenditions:
        """Returns renditions that depend on the photo alone."""
        if photo != PROBE_PNG:
            self.on_photo()
            self.photos.append(photo)
        if not self.works or photo in self.refused:
            raise PictureRefused("The picture is damaged: its data are missing or wrong.", code=self.fault)
        bodies = renditions(int(hashlib.md5(photo).hexdigest()[:4], 16), *WIDTHS)
        made = (MadePicture(body, "image/webp", width, width * 3 // 4) for body, width in zip(bodies, WIDTHS, strict=True))
        return MadeRenditions(tuple(made), "1QcSHQRnh493V4dIh4eXh1h4kJUI")

    def close(self) -> None:
        """Does nothing."""


@pytest.fixture
def maker(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """Returns the maker of an edge that makes its own renditions."""
    edge.settings["RENDITIONS"] = "auto"
    maker = InProcess()
    monkeypatch.setattr(rendition_making, "small_maker", lambda: maker)
    return maker


def body(colour: str) -> bytes:
    """Returns a photo in one colour."""
    return photo_of(colour=colour)


def test_a_photo_gets_renditions_once_and_the_pos_shows_them(edge: Edge) -> None:
    edge.settings["RENDITIONS"] = "auto"
    photo = edge.ho.put("Sate", dish("JPEG", size=(400, 300)))
    report = edge.sync()
    assert (report.outcome, report.renditions.made, report.renditions.unmade) == ("success", 1, 0)
    product = shown(edge, photo)
    assert [(one.width, one.height) for one in product.renditions] == [(160, 120), (320, 240), (400, 300)]
    assert product.thumbhash
    for key in shown_keys(edge, photo):
        assert hashlib.md5(edge.bucket.get(key)).hexdigest() in key
    before = edge.query("SELECT id, xmin::text FROM etalase_rendition ORDER BY id")
    assert edge.sync(full=True).renditions.made == 0
    assert edge.query("SELECT id, xmin::text FROM etalase_rendition ORDER BY id") == before
    with edge.services() as services:
        assert verify(services, deep=True).equal


def test_a_changed_photo_shows_no_old_rendition_and_gets_new_ones(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.sync()
    old = shown_keys(edge, photo)
    edge.ho.put("Sate", body("blue"), photo=photo)
    edge.sync(RENDITIONS="head-office")
    assert shown(edge, photo).renditions == ()
    edge.sync()
    assert len(shown_keys(edge, photo)) == len(WIDTHS)
    assert not set(old) & set(shown_keys(edge, photo))
    edge.hours_later = 25
    edge.sync()
    assert edge.rendition_objects() == set(shown_keys(edge, photo))


def test_primary_photos_come_first(edge: Edge, maker: InProcess) -> None:
    for n in range(4):
        edge.ho.put("Sate", body(f"#{n * 3}00000"), primary=False)
    first = body("red")
    edge.ho.put("Bakso", first)
    edge.sync()
    assert maker.photos[0] == first
    assert len(maker.photos) == len(set(maker.photos)) == 5


def test_a_lost_rendition_is_made_again_under_another_url(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.sync()
    first, second = shown_keys(edge, photo)
    edge.bucket.put(first, b"damaged", content_type="image/webp")
    edge.sync(full=True)
    assert [one.image_url.partition("webp")[2] for one in shown(edge, photo).renditions] == ["?r=1", ""]
    assert shown_keys(edge, photo) == [first, second]
    assert (edge.md5_at(first) or "-") in first
    assert len(maker.photos) == 2
    edge.bucket.delete([second])
    status(edge)
    assert shown_keys(edge, photo) == [first]
    edge.sync(trigger="schedule")
    assert shown_keys(edge, photo) == [first, second]


def test_a_photo_that_cannot_be_made_small_is_remembered_until_its_bytes_change(edge: Edge, maker: InProcess) -> None:
    maker.refused.add(body("red"))
    photo, other = edge.ho.put("Sate", body("red")), edge.ho.put("Bakso", body("blue"))
    report = edge.sync()
    assert (report.outcome, report.exit_status, report.renditions.made, report.renditions.unmade) == ("success", 0, 1, 1)
    assert shown(edge, photo).renditions == ()
    assert shown(edge, photo).photos
    assert shown_keys(edge, other)
    found = status(edge)
    assert (found["state"], found["renditions"]["unmade"]) == ("well", 1)
    reason = "The picture is damaged: its data are missing or wrong."
    assert found["renditions"]["unmade_photos"] == [{"photo_id": photo, "product_name": "Sate", "reason": reason}]
    edge.sync(full=True)
    assert len(maker.photos) == 2
    edge.ho.put("Sate", body("green"), photo=photo)
    edge.sync()
    assert shown_keys(edge, photo)
    assert status(edge)["renditions"]["unmade"] == 0
    edge.sync()
    assert edge.count("etalase_unmade_renditions") == 0


def test_a_machine_that_was_short_of_memory_condemns_no_picture_for_ever(edge: Edge, maker: InProcess) -> None:
    maker.refused.add(body("red"))
    maker.fault = PictureFault.TOO_COMPLEX
    photo = edge.ho.put("Sate", body("red"))
    tries = []
    for hours in (0, 0.4, 0.6, 6, 7, 30, 32, 100, 1000):
        edge.hours_later = hours
        before = len(maker.photos)
        edge.sync(trigger="schedule")
        tries.append(len(maker.photos) - before)
    assert tries == [1, 0, 1, 0, 1, 0, 1, 0, 0]
    edge.query("UPDATE etalase_unmade_renditions SET next_try_at = now()")
    maker.refused.clear()
    edge.sync(trigger="schedule")
    assert shown_keys(edge, photo)


def test_nothing_is_remembered_where_libvips_is_missing(edge: Edge, maker: InProcess) -> None:
    maker.works = False
    photo = edge.ho.put("Sate", body("red"))
    report = edge.sync()
    assert (report.outcome, report.notices, edge.count("etalase_unmade_renditions")) == ("success", [], 0)
    maker.works = True
    edge.sync(trigger="schedule")
    assert shown_keys(edge, photo)


@pytest.mark.parametrize("kind", ["deleted", "other bytes"])
def test_a_damaged_photo_is_repaired_before_it_is_made_small(edge: Edge, maker: InProcess, kind: str) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.sync(RENDITIONS="head-office")
    key = edge.ho.photos[photo]["object_key"]
    if kind == "deleted":
        edge.bucket.delete([key])
    else:
        edge.bucket.put(key, body("red")[:-2] + b"\0\0", content_type="image/jpeg")
    edge.sync(trigger="schedule")
    edge.sync(trigger="schedule")
    edge.sync(trigger="schedule")
    assert set(maker.photos) == {body("red")}
    assert shown_keys(edge, photo)


def test_it_gives_way_to_a_full_run_and_the_next_run_goes_on(edge: Edge, maker: InProcess) -> None:
    photos = [edge.ho.put(f"dish {n}", body(f"#{n * 3}00000")) for n in range(3)]

    def full_is_due_after_the_first(services: Services) -> None:
        is_due = services.lock.full_is_due
        services.lock.full_is_due = lambda: bool(maker.photos) or is_due()  # type: ignore[method-assign]

    report = edge.sync(inject=full_is_due_after_the_first)
    assert (report.outcome, report.renditions.made) == ("success", 1)
    assert edge.checkpoint() is not None
    assert edge.sync(trigger="schedule").renditions.made == 2
    assert all(shown_keys(edge, photo) for photo in photos)


def test_a_scheduled_run_ends_after_its_share_of_time(edge: Edge, maker: InProcess) -> None:
    for n in range(3):
        edge.ho.put(f"dish {n}", body(f"#{n * 3}00000"))

    def slow(services: Services) -> None:
        began = services.clock.monotonic()
        services.clock.monotonic = lambda: began + len(maker.photos) * 400

    assert edge.sync(trigger="schedule", inject=slow).renditions.made == 2
    assert edge.sync(inject=slow).renditions.made == 1


def test_a_kill_between_object_and_row_leaves_an_orphan_that_goes(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))

    def killed(services: Services) -> None:
        real = services.bucket

        class Bucket:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def put(self, key: str, *args: Any, **kwargs: Any) -> str:
                if key.startswith("renditions/"):
                    real.put(key, *args, **kwargs)
                    raise KeyboardInterrupt
                return real.put(key, *args, **kwargs)

        services.bucket = Bucket()

    with pytest.raises(KeyboardInterrupt):
        edge.sync(inject=killed)
    assert (edge.count("product_photo"), len(edge.rendition_objects()), edge.count("etalase_rendition")) == (1, 1, 0)
    edge.ho.put("Sate", body("blue"), photo=photo)
    edge.sync(full=True)
    edge.hours_later = 25
    edge.sync()
    assert edge.rendition_objects() == set(shown_keys(edge, photo))


def test_a_bucket_that_shows_nobody_renditions_ends_the_making_alone(edge: Edge, maker: InProcess) -> None:
    photos = [edge.ho.put(f"dish {n}", body(f"#{n * 3}00000")) for n in range(3)]

    def private(services: Services) -> None:
        real = services.bucket

        class Bucket:
            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            def is_public(self, key: str) -> bool:
                return not key.startswith("renditions/")

        services.bucket = Bucket()

    report = edge.sync(inject=private)
    assert (report.outcome, report.renditions.made, len(maker.photos)) == ("success", 0, 1)
    assert edge.count("etalase_rendition") == 0
    edge.sync()
    assert all(shown_keys(edge, photo) for photo in photos)


def test_head_offices_renditions_win_once_they_are_here(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.sync()
    own = shown_keys(edge, photo)
    listed = edge.ho.put_renditions(photo, *renditions(1))
    edge.sync()
    assert edge.sync().renditions.made == 0
    assert shown_keys(edge, photo) == listed
    edge.hours_later = 25
    edge.sync(full=True)
    assert edge.rendition_objects() == set(listed)
    assert not set(own) & set(listed)


@pytest.mark.parametrize(("setting", "fetched", "made"), [("auto", 3, 0), ("head-office", 3, 0), ("edge", 0, 1), ("off", 0, 0)])
def test_the_setting_decides_who_makes_them(edge: Edge, maker: InProcess, setting: str, fetched: int, made: int) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.ho.put_renditions(photo, *renditions(1))
    report = edge.sync(RENDITIONS=setting)
    assert (report.renditions.fetched, report.renditions.made) == (fetched, made)
    assert any("renditions" in prefer for prefer in prefers(edge)) == (fetched > 0)
    assert len(shown_keys(edge, photo)) == (3 if fetched else made * len(WIDTHS))


def test_another_setting_counts_at_the_next_run(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))
    listed = edge.ho.put_renditions(photo, *renditions(1))
    edge.sync()
    edge.sync(RENDITIONS="edge")
    assert shown_keys(edge, photo) == listed  # of the same bytes
    assert status(edge)["renditions"]["listed"] == 0
    edge.ho.put("Sate", body("blue"), photo=photo)
    edge.sync(RENDITIONS="edge")
    assert len(shown_keys(edge, photo)) == len(WIDTHS)
    edge.sync(RENDITIONS="off")
    assert shown(edge, photo).renditions == ()
    listed = edge.ho.put_renditions(photo, *renditions(2))
    edge.sync()
    edge.sync()
    assert shown_keys(edge, photo) == listed


def test_undo_restores_a_removed_photo_with_its_own_renditions(edge: Edge, maker: InProcess) -> None:
    photo = edge.ho.put("Sate", body("red"))
    edge.ho.put("Bakso", body("blue"))
    edge.sync()
    keys = shown_keys(edge, photo)
    product_id = edge.ho.photos[photo]["product_id"]
    edge.ho.delete(photo)
    report = edge.sync()
    assert report.deleted == 1
    settings = edge.configured()
    table = storage.products.ProductTable(name_field="name", sku_field="sku")
    lock = RunLock(settings.STORE_ID, Clock())
    removal_decisions.undo(report.run_id or 0, lock=lock, bucket=own_bucket(settings), products=table)
    restored = edge.query("SELECT object_key, origin, is_here FROM etalase_rendition WHERE product_id = %s", product_id)
    assert {(one["object_key"], one["origin"], one["is_here"]) for one in restored} == {(key, "edge", True) for key in keys}
    edge.sync(trigger="schedule")
    assert len(maker.photos) == 2
