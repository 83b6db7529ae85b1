"""Adopts the edge of a project that the guide's code filled two years ago, with a mess of each kind, and goes back again."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import new_edge
from tests.acceptance.guide_project import Customer, guide_built
from tests.simulator import Simulator, picture

DISHES = 8


@pytest.fixture
def customer(postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path) -> Iterator[Customer]:
    with guide_built(postgres_server, s3_server, ho, tmp_path, dishes=DISHES) as project:
        yield project


def make_a_mess(customer: Customer) -> dict[str, Any]:
    """Adds the store's own dish, thumbnails, old rows, cut and lost objects, and constraints; returns its parts."""
    edge, ho, s3 = customer.edge, customer.ho, customer.s3()
    wires = list(ho.photos.values())
    own, own_product = uuid.uuid4(), str(uuid.uuid4())
    customer.add_product(own_product, "Nasi kampung")
    key = f"products/{own_product}/primary.jpg"
    s3.put_object(Bucket=customer.bucket, Key=key, Body=picture("own"), ContentType="image/jpeg")
    edge.sql(
        "INSERT INTO product_photo (id, product_id, object_key, filename, size, content_type, checksum, version, is_primary,"
        " sort_order, created_at, updated_at) VALUES (%s, %s, %s, 'own.jpg', %s, 'image/jpeg', %s, 1, true, 0, now(), now())",
        *(own, own_product, key, len(picture("own")), hashlib.md5(picture("own")).hexdigest()),
    )
    edge.sql("INSERT INTO promo_banner (title, photo_id) VALUES ('Kampung', %s)", own)
    thumbs = [f"{wire['object_key'].rpartition('/')[0]}/thumb_200.jpg" for wire in wires[:3]]
    for thumb in thumbs:
        s3.put_object(Bucket=customer.bucket, Key=thumb, Body=picture(thumb, 300), ContentType="image/jpeg")
    s3.put_object(Bucket=customer.bucket, Key=wires[0]["object_key"], Body=picture(0)[:700], ContentType="image/jpeg")
    s3.delete_object(Bucket=customer.bucket, Key=wires[1]["object_key"])
    edge.sql("DELETE FROM product_photo WHERE id = %s", uuid.UUID(wires[2]["id"]))
    edge.sql("UPDATE product_photo SET sort_order = 9 WHERE id = %s", uuid.UUID(wires[3]["id"]))
    ho.delete(wires[4]["id"])
    edge.sql("ALTER TABLE product_photo ADD CONSTRAINT sort CHECK (sort_order < 100)")
    statement = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:ListBucket"]}
    customer.add_statement({**statement, "Resource": [f"arn:aws:s3:::{customer.bucket}"]})
    return {"own": str(own), "deleted": wires[4]["id"], "thumbs": set(thumbs)}


def state(customer: Customer) -> Any:
    """Returns all that a dry run must leave as it was."""
    objects = customer.s3().list_objects_v2(Bucket=customer.bucket)["Contents"]
    tables = (
        "SELECT relname, relfilenode FROM pg_class WHERE relkind IN ('r', 'i', 'S') AND relnamespace = 'public'::regnamespace"
    )
    rows = customer.edge.sql("SELECT id, xmin::text FROM product_photo ORDER BY 1")
    return rows, customer.edge.sql(f"{tables} ORDER BY 1"), [(one["Key"], one["ETag"]) for one in objects], customer.policy()


def keys(customer: Customer) -> set[str]:
    return {one["Key"] for one in customer.s3().list_objects_v2(Bucket=customer.bucket)["Contents"]}


def ids(customer: Customer) -> set[str]:
    return {str(row[0]) for row in customer.edge.sql("SELECT id FROM product_photo")}


def test_the_customer_looks_adopts_syncs_and_goes_back(customer: Customer) -> None:
    mess = make_a_mess(customer)
    before = state(customer)
    look = customer.json("photos_adopt", "--dry-run", exit_status=1)
    assert state(customer) == before  # before migrate
    assert "python manage.py migrate" in json.dumps(look)
    assert "etalase edge" not in json.dumps(look)
    assert set(look) - {"exit_status"} == {
        "ok", "decisions", "preconditions", "clashes", "rows", "bucket", "policy", "first_run",
    }  # fmt: skip
    assert {name: len(look["policy"][name]) for name in ("added", "kept")} == {"added": 0, "kept": 2}
    assert {(decision["code"], decision["count"]) for decision in look["decisions"]} == {
        ("row_not_listed", 1),
        ("object_unknown", 3),
    }
    assert "sync_api.tasks.sync_product_photos" in {clash["name"] for clash in look["clashes"]}
    told = {condition["id"]: condition for condition in look["preconditions"]}
    assert all(condition["ok"] for condition in told.values())
    assert "sort: CHECK" in told["product_photo_constraints"]["detail"]
    assert "promo_banner" in told["product_photo_constraints"]["detail"]

    assert customer.json("photos_adopt", "--apply", exit_status=2)["ok"] is False  # migrate comes first
    customer.managed("migrate")
    assert customer.json("photos_adopt", "--dry-run", exit_status=1)["first_run"] == look["first_run"]
    assert "adopt --dry-run" in customer.manage("photos_sync").stderr.replace("photos_", "")
    adopted = customer.json("photos_adopt", "--apply")
    assert (adopted["ok"], adopted["first_run"]) == (True, look["first_run"])

    first = customer.json("photos_sync")
    assert {name: first[name] for name in look["first_run"]} == look["first_run"]
    assert mess["deleted"] not in ids(customer)
    customer.json("photos_sync", "--full")
    assert mess["own"] in ids(customer)
    assert mess["thumbs"] <= keys(customer)
    assert customer.edge.sql("SELECT count(*) FROM promo_banner") == [(1,)]
    assert customer.json("photos_status")["own"]["photos"] == 1
    assert customer.json("photos_own", "approve", "--all")["approved"] == 4

    customer.ho.put("Dish 5", picture("new"), photo=customer.ho.photos[list(customer.ho.photos)[4]]["id"])
    customer.run_guides_code()  # the guide's code on the same table and bucket
    assert mess["own"] in ids(customer)
    assert customer.json("photos_sync", "--full")["outcome"] == "success"


@pytest.mark.long
def test_each_command_prints_one_object_also_where_nothing_can_be_adopted(customer: Customer) -> None:
    customer.edge.sql("ALTER TABLE product_photo ALTER COLUMN updated_at TYPE timestamp")
    for mode in ("--dry-run", "--apply"):
        done = customer.manage("photos_adopt", mode, "--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["ok"]) == (2, False)
        assert "updated_at is timestamp without time zone" in done.stdout
    for name, value, id_ in (("USE_TZ", "false", "time_zones"), ("ETALASE", "{}", "settings")):
        report = customer.json("photos_adopt", "--dry-run", exit_status=2, **{f"CUSTOMER_SET_{name}": value})
        assert id_ in {condition["id"] for condition in report["preconditions"] if not condition["ok"]}
    assert json.loads(customer.manage("photos_adopt", "--json").stdout)["exit_status"] == 2
    assert json.loads(customer.manage("photos_adopt", "--decide", "nonsense", "--dry-run", "--json").stdout)["exit_status"] == 2


@pytest.mark.long
def test_a_standalone_edge_adopts_the_guides_database(
    postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path
) -> None:
    with new_edge(postgres_server, s3_server, ho.url, tmp_path) as edge:
        edge.sql("CREATE TABLE product (id uuid PRIMARY KEY, sku varchar(100) NOT NULL, name varchar(255) NOT NULL)")
        edge.sql(
            "CREATE TABLE product_photo (id uuid PRIMARY KEY, product_id uuid NOT NULL REFERENCES product ON DELETE CASCADE,"
            " object_key varchar(500), filename varchar(255), size integer, content_type varchar(100), checksum varchar(32),"
            " version integer DEFAULT 1, is_primary boolean DEFAULT false, sort_order integer DEFAULT 0,"
            " created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now())"
        )
        own, product = uuid.uuid4(), uuid.uuid4()
        edge.sql("INSERT INTO product VALUES (%s, 'K1', 'Nasi kampung')", product)
        edge.sql("INSERT INTO product_photo (id, product_id, object_key) VALUES (%s, %s, 'products/own.jpg')", own, product)
        ho.put("Rendang", picture("rendang"))
        look = edge.json("adopt", "--dry-run", exit_status=1)
        assert (look["rows"]["not_listed_unknown"], look["bucket"]["missing"], look["first_run"]["fetched"]) == (1, 1, 1)
        assert "There is no bucket yet" in json.dumps(look["preconditions"])
        assert edge.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'etalase%%'") == [(0,)]
        assert edge.run("migrate").returncode == 0
        assert edge.json("adopt", "--apply")["ok"]
        first = edge.json("sync")
        assert {name: first[name] for name in look["first_run"]} == look["first_run"]
        assert edge.json("status")["own"] == {"photos": 1, "open": 1, "damaged": 1, "objects": 0, "open_objects": 0}
