"""`etalase edge adopt`: take over an edge that another program has filled."""

import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from etalase import formatting
from etalase.edge.adoption.adopt import Wish, adopt
from etalase.edge.adoption.decisions import Choice, parse_choices, parse_earlier
from etalase.edge.adoption.report import Adoption, Precondition
from etalase.edge.checks import product_problems
from etalase.edge.command_names import as_typed
from etalase.edge.management.sync_command import SyncCommand
from etalase.errors import SettingsError, UsageError
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

MAX_SHOWN, MAX_LINE = 20, 160


class Command(SyncCommand):
    """Exit status: 0 clean or adopted, 1 something to decide, 2 impossible, 75 a run is in flight."""

    help = (
        "Look at an edge that another program has filled, such as the guide's sample code, and adopt it. --dry-run changes "
        "nothing and works before migrate. --apply records what head office never listed, so that no run removes it, and lets "
        "runs begin. Exit status: 0 clean, or adopted; 1 something is to be decided or clashes; 2 an adoption is impossible; 4 "
        "the database went away meanwhile; 75 a run is in flight."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--dry-run``, ``--apply``, and the options of decisions."""
        super().add_arguments(parser)
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="look, and change nothing")
        mode.add_argument("--apply", action="store_true", help="adopt; an open decision takes its default, which keeps all")
        parser.add_argument(
            "--decide", action="append", default=[], metavar="ID=CHOICE", help="decide one; alone, only record the choice"
        )
        parser.add_argument("--decide-all", action="append", default=[], metavar="CODE=CHOICE", help="decide all of a code")
        earlier = as_typed("take the decisions that `etalase edge own list --json` printed into FILE before an earlier leave")
        parser.add_argument("--decisions", metavar="FILE", help=earlier)

    def run(self, options: dict[str, Any]) -> int:
        """Looks, adopts on request, and prints the report, also that of settings with which nothing can be looked at."""
        wish = _wish(options)
        try:
            return super().run(options | {"wish": wish})
        except SettingsError as error:
            report = Adoption()
            report.preconditions.append(Precondition("settings", ok=False, detail="; ".join(error.problems), hint=error.hint))
            return self._show(report, wish, options)

    def problems(self, settings: EdgeSettings) -> list[str]:
        """Returns what keeps the products from being read; the rest of the project is judged by :func:`adopt`."""
        return product_problems(settings)

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Looks, and adopts on request."""
        with self.watched(settings, options) as (services, progress):
            report = adopt(services, options["wish"], progress)
        return self._show(report, options["wish"], options)

    def _show(self, report: Adoption, wish: Wish, options: dict[str, Any]) -> int:
        if options["json"]:
            self.show_json(report.as_json())
        elif wish.decides and not wish.applies and report.is_possible:
            chosen = ", ".join(f"{name}={choice}" for name, choice in [*wish.of_id.items(), *wish.of_code.items()])
            chosen = chosen or f"{len(wish.earlier)} earlier decisions"
            self.stdout.write(
                as_typed(f"Recorded: {printable(chosen)}. `etalase edge adopt --dry-run` shows what is still open.")
            )
        else:
            for line in _lines(report):
                self.stdout.write(as_typed(line))
        return report.exit_status


def _wish(options: dict[str, Any]) -> Wish:
    """Returns the request of the options. Raises :class:`UsageError` for none."""
    of_id, of_code = parse_choices(options["decide"], options["decide_all"])
    earlier = _earlier(options["decisions"]) if options["decisions"] else {}
    decides = bool(of_id or of_code or earlier) and not options["dry_run"]
    if not (options["dry_run"] or options["apply"] or decides):
        raise UsageError("Say --dry-run to look, or --apply to adopt.")
    return Wish(applies=options["apply"], decides=decides, of_id=of_id, of_code=of_code, earlier=earlier)


def _earlier(name: str) -> dict[str, Choice]:
    """Returns the decisions in a file. Raises :class:`UsageError`."""
    try:
        return parse_earlier(Path(name).read_text())
    except (OSError, ValueError) as error:
        hint = as_typed("Name the output of `etalase edge own list --json`.")
        raise UsageError(f"--decisions {printable(name)} cannot be read: {error}.", hint=hint) from error


def _lines(report: Adoption) -> Iterator[str]:
    yield _verdict(report)
    for condition in report.preconditions:
        if not condition.ok or condition.hint:
            text = f"  {'to know' if condition.ok else 'IMPOSSIBLE'}: {printable(condition.detail)} {condition.hint}".rstrip()
            yield from _wrapped(text)
    for clash in report.clashes:
        yield f"  clash: {clash.code} {printable(clash.name)}: {printable(clash.detail)} {clash.hint}"
    if report.rows:
        yield f"Rows: {_counts(report.rows)}."
        yield f"Objects: {_counts(report.bucket)}."
    if report.policy and report.policy.is_needed:
        change = report.policy
        yield f"Bucket policy: {len(change.added)} statement added, {len(change.removed)} removed, {len(change.kept)} stay."
    for decision in report.decisions[:MAX_SHOWN]:
        took = f" Took: {decision.default}." if report.applied else ""
        yield f"  {'kept' if report.applied else 'to decide'}: {decision.id}: {decision.text}{took}"
        yield from (f"      {example}" for example in decision.examples)
    if len(report.decisions) > MAX_SHOWN:
        yield f"  … and {len(report.decisions) - MAX_SHOWN} more: --json lists all."
    if report.first_run:
        first = dict(report.first_run)
        size = formatting.size(first.pop("bytes_fetched", 0))
        yield f"The first run {'will' if report.applied else 'would'} report: {_counts(first)}; {size} fetched."


def _wrapped(text: str) -> Iterator[str]:
    """Yields a line, or several for a long one; each of many rules begins its own."""
    if len(text) <= MAX_LINE:
        yield text
        return
    for number, part in enumerate(text.split("; ")):
        begin = "" if number == 0 else "      "
        yield from textwrap.wrap(
            part, MAX_LINE, initial_indent=begin, subsequent_indent="        ", break_long_words=False, break_on_hyphens=False
        )


def _counts(counts: Any) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())


def _verdict(report: Adoption) -> str:
    if not report.is_possible:
        return "An adoption is impossible for now; nothing was changed."
    if report.applied:
        return "Adopted. Runs may begin: `etalase edge sync` is the first."
    if report.exit_status:
        return (
            "Look at this first; nothing is deleted by an adoption: `etalase edge adopt --apply` keeps what nobody has decided."
        )
    return "Clean: adopt with `etalase edge adopt --apply`."
