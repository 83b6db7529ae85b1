"""Loading a menu: into a real database and a real bucket, by the command that an operator types."""

import hashlib
import io
import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Edge, Office
from tests.integration.head_office.pictures import picture
from tests.unit.test_head_office_picture import exif

from etalase.errors import ObjectStoreFull, UsageError
from etalase.head_office import ingest
from etalase.head_office.management.commands import ho_import
from etalase.head_office.models import Assortment, Company, Photo, Product
from etalase.head_office.picture import take
from etalase.settings import head_office as screen

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
    """Run the command; exit status, what ``--json`` says, and stderr come back."""

    def run(*lines: str, header: str = HEADER, args: tuple[str, ...] = ()) -> tuple[int, dict[str, Any], str]:
        menu = photos.parent / "menu.csv"
        menu.write_text("\n".join([header, *lines, ""]), "utf-8")
        out, err, status = io.StringIO(), io.StringIO(), 0
        try:
            call_command("ho_import", str(menu), str(photos), "--json", *args, stdout=out, stderr=err)
        except SystemExit as ended:
            status = int(str(ended.code))
        return status, json.loads(out.getvalue()), err.getvalue()

    return run


def counts(result: dict[str, Any], what: str = "photos") -> dict[str, int]:
    return {kind: number for kind, number in result[what].items() if number}


def test_a_menu_becomes_products_sales_photos_and_objects(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    status, result, _ = load("1,SATE,red.jpg,true,0,", "1,,blue.jpg,false,1,", "2,SOTO,,,,")
    assert (status, counts(result), counts(result, "products")) == (0, {"created": 2}, {"created": 2})
    product = Product.objects.get(sku="1")
    told = office.page().photos
    assert [(p.filename, p.is_primary, p.sort_order) for p in told] == [("red.jpg", True, 0), ("blue.jpg", False, 1)]
    assert told[0].object_key == f"products/{product.id}/primary.jpg"
    assert told[1].object_key == f"products/{product.id}/{told[1].id}.jpg"
    for photo in told:
        body = (photos / str(photo.filename)).read_bytes()
        assert bucket.get(photo.object_key) == body
        assert (photo.size, photo.checksum) == (len(body), hashlib.md5(body).hexdigest())
    assert {p.name for p in office.products_page().products} == {"SATE", "SOTO"}


def test_an_import_into_a_new_object_store_makes_the_bucket_and_its_policy(load: Load, bucket: Any, settings: Any) -> None:
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"S3_BUCKET": "made-by-import"})
    for cached in (screen.configured, ingest.bucket):
        cached.cache_clear()
    assert load("1,SATE,red.jpg,true,0,")[0] == 0
    (key,) = Photo.objects.values_list("object_key", flat=True)
    with urllib.request.urlopen(f"{bucket.endpoint}/made-by-import/{key}") as answer:
        assert answer.status == 200


def test_the_guides_ids_can_be_prescribed(office: Office, load: Load) -> None:
    product_id, photo_id = "63ea9d40-47f2-4202-95b6-f9b9e798d762", "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
    load(f"05018970,ASAHI SALMON BOWL,red.jpg,true,0,,{product_id},{photo_id}", header=HEADER + ",product_id,photo_id")
    (told,) = office.page().photos
    assert (told.id, told.product_id) == (UUID(photo_id), UUID(product_id))
    assert told.object_key == f"products/{product_id}/primary.jpg"


def test_importing_the_same_again_changes_nothing(
    office: Office, load: Load, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_change_of_type_moves_only_the_extension_and_takes_the_old_object_away(
    office: Office, load: Load, photos: Path, bucket: Any
) -> None:
    load("1,SATE,red.jpg,true,,")
    before = office.page().photos[0]
    (photos / "red.jpg").write_bytes(picture("WEBP"))
    load("1,SATE,red.jpg,true,,")
    (after,) = office.page().photos
    assert (after.id, after.version, after.content_type) == (before.id, 2, "image/webp")
    assert after.object_key == str(before.object_key).removesuffix("jpg") + "webp"
    assert bucket.head(before.object_key) is None
    assert bucket.get(after.object_key) == picture("WEBP")


def test_making_another_photo_primary_moves_flags_and_no_bytes(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,")
    before = {p.id: p for p in office.page().photos}
    assert counts(load("1,SATE,red.jpg,,,", "1,,blue.jpg,true,,")[1]) == {"updated": 2}
    after = {p.id: p for p in office.page().photos}
    assert [p.is_primary for p in after.values()] == [not p.is_primary for p in before.values()]
    assert [(p.object_key, p.version) for p in after.values()] == [(p.object_key, 1) for p in before.values()]


def test_with_no_primary_named_the_first_photo_is_it_and_stays_it(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "1,,blue.jpg,,,")
    assert [p.is_primary for p in office.page().photos] == [True, False]
    assert counts(load("1,SATE,blue.jpg,,1,", "1,,red.jpg,,0,")[1]) == {"unchanged": 2}


def test_where_the_first_photo_is_bad_the_next_good_one_is_primary(office: Office, load: Load, photos: Path) -> None:
    (photos / "red.jpg").write_bytes(b"no picture")
    load("1,SATE,red.jpg,,,", "1,,blue.jpg,,,")
    assert [(p.filename, p.is_primary) for p in office.page().photos] == [("blue.jpg", True)]


def test_a_bad_photo_names_its_line_and_the_others_are_loaded(office: Office, load: Load, photos: Path) -> None:
    (photos / "cut.jpg").write_bytes(picture(size=(200, 200))[:-100])
    (photos / "empty.jpg").touch()
    status, result, said = load(
        "1,SATE,red.jpg,,,", "2,SOTO,cut.jpg,,,", "3,BAKSO,nowhere.jpg,,,", "4,RAWON,empty.jpg,,,", "5,GULAI,blue.jpg,,,"
    )
    assert status == 1
    assert counts(result) == {"created": 2, "failed": 3}
    assert [(p["line"], p["column"], p["value"]) for p in result["problems"]] == [
        (3, "file", "cut.jpg"),
        (4, "file", "nowhere.jpg"),
        (5, "file", "empty.jpg"),
    ]
    assert "line 3, file «cut.jpg»: The picture is cut short" in said
    assert "line 4, file «nowhere.jpg»: there is no such file in PHOTOS_DIR" in said
    assert "line 5, file «empty.jpg»: The file is empty." in said
    assert {p.filename for p in office.page().photos} == {"red.jpg", "blue.jpg"}


def test_a_photo_that_became_bad_leaves_the_last_good_one(office: Office, load: Load, photos: Path, bucket: Any) -> None:
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


def test_the_place_where_a_photo_was_taken_stays_at_home(office: Office, load: Load, photos: Path, bucket: Any) -> None:
    data = picture(exif=exif())
    (photos / "phone.jpg").write_bytes(data)
    load("1,SATE,phone.jpg,,,")
    (told,) = office.page().photos
    body = bucket.get(told.object_key)
    assert body != data
    assert told.checksum == hashlib.md5(body).hexdigest()
    assert body == take(data, ingest.limits()).body


def test_stores_are_codes_or_all_and_sales_are_only_added(office: Office, load: Load) -> None:
    other = office.another_store()
    load("1,SATE,red.jpg,,,BDG-002", "2,SOTO,blue.jpg,,,", "3,BAKSO,,,,AVRIL-001;BDG-002")
    assert [p.filename for p in office.page().photos] == ["blue.jpg"]
    assert {p.filename for p in office.page(store=other).photos} == {"red.jpg", "blue.jpg"}
    assert counts(load("1,SATE,red.jpg,,,AVRIL-001")[1], "products") == {"updated": 1}
    assert Assortment.objects.filter(product__sku="1").count() == 2


def test_a_store_that_came_later_gets_what_is_sold_everywhere_at_the_next_import(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,AVRIL-001")
    later = office.another_store()
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,AVRIL-001")
    assert [p.filename for p in office.page(store=later).photos] == ["red.jpg"]


def test_a_renamed_product_keeps_its_photos(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,")
    before = office.page()
    assert counts(load("1,SATE AYAM,red.jpg,,,")[1], "products") == {"updated": 1}
    (told,) = office.page(since=before.sync_timestamp).photos
    assert (told.product_name, told.version) == ("SATE AYAM", 1)


def test_nothing_is_removed_without_prune(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,")
    load("2,SOTO,,,,")
    assert len(office.page().photos) == 2


def test_prune_removes_what_the_file_does_not_name(office: Office, load: Load, bucket: Any) -> None:
    office.another_store()
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,", "2,,green.jpg,,,", "3,BAKSO,red.jpg,,,")
    edge = Edge(office.page)
    edge.sync()
    keys = {str(photo["filename"]): str(photo["object_key"]) for photo in edge.photos.values() if photo["product_sku"] != "3"}
    status, result, _ = load("2,SOTO,blue.jpg,,,", "3,BAKSO,red.jpg,,,BDG-002", args=("--prune",))
    assert (status, result["pruned"]) == (0, {"products": 1, "photos": 2, "sales": 1})
    edge.sync()
    assert [photo["filename"] for photo in edge.photos.values()] == ["blue.jpg"]
    assert [bucket.head(keys[name]) is None for name in ("red.jpg", "green.jpg", "blue.jpg")] == [True, True, False]


def test_after_a_prune_of_the_primary_photo_another_one_is_primary(office: Office, load: Load) -> None:
    load("1,SATE,red.jpg,true,,", "1,,blue.jpg,,,", "1,,green.jpg,,,")
    load("1,SATE,blue.jpg,,,", "1,,green.jpg,,,", args=("--prune",))
    assert {p.filename: p.is_primary for p in office.page().photos} == {"blue.jpg": True, "green.jpg": False}


def test_prune_leaves_other_companies_alone(office: Office, load: Load) -> None:
    Product.objects.create(company=Company.objects.create(name="Elsewhere"), sku="1", name="x")
    load("2,SOTO,blue.jpg,,,", args=("--prune", "--company", "FoodLife"))
    assert Product.objects.filter(sku="1").exists()


@pytest.mark.parametrize("lines", [("1,SATE,red.jpg,,,", "2,SOTO,nowhere.jpg,,,"), ()], ids=["a bad line", "no line"])
def test_prune_is_refused_where_it_could_be_a_mistake(office: Office, load: Load, lines: tuple[str, ...]) -> None:
    load("9,OLD,red.jpg,,,")
    with pytest.raises(CommandError, match="Nothing was loaded") as refused:
        load(*lines, args=("--prune",))
    assert refused.value.returncode == 2
    assert [product.sku for product in Product.objects.all()] == ["9"]


def test_prune_removes_nothing_where_a_photo_turned_out_bad(office: Office, load: Load, photos: Path) -> None:
    load("9,OLD,red.jpg,,,")
    (photos / "bad.jpg").write_bytes(b"no picture")
    status, result, _ = load("1,SATE,bad.jpg,,,", args=("--prune",))
    assert (status, counts(result, "pruned")) == (1, {})
    assert Product.objects.filter(sku="9").exists()


def test_a_photo_that_takes_over_the_key_of_a_pruned_one_keeps_its_object(office: Office, load: Load, bucket: Any) -> None:
    load("1,SATE,red.jpg,true,,")
    load("1,SATE,blue.jpg,true,,", args=("--prune",))
    load("1,SATE,green.jpg,true,,", args=("--prune",))
    (told,) = office.page().photos
    assert bucket.get(told.object_key) == picture(colour="green")


def test_ids_that_belong_to_something_else_are_bad_values(office: Office, load: Load) -> None:
    with_ids = HEADER + ",product_id,photo_id"
    load("1,SATE,red.jpg,,,", "2,SOTO,blue.jpg,,,")
    sate, soto = Product.objects.order_by("sku")
    status, result, said = load(
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
    assert "this id belongs to SKU 1" in said
    assert f"this SKU already has the id {soto.id}" in said
    assert "this id belongs to a photo of SKU 2" in said
    assert "already has the id" in said


def test_a_photo_with_a_prescribed_id_may_change_its_file_name(office: Office, load: Load) -> None:
    with_ids, id_ = HEADER + ",photo_id", "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"
    load(f"1,SATE,red.jpg,,,,{id_}", header=with_ids)
    assert counts(load(f"1,SATE,blue.jpg,,,,{id_}", header=with_ids)[1]) == {"updated": 1}
    (told,) = office.page().photos
    assert (told.id, told.filename, told.version) == (UUID(id_), "blue.jpg", 2)


def test_which_company_is_asked_for_where_there_are_several(office: Office, load: Load) -> None:
    other = Company.objects.create(name="Elsewhere")
    with pytest.raises(CommandError, match="several companies") as refused:
        load("1,SATE,red.jpg,,,")
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="no company «Nowhere»"):
        load("1,SATE,red.jpg,,,", args=("--company", "Nowhere"))
    for name in ("Elsewhere", str(office.company.id)):
        load("1,SATE,red.jpg,,,", args=("--company", name))
    assert {product.company_id for product in Product.objects.all()} == {other.id, office.company.id}


def test_an_unusable_file_ends_with_2_and_a_bucket_that_is_away_with_4(office: Office, photos: Path) -> None:
    menu = photos.parent / "menu.csv"
    for content, status, said in (("sku,name\n", 2, "lacks the column"), (f"{HEADER}\n1,SATE,red.jpg,,,\n", 4, "object store")):
        menu.write_text(content)
        with pytest.raises(CommandError, match=said) as ended:
            call_command("ho_import", str(menu), str(photos), "--quiet")
        assert ended.value.returncode == status
    assert Photo.objects.count() == Product.objects.count() == 0


def test_a_database_that_goes_away_ends_with_4(office: Office, photos: Path, bucket: Any) -> None:
    menu = photos.parent / "menu.csv"
    menu.write_text(f"{HEADER}\n1,SATE,red.jpg,,,\n")
    with another_session() as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    with pytest.raises(CommandError, match="database does not answer") as ended:
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


def test_two_imports_at_once_end_with_one_photo_each(office: Office, photos: Path, bucket: Any) -> None:
    limits = ingest.limits()
    product = office.product()

    def accept(number: int) -> None:
        offer = ingest.Offer("same.jpg", "same.jpg", take(picture(size=(32, 32 + number)), limits), True, 0)
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


def test_a_person_is_told_in_one_sentence(office: Office, photos: Path, bucket: Any) -> None:
    menu, out = photos.parent / "menu.csv", io.StringIO()
    menu.write_text(f"{HEADER}\n1,SATE,red.jpg,,,\n")
    call_command(ho_import.Command(), str(menu), str(photos), "--quiet", stdout=out)
    assert out.getvalue() == (
        "products: 1 created, 0 updated, 0 unchanged, 0 failed; "
        "photos: 1 created, 0 updated, 0 unchanged, 0 restored, 0 failed.\n"
    )


def test_a_folder_of_pictures_becomes_a_menu_that_can_be_loaded(office: Office, photos: Path, bucket: Any) -> None:
    (photos / "sub").mkdir()
    (photos / "sub" / "nasi_goreng-ayam.dat").write_bytes(picture("PNG"))
    (photos / "red.png").write_bytes(picture("PNG"))
    (photos / "notes.jpg").write_text("no picture")
    out, menu = io.StringIO(), photos.parent / "menu.csv"
    call_command("ho_csv_from_folder", str(photos), stdout=out)
    menu.write_text(out.getvalue())
    call_command("ho_import", str(menu), str(photos), "--quiet", stdout=io.StringIO())
    assert {(p.sku, p.name) for p in Product.objects.all()} == {
        ("blue", "Blue"),
        ("green", "Green"),
        ("red", "Red"),
        ("red-2", "Red"),
        ("sub/nasi_goreng-ayam", "Nasi goreng ayam"),
    }
    assert len(office.page().photos) == 5


def test_an_id_of_another_company_is_refused(office: Office) -> None:
    elsewhere = Company.objects.create(name="Elsewhere")
    foreign = Product.objects.create(company=elsewhere, sku="1", name="x")
    photo = office.photo(foreign)
    offer = ingest.Offer("a", "a", take(picture(), ingest.limits()), True, 0, photo.id)
    with pytest.raises(UsageError, match="belongs to a photo of SKU 1"):
        ingest.accept(office.product("2").id, offer)
