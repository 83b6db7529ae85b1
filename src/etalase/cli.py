"""Starts Django commands, web servers and Celery as ``etalase ...``. Loads Django only for the parts that need it."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import iter_modules
from secrets import token_hex
from typing import NamedTuple, NoReturn

from etalase.argv import with_settings_of_init

HELP = """\
Etalase carries product photos from head office to the stores' edge servers and on to their POS screens.

  etalase demo                        the whole system on this machine, with a menu to look at
  etalase head-office COMMAND ...     {head_office}
  etalase edge COMMAND ...            {edge}
  etalase support-bundle              one file for a helper: that of the half whose settings the environment has
  etalase --version                   name and version

Each command explains itself: etalase edge sync --help
Settings come from the environment (ETALASE_*, DATABASE_URL); README and docs/ list them.
"""

HELP_WORDS = ("-h", "--help", "help")
VERSION_WORDS = ("-V", "--version")
# They start with any settings, and report the wrong ones themselves.
EXPLAIN_SETTINGS = frozenset({"doctor", "support-bundle"})
# They make the settings.
WITHOUT_SETTINGS = frozenset({"init", "remove"})


class Half(NamedTuple):
    """A half of the system: its commands are the files in its folder, and Django's ``migrate``."""

    name: str
    package: str
    prefix: str
    servers: tuple[str, ...]

    @property
    def commands(self) -> dict[str, str]:
        """Maps the name to type to Django's name of a command: ``csv-from-folder`` to ``ho_csv_from_folder``."""
        names = sorted(module.name for module in iter_modules([str(self._folder)]))
        typed = {name.removeprefix(self.prefix).replace("_", "-"): name for name in names if name.startswith(self.prefix)}
        return {"migrate": "migrate", **typed}

    @property
    def files(self) -> dict[str, Path | None]:
        """Maps the name to type to the file of a command, or None where Etalase has no command file."""
        found = {typed: self._folder / f"{name}.py" for typed, name in self.commands.items()}
        return {**{typed: path if path.exists() else None for typed, path in found.items()}, **dict.fromkeys(self.servers)}

    @property
    def _folder(self) -> Path:
        return Path(__file__).parent / self.package / "management" / "commands"

    @property
    def names(self) -> str:
        """Returns all names to type, as text."""
        return ", ".join([*self.commands, *self.servers])


# The packages of each half, as pyproject.toml groups them.
EXTRAS = {"demo": "demo", "head-office": "head-office", "edge": "standalone", "support-bundle": "standalone"}
HEAD_OFFICE = Half("head-office", "head_office", "ho_", ("serve",))
EDGE = Half("edge", "edge", "photos_", ("serve", "worker", "beat"))


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the ``etalase`` command. Ends the process with its exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    halves: dict[str, Callable[[list[str]], None]] = {"demo": _demo, "head-office": _head_office, "edge": _edge}
    halves["support-bundle"] = _support_bundle
    if not args or args[0] in HELP_WORDS:
        sys.stdout.write(HELP.format(head_office=HEAD_OFFICE.names, edge=EDGE.names))
        sys.exit(0)
    if args[0] in VERSION_WORDS:
        from importlib.metadata import version

        sys.stdout.write(f"etalase {version('etalase')}\n")
        sys.exit(0)
    if args[0] not in halves:
        _refuse(f"etalase: no command «{args[0]}». There are: {', '.join(halves)}.", args)
    _refuse_without_settings_of_init(args)
    from etalase.errors import EtalaseError
    from etalase.output import show_uncaught_without_secrets

    show_uncaught_without_secrets()
    try:
        try:
            halves[args[0]](args[1:])
        finally:
            sys.stdout.flush()
    except EtalaseError as error:
        _fail(str(error), error.exit_status, args)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("etalase"):
            raise
        _refuse(
            f"etalase {args[0]} needs a package that is not here ({error.name}): pip install 'etalase[{EXTRAS[args[0]]}]'",
            args,
        )
    except KeyboardInterrupt:
        sys.stderr.write("etalase: stopped.\n")
        sys.exit(130)
    except BrokenPipeError:
        from etalase.output import end_quietly

        end_quietly()


def _head_office(args: list[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "etalase.settings.django_head_office"
    if args[:1] == ["serve"]:
        from etalase.serving import serve_head_office

        serve_head_office(args[1:])
    else:
        _manage(HEAD_OFFICE, args)


def _edge(args: list[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "etalase.settings.django_edge"
    if args[:1] == ["serve"]:
        from etalase.serving import serve_edge

        serve_edge(args[1:])
    elif args[:1] in (["worker"], ["beat"]):
        from etalase.serving import run_celery

        run_celery(args[0], args[1:])
    else:
        _manage(EDGE, args)


def _support_bundle(args: list[str]) -> None:
    is_edge = bool({"ETALASE_HO_URL", "ETALASE_STORE_ID"} & set(os.environ))
    if not is_edge and "DATABASE_URL" not in os.environ:
        made = [with_settings_of_init(half.name) for half in (EDGE, HEAD_OFFICE) if _is_made_here(half)]
        if len(made) == 1:
            os.execv(made[0], [made[0], "support-bundle", *args])  # noqa: S606 - the command that init has made
        if made:
            _refuse(f"etalase support-bundle: both halves are on this machine: {' or '.join(made)} support-bundle", args)
    (_edge if is_edge else _head_office)(["support-bundle", *args])


def _refuse_without_settings_of_init(args: list[str]) -> None:
    """Names the command to type where init has made the settings of this machine, and this environment has none."""
    half = {half.name: half for half in (EDGE, HEAD_OFFICE)}.get(args[0])
    if half is None or "DATABASE_URL" in os.environ or {*HELP_WORDS, *WITHOUT_SETTINGS} & set(args) or not args[1:]:
        return
    if _is_made_here(half):
        made = with_settings_of_init(half.name)
        _refuse(f"etalase: no settings in this environment. Those of this machine: {made} {shlex.join(args[1:])}", args)


def _is_made_here(half: Half) -> bool:
    return os.access(with_settings_of_init(half.name), os.X_OK)


def _manage(half: Half, args: list[str]) -> None:
    if not args or args[0] in HELP_WORDS:
        from etalase.command_help import half_help

        sys.stdout.write(half_help(half.name, half.files))
        sys.exit(0)
    if args[0] not in half.commands:
        _refuse(f"etalase {half.name}: no command «{args[0]}». There are: {half.names}.", args)
    import django
    import django.db
    from django.core.management import BaseCommand, ManagementUtility

    from etalase.errors import SettingsError

    if {"-h", "--help"} & set(args) or args[0] in WITHOUT_SETTINGS:
        _configure_for_help(half)
    try:
        try:
            django.setup()
        except SettingsError:
            if args[0] not in EXPLAIN_SETTINGS:
                raise
            _configure_for_help(half)
            django.setup()
        if args[0] == "migrate":
            # After setup(), because Django's command reads its settings.
            from etalase.migrate import Migrate

            command: BaseCommand = Migrate()
        else:
            command = ManagementUtility().fetch_command(half.commands[args[0]])
        # Under the typed name, because help and usage errors show it.
        command.run_from_argv([f"etalase {half.name}", *args])
    except django.db.Error as error:  # of Django's own commands, such as migrate
        from etalase.postgres import explained

        raise explained(error, whose="The database", migrate=f"etalase {half.name} migrate") from error


def _configure_for_help(half: Half) -> None:
    """Lets Django load a half's commands without any setting of the environment."""
    from django.conf import settings

    from etalase.settings.head_office_web import FIXED

    # The apps hide the key in all output, so it must not be a word.
    key = token_hex()
    settings.configure(SECRET_KEY=key, **(FIXED if half is HEAD_OFFICE else {"INSTALLED_APPS": ["etalase.edge"]}))


def _demo(args: list[str]) -> None:
    from etalase.demo.command import demo

    demo(args)


def _refuse(message: str, args: Sequence[str] = ()) -> NoReturn:
    from etalase.protocol import printable  # loads quickly: it does not import Django

    sys.stderr.write(printable(message) + "\n")
    _show_error(message, 2, args)
    sys.exit(2)


def _fail(message: str, exit_status: int, args: Sequence[str]) -> NoReturn:
    from etalase.output import terminal_safe

    sys.stderr.write(terminal_safe(f"etalase: {message}\n"))
    _show_error(message, exit_status, args)
    sys.exit(exit_status)


def _show_error(message: str, exit_status: int, args: Sequence[str]) -> None:
    """Writes an error before the command's start as an object if ``--json`` is given, as the command does with its own."""
    if "--json" in args:
        from etalase.output import as_json

        sys.stdout.write(as_json({"error": message, "exit_status": exit_status}) + "\n")


if __name__ == "__main__":
    main()
