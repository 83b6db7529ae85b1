"""Starts the services for all contenders: PostgreSQL, head office with its photos, empty edges."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener
from uuid import UUID

import boto3
import psycopg
from botocore.client import Config

from bench.photos import BenchPhoto, md5
from etalase.demo.layout import environment
from etalase.devstack import postgres
from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import spawn
from etalase.devstack.s3 import S3Server
from etalase.devstack.seaweedfs import GRPC_OFFSET
from etalase.objectstore.client import ObjectStore
from etalase.protocol import KEY_PREFIX
from etalase.renditions import key_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCOUNT = "bench-store"
COMPANY_ID = UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b")
STORE_ID = UUID("fe2d2dbf-9616-48f5-bd5b-302c087d7181")
READY_SECONDS = 60.0
PUT_THREADS = 8
PHOTOS_AT_ONCE = 500  # per batch, so that large photos are never all in memory
WARMING_OBJECTS = 20
_OPENER = build_opener(ProxyHandler({}))
# Flushes earlier writes, so that no contender pays for those of the one before it.
before_timing = os.sync


@dataclass(frozen=True, slots=True)
class HeadOffice:
    """A running head office with its photos. ``settings`` are its environment."""

    settings: Mapping[str, str]
    s3: S3Server
    bucket: str
    database_url: str
    port: int
    password: str
    folder: Path

    @property
    def url(self) -> str:
        """Returns its URL for the edge."""
        return f"http://127.0.0.1:{self.port}"

    def image_url(self, photo: BenchPhoto) -> str:
        """Returns the photo's URL as in the feed."""
        return f"{self.s3.endpoint}/{self.bucket}/{photo.object_key}?v={md5(photo.body())[:8]}"

    def change(self, photos: Sequence[BenchPhoto]) -> None:
        """Replaces photos by ``photos`` of the same ids: objects first, then rows, as head office's own ingest does."""
        checksums = _put(_store(self.s3, self.bucket), photos)
        with closing(psycopg.connect(self.database_url)) as db, db:
            db.execute(
                "UPDATE head_office_photo p SET checksum = new.checksum, version = p.version + 1"
                " FROM unnest(%s::uuid[], %s::text[]) AS new (id, checksum) WHERE p.id = new.id",
                [[photo.photo_id for photo in photos], checksums],
            )

    @contextmanager
    def counted(self) -> Iterator[tuple[str, Callable[[], int]]]:
        """Yields a second server of this head office with an access log: its URL, and a function that counts its requests."""
        port, log = free_port(), self.folder / "access.log"
        log.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "gunicorn", "etalase.head_office.wsgi:application", "--bind", f"127.0.0.1:{port}"]
        argv += ["--threads", "4", "--access-logfile", str(log), "--access-logformat", "%(m)s %(U)s", "--no-control-socket"]
        env = environment({**self.settings, "DJANGO_SETTINGS_MODULE": "etalase.settings.django_head_office"})
        server = spawn("counted head office", argv, run_dir=self.folder / "counted", env=env, stop_signal=SIGTERM)
        try:
            server.wait_ready(lambda: _answers(f"http://127.0.0.1:{port}/api/v1/schema/"), READY_SECONDS)
            yield f"http://127.0.0.1:{port}", lambda: log.read_text().count("POST /api/v1/sync/")
        finally:
            server.stop()


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge with a database and a bucket of its own. ``settings`` are its environment."""

    settings: Mapping[str, str]
    s3: S3Server
    bucket: str
    database_url: str

    def etalase(self, *args: str) -> list[str]:
        """Returns the command line of ``etalase edge ...``."""
        return [sys.executable, "-m", "etalase.cli", "edge", *args]

    def env(self, **more: str) -> dict[str, str]:
        """Returns the environment for programs of this edge."""
        return environment({**self.settings, **more})

    def objects(self, *prefixes: str) -> tuple[int, int]:
        """Returns the number of objects under prefixes of its bucket, by default of photos, and their bytes."""
        store = _store(self.s3, self.bucket)
        listed = [info for prefix in prefixes or [KEY_PREFIX] for info in store.list(prefix)]
        return len(listed), sum(info.size for info in listed)

    def rows(self) -> int:
        """Returns the number of photo rows."""
        with closing(psycopg.connect(self.database_url)) as db:
            (found,) = db.execute("SELECT count(*) FROM product_photo").fetchone() or (0,)
            return int(found)

    def give_products(self, photos: Sequence[BenchPhoto]) -> None:
        """Writes the products of ``photos``, which the guide's edge expects to exist."""
        products = sorted({photo.product_id for photo in photos})
        with closing(psycopg.connect(self.database_url)) as db, db:
            db.execute(
                "INSERT INTO product (id, sku, name) SELECT id, id::text, id::text FROM unnest(%s::uuid[]) AS id", [products]
            )


@dataclass(slots=True)
class Parts:
    """PostgreSQL and two object stores of one make: head office's and the edge's."""

    make: Make
    folder: Path
    database: Postgres
    head_office_s3: S3Server
    edge_s3: S3Server
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def head_office(
        self, photos: Sequence[BenchPhoto], *, public_url: str = "", address: str = "127.0.0.1", renditions: bool = False
    ) -> Iterator[HeadOffice]:
        """Yields a new head office with ``photos`` and, if wanted, their renditions; removes it at the end.

        ``public_url`` is the address of its object store in the feed, where that is another than its own; edges reach it by
        ``address``.
        """
        name = f"ho{next(self._numbers)}"
        with ExitStack() as undo:
            self.database.create_database(name)
            undo.callback(self._drop, name)
            undo.callback(_remove_bucket, self.head_office_s3, name)
            settings = {
                "DATABASE_URL": self.database.url(name),
                "ETALASE_SECRET_KEY": secrets.token_urlsafe(32),
                "ETALASE_ALLOWED_HOSTS": f"127.0.0.1,{address}",
                "ETALASE_LOG_LEVEL": "WARNING",
                "ETALASE_S3_ENDPOINT": self.head_office_s3.endpoint,
                "ETALASE_S3_PUBLIC_URL": public_url or self.head_office_s3.endpoint,
                "ETALASE_S3_ACCESS_KEY": self.head_office_s3.access_key,
                "ETALASE_S3_SECRET_KEY": self.head_office_s3.secret_key,
                "ETALASE_S3_BUCKET": name,
            }
            port, password, folder = free_port(), secrets.token_urlsafe(24), self.folder / name
            head_office_command(settings, "migrate", "--verbosity", "0")
            head_office_command(settings, "create-company", "Bench", "--id", str(COMPANY_ID))
            store = ["create-store", "BENCH-1", "Bench store", "--id", str(STORE_ID), "--account", ACCOUNT]
            head_office_command(settings, *store, "--password-file", "-", typed=password)
            _load(self.database.url(name), _store(self.head_office_s3, name), photos, renditions=renditions)
            argv = [sys.executable, "-m", "etalase.cli", "head-office", "serve", "--bind", f"127.0.0.1:{port}"]
            server = spawn("head office", argv, run_dir=folder, env=environment(settings))
            undo.callback(server.stop)
            server.wait_ready(lambda: _answers(f"http://127.0.0.1:{port}/api/v1/schema/"), READY_SECONDS)
            yield HeadOffice(settings, self.head_office_s3, name, self.database.url(name), port, password, folder)

    @contextmanager
    def edge(self, head_office: HeadOffice) -> Iterator[Edge]:
        """Yields a new edge with empty tables and an empty bucket; removes it at the end."""
        name = f"edge{next(self._numbers)}"
        with ExitStack() as undo:
            with closing(psycopg.connect(self.database.url("postgres"), autocommit=True)) as db:
                db.execute(f"CREATE DATABASE {name} TEMPLATE edge_template".encode())
            undo.callback(self._drop, name)
            undo.callback(_remove_bucket, self.edge_s3, name)
            _warm(_store(self.edge_s3, name))
            url = self.database.url(name)
            yield Edge(edge_variables(url, self.edge_s3, name, head_office), self.edge_s3, name, url)

    def make_edge_template(self) -> None:
        """Creates and migrates the template database of all edges."""
        self.database.create_database("edge_template")
        settings = edge_variables(self.database.url("edge_template"), self.edge_s3, "edge-template", None)
        _run([sys.executable, "-m", "etalase.cli", "edge", "migrate", "--verbosity", "0"], settings)

    def _drop(self, name: str) -> None:
        with closing(psycopg.connect(self.database.url("postgres"), autocommit=True)) as db:
            db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@contextmanager
def parts(make: Make, folder: Path) -> Iterator[Parts]:
    """Starts the services in ``folder`` and stops them at the end. Raises :class:`etalase.devstack.process.StackError`."""
    with ExitStack() as undo:
        database = postgres.start(folder / "postgres", free_port())
        undo.callback(database.stop)
        stores = []
        for name in ("head-office-s3", "edge-s3"):
            port = free_port(offsets=[*range(5), *range(GRPC_OFFSET, GRPC_OFFSET + 5)])
            server = make.start(folder / name, port, access_key=secrets.token_hex(10), secret_key=secrets.token_hex(20))
            undo.callback(server.stop)
            stores.append(server)
        running = Parts(make, folder, database, stores[0], stores[1])
        running.make_edge_template()
        yield running


def edge_variables(database_url: str, s3: S3Server, bucket: str, head_office: HeadOffice | None) -> dict[str, str]:
    """Returns the settings of an edge, without those that have a default."""
    return {
        "DATABASE_URL": database_url,
        "ETALASE_BROKER_URL": "redis://127.0.0.1:1/0",  # no schedule here
        "ETALASE_SECRET_KEY": "of a bench, where nobody logs in".ljust(40, "."),
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1",
        "ETALASE_RENDITIONS": "head-office",  # what an edge makes itself is not measured here
        "ETALASE_HO_URL": head_office.url if head_office else "http://127.0.0.1:1",
        "ETALASE_HO_USERNAME": ACCOUNT,
        "ETALASE_HO_PASSWORD": head_office.password if head_office else "none yet",
        "ETALASE_COMPANY_ID": str(COMPANY_ID),
        "ETALASE_STORE_ID": str(STORE_ID),
        "ETALASE_S3_ENDPOINT": s3.endpoint,
        "ETALASE_S3_PUBLIC_URL": s3.endpoint,
        "ETALASE_S3_ACCESS_KEY": s3.access_key,
        "ETALASE_S3_SECRET_KEY": s3.secret_key,
        "ETALASE_S3_BUCKET": bucket,
    }


def _load(database_url: str, store: ObjectStore, photos: Sequence[BenchPhoto], *, renditions: bool) -> None:
    """Puts objects and copies rows like an import, but without validating pictures; the triggers run."""
    store.ensure_bucket()
    with closing(psycopg.connect(database_url)) as db, db:
        products = list(dict.fromkeys(photo.product_id for photo in photos))
        with db.cursor().copy("COPY head_office_product (id, company_id, sku, name) FROM STDIN") as copy:
            for number, product in enumerate(products):
                copy.write_row((product, COMPANY_ID, f"{number:08}", f"DISH {number}"))
        db.execute(
            "INSERT INTO head_office_assortment (store_id, product_id) SELECT %s, id FROM head_office_product", [STORE_ID]
        )
        columns = "id, product_id, object_key, filename, source, size, content_type, checksum, version, is_primary, sort_order"
        for start in range(0, len(photos), PHOTOS_AT_ONCE):
            batch = photos[start : start + PHOTOS_AT_ONCE]
            checksums = _put(store, batch)
            with db.cursor().copy(f"COPY head_office_photo ({columns}) FROM STDIN") as copy:
                for photo, checksum in zip(batch, checksums, strict=True):
                    name = f"{photo.number}{Path(photo.object_key).suffix}"
                    row: tuple[Any, ...] = (photo.photo_id, photo.product_id, photo.object_key, name, name, photo.size)
                    copy.write_row((*row, photo.content_type, checksum, 1, photo.is_primary, 0 if photo.is_primary else 1))
            if renditions:
                _load_renditions(db, store, batch)
    with closing(psycopg.connect(database_url, autocommit=True)) as db:
        db.execute("VACUUM ANALYZE")  # otherwise autovacuum would do it during a turn


def _put(store: ObjectStore, photos: Sequence[BenchPhoto]) -> list[str]:
    """Puts the photos' bytes; returns their checksums."""

    def put(photo: BenchPhoto) -> str:
        body = photo.body()
        store.put(photo.object_key, body, content_type=photo.content_type)
        return md5(body)

    with ThreadPoolExecutor(PUT_THREADS) as threads:
        return list(threads.map(put, photos))


def _load_renditions(db: "psycopg.Connection[Any]", store: ObjectStore, photos: Sequence[BenchPhoto]) -> None:
    """Puts the renditions of photos and copies their rows; then none of these photos is due any more."""

    def put(photo: BenchPhoto) -> list[tuple[Any, ...]]:
        made = photo.renditions()
        for one in made:
            store.put(key_of(photo.photo_id, one), one.body, content_type=one.content_type)
        return [(photo.photo_id, one.width, one.height, len(one.body), one.content_type, one.checksum) for one in made]

    with ThreadPoolExecutor(PUT_THREADS) as threads:
        rows = [row for some in threads.map(put, photos) for row in some]
    columns = "photo_id, width, height, size, content_type, checksum"
    with db.cursor().copy(f"COPY head_office_rendition ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    db.execute(
        "UPDATE head_office_rendition_set s SET photo_checksum = f.checksum, due_at = NULL"
        " FROM head_office_photo f WHERE f.id = s.photo_id"
    )


def _warm(store: ObjectStore) -> None:
    """Puts and deletes objects, so that no contender pays for the store's first allocation in the bucket."""
    store.ensure_bucket()
    keys = [f"warm/{number}" for number in range(WARMING_OBJECTS)]
    for key in keys:
        store.put(key, b"warm", content_type="text/plain")
    store.delete(keys)


def _remove_bucket(server: S3Server, bucket: str) -> None:
    client = s3_client(server, server.endpoint)

    def force(request: Any, **_: Any) -> None:
        # MinIO deletes a bucket with its objects only with this header; SeaweedFS does not need it.
        request.headers.add_header("x-minio-force-delete", "true")

    with closing(client):
        client.meta.events.register("before-sign.s3.DeleteBucket", force)
        client.delete_bucket(Bucket=bucket)


def s3_client(server: S3Server, address: str) -> "S3Client":
    """Returns a client of the server, with all permissions, that reaches it at ``address``."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(read_timeout=300, proxies={}, signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def _store(server: S3Server, bucket: str) -> ObjectStore:
    return ObjectStore(endpoint=server.endpoint, bucket=bucket, access_key=server.access_key, secret_key=server.secret_key)


def head_office_command(settings: Mapping[str, str], *args: str, typed: str = "") -> None:
    """Runs ``etalase head-office`` with these settings."""
    _run([sys.executable, "-m", "etalase.cli", "head-office", *args], settings, typed)


def _run(argv: Sequence[str], settings: Mapping[str, str], typed: str = "") -> None:
    done = subprocess.run(argv, env=environment(dict(settings)), input=typed, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(argv[2:5])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=5):
            return True
    except (URLError, OSError):
        return False


def machine() -> dict[str, object]:
    """Returns a description of this machine."""
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    return {"cores": os.cpu_count(), "cpu": cpu, "kernel": os.uname().release, "python": sys.version.split()[0]}


def write_list(path: Path, entries: Sequence[tuple[str, int]]) -> Path:
    """Writes a list for :mod:`bench.limit`; returns its path."""
    path.write_text(json.dumps(entries))
    return path
