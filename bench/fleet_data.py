"""Makes head office's database of a bench: a chain with many stores, one of them big, and the requests of their edges."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

import jwt
import msgspec
import psycopg

COMPANY_ID = UUID("48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b")
PHOTOS_PATH = "/api/v1/sync/product-photos/"
PRODUCTS_PATH = "/api/v1/sync/products/"
# Of the other stores: each sells its share of the first dishes of the chain.
MENU = 1.2


@dataclass(frozen=True, slots=True)
class Login:
    """A store with the access token of its account."""

    store_id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the sync API."""

    path: str
    token: str
    prefer: str
    body: bytes

    def wire(self) -> bytes:
        """Returns the request in HTTP/1.1."""
        prefer = f"Prefer: {self.prefer}\r\n" if self.prefer else ""
        authorization = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept-Encoding: gzip\r\n{authorization}{prefer}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def fill(database_url: str, *, stores: int, dishes: int, big: int) -> None:
    """Writes the rows as the triggers would, but without them: with them, millions of rows take an hour.

    Each store sells ``dishes`` dishes; the first one sells ``big``. Each dish has a photo with three renditions.
    """
    with closing(psycopg.connect(database_url)) as db, db:
        db.execute("SET LOCAL session_replication_role = replica")
        db.execute("INSERT INTO head_office_company (id, name) VALUES (%s, 'Bench')", [COMPANY_ID])
        values = {"company": COMPANY_ID, "stores": stores, "dishes": dishes, "big": big, "menu": int(dishes * MENU)}
        for statement in _ROWS.split(";\n"):
            if statement.strip():
                db.execute(statement.encode(), values)
    with closing(psycopg.connect(database_url, autocommit=True)) as db:
        db.execute("VACUUM ANALYZE")


def logins(database_url: str, *, secret_key: str) -> list[Login]:
    """Returns each store, the big one first, with a token that its account would have got at a login."""
    with closing(psycopg.connect(database_url)) as db:
        rows = db.execute(
            "SELECT a.store_id, a.id, a.password FROM head_office_account a JOIN head_office_store s ON s.id = a.store_id"
            " ORDER BY s.position"
        ).fetchall()
    now = int(time.time())
    claims = {"token_type": "access", "exp": now + 7 * 24 * 3600, "iat": now}
    return [
        Login(
            store_id,
            jwt.encode(
                claims
                | {
                    "jti": secrets.token_hex(16),
                    "user_id": str(account_id),
                    "hash_password": hashlib.md5(password.encode(), usedforsecurity=False).hexdigest().upper(),
                    "family": str(account_id),
                },
                secret_key,
                algorithm="HS256",
            ),
        )
        for store_id, account_id, password in rows
    ]


def request(
    login: Login,
    *,
    since: str | None = None,
    limit: int = 100,
    offset: int = 0,
    prefer: str = "renditions",
    path: str = PHOTOS_PATH,
    report: dict[str, object] | None = None,
) -> Request:
    """Returns the request of a page, as an edge sends it."""
    body: dict[str, object] = {"company_id": COMPANY_ID, "store_id": login.store_id, "limit": limit, "offset": offset}
    if since is not None:
        body["updated_since"] = since
    if report is not None:
        body["report"] = report
    return Request(path, login.token, prefer, msgspec.json.encode(body))


def report(login: Login, *, sequence: int, checkpoint: str) -> dict[str, object]:
    """Returns the report of a store, as a quiet run sends it."""
    photos = dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0)
    return {
        "instance": login.store_id,
        "sequence": sequence,
        "agent": "etalase/bench",
        "sent_at": checkpoint,
        "next_report_by": checkpoint,
        "checkpoint": checkpoint,
        "state": {"word": "well"},
        "photos": photos,
        "digest": "0" * 32,
        "verified_at": checkpoint,
        "menu": {"products": 500, "with_photo": 500},
        "run": {"kind": "incremental", "outcome": "success", "started_at": checkpoint, "duration_seconds": 0.31},
        "faults_hash": "d751713988987e9331980363e24189ce",
        "storage": {"spool_free_bytes": 21474836480},
        "traffic": {"today_bytes": 43111, "month_bytes": 18874368},
    }


def change_a_dish(database_url: str) -> int:
    """Changes a photo of the dish that most stores sell, and returns by how many."""
    with closing(psycopg.connect(database_url)) as db, db:
        row = db.execute(
            "WITH dish AS (SELECT product_id, count(*) AS stores FROM head_office_assortment GROUP BY 1"
            " ORDER BY 2 DESC LIMIT 1)"
            " UPDATE head_office_photo f SET sort_order = sort_order + 1 FROM dish WHERE f.product_id = dish.product_id"
            " RETURNING stores"
        ).fetchone()
    return int(row[0]) if row else 0


def offsets(database_url: str, store_id: UUID, *, limit: int) -> Iterator[int]:
    """Yields the ``offset`` of each page of a store's full set."""
    with closing(psycopg.connect(database_url)) as db:
        rows = db.execute(
            "SELECT f.position FROM head_office_assortment a JOIN head_office_photo f USING (product_id)"
            " WHERE a.store_id = %s ORDER BY f.position",
            [store_id],
        ).fetchall()
    yield 0
    for row in rows[limit - 1 : -1 : limit]:
        yield int(row[0])


_ROWS = """
INSERT INTO head_office_store (id, company_id, code, name, position)
SELECT gen_random_uuid(), %(company)s, 'BENCH-' || n, 'Store ' || n, nextval('head_office_store_position')
FROM generate_series(1, %(stores)s) n;
INSERT INTO head_office_account (id, username, password, first_name, last_name, email, is_superuser,
    is_staff, is_active, date_joined, store_id)
SELECT gen_random_uuid(), lower(code), 'argon2$' || md5(id::text), '', '', '', false, false, true, now(), id
FROM head_office_store;
INSERT INTO head_office_product (id, company_id, sku, name, category, updated_at)
SELECT gen_random_uuid(), %(company)s, lpad(n::text, 8, '0'), 'DISH ' || n, 'Menu ' || n %% 20, now() - interval '2 days'
FROM generate_series(1, greatest(%(menu)s, %(big)s)) n;
INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum, version,
    is_primary, sort_order, position, created_at, updated_at)
SELECT id, product_id, format('products/%%s/%%s.jpg', product_id, id), sku || '.jpg', sku || '.jpg', 43111, 'image/jpeg',
       md5(id::text), 1, true, 0,
       nextval('head_office_photo_position'), updated_at, updated_at
FROM (SELECT gen_random_uuid() AS id, id AS product_id, sku, updated_at FROM head_office_product ORDER BY sku) p;
INSERT INTO head_office_assortment (store_id, product_id, position, created_at, updated_at)
WITH menu AS MATERIALIZED (
    SELECT *, row_number() OVER (ORDER BY sku) AS number FROM head_office_product ORDER BY sku LIMIT %(menu)s
)
SELECT s.id, p.id, nextval('head_office_assortment_position'), p.updated_at, p.updated_at
FROM (SELECT *, row_number() OVER (ORDER BY position) AS number FROM head_office_store) s
JOIN menu p ON (p.number + s.number) %% %(menu)s < %(dishes)s
WHERE s.number > 1;
INSERT INTO head_office_assortment (store_id, product_id, position, created_at, updated_at)
SELECT (SELECT id FROM head_office_store ORDER BY position LIMIT 1), id, nextval('head_office_assortment_position'), updated_at,
       updated_at
FROM (SELECT * FROM head_office_product ORDER BY sku LIMIT %(big)s) p;
INSERT INTO head_office_rendition_set (photo_id, photo_checksum, recipe, thumbhash, line_digest, revision, changed_at)
SELECT id, checksum, 1, 'YXBwbGUgb3JhbmdlIGJhbmFuYQ==', md5(checksum), 3, updated_at
FROM head_office_photo;
INSERT INTO head_office_rendition (photo_id, width, height, size, content_type, checksum)
SELECT id, width, width * 3 / 4, width * 40, 'image/webp', md5(id::text || width)
FROM head_office_photo CROSS JOIN unnest(ARRAY[160, 320, 640]) AS width;
UPDATE head_office_rendition_set SET listed = head_office_listed_renditions(photo_id)
"""
