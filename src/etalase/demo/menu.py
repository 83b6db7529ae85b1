"""The demo's menu: a restaurant in Bandung, its dishes, and the pictures that ``etalase demo`` draws of them.

No picture comes with the package: ``write_menu`` draws them at the first start and leaves alone what is there already.
The company, the store, two products and their photos carry the guide's identities.
"""

import csv
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from uuid import UUID

from etalase.demo.drawing import choose_view, draw, encode, sticker

COMPANY_ID = UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b")
COMPANY_NAME = "FoodLife Nusantara"
STORE_ID = UUID("fe2d2dbf-9616-48f5-bd5b-302c087d7181")
STORE_CODE = "AVRIL-001"
STORE_NAME = "AVR-SUNDA"

COLUMNS = ("product_id", "photo_id", "sku", "name", "file", "is_primary", "sort_order", "stores")
TRY_ME_SKUS = ("05018970", "05010101", "05010901")
"""The dishes of which ``write_menu`` also draws another picture, for "change a photo and see it on the POS"."""
_VARIANT = 100  # numbers from here on are pictures that the menu itself doesn't show


@dataclass(frozen=True, slots=True)
class Dish:
    """One product. ``kind``, ``tone``, ``extras`` and ``palette`` tell ``drawing`` what to draw; ``photos`` are the types of
    its photos in their order, none for a product without a photo."""

    sku: str
    name: str
    category: str
    kind: str
    tone: str
    extras: tuple[str, ...]
    palette: str
    photos: tuple[str, ...] = ("jpg",)
    product_id: UUID | None = None
    photo_id: UUID | None = None
    file: str = ""

    def file_name(self, number: int) -> str:
        """The name of photo ``number`` (from 1) in the photos folder."""
        if number == 1 and self.file:
            return self.file
        slug = "-".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split())
        return f"{slug}{'' if number == 1 else f'-{number}'}.{self.photos[number - 1]}"


def _section(category: str, number: int, lines: str) -> tuple[Dish, ...]:
    """The dishes of one category; a line is ``name | kind | tone | extras | palette | photos``."""
    dishes = []
    for index, line in enumerate(lines.strip().splitlines(), 1):
        name, kind, tone, extras, palette, photos = (part.strip() for part in line.split("|"))
        sku = f"0501{number:02d}{index:02d}"
        listed = tuple(part.strip() for part in extras.split(",") if part.strip())
        dishes.append(Dish(sku, name, category, kind, tone, listed, palette, tuple(photos.split())))
    return tuple(dishes)


_GUIDE = (
    Dish(
        sku="05018970",
        name="ASAHI SALMON BOWL",
        category="Rice Bowl",
        kind="rice bowl",
        tone="#fbf7ea",
        extras=("salmon", "avocado", "edamame", "carrot", "cucumber", "nori"),
        palette="teras",
        product_id=UUID("63ea9d40-47f2-4202-95b6-f9b9e798d762"),
        photo_id=UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"),
        file="Menu_Image_20250922025939.jpg",
    ),
    Dish(
        sku="05015917",
        name="ASIATIQUE SPAGHETTI VONGOLE",
        category="Mie & Pasta",
        kind="noodle plate",
        tone="#ecc56c",
        extras=("clams", "herb", "clams", "chili rings", "clams"),
        palette="abu",
        photos=("webp",),
        product_id=UUID("8fc95977-3e87-46e9-b911-c9d744f7e7ff"),
        photo_id=UUID("7067df8c-ef2b-40e0-9125-4617322d6d61"),
        file="Menu_Image_20250904021453.webp",
    ),
)

DISHES: tuple[Dish, ...] = (
    *_GUIDE,
    *_section(
        "Nasi Goreng",
        1,
        """
        NASI GORENG KAMPUNG | fried rice | #c98a44 | fried egg, cucumber, tomato, cracker, herb | pasar | jpg webp jpg
        NASI GORENG SEAFOOD | fried rice | #d39a4a | shrimp, shrimp, cucumber, lime, pink cracker | indigo | webp
        NASI GORENG KAMBING | fried rice | #9c5f2c | beef, tomato, chips, green chili | arang | jpg
        NASI GORENG HIJAU | fried rice | #9aa84e | fried egg, chicken, green chili, tomato | kebun | jpg
        NASI GORENG MERAH | fried rice | #c9643a | fried egg, shredded chicken, cucumber, chips | linen | png
        """,
    ),
    *_section(
        "Nasi & Lauk",
        2,
        """
        NASI PADANG | plain rice | #fbf7ea | rendang, cassava leaf, sambal hijau, egg, drumstick | kawung | jpg webp jpg
        NASI UDUK KOMPLIT | plain rice | #fdf8e6 | omelette, tempeh, cracker, sambal, cucumber, drumstick | pandan | webp
        NASI KUNING MANADO | plain rice | #f4c93c | abon, egg, shrimp, herb, sambal | hutan | jpg
        NASI LIWET SUNDA | plain rice | #f7edd2 | tofu, tempeh, grilled drumstick, lettuce, sambal, cucumber | tikar | jpg
        NASI CAMPUR BALI | plain rice | #fbf7ea | shredded chicken, red beans, egg, sambal, peanuts, beef | terakota | webp
        NASI BAKAR CUMI | bites | #4b7d3c | parcel, sambal, chili | jati | jpg
        CHICKEN TERIYAKI BOWL | rice bowl | #fbf7ea | teriyaki, corn, carrot, edamame, lettuce | pinus | jpg
        """,
    ),
    *_section(
        "Mie & Bihun",
        3,
        """
        MIE GORENG JAWA | noodle plate | #c9833a | shrimp, lettuce, chili rings, fried egg | jati | jpg webp jpg
        MIE AYAM JAMUR | noodle bowl | #c08e4c | chicken, spinach, meatballs, shallots | pasar | webp
        KWETIAU SIRAM SAPI | noodle plate | #dcb98a | beef, spinach, carrot, beef | arang | jpg
        BIHUN GORENG | noodle plate | #e6d6b0 | shrimp, carrot, omelette, lettuce | langit | webp
        MIE ACEH KUAH | noodle bowl | #b5562a | shrimp, beef, lime, cucumber | hutan | jpg
        """,
    ),
    *_section(
        "Soto & Sup",
        4,
        """
        SOTO AYAM LAMONGAN | soup | #e2b13e | shredded chicken, egg, glass noodles, tomato, lime, herb | hutan | jpg webp jpg
        SOTO BETAWI | soup | #ecc890 | beef, tomato, chips, herb, beef | terakota | webp
        RAWON SURABAYA | soup | #3a2418 | beef, egg, sprouts, beef, chili | linen | jpg
        BAKSO MALANG | soup | #d6b47c | meatballs, tofu, meatballs, glass noodles, herb | indigo | webp
        SOP BUNTUT | soup | #c99a56 | beef, carrot, beef, tomato, herb, lime | abu | jpg
        SAYUR ASEM | soup | #d49a52 | corn, peanuts, green chili, lettuce, red beans | tikar | webp
        LAKSA BOGOR | noodle bowl | #e59a4a | shrimp, egg, tofu, basil, sprouts | pantai | jpg
        """,
    ),
    *_section(
        "Sate",
        5,
        """
        SATE AYAM MADURA | sate | #a8622c | lontong, sambal kecap | terakota | jpg webp jpg
        SATE KAMBING | sate | #6a3419 | sambal kecap, tomato | kawung | jpg
        SATE MARANGGI | sate | #8a4020 | tomato, sambal | pandan | webp
        SATE LILIT BALI | sate | #c98f4c | sambal, lime | pantai | jpg
        SATE TAICHAN | sate | #e3c396 | sambal, lime | arang | webp
        """,
    ),
    *_section(
        "Ayam, Ikan & Daging",
        6,
        """
        AYAM GORENG LENGKUAS | main | #c9853a | plate, serundeng, sambal, lettuce, cucumber | kunyit | jpg
        AYAM BAKAR TALIWANG | main | #96401c | plate, sambal, lime, spinach, tomato | pinus | webp
        AYAM PENYET | main | #c08034 | cobek, tempeh, lettuce, cucumber | jati | jpg webp jpg
        BEBEK GORENG SINJAY | main | #7d4520 | plate, sambal hijau, basil, cucumber | hutan | jpg
        IKAN BAKAR JIMBARAN | main | #a5622c | fish, sambal, cucumber, lime | indigo | webp
        IGA BAKAR MADU | main | #7a3517 | ribs, corn, tomato, sambal | abu | jpg
        RENDANG DAGING | stew | #6b3a1c | rendang, chili | linen | webp
        GULAI AYAM | stew | #d99a34 | chicken, green chili | senja | jpg
        SAMBAL GORENG UDANG | stew | #c2452a | shrimp, green chili | langit | webp
        """,
    ),
    *_section(
        "Sayur",
        7,
        """
        GADO-GADO BETAWI | salad | #b9783a | lettuce, tofu, sprouts, egg, cucumber, tempeh | kebun | jpg
        PECEL MADIUN | salad | #b06a30 | spinach, sprouts, tempeh, carrot, egg | indigo | png
        KAREDOK | salad | #a8642c | cucumber, sprouts, basil, carrot, spinach | tikar | webp
        """,
    ),
    *_section(
        "Camilan",
        8,
        """
        PISANG GORENG KEJU | bites | #dd9c3a | fritter, cheese | tikar | jpg
        LUMPIA SEMARANG | bites | #c98136 | roll, sambal kecap, lettuce | pasar | webp
        SIOMAY BANDUNG | bites | #f0d9a4 | dumpling, sambal kecap, lime | langit | jpg
        MARTABAK MANIS | bites | #c9823a | wedge, cheese, peanuts | senja | jpg webp jpg
        TEMPE MENDOAN | bites | #d8a850 | fritter, sambal kecap, green chili | kebun | webp
        BUBUR AYAM | porridge | #f6ecd4 | shredded chicken, cracker, egg, shallots, spring onion | langit | jpg
        """,
    ),
    *_section(
        "Kopi & Teh",
        9,
        """
        KOPI SUSU GULA AREN | glass | #5d2f16 | #b98252, #f3e3c8, ice, straw | pandan | jpg webp jpg
        KOPI TUBRUK | cup | #3a1e12 | foam, biscuit | jati | webp
        CAPPUCCINO | cup | #8a4f2a | heart, beans | arang | jpg
        MATCHA LATTE | cup | #86a648 | leaf | mawar | jpg
        ES TEH MANIS | glass | #a8501c | #c26a26, ice, straw, lime slice | pasar | webp
        TEH TARIK | glass | #b87844 | #cf9a68, #e9c79c, foam | terakota | jpg
        WEDANG JAHE | cup | #c98a3a | lime, biscuit | kawung | webp
        """,
    ),
    *_section(
        "Es & Jus",
        10,
        """
        ES CENDOL | glass | #7d3f1a | #e9dcc2, #fbf5e8, cendol, ice, straw | kebun | jpg webp jpg
        ES JERUK PERAS | glass | #f08c12 | #f8b84a, ice, straw, orange slice | pantai | jpg
        JUS ALPUKAT | glass | #8fae4a | #b9cc7a, swirl, cream | mawar | webp
        ES TELER | ice bowl | #e0405a | fruit, avocado, coconut, fruit | langit | jpg
        ES CAMPUR | ice bowl | #d8385a | fruit, red beans, avocado, corn, fruit | kunyit | webp
        ES KELAPA MUDA | glass | #dfe6d6 | #f2f4e8, fruit, ice, straw, lime slice, mint | hutan | jpg
        THAI TEA BOBA | glass | #c9662a | #e8a060, #f6d8b0, boba, ice, straw | abu | jpg
        SODA GEMBIRA | glass | #d8304a | #f28a9a, #fbd8dc, red pearls, ice, straw, mint | teras | jpg
        """,
    ),
    *_section(
        "Kue & Penutup",
        11,
        """
        KLEPON | bites | #6fa544 | ball, coconut | pinus | jpg
        KUE LAPIS | bites | #e8577a | slice, mint | pandan | webp
        BROWNIES KUKUS | bites | #7a4526 | square, mint | teras | jpg
        DADAR GULUNG | bites | #86b04a | roll, coconut | terakota | jpg
        ES KRIM DURIAN | bites | #f2d98a | scoop, mint | indigo | webp
        AIR MINERAL | glass | #dceaf0 | #eaf4f8, ice | langit |
        """,
    ),
)

_BY_SKU = {dish.sku: dish for dish in DISHES}


def draw_photo(sku: str, number: int) -> bytes:
    """The file of photo ``number`` (from 1) of a dish: the same bytes each time."""
    dish = _BY_SKU[sku]
    return _drawn(dish, number, dish.photos[number - 1])


def draw_variant(sku: str, number: int = 1) -> bytes:
    """A JPEG of the same dish that clearly differs from those of the menu; each ``number`` gives another."""
    return _drawn(_BY_SKU[sku], _VARIANT + number, "jpg")


def _drawn(dish: Dish, number: int, extension: str) -> bytes:
    view = choose_view(dish.sku, dish.palette, number)
    picture = draw(f"{dish.sku} {number}", dish.kind, dish.tone, dish.extras, view)
    if number > _VARIANT:
        picture = sticker(picture, "BARU")
    return encode(picture, extension, view.quality)


def write_menu(folder: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Draw what isn't there yet into ``folder/photos`` and ``folder/try-me``, write ``folder/menu.csv`` and return its path.

    ``progress`` is told how many pictures are done, and of how many. Files that exist are never touched, so that a photo
    somebody changed stays changed.
    """
    photos, try_me = folder / "photos", folder / "try-me"
    for place in (photos, try_me):
        place.mkdir(parents=True, exist_ok=True)
    wanted = [(photos / dish.file_name(n), dish.sku, n) for dish in DISHES for n in range(1, len(dish.photos) + 1)]
    wanted.extend((try_me / f"{Path(_BY_SKU[sku].file_name(1)).stem}.jpg", sku, _VARIANT + 1) for sku in TRY_ME_SKUS)
    _draw_missing([job for job in wanted if not job[0].exists()], len(wanted), progress)
    table, content = folder / "menu.csv", _table()
    if not table.exists() or table.read_text(encoding="utf-8") != content:
        _write(table, content.encode())
    return table


def _draw_missing(jobs: list[tuple[Path, str, int]], total: int, progress: Callable[[int, int], None] | None) -> None:
    done = total - len(jobs)
    if progress:
        progress(done, total)
    if not jobs:
        return
    workers = min(len(jobs), len(os.sched_getaffinity(0)))
    # "spawn": the demo has threads by then, and a fork of a process with threads can hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_end_with_the_demo)
    try:
        for finished in as_completed([pool.submit(_draw_file, *job) for job in jobs]):
            finished.result()
            done += 1
            if progress:
                progress(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _draw_file(path: Path, sku: str, number: int) -> None:
    _write(path, draw_variant(sku, number - _VARIANT) if number > _VARIANT else draw_photo(sku, number))


def _write(path: Path, content: bytes) -> None:
    """Write under another name first: a file that is there is whole, also after a power cut of the demo."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _end_with_the_demo() -> None:
    """In a drawing process: leave Ctrl-C to the demo, and end when the demo is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    demo = multiprocessing.parent_process()
    if demo is None:
        return

    def watch() -> None:
        wait([demo.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _table() -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for dish in DISHES:
        product_id = str(dish.product_id or "")
        if not dish.photos:
            writer.writerow((product_id, "", dish.sku, dish.name, "", "false", 0, ""))
        for number in range(1, len(dish.photos) + 1):
            photo_id = str(dish.photo_id or "") if number == 1 else ""
            primary = "true" if number == 1 else "false"
            writer.writerow((product_id, photo_id, dish.sku, dish.name, dish.file_name(number), primary, number - 1, ""))
    return out.getvalue()
