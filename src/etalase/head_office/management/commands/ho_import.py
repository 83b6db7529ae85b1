"""`etalase head-office import menu.csv PHOTOS_DIR`: the menu of a company, with its photos."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from etalase.head_office import ingest
from etalase.head_office.console import HeadOfficeCommand, progress
from etalase.head_office.load import Result, load_menu
from etalase.head_office.menu import read_menu
from etalase.head_office.models import Store
from etalase.head_office.stores import find_company

MAX_PROBLEMS_SHOWN = 50


class Command(HeadOfficeCommand):
    """Exit status: 0 all was loaded, 1 some lines were bad, 2 unusable input, 4 database or bucket away."""

    help = (
        "Load a menu: a CSV file with the columns sku,name,file,is_primary,sort_order,stores and, if wanted, "
        "product_id,photo_id. Loading the same again changes nothing. Exit status: 0 all was loaded; 1 some lines were bad, "
        "the others are loaded; 2 the input as a whole is unusable; 4 head office's database or bucket is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, the folder, and what else may be said."""
        super().add_arguments(parser)
        parser.add_argument("menu", type=Path, help="the CSV file, in UTF-8")
        parser.add_argument("photos_dir", type=Path, help="the folder that the column file is relative to")
        parser.add_argument("--company", help="name or id; may be left out where there is only one")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="also remove the company's products, sales and photos that the file does not name",
        )
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def perform(self, **options: Any) -> int:
        """Read, load, and tell."""
        company = find_company(options["company"])
        codes = list(Store.objects.filter(company=company).values_list("code", flat=True))
        menu = read_menu(options["menu"], options["photos_dir"], store_codes=codes)
        ingest.bucket().ensure_bucket()
        total = sum(max(1, len(dish.photos)) for dish in menu.dishes)
        with progress("Loading photos", total, quiet=options["quiet"] or options["json"]) as advanced:
            result = load_menu(company, menu, prune=options["prune"], advanced=advanced)
        for problem in sorted(result.problems, key=lambda problem: problem.line)[:MAX_PROBLEMS_SHOWN]:
            self.stderr.write(str(problem))
        if len(result.problems) > MAX_PROBLEMS_SHOWN:
            self.stderr.write(f"… and {len(result.problems) - MAX_PROBLEMS_SHOWN} more; --json lists them all")
        self.tell(result.as_json(), _sentence(result, pruned=options["prune"]), as_json=options["json"])
        return 1 if result.problems else 0


def _sentence(result: Result, *, pruned: bool) -> str:
    counts = result.as_json()
    said = [f"{what}: " + ", ".join(f"{n} {kind}" for kind, n in counts[what].items()) for what in ("products", "photos")]
    if pruned:
        if result.problems:
            said.append("nothing was pruned, since not every photo could be loaded")
        else:
            said.append("removed: " + ", ".join(f"{n} {kind}" for kind, n in counts["pruned"].items()))
    return "; ".join(said) + "."
