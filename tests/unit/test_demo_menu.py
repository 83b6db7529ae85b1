"""The demo's menu: what a shopper at head office's import finds in the folder that ``write_menu`` fills."""

import csv
import hashlib
import io
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from etalase.demo import menu
from etalase.demo.draw_dishes import DISHES as DISH_KINDS
from etalase.demo.draw_drinks import DRINKS
from etalase.demo.draw_table import PALETTES

MAGIC = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, int]]]:
    """The whole menu, drawn once, and what progress was told meanwhile."""
    folder = tmp_path_factory.mktemp("menu")
    told: list[tuple[int, int]] = []
    assert menu.write_menu(folder, progress=lambda done, total: told.append((done, total))) == folder / "menu.csv"
    return folder, told


@pytest.fixture(scope="session")
def folder(drawn: tuple[Path, list[tuple[int, int]]]) -> Path:
    return drawn[0]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "menu.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kind_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((kind for kind, magic in MAGIC.items() if data.startswith(magic)), "unknown")


def test_the_menu_has_some_seventy_dishes_each_with_a_sku_and_name_of_its_own() -> None:
    assert 65 <= len(menu.DISHES) <= 70
    assert len({dish.sku for dish in menu.DISHES}) == len(menu.DISHES)
    assert len({dish.name for dish in menu.DISHES}) == len(menu.DISHES)
    assert all(len(dish.sku) == 8 and dish.sku.isdecimal() for dish in menu.DISHES)
    assert min(Counter(dish.category for dish in menu.DISHES).values()) >= 1


def test_every_dish_is_of_a_kind_and_palette_that_can_be_drawn() -> None:
    for dish in menu.DISHES:
        assert dish.kind in DISH_KINDS or dish.kind in DRINKS, dish.name
        assert dish.palette in PALETTES, dish.name


def test_some_products_have_three_photos_one_has_none_and_the_rest_one() -> None:
    counts = Counter(len(dish.photos) for dish in menu.DISHES)
    assert counts[0] == 1
    assert counts[3] >= 5
    assert set(counts) == {0, 1, 3}


def test_the_guides_products_and_photos_come_under_the_guides_ids(folder: Path) -> None:
    assert UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b") == menu.COMPANY_ID
    assert UUID("fe2d2dbf-9616-48f5-bd5b-302c087d7181") == menu.STORE_ID
    assert (menu.STORE_CODE, menu.STORE_NAME) == ("AVRIL-001", "AVR-SUNDA")
    assert [list(row.values()) for row in rows(folder) if row["product_id"]] == [
        [
            "63ea9d40-47f2-4202-95b6-f9b9e798d762",
            "73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b",
            "05018970",
            "ASAHI SALMON BOWL",
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
            "Menu_Image_20250904021453.webp",
            "true",
            "0",
            "",
        ],
    ]


def test_the_table_names_every_photo_once_and_one_primary_a_product(folder: Path) -> None:
    table = rows(folder)
    assert tuple(table[0]) == menu.COLUMNS
    files = [row["file"] for row in table if row["file"]]
    assert sorted(files) == sorted(path.name for path in (folder / "photos").iterdir())
    assert Counter(row["sku"] for row in table if row["is_primary"] == "true") == Counter(
        dish.sku for dish in menu.DISHES if dish.photos
    )
    assert [row["name"] for row in table if not row["file"]] == ["AIR MINERAL"]
    assert {row["sku"] for row in table} == {dish.sku for dish in menu.DISHES}


def test_every_photo_is_of_the_type_its_name_says_and_decodes(folder: Path) -> None:
    kinds: Counter[str] = Counter()
    for path in (folder / "photos").iterdir():
        data = path.read_bytes()
        kinds[kind_of(data)] += 1
        assert kind_of(data) == path.suffix[1:]
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert 400 <= min(picture.size) <= max(picture.size) <= 1000
    assert kinds["jpg"] >= 30
    assert kinds["webp"] >= 20
    assert kinds["png"] >= 1


def test_photos_are_of_20_to_400_kb_and_far_apart_in_size(folder: Path) -> None:
    sizes = sorted(path.stat().st_size for path in (folder / "photos").iterdir())
    assert sizes[0] >= 20_000
    assert sizes[-1] <= 400_000
    assert sizes[-1] > 4 * sizes[0]


def test_no_two_pictures_are_the_same(folder: Path) -> None:
    pictures = [digest for name, digest in digests(folder).items() if name != "menu.csv"]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize(("sku", "number"), [("05018970", 1), ("05010901", 3)])
def test_the_same_dish_is_drawn_to_the_same_bytes_in_another_process(folder: Path, sku: str, number: int) -> None:
    dish = next(dish for dish in menu.DISHES if dish.sku == sku)
    assert menu.draw_photo(sku, number) == (folder / "photos" / dish.file_name(number)).read_bytes()


def test_a_variant_clearly_differs_from_the_photo_it_stands_in_for(folder: Path) -> None:
    tries = sorted((folder / "try-me").iterdir())
    assert len(tries) == len(menu.TRY_ME_SKUS)
    for path in tries:
        assert kind_of(path.read_bytes()) == "jpg"
        (old,) = (folder / "photos").glob(f"{path.stem}.*")
        with Image.open(path) as new_picture, Image.open(old) as old_picture:
            small = [picture.convert("L").resize((16, 16)).tobytes() for picture in (new_picture, old_picture)]
        assert sum(abs(a - b) for a, b in zip(*small, strict=True)) / 256 > 12


def test_progress_counts_up_to_the_number_of_pictures(drawn: tuple[Path, list[tuple[int, int]]]) -> None:
    folder, told = drawn
    total = len(digests(folder)) - 1
    assert told == [(done, total) for done in range(total + 1)]


def test_a_second_call_draws_and_changes_nothing(folder: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    before, told = stamps(), list[tuple[int, int]]()
    menu.write_menu(folder, progress=lambda done, total: told.append((done, total)))
    assert stamps() == before
    assert told == [(len(before) - 1, len(before) - 1)]


def test_only_a_lost_photo_is_drawn_again_and_a_changed_one_stays(folder: Path) -> None:
    before = digests(folder)
    lost = folder / "photos" / "cappuccino.jpg"
    changed = folder / "photos" / "es-teler.jpg"
    original = changed.read_bytes()
    lost.unlink()
    changed.write_bytes((folder / "try-me" / "nasi-goreng-kampung.jpg").read_bytes())
    menu.write_menu(folder)
    assert changed.read_bytes() != original
    changed.write_bytes(original)
    assert digests(folder) == before


def test_a_picture_that_cannot_be_brought_into_the_range_is_refused() -> None:
    from etalase.demo.drawing import encode

    with pytest.raises(ValueError, match="20000 to 400000"):
        encode(Image.new("RGB", (64, 64), (200, 80, 40)), "jpg", 80)
