"""Head office makes renditions: by the command, and by the worker soon after an upload; one bad photo harms no other."""

import hashlib
import json
from contextlib import suppress
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any
from urllib.request import ProxyHandler, build_opener
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from PIL import Image
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import BUCKET, Office
from tests.pictures import dish

from etalase.errors import ObjectStoreAway, PictureFault, PictureRefused
from etalase.head_office import heartbeat, ingest
from etalase.head_office.models import Photo, PhotoRenditionSet, Product, Rendition
from etalase.head_office.renditions import queue
from etalase.head_office.renditions.making import make_set, may_pass
from etalase.head_office.renditions.worker import PAUSE_SECONDS, Worker, made_sets
from etalase.head_office.version_models import ObsoleteObject
from etalase.pictures.making import make_renditions
from etalase.protocol import object_url
from etalase.renditions import RenditionKey, parse_key
from etalase.service_manager import ServiceManager

OPENER = build_opener(ProxyHandler({}))
MAKE = "etalase.head_office.renditions.making.make_renditions"


def put(office: Office, product: Product, body: bytes, **fields: Any) -> Photo:
    """Adds a photo with its object."""
    photo = office.photo(product, size=len(body), checksum=hashlib.md5(body).hexdigest(), **fields)
    ingest.bucket().put(photo.object_key, body, content_type="image/jpeg")
    return photo


def run(*args: str) -> dict[str, Any]:
    """Runs the command; returns its object."""
    out = StringIO()
    with suppress(SystemExit):
        call_command("ho_renditions", *args, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def keys(photo: Photo) -> list[str]:
    """Returns the keys of a photo's renditions, by width."""
    rows = Rendition.objects.filter(set_id=photo.id).order_by("width")
    return [str(RenditionKey(photo.id, row.checksum, row.width, row.content_type)) for row in rows]


def test_the_command_makes_what_lacks_once(office: Office, bucket: Any) -> None:
    product = office.product()
    photos = [put(office, product, dish("JPEG", size=(900 + number, 700))) for number in range(2)]
    assert run("--dry-run") == {
        "dry_run": True, "waiting": 2, "failed": 0, "photo_bytes": sum(photo.size for photo in photos), "exit_status": 0,
    }  # fmt: skip
    assert Rendition.objects.count() == 0
    made = run()
    assert (made["made"], made["failed"], made["waiting"], made["exit_status"]) == (2, 0, 0, 0)
    assert made["bytes"] == sum(Rendition.objects.values_list("size", flat=True)) > 0
    again = run()
    assert (again["made"], again["bytes"], run("--dry-run")["waiting"]) == (0, 0, 0)


def test_each_object_is_what_its_row_says_and_may_be_kept_for_ever(office: Office, bucket: Any) -> None:
    photo = put(office, office.product(), dish("JPEG", size=(1200, 900)))
    run()
    assert [parsed.width for key in keys(photo) if (parsed := parse_key(key))] == [160, 320, 640]
    assert len(PhotoRenditionSet.objects.get().thumbhash) > 8
    for row, key in zip(Rendition.objects.order_by("width"), keys(photo), strict=True):
        with OPENER.open(object_url(bucket.endpoint, BUCKET.name, key, checksum=row.checksum), timeout=60) as got:
            body = got.read()
            assert (got.headers["Cache-Control"], got.headers["Content-Type"]) == (
                "public, max-age=31536000, immutable",
                row.content_type,
            )
        assert (hashlib.md5(body).hexdigest(), len(body)) == (row.checksum, row.size)
        assert Image.open(BytesIO(body)).size == (row.width, row.height)


def test_a_bad_photo_is_remembered_with_its_reason_and_delays_no_other(office: Office, bucket: Any) -> None:
    product = office.product()
    no_picture = put(office, product, b"\xff\xd8\xff no picture")
    missing = office.photo(product)
    body = dish("JPEG")
    damaged = put(office, product, body)
    bucket.put(damaged.object_key, b"other bytes", content_type="image/jpeg")
    good = put(office, product, dish("JPEG", size=(640, 480)))
    made = run()
    assert (made["made"], made["failed"], made["exit_status"]) == (1, 3, 1)
    reasons = {UUID(one["photo_id"]): one["reason"] for one in made["problems"]}
    assert "missing" in reasons[missing.id]
    assert "damaged" in reasons[damaged.id]
    assert reasons[no_picture.id]
    assert keys(good)
    assert list(made_sets()) == [], "not at once again"
    due = dict(PhotoRenditionSet.objects.values_list("photo_id", "due_at"))
    assert None not in (due[missing.id], due[damaged.id]), "somebody may put the object"
    assert due[no_picture.id] is due[good.id] is None
    bucket.put(damaged.object_key, body, content_type="image/jpeg")
    again = run()
    assert (again["made"], again["failed"]) == (1, 2)
    assert keys(damaged)


def test_a_machine_short_of_memory_condemns_no_picture_at_once(
    office: Office, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = put(office, office.product(), dish("JPEG"))

    def killed(*_: Any, **__: Any) -> Any:
        raise PictureRefused("The picture cannot be decoded within the limits.", code=PictureFault.TOO_COMPLEX)

    with monkeypatch.context() as patch:
        patch.setattr(MAKE, killed)
        assert run()["failed"] == 1
    (due,) = PhotoRenditionSet.objects.values_list("due_at", flat=True)
    assert due is not None
    assert run()["made"] == 1
    assert keys(photo)
    assert not may_pass(PictureFault.TOO_COMPLEX, timedelta(hours=25))
    assert not may_pass(PictureFault.UNDECODABLE, timedelta(0))


def test_a_defect_of_ours_costs_one_photo(office: Office, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    product = office.product()
    photos = [put(office, product, dish("JPEG", size=(200 + number, 150))) for number in range(3)]

    def stumbling(body: bytes, **given: Any) -> Any:
        if hashlib.md5(body).hexdigest() == photos[1].checksum:
            raise IndexError("a defect")
        return make_renditions(body, **given)

    monkeypatch.setattr(MAKE, stumbling)
    made = run()
    assert (made["made"], [one["reason"] for one in made["problems"]]) == (2, ["Unexpected error: IndexError."])


def test_another_focal_point_gives_other_renditions_and_the_old_ones_stay_until_then(office: Office, bucket: Any) -> None:
    photo = put(office, office.product(), dish("JPEG", size=(1600, 500)))
    run()
    before = keys(photo)
    Photo.objects.update(focal_x=0.0, focal_y=0.5)
    assert keys(photo) == before
    run()
    assert set(keys(photo)).isdisjoint(before)
    assert all(bucket.head(key) for key in before), "an edge in the middle of a run still finds them"


def test_the_same_renditions_again_are_no_change(office: Office, bucket: Any) -> None:
    put(office, office.product(), dish("JPEG"))
    run()
    before = PhotoRenditionSet.objects.values_list("changed_at", "revision").get()
    PhotoRenditionSet.objects.update(recipe=0)
    assert run("--dry-run")["waiting"] == 1
    assert run()["made"] == 1
    assert PhotoRenditionSet.objects.values_list("changed_at", "revision", "recipe").get() == (*before, queue.RECIPE)


def test_photos_that_no_trigger_saw_are_found(office: Office, bucket: Any) -> None:
    photo = put(office, office.product(), dish("JPEG"))
    PhotoRenditionSet.objects.all().delete()
    assert run("--dry-run")["waiting"] == 1
    assert run()["made"] == 1
    assert keys(photo)


def test_a_photo_that_changes_while_it_is_made_gets_the_renditions_of_its_new_bytes(
    office: Office, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, new = put(office, office.product(), dish("JPEG", size=(400, 300))), dish("JPEG", size=(500, 300))

    def overtaken(body: bytes, **given: Any) -> Any:
        made = make_renditions(body, **given)
        if hashlib.md5(body).hexdigest() == photo.checksum:
            bucket.put(photo.object_key, new, content_type="image/jpeg")
            Photo.objects.filter(id=photo.id).update(checksum=hashlib.md5(new).hexdigest(), size=len(new))
        return made

    monkeypatch.setattr(MAKE, overtaken)
    assert make_set(photo.id) is None
    assert PhotoRenditionSet.objects.get().photo_checksum == ""
    in_vain = {info.key for info in bucket.list(f"renditions/{photo.id}/")}
    assert in_vain == set(ObsoleteObject.objects.values_list("key", flat=True)) != set(), "they are collected later"
    assert run()["made"] == 1
    assert PhotoRenditionSet.objects.get().photo_checksum == hashlib.md5(new).hexdigest()
    assert set(ObsoleteObject.objects.values_list("key", flat=True)).isdisjoint(keys(photo))


def test_a_photo_that_is_deleted_while_it_is_made_leaves_no_row(
    office: Office, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = put(office, office.product(), dish("JPEG"))

    def deleted(body: bytes, **given: Any) -> Any:
        Photo.objects.filter(id=photo.id).delete()
        return make_renditions(body, **given)

    monkeypatch.setattr(MAKE, deleted)
    assert make_set(photo.id) is None
    assert Rendition.objects.count() == 0


def test_two_processes_share_the_work(office: Office, bucket: Any) -> None:
    product = office.product()
    photos = [put(office, product, dish("JPEG", size=(200 + number, 150))) for number in range(4)]
    with another_session() as other:
        name = queue._lock_name(photos[2].id)
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        made = run()
        assert (made["made"], made["waiting"]) == (3, 1)
        assert not keys(photos[2])
    assert run()["made"] == 1, "the lock ends with its session"


# The worker


class Nothing(ServiceManager):
    """Records what a service manager is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def turned(self) -> None:
        self.told.append("turned")

    def waits(self, status: str) -> None:
        self.told.append("waits")


@pytest.fixture
def service() -> Nothing:
    return Nothing()


def test_the_worker_makes_an_upload_in_its_next_turn(office: Office, bucket: Any, service: Nothing) -> None:
    worker = Worker(service, sleep=lambda _: None)
    worker.turn()
    assert worker.made == 0
    photo = put(office, office.product(), dish("JPEG"))
    worker.turn()
    assert (worker.made, service.told.count("turned")) == (1, 3)
    assert keys(photo)


def test_a_new_photo_is_made_before_older_ones_and_a_primary_one_before_others(office: Office, bucket: Any) -> None:
    product = office.product()
    others = [office.photo(product, is_primary=number == 3) for number in range(5)]
    PhotoRenditionSet.objects.all().delete()
    queue.complete()
    newest = office.photo(product)
    order = queue.next_photos()
    assert order[0] == newest.id
    assert set(order[1:]) <= {photo.id for photo in others}


def test_the_worker_waits_for_bucket_and_database_and_says_so_once(
    office: Office, bucket: Any, service: Nothing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photo = put(office, office.product(), dish("JPEG"))
    paused: list[float] = []
    worker = Worker(service, sleep=paused.append)

    def away(*_: Any, **__: Any) -> None:
        raise ObjectStoreAway("The object store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(ingest.bucket(), "put", away)
        worker.turn()
        worker.turn()
    assert (service.told, paused) == (["waits", "waits"], [PAUSE_SECONDS] * 2)
    assert [record.getMessage() for record in caplog.records] == ["the worker waits: The object store does not answer."]
    assert PhotoRenditionSet.objects.get().problem == "", "not this photo's fault"
    worker.turn()
    assert keys(photo)
    assert caplog.records[-1].getMessage() == "the worker goes on"


def test_the_workers_heartbeat_is_read_back_and_one_of_the_future_is_none(office: Office, service: Nothing) -> None:
    assert heartbeat.age() is None
    Worker(service, sleep=lambda _: None).turn()
    age = heartbeat.age()
    assert age is not None
    assert age < heartbeat.ALIVE_WITHIN
    with connection.cursor() as cursor:
        cursor.execute("UPDATE head_office_heartbeat SET at = now() + interval '1 day'")
    assert heartbeat.age() is None
    Worker(service, sleep=lambda _: None).turn()
    assert heartbeat.age() is not None
