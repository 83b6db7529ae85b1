"""The demo's menu: the folder that ``write_menu`` fills, ready for head office's import."""

import csv
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from PIL import Image

from etalase.demo import menu
from etalase.edge.sync.download.images import SPOOL_FROM_BYTES
from etalase.media_types import MAGIC_BYTES, sniff_type

FORMATS = {".jpg": "JPEG", ".webp": "WEBP", ".png": "PNG"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of the menu, which is written once."""
    folder = tmp_path_factory.mktemp("menu")
    assert menu.write_menu(folder) == folder / "menu.csv"
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "menu.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def pictures(folder: Path) -> list[Path]:
    return [*(folder / "photos").iterdir(), *(folder / "try-me").iterdir()]


def test_each_of_seventy_products_has_a_sku_and_name_of_its_own() -> None:
    assert len(menu.ITEMS) == 70
    assert len({item.sku for item in menu.ITEMS}) == len({item.name for item in menu.ITEMS}) == 70
    assert all(len(item.sku) == 8 and item.sku.isdecimal() for item in menu.ITEMS)


def test_some_products_have_three_photos_one_has_none_and_the_rest_one() -> None:
    counts = Counter(len(item.files) for item in menu.ITEMS)
    assert counts == {0: 1, 1: 60, 3: 9}


def test_the_guides_products_and_photos_carry_the_guides_ids(folder: Path) -> None:
    assert str(menu.COMPANY_ID) == "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b"
    assert str(menu.STORE_ID) == "fe2d2dbf-9616-48f5-bd5b-302c087d7181"
    assert (menu.STORE_CODE, menu.STORE_NAME) == ("AVRIL-001", "AVR-SUNDA")
    assert [list(row.values()) for row in rows(folder) if row["product_id"]] == [
        [
            "63ea9d40-47f2-4202-95b6-f9b9e798d762",
            "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b",
            "05018970",
            "ASAHI SALMON BOWL",
            "Makanan",
            "Menu_Image_20250922025939.jpg",
            "true",
            "0",
            "",
        ],
        [
            "8fc95977-3e87-46e9-b911-c9d744f7e7ff",
            "7067df8c-ef2b-40e0-9125-4617322d6d61",
            "05015917",
            "ASIATIQUE SPAGHETTI VONGOLE",
            "Makanan",
            "Menu_Image_20250904021453.webp",
            "true",
            "0",
            "",
        ],
    ]


def test_the_table_names_every_photo_once_and_one_primary_photo_a_product(folder: Path) -> None:
    table = rows(folder)
    assert tuple(table[0]) == menu.COLUMNS
    files = [row["file"] for row in table if row["file"]]
    assert sorted(files) == sorted(path.name for path in (folder / "photos").iterdir())
    assert Counter(row["sku"] for row in table if row["is_primary"] == "true") == Counter(
        item.sku for item in menu.ITEMS if item.files
    )
    assert [row["name"] for row in table if not row["file"]] == ["AIR MINERAL"]
    assert {row["sku"] for row in table} == {item.sku for item in menu.ITEMS}


def test_every_product_has_one_of_four_categories(folder: Path) -> None:
    categories = Counter({row["sku"]: row["category"] for row in rows(folder)}.values())
    assert categories == {"Makanan": 43, "Minuman": 16, "Camilan": 6, "Kue & Penutup": 5}


def test_every_picture_decodes_as_the_type_that_its_name_says(folder: Path) -> None:
    kinds: Counter[str] = Counter()
    for path in pictures(folder):
        with path.open("rb") as file:
            assert f"image/{FORMATS[path.suffix].lower()}" == sniff_type(file.read(MAGIC_BYTES)), path.name
        with Image.open(path, formats=[FORMATS[path.suffix]]) as picture:
            picture.load()
            assert 480 <= max(picture.size) <= 640, path.name
            kinds[path.suffix] += 1
            kinds["progressive"] += bool(picture.info.get("progressive"))
    assert kinds[".webp"] > 45
    assert min(kinds[".jpg"], kinds[".png"], kinds["progressive"]) > 0


def test_pictures_are_small_together_and_a_few_are_large_enough_for_the_spool(folder: Path) -> None:
    sizes = [path.stat().st_size for path in pictures(folder)]
    assert sum(sizes) < 4_000_000
    assert sum(size > 300_000 > SPOOL_FROM_BYTES for size in sizes) >= 3


def test_no_two_pictures_are_the_same(folder: Path) -> None:
    digests = {hashlib.md5(path.read_bytes()).hexdigest() for path in pictures(folder)}
    assert len(digests) == len(pictures(folder)) == 90


def test_a_second_version_clearly_differs_from_the_photo_of_the_same_name(folder: Path) -> None:
    second = sorted((folder / "try-me").iterdir())
    assert menu.TRY_ME.files[0] in {path.name for path in second}
    for path in second:
        with Image.open(path) as new_picture, Image.open(folder / "photos" / path.name) as old_picture:
            small = [picture.convert("L").resize((16, 16)).tobytes() for picture in (new_picture, old_picture)]
        assert sum(abs(a - b) for a, b in zip(*small, strict=True)) / 256 > 12


def test_the_next_start_repairs_an_interrupted_first_start(folder: Path, tmp_path: Path) -> None:
    menu.write_menu(tmp_path)
    (tmp_path / "photos" / "cappuccino.jpg").write_bytes(b"\xff\xd8\xff half")
    (tmp_path / "try-me" / menu.TRY_ME.files[0]).unlink()
    menu.write_menu(tmp_path)
    assert [path.read_bytes() for path in sorted(pictures(tmp_path))] == [
        path.read_bytes() for path in sorted(pictures(folder))
    ]


def test_the_wheel_carries_every_picture() -> None:
    root = menu.PHOTOS.parents[3]
    packed = {file.distribution_path for file in WheelBuilder(str(root)).recurse_included_files()}
    assert {f"etalase/demo/{path.relative_to(menu.PHOTOS.parent)}" for path in menu.PHOTOS.rglob("*.*")} <= packed
