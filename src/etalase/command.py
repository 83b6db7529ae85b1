"""Defines the base of every command: ``--json`` prints exactly one object; an error is one line and an exit status."""

import errno
import logging
import os
import pwd
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

from etalase.command_help import DJANGO_OPTIONS
from etalase.errors import DatabaseAway, EtalaseError
from etalase.output import as_json, end_quietly, guard, terminal_safe
from etalase.redaction import redacted

logger = logging.getLogger("etalase")

# The status that shells report for a process that Ctrl-C ended.
STOPPED = 130
USAGE = 2
# After an unexpected error, nothing is known about the work done.
UNEXPECTED = 4
# What this machine refuses for a file or folder that a person has named, and what to do.
MACHINE_REFUSES = {
    errno.EACCES: "Let this user read it and enter each folder above it (chmod o+rX), or name another.",
    errno.EPERM: "Let this user change it, or name another.",
    errno.EROFS: "Name a place that can be written.",
    errno.ENOSPC: "Make room on that disk.",
    errno.EDQUOT: "Make room on that disk.",
}


class EtalaseCommand(BaseCommand):
    """A command of either half. A subclass implements :meth:`run`."""

    # Each command reads and checks the settings itself; Django's checks stay for `manage.py check`.
    requires_system_checks: list[str] = []
    suppressed_base_arguments = DJANGO_OPTIONS
    # Describes a database error that no inner layer has translated: each half names its own database.
    explain_database_error: Callable[[BaseException], DatabaseAway]
    _result: dict[str, Any] | None = None
    _is_written = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--json``."""
        parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, for machines")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Returns a parser that raises on a usage error, so that ``--json`` prints an object then, too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Runs as Django does; reports a usage error in the form of this base."""
        try:
            super().run_from_argv(argv)
            sys.stdout.flush()
        except BrokenPipeError:
            end_quietly()
        except CommandError as error:
            message = str(error).removeprefix("Error: ")
            self.create_parser(argv[0], argv[1]).print_usage(sys.stderr)
            sys.stderr.write(terminal_safe(f"{argv[0]} {argv[1]}: {message}\n"))
            if "--json" in argv:
                guard(self)
                self._write_json({"error": message}, USAGE)
            sys.exit(USAGE)

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs the command, and exits with the status that README.md lists."""
        guard(self)
        try:
            # Commands use English; head office's pages set a language for the whole thread.
            with terminable(), translation.override("en"):
                status = self.run(options)
            if self._result is not None:
                self._write_json(self._result, status)
        except EtalaseError as error:
            raise self._refused(str(error), error.exit_status, options) from error
        except django.db.Error as error:
            explained = self.explain_database_error(error)
            raise self._refused(str(explained), explained.exit_status, options) from error
        except KeyboardInterrupt:
            self._show_error("The command was stopped.", STOPPED, options)
            raise
        except CommandError as error:
            self._show_error(str(error), error.returncode, options)
            raise
        except BrokenPipeError:
            raise
        except Exception as error:
            raise self._untranslated(error, options) from error
        if status:
            sys.exit(status)

    def _untranslated(self, error: Exception, options: dict[str, Any]) -> CommandError:
        if isinstance(error, OSError) and error.filename is not None and error.errno in MACHINE_REFUSES:
            text = f"{error.filename}: {error.strerror}, for the user {user_name()}."
            return self._refused(f"{text} {MACHINE_REFUSES[error.errno]}", USAGE, options)
        logger.error("unexpected error in the command", exc_info=error)
        text = f"Unexpected error in the command: {type(error).__name__}: {redacted(str(error))[:500]}"
        hint = "This is a defect of Etalase: please report it with the log lines above."
        return self._refused(f"{text}. {hint}", UNEXPECTED, options)

    def run(self, options: dict[str, Any]) -> int:
        """Does the work of the command. Returns the exit status."""
        raise NotImplementedError

    def show(self, result: dict[str, Any], sentence: str, *, as_json: bool) -> None:
        """Shows ``result`` to a machine, or ``sentence`` to a person, on stdout."""
        if as_json:
            self.show_json(result)
        else:
            self.stdout.write(sentence)

    def show_json(self, result: dict[str, Any]) -> None:
        """Keeps ``result``, which is written as JSON on stdout at the end, with the exit status."""
        self._result = result

    def _write_json(self, result: dict[str, Any], exit_status: int) -> None:
        self._is_written = True
        self.stdout.write(as_json({**result, "exit_status": exit_status}))

    def _refused(self, message: str, exit_status: int, options: dict[str, Any]) -> CommandError:
        self._show_error(message, exit_status, options)
        return CommandError(terminal_safe(message), returncode=exit_status)

    def _show_error(self, message: str, exit_status: int, options: dict[str, Any]) -> None:
        if options.get("json") and not self._is_written:
            self._write_json({"error": message}, exit_status)


def user_name() -> str:
    """Returns the name of this process's user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


@contextmanager
def terminable() -> Iterator[None]:
    """Lets SIGTERM end the body as Ctrl-C does, through its ``finally`` blocks."""
    if threading.current_thread() is not threading.main_thread():  # a project may call a command from any thread
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
