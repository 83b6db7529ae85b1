"""`etalase head-office csv-from-folder PHOTOS_DIR`: a menu file for a folder of pictures, to review and import."""

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
from etalase.head_office.console import given_path
from etalase.head_office.imports.menu_lines import REQUIRED
from etalase.head_office.imports.photo_folder import FoundPicture, LeftOut, look_through
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.protocol import printable
from etalase.spreadsheet import safe_cell


class Command(HeadOfficeCommand):
    """Writes CSV on stdout, a line for each picture below the folder, and each skipped file on stderr."""

    help = (
        "Write a menu.csv for every picture below a folder (recognised by its bytes) on stdout. The SKU is the "
        "path without its extension. The name stays empty: an import then adds the photo to the dish with that SKU, and "
        "refuses the line of an unknown SKU until you write a name. Each skipped file is named on stderr, with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the folder."""
        super().add_arguments(parser)
        parser.add_argument("photos_dir", type=given_path)

    def run(self, options: dict[str, Any]) -> int:
        """Walks the folder and writes the file."""
        folder: Path = options["photos_dir"]
        if not folder.is_dir():
            raise UsageError(f"The folder {printable(str(folder))} does not exist.")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # not the locale's encoding: the import reads UTF-8
        looked = look_through(folder, max_bytes=ingest.limits().max_bytes)
        if options["json"]:
            self.show(_as_json(looked), "", as_json=True)
            return 0
        # Not through GuardedStream: it would escape a no-break space of a file name, and the import would miss the file.
        # Names with control characters are skipped, and no cell is a formula.
        rows = csv.writer(options.get("stdout") or sys.stdout, lineterminator="\n")
        rows.writerow(REQUIRED)
        counts = Counter[bool]()
        for found in looked:
            counts[isinstance(found, FoundPicture)] += 1
            if isinstance(found, FoundPicture):
                rows.writerow([safe_cell(found.sku), "", found.file, "true", "0", ""])
            else:
                self.stderr.write(f"left out: {_shown(found.name)}: {found.reason}")
        self.stderr.write(f"{counts[True]} pictures written, {counts[False]} files left out. Please write the names.")
        return 0


def _as_json(looked: Iterable[FoundPicture | LeftOut]) -> dict[str, Any]:
    shown: dict[str, Any] = {"pictures": [], "left_out": []}
    for found in looked:
        if isinstance(found, FoundPicture):
            shown["pictures"].append({"sku": found.sku, "file": found.file})
        else:
            shown["left_out"].append({"file": _shown(found.name), "reason": found.reason})
    return shown


def _shown(name: str) -> str:
    return printable(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
