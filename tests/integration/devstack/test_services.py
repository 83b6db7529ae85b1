"""Checks the stack's services: they respond after their start, keep their data, require credentials and leave no process."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from tests.integration.devstack.processes import alive, eventually, kill, start_starter

from etalase.devstack import postgres, seaweedfs, valkey
from etalase.devstack.keeper import descendants
from etalase.devstack.makes import Make
from etalase.devstack.ports import PortInUse, check_free, free_port
from etalase.devstack.process import StackError
from etalase.devstack.s3 import S3Server
from etalase.errors import ObjectStoreDenied
from etalase.objectstore.client import ObjectStore


def bucket(server: S3Server, *, access_key: str = "key", secret_key: str = "secret") -> ObjectStore:
    return ObjectStore(endpoint=server.endpoint, bucket="photos", access_key=access_key, secret_key=secret_key, max_retries=0)


def start_s3(folder: Path, ports: seaweedfs.SeaweedPorts, *identities: seaweedfs.Identity) -> S3Server:
    return seaweedfs.start(folder, ports, access_key="key", secret_key="secret", identities=identities)


def ask(server: postgres.Postgres, query: str, database: str = "postgres") -> object:
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def test_postgresql_keeps_its_data_from_start_to_start(tmp_path: Path) -> None:
    port = free_port()
    first = postgres.start(tmp_path, port)
    first.create_database("menu")
    first.create_database("menu")
    ask(first, "CREATE TABLE dish AS SELECT 'nasi goreng' AS name", "menu")
    first.stop()
    first.stop()
    check_free({"PostgreSQL": port})
    second = postgres.start(tmp_path, port)
    assert second.url("menu") == first.url("menu")
    assert ask(second, "SELECT name FROM dish", "menu") == "nasi goreng"
    second.stop()


def test_postgresql_is_durable_by_default_and_uses_utf8(tmp_path: Path, postgres_server: postgres.Postgres) -> None:
    assert ask(postgres_server, "SHOW fsync") == "off"
    assert ask(postgres_server, "SHOW max_prepared_transactions") == "10"
    durable = postgres.start(tmp_path, free_port())
    assert [ask(durable, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
    assert ask(durable, "SHOW server_encoding") == "UTF8"
    assert ask(durable, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
    durable.stop()


def test_postgresql_requires_its_password(postgres_server: postgres.Postgres) -> None:
    wrong = postgres_server.url("postgres").replace(postgres_server.password, "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_an_interrupted_initdb_is_repeated(tmp_path: Path) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "PG_VERSION").write_text("18\n")
    (tmp_path / "password").touch()
    server = postgres.start(tmp_path, free_port(), durable=False)
    assert ask(server, "SELECT 1") == 1
    server.stop()


@pytest.mark.long
def test_postgresql_starts_if_another_program_has_the_pid_of_the_killed_one(tmp_path: Path) -> None:
    port = free_port()
    server = postgres.start(tmp_path, port, durable=False)
    os.kill(server.child.pid, signal.SIGKILL)
    server.child.wait(60)
    owner = (tmp_path / "data").stat()
    # A killed server leaves its pid file; PostgreSQL takes any program of the same user with that pid for a server.
    other = subprocess.Popen(["sleep", "600"], user=owner.st_uid, group=owner.st_gid) if os.geteuid() == 0 else None
    pid_file = tmp_path / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(other.pid if other else os.getpid()), *lines[1:]]) + "\n")
    try:
        again = postgres.start(tmp_path, port, durable=False)
        assert ask(again, "SELECT 1") == 1
        again.stop()
    finally:
        if other:
            other.kill()
            other.wait()


def test_seaweedfs_keeps_its_objects_from_start_to_start_and_leaves_no_sockets(tmp_path: Path) -> None:
    ports = seaweedfs.SeaweedPorts.free()
    first = start_s3(tmp_path, ports)
    bucket(first).ensure_bucket()
    bucket(first).put("products/1/primary.jpg", b"nasi goreng", content_type="image/jpeg")
    first.stop()
    first.stop()
    check_free(ports.wanted())
    assert list(Path("/tmp").glob(f"seaweedfs-*-{ports.s3 + seaweedfs.GRPC_OFFSET}.sock")) == []
    second = start_s3(tmp_path, ports)
    assert bucket(second).get("products/1/primary.jpg") == b"nasi goreng"
    second.stop()


def test_seaweedfs_refuses_anonymous_requests_beyond_the_policy(s3_server: S3Server) -> None:
    ours = bucket(s3_server, access_key=s3_server.access_key, secret_key=s3_server.secret_key)
    ours.ensure_bucket()
    ours.put("a.jpg", b"bytes", content_type="image/jpeg")
    with urlopen(f"{s3_server.endpoint}/photos/a.jpg") as answer:
        assert answer.read() == b"bytes"
    for closed in ("/", "/photos", "/photos?list-type=2"):
        with pytest.raises(HTTPError, match="403") as refused:
            urlopen(s3_server.endpoint + closed)
        refused.value.close()
    with pytest.raises(ObjectStoreDenied):
        bucket(s3_server, secret_key="guessed").get("a.jpg")


@pytest.mark.long
def test_each_make_keeps_its_objects_from_start_to_start(make: Make, tmp_path: Path) -> None:
    port = free_port(offsets=list(make.wanted(0).values()))
    for written in (b"nasi goreng", b"soto"):
        server = make.start(tmp_path, port, access_key="one-key", secret_key="one-secret")
        mine = bucket(server, access_key="one-key", secret_key="one-secret")
        mine.ensure_bucket()
        assert {info.key for info in mine.list("")} == ({"nasi goreng"} if written == b"soto" else set())
        mine.put(written.decode(), written, content_type="image/jpeg")
        assert mine.get(written.decode()) == written
        server.stop()
        server.stop()
        check_free(make.wanted(port))


def listening_at(pid: int) -> set[str]:
    """Returns the addresses and ports, in hex, on which a process listens."""
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.add(fields[1])
    return listening


def test_no_port_of_seaweedfs_accepts_an_anonymous_write(tmp_path: Path) -> None:
    server_ports = seaweedfs.SeaweedPorts.free()
    server = start_s3(tmp_path, server_ports)
    ours = bucket(server)
    ours.ensure_bucket()
    key, body = "products/1/primary.jpg", b"nasi goreng"
    etag = ours.put(key, body, content_type="image/jpeg")
    assert eventually(lambda: len(listening_at(server.child.pid)) == len(server_ports.wanted()), 20)
    listening = listening_at(server.child.pid)
    assert {address.partition(":")[0] for address in listening} == {"0100007F"}
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="primary.jpg"\r\n\r\ntheirs\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    )
    taken = []
    for port in sorted(int(address.partition(":")[2], 16) for address in listening):
        for method, path, (sent, content_type) in (
            ("PUT", f"/buckets/{ours.bucket}/{key}", (b"theirs", "image/jpeg")),
            ("POST", f"/buckets/{ours.bucket}/{key}", form),
            ("POST", f"/buckets/{ours.bucket}/moved.jpg?mv.from=/buckets/{ours.bucket}/{key}", form),
            ("DELETE", f"/buckets/{ours.bucket}?recursive=true", form),
            ("PUT", f"/{ours.bucket}/{key}", (b"theirs", "image/jpeg")),
            ("POST", f"/{ours.bucket}?delete", (f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode(), "text/xml")),
            ("DELETE", f"/{ours.bucket}/{key}", form),
            ("POST", "/submit", form),
            ("GET", "/dir/assign", (b"", "")),
            ("GET", f"/col/delete?collection={ours.bucket}", (b"", "")),
            ("POST", "/1,0100000001", form),
            ("DELETE", "/1,0100000001", (b"", "")),
        ):
            probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                probe.request(method, path, sent or None, {"Content-Type": content_type})
                answer = probe.getresponse()
                if answer.status < 400 and not answer.read().startswith(b"<?xml"):  # a refusal of S3 is XML
                    taken.append((port - server.port, method, path, answer.status))
            except (OSError, http.client.HTTPException):
                pass  # gRPC does not speak this
            finally:
                probe.close()
    assert taken == []
    assert [(info.key, info.etag) for info in ours.list("")] == [(key, etag)]
    assert ours.get(key) == body
    server.stop()


def test_minio_listens_on_one_port_of_this_machine_and_has_no_console(minio_server: S3Server) -> None:
    listening = listening_at(minio_server.child.pid)
    loopback, port = ("0100007F", "00000000000000000000000001000000"), f"{minio_server.port:04X}"
    assert f"{loopback[0]}:{port}" in listening
    assert listening <= {f"{address}:{port}" for address in loopback}


@pytest.mark.long
def test_after_kill_9_of_its_starter_an_object_store_ends_and_can_start_again(tmp_path: Path, make: Make) -> None:
    port = free_port(offsets=list(make.wanted(0).values()))
    starter = start_starter(
        """
        import sys
        from pathlib import Path
        from etalase.devstack.makes import Make
        server = Make(sys.argv[1]).start(Path(sys.argv[2]), int(sys.argv[3]), access_key="one-key", secret_key="one-secret")
        """,
        *(make, tmp_path, port),
    )
    family = descendants(starter.pid)
    kill(starter)
    # At once: the new start waits for the end of the old server.
    make.start(tmp_path, port, access_key="one-key", secret_key="one-secret").stop()
    assert eventually(lambda: alive(family) == [], 60), alive(family)


def test_a_failed_start_of_an_object_store_has_a_reason(tmp_path: Path, minio_server: S3Server) -> None:
    with pytest.raises(StackError, match=r"(?s)MinIO ended by itself.*credentials.*minio\.log"):
        Make.MINIO.start(tmp_path, free_port(), access_key="one-key", secret_key="short")


def test_a_further_identity_has_its_own_permissions_only(tmp_path: Path) -> None:
    reader = seaweedfs.Identity("reader", ["Read:photos", "List:photos"], "reader-key", "reader-secret")
    server = start_s3(tmp_path, seaweedfs.SeaweedPorts.free(), reader)
    bucket(server).ensure_bucket()
    bucket(server).put("a.jpg", b"bytes", content_type="image/jpeg")
    limited = bucket(server, access_key="reader-key", secret_key="reader-secret")
    assert [found.key for found in limited.list("")] == ["a.jpg"]
    with pytest.raises(ObjectStoreDenied):
        limited.put("b.jpg", b"bytes", content_type="image/jpeg")
    server.stop()


def test_valkey_requires_its_password(valkey_server: valkey.Valkey) -> None:
    with socket.create_connection(("127.0.0.1", valkey_server.port)) as stranger:
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")
    assert valkey_server.url == f"redis://:{valkey_server.password}@127.0.0.1:{valkey_server.port}/0"


def test_valkey_has_the_same_address_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    first = valkey.start(tmp_path, port)
    first.stop()
    second = valkey.start(tmp_path, port)
    assert second.url == first.url
    second.stop()


def test_secret_files_are_readable_for_their_owner_only(tmp_path: Path) -> None:
    valkey.start(tmp_path / "valkey", free_port()).stop()
    start_s3(tmp_path / "s3", seaweedfs.SeaweedPorts.free()).stop()
    for secret in ("valkey/password", "valkey/valkey.conf", "s3/s3.json"):
        assert (tmp_path / secret).stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_reported_with_its_program_and_a_hint(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        mine = rf"by .+ \(pid {os.getpid()}\)"
        with pytest.raises(PortInUse, match=rf"Port {port} \(PostgreSQL\) is in use {mine}\.") as raised:
            postgres.start(tmp_path / "postgres", port)
        assert raised.value.exit_status == 2
        with pytest.raises(PortInUse, match=rf"Port {port} \(SeaweedFS volume\) is in use {mine}"):
            start_s3(tmp_path / "s3", seaweedfs.SeaweedPorts.from_s3(port - 2))
        with pytest.raises(PortInUse, match=rf"Port {port} \(POS\).*\nPort 99999 \(admin\) is not a valid port.*Use --port\."):
            check_free({"POS": port, "admin": 99999}, hint="Use --port.")


def test_a_failed_start_of_a_server_has_a_reason(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r'(?s)PostgreSQL ended by itself.*"no_such_parameter"'):
        postgres.start(tmp_path, free_port(), options={"no_such_parameter": "1"})


STACK = """
    import sys
    from pathlib import Path
    from etalase.devstack import postgres, seaweedfs, valkey
    folder, postgres_port, s3_port, valkey_port = Path(sys.argv[1]), *map(int, sys.argv[2:])
    pg = postgres.start(folder / "postgres", postgres_port)
    pg.create_database("menu")
    s3 = seaweedfs.start(folder / "s3", seaweedfs.SeaweedPorts.from_s3(s3_port), access_key="key", secret_key="secret")
    broker = valkey.start(folder / "valkey", valkey_port)
    """


def test_after_kill_9_of_the_starter_every_server_ends_and_keeps_its_data(tmp_path: Path) -> None:
    s3_ports = seaweedfs.SeaweedPorts.free()
    postgres_port, valkey_port = free_port(), free_port()
    starter = start_starter(STACK, tmp_path, postgres_port, s3_ports.s3, valkey_port)
    family = descendants(starter.pid)
    kill(starter)
    # At once: the new start waits for the end of the old servers.
    server = postgres.start(tmp_path / "postgres", postgres_port)
    assert ask(server, "SELECT 1", "menu") == 1
    server.stop()
    start_s3(tmp_path / "s3", s3_ports).stop()
    valkey.start(tmp_path / "valkey", valkey_port).stop()
    assert eventually(lambda: alive(family) == [], 60), alive(family)


def test_an_unprivileged_user_can_run_every_service(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("The tests already run as an ordinary user.")
    paths = f"{Path(seaweedfs.__file__).parents[2]}:{sysconfig.get_path('purelib')}"
    nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", f"PYTHONPATH={paths}", "HOME=/"]
    pythons = [sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"]
    usable = (
        p
        for p in pythons
        if subprocess.run([*nobody, p, "-c", "import psycopg, boto3"], capture_output=True, check=False).returncode == 0
    )
    python = next(usable, None)
    if python is None:
        pytest.skip("No Python with these packages is open to the user «nobody».")
    # pytest's own folders are closed to other users.
    folder = Path("/tmp") / f"etalase-devstack-{os.getpid()}"
    folder.mkdir()
    try:
        shutil.chown(folder, "nobody")
        ports = [free_port(), seaweedfs.SeaweedPorts.free().s3, free_port()]
        program = (
            "\n".join(line.removeprefix("    ") for line in STACK.splitlines()) + "\n[s.stop() for s in (broker, s3, pg)]\n"
        )
        done = subprocess.run(
            [*nobody, python, "-c", program, str(folder), *map(str, ports)],
            capture_output=True,
            text=True,
            cwd="/",
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert (folder / "postgres" / "data").owner() == "nobody"
    finally:
        shutil.rmtree(folder)
