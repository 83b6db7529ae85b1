"""Checks a standalone edge on a database that the guide's code has filled."""

import hashlib
import uuid
from pathlib import Path

import pytest

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import Edge, new_edge
from tests.simulator import Simulator, picture

GUIDES_PHOTOS = """
CREATE TABLE product_photo (id UUID PRIMARY KEY, product_id UUID NOT NULL, object_key VARCHAR(500), filename VARCHAR(255),
 size INTEGER, content_type VARCHAR(100), checksum VARCHAR(32), version INTEGER DEFAULT 1, is_primary BOOLEAN DEFAULT FALSE,
 sort_order INTEGER DEFAULT 0, created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
 updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(), FOREIGN KEY (product_id) REFERENCES {}(id) ON DELETE CASCADE);
CREATE INDEX idx_product_photo_product ON product_photo(product_id);
CREATE INDEX idx_product_photo_primary ON product_photo(product_id, is_primary);
"""


def add_photo(edge: Edge, ho: Simulator, table: str = "product") -> str:
    """Adds a photo as the guide's code leaves one, but for its object. Returns its id."""
    body = picture("a")
    photo = ho.photos[ho.put("Rendang", body)]
    edge.sql(f"INSERT INTO {table} (id, sku, name) VALUES (%s, %s, %s)", uuid.UUID(photo["product_id"]), "1", "Rendang")
    edge.sql(
        "INSERT INTO product_photo (id, product_id, object_key, filename, size, content_type, checksum, version, is_primary)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, 1, true)",
        *(uuid.UUID(photo["id"]), uuid.UUID(photo["product_id"]), photo["object_key"], photo["filename"], len(body)),
        *("image/jpeg", hashlib.md5(body).hexdigest()),
    )
    return str(photo["id"])


def test_migrate_adopts_the_guides_tables(
    postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path
) -> None:
    with new_edge(postgres_server, s3_server, ho.url, tmp_path) as edge:
        edge.sql("CREATE TABLE product (id uuid PRIMARY KEY, sku varchar(100) NOT NULL, name varchar(255), note text)")
        edge.sql(GUIDES_PHOTOS.format("product"))
        photo_id = add_photo(edge, ho)
        migrated = edge.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert edge.sql("SELECT id::text FROM product_photo") == [(photo_id,)]
        assert edge.sql("SELECT name, is_listed FROM product") == [("Rendang", True)]


@pytest.mark.parametrize(
    ("product", "named"),
    [
        ("CREATE TABLE menu_item (id uuid PRIMARY KEY, sku text, name text)", "another table, menu_item"),
        (
            "CREATE TABLE product (id uuid PRIMARY KEY, sku varchar(50), name text, price numeric NOT NULL)",
            "product.sku holds 50 characters, not 100; product.price is NOT NULL without a default in the database",
        ),
    ],
)
def test_migrate_refuses_another_product_table_in_one_line_and_changes_nothing(
    postgres_server: Postgres, s3_server: S3Server, tmp_path: Path, product: str, named: str
) -> None:
    with new_edge(postgres_server, s3_server, "http://127.0.0.1:1", tmp_path) as edge:
        edge.sql(product)
        edge.sql(GUIDES_PHOTOS.format("menu_item" if "menu_item" in product else "product"))
        done = edge.run("migrate")
        assert done.returncode == 2
        assert named in done.stderr
        assert "Traceback" not in done.stderr
        tables = edge.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        assert {table for (table,) in tables} - {"django_migrations"} == {
            "menu_item" if "menu_item" in product else "product",
            "product_photo",
        }
