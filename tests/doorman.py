"""Runs a proxy in front of a real S3 server, over real HTTP and TLS, that responds to some requests itself, as nginx does."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A received request: ``query`` by name, ``length`` of the body in bytes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    length: int

    @property
    def is_signed(self) -> bool:
        """Returns whether the request is signed."""
        return "authorization" in self.headers

    @property
    def key(self) -> str:
        """Returns the object's key, or an empty text for a request about the bucket."""
        return self.path.lstrip("/").partition("/")[2]


@dataclass(frozen=True, slots=True)
class Reply:
    """The doorman's own response; status 0 closes the connection instead."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Request], Reply | None]


@dataclass(slots=True)
class Doorman:
    """``rule`` responds to a request, or passes it to ``behind``; ``after`` may change the server's response."""

    port: int
    behind: str
    scheme: str = "http"
    rule: Rule = lambda _: None
    after: Callable[[Request, Reply], Reply] = lambda _, reply: reply
    requests: list[Request] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """Returns the doorman's address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def doorman(behind: str, *, certificate: Path | None = None) -> Iterator[Doorman]:
    """Runs a doorman in front of the server at ``behind``; with ``certificate`` (PEM with its key) it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_expect_100(self) -> bool:
            """Refuses before the body if the rule refuses."""
            refuses = this.rule(self._request()) is not None
            return refuses or super().handle_expect_100()

        def _any(self) -> None:
            request = self._request()
            length = request.length
            this.requests.append(request)
            reply = this.rule(request)
            if reply is not None and length:
                self.close_connection = True  # a refused body is not read to its end
            elif reply is None:
                reply = this.after(request, self._forwarded(self.rfile.read(length)))
            if not reply.status:
                return
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(reply.body))} | reply.headers
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        def _request(self) -> Request:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Request(self.command, unquote(parts.path), query, headers, int(headers.get("content-length") or 0))

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _any  # noqa: N815 - http.server's names

        def _forwarded(self, body: bytes) -> Reply:
            connection = http.client.HTTPConnection(urlsplit(behind).netloc, timeout=10)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() == "expect":  # already satisfied
                    continue
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            headers = {n: v for n, v in response.getheaders() if n.lower() not in {"transfer-encoding", "connection"}}
            reply = Reply(response.status, response.read(), headers)
            connection.close()
            return reply

        def version_string(self) -> str:
            return "doorman/1.0"

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Logs nothing: clients that hang up are part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    this = Doorman(server.server_address[1], behind, "https" if certificate else "http")
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield this
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
