"""Runs ``python -m bench.fleet_page``: the pages of the fleet and its API, for a chain with many stores.

Prints the median and the 95th percentile of each request to one process of Django, with its CPU and that of PostgreSQL, the
answer's size and its statements, in four situations: nothing changed, a dish of
every store changed, a mixture, and a thousand dishes changed.
"""

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from bench.fleet import cpu_of
from etalase.demo.layout import environment
from etalase.devstack import postgres
from etalase.devstack.ports import free_port

COMPANY = "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b"
PATHS = {
    "page": "/fleet/",
    "page, state": "/fleet/?state=behind",
    "page, region": "/fleet/?region=Region+3",
    "page, version": "/fleet/?agent=etalase%2F0.3.1",
    "page, search": "/fleet/?q=bench-00",
    "API": "/api/v1/fleet/stores/",
    "API, state": "/api/v1/fleet/stores/?state=behind,wrong",
    "API, region": "/api/v1/fleet/stores/?region=Region+3",
    "API, search": "/api/v1/fleet/stores/?q=bench-00",
    "API, coverage": "/api/v1/fleet/coverage/",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet_page", description=__doc__)
    parser.add_argument("--stores", type=int, default=10_000)
    parser.add_argument("--dishes", type=int, default=500, help="that each store sells (default: %(default)s)")
    parser.add_argument("--same", action="store_true", help="all stores sell the same dishes (default: each a set of its own)")
    parser.add_argument("--rounds", type=int, default=20, help="of each request (default: %(default)s)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        database = postgres.start(Path(folder) / "postgres", free_port())
        try:
            database.create_database("fleet")
            _measure(database.url("fleet"), options, database.child.pid)
        finally:
            database.stop()
    return 0


def _measure(url: str, options: argparse.Namespace, postgres_pid: int) -> None:
    settings = {
        "DATABASE_URL": url,
        "ETALASE_SECRET_KEY": secrets.token_urlsafe(32),
        "ETALASE_ALLOWED_HOSTS": "testserver",
        "ETALASE_LOG_LEVEL": "ERROR",
        "ETALASE_S3_ENDPOINT": "http://127.0.0.1:1",
        "ETALASE_S3_PUBLIC_URL": "http://127.0.0.1:1",
        "ETALASE_S3_ACCESS_KEY": "bench-key",
        "ETALASE_S3_SECRET_KEY": secrets.token_hex(20),
        "ETALASE_S3_BUCKET": "fleet",
    }
    command = [sys.executable, "-m", "etalase.cli", "head-office", "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment(settings), check=True)
    began = time.monotonic()
    _fill(url, options)
    sys.stdout.write(f"{options.stores} stores with {options.dishes} dishes, filled in {time.monotonic() - began:.0f} s\n")
    os.environ.update(environment(settings) | {"DJANGO_SETTINGS_MODULE": "etalase.settings.django_head_office"})
    client = _client()
    for name, changes in SITUATIONS.items():
        with closing(psycopg.connect(url, autocommit=True)) as db:
            for statement in f"{RESET};{changes}".split(";"):
                if statement.strip():
                    db.execute(statement.encode())
        sys.stdout.write(f"{name} (load {os.getloadavg()[0]:.1f})\n")
        for what, path in PATHS.items():
            sys.stdout.write(f"  {what:<14} {_request(client, path, options.rounds, postgres_pid)}\n")


def _client() -> Any:
    """Returns a client in which an operator of the company is logged in."""
    import django

    django.setup()
    from django.contrib.auth.models import Group
    from django.test import Client

    from etalase.head_office.models import Account, Company

    account = Account.objects.create_user("oki", is_staff=True)
    account.groups.set(Group.objects.filter(name="Operators"))
    account.companies.set(Company.objects.all())
    client = Client(headers={"Accept-Encoding": "gzip"})
    client.force_login(account, "etalase.head_office.login_throttle.BoundedLogin")
    return client


def _request(client: Any, path: str, rounds: int, postgres_pid: int) -> str:
    from django.db import connection

    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    times: list[float] = []
    size, served, stored = 0, 0.0, 0.0
    for number in range(rounds + 2):  # the first two are not counted: they plan the statements
        if number == 2:
            served, stored = time.process_time(), cpu_of(postgres_pid)
        statements.clear()
        began = time.perf_counter()
        with connection.execute_wrapper(note):
            response = client.get(path)
        if response.status_code != 200:
            raise SystemExit(f"{path}: {response.status_code}")
        size = len(response.content)
        if number >= 2:
            times.append(1000 * (time.perf_counter() - began))
    cpu = [1000 * used / rounds for used in (time.process_time() - served, cpu_of(postgres_pid) - stored)]
    slowest = statistics.quantiles(times, n=20)[-1]
    figures = f"p50 {statistics.median(times):4.0f} ms  p95 {slowest:4.0f} ms  CPU {cpu[0]:3.0f} + {cpu[1]:3.0f} ms"
    return f"{figures}  {size / 1024:5.0f} KiB  {len(statements)} statements"


def _fill(url: str, options: argparse.Namespace) -> None:
    values = {"company": COMPANY, "stores": options.stores, "dishes": options.dishes, "core": options.dishes * 4 // 5}
    values["core"] = options.dishes if options.same else values["core"]
    with closing(psycopg.connect(url)) as db, db:
        db.execute("SET LOCAL session_replication_role = replica")
        for statement in ROWS.split(";\n"):
            db.execute(statement.encode(), values)
    with closing(psycopg.connect(url, autocommit=True)) as db:
        db.execute("VACUUM ANALYZE")


# Each store sells the core of the menu, and further dishes that a hash chooses for it.
ROWS = """
INSERT INTO head_office_company (id, name) VALUES (%(company)s, 'Bench');
INSERT INTO head_office_store (id, company_id, code, name, region, position)
SELECT gen_random_uuid(), %(company)s, 'BENCH-' || lpad(n::text, 5, '0'), 'Store ' || n, 'Region ' || n %% 12, n
FROM generate_series(1, %(stores)s) n;
INSERT INTO head_office_account (id, username, password, first_name, last_name, email, is_superuser,
    is_staff, is_active, date_joined, store_id)
SELECT gen_random_uuid(), lower(code), 'argon2$' || md5(id::text), '', '', '', false, false, true, now(), id
FROM head_office_store;
INSERT INTO head_office_product (id, company_id, sku, name, category, updated_at)
SELECT gen_random_uuid(), %(company)s, lpad(n::text, 8, '0'), 'DISH ' || n, 'Menu ' || n %% 20, now() - interval '2 days'
FROM generate_series(1, %(dishes)s * 10) n;
INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum, version,
    is_primary, sort_order, position, created_at, updated_at)
SELECT gen_random_uuid(), id, format('products/%%s/primary.jpg', id), sku || '.jpg', sku || '.jpg', 43111, 'image/jpeg',
       md5(id::text), 1, true, 0, nextval('head_office_photo_position'), updated_at, updated_at
FROM head_office_product;
INSERT INTO head_office_assortment (store_id, product_id, position, created_at, updated_at)
WITH menu AS MATERIALIZED (SELECT id, sku::int AS number, updated_at FROM head_office_product),
picked AS (
    SELECT DISTINCT s.id AS store_id, CASE WHEN n <= %(core)s THEN n ELSE
        %(core)s + 1 + (hashint8(s.position * 100000 + n)::bigint + 2147483648) %% (%(dishes)s * 10 - %(core)s) END AS number
    FROM head_office_store s CROSS JOIN generate_series(1, %(dishes)s) n
)
SELECT store_id, id, 0, updated_at, updated_at FROM picked JOIN menu USING (number);
INSERT INTO head_office_store_report (store_id, revision, received_at, due_at, skew_seconds, agent, checkpoint, comparison,
    changed_at, changed_as_of, assortment, sold_at, sold_as_of, verified_at, state, state_since, word, missing, listed,
    verified, damaged, owed, held, parked, own, is_cloned, possession_proved_at, faults_hash, faults_cut, instances, body)
SELECT s.id, 1, now(), now(), 0, 'etalase/0.3.' || s.position %% 3, now(), 'equal', now() - interval '2 days', now(), a.hash,
    now() - interval '2 days', now(), now(), 'equal', now() - interval '3 days', 'well', 0, %(dishes)s, %(dishes)s,
    0, 0, 0, 0, 0, false, now(), '', 0, '[]', '{}'
FROM head_office_store s
JOIN (
    SELECT store_id, md5(string_agg(product_id::text, '' ORDER BY product_id)) AS hash FROM head_office_assortment GROUP BY 1
) a ON a.store_id = s.id
"""
# Every store reported at a moment of its own within the last hour, and is equal.
RESET = """
SET session_replication_role = replica;
UPDATE head_office_product SET updated_at = now() - interval '2 days' WHERE updated_at > now() - interval '1 day';
UPDATE head_office_photo SET updated_at = now() - interval '2 days' WHERE updated_at > now() - interval '1 day';
DELETE FROM head_office_store_fault;
UPDATE head_office_store_report
SET received_at = at, due_at = at + interval '90 minutes', checkpoint = at - interval '1 hour', changed_as_of = at,
    sold_as_of = at, possession_proved_at = at - interval '2 hours', owed = 0, held = 0, comparison = 'equal'
FROM (SELECT id, now() - interval '1 hour' * random() AS at FROM head_office_store) s WHERE s.id = store_id;
VACUUM ANALYZE head_office_store_report
"""
SITUATIONS = {
    "nothing changed": "",
    "all behind: a dish that all sell changed": """
UPDATE head_office_photo f SET updated_at = now() FROM head_office_product p WHERE p.id = f.product_id AND p.sku::int = 7
""",
    "mixture: 2 % wrong, 1 % silent, 1 % wait, 1 % unproved, 20 dishes changed that some stores sell": """
UPDATE head_office_store_report r
SET owed = CASE WHEN s.position % 50 = 1 THEN 2 ELSE 0 END, held = CASE WHEN s.position % 100 = 3 THEN 1 ELSE 0 END,
    due_at = CASE WHEN s.position % 100 = 2 THEN now() - interval '1 hour' ELSE due_at END,
    possession_proved_at = CASE WHEN s.position % 100 = 4 THEN NULL ELSE possession_proved_at END
FROM head_office_store s WHERE s.id = r.store_id;
INSERT INTO head_office_store_fault (store_id, photo_id, product_id, reason, side, attempts)
SELECT r.store_id, f.id, f.product_id, 'timeout', 'link', 3
FROM head_office_store_report r
CROSS JOIN (SELECT f.* FROM head_office_photo f JOIN head_office_product p ON p.id = f.product_id WHERE p.sku::int < 3) f
WHERE r.owed > 0;
UPDATE head_office_photo f SET updated_at = now() FROM head_office_product p
WHERE p.id = f.product_id AND p.sku::int % 250 = 249
""",
    "a thousand dishes changed": """
UPDATE head_office_photo f SET updated_at = now() FROM head_office_product p WHERE p.id = f.product_id AND p.sku::int % 5 = 1
""",
}

if __name__ == "__main__":
    sys.exit(main())
