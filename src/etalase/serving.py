"""The standalone servers: gunicorn for the web, Celery for the schedule. Each replaces this process by the real program."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence

from etalase.errors import UsageError

# As Celery's command line says that it was called the wrong way: doing so again would not help.
USAGE = 2
RESTART_SECONDS = 10


def serve_head_office(args: Sequence[str]) -> None:
    """Head office's web server, after its bucket, policy and database were found in order."""
    options = _web_options("etalase head-office serve", "127.0.0.1:8002", args)
    import django

    django.setup()
    from etalase.head_office.checks import prepare
    from etalase.settings.head_office import configured

    _demo_stays_home(configured().DEMO, options.bind)
    prepare()
    _gunicorn("etalase.head_office.wsgi:application", options)


def serve_edge(args: Sequence[str]) -> None:
    """The edge's web server. A POS works while everything else is away, so nothing but the settings is checked here."""
    options = _web_options("etalase edge serve", "127.0.0.1:8001", args)
    import django

    django.setup()
    from etalase.settings.edge import configured

    _demo_stays_home(configured().DEMO, options.bind)
    _gunicorn("etalase.edge.wsgi:application", options)


def run_celery(role: str, args: Sequence[str]) -> None:
    """The edge's Celery ``worker`` or ``beat``; ``args`` are Celery's own.

    Celery ends over some errors of its broker or a message, and would stay away until a person comes: it begins anew then.
    """
    import django

    django.setup()
    _look_for_broker()
    ours = ["--without-gossip", "--without-mingle"] if role == "worker" else []
    status = _celery_status(["-A", "etalase.edge.celery", role, *ours, *args])
    # Celery's signal handlers would swallow what ends the wait.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if status in {0, USAGE} or _was_told_to_stop():
        sys.exit(status)
    sys.stderr.write(f"etalase: the {role} ended with {status}; it begins anew in {RESTART_SECONDS} s.\n")
    time.sleep(RESTART_SECONDS)
    _become([sys.executable, "-m", "etalase.cli", "edge", role, *args])


def _celery_status(args: list[str]) -> int:
    """Run ``celery ARGS`` to its end; its exit status."""
    from celery.bin.celery import celery

    try:
        celery(args, prog_name="celery", auto_envvar_prefix="CELERY")
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    except KeyboardInterrupt:
        return 0
    except Exception:
        logging.getLogger("etalase.edge").exception("Celery ended over an error")
        return 1
    return 0


def _was_told_to_stop() -> bool:
    from celery.worker import state

    return state.should_stop not in {None, False} or state.should_terminate not in {None, False}


def _look_for_broker() -> None:
    """Say clearly when the broker does not answer. Celery then goes on trying: after a power cut it may only be slower."""
    from django.conf import settings
    from kombu import Connection
    from kombu.exceptions import OperationalError

    url: str = getattr(settings, "CELERY_BROKER_URL")  # noqa: B009 - not a setting of every project
    with Connection(url, connect_timeout=3) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0)
        except OperationalError as error:
            sys.stderr.write(
                f"etalase: the broker {connection.as_uri()} does not answer: {error}. Check that it runs and that BROKER_URL "
                "names it. Waiting for it; until it is there, no scheduled run begins, and `etalase edge sync` works.\n"
            )


def _web_options(prog: str, bind: str, args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=prog, description=f"{prog}: the web server, in the foreground.")
    parser.add_argument("--bind", default=bind, help="HOST:PORT to listen on (default %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default %(default)s)")
    parser.add_argument("--threads", type=int, default=4, help="threads in each process (default %(default)s)")
    return parser.parse_args(list(args))


def _demo_stays_home(demo: bool, bind: str) -> None:
    if demo and bind.rpartition(":")[0] not in {"127.0.0.1", "localhost", "[::1]"}:
        raise UsageError(f"With ETALASE_DEMO on, the server listens on this machine only, not on {bind}.")


def _gunicorn(application: str, options: argparse.Namespace) -> None:
    _become(
        [
            sys.executable,
            "-m",
            "gunicorn",
            application,
            "--bind",
            options.bind,
            "--workers",
            str(options.workers),
            "--threads",
            str(options.threads),
            "--max-requests=20000",
            "--max-requests-jitter=2000",
            "--graceful-timeout=5",
            "--timeout=60",
            "--access-logfile=/dev/null",
            "--no-control-socket",
        ]
    )


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - our own interpreter
