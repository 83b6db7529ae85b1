"""Starts the standalone servers: the web server of either half, and Celery."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from etalase.argv import ARGV
from etalase.command_help import celery_help
from etalase.errors import UsageError
from etalase.server.door import Limits
from etalase.server.processes import GRACE_SECONDS, serve
from etalase.service_manager import service_manager

# The forms of an edge are a button or two.
MAX_EDGE_BODY_BYTES = 64 * 1024

# The exit status of Celery for a wrong command line: a restart would not help.
USAGE = 2
RESTART_SECONDS = 10


def serve_head_office(args: Sequence[str]) -> None:
    """Runs head office's web server, after it has checked bucket, policy and database."""
    options = _web_options("etalase head-office serve", "127.0.0.1:8002", args)
    import django

    django.setup()
    from etalase.head_office.checks import prepare_to_serve
    from etalase.settings.head_office import head_office_settings

    settings = head_office_settings()
    _check_demo_is_local(settings.DEMO, options.bind)
    prepare_to_serve()
    # Behind a proxy, all connections come from its one address.
    per_address = 0 if settings.PROXY_COUNT else None
    with folder_for_counts() if settings.has_metrics else nullcontext():
        _serve("etalase.head_office.wsgi", options, max_body_bytes=settings.MAX_REQUEST_BYTES, per_address=per_address)


@contextmanager
def folder_for_counts() -> Iterator[None]:
    """Makes the folder in which the server's processes count together, and deletes it in the end; keeps a given one."""
    from etalase.head_office.metrics.shared_files import FOLDER_VARIABLE, lock_of_folder

    if os.environ.get(FOLDER_VARIABLE):
        yield
        return
    with ExitStack() as stack:
        try:
            made = stack.enter_context(TemporaryDirectory(prefix="etalase-metrics-", ignore_cleanup_errors=True))
            stack.enter_context(lock_of_folder(Path(made)))
            os.environ[FOLDER_VARIABLE] = made
        except OSError as error:  # a full or read-only disk must not stop the feed
            logging.getLogger("etalase.head_office").error("requests are not counted: no folder in /tmp (%s)", error)
        yield


def serve_edge(args: Sequence[str]) -> None:
    """Runs the edge's web server. Checks the settings only, since a POS works while everything else is away."""
    options = _web_options("etalase edge serve", "127.0.0.1:8001", args)
    import django

    django.setup()
    from etalase.edge import web_address
    from etalase.settings.django_edge import SERVER
    from etalase.settings.edge import edge_settings

    settings = edge_settings()
    _check_demo_is_local(settings.DEMO, options.bind)
    web_address.note(settings, options.bind)
    _serve("etalase.edge.wsgi", options, max_body_bytes=MAX_EDGE_BODY_BYTES, per_address=0 if SERVER.PROXY_COUNT else None)


def run_celery(role: str, args: Sequence[str]) -> None:
    """Runs the edge's Celery ``worker`` or ``beat``; ``args`` are Celery's own.

    Celery ends after some errors of its broker or of a message. This function restarts it, so that no person has to.
    """
    if {"-h", "--help"} & set(args):
        sys.stdout.write(celery_help(role))
        sys.exit(0)
    import django

    django.setup()
    # Before Celery's -A, which imports it with the current folder in sys.path.
    import etalase.edge.celery  # noqa: F401

    _check_broker()
    ours = ["--without-gossip", "--without-mingle"] if role == "worker" else []
    status = _celery_status(["-A", "etalase.edge.celery", role, *ours, *args])
    # Celery's signal handlers would ignore the signals that end the wait.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if status in {0, USAGE} or _is_stopped_by_signal():
        service_manager().stopping()
        sys.exit(status)
    sys.stderr.write(f"etalase: the {role} ended with {status}; it restarts in {RESTART_SECONDS} s.\n")
    time.sleep(RESTART_SECONDS)
    _become([*ARGV, "edge", role, *args])


def _celery_status(args: list[str]) -> int:
    """Runs ``celery ARGS`` to its end. Returns the exit status."""
    from celery.bin.celery import celery

    try:
        celery(args, prog_name="celery", auto_envvar_prefix="CELERY")
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    except KeyboardInterrupt:
        return 0
    except Exception:
        logging.getLogger("etalase.edge").exception("unexpected error: Celery ended")
        return 1
    return 0


def _is_stopped_by_signal() -> bool:
    """Returns whether a signal stopped the worker. Celery keeps the exit status in these fields, which is 0 mostly."""
    from celery.worker import state

    fields: list[int | bool | None] = [state.should_stop, state.should_terminate]
    return any(status is not None and status is not False for status in fields)


def _check_broker() -> None:
    """Reports a broker that does not respond, and drops messages that no worker can read.

    Celery continues its attempts afterwards: after a power cut the broker may only be slower.
    """
    from django.conf import settings
    from kombu import Connection
    from kombu.exceptions import KombuError
    from redis.exceptions import RedisError

    from etalase.edge.queue import drop_unreadable

    url: str = getattr(settings, "CELERY_BROKER_URL")  # noqa: B009 - not a setting of every project
    options = {"socket_connect_timeout": 3, "socket_timeout": 3}
    with Connection(url, connect_timeout=3, transport_options=options) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0)
            drop_unreadable(connection.default_channel)
        except (KombuError, RedisError, OSError) as error:
            sys.stderr.write(
                f"etalase: the broker {connection.as_uri()} does not answer: {error}. Check that it runs and that "
                "ETALASE_BROKER_URL names it. Waiting for it; until it is there, no scheduled run begins, and "
                "`etalase edge sync` works.\n"
            )


def _web_options(prog: str, bind: str, args: Sequence[str]) -> argparse.Namespace:
    limits = Limits()
    parser = argparse.ArgumentParser(
        prog=prog,
        description=f"{prog}: the web server, in the foreground. SIGTERM ends it, after the responses in flight and at most "
        f"{GRACE_SECONDS} seconds.",
        epilog="A deadline is for the whole phase; a body or response gets one more second for each "
        f"{limits.min_bytes_per_second} transferred bytes, an hour at most. A slow client never holds a thread.",
    )
    parser.add_argument(
        "--bind",
        default=bind,
        help="HOST:PORT, [IPV6]:PORT or unix:PATH; 0.0.0.0:PORT is every address of this machine (default %(default)s)",
    )
    positive = _at_least(1)
    parser.add_argument("--workers", type=positive, default=2, help="processes; a dead one is replaced (default %(default)s)")
    parser.add_argument(
        "--threads", type=positive, default=4, help="requests handled at a time in each process (default %(default)s)"
    )
    for phase, what in {
        "idle": "a connection without a request, as browsers keep them",
        "head": "the head of a request",
        "body": "the body of a request",
        "response": "a client that reads its response",
    }.items():
        default = getattr(limits, f"{phase}_seconds")
        parser.add_argument(
            f"--{phase}-seconds", type=_seconds, default=default, metavar="N", help=f"time for {what} (default %(default)g)"
        )
    parser.add_argument(
        "--connections", type=positive, default=limits.connections, metavar="N", help="in each process (default %(default)s)"
    )
    parser.add_argument(
        "--connections-per-address",
        type=_at_least(0),
        metavar="N",
        help="in each process, of one IPv4 address or IPv6 /64; one more ends the longest idle of them. 0: no cap "
        f"(default {limits.connections_per_address}, or 0 where ETALASE_PROXY_COUNT names proxies)",
    )
    return parser.parse_args(list(args))


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"«{text}»: expected: a whole number from {least}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"«{text}»: expected: seconds, up to 3600")
    return seconds


def _check_demo_is_local(demo: bool, bind: str) -> None:
    if demo and bind.rpartition(":")[0] not in {"127.0.0.1", "localhost", "[::1]", "unix"}:
        raise UsageError(f"With ETALASE_DEMO on, the server listens on this machine only, not on {bind}.")


def _serve(module: str, options: argparse.Namespace, *, max_body_bytes: int, per_address: int | None) -> None:
    given = options.connections_per_address
    limits = Limits(
        idle_seconds=options.idle_seconds,
        head_seconds=options.head_seconds,
        body_seconds=options.body_seconds,
        response_seconds=options.response_seconds,
        max_body_bytes=max_body_bytes,
        connections=options.connections,
        connections_per_address=next(n for n in (given, per_address, Limits().connections_per_address) if n is not None),
    )
    serve(module, bind=options.bind, workers=options.workers, threads=options.threads, limits=limits)


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - Etalase's own interpreter
