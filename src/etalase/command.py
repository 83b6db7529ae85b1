"""What all commands have in common: ``--json`` prints one object, whatever happens; errors are one line with an exit status."""

import logging
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django.db
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from etalase.errors import DatabaseAway, EtalaseError
from etalase.output import as_json, guard, shown
from etalase.redaction import redacted

logger = logging.getLogger("etalase")

# As shells report a process that Ctrl-C ended.
STOPPED = 130
USAGE = 2
# What nobody foresaw: nothing can be said of what was done.
UNFORESEEN = 4


class EtalaseCommand(BaseCommand):
    """A command of either half. :meth:`run` does it and returns the exit status."""

    # The checks say the same as our own reading of the settings, with less care; they stay for `manage.py check`.
    requires_system_checks: list[str] = []
    # A database error that nothing nearer to it has put in words: each half has its own.
    away: Callable[[BaseException], DatabaseAway]
    _is_shown = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--json``, which every command has."""
        parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, for machines")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser that raises where it was called the wrong way, so that ``--json`` prints an object then, too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Django's own, but for a wrong call."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            message = str(error).removeprefix("Error: ")
            self.create_parser(argv[0], argv[1]).print_usage(sys.stderr)
            sys.stderr.write(shown(f"{argv[0]} {argv[1]}: {message}\n"))
            if "--json" in argv:
                guard(self)
                self.show({"error": message, "exit_status": USAGE})
            sys.exit(USAGE)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run, and exit with the status that README.md lists."""
        guard(self)
        try:
            # The texts of commands are English; the pages of head office choose a language for the whole thread.
            with terminable(), translation.override("en"):
                status = self.run(options)
        except EtalaseError as error:
            raise self._refused(str(error), error.exit_status, options) from error
        except django.db.Error as error:
            away = self.away(error)
            raise self._refused(str(away), away.exit_status, options) from error
        except KeyboardInterrupt:
            self._show_error("The command was stopped.", STOPPED, options)
            raise
        except CommandError as error:
            self._show_error(str(error), error.returncode, options)
            raise
        except BrokenPipeError:
            raise
        except Exception as error:
            logger.exception("the command failed for a reason that nobody foresaw")
            said = f"The command failed for a reason that nobody foresaw: {type(error).__name__}: {redacted(str(error))[:500]}"
            hint = "This is a fault of Etalase's: please report it, with what the log says above."
            raise self._refused(f"{said}. {hint}", UNFORESEEN, options) from error
        if status:
            sys.exit(status)

    def run(self, options: dict[str, Any]) -> int:
        """Do what the command is for; the exit status comes back."""
        raise NotImplementedError

    def show(self, result: Any) -> None:
        """``result`` as JSON on stdout."""
        self._is_shown = True
        self.stdout.write(as_json(result))

    def _refused(self, message: str, exit_status: int, options: dict[str, Any]) -> CommandError:
        self._show_error(message, exit_status, options)
        return CommandError(shown(message), returncode=exit_status)

    def _show_error(self, message: str, exit_status: int, options: dict[str, Any]) -> None:
        if options.get("json") and not self._is_shown:
            self.show({"error": message, "exit_status": exit_status})


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end what is done in here the way Ctrl-C does: in order."""
    if threading.current_thread() is not threading.main_thread():  # a project may call a command from any thread
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
