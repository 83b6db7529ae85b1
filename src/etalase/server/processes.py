"""Listens, and runs the server processes: one, or several that are replaced if they die."""

import faulthandler
import functools
import logging
import os
import resource
import signal
import socket
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from uvicorn import Server
from uvicorn.supervisors import Multiprocess

from etalase.errors import UsageError
from etalase.server.bridge import Bridge
from etalase.server.connection import ServerConfig
from etalase.server.door import Limits
from etalase.service_manager import service_manager

logger = logging.getLogger("etalase.serving")

BACKLOG = 512
MAX_PORT = 65535
GRACE_SECONDS = 5
# Descriptors that are not connections: database, logs, Python's own.
SPARE_DESCRIPTORS = 128
# A server process whose loop does not turn for this time writes its stack and ends; the supervisor replaces it.
HUNG_SECONDS = 30


def serve(module: str, *, bind: str, workers: int, threads: int, limits: Limits) -> None:
    """Serves ``module``'s WSGI application until SIGTERM or SIGINT. Raises :class:`UsageError` if ``bind`` is not available."""
    listener = listen(bind)
    limits = replace(limits, connections=min(limits.connections, room(_descriptors())))
    config = ServerConfig(
        functools.partial(Bridge, module, threads=threads, max_body_bytes=limits.max_body_bytes),
        limits,
        factory=True,
        interface="asgi3",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # The application reads X-Forwarded-For itself (PROXY_COUNT).
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=int(limits.idle_seconds) + 1,
        timeout_graceful_shutdown=GRACE_SECONDS,
        workers=workers,
        timeout_worker_healthcheck=30,
        callback_notify=functools.partial(_end_with_parent, os.getpid()),
        timeout_notify=1,
        # Bounds a memory leak; the other processes serve while a new one starts.
        limit_max_requests=20_000 if workers > 1 else None,
        limit_max_requests_jitter=2_000,
    )
    # uvicorn raises the signal that ended it once more; with these handlers the exit status is 0.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    logger.info("Listening on %s", bind)
    try:
        if workers == 1:
            OneProcess(config).run(sockets=[listener])
        else:
            Supervisor(config, sockets=[listener]).run()
    finally:
        if listener.family == socket.AF_UNIX:
            Path(bind.removeprefix("unix:")).unlink(missing_ok=True)


class OneProcess(Server):
    """Serves in this process, and reports each turn of its loop to the service manager."""

    async def on_tick(self, counter: int) -> bool:
        """Runs ten times a second, from the moment at which the server listens."""
        service_manager().turned()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the responses in flight."""
        service_manager().stopping()
        await super().shutdown(sockets)


class Supervisor(Multiprocess):
    """Replaces server processes that die or hang, and reports each turn of its loop to the service manager."""

    def keep_subprocess_alive(self) -> None:
        """Runs twice a second: a turn is complete when every process has responded and one of them serves."""
        super().keep_subprocess_alive()
        if not self.should_exit.is_set() and any(process.is_ready() for process in self.processes):
            service_manager().turned()

    def terminate_all(self) -> None:
        """Ends the processes after their responses in flight."""
        service_manager().stopping()
        super().terminate_all()


def room(descriptors: int) -> int:
    """Returns the number of connections for this number of open files: at least one."""
    return max(descriptors // 2 - SPARE_DESCRIPTORS, descriptors // 4, 1)


def listen(bind: str) -> socket.socket:
    """Returns a socket that listens on ``HOST:PORT``, ``[ADDRESS]:PORT`` or ``unix:PATH``. Raises :class:`UsageError`."""
    try:
        if bind.startswith("unix:"):
            return _listen_on_path(bind.removeprefix("unix:"))
        host, _, port = bind.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > MAX_PORT:
            raise UsageError(f"--bind {bind}: expected: HOST:PORT, [IPV6]:PORT or unix:PATH.")
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        return _listen_on(family, address)
    except OSError as error:
        raise UsageError(
            f"--bind {bind}: {error.strerror or error}.",
            hint="See what listens there (ss -ltnp), or choose another address or port.",
        ) from error


def _listen_on(family: socket.AddressFamily, address: Any) -> socket.socket:
    # asyncio turns off Nagle's algorithm, which costs 40 ms a response, only if the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # [::] accepts IPv4, too.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _listen_on_path(path: str) -> socket.socket:
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(Path(path).stat().st_mode) and not _is_served(path):
            Path(path).unlink()  # of a server that was killed
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        Path(path).chmod(0o666)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _descriptors() -> int:
    """Raises the limit of open files as far as useful and allowed; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


async def _end_with_parent(supervisor: int) -> None:
    """Ends a worker whose supervisor was killed, which would keep the port for ever; and one whose loop stops to turn."""
    if os.getpid() == supervisor:
        return
    faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)  # each call replaces the one before
    if os.getppid() != supervisor:
        signal.raise_signal(signal.SIGTERM)
