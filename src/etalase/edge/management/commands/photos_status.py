"""Runs `etalase edge status`: shows the health of this store's photos."""

import shutil
import textwrap
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.pos.messages import LANGUAGES
from etalase.edge.status.collect import read
from etalase.edge.status.localize import Words, language_of_terminal
from etalase.edge.status.sentences import StatusItem
from etalase.edge.status.summary import Summary, summarize
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import Level, judge
from etalase.errors import DatabaseAway, DatabaseRefused
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

MAX_NAMES = 20
MIN_WIDTH = 20


class Command(EdgeCommand):
    """Exit status: 0 all is well, 1 missing, damaged, failed or stale, 3 removals are held, 4 never synced, or away."""

    help = (
        "Show photo health: what to do, freshness, damage, missing photos, held removals. Exit status: 0 all is well; 1 "
        "something is missing, on its way, damaged, failed or stale; 3 removals are held; 4 no run has succeeded yet, the "
        "settings are of another store, or the bucket or the database is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--language``."""
        super().add_arguments(parser)
        parser.add_argument("--language", choices=LANGUAGES, help="of the sentences; default: the terminal's, else English")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Prints the status."""
        facts, error, refuses = None, "", False
        try:
            facts = read(settings)
        except DatabaseAway as away:
            error, refuses = str(away), isinstance(away, DatabaseRefused)
        verdict = judge(facts)
        if options["json"]:
            self.show_json(as_json(facts, verdict, error=error))
        else:
            language = options["language"] or language_of_terminal()
            contact = settings.SUPPORT_CONTACT
            summary = summarize(facts, verdict, language, max_names=MAX_NAMES, contact=contact, refuses=refuses)
            self._print(summary)
            if error:
                self.stderr.write(printable(error))
        return verdict.exit_status

    def _print(self, summary: Summary) -> None:
        """Prints actions, state, details and hints for technicians, in this order; as wide as the terminal."""
        width = shutil.get_terminal_size().columns if self.stdout.isatty() else None
        word, first, *lines = _lines(summary)
        # Colours come after the line breaks, because they have no width.
        filled = _filled(f"{word}: {first}", width)
        self.stdout.write(filled.replace(word, self._colour(summary.level)(word), 1))
        for line in lines:
            self.stdout.write(_filled(line, width))

    def _colour(self, level: Level) -> Callable[[str], str]:
        """Returns Django's style for the level; without a terminal it does not change a word."""
        style = self.style
        colours = {Level.GREEN: style.SUCCESS, Level.BLUE: style.MIGRATE_HEADING, Level.YELLOW: style.WARNING}
        return colours.get(level, style.ERROR)


def _lines(summary: Summary) -> Iterator[str]:
    yield summary.word
    yield from (todo.text for todo in summary.todo)
    if summary.contact:
        yield Words(summary.language).say("contact", contact=summary.contact)
    yield summary.sentence
    for item in (*summary.holds, *summary.facts, *summary.noticed, *summary.hints):
        yield from _lines_of(item)
    for command in summary.commands:
        yield f"{command.line}  # {command.does}"


def _lines_of(item: StatusItem) -> Iterator[str]:
    """Yields the sentence, with names and details below it."""
    yield item.text
    if item.names:
        yield "  " + ", ".join(item.names) + (f" {item.more}" if item.more else "")
    if item.detail:
        yield f"  {item.detail}"


def _filled(line: str, width: int | None) -> str:
    """Returns ``line`` as printable text, in lines of at most ``width``, with the indent of its first line."""
    text = printable(line)
    if width is None:
        return text
    indent = "  " if text.startswith("  ") else ""
    return textwrap.fill(text, max(width, MIN_WIDTH), subsequent_indent=indent, break_on_hyphens=False) or text
