"""Runs a WSGI application behind an ASGI server: reads the whole request, then makes the whole response in a thread.

PEP 3333 defines ``environ``; the ASGI specification (HTTP, 2.3) defines ``scope``.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from tempfile import SpooledTemporaryFile
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from etalase.server import LOCAL_ADDRESS
from etalase.server.connection import SCOPE_KEY, TURN_KEY, Connection
from etalase.server.threads import ClientGone, Threads

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]
BodyLimit: TypeAlias = Callable[[Environ], int]

MEMORY_BYTES = 128 * 1024
CHUNK_BYTES = 64 * 1024


class _ResponseBody(SpooledTemporaryFile[bytes]):
    """The body of a response: on disk if it is large and the disk has room, in memory otherwise.

    So a full disk does not stop the feed, which needs no disk.
    """

    def rollover(self) -> None:
        """Moves the body to disk if the disk has room."""
        held: Any = self._file
        try:
            super().rollover()
        except OSError:
            if self._file is not held:
                with suppress(OSError):
                    self._file.close()
            self._file, self._max_size = held, 0


@dataclass(frozen=True, slots=True)
class WsgiResponse:
    """The application's whole response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: SpooledTemporaryFile[bytes]
    byte_count: int


class Bridge:
    """The ASGI application. ``module`` has ``application``, and may have ``body_limit``: the limit of a request's body.

    ``body_limit`` is called in a thread, with the head alone, before more than ``max_body_bytes`` of a body are read.
    """

    def __init__(self, module: str, *, threads: int, max_body_bytes: int) -> None:
        loaded = import_module(module)
        self._application: Application = loaded.application
        self._body_limit: BodyLimit | None = getattr(loaded, "body_limit", None)
        self._max_body_bytes = max_body_bytes
        self._threads = Threads(threads)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handles one request, or the server's start and stop, for which it does nothing."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        try:
            with SpooledTemporaryFile(MEMORY_BYTES) as body:
                response = await self._respond(scope, receive, body)
            with response.body:
                await _write(response, scope, send)
        except ClientGone:
            return
        except asyncio.CancelledError:  # a stop after its grace
            connection: Connection = scope[SCOPE_KEY]
            connection.drop()

    async def _respond(self, scope: Any, receive: Any, body: SpooledTemporaryFile[bytes]) -> WsgiResponse:
        connection: Connection = scope[SCOPE_KEY]
        environ = environ_of(scope, body)
        # int() does not read thousands of leading zeros.
        promised = int(environ.get("CONTENT_LENGTH", "").lstrip("0") or 0)
        limit = await self._limit(environ, connection) if promised > self._max_body_bytes else self._max_body_bytes
        if promised > limit:
            return _too_large(environ, promised, limit)
        byte_count, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            byte_count, more = byte_count + len(message["body"]), message["more_body"]
            if byte_count > limit == self._max_body_bytes:  # a chunked body does not announce its length
                limit = await self._limit(environ, connection)
            if byte_count > limit:
                return _too_large(environ, byte_count, limit)
            body.write(message["body"])
        body.seek(0)
        if byte_count or "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = str(byte_count)
        return await self._threads.do(scope[TURN_KEY], lambda: run(self._application, environ), lambda: not connection.gone)

    async def _limit(self, environ: Environ, connection: Connection) -> int:
        body_limit = self._body_limit
        if body_limit is None:
            return self._max_body_bytes
        limit = await self._threads.do(connection.group, lambda: body_limit(environ), lambda: not connection.gone)
        return max(limit, self._max_body_bytes)


def environ_of(scope: Any, body: Any) -> Environ:
    """Returns the request as WSGI represents it; without its length while that is unknown."""
    host, port = scope["server"] or ("", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        LOCAL_ADDRESS: host,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").upper(), raw_value.decode("latin-1")
        if name in {"CONTENT-TYPE", "CONTENT-LENGTH"}:
            environ[name.replace("-", "_")] = value
        elif "_" not in name:  # X_Forwarded_For would count as X-Forwarded-For, which a proxy sets
            key = f"HTTP_{name.replace('-', '_')}"
            joint = "; " if name == "COOKIE" else ","
            environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    return environ


def run(application: Application, environ: Environ) -> WsgiResponse:
    """Returns the application's whole response. A large body is in a file without a name."""
    status, headers = 500, []
    body: SpooledTemporaryFile[bytes] = _ResponseBody(MEMORY_BYTES)

    def start_response(line: str, given: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], int]:
        nonlocal status, headers
        status, headers = int(line[:3]), [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given]
        return body.write

    try:
        pieces = application(environ, start_response)
        try:
            for piece in pieces:
                body.write(piece)
        finally:
            getattr(pieces, "close", lambda: None)()
        byte_count = body.tell()
        body.seek(0)
    except BaseException:
        body.close()
        raise
    bodiless = environ["REQUEST_METHOD"] == "HEAD" or status in {204, 304}
    if not bodiless and not any(name.lower() == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(byte_count).encode()))
    return WsgiResponse(status, headers, body, 0 if bodiless else byte_count)


def _too_large(environ: Environ, byte_count: int, limit: int) -> WsgiResponse:
    detail = f"The request has {byte_count} bytes or more; {limit} are allowed."
    is_json = environ.get("CONTENT_TYPE", "").startswith("application/json")
    if not is_json:  # a person's form, with too many files or after a logout
        detail += " Please log in again, and send fewer or smaller files at once.\n\n"
        detail += "Data yang dikirim terlalu besar. Mohon masuk lagi, lalu kirim file lebih sedikit atau lebih kecil sekaligus."
    body = (f'{{"detail":"{detail}"}}' if is_json else detail).encode()
    kind = b"application/json" if is_json else b"text/plain; charset=utf-8"

    def respond(_environ: Environ, start_response: Any) -> list[bytes]:
        start_response("413 Content Too Large", [("Content-Type", kind.decode())])
        return [body]

    return run(respond, environ)


async def _write(response: WsgiResponse, scope: Any, send: Any) -> None:
    """Sends the response as fast as the client reads."""
    connection: Connection = scope[SCOPE_KEY]
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    left = response.byte_count
    while left > CHUNK_BYTES and not connection.gone:
        chunk = response.body.read(CHUNK_BYTES)
        connection.written_bytes += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        left -= len(chunk)
    last = response.body.read(left) if left else b""
    connection.written_bytes += len(last)
    await send({"type": "http.response.body", "body": last, "more_body": False})
