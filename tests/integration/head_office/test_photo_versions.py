"""Uploads and versions of photos: what is kept in the private bucket, for how long, and what changes no photo."""

import contextlib
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from PIL import Image
from tests.integration.head_office.conftest import forget_settings
from tests.integration.head_office.office import Office
from tests.pictures import dish, exif, picture

from etalase.errors import ObjectRefused, ObjectStoreAway, ObjectStoreMisconfigured, UsageError
from etalase.head_office import ingest
from etalase.head_office import masters as masters_room
from etalase.head_office.checks import prepare_to_serve, uploads_are_private
from etalase.head_office.collecting import collect
from etalase.head_office.images.gps import without_location
from etalase.head_office.images.validate import Upload
from etalase.head_office.masters import master_key
from etalase.head_office.models import Photo, PhotoRenditionSet, Product, Rendition
from etalase.head_office.renditions.worker import made_sets
from etalase.head_office.restoring import restore
from etalase.head_office.version_models import ObsoleteObject, PhotoVersion
from etalase.objectstore.bucket_policy import read_policy
from etalase.objectstore.private_bucket import PROBE_KEY

Import = Callable[..., dict[str, Any]]
APP = "head_office"
LAST_RELEASE = "0004_token_family"
PHONE = picture(exif=exif())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def load(folder: Path, office: Office, bucket: Any) -> Import:
    """Imports a dish for each file, with the file's name as SKU and name."""

    def run(*args: str, **files: bytes) -> dict[str, Any]:
        for name, body in files.items():
            (folder / name).write_bytes(body)
        lines = [f"{name},{name.upper()},{name},true,0," for name in sorted(path.name for path in folder.iterdir())]
        menu = folder.parent / "menu.csv"
        menu.write_text("\n".join(["sku,name,file,is_primary,sort_order,stores", *lines, ""]))
        photos: dict[str, Any] = command("ho_import", str(menu), str(folder), *args)["photos"]
        return photos

    return run


def command(*args: str) -> dict[str, Any]:
    """Returns the object of ``--json``."""
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command(*args, "--json", stdout=out, stderr=io.StringIO())
    output: dict[str, Any] = json.loads(out.getvalue())
    return output


def changed(photos: dict[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in photos.items() if number}


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def status_without_key(store: Any, key: str) -> int:
    try:
        with urllib.request.urlopen(f"{store.endpoint}/{store.bucket}/{key}") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def keys(store: Any, photo_id: Any) -> set[str]:
    return {info.key for info in store.list(f"masters/{photo_id}/")}


# What goes out, and what is kept


def test_an_upload_within_the_limits_goes_out_without_its_metadata_and_is_kept_as_it_came(load: Import, masters: Any) -> None:
    load(a=PHONE)
    photo = Photo.objects.get()
    (version,) = PhotoVersion.objects.all()
    assert (version.photo_id, version.version, version.ends_at, version.object_key) == (photo.id, 1, None, photo.object_key)
    assert (version.upload_checksum, version.upload_size) == (md5(PHONE), len(PHONE))
    assert (version.checksum, version.size, version.recipe) == (photo.checksum, photo.size, str(ingest.recipe()))
    sent = ingest.bucket().get(photo.object_key)
    assert b"A phone of some make" in PHONE
    assert b"A phone of some make" not in sent
    with Image.open(io.BytesIO(sent)) as after, Image.open(io.BytesIO(PHONE)) as before:
        assert after.tobytes() == before.tobytes()
    assert masters.get(master_key(photo.id, md5(PHONE))) == PHONE
    assert masters.get(master_key(photo.id, photo.checksum)) == sent


@pytest.mark.parametrize(
    ("body", "side"),
    [
        (picture(size=(3000, 400)), 2048),
        (dish("PNG", size=(700, 700)), 700),
        (picture("TIFF"), 48),
        (picture("BMP"), 48),
    ],
    ids=["too many pixels", "too many bytes", "TIFF", "BMP"],
)
def test_a_larger_upload_or_one_of_another_format_goes_out_smaller(load: Import, masters: Any, body: bytes, side: int) -> None:
    assert changed(load(a=body)) == {"created": 1}
    photo = Photo.objects.get()
    sent = ingest.bucket().get(photo.object_key)
    with Image.open(io.BytesIO(sent)) as image:
        assert max(image.size) <= side
        assert image.format in {"JPEG", "WEBP"}
    assert (photo.size, photo.checksum) == (len(sent), md5(sent))
    assert photo.size <= 600_000
    assert masters.get(master_key(photo.id, md5(body))) == body
    assert changed(load()) == {"unchanged": 1}


def test_a_picture_for_print_goes_out_in_the_colours_of_a_screen(load: Import) -> None:
    file = io.BytesIO()
    Image.new("CMYK", (60, 40), (0, 255, 255, 0)).save(file, "JPEG")
    load(a=file.getvalue())
    with Image.open(io.BytesIO(ingest.bucket().get(Photo.objects.get().object_key))) as image:
        assert image.mode == "RGB"


def test_the_same_upload_is_decided_without_encoding_it_again(load: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    load(a=picture(size=(2200, 400)), b=PHONE)
    before = list(Photo.objects.order_by("id").values())

    def make(*_: Any) -> None:
        raise AssertionError("the same upload is not made again")

    monkeypatch.setattr(ingest, "make_picture", make)
    assert changed(load()) == {"unchanged": 2}
    assert list(Photo.objects.order_by("id").values()) == before


def test_an_upload_with_other_metadata_only_changes_no_photo_and_is_kept(load: Import, office: Office, masters: Any) -> None:
    load(a=picture())
    before, photo = office.page(), Photo.objects.get()
    other = picture(comment=b"by the photographer")
    assert changed(load(a=other)) == {"unchanged": 1}
    assert office.page(since=before.sync_timestamp).photos == []
    assert PhotoVersion.objects.get().upload_checksum == md5(other)
    assert masters.get(master_key(photo.id, md5(other))) == other


def test_a_photo_lost_in_the_public_bucket_comes_back_with_the_same_bytes(load: Import, office: Office) -> None:
    load(a=picture(size=(2200, 400)))
    before, photo = office.page(), Photo.objects.get()
    body = ingest.bucket().get(photo.object_key)
    ingest.bucket().delete([photo.object_key])
    assert changed(load()) == {"restored": 1}
    assert ingest.bucket().get(photo.object_key) == body
    assert office.page(since=before.sync_timestamp).photos == []


# The private bucket


def test_nobody_reads_an_upload_without_a_key(load: Import, masters: Any) -> None:
    load(a=PHONE)
    photo = Photo.objects.get()
    assert status_without_key(ingest.bucket(), photo.object_key) == 200
    kept = keys(masters, photo.id)
    assert kept == {master_key(photo.id, md5(PHONE)), master_key(photo.id, photo.checksum)}
    for key in (*kept, PROBE_KEY, "masters/none", "?list-type=2"):
        assert status_without_key(masters, key) == 403


@pytest.fixture
def opened(masters: Any) -> Iterator[Any]:
    """Yields the private bucket with a policy that lets anybody read."""
    policy = json.dumps(read_policy(masters.bucket)).encode()
    masters.expect(masters.request("PUT", query={"policy": ""}, body=policy))
    masters_room.masters.cache_clear()
    yield masters
    masters.expect(masters.request("DELETE", query={"policy": ""}))


def test_no_upload_is_stored_in_a_bucket_that_anybody_can_read(load: Import, opened: Any, folder: Path) -> None:
    (folder / "a").write_bytes(PHONE)
    with pytest.raises(CommandError, match=r"Anybody can read objects of bucket product-images-masters") as refused:
        load()
    assert refused.value.returncode == 4
    assert [message.id for message in uploads_are_private(None)] == ["etalase.E103"]
    assert Photo.objects.count() == PhotoVersion.objects.count() == 0


def test_head_office_serves_its_stores_while_uploads_are_impossible(
    office: Office, opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    prepare_to_serve()
    assert "no upload is possible: Anybody can read objects of bucket product-images-masters" in caplog.text


def test_a_refused_upload_leaves_no_row_and_no_object(office: Office, opened: Any) -> None:
    product = office.product()
    offer = ingest.Offer("a", "a.jpg", Upload(PHONE, md5(PHONE)), True, 0)
    with pytest.raises(ObjectStoreMisconfigured, match="It has to be private"):
        ingest.accept(product.id, offer)
    assert Photo.objects.count() == 0
    assert list(ingest.bucket().list(f"products/{product.id}/")) == []


def test_without_the_private_bucket_an_upload_fails_and_changes_nothing(
    load: Import, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(a=picture())
    before, rows = office.page(), list(PhotoVersion.objects.values())

    def away(*_: Any, **__: Any) -> None:
        raise ObjectStoreAway("The private bucket is away.")

    with monkeypatch.context() as patched:
        patched.setattr(masters_room.masters(), "put", away)
        with pytest.raises(CommandError, match="The private bucket is away"):
            load(a=picture(colour="blue"))
    assert office.page(since=before.sync_timestamp).photos == []
    assert list(PhotoVersion.objects.values()) == rows
    assert ingest.bucket().get(Photo.objects.get().object_key) == picture()
    assert changed(load(a=picture(colour="blue"))) == {"updated": 1}


# An upgrade


@pytest.fixture
def older(bucket: Any, office: Office, folder: Path) -> dict[str, bytes]:
    """Fills a head office as the last release did, and upgrades it; returns the files of its import."""
    files = {
        "plain": picture(),
        "phone": PHONE,
        "large": picture(size=(2600, 200)),
        "png": picture("PNG", exif=exif()),
        "webp": picture("WEBP", exif=exif()),
    }
    for name, body in files.items():
        (folder / name).write_bytes(body)
        content_type = {"png": "image/png", "webp": "image/webp"}.get(name, "image/jpeg")
        published = without_location(body, content_type)
        product = office.product(name, name=name.upper())
        office.photo(
            product,
            object_key=f"products/{product.id}/primary.jpg",
            filename=name,
            source=name,
            size=len(published),
            content_type=content_type,
            checksum=md5(published),
            is_primary=True,
        )
        bucket.put(f"products/{product.id}/primary.jpg", published, content_type=content_type)
    call_command("migrate", APP, LAST_RELEASE, verbosity=0)
    call_command("migrate", APP, verbosity=0)
    return files


def test_an_upgrade_and_the_same_import_again_change_no_photo(load: Import, older: dict[str, bytes], office: Office) -> None:
    rows, page = list(Photo.objects.order_by("id").values()), office.page()
    bodies = {photo["object_key"]: ingest.bucket().get(photo["object_key"]) for photo in rows}
    assert changed(load()) == {"unchanged": len(older)}
    assert list(Photo.objects.order_by("id").values()) == rows
    assert office.page(since=page.sync_timestamp).photos == []
    assert {key: ingest.bucket().get(key) for key in bodies} == bodies
    assert PhotoVersion.objects.count() == 0


def test_a_photo_from_before_the_upgrade_is_kept_when_its_upload_changes(
    load: Import, older: dict[str, bytes], masters: Any
) -> None:
    photo = Photo.objects.get(source="phone")
    old = ingest.bucket().get(photo.object_key)
    assert changed(load(phone=picture(colour="blue"))) == {"updated": 1, "unchanged": len(older) - 1}
    first, second = PhotoVersion.objects.filter(photo_id=photo.id).order_by("version")
    assert (first.recipe, first.checksum, first.upload_checksum) == ("0", md5(old), md5(old))
    assert first.ends_at is not None
    assert (second.version, second.ends_at) == (2, None)
    assert masters.get(master_key(photo.id, md5(old))) == old


def test_a_photo_from_before_the_upgrade_is_kept_when_it_is_deleted(older: dict[str, bytes], masters: Any) -> None:
    photo = Photo.objects.get(source="phone")
    body = ingest.bucket().get(photo.object_key)
    with connection.cursor() as cursor:  # by psql
        cursor.execute("DELETE FROM head_office_photo WHERE id = %s", [photo.id])
    collect(timezone.now() + timedelta(hours=25))
    assert ingest.bucket().head(photo.object_key) is None
    assert masters.get(master_key(photo.id, photo.checksum)) == body
    restore(photo.id, 1)
    again = Photo.objects.get(id=photo.id)
    assert (again.object_key, again.checksum, again.version) == (photo.object_key, photo.checksum, 2)
    assert ingest.bucket().get(photo.object_key) == body


# Photos made again


def test_reprocess_says_what_it_would_do_and_then_makes_smaller_photos(
    load: Import, older: dict[str, bytes], office: Office, masters: Any
) -> None:
    rows, uploads = list(Photo.objects.order_by("id").values()), set(older.values())
    forecast = command("ho_reprocess", "--dry-run")
    size = sum(row["size"] for row in rows)
    assert (forecast["photos"], forecast["bytes"], forecast["stores"]) == (len(older), size, 1)
    assert list(Photo.objects.order_by("id").values()) == rows
    with pytest.raises(CommandError, match=f"--yes {len(older)}"):
        command("ho_reprocess")
    done = command("ho_reprocess", "--yes", str(len(older)))
    assert (done["changed"], done["same"], done["lost"], done["refused"]) == (4, 1, 0, 0)
    assert Photo.objects.get(source="plain").version == 1
    large = Photo.objects.get(source="large")
    with Image.open(io.BytesIO(ingest.bucket().get(large.object_key))) as image:
        assert image.width <= 2048
    assert command("ho_reprocess", "--dry-run")["photos"] == 0
    assert changed(load()) == {"unchanged": len(uploads)}


def test_reprocess_follows_other_limits_and_reports_lost_uploads(
    load: Import, settings: Any, masters: Any, office: Office
) -> None:
    load(a=picture(size=(1200, 800)), b=picture())
    before = office.page()
    lost = Photo.objects.get(source="b")
    masters.delete([master_key(lost.id, PhotoVersion.objects.get(photo_id=lost.id).upload_checksum)])
    ingest.bucket().delete([lost.object_key])
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"PHOTO_MAX_PIXELS": 900})
    forget_settings()
    done = command("ho_reprocess", "--yes", "2")
    assert [problem["reason"].partition(".")[0] for problem in done["problems"]] == [
        "Its upload is missing or damaged in the buckets"
    ]
    assert (done["changed"], done["same"], done["lost"], done["exit_status"]) == (1, 0, 1, 1)
    (listed,) = office.page(since=before.sync_timestamp).photos
    assert (listed.filename, listed.version) == ("a", 2)


# What goes, and what comes back


def test_versions_and_their_bytes_go_after_their_time(load: Import, masters: Any) -> None:
    load(a=picture())
    first = Photo.objects.get()
    load(a=picture(colour="blue"))
    now = timezone.now()
    assert collect(now + timedelta(days=89)).versions == 0
    assert masters.head(master_key(first.id, first.checksum)) is not None
    assert collect(now + timedelta(days=91)).versions == 1
    collect(now + timedelta(days=93))
    second = Photo.objects.get()
    assert keys(masters, first.id) == {master_key(first.id, second.checksum)}
    assert ingest.bucket().get(second.object_key) == picture(colour="blue")
    assert ObsoleteObject.objects.count() == 0


@pytest.mark.parametrize("deleted", [False, True])
def test_an_old_version_comes_back_under_its_id_and_key(load: Import, office: Office, deleted: bool) -> None:
    load(a=PHONE)
    before, photo = office.page(), Photo.objects.get()
    body = ingest.bucket().get(photo.object_key)
    load(a=picture("PNG"))
    if deleted:
        Photo.objects.get().delete()
        collect(timezone.now() + timedelta(hours=25))
    restore(photo.id, 1, made_by="ibu.sari")
    (listed,) = office.page(since=before.sync_timestamp).photos
    assert (listed.id, listed.object_key, listed.checksum) == (photo.id, photo.object_key, photo.checksum)
    assert (listed.version, listed.is_primary) == (3, True)
    assert ingest.bucket().get(photo.object_key) == body
    assert PhotoVersion.objects.get(ends_at=None).made_by == "ibu.sari"
    collect(timezone.now() + timedelta(hours=25))
    assert ingest.bucket().get(photo.object_key) == body


def test_a_version_that_is_not_kept_is_named(load: Import) -> None:
    load(a=picture())
    photo = Photo.objects.get()
    with pytest.raises(UsageError, match="Version 7 of photo"):
        restore(photo.id, 7)
    Product.objects.all().delete()
    with pytest.raises(UsageError, match="The dish of photo"):
        restore(photo.id, 1)


def test_the_bytes_of_a_deleted_photo_are_kept_when_another_takes_its_key(
    older: dict[str, bytes], load: Import, folder: Path, masters: Any
) -> None:
    photo = Photo.objects.get(source="plain")
    product_id, key = photo.product_id, photo.object_key
    photo.delete()
    upload = Upload(PHONE, md5(PHONE))
    ingest.accept(product_id, ingest.Offer("new", "new.jpg", upload, True, 0))
    assert Photo.objects.get(source="new").object_key == key
    collect(timezone.now() + timedelta(hours=25))
    assert ingest.bucket().get(key) == ingest.make_picture(upload).body
    assert masters.get(master_key(PhotoVersion.objects.get(source="plain").photo_id, md5(older["plain"]))) == older["plain"]


def test_a_refused_deletion_delays_no_other(load: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    load(a=picture(), b=picture(colour="blue"))
    first, second = Photo.objects.order_by("source").values_list("object_key", flat=True)
    Photo.objects.all().delete()
    later = timezone.now() + timedelta(hours=25)
    real = ingest.bucket().delete

    def picky(keys: list[str]) -> None:
        if keys == [first]:
            raise ObjectRefused("kept by a rule of the bucket")
        real(keys)

    with monkeypatch.context() as patched:
        patched.setattr(ingest.bucket(), "delete", picky)
        assert collect(later).objects == 1
    assert (ingest.bucket().head(first) is None, ingest.bucket().head(second) is None) == (False, True)
    assert collect(later + timedelta(hours=2)).objects == 1


def test_renditions_stay_for_a_day_after_their_photo_and_go_then(load: Import, office: Office) -> None:
    load(a=picture(size=(400, 300)))
    assert [made.problem for made in made_sets()] == [""]
    photo = Photo.objects.get()
    renditions = {info.key for info in ingest.bucket().list(f"renditions/{photo.id}/")}
    assert len(renditions) == 3
    later = timezone.now() + timedelta(hours=25)
    Rendition.objects.all().delete()
    PhotoRenditionSet.objects.update(due_at=timezone.now())
    list(made_sets())  # the same bytes again: they are in use
    assert collect(later).objects == 0
    photo_id = photo.id
    photo.delete()
    assert {info.key for info in ingest.bucket().list(f"renditions/{photo_id}/")} == renditions
    assert collect(later).objects == 4
    assert list(ingest.bucket().list(f"renditions/{photo_id}/")) == []
