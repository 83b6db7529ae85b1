"""Checks that a lock of another session, or a slow trigger, costs its product alone, and that the next run brings it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import trigger
from tests.integration.sync.steps import sync_dishes
from tests.simulator import Response, picture

SLOW = trigger("slow", "IF left(NEW.filename, 6) = 'lambat' THEN PERFORM pg_sleep(60); END IF; RETURN NEW;")
DISHES = ("SATE", "SOTO", "RAWON", "GADO")


@pytest.fixture
def impatient(edge: Edge) -> Iterator[Edge]:
    """Yields an edge whose database role has a short time limit for locks."""
    edge.query("SET lock_timeout = '200ms'")
    yield edge
    edge.query("RESET lock_timeout; RESET statement_timeout; RESET default_transaction_isolation")


@contextmanager
def row_locked(edge: Edge, photo: str) -> Iterator[Any]:
    """Holds the lock of a photo's row in another session."""
    with edge.other_connection() as other, other.transaction():
        other.execute("SELECT 1 FROM product_photo WHERE id = %s FOR UPDATE", [photo])
        yield other


@contextmanager
def ruled(edge: Edge, rule: Any) -> Iterator[None]:
    """Adds a rule of the customer's."""
    edge.query(rule.add)
    try:
        yield
    finally:
        edge.query(rule.drop)


def test_a_trigger_that_waits_costs_its_product_alone(impatient: Edge) -> None:
    with ruled(impatient, SLOW):
        impatient.query("SET statement_timeout = '2s'")  # for a slow machine not too short
        photos = {dish: impatient.ho.put(dish, picture(dish)) for dish in DISHES}
        impatient.ho.photos[photos["SOTO"]]["filename"] = "lambat.jpg"
        report = impatient.sync()
        assert (report.outcome, report.exit_status, report.fetched) == ("partial", 1, 3)
        assert impatient.reasons() == {photos["SOTO"]: "row_waits"}
        (failure,) = report.failures
        assert "57014" in failure["detail"]
        assert set(impatient.rows()) == {photos[dish] for dish in DISHES} - {photos["SOTO"]}
        assert impatient.objects() == {row["object_key"] for row in impatient.rows().values()}  # tried before its bytes
    impatient.query("RESET statement_timeout")
    assert impatient.sync(trigger="schedule").outcome == "success"
    impatient.check_equals_head_office()


@pytest.mark.long
def test_a_run_waits_for_no_lock_for_long_under_a_role_without_limits(edge: Edge) -> None:
    photos = sync_dishes(edge, *DISHES)
    for dish in DISHES:
        edge.ho.put(dish, picture(f"new {dish}"), photo=photos[dish])
    with row_locked(edge, photos["SOTO"]):
        assert (edge.sync().fetched, edge.reasons()) == (3, {photos["SOTO"]: "row_waits"})


def test_a_row_that_another_session_has_locked_costs_its_product_alone(impatient: Edge) -> None:
    photos = sync_dishes(impatient, *DISHES)
    for dish in DISHES:
        impatient.ho.put(dish, picture(f"new {dish}"), photo=photos[dish])
    with row_locked(impatient, photos["SOTO"]):
        report = impatient.sync()
        assert (report.outcome, report.fetched, impatient.reasons()) == ("partial", 3, {photos["SOTO"]: "row_waits"})
        assert "55P03" in report.failures[0]["detail"]
    assert impatient.sync(trigger="schedule").outcome == "success"
    impatient.check_equals_head_office()


def test_a_removal_that_waits_is_held_and_the_next_run_makes_it(impatient: Edge) -> None:
    photos = sync_dishes(impatient, *DISHES)
    impatient.ho.delete(photos["SATE"])
    impatient.ho.delete(photos["SOTO"])
    with row_locked(impatient, photos["SOTO"]):
        report = impatient.sync()
        assert (report.outcome, report.deleted, report.held) == ("held", 1, 1)
    report = impatient.sync()
    assert (report.outcome, report.deleted, set(impatient.rows())) == ("success", 1, {photos["RAWON"], photos["GADO"]})


def test_a_product_that_waits_costs_no_other_product(impatient: Edge) -> None:
    photos = sync_dishes(impatient, *DISHES)
    for photo in photos.values():
        impatient.ho.photos[photo]["product_name"] += " baru"
    product = impatient.ho.photos[photos["SOTO"]]["product_id"]
    with impatient.other_connection() as other, other.transaction():
        other.execute("SELECT 1 FROM product WHERE id = %s FOR NO KEY UPDATE", [product])
        assert [notice["code"] for notice in impatient.sync(full=True).notices] == ["products_refused"]
    names = {row["name"] for row in impatient.query("SELECT name FROM product")}
    assert names == {"SATE baru", "SOTO", "RAWON baru", "GADO baru"}


def test_a_transaction_that_loses_to_another_session_is_repeated(edge: Edge) -> None:
    photos = sync_dishes(edge, *DISHES)
    edge.ho.put("SOTO", picture("new"), photo=photos["SOTO"])
    edge.query("SET default_transaction_isolation = 'repeatable read'")
    commits = threading.Event()

    def write_meanwhile() -> None:
        with edge.other_connection() as other, other.transaction():
            other.execute("UPDATE product_photo SET created_at = now() WHERE id = %s", [photos["SOTO"]])
            commits.set()
            # Until the run waits for this row; at the latest, until it would give up.
            for _ in range(20):
                if other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                    break
                other.execute("SELECT pg_sleep(0.1)")

    writer = threading.Thread(target=write_meanwhile)

    def on_image(_: str) -> Response | None:
        edge.ho.on_image = None
        writer.start()
        commits.wait(10)
        return None

    edge.ho.on_image = on_image
    report = edge.sync()
    writer.join()
    edge.query("RESET default_transaction_isolation")
    assert (report.outcome, report.fetched, edge.reasons()) == ("success", 1, {})
    edge.check_equals_head_office()


def test_a_locked_table_ends_the_run_once_its_patience_is_used_up(impatient: Edge) -> None:
    photos = sync_dishes(impatient, *DISHES)
    for dish in DISHES:
        impatient.ho.put(dish, picture(f"new {dish}"), photo=photos[dish])

    def without_patience(services: Any) -> None:
        services.patience.left_seconds = 0.0

    with impatient.other_connection() as other, other.transaction():
        other.execute("LOCK TABLE product_photo IN SHARE MODE")
        report = impatient.sync(inject=without_patience)
        assert (report.outcome, report.exit_status) == ("failed", 4)
        assert "55P03" in str(report.error)
    assert impatient.sync().outcome == "success"
    impatient.check_equals_head_office()


# Keeps a row's lock until the other session, which holds an advisory lock, asks for it: the next row closes the circle.
MEETS = trigger(
    "meets",
    "IF NEW.filename = 'SOTO.jpg' THEN WHILE EXISTS (SELECT FROM pg_locks a WHERE locktype = 'advisory' AND objid = 40"
    " AND a.pid <> pg_backend_pid() AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted))"
    " LOOP PERFORM pg_sleep(0.01); END LOOP; END IF; RETURN NEW;",
)


def test_a_deadlock_with_another_program_is_told_by_postgresql_and_ends_no_run(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    photos = sync_dishes(edge, "SATE", "SOTO")
    for dish in photos:
        edge.ho.put(dish, picture(f"new {dish}"), photo=photos[dish])
    holds = threading.Event()

    def close_the_circle() -> None:
        with edge.other_connection() as other, other.transaction():
            other.execute("SET LOCAL deadlock_timeout = '1h'")
            other.execute("SELECT pg_advisory_xact_lock(40)")
            other.execute("SELECT 1 FROM product_photo WHERE id = %s FOR UPDATE", [photos["SATE"]])
            holds.set()
            # Until the run has the lock of the first row.
            while not other.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
                other.execute("SELECT pg_stat_clear_snapshot()")
            other.execute("UPDATE product_photo SET created_at = now() WHERE id = %s", [photos["SOTO"]])

    with ruled(edge, MEETS):
        edge.query("SET deadlock_timeout = '20ms'")
        writer = threading.Thread(target=close_the_circle)
        writer.start()
        assert holds.wait(60)
        report = edge.sync()
        writer.join()
        edge.query("RESET deadlock_timeout")
    assert "40P01" in caplog.text
    assert (report.error, set(edge.reasons().values()) <= {"row_waits"}) == (None, True)
    assert edge.sync(trigger="schedule").outcome == "success"
    edge.check_equals_head_office()
