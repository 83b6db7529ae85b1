"""Checks the real servers under slow, silent, odd or many clients: a till gets its response at once, and nothing lingers.

Deadlines are lowered by the commands' own flags; `test_with_the_defaults…` waits for the real ones.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import spawn
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import eventually, new_edge
from tests.daily import daily

# Far below a deadline, far above the time of one request on a loaded machine.
AT_ONCE_SECONDS = 5
SHORT = ("--idle-seconds", "2", "--head-seconds", "1", "--body-seconds", "1", "--response-seconds", "2")
PRODUCTS = 2000
# Django reads a form only with this cookie.
CSRF = "Cookie: csrftoken=abcdefghijklmnopqrstuvwxyz012345"


@dataclass
class Web:
    """A running server and its resources."""

    name: str
    port: int
    pid: int
    # A small response, a large one, and a form
    small: str
    large: str
    form: str

    def connect(self, source: str = "", *, receive_bytes: int = 0) -> socket.socket:
        client = socket.socket()
        try:
            if receive_bytes:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.settimeout(20)
            if source:
                client.bind((source, 0))
            client.connect(("127.0.0.1", self.port))
        except OSError:
            client.close()
            raise
        return client

    def head(self, method: str = "GET", path: str = "", *headers: str) -> bytes:
        lines = [f"{method} {path or self.small} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers]
        return "".join(f"{line}\r\n" for line in lines).encode()

    def get(self, path: str = "", source: str = "") -> bytes:
        """Sends a till's request; returns the whole response, which must arrive at once."""
        with self.connect(source) as client:
            client.settimeout(AT_ONCE_SECONDS)
            client.sendall(self.head("GET", path, "Connection: close") + b"\r\n")
            return read_all(client)

    def held(self) -> int:
        """Returns the number of client connections and temporary files of the server's processes."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = "0A"
        ours = {f"socket:[{row[9]}]" for row in rows if int(row[1].split(":")[1], 16) == self.port and row[3] != listening}
        links = []
        for pid in processes(self.pid):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    links.append(str(descriptor.readlink()))
        return sum(link in ours or link.endswith("(deleted)") for link in links)

    def threads(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in processes(self.pid))


def processes(pid: int) -> list[int]:
    """Returns ``pid`` and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def read_all(client: socket.socket) -> bytes:
    """Reads until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            received += piece
    return received


def status_of(response: bytes) -> int:
    assert response.startswith(b"HTTP/1."), response[:200]
    return int(response[9:12])


@pytest.fixture(scope="module")
def edge_web(
    postgres_server: Postgres, s3_server: S3Server, migrated_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    """Yields an edge's web server with a long menu."""
    folder = tmp_path_factory.mktemp("edge")
    with new_edge(postgres_server, s3_server, "http://127.0.0.1:1", folder, template=migrated_database) as edge:
        edge.environment |= {"ETALASE_HSTS_SECONDS": "3600", "ETALASE_PROXY_COUNT": "1"}
        edge.sql(
            "INSERT INTO product (id, name, sku) SELECT gen_random_uuid(), repeat('Dish ', 30) || n, 'SKU-' || n "
            "FROM generate_series(1, %s) AS n",
            PRODUCTS,
        )
        port = free_port()
        child = edge.start("serve", "--bind", f"127.0.0.1:{port}", "--workers", "1", *SHORT, "--connections-per-address", "100")
        web = Web("edge", port, child.pid, "/healthz", "/api/products/?limit=1000", "/")
        child.wait_ready(lambda: is_up(web), 30)
        yield web


@pytest.fixture(scope="module")
def office(postgres_server: Postgres, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> "HeadOffice":
    """Yields a migrated head office."""
    name = f"office_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ETALASE_", "DJANGO_"))} | {
        "DATABASE_URL": postgres_server.url(name),
        "ETALASE_SECRET_KEY": uuid.uuid4().hex + uuid.uuid4().hex,
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1",
        "ETALASE_S3_ENDPOINT": s3_server.endpoint,
        "ETALASE_S3_PUBLIC_URL": s3_server.endpoint,
        "ETALASE_S3_ACCESS_KEY": s3_server.access_key,
        "ETALASE_S3_SECRET_KEY": s3_server.secret_key,
        "ETALASE_S3_BUCKET": name.replace("_", "-"),
        "ETALASE_HSTS_SECONDS": "3600",
        "ETALASE_PROXY_COUNT": "1",
    }
    made = HeadOffice(tmp_path_factory.mktemp("office"), environment)
    made.run("migrate")
    return made


@dataclass
class HeadOffice:
    """A head office without a web server."""

    folder: Path
    environment: dict[str, str]

    def run(self, *args: str, **variables: str) -> str:
        done = subprocess.run(
            self.command(*args), env=self.environment | variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "etalase.cli", "head-office", *args]

    @contextmanager
    def serve(self, *args: str) -> Iterator[Web]:
        """Runs its web server; yields when all its processes are up."""
        port, count = free_port(), int(args[args.index("--workers") + 1])
        child = spawn(
            f"web {port}",
            self.command("serve", "--bind", f"127.0.0.1:{port}", *args),
            run_dir=self.folder,
            env=self.environment | {"TMPDIR": str(self.folder)},
        )
        web = Web("head office", port, child.pid, "/healthz", "/api/v1/schema/", "/admin/login/")
        try:
            child.wait_ready(lambda: child.log.read_text().count("startup complete") == count and is_up(web), 60)
            yield web
        finally:
            child.stop()


@pytest.fixture(scope="module")
def office_web(office: HeadOffice) -> Iterator[Web]:
    """Yields head office's web server with two processes."""
    with office.serve("--workers", "2", *SHORT, "--connections-per-address", "100") as web:
        yield web


@pytest.fixture(params=["edge_web", "office_web"])
def web(request: pytest.FixtureRequest) -> Web:
    """Yields each server in turn."""
    served: Web = request.getfixturevalue(request.param)
    return served


def is_up(web: Web) -> bool:
    try:
        return status_of(web.get()) == 200
    except (OSError, AssertionError):
        return False


ATTACKS: dict[str, Callable[[Web], bytes]] = {
    "idle": lambda _web: b"",
    "a head without an end": lambda web: web.head(),
    "a body without an end": lambda web: web.head("POST", web.form, "Content-Length: 500", CSRF) + b"\r\nabc",
    "a chunked body without an end": lambda web: (
        web.head("POST", web.form, "Transfer-Encoding: chunked", CSRF) + b"\r\n3\r\nabc\r\n"
    ),
    "a body after 100-continue": lambda web: (
        web.head("POST", web.form, "Content-Length: 500", "Expect: 100-continue", CSRF) + b"\r\n"
    ),
}


@pytest.mark.parametrize("attack", daily(ATTACKS, "idle", "a chunked body without an end"))
def test_a_hundred_silent_connections_delay_no_till_and_are_closed_after_the_deadline(web: Web, attack: str) -> None:
    threads = web.threads()
    clients = [web.connect() for _ in range(100)]
    for client in clients:
        client.sendall(ATTACKS[attack](web))
    assert status_of(web.get()) == 200  # of the same address, behind the same NAT
    assert status_of(web.get(source="127.0.0.2")) == 200
    responses = [read_all(client) for client in clients]
    if attack != "idle":
        refused = [response for response in responses if b" 408 " in response]
        assert len(refused) >= 90  # the others made room for the till
    for client in clients:
        client.close()
    eventually(lambda: web.held() == 0)
    assert web.threads() == threads


@pytest.mark.parametrize("what", ["head", "body"])
def test_single_bytes_do_not_extend_the_deadline_of_a_request(web: Web, what: str) -> None:
    client = web.connect()
    client.sendall(web.head() if what == "head" else web.head("POST", web.form, "Content-Length: 500", CSRF) + b"\r\n")
    response = bytearray()
    began = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() - began < 90:
        try:
            client.send(b"a")
            piece = client.recv(1000)
            response += piece
            if not piece:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    client.close()
    assert time.monotonic() - began < 80
    assert not response or status_of(bytes(response)) == 408


def test_many_connections_of_one_address_block_neither_its_tills_nor_others(edge_web: Web) -> None:
    clients = [edge_web.connect() for _ in range(300)]
    assert status_of(edge_web.get()) == 200
    assert status_of(edge_web.get(source="127.0.0.2")) == 200
    assert edge_web.held() <= 101
    for client in clients:
        client.close()


def test_stalled_readers_block_no_thread_and_are_disconnected(edge_web: Web) -> None:
    clients = [edge_web.connect(receive_bytes=4096) for _ in range(20)]
    for client in clients:
        client.sendall((edge_web.head("GET", edge_web.large) + b"\r\n") * 20)
    assert status_of(edge_web.get(source="127.0.0.2")) == 200
    eventually(lambda: edge_web.held() == 0)
    assert status_of(edge_web.get()) == 200
    for client in clients:
        client.close()


def test_a_slow_reader_gets_the_whole_response(edge_web: Web) -> None:
    with edge_web.connect(receive_bytes=4096) as client:
        client.sendall(edge_web.head("GET", edge_web.large, "Connection: close") + b"\r\n")
        received, began = b"", time.monotonic()
        while piece := client.recv(16384):
            received += piece
            if time.monotonic() - began < 4:  # twice the response's own time
                time.sleep(0.05)
    head, _, body = received.partition(b"\r\n\r\n")
    assert status_of(head) == 200
    assert len(json.loads(body)["products"]) == 1000


def test_idle_keep_alive_connections_stay_open(web: Web) -> None:
    with web.connect() as client:
        for _ in range(3):
            client.sendall(web.head() + b"\r\n")
            response = b""
            while b"\r\n\r\n" not in response or b"}" not in response:
                response += client.recv(65536)
            assert status_of(response) == 200


def test_a_response_does_not_wait_for_the_acknowledgement_of_its_head(web: Web) -> None:
    """Sends 50 requests: Nagle's algorithm with delayed acknowledgements would add 40 ms to each."""
    client = HTTPConnection("127.0.0.1", web.port, timeout=20)
    took = []
    for _ in range(50):
        began = time.monotonic()
        client.request("GET", "/static/none")
        client.getresponse().read()
        took.append(time.monotonic() - began)
    client.close()
    assert min(took) < 0.03


def test_a_client_that_closed_its_sending_side_gets_its_response(web: Web) -> None:
    with web.connect() as client:
        client.sendall(web.head() + b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert status_of(read_all(client)) == 200
    with web.connect() as client:
        client.sendall(web.head())
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""


def test_pipelined_requests_are_answered_in_order(web: Web) -> None:
    with web.connect() as client:
        client.sendall((web.head() + b"\r\n") * 4 + web.head("GET", "/nothing-here", "Connection: close") + b"\r\n")
        received = read_all(client)
    assert received.count(b"HTTP/1.1 200") == 4
    assert received.rindex(b"HTTP/1.1 404") > received.rindex(b"HTTP/1.1 200")


def test_few_of_thousands_of_pipelined_requests_are_buffered(web: Web) -> None:
    with web.connect() as client:
        with contextlib.suppress(OSError):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20_000)
        received = read_all(client)
    assert 1 <= received.count(b"HTTP/1.1 200") < 200
    assert status_of(web.get()) == 200
    eventually(lambda: web.held() == 0)


def test_a_trailer_is_not_treated_as_a_header(web: Web) -> None:
    with web.connect() as client:
        chunked = web.head("GET", "", "Connection: close", "Transfer-Encoding: chunked", "Trailer: Host")
        client.sendall(chunked + b"\r\n1\r\na\r\n0\r\nHost: a.stranger\r\n\r\n")
        assert status_of(read_all(client)) == 200


@pytest.mark.parametrize(
    "endless",
    [b"0\r\n" + b"X: a\r\n" * 100_000, b"0\r\nX: " + b"a" * 1_000_000, b"1;x=" + b"a" * 1_000_000, b"1\r\na\r\n" * 100_000],
)
def test_chunk_extensions_and_trailers_are_bounded(web: Web, endless: bytes) -> None:
    with web.connect() as client:
        with contextlib.suppress(OSError):
            client.sendall(web.head("POST", web.form, "Transfer-Encoding: chunked", CSRF) + b"\r\n" + endless)
        response = read_all(client)
    assert not response or status_of(response) in {413, 431}
    eventually(lambda: web.held() == 0)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\xff\x13garbage\r\n\r\n", 400),
        (bytes.fromhex("16030100c8010000c40303") + b"x" * 190, 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000, 431),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: a\r\n" * 20_000, 431),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n X: folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a.stranger\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: " + b"0" * 5000 + b"3\r\n\r\nabc", 200),
        (b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n", 200),
        (b"HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 200),
    ],
)
def test_an_invalid_request_is_refused_and_its_connection_closed(web: Web, sent: bytes, status: int) -> None:
    with web.connect() as client:
        with contextlib.suppress(OSError):
            client.sendall(sent)
        response = read_all(client)
    # A connection closed with unread bytes may lose its response.
    assert not response or status_of(response) == status
    assert response or status == 431
    assert response.count(b"HTTP/1.") <= 1
    eventually(lambda: web.held() == 0)


def test_hsts_is_sent_only_behind_a_proxy_with_https(web: Web) -> None:
    def is_https(*headers: str) -> bool:
        with web.connect() as client:
            client.sendall(web.head("GET", web.form, "Connection: close", *headers) + b"\r\n")
            response = read_all(client)
        assert status_of(response) == 200
        return b"strict-transport-security: max-age=3600\r\n" in response.lower()

    assert is_https("X-Forwarded-Proto: https")
    assert not is_https("X-Forwarded-Proto: http")
    assert not is_https("X_Forwarded_Proto: https")
    assert not is_https()


def test_a_large_body_without_login_is_refused_before_it_is_sent(web: Web) -> None:
    with web.connect() as client:
        client.sendall(web.head("POST", web.form, "Content-Length: 200000000", CSRF, "Expect: 100-continue") + b"\r\n")
        assert status_of(client.recv(65536)) == 413


def test_a_large_chunked_body_without_login_is_refused_at_the_limit(web: Web, office: HeadOffice) -> None:
    with web.connect() as client:
        client.sendall(web.head("POST", web.form, "Transfer-Encoding: chunked", CSRF) + b"\r\n")
        sent, response = 0, b""
        chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
        client.settimeout(0.01)
        with contextlib.suppress(OSError):
            while not response and sent < 64 * 1024 * 1024:
                client.settimeout(20)
                client.sendall(chunk)
                sent += 65536
                client.settimeout(0.001)
                with contextlib.suppress(TimeoutError):
                    response = client.recv(65536)
    assert status_of(response) == 413
    assert sent < 16 * 1024 * 1024
    assert list(office.folder.glob("tmp*")) == []


def test_a_stop_drains_requests_in_flight_within_seconds(office: HeadOffice) -> None:
    with office.serve("--workers", "2") as web:
        idle, slow = web.connect(), web.connect()
        slow.sendall(web.head("POST", web.form, "Content-Length: 500", CSRF) + b"\r\nabc")
        working = web.connect()
        working.sendall(web.head("GET", web.large) + b"\r\n")
        assert status_of(working.recv(65536)) == 200
        os.kill(web.pid, signal.SIGTERM)
        read_all(working)
        eventually(lambda: not is_up(web))
        eventually(lambda: not Path(f"/proc/{web.pid}").exists())
        for client in (idle, slow, working):
            client.close()


def test_a_worker_that_dies_is_replaced_and_none_outlives_its_supervisor(office: HeadOffice) -> None:
    with office.serve("--workers", "2") as web:
        workers = [pid for pid in processes(web.pid)[1:] if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        assert status_of(web.get()) == 200
        eventually(lambda: len([pid for pid in processes(web.pid)[1:] if pid not in workers]) >= 1, 60)
        os.kill(web.pid, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{workers[1]}").exists())


def test_a_port_in_use_is_reported(office_web: Web, office: HeadOffice) -> None:
    done = subprocess.run(
        office.command("serve", "--bind", f"127.0.0.1:{office_web.port}"),
        env=office.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"--bind 127.0.0.1:{office_web.port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_listens_on_a_unix_socket_and_removes_it(office: HeadOffice, tmp_path: Path) -> None:
    path = tmp_path / "office.sock"
    command = office.command("serve", "--workers", "1", "--bind", f"unix:{path}")
    child = spawn("web on a path", command, run_dir=office.folder, env=office.environment)

    def responses() -> bool:
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return status_of(read_all(client)) == 200
        return False

    try:
        child.wait_ready(responses, 30)
    finally:
        child.stop()
    assert not path.exists()


@pytest.mark.long
def test_with_defaults_hundreds_of_slow_heads_delay_no_till_behind_the_same_address(office: HeadOffice) -> None:
    with office.serve("--workers", "1", "--connections-per-address", "256") as web:
        tills = [web.connect() for _ in range(12 * 6)]
        attackers = [web.connect("127.0.0.2") for _ in range(400)]
        over = threading.Event()

        def drip() -> None:
            while not over.wait(1):
                for client in attackers:
                    with contextlib.suppress(OSError):
                        client.send(b"G")

        dripping = threading.Thread(target=drip)
        dripping.start()
        for _ in range(5):
            assert status_of(web.get()) == 200
            time.sleep(1)
        for client in tills:  # a browser's idle connection serves its next request
            client.sendall(web.head("GET", "", "Connection: close") + b"\r\n")
            assert status_of(read_all(client)) == 200
        eventually(lambda: web.held() == 0, 60)
        over.set()
        dripping.join()
        for client in (*tills, *attackers):
            client.close()
