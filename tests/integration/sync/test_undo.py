"""Checks ``undo`` (restores removed photos), ``retry`` (retries failed ones) and ``held`` (shows changes of the POS)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from tests.faulty_database import run_command
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import Rule, added, constraint
from tests.integration.sync.rotting import Rotting
from tests.integration.sync.steps import status
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.removal_decisions import Undone
from etalase.errors import UsageError
from etalase.own_bucket import own_bucket
from etalase.settings.edge import edge_settings


def undo(edge: Edge, run_id: int) -> Undone:
    """Undoes a run as the command does."""
    settings = edge.configured()
    products = storage.products.ProductTable(name_field="name", sku_field="sku")
    lock = RunLock(settings.STORE_ID, Clock())
    return removal_decisions.undo(run_id, lock=lock, bucket=own_bucket(settings), products=products)


def approve_all(edge: Edge) -> int:
    """Approves all held removals. Returns the id of the run that proposed them."""
    settings = edge.configured()
    held = storage.removals.in_states([Removal.State.HELD])
    removal_decisions.approve(held, lock=RunLock(settings.STORE_ID, Clock()))
    (run_id,) = {removal.run_id for removal in held}
    assert run_id is not None
    return run_id


@pytest.fixture
def approved_run(edge: Edge) -> int:
    """Approves the removal of six of eight dishes. Returns the id of the run that proposed it."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(8)]
    edge.sync()
    for photo in photos[2:]:
        edge.ho.delete(photo)
    assert edge.sync().held == 6
    return approve_all(edge)


def test_undo_restores_an_approved_removal_for_good(edge: Edge, approved_run: int) -> None:
    assert len(edge.rows()) == 2
    edge.sync(full=True)

    undone = undo(edge, approved_run)

    assert (len(undone.restored), undone.lost) == (6, [])
    assert len(edge.rows()) == 8
    edge.check_every_row_shows_its_bytes()
    for full in (False, True):
        report = edge.sync(full=full)
        assert (report.deleted, report.held, len(edge.rows())) == (0, 0, 8)
    edge.hours_later = 48
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '2 days'")
    edge.sync()
    edge.check_every_row_shows_its_bytes()
    assert {row["name"] for row in edge.query("SELECT name FROM product")} == {f"dish {n}" for n in range(8)}


def test_undo_reports_photos_beyond_their_grace_period_as_lost_and_restores_the_rest(edge: Edge, approved_run: int) -> None:
    gone = edge.query("SELECT object_key FROM etalase_reclaim ORDER BY object_key LIMIT 2")
    edge.bucket.delete([row["object_key"] for row in gone])
    undone = undo(edge, approved_run)
    assert (len(undone.restored), len(undone.lost)) == (4, 2)
    assert {why for _, why in undone.lost} == {"its object is no longer in the bucket"}
    edge.check_every_row_shows_its_bytes()


def test_undo_leaves_a_key_to_the_photo_that_has_it_now(edge: Edge, approved_run: int) -> None:
    new = edge.ho.put("dish 5", picture("new"))
    edge.sync()
    undone = undo(edge, approved_run)
    assert [(removal.product_name, "another photo has" in why) for removal, why in undone.lost] == [("dish 5", True)]
    assert edge.rows()[new]["is_primary"]
    edge.check_every_row_shows_its_bytes()


def test_undo_does_not_change_a_photo_that_head_office_lists_again(edge: Edge, approved_run: int) -> None:
    gone = edge.query("SELECT photo_id FROM etalase_removal WHERE product_name = 'dish 7'")[0]["photo_id"]
    edge.ho.put("dish 7", picture("anew"), photo=str(gone))
    edge.sync()
    assert len(undo(edge, approved_run).restored) == 5
    assert edge.rows()[str(gone)]["checksum"] == edge.ho.photos[str(gone)]["checksum"]


def test_undo_refuses_a_run_without_removals(edge: Edge, approved_run: int) -> None:
    for run_id in (approved_run + 1000, approved_run - 1):
        with pytest.raises(UsageError, match=r"python manage\.py photos_undo"):
            undo(edge, run_id)
    undo(edge, approved_run)
    with pytest.raises(UsageError):
        undo(edge, approved_run)


def test_held_shows_how_the_pos_would_change(edge: Edge) -> None:
    for n in range(6):
        edge.ho.put(f"dish {n}", picture(n))
    further = edge.ho.put("dish 0", picture("further"), primary=False, filename="side.jpg")
    edge.sync()
    gone = [photo for photo in edge.ho.photos if photo != further]
    for photo in gone[1:]:
        edge.ho.delete(photo)
    edge.sync()
    held = storage.removals.in_states([Removal.State.HELD])
    after = removal_decisions.consequences([*held, *_as_held(edge, gone[0])])
    by_name = {removal.product_name: after[removal.product_id] for removal in held}
    assert by_name["dish 3"] == removal_decisions.Consequence("dish 3.jpg", None, 0)
    (first,) = _as_held(edge, gone[0])
    assert after[first.product_id] == removal_decisions.Consequence("dish 0.jpg", "side.jpg", 1)


def _as_held(edge: Edge, photo: str) -> list[Removal]:
    row = edge.rows()[photo]
    return [Removal(photo_id=row["id"], product_id=row["product_id"], product_name="dish 0")]


def test_retry_tries_only_the_named_photo_of_the_retry_list(edge: Edge) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(3)]
    edge.ho.now += timedelta(seconds=1)  # head office lists changes of the checkpoint's own second again
    edge.ho.on_image = lambda _: Response(404)
    for _ in range(4):  # then the next retry is hours away
        edge.sync()
    edge.ho.on_image = None
    edge.ho.image_requests.clear()
    assert edge.sync(trigger="schedule").fetched == 0

    storage.retry_list.make_due([UUID(photos[1])], now=datetime.now(UTC))
    report = edge.sync(trigger="retry")

    assert (report.fetched, len(report.failures), set(edge.rows())) == (1, 2, {photos[1]})
    storage.retry_list.make_due(None, now=datetime.now(UTC))
    assert edge.sync(trigger="retry").fetched == 2


def test_retry_refuses_a_photo_that_is_not_on_the_retry_list(edge: Edge) -> None:
    edge.sync()
    with pytest.raises(CommandError, match=r"Not on the retry list: 00000000.*python manage\.py photos_failures") as refused:
        call_command("photos_retry", "00000000-0000-0000-0000-000000000000", "--quiet")
    assert refused.value.returncode == 2


def test_undo_of_one_lost_photo_does_not_block_the_others(edge: Edge, approved_run: int) -> None:
    rows_gone = edge.query("SELECT photo_id, row FROM etalase_removal ORDER BY product_name")
    edge.query(
        "UPDATE etalase_removal SET row = jsonb_set(row, '{checksum}', 'null') WHERE photo_id = %s", rows_gone[0]["photo_id"]
    )
    settings = edge.configured()
    disk = Rotting(json.loads(rows_gone[1]["row"])["object_key"], unreadable=True)
    products = storage.products.ProductTable(name_field="name", sku_field="sku")
    lock = RunLock(settings.STORE_ID, Clock())
    undone = removal_decisions.undo(approved_run, lock=lock, bucket=disk.over(own_bucket(settings)), products=products)
    assert len(undone.restored) == 4
    assert [why.split(":")[0] for _, why in undone.lost] == ["its object has other bytes by now", "its object cannot be read"]
    edge.check_every_row_shows_its_bytes()


def test_undo_keeps_the_newer_name_of_an_existing_product(edge: Edge, approved_run: int) -> None:
    edge.query("UPDATE product SET name = 'dish 5, now with egg' WHERE name = 'dish 5'")
    undo(edge, approved_run)
    assert "dish 5, now with egg" in {row["name"] for row in edge.query("SELECT name FROM product")}


def test_undo_does_not_restore_an_object_with_another_media_type(edge: Edge, approved_run: int, s3: Any) -> None:
    key = edge.query("SELECT object_key FROM etalase_reclaim ORDER BY object_key LIMIT 1")[0]["object_key"]
    body = edge.bucket.get(key)
    s3.put_object(Bucket=edge.bucket.bucket, Key=key, Body=body, ContentType="text/html")
    undone = undo(edge, approved_run)
    assert [why for _, why in undone.lost] == [f"its object is of another type by now: {key}"]
    assert len(undone.restored) == 5


# The customer's own columns, and single photos
OWN_COLUMNS = (
    "ALTER TABLE product_photo ADD caption text, ADD price numeric(20, 10), ADD tags text[], ADD extra jsonb, ADD raw bytea,"
    " ADD serial bigint GENERATED ALWAYS AS IDENTITY, ADD upper_name text GENERATED ALWAYS AS (upper(filename)) STORED,"
    ' ADD "odd ""%%"" name" int'
)
DROP_OWN_COLUMNS = (
    "ALTER TABLE product_photo DROP caption, DROP price, DROP tags, DROP extra, DROP raw, DROP serial, DROP upper_name,"
    ' DROP "odd ""%%"" name"'
)


@pytest.fixture
def customers_edge(edge: Edge, settings: Any) -> Iterator[Edge]:
    """Yields an edge whose table has the customer's own columns, with four dishes."""
    settings.ETALASE = edge.configured()
    edge_settings.cache_clear()
    edge.query(OWN_COLUMNS)
    for n in range(4):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.query(
        "UPDATE product_photo SET caption = 'Sate «Madura»', price = 12345678.0123456789, tags = '{pedas,\"a b\"}',"
        """ raw = '\\x00ff', extra = '{"a": [1, 2.50]}', "odd ""%%"" name" = 7, created_at = '2019-05-06 07:08:09.123456+00'"""
    )
    yield edge
    edge.query(DROP_OWN_COLUMNS)
    edge_settings.cache_clear()


def test_undo_restores_the_whole_row_with_the_customers_own_columns(customers_edge: Edge) -> None:
    before = customers_edge.rows()
    photos = list(before)
    customers_edge.ho.delete(photos[0])
    run_id = customers_edge.sync().run_id
    assert run_id is not None
    undo(customers_edge, run_id)
    assert customers_edge.rows() == before


def test_undo_restores_single_photos_by_their_ids(customers_edge: Edge) -> None:
    before = customers_edge.rows()
    photos = list(before)
    for photo in photos:
        customers_edge.ho.delete(photo)
    assert customers_edge.sync().held == 4
    approve_all(customers_edge)
    assert customers_edge.rows() == {}
    assert run_command("photos_undo", photos[0], photos[1])[1]["restored"] == sorted(
        photos[:2], key=lambda photo: before[photo]["filename"]
    )
    assert customers_edge.rows() == {photo: before[photo] for photo in photos[:2]}
    status, response = run_command("photos_undo", photos[0])
    assert (status, "No removal was applied" in response["error"]) == (2, True)
    assert run_command("photos_undo", photos[2].replace("-", ""))[0] == 0
    for wrong in (("1", photos[3]), ("1", "2")):
        status, response = run_command("photos_undo", *wrong)
        assert (status, sorted(response)) == (2, ["error", "exit_status"])
    customers_edge.check_every_row_shows_its_bytes()


def test_undo_of_a_row_that_a_newer_rule_refuses_is_lost_with_the_rule_and_blocks_no_other(customers_edge: Edge) -> None:
    before = customers_edge.rows()
    photos = list(before)
    for photo in photos:
        customers_edge.ho.delete(photo)
    customers_edge.sync()
    run_id = approve_all(customers_edge)
    with added(constraint("no_dish_2", "CHECK (filename <> 'dish 2.jpg')")):
        undone = undo(customers_edge, run_id)
        (lost,) = undone.lost
        assert (lost[0].product_name, "constraint no_dish_2" in lost[1], len(undone.restored)) == ("dish 2", True, 3)
        assert status(customers_edge)["vanished"] == 0
    assert len(undo(customers_edge, run_id).restored) == 1
    assert customers_edge.rows() == before


def test_a_removal_of_an_earlier_version_is_restored_from_the_guides_columns(edge: Edge, approved_run: int) -> None:
    edge.query("UPDATE etalase_removal SET row = row - 'whole'")
    undone = undo(edge, approved_run)
    assert (len(undone.restored), undone.lost) == (6, [])
    edge.check_every_row_shows_its_bytes()
    assert status(edge)["vanished"] == 0


def test_undo_leaves_a_newer_primary_photo_primary_under_the_customers_unique_index(edge: Edge) -> None:
    one_primary = Rule(
        "CREATE UNIQUE INDEX one_primary ON product_photo (product_id) WHERE is_primary", "DROP INDEX one_primary", ""
    )
    with added(one_primary):
        old = edge.ho.put("sate", picture("old"), key="products/old.jpg")
        edge.sync()
        edge.ho.delete(old)
        run_id = edge.sync().run_id
        new = edge.ho.put("sate", picture("new"), key="products/new.jpg")
        edge.sync()
        assert run_id is not None
        assert len(undo(edge, run_id).restored) == 1
        assert {photo: row["is_primary"] for photo, row in edge.rows().items()} == {old: False, new: True}
