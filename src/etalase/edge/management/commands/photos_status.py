"""`etalase edge status`: how this store's photos are, honestly."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

from etalase.edge.management.door import EdgeCommand
from etalase.edge.pos.texts import LANGUAGES
from etalase.edge.status.answer import as_json
from etalase.edge.status.reading import read
from etalase.edge.status.told import Item, Told, tell
from etalase.edge.status.verdict import Level, judge
from etalase.edge.status.words import language_of_terminal
from etalase.errors import DatabaseAway
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

MAX_NAMES = 20


class Command(EdgeCommand):
    """Exit status: 0 all is well, 1 missing, damaged, failed or old news, 3 something is held, 4 never synced, or away."""

    help = (
        "Say how this store's photos are: how fresh, whether each is whole in the bucket, what is missing, what waits for a "
        "person. Exit status: 0 all is well; 1 something is missing, damaged, failed or stale; 3 removals are held; 4 no run "
        "has succeeded yet, the settings are of another store, or the bucket or the database is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--language``."""
        super().add_arguments(parser)
        parser.add_argument("--language", choices=LANGUAGES, help="of the sentences; default: the terminal's, else English")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Show it."""
        facts, error = None, ""
        try:
            facts = read(settings)
        except DatabaseAway as away:
            error = str(away)
        verdict = judge(facts)
        if options["json"]:
            self.show(as_json(facts, verdict, error=error))
        else:
            language = options["language"] or language_of_terminal()
            told = tell(facts, verdict, language, max_names=MAX_NAMES, contact=settings.SUPPORT_CONTACT)
            self.stdout.write(f"{self._colour(told.level)(told.word)}: {told.sentence}")
            self.stdout.write("\n".join(_lines(told)))
            if error:
                self.stderr.write(printable(error))
        return verdict.exit_status

    def _colour(self, level: Level) -> Callable[[str], str]:
        """Django's own styles; without a terminal they leave the word as it is."""
        return {Level.GREEN: self.style.SUCCESS, Level.YELLOW: self.style.WARNING, Level.RED: self.style.ERROR}[level]


def _lines(told: Told) -> Iterator[str]:
    for item in (*told.holds, *told.facts, *told.noticed):
        yield from _lines_of(item)


def _lines_of(item: Item) -> Iterator[str]:
    """The sentence with its command; names and details below it."""
    yield printable(f"{item.text} {item.command}".rstrip())
    if item.names:
        yield printable("  " + ", ".join(item.names) + (f" {item.more}" if item.more else ""))
    if item.detail:
        yield printable(f"  {item.detail}")
