"""Runs a store with its edge server and bucket, and a menu that tests change as a sync does: object first, then row."""

import hashlib
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

import psycopg
from PIL import Image
from psycopg import sql

from etalase.devstack import seaweedfs
from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import Child
from etalase.devstack.s3 import S3Server
from etalase.objectstore.client import ObjectStore
from tests.acceptance.conftest import OPENER, Edge

Colour = tuple[int, int, int]
RED, GREEN, BLUE, GOLD = (200, 30, 40), (20, 150, 60), (30, 60, 200), (220, 170, 20)


def picture(colour: Colour, size: tuple[int, int] = (160, 120), form: str = "PNG") -> bytes:
    """Returns a lossless picture of one colour, which a screenshot shows exactly."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, form, lossless=True)
    return buffer.getvalue()


@dataclass
class Shop:
    """A store that tests control; ``url`` is its POS page."""

    edge: Edge
    postgres: Postgres
    bucket: S3Server
    bucket_folder: Path
    bucket_ports: seaweedfs.SeaweedPorts
    port: int = field(default_factory=free_port)
    _web: Child | None = None

    @property
    def url(self) -> str:
        """Returns the URL of the page."""
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def objects(self) -> ObjectStore:
        """Returns the bucket, with the sync's write access."""
        store = ObjectStore(
            endpoint=self.bucket.endpoint,
            bucket=self.edge.environment["ETALASE_S3_BUCKET"],
            access_key=self.bucket.access_key,
            secret_key=self.bucket.secret_key,
        )
        store.ensure_bucket()
        return store

    def open(self, workers: int = 1) -> None:
        """Starts the edge's web server, always on the same port."""
        self._web = self.edge.start("serve", "--bind", f"127.0.0.1:{self.port}", "--workers", str(workers))
        self._web.wait_ready(self._answers, 30)

    def close(self) -> None:
        """Stops the edge's web server."""
        assert self._web is not None
        self._web.stop()

    def stop_bucket(self) -> None:
        """Stops the object store and keeps its data."""
        self.bucket.stop()

    def start_bucket(self) -> None:
        """Starts the object store again on the same port."""
        self.bucket = seaweedfs.start(
            self.bucket_folder,
            self.bucket_ports,
            access_key=self.bucket.access_key,
            secret_key=self.bucket.secret_key,
        )

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Makes PostgreSQL refuse connections to the edge's database, and ends the existing ones."""
        name = self.edge.database_url.rpartition("/")[2]
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            connection.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
            connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
            try:
                yield
            finally:
                connection.execute(allow.format(sql.Identifier(name), sql.Literal(True)))

    def get(self, path: str, **headers: str) -> tuple[int, Message, bytes]:
        """Returns status, headers and body of the edge's response."""
        try:
            with OPENER.open(Request(self.url + path, headers=headers), timeout=20) as response:
                return response.status, response.headers, response.read()
        except HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def clear(self) -> None:
        """Deletes the menu and all traces of runs."""
        self.edge.sql(
            "TRUNCATE product_photo, product, etalase_rendition, etalase_sync_run, etalase_checkpoint, etalase_pending_photo,"
            " etalase_removal, etalase_doubt, etalase_heartbeat"
        )

    def product(self, name: str, *colours: Colour, sku: str = "", category: str = "") -> str:
        """Adds a product with a photo of each colour, the first one primary. Returns its id."""
        product_id = str(uuid.uuid4())
        self.edge.sql("INSERT INTO product (id, sku, name, category) VALUES (%s, %s, %s, %s)", product_id, sku, name, category)
        for place, colour in enumerate(colours):
            self.photo(product_id, colour, primary=place == 0, place=place)
        return product_id

    def photo(self, product_id: str, colour: Colour, *, primary: bool = True, place: int = 0) -> str:
        """Adds or replaces the photo of a product at a position, under the same key. Returns the key."""
        body = picture(colour)
        key = f"products/{product_id}/{'primary' if primary else place}.png"
        self.objects.put(key, body, content_type="image/png")
        self.edge.sql(
            "INSERT INTO product_photo (id, product_id, object_key, size, content_type, checksum, is_primary, sort_order)"
            " VALUES (%s, %s, %s, %s, 'image/png', %s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET checksum = EXCLUDED.checksum, version = product_photo.version + 1",
            str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
            product_id,
            key,
            len(body),
            hashlib.md5(body, usedforsecurity=False).hexdigest(),
            primary,
            place,
        )
        return key

    def renditions(self, product_id: str, colours: dict[int, Colour], *, thumbhash: str = "") -> dict[int, str]:
        """Adds renditions of the product's primary photo, one for each width, each of its own colour. Returns their keys."""
        photo = self.edge.sql("SELECT id, checksum FROM product_photo WHERE product_id = %s AND is_primary", product_id)
        photo_id, photo_checksum = photo[0] if photo else (str(uuid.uuid4()), "0" * 32)
        keys = {}
        for width, colour in colours.items():
            body = picture(colour, (width, width * 3 // 4), "WEBP")
            checksum = hashlib.md5(body, usedforsecurity=False).hexdigest()
            keys[width] = f"renditions/{photo_id}/{checksum}-{width}.webp"
            self.objects.put(keys[width], body, content_type="image/webp")
            self.edge.sql(
                "INSERT INTO etalase_rendition (photo_id, product_id, photo_checksum, width, height, object_key, size,"
                " checksum, thumbhash, content_type, image_url, origin, is_primary, sort_order, is_listed, is_here,"
                " revision, attempts, reason)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'image/webp', '', 'head_office', true, 0, true, true, 0, 0, '')",
                *(photo_id, product_id, photo_checksum, width, width * 3 // 4, keys[width], len(body), checksum, thumbhash),
            )
        return keys

    def many_products(self, count: int) -> None:
        """Adds ``count`` products with one photo each, all with the same bytes."""
        body = picture(GOLD)
        keys = [f"products/{uuid.uuid4()}/primary.png" for _ in range(count)]
        for key in keys:
            self.objects.put(key, body, content_type="image/png")
        self.edge.sql(
            """
            WITH photo AS (SELECT key, row_number() OVER () AS number FROM unnest(%s::text[]) AS key),
            made AS (
                INSERT INTO product (id, sku, name)
                SELECT split_part(key, '/', 2)::uuid, 'SKU' || number, 'Hidangan ' || number
                FROM (SELECT key, lpad(number::text, 5, '0') AS number FROM photo) AS padded
            )
            INSERT INTO product_photo (id, product_id, object_key, size, content_type, checksum, is_primary)
            SELECT gen_random_uuid(), split_part(key, '/', 2)::uuid, key, %s, 'image/png', %s, true FROM photo
            """,
            keys,
            len(body),
            hashlib.md5(body, usedforsecurity=False).hexdigest(),
        )

    def _answers(self) -> bool:
        try:
            with OPENER.open(f"{self.url}/healthz", timeout=5):
                return True
        except OSError:
            return False
