"""Runs one store's edge on real PostgreSQL and real S3, with a simulated head office over real HTTP.

Each test moves the clock, and pauses are short; everything else is what :func:`real_services` opens.
"""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest
from django.db import connection
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.simulator import Simulator, head_office

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.edge.clock import Clock
from etalase.edge.sync.result import RunResult, Trigger
from etalase.edge.sync.run import sync
from etalase.edge.sync.scratch import SLICE_PHOTOS
from etalase.edge.sync.services import Services, real_services
from etalase.objectstore.client import ObjectStore
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import parse_settings

BUCKET = "product-images"
LONGEST_PAUSE_SECONDS = 0.001


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives every test of this folder real transactions, and empties the tables afterwards."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.django_db(transaction=True, available_apps=["etalase.edge"]))


@dataclass
class Edge:
    """The edge of one store, with helpers to inspect it. ``hours_later`` moves its clock.

    ``end_time`` ends the time of the run in flight, as MAX_RUN_SECONDS does.
    """

    ho: Simulator
    s3: S3Server
    bucket: ObjectStore
    postgres: Postgres
    spool: Path
    hours_later: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    slice_photos: int = SLICE_PHOTOS
    end_time: Callable[[], None] = field(default=lambda: None, repr=False)
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(
            now=lambda: time.time() + self.hours_later * 3600,
            sleep=lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE_SECONDS)),
            alarm=self._alarm,
        )

    @contextmanager
    def _alarm(self, seconds: float, ring: Callable[[], None]) -> Iterator[None]:
        self.end_time = ring
        with Clock().alarm(seconds, ring):
            yield

    def configured(self, **changes: Any) -> EdgeSettings:
        """Returns the settings of this test, with ``changes``."""
        return parse_settings(
            EdgeSettings,
            {
                "HO_URL": self.ho.url,
                "HO_USERNAME": "store",
                "HO_PASSWORD": self.ho.password,
                "COMPANY_ID": COMPANY_ID,
                "STORE_ID": STORE_ID,
                "S3_ENDPOINT": self.s3.endpoint,
                "S3_ACCESS_KEY": self.s3.access_key,
                "S3_SECRET_KEY": self.s3.secret_key,
                "S3_PUBLIC_URL": self.s3.endpoint,
                "S3_BUCKET": self.bucket.bucket,
                "WORKERS": 4,
                "SPOOL_DIR": self.spool,
                "RENDITIONS": "head-office",  # a test says so where the edge makes its own
                **self.settings,
                **changes,
            },
        )

    def services(self, **changes: Any) -> AbstractContextManager[Services]:
        """Opens the services of this test's settings, with ``changes``."""
        return real_services(self.configured(**changes), self.clock)

    def sync(
        self,
        *,
        full: bool = False,
        trigger: str = "hand",
        wait_seconds: float = 0.0,
        dry_run: bool = False,
        inject: Callable[[Services], None] = lambda _: None,
        **changes: Any,
    ) -> RunResult:
        """Runs the real engine; ``inject`` may replace a service of the run with a faulty one."""
        with self.services(**changes) as services:
            services.slice_photos = self.slice_photos
            inject(services)
            return sync(services, full=full, trigger=Trigger(trigger), wait_seconds=wait_seconds, dry_run=dry_run)

    def end_time_at_download(self, number: int) -> None:
        """Ends the time of the next run when it requests its ``number``-th image."""
        requests = itertools.count(1)

        def on_image(_: str) -> None:
            if next(requests) == number:
                self.end_time()

        self.ho.on_image = on_image

    def rows(self) -> dict[str, dict[str, Any]]:
        """Returns ``product_photo`` by id."""
        return {str(row["id"]): row for row in self.query("SELECT * FROM product_photo")}

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Returns the rows of a statement."""
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, record, strict=True)) for record in cursor.fetchall()]

    def count(self, table: str) -> int:
        """Returns the number of rows of a table."""
        return int(self.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    def row_versions(self) -> set[tuple[str, ...]]:
        """Returns the versions of all rows of ``product`` and ``product_photo``: each write to a row changes its version."""
        return {
            tuple(map(str, row.values()))
            for table in ("product", "product_photo")
            for row in self.query(f"SELECT '{table}', id, xmin::text, ctid::text FROM {table}")
        }

    def other_connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Opens a second connection to the database."""
        return psycopg.connect(self.postgres.url(connection.settings_dict["NAME"]), autocommit=True)

    def objects(self) -> set[str]:
        """Returns the keys of the photos in the bucket."""
        return {info.key for info in self.bucket.list("products/")}

    def rendition_objects(self) -> set[str]:
        """Returns the keys of the objects below ``renditions/``."""
        return {info.key for info in self.bucket.list("renditions/")}

    def md5_at(self, key: str) -> str | None:
        """Returns the MD5 of the object under ``key``, or None if there is none."""
        return hashlib.md5(self.bucket.get(key)).hexdigest() if self.bucket.head(key) else None

    def check_equals_head_office(self) -> None:
        """Asserts that the rows equal head office's list, each with its bytes (invariant I3)."""
        rows = self.rows()
        assert set(rows) == set(self.ho.photos)
        for photo_id, wire in self.ho.photos.items():
            row = rows[photo_id]
            for name in ("object_key", "filename", "size", "content_type", "version", "is_primary", "sort_order"):
                assert row[name] == wire[name], name
            assert row["product_id"] == UUID(wire["product_id"])
            assert row["checksum"] == wire["checksum"].lower()
        # After any history, the checkpoint has the expected number of rows.
        (known,) = self.query("SELECT coalesce(photos, %s) AS photos FROM etalase_checkpoint", len(rows))
        assert known["photos"] == len(rows)
        self.check_every_row_shows_its_bytes()

    def check_every_row_shows_its_bytes(self) -> None:
        """Asserts that the object of each row has the row's checksum."""
        for row in self.rows().values():
            assert self.md5_at(row["object_key"]) == row["checksum"], row["object_key"]

    def checkpoint(self) -> str | None:
        """Returns the timestamp that the next incremental run sends."""
        kept = self.query("SELECT sync_timestamp FROM etalase_checkpoint")
        return kept[0]["sync_timestamp"] if kept else None

    def reasons(self) -> dict[str, str]:
        """Returns the retry list: reason by photo."""
        return {
            str(row["photo_id"]): str(row["reason"]) for row in self.query("SELECT photo_id, reason FROM etalase_pending_photo")
        }

    def removals(self) -> dict[str, str]:
        """Returns the state of each removal, by photo."""
        return {str(row["photo_id"]): str(row["state"]) for row in self.query("SELECT photo_id, state FROM etalase_removal")}


@pytest.fixture
def ho() -> Iterator[Simulator]:
    """Yields a head office without photos."""
    with head_office() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def bucket(s3_server: S3Server) -> ObjectStore:
    """Returns the edge's bucket; each test starts with an empty one."""
    return bucket_on(s3_server)


def bucket_on(server: S3Server) -> ObjectStore:
    """Creates the edge's bucket on ``server``."""
    store = ObjectStore(endpoint=server.endpoint, bucket=BUCKET, access_key=server.access_key, secret_key=server.secret_key)
    store.ensure_bucket()
    return store


@pytest.fixture
def edge(
    ho: Simulator,
    bucket: ObjectStore,
    s3_server: S3Server,
    postgres_server: Postgres,
    tmp_path: Path,
) -> Iterator[Edge]:
    """Yields an edge before its first run."""
    yield from _emptied(Edge(ho, s3_server, bucket, postgres_server, tmp_path))


@pytest.fixture
def edge_on_each_store(
    ho: Simulator,
    each_s3_server: S3Server,
    postgres_server: Postgres,
    tmp_path: Path,
) -> Iterator[Edge]:
    """Yields an edge before its first run, on each make of object store in turn."""
    bucket = bucket_on(each_s3_server)
    yield from _emptied(Edge(ho, each_s3_server, bucket, postgres_server, tmp_path))


@pytest.fixture
def s3(edge: Edge) -> Any:
    """Returns a client of another program with write access to the bucket."""
    return boto3.client(
        "s3",
        endpoint_url=edge.s3.endpoint,
        aws_access_key_id=edge.s3.access_key,
        aws_secret_access_key=edge.s3.secret_key,
        region_name="us-east-1",
    )


def _emptied(edge: Edge) -> Iterator[Edge]:
    """Yields ``edge`` with an empty bucket."""
    edge.bucket.delete([info.key for info in edge.bucket.list("")])
    yield edge
    connection.close()
