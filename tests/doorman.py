"""A proxy before a real S3 server, over real HTTP and TLS, that answers some requests itself: as nginx, a console, a WAF do."""

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
    """What came: ``query`` by name, ``length`` of the body in bytes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    length: int

    @property
    def is_signed(self) -> bool:
        """Whether it carries a key."""
        return "authorization" in self.headers

    @property
    def key(self) -> str:
        """The object's key, empty for a request about the bucket."""
        return self.path.lstrip("/").partition("/")[2]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the doorman says in the server's place; with status 0 it hangs up instead."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Request], Reply | None]


@dataclass(slots=True)
class Doorman:
    """``rule`` answers a request, or lets it through to ``behind``; ``after`` may change what comes from there."""

    port: int
    behind: str
    scheme: str = "http"
    rule: Rule = lambda _: None
    after: Callable[[Request, Reply], Reply] = lambda _, reply: reply
    asked: list[Request] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def doorman(behind: str, *, certificate: Path | None = None) -> Iterator[Doorman]:
    """A doorman before the server at ``behind``; with ``certificate`` (PEM with its key) it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_expect_100(self) -> bool:
            """Say no without asking for the body, where the rule says no."""
            refuses = this.rule(self._request()) is not None
            return refuses or super().handle_expect_100()

        def _any(self) -> None:
            request = self._request()
            length = request.length
            this.asked.append(request)
            reply = this.rule(request)
            if reply is not None and length:
                self.close_connection = True  # what it refuses it does not read to its end
            elif reply is None:
                reply = this.after(request, self._forwarded(self.rfile.read(length)))
            if not reply.status:
                return
            self.send_response(reply.status)
            told = {"Content-Length": str(len(reply.body))} | reply.headers
            for name, value in told.items():
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
                if name.lower() == "expect":  # it has been met
                    continue
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            headers = {n: v for n, v in answer.getheaders() if n.lower() not in {"transfer-encoding", "connection"}}
            reply = Reply(answer.status, answer.read(), headers)
            connection.close()
            return reply

        def version_string(self) -> str:
            return "doorman/1.0"

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing: a client that hangs up is what is tried here."""

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
