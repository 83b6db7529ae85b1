"""`etalase head-office import menu.csv PHOTOS_DIR`: the menu of a company, with its photos."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from etalase.head_office import ingest
from etalase.head_office.accounts import find_company
from etalase.head_office.change_bound import Change, ChangeKind
from etalase.head_office.console import confirm, given_path
from etalase.head_office.imports.importer import ImportResult, load_menu
from etalase.head_office.imports.menu import Menu, read_menu
from etalase.head_office.imports.photo_reading import present_sources
from etalase.head_office.imports.preview import ImportPreview, Spelling, preview_import
from etalase.head_office.ingest import PhotoChange
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.masters import masters
from etalase.head_office.models import Store
from etalase.postgres import takes
from etalase.progress import Progress, shown
from etalase.protocol import printable

MAX_NAMED = 50
MAX_ASKED = 20


class Command(HeadOfficeCommand):
    """Exit status: 0 all loaded, 1 some lines bad, 2 unusable input or not confirmed, 4 database or bucket unreachable."""

    help = (
        "Load a menu: a CSV file or an Excel workbook with the columns sku,name,file,is_primary,sort_order,stores and, if "
        "wanted, category,product_id,photo_id. A line without a name adds a photo to an existing dish; it creates and renames "
        "none. Without the column category dishes keep theirs; an empty cell removes it. "
        "Loading the same file again changes nothing. An import that renames more than max(3, 20 %) of the dishes, or loses "
        "as many by --prune, asks for their number. Exit status: 0 everything is loaded; 1 some lines are bad, "
        "the others are loaded; 2 the input as a whole is unusable, or the number was not given; "
        "4 head office's database or bucket is unreachable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the file, the folder and the options."""
        super().add_arguments(parser)
        parser.add_argument("menu", type=given_path, help="the file: CSV, or an Excel workbook (.xlsx)")
        parser.add_argument("photos_dir", type=given_path, help="the folder of the paths in the column file")
        parser.add_argument("--company", help="name or id; optional while there is only one")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="list what would be created, renamed, replaced and removed; change nothing",
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="also remove the company's products, sales and photos that are not in the file",
        )
        parser.add_argument(
            "--yes", type=int, metavar="N", help="confirm the number of dishes to rename or to cut, as --dry-run prints it"
        )
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def run(self, options: dict[str, Any]) -> int:
        """Imports the menu after a preview and, if needed, a confirmation; prints the result."""
        company = find_company(options["company"])
        codes = list(Store.objects.filter(company=company).values_list("code", flat=True))
        menu = read_menu(
            options["menu"], options["photos_dir"], store_codes=codes, present=present_sources(company), takes=takes
        )
        preview, dry_run = preview_import(company, menu, prune=options["prune"]), options["dry_run"]
        if not dry_run:
            confirm(_question(preview), preview.confirmation, options["yes"])
            ingest.bucket().ensure_bucket()
            masters()
        total = sum(max(1, len(dish.photos)) for dish in menu.dishes)
        with shown(Progress(total), quiet=options["quiet"] or options["json"]) as progress:
            result = load_menu(company, menu, preview, advanced=progress.carried, dry_run=dry_run)
        problems = sorted(result.problems, key=lambda problem: problem.line)
        for line in chain(_first([str(problem) for problem in problems]), _read_as(menu), _alike(preview)):
            self.stderr.write(line)
        sentence = _sentence(result, preview, pruned=options["prune"])
        if dry_run:
            sentence = "\n".join([*_listed(preview, result), f"Nothing was changed. It would be: {sentence}", *_asked(preview)])
        output = {"dry_run": dry_run, **result.as_json(), **preview.as_json(), "read_as": _read_as_json(menu)}
        self.show(output, sentence, as_json=options["json"])
        return 1 if result.problems else 0


def _sentence(result: ImportResult, preview: ImportPreview, *, pruned: bool) -> str:
    counts = result.as_json()
    parts = [f"{what}: " + ", ".join(f"{n} {kind}" for kind, n in counts[what].items()) for what in ("products", "photos")]
    if preview.nameless:
        parts.append(f"{preview.nameless} without a name in the file keep theirs")
    if pruned:
        if result.problems:
            parts.append("nothing was pruned, since not every photo could be loaded")
        else:
            parts.append("removed: " + ", ".join(f"{n} {kind}" for kind, n in counts["pruned"].items()))
    return "; ".join(parts) + "."


def _listed(preview: ImportPreview, result: ImportResult) -> Iterator[str]:
    """Yields the lines of a dry run: each change by name, the first of many."""
    yield from _some("make", [f"{dish.sku} {dish.name}" for dish in preview.made])
    yield from _some("rename", [f"{rename.sku}: {rename.old} -> {rename.new}" for rename in preview.renamed])
    changes = [f"{one.sku}: {one.old or '(none)'} -> {one.new or '(none)'}" for one in preview.recategorised]
    yield from _some("change the category", changes)
    verbs = {PhotoChange.CREATED: "add photo", PhotoChange.UPDATED: "replace or change photo"}
    for change in PhotoChange:
        verb = verbs.get(change, "put again")
        yield from _some(verb, [f"{sku}: {file}" for sku, file, became in result.changes if became is change])
    for code, skus in sorted(preview.added.items()):
        yield from _some(f"start selling in {printable(code)}", skus)
    for code, skus in sorted(preview.ended.items()):
        yield from _some(f"stop selling in {printable(code)}", skus)
    if result.problems:  # because the prune would be skipped
        return
    yield from _some("remove dish", [f"{sku} {name}" for sku, name in preview.removed_products])
    yield from _some("remove photo", [f"{sku}: {source}" for sku, source in preview.removed_photos])
    yield from _some("leave without a photo", preview.impact.bare)
    yield from _some("leave unsold everywhere", preview.impact.unsold)


def _alike(preview: ImportPreview) -> Iterator[str]:
    """Yields a warning for each category with several spellings."""
    for group in preview.alike_categories:
        spelled = ", ".join(_spelling(one) for one in group)
        yield f"warning: tills show these categories apart, though they look alike: {spelled}. Is one meant?"


def _read_as(menu: Menu) -> Iterator[str]:
    """Yields a note for each SKU that was read without a spreadsheet's additions."""
    yield from _first(
        [f"note: line {line}, sku «{printable(written)}» is read as {printable(sku)}" for line, written, sku in menu.read_as]
    )


def _read_as_json(menu: Menu) -> list[dict[str, Any]]:
    return [{"line": line, "written": written, "sku": sku} for line, written, sku in menu.read_as]


def _spelling(one: Spelling) -> str:
    line = "" if one.line is None else f", line {one.line}"
    return f"«{printable(one.category)}» ({one.dishes} {'dish' if one.dishes == 1 else 'dishes'}{line})"


def _some(verb: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"would {verb} ({len(names)}):"
        yield from (f"  {line}" for line in _first([printable(name) for name in names]))


def _first(lines: Sequence[str]) -> Iterator[str]:
    """Yields the first of many lines, and the number of the others."""
    yield from lines[:MAX_NAMED]
    if len(lines) > MAX_NAMED:
        yield f"… and {len(lines) - MAX_NAMED} more; --json lists them all"


def _asked(preview: ImportPreview) -> list[str]:
    if not preview.confirmation.is_required:
        return []
    number = preview.confirmation.number
    return [f"{_question(preview)}\nTo do it, type {number} at the prompt, or give --yes {number}."]


def _question(preview: ImportPreview) -> str:
    """Returns the question to confirm, with the first of the affected names."""
    beyond = preview.confirmation.beyond
    what = "; ".join(_change(change) for change in beyond) if beyond else f"{preview.confirmation.number} dishes are touched"
    impact = preview.impact
    names = chain(
        (f"{rename.sku}: {rename.old} -> {rename.new}" for rename in preview.renamed),
        (f"{name}: removed" for name in impact.removed),
        (f"{name}: no photo left" for name in impact.bare),
        (f"{name}: sold nowhere any more" for name in impact.unsold),
        (f"{name}: sold in fewer stores" for name in impact.fewer),
    )
    listed = "".join(f"\n  {printable(name)}" for name in islice(names, MAX_ASKED))
    more = preview.confirmation.number - MAX_ASKED
    return f"This import is a big change: {what}.{listed}" + (f"\n  … and {more} more: see --dry-run" if more > 0 else "")


def _change(change: Change) -> str:
    verb = {
        ChangeKind.RENAMED: "get another name",
        ChangeKind.REMOVED: "are removed",
        ChangeKind.BARE: "lose their last photo",
        ChangeKind.UNSOLD: "are no longer sold",
        ChangeKind.LOST: "lose their last photo or are no longer sold",
        ChangeKind.CUT_OFF: "lose their account",
    }[change.kind]
    lately = f" (and {change.lately} did within 24 hours)" if change.lately else ""
    return f"{change.now} of {change.of} dishes of {printable(change.where)} {verb}{lately}"
