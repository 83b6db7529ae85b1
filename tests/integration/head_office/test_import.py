"""The import of a menu into a real database and a real bucket, by the operator's command."""

import csv
import hashlib
import io
import json
import os
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Edge, Office
from tests.pictures import exif, picture

from etalase.errors import ObjectRefused, ObjectStoreFull, UsageError
from etalase.head_office import ingest
from etalase.head_office.collecting import collect
from etalase.head_office.images.validate import read_upload
from etalase.head_office.imports.menu import read_menu
from etalase.head_office.imports.photo_folder import FoundPicture, LeftOut, look_through
from etalase.head_office.management.commands import ho_import
from etalase.head_office.models import Assortment, Company, Photo, Product
from etalase.objectstore.client import ObjectStore
from etalase.settings import head_office as screen
from etalase.spreadsheet import FORMULA_STARTS

HEADER = "sku,name,file,is_primary,sort_order,stores"
Load = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in (("red.jpg", "red"), ("blue.jpg", "blue"), ("green.jpg", "green")):
        (folder / name).write_bytes(picture(colour=colour))
    return folder


@pytest.fixture
def load(photos: Path, office: Office, bucket: Any) -> Load:
    """Runs the command; returns exit status, the object of ``--json``, and stderr."""

    def run(*lines: str, header: str = HEADER, args: tuple[str, ...] = ()) -> tuple[int, dict[str, Any], str]:
        menu = photos.parent / "menu.csv"
        menu.write_text("\n".join([header, *lines, ""]), "utf-8")
        out, err, status = io.StringIO(), io.StringIO(), 0
        try:
            call_command("ho_import", str(menu), str(photos), "--json", *args, stdout=out, stderr=err)
        except SystemExit as ended:
            status = int(str(ended.code))
        output = json.loads(out.getvalue())
        assert output["exit_status"] == status
        return status, output, err.getvalue()

    return run


def counts(result: dict[str, Any], what: str = "photos") -> dict[str, int]:
    return {kind: number for kind, number in result[what].items() if number}


def test_an_import_creates_products_sales_photos_and_objects(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    status, result, _ = load("1,SATE,red.jpg,true,0,", "1,,blue.jpg,false,1,", "2,SOTO,,,,")
    assert (status, counts(result), counts(result, "products")) == (0, {"created": 2}, {"created": 2})
    product = Product.objects.get(sku="1")
    reported = office.page().photos
    assert [(p.filename, p.is_primary, p.sort_order) for p in reported] == [("red.jpg", True, 0), ("blue.jpg", False, 1)]
    assert reported[0].object_key == f"products/{product.id}/primary.jpg"
    assert reported[1].object_key == f"products/{product.id}/{reported[1].id}.jpg"
    for photo in reported:
        body = (photos / str(photo.filename)).read_bytes()
        assert bucket.get(photo.object_key) == body
        assert (photo.size, photo.checksum) == (len(body), hashlib.md5(body).hexdigest())
    assert {p.name for p in office.products_page().products} == {"SATE", "SOTO"}


def test_an_import_into_a_new_object_store_creates_the_bucket_and_its_policy(load: Load, bucket: Any, settings: Any) -> None:
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"S3_BUCKET": "made-by-import"})
    for cached in (screen.head_office_settings, ingest.bucket):
        cached.cache_clear()
    assert load("1,SATE,red.jpg,true,0,")[0] == 0
    (key,) = Photo.objects.values_list("object_key", flat=True)
    with urllib.request.urlopen(f"{bucket.endpoint}/made-by-import/{key}") as answer:
        assert answer.status == 200


def test_the_guides_ids_can_be_prescribed(office: Office, load: Load) -> None:
    product_id, photo_id = "63ea9d40-47f2-4202-95b6-f9b9e798d762", "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
    load(f"05018970,ASAHI SALMON BOWL,red.jpg,true,0,,{product_id},{photo_id}", header=HEADER + ",product_id,photo_id")
    (reported,) = office.page().photos
    assert (reported.id, reported.product_id) == (UUID(photo_id), UUID(product_id))
    assert reported.object_key == f"products/{product_id}/primary.jpg"


def test_a_repeated_import_changes_nothing(office: Office, load: Load, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "phone.jpg").write_bytes(picture(exif=exif()))
    lines = ("1,SATE,red.jpg,true,0,AVRIL-001", "1,,blue.jpg,,,", "2,SOTO,phone.jpg,,,")
    load(*lines)
    first = office.page()
    rows = list(Photo.objects.values()) + list(Product.objects.values()) + list(Assortment.objects.values())

    def put(*_: Any, **__: Any) -> None:
        raise AssertionError("a second import puts nothing")

    monkeypatch.setattr(ingest.bucket(), "put", put)
    status, result, _ = load(*lines)
    assert (status, counts(result), counts(result, "products")) == (0, {"unchanged": 3}, {"unchanged": 2})
    assert rows == list(Photo.objects.values()) + list(Product.objects.values()) + list(Assortment.objects.values())
    assert office.page(since=first.sync_timestamp).photos == []


def test_a_photo_whose_bytes_changed_gets_a_new_version_under_its_key(
    office: Office, load: Load, photos: Path, bucket: Any
) -> None:
    load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,")
    before = office.page()
    (photos / "red.jpg").write_bytes(picture(colour="orange"))
    assert counts(load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,")[1]) == {"updated": 1, "unchanged": 1}
    (after,) = office.page(since=before.sync_timestamp).photos
    assert (after.id, after.version, after.object_key) == (before.photos[0].id, 2, before.photos[0].object_key)
    assert bucket.get(after.object_key) == picture(colour="orange")


def test_a_new_media_type_changes_the_keys_extension_and_a_day_later_deletes_the_old_object(
    office: Office, load: Load, photos: Path, bucket: Any
) -> None:
    load("1,SATE,red.jpg,true,,")
    before = office.page().photos[0]
    (photos / "red.jpg").write_bytes(picture("WEBP"))
    load("1,SATE,red.jpg,true,,")
    (after,) = office.page().photos
    assert (after.id, after.version, after.content_type) == (before.id, 2, "image/webp")
    assert after.object_key == str(before.object_key).removesuffix("jpg") + "webp"
    assert bucket.get(before.object_key) == picture(colour="red")  # for edges in the middle of a run
    collect(timezone.now() + timedelta(hours=25))
    assert bucket.head(before.object_key) is None
    assert bucket.get(after.object_key) == picture("WEBP")


def test_an_import_with_another_primary_photo_changes_flags_and_no_objects(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,")
    before = {p.id: p for p in office.page().photos}
    assert counts(load("1,SATE,red.jpg,,,", "1,,blue.jpg,true,,")[1]) == {"updated": 2}
    after = {p.id: p for p in office.page().photos}
    assert [p.is_primary for p in after.values()] == [not p.is_primary for p in before.values()]
    assert [(p.object_key, p.version) for p in after.values()] == [(p.object_key, 1) for p in before.values()]


def test_without_a_primary_photo_in_the_file_the_first_is_primary_and_remains_so(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "1,,blue.jpg,,,")
    assert [p.is_primary for p in office.page().photos] == [True, False]
    assert counts(load("1,SATE,blue.jpg,,1,", "1,,red.jpg,,0,")[1]) == {"unchanged": 2}


def test_if_the_first_photo_is_bad_the_next_good_one_is_primary(office: Office, load: Load, photos: Path) -> None:
    (photos / "red.jpg").write_bytes(b"no picture")
    load("1,SATE,red.jpg,,,", "1,,blue.jpg,,,")
    assert [(p.filename, p.is_primary) for p in office.page().photos] == [("blue.jpg", True)]


def test_a_bad_photo_is_reported_by_line_and_the_others_are_loaded(office: Office, load: Load, photos: Path) -> None:
    (photos / "cut.jpg").write_bytes(picture(size=(200, 200))[:-100])
    (photos / "empty.jpg").touch()
    status, result, message = load(
        "1,SATE,red.jpg,,,", "2,SOTO,cut.jpg,,,", "3,BAKSO,nowhere.jpg,,,", "4,RAWON,empty.jpg,,,", "5,GULAI,blue.jpg,,,"
    )
    assert status == 1
    assert counts(result) == {"created": 2, "failed": 3}
    assert [(p["line"], p["column"], p["value"]) for p in result["problems"]] == [
        (3, "file", "cut.jpg"),
        (4, "file", "nowhere.jpg"),
        (5, "file", "empty.jpg"),
    ]
    assert "line 3, file «cut.jpg»: The picture is cut short" in message
    assert "line 4, file «nowhere.jpg»: there is no such file in PHOTOS_DIR" in message
    assert "line 5, file «empty.jpg»: The file is empty." in message
    assert {p.filename for p in office.page().photos} == {"red.jpg", "blue.jpg"}


def test_a_bad_new_version_leaves_the_last_good_photo(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    load("1,SATE,red.jpg,,,")
    before = office.page()
    (photos / "red.jpg").write_bytes(b"no picture any more")
    assert load("1,SATE,red.jpg,,,")[0] == 1
    assert office.page(since=before.sync_timestamp).photos == []
    assert bucket.get(before.photos[0].object_key) == picture(colour="red")


def test_an_object_lost_or_damaged_in_the_bucket_is_restored(office: Office, load: Load, bucket: Any) -> None:
    lines = ("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,", "3,BAKSO,green.jpg,,,")
    load(*lines)
    before = office.page()
    red, blue, _ = (str(photo.object_key) for photo in before.photos)
    bucket.delete([red])
    bucket.put(blue, b"rotten", content_type="image/jpeg")
    assert counts(load(*lines)[1]) == {"restored": 2, "unchanged": 1}
    assert bucket.get(red) == picture(colour="red")
    assert bucket.get(blue) == picture(colour="blue")
    assert office.page(since=before.sync_timestamp).photos == []


def test_an_import_removes_the_gps_position(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    data = picture(exif=exif())
    (photos / "phone.jpg").write_bytes(data)
    load("1,SATE,phone.jpg,,,")
    (reported,) = office.page().photos
    body = bucket.get(reported.object_key)
    assert body != data
    assert reported.checksum == hashlib.md5(body).hexdigest()
    assert body == ingest.make_picture(read_upload(data, ingest.limits())).body
    assert b"\x88\x25" not in body  # the tag of a position
    assert b"\x25\x88" not in body


def test_an_import_only_adds_sales(office: Office, load: Load) -> None:
    other = office.another_store()
    load("1,SATE,red.jpg,,,BDG-002", "2,SOTO,blue.jpg,,,", "3,BAKSO,,,,AVRIL-001;BDG-002")
    assert [p.filename for p in office.page().photos] == ["blue.jpg"]
    assert {p.filename for p in office.page(store=other).photos} == {"red.jpg", "blue.jpg"}
    assert counts(load("1,SATE,red.jpg,,,AVRIL-001")[1], "products") == {"updated": 1}
    assert Assortment.objects.filter(product__sku="1").count() == 2


def test_a_new_store_gets_dishes_sold_everywhere_at_the_next_import(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,AVRIL-001")
    later = office.another_store()
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,AVRIL-001")
    assert [p.filename for p in office.page(store=later).photos] == ["red.jpg"]


def test_a_renamed_product_keeps_its_photos(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,")
    before = office.page()
    assert counts(load("1,SATE AYAM,red.jpg,,,")[1], "products") == {"updated": 1}
    (reported,) = office.page(since=before.sync_timestamp).photos
    assert (reported.product_name, reported.version) == ("SATE AYAM", 1)


def test_an_import_without_prune_removes_nothing(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,")
    load("2,SOTO,,,,")
    assert len(office.page().photos) == 2


def test_prune_removes_unlisted_products_photos_and_sales(office: Office, load: Load, bucket: Any) -> None:
    office.another_store()
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,", "2,,green.jpg,,,", "3,BAKSO,red.jpg,,,")
    edge = Edge(office.page)
    edge.sync()
    keys = {str(photo["filename"]): str(photo["object_key"]) for photo in edge.photos.values() if photo["product_sku"] != "3"}
    status, result, _ = load("2,SOTO,blue.jpg,,,", "3,BAKSO,red.jpg,,,BDG-002", args=("--prune",))
    assert (status, result["pruned"]) == (0, {"products": 1, "photos": 2, "sales": 1})
    edge.sync()
    assert [photo["filename"] for photo in edge.photos.values()] == ["blue.jpg"]
    assert [bucket.head(keys[name]) is None for name in ("red.jpg", "green.jpg", "blue.jpg")] == [False, False, False]
    collect(timezone.now() + timedelta(hours=25))
    assert [bucket.head(keys[name]) is None for name in ("red.jpg", "green.jpg", "blue.jpg")] == [True, True, False]


@pytest.mark.parametrize("how", ["cut short", "refused by the bucket"])
def test_a_dish_keeps_a_primary_photo_if_the_files_one_is_refused(
    office: Office, load: Load, photos: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Otherwise a POS that shows primary photos only would show none for many dishes."""
    load("1,SATE,red.jpg,true,0,", "2,SOTO,red.jpg,true,0,")
    body = (photos / "green.jpg").read_bytes()
    put = ObjectStore.put

    def picky(store: ObjectStore, key: str, sent: bytes, **more: Any) -> None:
        if sent == body:
            raise ObjectRefused("too large for the proxy")
        put(store, key, sent, **more)

    if how == "cut short":
        (photos / "green.jpg").write_bytes(body[: len(body) // 2])
    else:
        monkeypatch.setattr(ObjectStore, "put", picky)
    for _ in range(2):
        status, result, _ = load("1,,green.jpg,true,0,", "1,,red.jpg,false,1,", "2,,green.jpg,true,0,", "2,,red.jpg,false,1,")
        assert (status, result["photos"]["failed"]) == (1, 2)
        assert [(p.filename, p.is_primary) for p in office.page().photos] == [("red.jpg", True), ("red.jpg", True)]


def test_a_prune_of_the_primary_photo_promotes_another(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,", "1,,green.jpg,,,")
    load("1,SATE,blue.jpg,,,", "1,,green.jpg,,,", args=("--prune",))
    assert {p.filename: p.is_primary for p in office.page().photos} == {"blue.jpg": True, "green.jpg": False}


def test_prune_leaves_other_companies_alone(office: Office, load: Load) -> None:
    Product.objects.create(company=Company.objects.create(name="Elsewhere"), sku="1", name="x")
    load("2,SOTO,blue.jpg,,,", args=("--prune", "--company", "FoodLife"))
    assert Product.objects.filter(sku="1").exists()


@pytest.mark.parametrize("lines", [("1,SATE,red.jpg,,,", "2,SOTO,nowhere.jpg,,,"), ()], ids=["a bad line", "no line"])
def test_prune_is_refused_for_a_file_with_bad_lines_or_no_lines(office: Office, load: Load, lines: tuple[str, ...]) -> None:
    load("9,OLD,red.jpg,,,")
    with pytest.raises(CommandError, match="Nothing was loaded") as refused:
        load(*lines, args=("--prune",))
    assert refused.value.returncode == 2
    assert [product.sku for product in Product.objects.all()] == ["9"]


def test_prune_removes_nothing_if_a_photo_is_bad(office: Office, load: Load, photos: Path) -> None:
    load("9,OLD,red.jpg,,,")
    (photos / "bad.jpg").write_bytes(b"no picture")
    status, result, _ = load("1,SATE,bad.jpg,,,", args=("--prune",))
    assert (status, counts(result, "pruned")) == (1, {})
    assert Product.objects.filter(sku="9").exists()


def test_a_photo_that_takes_over_the_key_of_a_pruned_one_keeps_its_object(office: Office, load: Load, bucket: Any) -> None:
    load("1,SATE,red.jpg,true,,")
    load("1,SATE,blue.jpg,true,,", args=("--prune",))
    load("1,SATE,green.jpg,true,,", args=("--prune",))
    (reported,) = office.page().photos
    assert bucket.get(reported.object_key) == picture(colour="green")


def test_prescribed_ids_of_other_rows_are_refused(office: Office, load: Load) -> None:
    with_ids = HEADER + ",product_id,photo_id"
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,")
    sate, soto = Product.objects.order_by("sku")
    status, result, message = load(
        f"3,BAKSO,green.jpg,,,,{sate.id},",
        f"2,SOTO,blue.jpg,,,,{office.store.id},",
        f"1,SATE,green.jpg,,,,,{soto.photos.get().id}",
        f"1,,red.jpg,,,,,{office.store.id}",
        header=with_ids,
    )
    assert status == 1
    assert [(p["line"], p["column"]) for p in result["problems"]] == [
        (2, "product_id"),
        (3, "product_id"),
        (4, "photo_id"),
        (5, "photo_id"),
    ]
    assert "this id belongs to SKU 1" in message
    assert f"this SKU already has the id {soto.id}" in message
    assert "this id belongs to a photo of SKU 2" in message
    assert "already has the id" in message


def test_a_photo_with_a_prescribed_id_may_change_its_file_name(office: Office, load: Load) -> None:
    with_ids, id_ = HEADER + ",photo_id", "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
    load(f"1,SATE,red.jpg,,,,{id_}", header=with_ids)
    assert counts(load(f"1,SATE,blue.jpg,,,,{id_}", header=with_ids)[1]) == {"updated": 1}
    (reported,) = office.page().photos
    assert (reported.id, reported.filename, reported.version) == (UUID(id_), "blue.jpg", 2)


def test_an_import_requires_the_company_if_there_are_several(office: Office, load: Load) -> None:
    other = Company.objects.create(name="Elsewhere")
    with pytest.raises(CommandError, match="several companies") as refused:
        load("1,SATE,red.jpg,,,")
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="no company «Nowhere»"):
        load("1,SATE,red.jpg,,,", args=("--company", "Nowhere"))
    for name in ("Elsewhere", str(office.company.id)):
        load("1,SATE,red.jpg,,,", args=("--company", name))
    assert {product.company_id for product in Product.objects.all()} == {other.id, office.company.id}


def test_an_unusable_file_exits_with_2_and_an_unreachable_bucket_with_4(office: Office, photos: Path) -> None:
    menu = photos.parent / "menu.csv"
    for content, status, message in (
        ("sku,name\n", 2, "lacks the column"),
        (f"{HEADER}\n1,SATE,red.jpg,,,\n", 4, "object store"),
    ):
        menu.write_text(content)
        with pytest.raises(CommandError, match=message) as ended:
            call_command("ho_import", str(menu), str(photos), "--quiet")
        assert ended.value.returncode == status
    assert Photo.objects.count() == Product.objects.count() == 0


def test_a_lost_database_connection_exits_with_4(office: Office, photos: Path, bucket: Any) -> None:
    menu = photos.parent / "menu.csv"
    menu.write_text(f"{HEADER}\n1,SATE,red.jpg,,,\n")
    with another_session() as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(CommandError, match="database closed the connection") as ended:
        call_command("ho_import", str(menu), str(photos), "--quiet")
    connection.close()
    assert ended.value.returncode == 4


def test_a_put_that_fails_leaves_the_row_as_it_was(
    office: Office, load: Load, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    load("1,SATE,red.jpg,,,")
    before = office.page()
    (photos / "red.jpg").write_bytes(picture(colour="orange"))

    def full(*_: Any, **__: Any) -> None:
        raise ObjectStoreFull("The object store is full.")

    with monkeypatch.context() as patched:
        patched.setattr(ingest.bucket(), "put", full)
        with pytest.raises(CommandError, match="is full") as ended:
            load("1,SATE,red.jpg,,,")
    assert ended.value.returncode == 4
    assert office.page(since=before.sync_timestamp).photos == []
    assert counts(load("1,SATE,red.jpg,,,")[1]) == {"updated": 1}


def test_a_photo_that_the_bucket_refuses_is_reported_by_line_and_the_others_are_loaded(
    office: Office, load: Load, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ingest.bucket().put

    def small_ones(key: str, body: bytes, **options: Any) -> str:
        if body == (photos / "red.jpg").read_bytes():
            raise ObjectRefused(f"the object store refuses «{key}»: HTTP 413")
        return real(key, body, **options)

    monkeypatch.setattr(ingest.bucket(), "put", small_ones)
    (photos / "blue.jpg").write_bytes(picture(colour="blue"))
    status, result, _ = load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,")
    assert (status, counts(result)) == (1, {"created": 1, "failed": 1})
    (problem,) = result["problems"]
    assert (problem["column"], problem["value"]) == ("file", "red.jpg")
    assert "HTTP 413" in problem["reason"]
    assert [photo.product_sku for photo in office.page().photos] == ["2"]


def test_parallel_imports_create_each_photo_once(office: Office, photos: Path, bucket: Any) -> None:
    limits = ingest.limits()
    product = office.product()

    def accept(number: int) -> None:
        offer = ingest.Offer("same.jpg", "same.jpg", read_upload(picture(size=(32, 32 + number)), limits), True, 0)
        try:
            ingest.accept(product.id, offer)
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (photo,) = Photo.objects.all()
    assert photo.version == 6
    assert bucket.read_through(photo.object_key).digest == photo.checksum


def test_the_result_of_an_import_is_one_sentence(office: Office, photos: Path, bucket: Any) -> None:
    menu, out = photos.parent / "menu.csv", io.StringIO()
    menu.write_text(f"{HEADER}\n1,SATE,red.jpg,,,\n")
    call_command(ho_import.Command(), str(menu), str(photos), "--quiet", stdout=out)
    assert out.getvalue() == (
        "products: 1 created, 0 updated, 0 unchanged, 0 failed; "
        "photos: 1 created, 0 updated, 0 unchanged, 0 restored, 0 failed.\n"
    )


def csv_from_folder(photos: Path) -> tuple[str, str]:
    """Returns the CSV and stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command("ho_csv_from_folder", str(photos), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_csv_from_folder_adds_photos_and_neither_renames_nor_creates_a_dish(office: Office, photos: Path, bucket: Any) -> None:
    other = office.another_store()
    office.product("red", name="SATE AYAM", sold_in=[other])
    office.product("sub/nasi_goreng-ayam", name="NASI GORENG")
    (photos / "sub").mkdir()
    (photos / "sub" / "nasi_goreng-ayam.dat").write_bytes(picture("PNG"))
    (photos / "red.png").write_bytes(picture("PNG"))
    (photos / "notes.jpg").write_text("no picture")
    menu = photos.parent / "menu.csv"
    written, reported = csv_from_folder(photos)
    assert "left out: notes.jpg: is not a picture of a known kind" in reported
    assert "left out: red.png: is a second file for one SKU" in reported
    menu.write_text(written)
    before = list(Assortment.objects.order_by("id").values())
    err = io.StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("ho_import", str(menu), str(photos), "--quiet", stdout=io.StringIO(), stderr=err)
    assert [line.partition(": ")[2] for line in err.getvalue().splitlines()] == [
        f"is empty, and head office has no dish of SKU {sku}: give a name" for sku in ("blue", "green")
    ]
    assert {(p.sku, p.name) for p in Product.objects.all()} == {("red", "SATE AYAM"), ("sub/nasi_goreng-ayam", "NASI GORENG")}
    assert list(Assortment.objects.order_by("id").values()) == before
    assert {(p.product.sku, p.filename) for p in Photo.objects.select_related("product")} == {
        ("red", "red.jpg"),
        ("sub/nasi_goreng-ayam", "nasi_goreng-ayam.dat"),
    }


ODD = st.text(
    st.sampled_from("aé=+-@,;\"'\\ %#\t\n\r\x1b\x7f\u200b\u202e\xa0ア🍜")
    | st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=40,
).map(lambda name: name.encode()[:240].decode(errors="ignore") or "x")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(ODD, min_size=1, max_size=8, unique=True), raw=st.binary(min_size=1, max_size=12))
def test_csv_from_folder_writes_a_line_or_a_reason_for_each_file(tmp_path: Path, names: list[str], raw: bytes) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "photos"
    folder.mkdir()
    files = {name.encode() + b".jpg" for name in names} | {raw.replace(b"/", b"").replace(b"\0", b"") + b"\xff.png"}
    for file in files:
        (folder / os.fsdecode(file)).write_bytes(b"\xff\xd8\xff and so on")
    looked = list(look_through(folder, max_bytes=1000))
    assert len(looked) == len(files)
    written, reported = csv_from_folder(folder)
    assert "\x1b" not in written + reported
    menu = folder.parent / "menu.csv"
    menu.write_text(written, "utf-8", newline="")
    found = [one for one in looked if isinstance(one, FoundPicture)]
    read = read_menu(menu, folder, store_codes=[], present={one.sku: () for one in found})
    assert read.problems == []
    assert {dish.sku: [photo.path for photo in dish.photos] for dish in read.dishes} == {
        one.sku: [folder.resolve() / one.file] for one in found
    }
    for separator in ",;":
        for row in csv.reader(io.StringIO(written), delimiter=separator):
            assert not any(cell.startswith(FORMULA_STARTS) for cell in row)


def test_csv_from_folder_skips_a_name_with_a_hidden_formula(tmp_path: Path) -> None:
    (tmp_path / "nasi;=HYPERLINK(1).jpg").write_bytes(b"\xff\xd8\xff and so on")
    written, reported = csv_from_folder(tmp_path)
    assert len(written.splitlines()) == 1
    assert "left out: nasi;=HYPERLINK(1).jpg: its name has a sign behind" in reported


def test_csv_from_folder_never_blocks_and_reports_each_skipped_file(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / ".git").mkdir(parents=True)
    (folder / "locked").mkdir(mode=0)
    jpeg = b"\xff\xd8\xff and so on"
    for name in ("ok.jpg", "OK.png", ".hidden.jpg", "line\nbreak.jpg", "space.jpg ", " .jpg", "x" * 101 + ".jpg"):
        (folder / name).write_bytes(jpeg)
    (folder / "big.jpg").write_bytes(jpeg * 1000)
    (folder / "empty.jpg").touch()
    (folder / "page.jpg").write_bytes(b"<html>")
    os.mkfifo(folder / "pipe.jpg")
    (tmp_path / "outside.jpg").write_bytes(jpeg)
    (folder / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "null.jpg").symlink_to("/dev/zero")
    (folder / "nowhere.jpg").symlink_to(folder / "gone")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "inside.jpg").symlink_to(folder / "ok.jpg")
    (folder / "folder").symlink_to(tmp_path)
    looked = list(look_through(folder, max_bytes=10_000))
    assert {one.file for one in looked if isinstance(one, FoundPicture)} == {"OK.png", "inside.jpg"}
    why = {one.name: one.reason for one in looked if isinstance(one, LeftOut)}
    if os.geteuid() != 0:
        assert "cannot be read" in why.pop("locked")
    assert {name: next((word for word in REASONS if word in reason), reason) for name, reason in why.items()} == {
        ".git": "hidden folder",
        ".hidden.jpg": "hidden",
        "line\nbreak.jpg": "line break",
        "space.jpg ": "ends with a space",
        " .jpg": "nothing before the dot",
        "x" * 101 + ".jpg": "101 characters",
        "big.jpg": "ETALASE_MAX_PHOTO_BYTES",
        "empty.jpg": "empty",
        "page.jpg": "known kind",
        "pipe.jpg": "a pipe",
        "out.jpg": "out of the folder",
        "null.jpg": "out of the folder",
        "nowhere.jpg": "leads nowhere",
        "loop.jpg": "cannot be read",
        "folder": "link to a folder",
        "ok.jpg": "second file",
    }


REASONS = (
    *("hidden folder", "hidden", "line break", "ends with a space", "nothing before the dot", "101 characters", "empty"),
    *("ETALASE_MAX_PHOTO_BYTES", "known kind", "a pipe", "out of the folder", "leads nowhere", "cannot be read"),
    *("link to a folder", "second file"),
)


# Preview and confirmation


def menu_of(names: dict[str, str]) -> list[str]:
    return [f"{sku},{name},red.jpg,,," for sku, name in names.items()]


def everything(bucket: Any) -> list[Any]:
    """Returns all rows, and the keys in the bucket with their ETags."""
    rows = [list(model.objects.order_by("id").values()) for model in (Product, Photo, Assortment)]
    return [*rows, sorted((found.key, found.etag) for found in bucket.list("products/"))]


def test_a_dry_run_lists_all_changes_and_changes_nothing(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    office.another_store()
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,AVRIL-001", "3,BAKSO,green.jpg,,,", "4,RAWON,red.jpg,,,")
    before = everything(bucket)
    (photos / "red.jpg").write_bytes(picture(colour="orange"))
    lines = ("1,SATE AYAM,red.jpg,,,AVRIL-001", "2,SOTO,blue.jpg,,,BDG-002", "3,,,,,", "5,GULAI,green.jpg,,,")
    status, reported, _ = load(*lines, args=("--dry-run", "--prune"))
    assert (status, reported["dry_run"], everything(bucket)) == (0, True, before)
    assert reported["made"] == [{"sku": "5", "name": "GULAI"}]
    assert reported["renamed"] == [{"sku": "1", "old": "SATE", "new": "SATE AYAM"}]
    assert reported["photo_changes"] == [
        {"sku": "1", "file": "red.jpg", "change": "updated"},
        {"sku": "5", "file": "green.jpg", "change": "created"},
    ]
    assert reported["sales"] == {
        "AVRIL-001": {"added": ["5"], "removed": ["2"]},
        "BDG-002": {"added": ["2", "5"], "removed": ["1"]},
    }
    assert reported["removed"] == {
        "products": [{"sku": "4", "name": "RAWON"}],
        "photos": [{"sku": "3", "file": "green.jpg"}],
        "bare": ["3 BAKSO"],
        "unsold": [],
    }
    assert (reported["names_kept"], reported["number"]) == (1, 4)
    done = load(*lines, args=("--prune", "--yes", "4"))[1]
    for count in ("products", "photos", "pruned", "made", "renamed", "sales", "removed"):
        assert done[count] == reported[count]


def test_a_dry_run_is_readable_text(office: Office, photos: Path, bucket: Any, load: Load) -> None:
    load("1,SATE,red.jpg,,,")
    menu, out = photos.parent / "menu.csv", io.StringIO()
    menu.write_text(f"{HEADER}\n1,SATE \x1b[2J,red.jpg,,,\n2,SOTO,blue.jpg,,,\n")
    call_command("ho_import", str(menu), str(photos), "--quiet", "--dry-run", stdout=out)
    reported = out.getvalue()
    assert "would make (1):\n  2 SOTO\n" in reported
    assert "would rename (1):\n  1: SATE -> SATE \\x1b[2J\n" in reported
    assert "would add photo (1):\n  2: blue.jpg\n" in reported
    assert "Nothing was changed. It would be: products: 1 created, 1 updated" in reported


def test_renames_beyond_the_bound_require_the_number(office: Office, load: Load, bucket: Any) -> None:
    names = {str(number): f"DISH {number}" for number in range(22)}
    load(*menu_of(names))
    load(*menu_of({**names, "0": "OTHER", "1": "OTHER", "2": "OTHER", "3": "OTHER"}))
    before = everything(bucket)
    new = menu_of({sku: sku for sku in names})
    with pytest.raises(CommandError, match=r"(?s)22 of 22 dishes of FoodLife get another name.*--yes 22") as refused:
        load(*new)
    assert "  0: OTHER -> 0\n" in str(refused.value)
    with pytest.raises(CommandError, match="--yes 21 is another number than 22"):
        load(*new, args=("--yes", "21"))
    assert (refused.value.returncode, everything(bucket)) == (2, before)
    assert counts(load(*new, args=("--yes", "22"))[1], "products") == {"updated": 22}


@pytest.mark.parametrize(("typed", "status"), [("22", 0), ("y", 2), ("", 2)])
def test_the_confirmation_number_is_typed_on_a_terminal(
    office: Office, load: Load, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    names = {str(number): f"DISH {number}" for number in range(22)}
    load(*menu_of(names))
    terminal = io.StringIO(f"{typed}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    with nullcontext() if status == 0 else pytest.raises(CommandError, match="that was not the number"):
        load(*menu_of({sku: sku for sku in names}))
    assert Product.objects.filter(name="0").exists() is (status == 0)


def test_a_prune_beyond_the_bound_requires_the_number(office: Office, load: Load, bucket: Any) -> None:
    names = {str(number): f"DISH {number}" for number in range(10)}
    load(*menu_of(names))
    before = everything(bucket)
    with pytest.raises(
        CommandError, match=r"(?s)6 of 10 dishes of FoodLife are removed.*  4 DISH 4: removed.*--yes 6"
    ) as refused:
        load(*menu_of(dict(list(names.items())[:4])), args=("--prune",))
    assert (refused.value.returncode, everything(bucket)) == (2, before)
    assert load(*menu_of(dict(list(names.items())[:4])), args=("--prune", "--yes", "6"))[1]["pruned"]["products"] == 6


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ("{sku},,,,,", "lose their last photo"),
        ("{sku},DISH {sku},red.jpg,,,BDG-002", "of AVRIL-001 AVR-SUNDA are no longer sold"),
    ],
    ids=["photos", "the column stores shrinks"],
)
def test_a_prune_of_many_photos_or_sales_needs_the_number(
    office: Office, load: Load, bucket: Any, left: str, message: str
) -> None:
    office.another_store()
    load(*menu_of({str(number): f"DISH {number}" for number in range(10)}))
    before = everything(bucket)
    with pytest.raises(CommandError, match=rf"(?s){message}.*--yes 10"):
        load(*(left.format(sku=sku) for sku in range(10)), args=("--prune",))
    assert everything(bucket) == before


def test_removals_by_prune_within_24_hours_count_together(office: Office, load: Load) -> None:
    lines = menu_of({str(number): f"DISH {number}" for number in range(10)})
    load(*lines)
    load(*lines[3:], args=("--prune",))
    with pytest.raises(CommandError, match=r"1 of 7 dishes of FoodLife are removed \(and 3 did within 24 hours\)"):
        load(*lines[4:], args=("--prune",))


def test_skus_changed_by_a_spreadsheet_mean_their_dish_or_are_asked_about(
    office: Office, load: Load, photos: Path, bucket: Any
) -> None:
    (photos / "a.jpg").write_bytes(picture())
    names = {f"0501{number:04}": f"Menu {number}" for number in range(20)}
    load(*menu_of(names), "AB-1,NASI,red.jpg,,,")
    before = everything(bucket)
    asked = (
        *(f"501{number:04},Menu {number},a.jpg,true,0," for number in range(20)),
        "ab-1,NASI,a.jpg,,,",
        "AB‐1,NASI,a.jpg,,,",
    )
    status, reported, message = load(*asked)
    assert (status, len(reported["problems"]), everything(bucket)) == (1, len(asked), before)
    assert "line 2, sku «5010000»: looks like SKU 05010000, which head office has; is that meant?" in message
    wrapped = ('="{}"', '"=""{}"""', "'{}", "{}\u200b", "\u202a{}\u202c", "{}\xa0 ")
    status, reported, message = load(
        *menu_of({form.format(sku): names[sku] for form, sku in zip(wrapped, names, strict=False)})
    )
    assert (status, everything(bucket)) == (0, before)
    assert [one["sku"] for one in reported["read_as"]] == list(names)[:5]  # spaces around a cell never counted
    assert 'note: line 2, sku «="05010000"» is read as 05010000' in message


def test_the_same_menu_from_an_excel_workbook_changes_nothing(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    load("05018970,SATE,red.jpg,true,0,", "AB-1,NASI,blue.jpg,,3,")
    before = everything(bucket)
    book = Workbook()
    lines = (5018970, "SATE", "RED.JPG", True, 0, None), ("AB-1", "NASI", "blue.jpg", False, 3.0, None)
    for line in (("MENU 2026",), ("sku", "name", "file", "is_primary", "sort_order", "stores"), *lines):
        book.worksheets[0].append(line)
    book.worksheets[0]["A3"].number_format = "00000000"
    menu = photos.parent / "menu.xlsx"
    book.save(menu)
    out = io.StringIO()
    call_command("ho_import", str(menu), str(photos), "--prune", "--json", stdout=out)
    assert json.loads(out.getvalue())["photos"]["unchanged"] == 2
    assert everything(bucket) == before


def test_an_id_of_another_company_is_refused(office: Office) -> None:
    elsewhere = Company.objects.create(name="Elsewhere")
    foreign = Product.objects.create(company=elsewhere, sku="1", name="x")
    photo = office.photo(foreign)
    offer = ingest.Offer("a", "a", read_upload(picture(), ingest.limits()), True, 0, photo.id)
    with pytest.raises(UsageError, match="belongs to a photo of SKU 1"):
        ingest.accept(office.product("2").id, offer)


@pytest.mark.parametrize("name", ["\u200b", "\u2060\u00ad", "#N/A", "#REF!", "#DIV/0!", "#NAME?", "####", "'"])
def test_an_unreadable_name_renames_no_dish(office: Office, load: Load, name: str) -> None:
    load("1,SATE,red.jpg,true,0,")
    status, result, _ = load(f"1,{name},,,,")
    assert (status, result["problems"][0]["column"], Product.objects.get().name) == (1, "name", "SATE")


def test_the_exact_store_code_wins_over_another_case(office: Office, load: Load) -> None:
    office.another_store("avril-001")
    load("1,SATE,,,,AVRIL-001", "2,SOTO,,,,avril-001")
    assert set(Assortment.objects.values_list("store__code", "product__sku")) == {("AVRIL-001", "1"), ("avril-001", "2")}


def test_renames_within_24_hours_count_together(office: Office, load: Load) -> None:
    """Two files with 20 % each are 40 % together."""
    dishes = [f"{number},DISH {number},,,," for number in range(20)]
    load(*dishes)
    assert load(*(line.replace("DISH", "A") for line in dishes[:4]))[0] == 0
    with pytest.raises(CommandError, match=r"1 of 20 dishes of FoodLife get another name \(and 4 did within 24 hours"):
        load("18,B,,,,")
    assert load("18,B,,,,", args=("--yes", "1"))[0] == 0
    assert load(*dishes[5:10], "new,NEW,,,,")[0] == 0
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE head_office_product DISABLE TRIGGER head_office_stamp")
        cursor.execute("UPDATE head_office_product SET renamed_at = renamed_at - interval '25 hours'")
        cursor.execute("ALTER TABLE head_office_product ENABLE TRIGGER head_office_stamp")
    assert load(*dishes[:4])[0] == 0


@pytest.mark.parametrize("command", [("ho_csv_from_folder", ""), ("ho_import", "", "."), ("ho_import", "menu.csv", "")])
def test_an_empty_path_is_not_the_current_folder(office: Office, command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="the path is empty"):
        call_command(*command)


def test_a_folder_or_fifo_is_not_reported_as_missing(office: Office, load: Load, photos: Path) -> None:
    os.mkfifo(photos / "pipe.jpg")
    assert "a pipe" in load("1,SATE,pipe.jpg,,,")[1]["problems"][0]["reason"]


# Categories

WITH_CATEGORY = HEADER + ",category"


def categories() -> dict[str, str]:
    return dict(Product.objects.values_list("sku", "category"))


def test_the_column_category_sets_changes_and_removes_categories(office: Office, load: Load) -> None:
    status, _, _ = load("1,SATE,red.jpg,,,,Bakar", "2,SOTO,,,,,", "3,BAKSO,,,,, Ku\u200bah ", header=WITH_CATEGORY)
    assert (status, categories()) == (0, {"1": "Bakar", "2": "", "3": "Kuah"})
    listed = {product.sku: product.category for product in office.products_page().products}
    assert listed == categories()
    checkpoint = office.products_page().sync_timestamp
    assert checkpoint is not None
    lines = ("1,SATE,red.jpg,,,,", "2,SOTO,,,,,Kuah", "3,BAKSO,,,,,Kuah", "4,GULAI,,,,,Kuah")
    _, planned, _ = load(*lines, header=WITH_CATEGORY, args=("--dry-run",))
    assert planned["recategorised"] == [{"sku": "1", "old": "Bakar", "new": ""}, {"sku": "2", "old": "", "new": "Kuah"}]
    assert counts(planned, "products") == {"created": 1, "updated": 2, "unchanged": 1}
    assert categories() == {"1": "Bakar", "2": "", "3": "Kuah"}
    status, done, message = load(*lines, header=WITH_CATEGORY)
    assert (status, done["recategorised"], done["products"], message) == (0, planned["recategorised"], planned["products"], "")
    assert categories() == {"1": "", "2": "Kuah", "3": "Kuah", "4": "Kuah"}
    assert {product.sku for product in office.products_page(since=checkpoint).products} == {"1", "2", "4"}
    assert counts(load(*lines, header=WITH_CATEGORY)[1], "products") == {"unchanged": 4}


@pytest.mark.parametrize("line", ["1,SATE AYAM,red.jpg,,,", "1,,blue.jpg,,,"])
def test_a_file_without_the_column_keeps_categories(office: Office, load: Load, line: str) -> None:
    load("1,SATE,red.jpg,,,,Bakar", header=WITH_CATEGORY)
    status, result, _ = load(line)
    assert (status, categories(), result["recategorised"]) == (0, {"1": "Bakar"}, [])


def test_a_bad_category_loads_the_other_lines_and_names_row_field_and_value(office: Office, load: Load) -> None:
    status, result, message = load(f"1,SATE,,,,,{'x' * 101}", "2,SOTO,,,,,Kuah", header=WITH_CATEGORY)
    assert (status, categories()) == (1, {"2": "Kuah"})
    assert message.startswith("line 2, category «xxx")
    assert [(one["line"], one["column"]) for one in result["problems"]] == [(2, "category")]


@pytest.mark.parametrize("dry_run", [True, False])
def test_categories_that_look_alike_are_told(office: Office, load: Load, dry_run: bool) -> None:
    load("1,TEH,,,,,Minuman", "2,KOPI,,,,,Minuman", "3,SATE,,,,,Bakar", "4,SOTO,,,,,bakar", header=WITH_CATEGORY)
    args = ("--dry-run",) if dry_run else ()
    status, result, message = load("5,JUS,,,,,minuman", "6,ES,,,,,Minu\u00a0man", header=WITH_CATEGORY, args=args)
    assert status == 0
    assert result["alike_categories"] == [
        [
            {"category": "Minu man", "dishes": 1, "line": 3},
            {"category": "Minuman", "dishes": 2, "line": None},
            {"category": "minuman", "dishes": 1, "line": 2},
        ]
    ]
    assert "«Minu man» (1 dish, line 3), «Minuman» (2 dishes), «minuman» (1 dish, line 2). Is one meant?" in message


def test_new_categories_do_not_count_as_renames(office: Office, load: Load) -> None:
    """The bound on renames within 24 hours once counted every change of a dish."""
    dishes = [f"{number},DISH {number},,,," for number in range(20)]
    load(*dishes)
    assert load(*(f"{line},Makanan" for line in dishes), header=WITH_CATEGORY)[0] == 0
    assert load("18,B,,,,")[0] == 0
