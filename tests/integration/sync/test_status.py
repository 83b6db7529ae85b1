"""Checks the status against an independent look at bucket and rows (it is never "well" while anything is missing)."""

import hashlib
import json
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.django_settings import STORE_ID
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import overwrite_in_parts, run_in_flight, status, sync_dishes
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed
from etalase.edge.integrity import Damage
from etalase.edge.pos import catalogue
from etalase.edge.status import collect
from etalase.edge.status.collect import read
from etalase.edge.status.comparison import compare
from etalase.edge.status.looks import Reads
from etalase.edge.status.summary import summarize
from etalase.edge.status.verdict import judge
from etalase.edge.sync import removal_decisions
from etalase.edge.sync.lock import RunLock
from etalase.errors import DatabaseAway
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.model import ObjectInfo, ObjectRead

# Any damage of bucket and rows

DISHES = 5
PHOTOS = [(f"DISH {number}", place) for number in range(DISHES) for place in range(2)]


@dataclass
class IndependentCheck:
    """Damages bucket and rows, and computes the expected status without the engine."""

    edge: Edge
    s3: Any
    whole: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Loads a store with two photos for each dish, and a product without a photo."""
        for dish, place in PHOTOS:
            self.edge.ho.put(dish, picture(f"{dish} {place}", 2000 + place), primary=place == 0, sort_order=place)
        assert self.edge.sync().outcome == "success"
        self.edge.query("INSERT INTO product (id, sku, name) VALUES (gen_random_uuid(), '', 'WATER')")
        self.edge.query("CREATE TABLE kept AS SELECT * FROM product_photo")
        self.whole = {key: self.edge.bucket.get(key) for key in sorted(self.edge.objects())}
        self.bucket = self.edge.bucket.bucket

    def restore(self) -> None:
        """Restores the state after the sync."""
        self.edge.query("TRUNCATE product_photo, etalase_doubt")
        self.edge.query("INSERT INTO product_photo SELECT * FROM kept")
        for key in self.edge.objects() - self.whole.keys():
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        for key, body in self.whole.items():
            self.put(key, body)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="image/jpeg")

    def do(self, what: str, number: int, other: int) -> None:  # noqa: PLR0912 - a table of things that happen
        """Makes one kind of damage."""
        keys = list(self.whole)
        key, body = keys[number], self.whole[keys[number]]
        match what:
            case "delete":
                self.s3.delete_object(Bucket=self.bucket, Key=key)
            case "cut":
                self.put(key, body[: len(body) // 2])
            case "empty":
                self.put(key, b"")
            case "overwrite":
                self.put(key, picture("another", len(body)))
            case "lengthen":
                self.put(key, body + b"more")
            case "retype":
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="text/html")
            case "swap":
                self.put(key, self.whole[keys[other]])
                self.put(keys[other], body)
            case "put again in parts":
                overwrite_in_parts(self.s3, self.bucket, key, body)
            case "overwrite in parts":
                overwrite_in_parts(self.s3, self.bucket, key, picture("another", len(body)))
            case "stray":
                self.put(f"products/stray-{other}.jpg", body)
            case "row gone":
                self.edge.query("DELETE FROM product_photo WHERE object_key = %s", key)
            case "row's checksum":
                self.edge.query("UPDATE product_photo SET checksum = md5(%s) WHERE object_key = %s", what, key)
            case "row's checksum in capitals":
                self.edge.query("UPDATE product_photo SET checksum = upper(checksum) WHERE object_key = %s", key)

    def body(self, key: str) -> tuple[bytes | None, str]:
        """Returns the bytes and the media type of an object."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=key)
            return found["Body"].read(), found["ContentType"]
        except ClientError:
            return None, ""

    def expected(self) -> dict[str, Any]:
        """Returns the numbers that the status has to report."""
        damaged, good_products = dict.fromkeys(("missing", "cut", "changed", "mistyped", "unreadable"), 0), set()
        rows = self.edge.query("SELECT product_id, object_key, size, checksum FROM product_photo")
        for row in rows:
            body, content_type = self.body(row["object_key"])
            if body is not None and hashlib.md5(body).hexdigest() == row["checksum"].lower():
                if content_type != "image/jpeg":
                    damaged["mistyped"] += 1
                    continue
                good_products.add(row["product_id"])
            elif body is None:
                damaged["missing"] += 1
            else:
                damaged["cut" if len(body) < row["size"] else "changed"] += 1
        products = self.edge.query("SELECT id, name FROM product")
        vanished = len(PHOTOS) - len(rows)
        return {
            "photos": len(rows),
            "verified": len(rows) - sum(damaged.values()),
            "damaged": damaged,
            "vanished": vanished,
            "uncovered": sorted(product["name"] for product in products if product["id"] not in good_products),
            "well": not (sum(damaged.values()) or vanished),
        }


def test_after_any_damage_the_status_reports_what_an_independent_check_finds(edge: Edge, s3: Any) -> None:
    checker = IndependentCheck(edge, s3)
    numbers = st.integers(0, len(PHOTOS) - 1)
    happenings = st.tuples(
        st.sampled_from(
            [
                "delete", "cut", "empty", "overwrite", "lengthen", "swap", "retype", "put again in parts", "overwrite in parts",
                "stray",
                "row gone", "row's checksum", "row's checksum in capitals",
            ]
        ),
        numbers,
        numbers,
    )  # fmt: skip

    @settings(max_examples=25, database=None)
    @given(st.lists(happenings, max_size=5))
    def check(happened: list[tuple[str, int, int]]) -> None:
        checker.restore()
        for happening in happened:
            checker.do(*happening)
        reported, found = status(edge), checker.expected()
        products_without_photo = [entry["product_name"] for entry in reported["products_without_verified_photo"]]
        numbers = {name: reported[name] for name in ("photos", "verified", "damaged", "vanished", "well")}
        assert numbers | {"uncovered": products_without_photo} == found
        assert reported["exit_status"] == (0 if found["well"] else 1)
        assert reported["state"] == ("well" if found["well"] else "damaged")

    try:
        check()
    finally:
        edge.query("DROP TABLE kept")


# Damage, and differences that are none


def test_the_status_reports_no_damage_for_photos_with_a_publish_intent(edge: Edge, s3: Any) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    key, newer = edge.ho.photos[photos["SATE"]]["object_key"], picture("newer")
    edge.query("INSERT INTO etalase_publish_intent VALUES (%s, 'old', %s)", key, hashlib.md5(newer).hexdigest())
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=newer)
    with run_in_flight(edge):
        reported = status(edge)
        assert (reported["well"], reported["verified"], reported["replacing"]) == (True, 1, 1)
    # A run was cut off: the promised bytes are in the bucket, and POS screens show them.
    reported = status(edge)
    assert (reported["damaged"]["changed"], reported["verified"], reported["replacing"]) == (0, 1, 1)
    assert edge.count("etalase_doubt") == 0
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture("of nobody"))
    reported = status(edge)
    assert (reported["state"], reported["damaged"]["changed"]) == ("damaged", 1)


@pytest.mark.long
def test_the_status_reports_no_damage_while_runs_replace_every_photo(edge: Edge) -> None:
    photos = sync_dishes(edge, *(f"DISH {number}" for number in range(40)))
    over, seen = threading.Event(), []

    def watch() -> None:
        while not over.is_set():
            seen.append(status(edge))
        connection.close()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        for day in range(8):
            for dish, photo in photos.items():
                edge.ho.put(dish, picture(f"{dish} {day}"), photo=photo)
            assert edge.sync().fetched == 40
    finally:
        over.set()
        watching.join()
    assert len(seen) > 20
    for reported in seen:
        # Photos that head office replaced count as missing until they are published.
        assert reported["state"] in {"well", "filling"}, reported
        assert (sum(reported["damaged"].values()), reported["verified"] + reported["replacing"]) == (0, 40), reported


def test_the_audit_checks_a_row_again_if_it_changed_since_the_first_look(
    edge: Edge, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = edge.ho.photos[sync_dishes(edge, "SATE")["SATE"]]["object_key"]
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture("of an earlier run"))
    head = ObjectStore.head
    looks: list[str] = []

    def look_and_publish(bucket: ObjectStore, requested: str) -> ObjectInfo | None:
        seen = head(bucket, requested)
        if not looks:
            s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=picture("SATE"))
            edge.query("UPDATE product_photo SET version = version + 1")
        looks.append(requested)
        return seen

    monkeypatch.setattr(ObjectStore, "head", look_and_publish)
    assert status(edge)["well"]
    assert looks == [key, key]


def test_the_audit_accepts_a_whole_photo_under_an_unusual_key(edge: Edge) -> None:
    photos = sync_dishes(edge, "SATE")
    edge.bucket.put("elsewhere/sate.jpg", picture("SATE"), content_type="image/jpeg")
    edge.query("UPDATE product_photo SET object_key = 'elsewhere/sate.jpg' WHERE id = %s", photos["SATE"])
    assert status(edge)["well"]
    edge.query("UPDATE product_photo SET object_key = NULL")
    assert status(edge)["damaged"]["missing"] == 1


def test_the_audit_reads_an_object_without_an_md5_etag_once(edge: Edge, s3: Any) -> None:
    photos = sync_dishes(edge, "SATE")
    overwrite_in_parts(s3, edge.bucket.bucket, edge.ho.photos[photos["SATE"]]["object_key"], picture("SATE"))
    reads: Reads = {}
    assert collect.look(edge.configured(), reads).verified == 1
    assert len(reads) == 1
    reads.update(dict.fromkeys(reads, ObjectRead("remembered", "image/jpeg")))
    assert collect.look(edge.configured(), reads).damaged == {Damage.CHANGED: 1}


def test_the_audit_counts_every_loss_beyond_the_limit_of_checks(edge: Edge) -> None:
    sync_dishes(edge, *(f"DISH {number}" for number in range(6)))
    edge.bucket.delete(list(edge.objects()))
    lock = RunLock(uuid.UUID(STORE_ID), Clock())
    seen = compare(edge.bucket, lock, compared_at=None, now=Clock().utc(), reads={}, max_looks=2, max_named=3)
    assert (seen.damaged, len(seen.photos), seen.verified, len(seen.bare)) == ({Damage.MISSING: 6}, 3, 0, 6)
    assert len(status(edge)["products_without_verified_photo"]) == 6


@pytest.mark.parametrize(
    "away", [{"S3_ENDPOINT": "http://127.0.0.1:1"}, {"S3_BUCKET": "no-such-bucket"}, {"S3_SECRET_KEY": "?"}]
)
def test_the_status_reports_a_bucket_that_cannot_be_audited(edge: Edge, away: dict[str, str]) -> None:
    sync_dishes(edge, "SATE")
    reported = status(edge, **away)
    assert (reported["state"], reported["exit_status"], reported["well"], reported["verified"]) == (
        "bucket_away",
        4,
        False,
        None,
    )
    assert reported["bucket"]["error"]
    assert reported["photos"] == 1


# Reasons for products without a photo


def test_the_status_names_each_product_without_a_photo_with_its_reason(edge: Edge) -> None:
    edge.ho.put("SATE", picture("SATE"))
    edge.ho.put("SOTO", picture("SOTO"), checksum="0" * 32)
    edge.sync()
    edge.query("INSERT INTO product (id, sku, name) VALUES (gen_random_uuid(), '', 'WATER')")
    water, tea = uuid.uuid4(), uuid.uuid4()
    edge.query("INSERT INTO product (id, sku, name) VALUES (%s, '', 'JUICE'), (%s, '', 'TEA')", water, tea)
    edge.query(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (gen_random_uuid(), %s, 'JUICE', '{}', 'product_missing', '', 1)",
        water,
    )
    edge.bucket.delete([row["object_key"] for row in edge.rows().values()])
    reported = status(edge)
    assert [tuple(entry.values()) for entry in reported["products_without_verified_photo"]] == [
        ("JUICE", "waits", None),
        ("SATE", "damaged", "missing"),
        ("SOTO", "failed", "ho_contradicts_itself"),
        ("TEA", "none_listed", None),
        ("WATER", "none_listed", None),
    ]
    assert reported["products_without_photo"] == ["JUICE", "SOTO", "TEA", "WATER"]
    assert (reported["failed"], reported["parked"], reported["reasons"]) == (1, 1, {"ho_contradicts_itself": 1})
    assert reported["problems"] == ["damaged", "partial"]


def test_after_a_loss_of_rows_the_status_does_not_say_that_head_office_lists_none(edge: Edge) -> None:
    sync_dishes(edge, "SATE", "SOTO")
    edge.query("DELETE FROM product_photo WHERE filename LIKE 'SATE%%'")
    reported = status(edge)
    assert (reported["state"], reported["vanished"]) == ("damaged", 1)
    assert [entry["why"] for entry in reported["products_without_verified_photo"]] == ["unknown"]
    edge.sync(full=True)
    assert status(edge)["well"]


# Runs


def test_before_the_first_run_the_status_is_not_ready(edge: Edge) -> None:
    reported = status(edge)
    assert (reported["state"], reported["exit_status"], reported["first_load"]) == ("not_ready", 4, {"here": 0, "of": None})


def test_a_first_load_with_an_unknown_list_is_not_ready(edge: Edge) -> None:
    edge.query("INSERT INTO etalase_sync_run (kind, trigger, counts, reasons, bytes_fetched, notices, error)"
               " VALUES ('full', 'hand', '{}', '{}', 0, '[]', '')")  # fmt: skip
    with run_in_flight(edge):
        reported = status(edge)
    assert (reported["state"], reported["running"], reported["level"], reported["exit_status"]) == (
        "not_ready",
        True,
        "blue",
        4,
    )
    assert (reported["first_load"], reported["listed"], reported["here"]) == ({"here": 0, "of": None}, None, 0)
    reported = status(edge)
    assert (reported["running"], reported["cut_off"], reported["level"]) == (False, True, "red")


def test_the_lock_distinguishes_a_run_in_flight_from_one_that_was_cut_off(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    assert (status(edge)["running"], status(edge)["cut_off"]) == (False, False)
    edge.query("UPDATE etalase_sync_run SET outcome = 'success', checkpoint = 'c'")
    edge.query("INSERT INTO etalase_sync_run (kind, trigger, counts, reasons, bytes_fetched, notices, error)"
               " VALUES ('incremental', 'schedule', '{}', '{}', 0, '[]', '')")  # fmt: skip
    with run_in_flight(edge):
        reported = status(edge)
        assert (reported["running"], reported["cut_off"], reported["state"]) == (True, False, "well")
    reported = status(edge)
    assert (reported["running"], reported["cut_off"], reported["state"]) == (False, True, "run_failed")


@pytest.mark.parametrize(
    ("misbehave", "changes", "away"),
    [
        (None, {"HO_URL": "http://127.0.0.1:1"}, True),
        (Response(503), {}, True),
        (Response(429), {}, True),
        (Response(403), {}, False),
        (Response(200, b"<html>Welcome to FreeWifi</html>"), {}, False),
        (None, {"S3_ENDPOINT": "http://127.0.0.1:1"}, False),
    ],
)
def test_the_status_reports_head_office_away_while_the_photos_are_fresh(
    edge: Edge, misbehave: Response | None, changes: dict[str, Any], away: bool
) -> None:
    sync_dishes(edge, "SATE")
    edge.ho.on_page = lambda _: misbehave
    assert edge.sync(**changes, TRIES=1).outcome == "failed"
    reported = status(edge, HO_URL=changes.get("HO_URL", edge.ho.url))
    assert (reported["state"], reported["head_office_away"], reported["stale"]) == ("run_failed", away, False)
    assert reported["exit_status"] == 1
    assert reported["last_run"]["error"]


def test_the_age_of_the_photos_is_the_age_of_the_last_complete_run_under_any_clock(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    edge.hours_later = 5
    edge.sync()
    reported = status(edge)
    assert (reported["state"], reported["clock_went_back"]) == ("stale", True)
    edge.hours_later = 0  # the clock is right again: a run under the wrong clock is not the newest
    edge.sync()
    reported = status(edge)
    assert (reported["well"], reported["clock_went_back"]) == (True, False)
    assert 0 <= reported["age_seconds"] < 60
    edge.query("UPDATE etalase_sync_run SET finished_at = now() - interval '121 minutes'")
    assert status(edge)["problems"] == ["stale"]


def test_the_status_reports_each_notice_of_the_last_day_once(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    edge.query("UPDATE etalase_sync_run SET notices = %s", json.dumps([{"code": "ho_older", "photos": 3}]))
    for days, notices in ((2, [{"code": "bucket_lost"}]), (0, [{"code": "ho_older", "photos": 1}]), (0, ["odd", {}, 1])):
        edge.query(
            "INSERT INTO etalase_sync_run (kind, trigger, started_at, counts, reasons, bytes_fetched, notices, error, outcome)"
            " VALUES ('full', 'hand', %s, '{}', '{}', 0, %s, '', 'success')",
            datetime.now(UTC) - timedelta(days=days),
            json.dumps(notices),
        )
    assert [(notice["code"], notice["photos"]) for notice in status(edge)["notices"]] == [("ho_older", 1)]


def test_the_status_reports_the_next_scheduled_runs(edge: Edge) -> None:
    reported = status(edge, SCHEDULE_OFFSET_MINUTES=7)
    assert datetime.fromisoformat(reported["next_run_at"]).minute == 7
    full = datetime.fromisoformat(reported["next_full_run_at"])
    assert (full.hour, full.minute, full.utcoffset()) == (2, 7, timedelta(hours=7))


def test_the_status_reports_a_bucket_that_pos_screens_cannot_read(edge: Edge, s3: Any) -> None:
    sync_dishes(edge, "SATE")
    s3.delete_bucket_policy(Bucket=edge.bucket.bucket)
    reported = status(edge)
    assert (reported["state"], reported["exit_status"]) == ("bucket_away", 4)
    assert "does not let the tills read" in reported["bucket"]["error"]
    assert edge.sync().outcome == "success"
    assert status(edge)["state"] == "well"


def test_before_the_first_run_a_missing_bucket_is_not_reported_as_away(edge: Edge) -> None:
    reported = status(edge, S3_BUCKET="not-made-yet")
    assert (reported["problems"], reported["bucket"]["away"]) == (["not_ready", "stale"], False)


def test_an_unfinished_run_is_reported_until_a_run_completes(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    for number in range(12):
        edge.ho.put(f"DISH {number}", picture(number))
    edge.end_time_at_download(4)
    assert edge.sync(WORKERS=1).outcome == "partial"
    reported = status(edge)
    assert (reported["problems"], reported["last_run_incomplete"], reported["exit_status"]) == (
        ["filling", "run_failed"],
        True,
        1,
    )
    assert {entry["why"] for entry in reported["products_without_verified_photo"]} == {"unknown"}
    edge.ho.on_image = None
    edge.sync()
    assert status(edge)["state"] == "well"


def test_rows_deleted_by_another_program_during_verify_or_after_a_failed_run_are_missed(edge: Edge) -> None:
    sync_dishes(edge, "SATE", "SOTO", "BAKSO")
    edge.query("DELETE FROM product_photo WHERE object_key IN (SELECT object_key FROM product_photo LIMIT 2)")
    edge.ho.on_page = lambda _: Response(503)
    edge.sync(trigger="schedule")
    assert status(edge)["vanished"] == 2
    with RunLock(UUID(STORE_ID), Clock()).held(full=False, wait_seconds=0):
        reported = status(edge)
        assert (reported["vanished"], reported["running"], reported["well"]) == (2, False, False)


def test_a_damaged_photo_that_head_office_no_longer_lists_is_reported_and_can_be_removed(edge: Edge) -> None:
    photos = sync_dishes(edge, *(f"DISH {number}" for number in range(5)))
    for photo in photos.values():
        edge.ho.delete(photo)
    assert edge.sync().held == 5
    lock = RunLock(UUID(STORE_ID), Clock())
    removal_decisions.refuse(removal_decisions.chosen([UUID(photos["DISH 0"])], everything=False), lock=lock)
    rows = edge.rows()
    edge.bucket.delete([rows[photos[dish]]["object_key"] for dish in ("DISH 0", "DISH 1")])
    lost = {photos["DISH 0"], photos["DISH 1"]}
    assert set(status(edge)["lost"]) == lost

    meant = removal_decisions.chosen([UUID(photo) for photo in lost], everything=False, states=removal_decisions.APPROVABLE)
    assert removal_decisions.approve(meant, lock=lock).removed == 2

    reported = status(edge)
    assert (reported["lost"], reported["problems"]) == ([], ["held"])


def test_the_status_promises_no_repair_of_a_photo_missing_from_head_offices_full_list(edge: Edge) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    edge.ho.change_page = lambda page: page.pop("total")  # never proved complete, so no removal is applied or held
    edge.sync(full=True)
    del edge.ho.photos[photos["SATE"]]
    edge.bucket.delete([edge.rows()[photos["SATE"]]["object_key"]])
    assert status(edge)["lost"] == []
    edge.sync()
    reported = status(edge)
    assert (reported["lost"], reported["damaged"]["missing"]) == ([photos["SATE"]], 1)


def test_if_all_photos_failed_or_are_parked_the_status_does_not_say_that_head_office_lists_none(edge: Edge) -> None:
    edge.ho.put("SATE", picture("SATE"))
    edge.ho.on_image = lambda _: Response(404)
    edge.sync()
    assert status(edge)["problems"] == ["partial"]


def test_the_database_of_another_store_gives_no_status(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    reported = status(edge, STORE_ID=str(uuid.uuid4()))
    assert (reported["state"], reported["well"], reported["exit_status"]) == ("wrong_store", False, 4)


def test_a_photo_that_waits_for_the_next_run_with_its_product_here_is_not_well(edge: Edge) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    wire = json.dumps({**edge.ho.photos[photos["SOTO"]]})
    product_id = edge.rows()[photos["SOTO"]]["product_id"]
    edge.query("DELETE FROM product_photo WHERE id = %s", photos["SOTO"])
    edge.query("UPDATE etalase_checkpoint SET photos = 1")
    edge.query(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (%s, %s, 'SOTO', %s, 'product_missing', '', 1)",
        photos["SOTO"], product_id, wire,
    )  # fmt: skip
    reported = status(edge)
    assert (reported["state"], reported["exit_status"], reported["parked"]) == ("partial", 1, 1)


def test_a_photo_deleted_during_the_look_is_not_a_lost_bucket_policy(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    assert edge.bucket.is_public(next(iter(edge.objects())))
    assert edge.bucket.is_public("products/never.jpg")


def test_tables_of_an_older_version_are_reported_as_such(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    edge.query("ALTER TABLE etalase_sync_run RENAME COLUMN notices TO gone")
    try:
        with pytest.raises(DatabaseAway, match=r"older than this version.*python manage.py migrate"):
            status(edge)
    finally:
        edge.query("ALTER TABLE etalase_sync_run RENAME COLUMN gone TO notices")


def test_without_a_checkpoint_the_expected_number_of_rows_is_unknown(edge: Edge) -> None:
    sync_dishes(edge, "SATE", "SOTO")
    edge.query("DELETE FROM product_photo")
    edge.query("DELETE FROM etalase_checkpoint")
    reported = status(edge)
    assert (reported["state"], reported["exit_status"]) == ("not_ready", 4)


def test_with_an_unknown_expected_number_of_rows_the_next_run_compares_everything(edge: Edge) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    edge.query("UPDATE etalase_checkpoint SET photos = NULL")
    edge.query("DELETE FROM product_photo WHERE id = %s", photos["SOTO"])
    assert status(edge)["problems"] == ["unproved"]
    assert edge.sync(trigger="schedule").kind == "full"
    edge.check_equals_head_office()
    assert status(edge)["well"] is True


def test_a_store_without_listed_photos_is_not_well(edge: Edge) -> None:
    edge.sync()
    reported = status(edge)
    assert (reported["state"], reported["level"], reported["exit_status"]) == ("empty", "yellow", 1)


def test_a_first_run_with_wrong_settings_does_not_claim_the_database(edge: Edge) -> None:
    edge.ho.put("SATE", picture("SATE"))
    assert edge.sync(STORE_ID=str(uuid.uuid4())).exit_status == 4
    assert status(edge)["state"] == "not_ready"
    assert edge.sync().exit_status == 0


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"S3_ENDPOINT": "http://127.0.0.1:1"}, "away"),
        ({"S3_SECRET_KEY": "not the key"}, "denied"),
        ({"S3_BUCKET": "no-such-bucket"}, "missing"),
    ],
)
def test_the_status_names_why_the_bucket_cannot_be_compared(edge: Edge, changes: dict[str, Any], trouble: str) -> None:
    sync_dishes(edge, "SATE")
    reported = status(edge, **changes)
    assert (reported["state"], reported["bucket"]["trouble"], reported["exit_status"]) == ("bucket_away", trouble, 4)


def test_the_status_names_a_bucket_that_no_pos_can_read_and_a_run_repairs_it(edge: Edge, s3: Any) -> None:
    sync_dishes(edge, "SATE")
    s3.delete_bucket_policy(Bucket=edge.bucket.bucket)
    reported = status(edge)
    assert (reported["state"], reported["bucket"]["trouble"], reported["exit_status"]) == ("bucket_away", "not_public", 4)
    facts = read(edge.configured())
    summary = summarize(facts, judge(facts), "en", max_names=3)
    assert summary.sentence == "Tills cannot read the photos any more. They show placeholders until a sync has put that right."
    (photos,) = [item.text for item in summary.facts if "on record" in item.text]
    assert photos == "Photos on record: 1. The tills cannot read them; a sync puts that right."
    assert as_typed("etalase edge sync") in [command.line for command in summary.commands]
    assert edge.sync().exit_status == 0
    assert status(edge)["well"]


def test_the_status_names_failed_photos_and_held_removals(edge: Edge) -> None:
    photos = sync_dishes(edge, *(f"DISH {n}" for n in range(6)))
    edge.ho.put("NEW", picture("NEW"))
    edge.ho.on_image = lambda _: Response(404)
    for photo in list(photos.values())[:5]:
        edge.ho.delete(photo)
    edge.sync()
    facts = read(edge.configured())
    assert (facts.failed_names, facts.held_names) == (("NEW",), tuple(f"DISH {n}" for n in range(5)))


def test_a_hanging_bucket_is_reported_as_away_within_the_time_limit(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        reported = status(edge, partial(collect.look, seconds=0.5), S3_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - began < 30
    assert (reported["state"], reported["bucket"]["trouble"]) == ("bucket_away", "away")


def test_the_status_counts_products_for_which_the_pos_shows_a_photo(edge: Edge, s3: Any) -> None:
    for dish in ("BAKSO", "SATE", "SOTO"):
        for place in range(2):
            edge.ho.put(dish, picture(f"{dish} {place}"), primary=place == 0, sort_order=place)
    edge.sync()
    keys = {(row["filename"], row["is_primary"]): row["object_key"] for row in edge.rows().values()}
    s3.delete_object(Bucket=edge.bucket.bucket, Key=keys["SATE.jpg", True])
    s3.put_object(Bucket=edge.bucket.bucket, Key=keys["SOTO.jpg", True], Body=b"cut")
    s3.delete_object(Bucket=edge.bucket.bucket, Key=keys["SOTO.jpg", False])
    with run_in_flight(edge):  # a look during a run sets no damage marks: POS screens still request the primary photos
        assert products_without_photo(edge) == ["SATE", "SOTO"] == products_with_placeholder(edge)
    assert products_without_photo(edge) == ["SOTO"] == products_with_placeholder(edge)


def products_without_photo(edge: Edge) -> list[str]:
    """Returns the products that the status reports without a photo on the POS."""
    return [entry["product_name"] for entry in status(edge)["products_without_verified_photo"]]


def products_with_placeholder(edge: Edge) -> list[str]:
    """Returns the products that show the placeholder: loads each URL of the POS as a browser does."""
    bare = []
    for product in catalogue.page(limit=100, offset=0).products:
        key = product.photos[0].image_url.partition("/product-images/")[2].partition("?")[0]
        row = next(row for row in edge.rows().values() if row["object_key"] == key)
        if edge.md5_at(key) != row["checksum"]:
            bare.append(product.name)
    return bare
