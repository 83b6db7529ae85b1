"""The commands ``init`` and ``remove``, the same for both halves."""

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from etalase.command import EtalaseCommand
from etalase.errors import UsageError
from etalase.kit import env_file, init, remove
from etalase.kit.answers import Asker, Sources
from etalase.kit.bucket_user import ADMIN_KEY, ADMIN_SECRET
from etalase.kit.database import LOCAL
from etalase.kit.half import Kit
from etalase.kit.machine import DryHost, Host
from etalase.output import terminal_safe
from etalase.settings.edge import EdgeServerSettings, EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import PREFIX, Settings

# Of the extras of both halves.
NEEDED = ("psycopg", "argon2", "dj_database_url")


class KitCommand(EtalaseCommand):
    """A command on a bare machine: it needs no settings."""

    kit: Kit

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--dry-run``."""
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="show every file and every command, and change nothing; secrets are hidden"
        )

    def machine(self, options: dict[str, Any]) -> Host:
        """Returns this machine, or a look at it.

        Raises :class:`UsageError` for another user than root, and in a project that lacks the packages of a machine of its own.
        """
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            extra = "standalone" if self.kit.half == "edge" else self.kit.half
            raise UsageError(
                f"This command sets up a machine of its own, with packages that are not here: {', '.join(missing)}.",
                hint=f"A project needs none (docs/COMING_FROM_THE_GUIDE.md); elsewhere: pip install 'etalase[{extra}]'",
            )
        if options["dry_run"]:
            return DryHost(self.say)
        init.needs_root()
        return Host(self.say)

    def say(self, line: str) -> None:
        """Writes a line for a person."""
        self.stderr.write(terminal_safe(line), style_func=str, ending="\n")

    def report(self, machine: Host, status: int, options: dict[str, Any], *, nothing: str = "all of it is right") -> int:
        """Shows the changes, or ``nothing`` as the reason for none. Returns ``status``."""
        would = "would be changed" if machine.is_dry else "changed"
        sentence = f"{len(machine.changes)} {would}." if machine.changes else f"Nothing {would}: {nothing}."
        result = {"dry_run": machine.is_dry, "changes": machine.changes}
        self.show(result, sentence, as_json=options["json"])
        return status


class InitCommand(KitCommand):
    """Sets up one half on this machine."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds a flag for each question, except for secrets."""
        super().add_arguments(parser)
        parser.add_argument(
            "--write-units", action=BooleanOptionalAction, default=None,
            help="write and enable systemd's units (default: where systemd runs)",
        )  # fmt: skip
        parser.add_argument(
            "--answers", metavar="FILE", help="lines NAME=VALUE, also for secrets and for further settings; -: stdin"
        )
        parser.add_argument("--no-input", action="store_true", help="ask nothing; every missing answer is named at once")
        if self.kit.half == "edge":
            parser.add_argument("--no-sync", action="store_true", help="leave the first sync to the services")
        for question in self.kit.questions:
            if question.flag and not question.is_made:
                parser.add_argument(question.flag, metavar="VALUE", help=question.text.replace("%", "%%"))

    def run(self, options: dict[str, Any]) -> int:
        """Sets up, and returns the exit status of the doctor."""
        machine = self.machine(options)
        flags = {q.name: options.get(q.flag[2:].replace("-", "_")) for q in self.kit.questions if q.flag and not q.is_made}
        sources = Sources(
            flags={name: value for name, value in flags.items() if value is not None},
            file=_answers_file(options["answers"]),
            kept=init.kept_answers(machine, self.kit),
        )
        if problems := sources.misspelt(_known_names(self.kit)):
            raise UsageError(f"Some names are wrong: {' '.join(problems)}", hint="Correct them; nothing was changed.")
        before = sources.kept
        sources = self.with_answers(machine, sources, options)
        can_ask = sys.stdin.isatty() and not options["no_input"] and not options["json"]
        write_units = init.is_running_systemd() if options["write_units"] is None else options["write_units"]
        status = init.set_up(
            machine, self.kit, sources, ask=Asker(self.say) if can_ask else None, write_units=write_units,
            first_sync=not options.get("no_sync"), has_new_answers=sources.kept != before,
        )  # fmt: skip
        return self.report(machine, status, options)

    def with_answers(self, _machine: Host, sources: Sources, _options: dict[str, Any]) -> Sources:
        """Returns the sources with answers that this half gets from elsewhere: none."""
        return sources


class RemoveCommand(KitCommand):
    """Undoes an init."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the fate of the data."""
        super().add_arguments(parser)
        parser.add_argument("--with-data", action="store_true", help="delete the database, its role and the photos, too")
        parser.add_argument("--yes", action="store_true", help="ask nothing")

    def run(self, options: dict[str, Any]) -> int:
        """Removes; with data only after a confirmation."""
        machine = self.machine(options)
        can_ask = sys.stdin.isatty() and not options["json"]
        if not machine.is_dry:
            remove.confirmed(
                self.kit, init.kept_answers(machine, self.kit), with_data=options["with_data"],
                ask=_typed if can_ask else None, yes=options["yes"],
            )  # fmt: skip
        remove.remove(
            machine, self.kit, with_data=options["with_data"],
            admin_url=os.environ.get("ADMIN_DATABASE_URL") or LOCAL,
            admin_key=(os.environ.get(ADMIN_KEY, ""), os.environ.get(ADMIN_SECRET, "")),
        )  # fmt: skip
        return self.report(machine, 0, options, nothing="nothing of it is here")


def _known_names(kit: Kit) -> set[str]:
    """Returns the names of all answers, and of the settings of both halves, which may share a file."""
    screens: list[type[Settings]] = [*kit.screens, EdgeSettings, EdgeServerSettings, HeadOfficeSettings]
    names = {PREFIX + name for screen in screens for name in screen.model_fields}
    return names | {question.name for question in kit.questions} | set(kit.made)


def _typed(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline()


def _answers_file(name: str | None) -> dict[str, str]:
    """Returns the answers in a file, or of stdin. Raises :class:`UsageError`."""
    if name is None:
        return {}
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--answers {name} cannot be read: {error}.") from error
    return env_file.parse(text, name=name)
