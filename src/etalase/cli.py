"""``etalase ...``: a thin door to the Django commands, the web servers and Celery."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

HELP = """\
Etalase carries product photos from head office to the stores' edge servers and on to their POS screens.

  etalase demo                        the whole system on this machine, with a menu to look at
  etalase head-office COMMAND ...     {head_office}
  etalase edge COMMAND ...            {edge}

Each command explains itself: etalase edge sync --help
Settings come from the environment (ETALASE_*, DATABASE_URL); README and docs/ list them.
"""

HEAD_OFFICE = {
    "migrate": "migrate",
    "import": "ho_import",
    "csv-from-folder": "ho_csv_from_folder",
    "create-company": "ho_create_company",
    "create-store": "ho_create_store",
    "create-account": "ho_create_account",
    "purge-tombstones": "ho_purge_tombstones",
}
EDGE = {
    "migrate": "migrate",
    "sync": "photos_sync",
    "status": "photos_status",
    "held": "photos_held",
    "approve": "photos_approve",
    "refuse": "photos_refuse",
    "undo": "photos_undo",
    "failures": "photos_failures",
    "retry": "photos_retry",
    "verify": "photos_verify",
}


def main(argv: Sequence[str] | None = None) -> None:
    """The ``etalase`` command. Ends the process with the command's exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    halves: dict[str, Callable[[list[str]], None]] = {"demo": _demo, "head-office": _head_office, "edge": _edge}
    if not args or args[0] in {"-h", "--help", "help"}:
        edge = ", ".join([*EDGE, "serve", "worker", "beat"])
        sys.stdout.write(HELP.format(head_office=", ".join([*HEAD_OFFICE, "serve"]), edge=edge))
        sys.exit(0)
    if args[0] not in halves:
        _refuse(f"etalase: no command «{args[0]}». There are: {', '.join(halves)}.", args)
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
    except KeyboardInterrupt:
        sys.stderr.write("etalase: stopped.\n")
        sys.exit(130)
    except BrokenPipeError:  # of `etalase edge failures | head`: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _head_office(args: list[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "etalase.settings.django_head_office"
    if args[:1] == ["serve"]:
        from etalase.serving import serve_head_office

        serve_head_office(args[1:])
    else:
        _manage("head-office", HEAD_OFFICE, ["serve"], args)


def _edge(args: list[str]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "etalase.settings.django_edge"
    if args[:1] == ["serve"]:
        from etalase.serving import serve_edge

        serve_edge(args[1:])
    elif args[:1] in (["worker"], ["beat"]):
        from etalase.serving import run_celery

        run_celery(args[0], args[1:])
    else:
        _manage("edge", EDGE, ["serve", "worker", "beat"], args)


def _manage(half: str, commands: dict[str, str], others: list[str], args: list[str]) -> None:
    if not args or args[0] in {"-h", "--help", "help"}:
        sys.stdout.write(f"etalase {half} COMMAND, one of: {', '.join([*commands, *others])}\n")
        sys.exit(0)
    if args[0] not in commands:
        _refuse(f"etalase {half}: no command «{args[0]}». There are: {', '.join([*commands, *others])}.", args)
    import django
    import django.db
    from django.core.management import ManagementUtility

    if {"-h", "--help"} & set(args):
        _make_do_without_settings()
    try:
        django.setup()
        # Under the name that was typed, which is the one that its help shows.
        ManagementUtility().fetch_command(commands[args[0]]).run_from_argv([f"etalase {half}", *args])
    except django.db.Error as error:  # of Django's own commands, such as migrate
        from etalase.postgres import explained

        raise explained(error, whose="The database", migrate=f"etalase {half} migrate") from error


def _make_do_without_settings() -> None:
    """Help is for those who have no settings yet; Django loads none of its commands without. These say nothing."""
    for name in [name for name in os.environ if name.startswith("ETALASE_")]:
        del os.environ[name]
    nowhere, nobody = "http://localhost", "00000000-0000-0000-0000-000000000000"
    os.environ |= {
        "DATABASE_URL": "postgresql://localhost/none",
        "ETALASE_SECRET_KEY": "for help only".ljust(32),
        "ETALASE_ALLOWED_HOSTS": "localhost",
        "ETALASE_BROKER_URL": "redis://localhost",
        **{f"ETALASE_{name}": nowhere for name in ("HO_URL", "S3_ENDPOINT", "S3_PUBLIC_URL")},
        **{f"ETALASE_{name}": nobody for name in ("HO_USERNAME", "HO_PASSWORD", "COMPANY_ID", "STORE_ID")},
        **{f"ETALASE_{name}": nobody for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY")},
    }


def _demo(args: list[str]) -> None:
    try:
        from etalase.demo.command import demo
    except ModuleNotFoundError as error:
        _refuse(f"etalase demo needs the extra parts ({error.name} is missing): pip install 'etalase[demo]'")
    demo(args)


def _refuse(message: str, args: Sequence[str] = ()) -> NoReturn:
    from etalase.protocol import printable  # quick, and knows nothing of Django

    sys.stderr.write(printable(message) + "\n")
    _show_error(message, 2, args)
    sys.exit(2)


def _fail(message: str, exit_status: int, args: Sequence[str]) -> NoReturn:
    from etalase.output import shown

    sys.stderr.write(shown(f"etalase: {message}\n"))
    _show_error(message, exit_status, args)
    sys.exit(exit_status)


def _show_error(message: str, exit_status: int, args: Sequence[str]) -> None:
    """What keeps a command from being begun is an object with ``--json``, as the command's own errors are."""
    if "--json" in args:
        from etalase.output import as_json

        sys.stdout.write(as_json({"error": message, "exit_status": exit_status}) + "\n")


if __name__ == "__main__":
    main()
