"""Checks the edge as an app in a customer's Django project with its own product and photo models."""

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis

from etalase.devstack.postgres import Postgres
from etalase.devstack.process import Child, spawn
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge, eventually, new_edge, send
from tests.simulator import Simulator, picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path) -> Iterator[Edge]:
    with new_edge(postgres_server, s3_server, ho.url, tmp_path) as edge:
        edge.environment["DJANGO_SETTINGS_MODULE"] = "tests.acceptance.dropin.settings"
        yield edge


def test_a_project_with_its_own_product_model_gets_its_photos(project: Edge, ho: Simulator) -> None:
    _customers_tables(project, photos=False)
    assert _manage(project, "migrate").returncode == 0
    known = ho.put("Rendang", picture("rendang"))
    ho.put("Not here yet", picture("later"))
    _add_product(project, "Rendang")
    first = _sync(project)
    assert (first["outcome"], first["fetched"], first["parked"]) == ("success", 1, 1)
    assert project.sql("SELECT id::text FROM product_photo") == [(known,)]
    _add_product(project, "Not here yet")
    second = _sync(project)
    assert (second["fetched"], second["parked"]) == (1, 0)


@pytest.mark.long
def test_an_edge_filled_by_the_guides_code_is_adopted_without_downloads(
    project: Edge, ho: Simulator, s3_server: S3Server
) -> None:
    _customers_tables(project, photos=True)
    s3 = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name="us-east-1",
    )
    bucket = project.environment["ETALASE_S3_BUCKET"]
    s3.create_bucket(Bucket=bucket)
    for number in range(5):
        name, body = f"Dish {number}", picture(number)
        photo = ho.photos[ho.put(name, body)]
        _add_product(project, name)
        s3.put_object(Bucket=bucket, Key=photo["object_key"], Body=body, ContentType="image/jpeg")
        project.sql(
            "INSERT INTO product_photo (id, product_id, object_key, filename, size, content_type, checksum, version,"
            " is_primary, sort_order, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, 1, true, 0, now(), now())",
            *(photo["id"], photo["product_id"], photo["object_key"], photo["filename"], len(body), "image/jpeg"),
            hashlib.md5(body).hexdigest(),
        )
    assert _manage(project, "migrate").returncode == 0
    assert _manage(project, "photos_sync").returncode == 2
    assert _manage(project, "photos_adopt", "--apply").returncode == 0
    report = _sync(project)
    assert (report["seen"], report["unchanged"], report["bytes_fetched"]) == (5, 5, 0)
    assert ho.image_requests == []
    ho.put("Dish 5", picture(5))
    _add_product(project, "Dish 5")
    assert _sync(project)["fetched"] == 1


def test_no_command_shadows_a_django_command(project: Edge) -> None:
    listed = _manage(project, "help", "--commands").stdout.split()
    assert len(listed) == len(set(listed))
    assert {"photos_sync", "photos_status", "photos_held", "photos_approve", "photos_refuse", "photos_failures"} <= set(listed)


def test_a_missing_setting_fails_the_projects_system_check(project: Edge) -> None:
    del project.environment["ETALASE_HO_URL"]
    done = _manage(project, "check")
    assert done.returncode == 1
    assert "etalase.E001" in done.stderr
    assert "HO_URL is missing" in done.stderr


def test_a_field_missing_from_the_product_model_is_named_by_check_and_every_command(project: Edge) -> None:
    project.environment["TITLE_FIELD"] = "nosuch"
    assert "(etalase.E002)" in _manage(project, "check").stderr
    done = _manage(project, "photos_sync")
    assert done.returncode == 2
    assert "PRODUCT_NAME_FIELD «nosuch»: products.Product has no such field; it has id, " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_the_projects_own_worker_and_beat_write_heartbeats(project: Edge, valkey_server: Valkey) -> None:
    project.environment["ETALASE_BROKER_URL"] = valkey_server.url
    _customers_tables(project, photos=False)
    assert _manage(project, "migrate").returncode == 0
    for role in (["worker", "--pool", "threads"], ["beat", "--schedule", str(project.folder / "schedule")]):
        _celery(project, *role)
    eventually(lambda: project.sql("SELECT role FROM etalase_heartbeat ORDER BY role") == [("beat",), ("worker",)], 30)


@pytest.mark.long
def test_a_projects_queue_keeps_its_messages_while_a_run_waits_for_its_offset(
    project: Edge, ho: Simulator, valkey_server: Valkey
) -> None:
    project.environment |= {"ETALASE_BROKER_URL": valkey_server.url, "OFFSET_MINUTES": "59"}
    _customers_tables(project, photos=False)
    assert _manage(project, "migrate").returncode == 0
    worker = _celery(project, "worker", "--pool", "threads", "--queues", "photos", "--loglevel", "INFO")
    send(valkey_server, "sync_api.tasks.sync_product_photos", queue="photos")
    eventually(lambda: "succeeded" in worker.log.read_text(), 60)
    with redis.Redis.from_url(valkey_server.url) as client:
        # The message waits with this worker, not in Celery's default queue, which has no consumer.
        eventually(lambda: worker.log.read_text().count("received") == 2)
        assert client.llen("celery") == 0


def _celery(project: Edge, *args: str) -> Child:
    command = [sys.executable, "-m", "celery", "--workdir", str(ROOT), "-A", "tests.acceptance.dropin.celery", *args]
    child = spawn(f"customer's {args[0]}", command, run_dir=project.folder, env=project.environment)
    project.children.append(child)
    return child


def _manage(project: Edge, *args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "django", *args]
    return subprocess.run(command, env=project.environment, cwd=ROOT, capture_output=True, text=True, check=False)


def _sync(project: Edge) -> dict[str, Any]:
    done = _manage(project, "photos_sync", "--json")
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _customers_tables(project: Edge, *, photos: bool) -> None:
    project.sql("CREATE TABLE product (id uuid PRIMARY KEY, title varchar(200) NOT NULL, code varchar(50) NOT NULL)")
    if photos:
        project.sql(
            "CREATE TABLE product_photo (id uuid PRIMARY KEY, product_id uuid NOT NULL REFERENCES product DEFERRABLE INITIALLY"
            " DEFERRED, object_key varchar(500), filename varchar(255), size integer, content_type varchar(100),"
            " checksum varchar(32), version integer NOT NULL, is_primary boolean NOT NULL, sort_order integer NOT NULL,"
            " created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)"
        )


def _add_product(project: Edge, name: str) -> None:
    product_id = uuid.uuid5(uuid.NAMESPACE_OID, name)
    project.sql("INSERT INTO product (id, title, code) VALUES (%s, %s, %s)", product_id, name, name[:20])
