"""`etalase head-office csv-from-folder PHOTOS_DIR`: a menu file for a folder of pictures, to be looked over and imported."""

import csv
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from etalase.errors import UsageError
from etalase.head_office.console import HeadOfficeCommand
from etalase.head_office.menu import REQUIRED
from etalase.protocol import MAGIC_BYTES, sniff_type


class Command(HeadOfficeCommand):
    """Writes CSV on stdout: one product for each picture below the folder."""

    help = (
        "Write a menu.csv for every JPEG, PNG and WebP file below a folder (told by its bytes) on stdout: the SKU is the "
        "path without its extension, the name is made from the file's."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder."""
        parser.add_argument("photos_dir", type=Path)

    def perform(self, **options: Any) -> int:
        """Walk and write."""
        folder: Path = options["photos_dir"]
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.")
        rows = csv.writer(self.stdout, lineterminator="\n")
        rows.writerow(REQUIRED)
        taken: set[str] = set()
        for path in sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names):
            if not _is_picture(path):
                continue
            source = path.relative_to(folder)
            sku = _unused(source.with_suffix("").as_posix()[-90:], taken)
            name = source.stem.replace("_", " ").replace("-", " ").strip().capitalize() or sku
            rows.writerow([sku, name[:255], source.as_posix(), "true", "0", ""])
        return 0


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return path.is_file() and sniff_type(file.read(MAGIC_BYTES)) is not None
    except OSError:
        return False


def _unused(sku: str, taken: set[str]) -> str:
    """``sku``, with a number where another file has it already (a.png beside a.jpg)."""
    number, wanted = 1, sku
    while sku in taken:
        number += 1
        sku = f"{wanted}-{number}"
    taken.add(sku)
    return sku
