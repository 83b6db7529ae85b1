"""Makes faults one by one on real parts: each turns its own check red, what depends on it null, and nothing else red."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import psycopg
import pytest
import redis
from celery.schedules import crontab
from django.db import connection
from django.http import HttpResponse
from django.urls import include, path
from tests.doorman import Doorman, Reply, Request, doorman
from tests.faulty_database import ROLE, weak_role
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.devstack.process import spawn
from etalase.devstack.seaweedfs import SeaweedPorts, find_program
from etalase.devstack.valkey import Valkey
from etalase.doctor.bucket import BucketChecks
from etalase.doctor.check import CheckResult
from etalase.doctor.check import Fault as DoctorsFault
from etalase.doctor.settings_look import SettingsLook
from etalase.doctor.store_ports import STORE_PORTS, StorePort, open_at
from etalase.edge import heartbeat, web_address
from etalase.edge.doctor.run import IDS, diagnose
from etalase.edge.status import sync_request
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.model import PROBE_PREFIX

# A busy machine is no fault.
SECONDS = 30.0
NOWHERE = "no-such-host.invalid"
S3_ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>No.</Message></Error>"
PAGE = Response(body=b"<html>Please log in</html>", headers={"Content-Type": "text/html"})

# What depends on a check, all the way down.
IMAGE = ("image",)
ORIGINS = ("image_origins", *IMAGE)
FEED = ("feed", *ORIGINS)
HEAD_OFFICE = ("clock_head_office", "login", *FEED)
WRITE = ("bucket_delete",)
PUBLIC = ("public_url",)
BUCKET = ("bucket_write", "bucket_read", "bucket_public", "bucket_listing", "bucket_anonymous_write", *WRITE, *PUBLIC)
STORE = ("clock_bucket", "bucket", *BUCKET)
STATE = ("store", "worker", "beat")
MIGRATIONS = ("database_rights", "tables", *STATE)
DATABASE = ("postgresql", "database_writable", "database_pooler", "database_encoding", "migrations", *MIGRATIONS)


def only_web_server(house: "House", bind: str) -> None:
    """Notes the address of a web server in place of those before."""
    settings = house.edge.configured()
    for noted in settings.SPOOL_DIR.glob("web-*"):
        noted.unlink()
    web_address.note(settings, bind)


@dataclass
class House:
    """A whole edge in order. A fault changes one thing; ``undo`` is done at the end."""

    edge: Edge
    django: Any
    broker: Valkey
    door: Doorman
    folder: Path
    undo: ExitStack
    changes: dict[str, Any] = field(default_factory=dict)

    def look(self, **options: Any) -> dict[str, CheckResult]:
        """Returns the doctor's results."""
        settings = self.edge.configured(**self.changes)
        results = diagnose(SettingsLook(settings), seconds=SECONDS, **options)
        return {result.id: result for result in results}

    def set(self, **changes: Any) -> None:
        """Changes settings of the edge."""
        self.changes |= changes

    def database(self, **place: str) -> None:
        """Changes the place of the database."""
        before = dict(connection.settings_dict)
        self.undo.callback(connection.settings_dict.update, before)
        connection.settings_dict.update(place)

    def sql(self, make: str, mend: str = "") -> None:
        """Executes as a superuser, and ``mend`` at the end."""
        with self.edge.other_connection() as superuser:
            superuser.execute(make)
        if mend:
            self.undo.callback(self.sql, mend)

    def weak(self, make: str = "SELECT 1", mend: str = "", **place: str) -> None:
        """Connects with a role that is not a superuser; ``place`` changes the place of the database."""
        self.undo.enter_context(weak_role())
        self.sql(make, mend)
        self.database(**place)

    def through_door(self, rule: Callable[[Request], Reply | None]) -> None:
        """Lets the edge reach its bucket through a doorman."""
        self.door.rule = rule
        self.set(S3_ENDPOINT=self.door.endpoint)

    def policy(self, *actions: str) -> None:
        """Gives the bucket a policy that allows ``actions`` to anybody, or none. SeaweedFS lets nobody write by a policy."""
        name, s3 = self.edge.bucket.bucket, self.s3()
        arns = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
        statement = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": list(actions), "Resource": arns}
        self.undo.callback(self.edge.bucket.ensure_bucket)
        s3.delete_bucket_policy(Bucket=name)
        if actions:
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
            self.undo.callback(s3.delete_bucket_policy, Bucket=name)

    def deny(self, below: str) -> None:
        """Adds a statement to the bucket's policy that denies everybody to read ``below``."""
        name, s3 = self.edge.bucket.bucket, self.s3()
        there = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        denial = {"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"],
                  "Resource": [f"arn:aws:s3:::{name}/{below}"]}  # fmt: skip
        there["Statement"] = [*there["Statement"], denial]
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(there))
        self.undo.callback(self.edge.bucket.ensure_bucket)
        self.undo.callback(s3.delete_bucket_policy, Bucket=name)

    def first_photo(self) -> str:
        """Returns the key of a photo in the bucket."""
        return min(self.edge.objects())

    def s3(self) -> Any:
        """Returns the client of another program."""
        return boto3.client(
            "s3", endpoint_url=self.edge.s3.endpoint, aws_access_key_id=self.edge.s3.access_key,
            aws_secret_access_key=self.edge.s3.secret_key, region_name="us-east-1",
        )  # fmt: skip

    def list_photo(self, **fields: Any) -> None:
        """Makes head office list one photo only, with ``fields``."""
        self.edge.ho.photos.clear()
        self.edge.ho.put("sate", picture(1), **fields)

    def at_broker(self, command: str, mend: str) -> None:
        """Gives the broker a command, and another at the end."""
        client: Any = redis.Redis.from_url(self.broker.url)
        client.execute_command(command)
        self.undo.callback(client.close)
        self.undo.callback(client.execute_command, mend)

    def silent_server(self) -> str:
        """Returns the address of a server that takes connections and never responds."""
        server = socket.create_server(("127.0.0.1", 0))
        self.undo.callback(server.close)
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    def tmpfs(self) -> Path:
        """Returns a folder on a small disk of its own, which is full. Skips without the right to mount one."""
        folder = self.folder / "full"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("mounting a disk needs root")
        self.undo.callback(subprocess.run, ["umount", str(folder)], check=True)
        with (folder / "data").open("wb", buffering=0) as file:
            file.write(bytes(64 * 1024))
        return folder


@pytest.fixture
def house(edge: Edge, valkey_server: Valkey, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Yields an edge in order, after its first run."""
    edge.ho.put("sate", picture(1))
    edge.ho.put("rendang", picture(2))
    edge.sync()
    for role in heartbeat.Role:
        heartbeat.write(role)
    settings.CELERY_BROKER_URL = valkey_server.url
    settings.MIDDLEWARE, settings.ROOT_URLCONF = [], "etalase.edge.urls"
    settings.CELERY_TIMEZONE = "Asia/Jakarta"
    settings.CELERY_BEAT_SCHEDULE = {
        "hourly": {"task": "sync_api.tasks.sync_product_photos", "schedule": crontab(minute=0)},
        "nightly": {"task": "sync_api.tasks.sync_product_photos_full", "schedule": crontab(hour=2, minute=0)},
    }
    # Another test of this process may have loaded the standalone application.
    monkeypatch.setattr(sync_request, "project_celery", lambda: None)
    with ExitStack() as undo:
        door = undo.enter_context(doorman(edge.s3.endpoint))
        web = undo.enter_context(doorman(edge.s3.endpoint))
        web.rule = lambda _: Reply(200)
        web_address.note(edge.configured(), web.endpoint.removeprefix("http://"))
        yield House(edge, settings, valkey_server, door, tmp_path, undo)
        connection.close()


def refuses(
    method: str, *, signed: bool = True, reply: Reply | None = None, below: str = ""
) -> Callable[[Request], Reply | None]:
    """Returns a rule that refuses a method about an object, or only about those below a prefix."""
    denied = reply or Reply(403, S3_ERROR % b"AccessDenied")

    def rule(request: Request) -> Reply | None:
        is_meant = bool(request.key) and request.key.startswith(below)
        return denied if is_meant and (request.method, request.is_signed) == (method, signed) else None

    return rule


def clock_of(door: Doorman, date: str) -> None:
    """Lets the server behind the doorman have another clock."""

    def after(_: Request, reply: Reply) -> Reply:
        return Reply(reply.status, reply.body, {**reply.headers, "Date": date})

    door.after = after


def late_head_office(house: House) -> None:
    door = house.undo.enter_context(doorman(house.edge.ho.url))
    clock_of(door, "Tue, 03 Feb 2026 07:26:11 GMT")
    house.set(HO_URL=door.endpoint)


def unknown_path(house: House) -> None:
    """Names an address below which head office has nothing: it responds 404 before it asks for a token."""
    door = house.undo.enter_context(doorman(house.edge.ho.url))
    door.rule = lambda _: Reply(404, b'{"detail": "Not found."}', {"Content-Type": "application/json"})
    house.set(HO_URL=f"{door.endpoint}/api/v1")


def late_bucket(house: House) -> None:
    clock_of(house.door, "Tue, 03 Feb 2026 07:26:11 GMT")
    house.through_door(lambda _: None)


def wrong_password(house: House) -> None:
    house.edge.ho.access_token = "another-token"
    house.set(HO_PASSWORD="an old password")


def locked_account(house: House) -> None:
    house.edge.ho.access_token = "another-token"
    house.edge.ho.on_token = lambda *_: Response(429, b'{"detail":"locked"}', {"Retry-After": "900"})


def pooler(house: House) -> None:
    port = house.undo.enter_context(pooled(int(connection.settings_dict["PORT"])))
    house.database(HOST="127.0.0.1", PORT=str(port))


@contextmanager
def pooled(behind: int) -> Iterator[int]:
    """Relays to PostgreSQL and tells clients another backend's pid, as pgbouncer does."""
    server = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket, *, changed: bool) -> None:
        try:
            while piece := source.recv(65536):
                # BackendKeyData: the byte K, its length, pid and key (PostgreSQL, "Message Formats").
                at = piece.find(b"K\0\0\0\x0c") if changed else -1
                target.sendall(piece if at < 0 else piece[: at + 5] + b"\0\0\0\x01" + piece[at + 9 :])
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", behind))
            for ends, changed in (((client, upstream), False), ((upstream, client), True)):
                threading.Thread(target=copy, args=ends, kwargs={"changed": changed}, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def no_read_of_ours(request: Request) -> Reply | None:
    """Refuses a signed read of an object, as a store does for a key without s3:GetObject."""
    denied = request.is_signed and request.key and request.method in {"GET", "HEAD"}
    return Reply(403, S3_ERROR % b"AccessDenied") if denied else None


def lists_by_prefix(request: Request) -> Reply | None:
    """Lists to anybody below the photos' prefix only, as a policy with a condition does."""
    is_allowed = not request.is_signed and not request.key and request.query.get("prefix", "").startswith("products/")
    return Reply(200, b"<ListBucketResult></ListBucketResult>") if is_allowed else None


def moved_region(request: Request) -> Reply | None:
    """Redirects as Amazon does to a bucket in another region."""
    body = b"<Error><Code>PermanentRedirect</Code><Message>Use the endpoint.</Message></Error>"
    return Reply(301, body, {"x-amz-bucket-region": "ap-southeast-3"})


def wrong_region(request: Request) -> Reply | None:
    """Refuses signed requests as MinIO does for another region."""
    body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'ap-southeast-3'</Message></Error>"
    return Reply(400, body) if request.is_signed else None


def console(_: Request) -> Reply:
    """Answers as a console does."""
    return Reply(200, b"<!DOCTYPE html><title>MinIO Console</title>", {"Content-Type": "text/html"})


def of_another_store(page: dict[str, Any]) -> None:
    page["filter"]["store_id"] = "00000000-0000-4000-8000-000000000000"


def shadowed_address(house: House) -> None:
    """Adds a view of the project at an address of Etalase."""
    urls = ModuleType("urls_of_a_project")
    vars(urls)["urlpatterns"] = [path("healthz", lambda _: HttpResponse()), path("", include("etalase.edge.urls"))]
    house.django.ROOT_URLCONF = urls


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Locks a table in another session, as a person's transaction does."""
    with psycopg.connect(**connection.get_connection_params()) as person:
        person.execute(f"LOCK TABLE {table}")
        yield
        person.rollback()


def poor_account(house: House) -> None:
    house.at_broker("ACL SETUSER poor on >pw ~other* &* +@all", "ACL DELUSER poor")
    house.django.CELERY_BROKER_URL = f"redis://poor:pw@127.0.0.1:{house.broker.port}/0"


def file_in_place(house: House) -> None:
    place = house.folder / "spool"
    place.write_text("")
    house.set(SPOOL_DIR=place)


Fault = Callable[[House], object]

# The fault, the check that is red, and those that depend on it.
FAULTS: dict[str, tuple[Fault, str, tuple[str, ...]]] = {
    "head office: wrong port": (lambda h: h.set(HO_URL="http://127.0.0.1:1"), "head_office", HEAD_OFFICE),
    "head office: unknown name": (lambda h: h.set(HO_URL=f"http://{NOWHERE}"), "dns_head_office",
        ("head_office", *HEAD_OFFICE)),
    "head office: another server": (lambda h: h.set(HO_URL=h.edge.s3.endpoint), "head_office", HEAD_OFFICE),
    "head office: moved": (lambda h: setattr(h.edge.ho, "redirects_to", "http://elsewhere"), "head_office", HEAD_OFFICE),
    "head office: in trouble": (
        lambda h: setattr(h.edge.ho, "on_feed_token", lambda _: Response(503)), "head_office", HEAD_OFFICE),
    "head office: a proxy's error page": (
        lambda h: setattr(h.edge.ho, "on_feed_token", lambda _: replace(PAGE, status=502)), "head_office", HEAD_OFFICE),
    "head office: a path too much": (unknown_path, "head_office", HEAD_OFFICE),
    "head office: https to a plain port": (
        lambda h: h.set(HO_URL=h.edge.ho.url.replace("http", "https")), "head_office", HEAD_OFFICE),
    "head office: silent": (lambda h: h.set(HO_URL=h.silent_server()), "head_office", HEAD_OFFICE),
    "head office: other clock": (late_head_office, "clock_head_office", ()),
    "account: wrong password": (wrong_password, "login", FEED),
    "account: locked": (locked_account, "login", FEED),
    "feed: store unknown": (
        lambda h: setattr(h.edge.ho, "on_page", lambda _: Response(404, b'{"detail":"Not found."}')), "feed", ORIGINS),
    "feed: of another store": (
        lambda h: setattr(h.edge.ho, "change_page", of_another_store),
        "feed", ORIGINS),
    "feed: a login page of the network": (lambda h: setattr(h.edge.ho, "on_page", lambda _: PAGE), "feed", ORIGINS),
    "photos: at a host that is not allowed": (
        lambda h: h.list_photo(image_url="http://minio.example:9000/product-images/a.jpg"), "image_origins", IMAGE),
    "photos: missing": (lambda h: setattr(h.edge.ho, "on_image", lambda _: Response(404)), "image", ()),
    "photos: private": (lambda h: setattr(h.edge.ho, "on_image", lambda _: Response(403)), "image", ()),
    "photos: a redirect": (
        lambda h: setattr(h.edge.ho, "on_image", lambda _: Response(302, headers={"Location": "http://elsewhere/a.jpg"})),
        "image", ()),
    "photos: a login page": (lambda h: setattr(h.edge.ho, "on_image", lambda _: PAGE), "image", ()),
    "photos: closed port": (lambda h: h.list_photo(image_url="http://127.0.0.1:1/a.jpg"), "image", ()),
    "bucket: unknown name": (
        lambda h: h.set(S3_ENDPOINT=f"http://{NOWHERE}:9000"), "dns_bucket", ("object_store", *STORE)),
    "bucket: wrong port": (lambda h: h.set(S3_ENDPOINT="http://127.0.0.1:1"), "object_store", STORE),
    "bucket: the console": (lambda h: h.through_door(console), "object_store", STORE),
    "bucket: https to a plain port": (
        lambda h: h.set(S3_ENDPOINT=h.edge.s3.endpoint.replace("http", "https")), "object_store", STORE),
    "bucket: in trouble": (lambda h: h.through_door(lambda _: Reply(502, b"bad gateway")), "object_store", STORE),
    "bucket: other clock": (late_bucket, "clock_bucket", ("bucket", *BUCKET)),
    "bucket: unknown key": (lambda h: h.set(S3_ACCESS_KEY="nobody's key"), "bucket", BUCKET),
    "bucket: wrong secret": (lambda h: h.set(S3_SECRET_KEY="not this one"), "bucket", BUCKET),
    "bucket: wrong region": (lambda h: h.through_door(wrong_region), "bucket", BUCKET),
    "bucket: missing": (lambda h: h.set(S3_BUCKET="nobody-made-this"), "bucket", BUCKET),
    "bucket: no right to put": (lambda h: h.through_door(refuses("PUT")), "bucket_write", WRITE),
    "bucket: takes photos alone": (lambda h: h.through_door(refuses("PUT", below="renditions/")), "bucket_write", WRITE),
    "bucket: shows photos alone": (
        lambda h: h.through_door(refuses("GET", signed=False, below="renditions/")), "bucket_public", PUBLIC),
    "bucket: full": (
        lambda h: h.through_door(refuses("PUT", reply=Reply(507, S3_ERROR % b"XMinioStorageFull"))), "bucket_write", WRITE),
    "bucket: no right to read": (lambda h: h.through_door(no_read_of_ours), "bucket_read", ()),
    "bucket: no right to delete": (lambda h: h.through_door(refuses("DELETE")), "bucket_delete", ()),
    "bucket: denies a dish by its policy": (lambda h: h.deny("products/*/sate"), "bucket_public", PUBLIC),
    "bucket: denies its photos elsewhere": (
        lambda h: h.through_door(refuses("GET", signed=False, below=h.first_photo())), "bucket_public", PUBLIC),
    "bucket: private": (lambda h: h.policy(), "bucket_public", PUBLIC),
    "bucket: can be listed": (lambda h: h.policy("s3:GetObject", "s3:ListBucket"), "bucket_listing", ()),
    "bucket: can be listed below a prefix": (lambda h: h.through_door(lists_by_prefix), "bucket_listing", ()),
    "bucket: anybody may delete": (
        lambda h: h.through_door(refuses("DELETE", signed=False, reply=Reply(204))), "bucket_anonymous_write", ()),
    "bucket: a store that puts nothing": (
        lambda h: h.through_door(refuses("PUT", reply=Reply(405, S3_ERROR % b"MethodNotAllowed"))), "bucket_write", WRITE),
    "bucket: in another region": (lambda h: h.through_door(moved_region), "bucket", BUCKET),
    "bucket: anybody may write": (
        lambda h: h.through_door(refuses("PUT", signed=False, reply=Reply(200))), "bucket_anonymous_write", ()),
    "public address: unknown name": (
        lambda h: h.set(S3_PUBLIC_URL=f"http://{NOWHERE}:9000"), "dns_public", ("public_url", "store_ports")),
    "public address: wrong port": (lambda h: h.set(S3_PUBLIC_URL="http://127.0.0.1:1"), "public_url", ()),
    "public address: another server": (lambda h: h.set(S3_PUBLIC_URL=h.edge.ho.url), "public_url", ()),
    "public address: this machine's own": (
        lambda h: setattr(h.django, "ALLOWED_HOSTS", ["192.168.1.10"]), "public_url_host", ()),
    "page with https, photos without": (
        lambda h: setattr(h.django, "SECURE_HSTS_SECONDS", 3600), "mixed_content", ()),
    "origin with a path": (
        lambda h: setattr(h.django, "CORS_ALLOWED_ORIGINS", ["http://pos.example/"]), "cors", ()),
    "web server: stopped": (
        lambda h: only_web_server(h, "127.0.0.1:1"), "web_server", ()),
    "web server: another program": (
        lambda h: only_web_server(h, h.edge.ho.url.removeprefix("http://")), "web_server", ()),
    "database: wrong port": (lambda h: h.database(PORT="1"), "database", DATABASE),
    "database: unknown host": (lambda h: h.database(HOST=NOWHERE), "dns_database", ("database", *DATABASE)),
    "database: wrong password": (lambda h: h.weak(PASSWORD="no"), "database", DATABASE),
    "database: unknown": (lambda h: h.database(NAME="dropped"), "database", DATABASE),
    "database: no connection left": (
        lambda h: h.weak(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0", f"ALTER ROLE {ROLE} CONNECTION LIMIT -1"),
        "database", DATABASE),
    "database: read-only": (
        lambda h: h.weak(f"ALTER ROLE {ROLE} SET default_transaction_read_only = on"), "database_writable", ()),
    "database: behind a pooler": (pooler, "database_pooler", ()),
    "database: a migration is missing": (
        lambda h: h.sql(
            "UPDATE django_migrations SET app = 'aside' WHERE app = 'etalase_edge' AND name = '0007_own'",
            "UPDATE django_migrations SET app = 'etalase_edge' WHERE app = 'aside'"),
        "migrations", MIGRATIONS),
    "database: tables in another schema": (
        lambda h: h.weak(f"ALTER ROLE {ROLE} SET search_path = nowhere"), "migrations", MIGRATIONS),
    "database: a column is missing": (
        lambda h: h.sql(
            "ALTER TABLE etalase_sync_run RENAME carried_at TO aside",
            "ALTER TABLE etalase_sync_run RENAME aside TO carried_at"),
        "tables", STATE),
    "database: a column is too short": (
        lambda h: h.sql(
            "ALTER TABLE product_photo ALTER filename TYPE varchar(20)",
            "ALTER TABLE product_photo ALTER filename TYPE varchar(255)"),
        "tables", STATE),
    "database: a table is missing": (
        lambda h: h.sql("ALTER TABLE etalase_doubt RENAME TO aside", "ALTER TABLE aside RENAME TO etalase_doubt"),
        "tables", STATE),
    "database: a right is missing": (
        lambda h: h.weak(f"REVOKE DELETE ON product_photo FROM {ROLE}"), "database_rights", STATE),
    "database: product_photo is a view": (
        lambda h: h.sql(
            "ALTER TABLE product_photo RENAME TO aside; CREATE VIEW product_photo AS SELECT DISTINCT * FROM aside",
            "DROP VIEW product_photo; ALTER TABLE aside RENAME TO product_photo"),
        "tables", STATE),
    "database: a further column without a default": (
        lambda h: h.sql(
            "ALTER TABLE product_photo ADD shelf text NOT NULL DEFAULT ''; ALTER TABLE product_photo ALTER shelf DROP DEFAULT",
            "ALTER TABLE product_photo DROP shelf"),
        "tables", STATE),
    "database: restored without its keys": (
        lambda h: h.sql(
            "ALTER TABLE product_photo DROP CONSTRAINT product_photo_pkey", "ALTER TABLE product_photo ADD PRIMARY KEY (id)"),
        "tables", STATE),
    "database: row-level security": (
        lambda h: h.weak(
            "ALTER TABLE product_photo ENABLE ROW LEVEL SECURITY", "ALTER TABLE product_photo DISABLE ROW LEVEL SECURITY"),
        "database_rights", STATE),
    "database: of a newer version": (
        lambda h: h.sql(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('etalase_edge', '9999_next', now())",
            "DELETE FROM django_migrations WHERE name = '9999_next'"),
        "migrations", MIGRATIONS),
    "database: a table is locked": (
        lambda h: h.undo.enter_context(locked("etalase_checkpoint")), "store", ("worker", "beat")),
    "database: the photos are locked": (
        lambda h: h.undo.enter_context(locked("product_photo")), "store", ()),
    "database: the products are locked": (
        lambda h: h.undo.enter_context(locked("product")), "store", ()),
    "database: of another store": (
        lambda h: h.sql("UPDATE etalase_checkpoint SET company_id = store_id"), "store", ()),
    "worker: never started": (lambda h: h.sql("DELETE FROM etalase_heartbeat WHERE role = 'worker'"), "worker", ()),
    "worker: stopped": (
        lambda h: h.sql("UPDATE etalase_heartbeat SET at = now() - interval '1 h' WHERE role = 'worker'"), "worker", ()),
    "beat: stopped": (
        lambda h: h.sql("UPDATE etalase_heartbeat SET at = now() - interval '1 h' WHERE role = 'beat'"), "beat", ()),
    "broker: wrong port": (lambda h: setattr(h.django, "CELERY_BROKER_URL", "redis://127.0.0.1:1/0"), "broker", ()),
    "broker: unknown name": (
        lambda h: setattr(h.django, "CELERY_BROKER_URL", f"redis://{NOWHERE}:6379/0"), "dns_broker", ("broker",)),
    "broker: a package is missing": (
        lambda h: setattr(h.django, "CELERY_BROKER_URL", "nosuch.package://127.0.0.1:1/0"), "broker", ()),
    "broker: of an unknown kind": (lambda h: setattr(h.django, "CELERY_BROKER_URL", "nosuch://127.0.0.1:1/0"), "broker", ()),
    "broker: wrong password": (
        lambda h: setattr(h.django, "CELERY_BROKER_URL", f"redis://:wrong@127.0.0.1:{h.broker.port}/0"), "broker", ()),
    "broker: full": (
        lambda h: h.at_broker("CONFIG SET maxmemory 1mb", "CONFIG SET maxmemory 0"), "broker", ()),
    "broker: a replica": (
        lambda h: h.at_broker("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"), "broker", ()),
    "broker: an account without the queue": (poor_account, "broker", ()),
    "broker: its replicas are away": (
        lambda h: h.at_broker("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"), "broker", ()),
    "broker: another's data in the queue": (
        lambda h: h.at_broker("SET celery 1", "DEL celery"), "broker", ()),
    "schedule: Celery's clock is UTC": (lambda h: delattr(h.django, "CELERY_TIMEZONE"), "time_zone", ("schedule",)),
    "schedule: no nightly run": (lambda h: h.django.CELERY_BEAT_SCHEDULE.pop("nightly"), "schedule", ()),
    "project: a view in the place of ours": (shadowed_address, "project", ()),
    "project: its addresses cannot be loaded": (
        lambda h: setattr(h.django, "ROOT_URLCONF", "no_such_module"), "project", ()),
    "disk: full": (lambda h: h.set(SPOOL_DIR=h.tmpfs() / "spool"), "disk", ("spool",)),
    "spool: a file in its place": (file_in_place, "spool", ()),
}  # fmt: skip


def test_an_edge_in_order_has_no_fault_and_nothing_is_written(house: House) -> None:
    rows, requests = house.edge.row_versions(), len(house.edge.ho.requests)
    before = house.edge.query("SELECT * FROM etalase_checkpoint")
    found = house.look()
    assert [result for result in found.values() if not result.ok] == []
    assert set(found) == {"versions", "settings", *IDS}
    assert house.edge.row_versions() == rows
    assert house.edge.query("SELECT * FROM etalase_checkpoint") == before
    assert "/api/v1/token/" not in house.edge.ho.requests[requests:]
    assert not any("etalase-probe" in key for key in house.edge.objects())


# Each sixth fault in every run of the tests, all of them in the long ones.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if number % 6 else []) for number, name in enumerate(FAULTS)]
)
def test_a_fault_turns_its_own_check_red_what_depends_on_it_null_and_nothing_else(house: House, name: str) -> None:
    make, red, dependent = FAULTS[name]
    make(house)
    found = house.look()
    assert {id_: r.detail for id_, r in found.items() if r.ok is False}.keys() == {red}, found
    # The address of the web server is kept for one database, in the spool folder.
    assert {id_ for id_, r in found.items() if r.ok is None} - {"web_server"} == set(dependent)
    assert found[red].hint
    assert all(f"needs {red}" in found[id_].detail for id_ in dependent)
    assert "defect of Etalase" not in found[red].hint


def test_every_check_has_a_fault_and_their_number_is_that_of_the_document() -> None:
    page = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text()
    # Beside the table: settings (tests/acceptance/test_doctor.py), the inner ports below, and what init has made
    # (tests/unit/doctor/test_services.py).
    assert f"{len(FAULTS) + 2} faults of an edge" in page
    assert {red for _, red, _ in FAULTS.values()} >= set(IDS) - {
        "postgresql", "database_encoding", "store_ports", "renditions", "settings_file", "starts_at_boot",
    }  # fmt: skip


def test_a_probe_of_a_killed_doctor_is_removed_by_the_next_and_is_no_orphan(house: House) -> None:
    left, fresh = f"{PROBE_PREFIX}1770000000-0a0b0c0d", f"{PROBE_PREFIX}{int(time.time())}-0a0b0c0d"
    for key in (left, fresh):
        house.edge.bucket.put(key, b"x", content_type="image/png")
    house.edge.sync(full=True)
    assert house.edge.count("etalase_reclaim") == 0
    assert house.look()["bucket_delete"].ok
    assert {key for key in house.edge.objects() if key.startswith(PROBE_PREFIX)} == {fresh}, "of a doctor that still works"


def test_read_only_puts_nothing_and_reads_a_photo_instead(house: House) -> None:
    house.through_door(lambda _: None)
    house.set(S3_PUBLIC_URL=house.door.endpoint)
    found = house.look(read_only=True)
    assert [id_ for id_, result in found.items() if result.ok is None] == [
        "bucket_write", "bucket_anonymous_write", "bucket_delete"
    ]  # fmt: skip
    assert found["public_url"].ok
    assert {request.method for request in house.door.requests} <= {"GET", "HEAD"}


def test_a_web_server_of_another_kind_is_not_looked_at(house: House) -> None:
    only_web_server(house, "unix:/run/etalase/web.sock")
    assert house.look()["web_server"].ok is None
    for note in house.edge.spool.glob("web-*"):
        note.unlink()
    assert "never started" in house.look()["web_server"].detail


def test_an_account_is_not_asked_again_soon_after_its_login_was_refused(house: House) -> None:
    wrong_password(house)
    for _ in range(4):
        assert house.look()["login"].ok is False
    assert house.edge.ho.requests.count("/api/v1/token/") == 1 + 1  # that of the first run, and one of a doctor
    house.set(HO_PASSWORD=house.edge.ho.password)
    assert house.look()["login"].detail == "logged in as store"


def test_an_edge_without_photos_and_runs_has_no_fault_but_its_silent_worker_and_beat(house: House) -> None:
    house.edge.ho.photos.clear()
    for table in ("product_photo", "etalase_checkpoint", "etalase_heartbeat", "etalase_sync_run"):
        house.sql(f"DELETE FROM {table}")
    house.edge.bucket.delete(sorted(house.edge.objects()))
    found = house.look()
    assert {id_ for id_, result in found.items() if result.ok is False} == {"worker", "beat"}
    assert {id_ for id_, result in found.items() if result.ok is None} == {"image_origins", "image"}


def test_a_broker_that_tells_nothing_about_itself_is_no_fault(house: House) -> None:
    house.at_broker("ACL SETUSER etalase on >pw ~* &* +@all -info", "ACL DELUSER etalase")
    house.django.CELERY_BROKER_URL = f"redis://etalase:pw@127.0.0.1:{house.broker.port}/0"
    assert house.look()["broker"].ok


def test_an_edge_whose_runs_a_timer_starts_needs_no_worker(house: House) -> None:
    house.sql("DELETE FROM etalase_heartbeat")
    found = house.look()
    assert (found["worker"].ok, found["beat"].ok) == (None, None)
    assert all(result.ok is not False for result in found.values())


def test_the_inner_ports_of_the_object_store_are_seen_at_an_address_of_the_network(tmp_path: Path) -> None:
    host = own_address()
    ports = SeaweedPorts.free()
    purposes = {"filer": ports.filer, "master": ports.master, "volume": ports.volume}
    argv: list[str | Path] = [
        find_program(), f"-logdir={tmp_path}", "mini", f"-dir={tmp_path}", f"-ip={host}", f"-ip.bind={host}",
        *(f"-{role}.port={port}" for role, port in asdict(ports).items()), "-webdav=false", "-admin.ui=false",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.preStopSeconds=0",
    ]  # fmt: skip
    child = spawn("open store", argv, run_dir=tmp_path, env={"PATH": "/bin", "HOME": str(tmp_path)})
    try:
        paths = {port.purpose.split()[1]: port.path for port in STORE_PORTS}
        known = [StorePort(purpose, port, paths[purpose]) for purpose, port in purposes.items()]
        child.wait_ready(lambda: all(open_at(host, port) for port in known), 60)
        store = ObjectStore(endpoint=f"http://127.0.0.1:{ports.s3}", bucket="photos", access_key="a", secret_key="s")
        bucket = BucketChecks(store, f"http://{host}:{ports.s3}", None, "sync", ports=known)
        with pytest.raises(DoctorsFault, match=r"filer at .* master at .* volume at") as found:
            bucket.closed_ports()
        assert "127.0.0.1" in found.value.hint
    finally:
        child.stop()
    assert "none of them answers" in bucket.closed_ports()


def own_address() -> str:
    """Returns an address of this machine in a network. Skips without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
        return str(probe.getsockname()[0])


def test_a_web_server_that_came_and_went_hides_no_other_one(house: House) -> None:
    web_address.note(house.edge.configured(), "127.0.0.1:1")
    assert house.look()["web_server"].ok
