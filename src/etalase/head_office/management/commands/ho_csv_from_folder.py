"""`etalase head-office csv-from-folder PHOTOS_DIR`: a menu file for a folder of pictures, to be looked over and imported."""

import csv
import io
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from etalase.errors import UsageError
from etalase.head_office import ingest
from etalase.head_office.console import HeadOfficeCommand, given_path
from etalase.head_office.imports.csv_menu import REQUIRED
from etalase.head_office.imports.photo_folder import Found, LeftOut, look_through
from etalase.protocol import printable
from etalase.spreadsheet import safe_cell


class Command(HeadOfficeCommand):
    """Writes CSV on stdout, a line for each picture below the folder, and on stderr each file that is left out."""

    help = (
        "Write a menu.csv for every JPEG, PNG and WebP file below a folder (going by its bytes) on stdout. The SKU is the "
        "path without its extension. The name stays empty: an import then brings the photo to the dish of that SKU, and "
        "refuses the line where there is none until you write a name. Each file that is left out is named on stderr, with "
        "the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder."""
        super().add_arguments(parser)
        parser.add_argument("photos_dir", type=given_path)

    def perform(self, **options: Any) -> int:
        """Walk and write."""
        folder: Path = options["photos_dir"]
        if not folder.is_dir():
            raise UsageError(f"There is no folder {printable(str(folder))}.")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's own is: import reads UTF-8
        looked = look_through(folder, max_bytes=ingest.limits().max_bytes)
        if options["json"]:
            self.tell(_as_json(looked), "", as_json=True)
            return 0
        # Past the guard of our outputs, which would write a no-break space of a name as an escape, so that no file is found
        # by it. Names with control characters are left out, and no cell is a formula.
        rows = csv.writer(options.get("stdout") or sys.stdout, lineterminator="\n")
        rows.writerow(REQUIRED)
        counts = Counter[bool]()
        for found in looked:
            counts[isinstance(found, Found)] += 1
            if isinstance(found, Found):
                rows.writerow([safe_cell(found.sku), "", found.file, "true", "0", ""])
            else:
                self.stderr.write(f"left out: {_shown(found.name)}: {found.reason}")
        self.stderr.write(f"{counts[True]} pictures written, {counts[False]} files left out. Names are yours to give.")
        return 0


def _as_json(looked: Iterable[Found | LeftOut]) -> dict[str, Any]:
    told: dict[str, Any] = {"pictures": [], "left_out": []}
    for found in looked:
        if isinstance(found, Found):
            told["pictures"].append({"sku": found.sku, "file": found.file})
        else:
            told["left_out"].append({"file": _shown(found.name), "reason": found.reason})
    return told


def _shown(name: str) -> str:
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
