"""Lists the demo's menu: restaurants of one company, its products, and their photos, which are the files in ``photos``.

The company, the store, two products and their photos carry the guide's ids.
"""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

COMPANY_ID = UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b")
COMPANY_NAME = "FoodLife Nusantara"
STORE_ID = UUID("fe2d2dbf-9616-48f5-bd5b-302c087d7181")
STORE_CODE = "AVRIL-001"
STORE_NAME = "AVR-SUNDA"
STORE_REGION = "Bandung"


@dataclass(frozen=True, slots=True)
class LightStore:
    """A store with a database and a bucket of its own, and no servers. ``word`` names it in commands: ``edge-dago``."""

    word: str
    code: str
    name: str
    region: str
    store_id: UUID

    @property
    def account(self) -> str:
        """Returns the user name of its edge at head office."""
        return self.name.lower()

    @property
    def secret(self) -> str:
        """Returns the name under which the demo keeps its password."""
        return f"{self.word}_password"

    @property
    def database(self) -> str:
        """Returns the name of its database."""
        return f"edge_{self.word}"

    @property
    def bucket(self) -> str:
        """Returns the name of its bucket."""
        return f"product-images-{self.word}"


DAGO = LightStore("dago", "AVRIL-002", "AVR-DAGO", "Bandung", UUID("5d8f2a5e-7c0b-4f3e-9f0c-2f6f6f0d1a02"))
KEMANG = LightStore("kemang", "AVRIL-003", "AVR-KEMANG", "Jakarta", UUID("c1b7a4de-3b52-4c3f-8a61-90d6d2c4ef03"))
LIGHT_STORES = (DAGO, KEMANG)

PHOTOS = Path(__file__).with_name("photos")
"""The photo files. The folder ``try-me`` in it holds second versions of some photos under the same names."""


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A product and the files of its photos, the primary photo first. Only the guide's products have prescribed ids."""

    sku: str
    name: str
    files: tuple[str, ...] = ()
    product_id: UUID | None = None
    photo_id: UUID | None = None


CATEGORIES = {
    "Makanan": (
        MenuItem(
            "05018970",
            "ASAHI SALMON BOWL",
            ("Menu_Image_20250922025939.jpg",),
            product_id=UUID("63ea9d40-47f2-4202-95b6-f9b9e798d762"),
            photo_id=UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"),
        ),
        MenuItem(
            "05015917",
            "ASIATIQUE SPAGHETTI VONGOLE",
            ("Menu_Image_20250904021453.webp",),
            product_id=UUID("8fc95977-3e87-46e9-b911-c9d744f7e7ff"),
            photo_id=UUID("7067df8c-ef2b-40e0-9125-4617322d6d61"),
        ),
        # Nasi Goreng
        MenuItem(
            "05010101",
            "NASI GORENG KAMPUNG",
            ("nasi-goreng-kampung.webp", "nasi-goreng-kampung-2.webp", "nasi-goreng-kampung-3.webp"),
        ),
        MenuItem("05010102", "NASI GORENG SEAFOOD", ("nasi-goreng-seafood.webp",)),
        MenuItem("05010103", "NASI GORENG KAMBING", ("nasi-goreng-kambing.jpg",)),
        MenuItem("05010104", "NASI GORENG HIJAU", ("nasi-goreng-hijau.webp",)),
        MenuItem("05010105", "NASI GORENG MERAH", ("nasi-goreng-merah.png",)),
        # Nasi & Lauk
        MenuItem("05010201", "NASI PADANG", ("nasi-padang.jpg", "nasi-padang-2.webp", "nasi-padang-3.webp")),
        MenuItem("05010202", "NASI UDUK KOMPLIT", ("nasi-uduk-komplit.webp",)),
        MenuItem("05010203", "NASI KUNING MANADO", ("nasi-kuning-manado.jpg",)),
        MenuItem("05010204", "NASI LIWET SUNDA", ("nasi-liwet-sunda.webp",)),
        MenuItem("05010205", "NASI CAMPUR BALI", ("nasi-campur-bali.webp",)),
        MenuItem("05010206", "NASI BAKAR CUMI", ("nasi-bakar-cumi.webp",)),
        MenuItem("05010207", "CHICKEN TERIYAKI BOWL", ("chicken-teriyaki-bowl.webp",)),
        # Mie & Bihun
        MenuItem("05010301", "MIE GORENG JAWA", ("mie-goreng-jawa.webp", "mie-goreng-jawa-2.webp", "mie-goreng-jawa-3.webp")),
        MenuItem("05010302", "MIE AYAM JAMUR", ("mie-ayam-jamur.webp",)),
        MenuItem("05010303", "KWETIAU SIRAM SAPI", ("kwetiau-siram-sapi.webp",)),
        MenuItem("05010304", "BIHUN GORENG", ("bihun-goreng.webp",)),
        MenuItem("05010305", "MIE ACEH KUAH", ("mie-aceh-kuah.jpg",)),
        # Soto & Sup
        MenuItem(
            "05010401",
            "SOTO AYAM LAMONGAN",
            ("soto-ayam-lamongan.webp", "soto-ayam-lamongan-2.webp", "soto-ayam-lamongan-3.webp"),
        ),
        MenuItem("05010402", "SOTO BETAWI", ("soto-betawi.webp",)),
        MenuItem("05010403", "RAWON SURABAYA", ("rawon-surabaya.jpg",)),
        MenuItem("05010404", "BAKSO MALANG", ("bakso-malang.webp",)),
        MenuItem("05010405", "SOP BUNTUT", ("sop-buntut.webp",)),
        MenuItem("05010406", "SAYUR ASEM", ("sayur-asem.webp",)),
        MenuItem("05010407", "LAKSA BOGOR", ("laksa-bogor.webp",)),
        # Sate
        MenuItem(
            "05010501", "SATE AYAM MADURA", ("sate-ayam-madura.webp", "sate-ayam-madura-2.webp", "sate-ayam-madura-3.webp")
        ),
        MenuItem("05010502", "SATE KAMBING", ("sate-kambing.jpg",)),
        MenuItem("05010503", "SATE MARANGGI", ("sate-maranggi.webp",)),
        MenuItem("05010504", "SATE LILIT BALI", ("sate-lilit-bali.webp",)),
        MenuItem("05010505", "SATE TAICHAN", ("sate-taichan.webp",)),
        # Ayam, Ikan & Daging
        MenuItem("05010601", "AYAM GORENG LENGKUAS", ("ayam-goreng-lengkuas.webp",)),
        MenuItem("05010602", "AYAM BAKAR TALIWANG", ("ayam-bakar-taliwang.webp",)),
        MenuItem("05010603", "AYAM PENYET", ("ayam-penyet.webp", "ayam-penyet-2.webp", "ayam-penyet-3.webp")),
        MenuItem("05010604", "BEBEK GORENG SINJAY", ("bebek-goreng-sinjay.webp",)),
        MenuItem("05010605", "IKAN BAKAR JIMBARAN", ("ikan-bakar-jimbaran.jpg",)),
        MenuItem("05010606", "IGA BAKAR MADU", ("iga-bakar-madu.webp",)),
        MenuItem("05010607", "RENDANG DAGING", ("rendang-daging.webp",)),
        MenuItem("05010608", "GULAI AYAM", ("gulai-ayam.webp",)),
        MenuItem("05010609", "SAMBAL GORENG UDANG", ("sambal-goreng-udang.webp",)),
        # Sayur
        MenuItem("05010701", "GADO-GADO BETAWI", ("gado-gado-betawi.webp",)),
        MenuItem("05010702", "PECEL MADIUN", ("pecel-madiun.png",)),
        MenuItem("05010703", "KAREDOK", ("karedok.webp",)),
    ),
    "Camilan": (
        MenuItem("05010801", "PISANG GORENG KEJU", ("pisang-goreng-keju.webp",)),
        MenuItem("05010802", "LUMPIA SEMARANG", ("lumpia-semarang.webp",)),
        MenuItem("05010803", "SIOMAY BANDUNG", ("siomay-bandung.webp",)),
        MenuItem("05010804", "MARTABAK MANIS", ("martabak-manis.webp", "martabak-manis-2.webp", "martabak-manis-3.webp")),
        MenuItem("05010805", "TEMPE MENDOAN", ("tempe-mendoan.webp",)),
        MenuItem("05010806", "BUBUR AYAM", ("bubur-ayam.webp",)),
    ),
    "Minuman": (
        # Kopi & Teh
        MenuItem(
            "05010901",
            "KOPI SUSU GULA AREN",
            ("kopi-susu-gula-aren.webp", "kopi-susu-gula-aren-2.webp", "kopi-susu-gula-aren-3.webp"),
        ),
        MenuItem("05010902", "KOPI TUBRUK", ("kopi-tubruk.webp",)),
        MenuItem("05010903", "CAPPUCCINO", ("cappuccino.jpg",)),
        MenuItem("05010904", "MATCHA LATTE", ("matcha-latte.webp",)),
        MenuItem("05010905", "ES TEH MANIS", ("es-teh-manis.webp",)),
        MenuItem("05010906", "TEH TARIK", ("teh-tarik.webp",)),
        MenuItem("05010907", "WEDANG JAHE", ("wedang-jahe.webp",)),
        # Es & Jus
        MenuItem("05011001", "ES CENDOL", ("es-cendol.webp", "es-cendol-2.webp", "es-cendol-3.webp")),
        MenuItem("05011002", "ES JERUK PERAS", ("es-jeruk-peras.webp",)),
        MenuItem("05011003", "JUS ALPUKAT", ("jus-alpukat.webp",)),
        MenuItem("05011004", "ES TELER", ("es-teler.webp",)),
        MenuItem("05011005", "ES CAMPUR", ("es-campur.jpg",)),
        MenuItem("05011006", "ES KELAPA MUDA", ("es-kelapa-muda.webp",)),
        MenuItem("05011007", "THAI TEA BOBA", ("thai-tea-boba.webp",)),
        MenuItem("05011008", "SODA GEMBIRA", ("soda-gembira.webp",)),
        MenuItem("05011106", "AIR MINERAL"),
    ),
    "Kue & Penutup": (
        MenuItem("05011101", "KLEPON", ("klepon.webp",)),
        MenuItem("05011102", "KUE LAPIS", ("kue-lapis.webp",)),
        MenuItem("05011103", "BROWNIES KUKUS", ("brownies-kukus.webp",)),
        MenuItem("05011104", "DADAR GULUNG", ("dadar-gulung.jpg",)),
        MenuItem("05011105", "ES KRIM DURIAN", ("es-krim-durian.webp",)),
    ),
}
ITEMS = tuple(item for items in CATEGORIES.values() for item in items)

TRY_ME = ITEMS[0]
"""The product whose photo ``etalase demo change-photo`` changes."""

COLUMNS = ("product_id", "photo_id", "sku", "name", "category", "file", "is_primary", "sort_order", "stores")


def write_menu(folder: Path) -> Path:
    """Copies the photos to ``folder/photos`` and ``folder/try-me``, writes ``folder/menu.csv`` and returns its path."""
    for source, target in ((PHOTOS, folder / "photos"), (PHOTOS / "try-me", folder / "try-me")):
        target.mkdir(parents=True, exist_ok=True)
        for photo in source.glob("*.*"):
            # Without its mode: the package may be read-only, and the demo's photos must be writable.
            shutil.copyfile(photo, target / photo.name)
    table = folder / "menu.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for category, items in CATEGORIES.items():
            for item in items:
                writer.writerows(_lines(category, item))
    return table


def _lines(category: str, item: MenuItem) -> Iterator[tuple[object, ...]]:
    """Yields a line for each photo, and one line for a product without a photo."""
    for number, file in enumerate(item.files or ("",)):
        photo_id = item.photo_id if number == 0 else None
        is_primary = "true" if file and number == 0 else "false"
        yield item.product_id, photo_id, item.sku, item.name, category, file, is_primary, number, ""
