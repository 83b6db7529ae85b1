"""``sync_timestamp`` is a horizon: open and prepared transactions and clock changes hide no change (hazard 2)."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core import checks
from django.db import connection
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Edge, Office, delete, roll_clock
from tests.integration.head_office.sql_changes import CHANGES, Session

from etalase.head_office.checks import writers_are_visible
from etalase.head_office.models import Assortment, Photo, Product

ANOTHER_PHOTO = (
    "INSERT INTO head_office_photo (id, product_id, object_key, filename, source, size, content_type, checksum, version,"
    " is_primary, sort_order) SELECT gen_random_uuid(), product_id, 'products/late', filename, 'late', size, content_type,"
    " checksum, 1, false, 0 FROM head_office_photo"
)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_late_commit_arrives_with_the_next_run(office: Office, stranger: Session, change: Callable[..., Any]) -> None:
    a, b = office.photo(office.product("A")), office.photo(office.product("B"))
    unsold = office.photo(office.product("C", sold_in=[]))
    edge = Edge(office.page)
    edge.sync()
    change(stranger, a, unsold)  # A is open
    Photo.objects.filter(id=b.id).update(sort_order=1)  # B is committed
    edge.sync()
    assert edge.photos[b.id]["sort_order"] == 1
    before = dict(edge.photos)
    stranger.commit()
    edge.sync()
    fresh = Edge(office.page)
    fresh.sync()
    assert edge.photos == fresh.photos != before


def test_a_write_after_the_first_read_of_a_long_transaction_arrives(office: Office, stranger: Session) -> None:
    """The transaction began before the sync, but took its id after it."""
    photo = office.photo(office.product())
    stranger.execute("SELECT count(*) FROM head_office_photo")
    edge = Edge(office.page)
    edge.sync()
    stranger.execute("UPDATE head_office_photo SET sort_order = 3")
    edge.sync()
    stranger.commit()
    edge.sync()
    assert edge.photos[photo.id]["sort_order"] == 3


def test_a_change_in_a_savepoint_arrives(office: Office, stranger: Session) -> None:
    photo = office.photo(office.product())
    edge = Edge(office.page)
    with stranger.transaction():
        with stranger.transaction():
            stranger.execute("UPDATE head_office_photo SET sort_order = 4")
        edge.sync()
    edge.sync()
    assert edge.photos[photo.id]["sort_order"] == 4


def test_a_long_read_only_transaction_does_not_hold_the_horizon_back(office: Office, stranger: Session) -> None:
    office.photo(office.product())
    stranger.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    stranger.execute("SELECT count(*) FROM head_office_photo")
    opened = stranger.execute("SELECT clock_timestamp()").fetchone()
    assert opened is not None
    assert office.page().sync_timestamp > opened[0].isoformat()


def test_an_open_writer_holds_the_horizon_back_to_its_start(office: Office, stranger: Session) -> None:
    product = office.product()
    started = stranger.execute("SELECT now()").fetchone()
    assert started is not None
    stranger.execute("UPDATE head_office_product SET name = 'x' WHERE id = %s", [product.id])
    time.sleep(0.01)
    assert office.page().sync_timestamp <= started[0].isoformat(timespec="microseconds")


def test_products_changed_at_differs_while_an_older_writer_is_open(office: Office, stranger: Session) -> None:
    office.product("1")
    stranger.execute("UPDATE head_office_product SET name = 'A' WHERE sku = '1'")
    office.product("2")
    during = office.page().products_changed_at
    stranger.commit()
    after = office.page().products_changed_at
    assert during != after, "B's change is the newest before and after: only the text tells the edge to ask for A's"


def test_a_prepared_transaction_holds_the_horizon_at_the_checkpoint(office: Office, stranger: Session) -> None:
    photo = office.photo(office.product())
    edge = Edge(office.page)
    edge.sync()
    checkpoint = edge.checkpoint
    stranger.execute("UPDATE head_office_photo SET sort_order = 5")
    stranger.execute("PREPARE TRANSACTION 'late'")
    stranger.commit()
    stranger.autocommit = True
    try:
        edge.sync()
        assert edge.checkpoint == checkpoint
        fresh = Edge(office.page)
        fresh.sync()
    finally:
        stranger.execute("COMMIT PREPARED 'late'")
    for one in (edge, fresh):
        one.sync()
        assert one.photos[photo.id]["sort_order"] == 5


def test_a_clock_set_back_hides_no_change(office: Office) -> None:
    photo = office.photo(office.product())
    edge = Edge(office.page)
    try:
        roll_clock("1 day")
        edge.sync()
        roll_clock("0")
        Photo.objects.update(sort_order=6)
        edge.sync()
        assert edge.photos[photo.id]["sort_order"] == 6
        Photo.objects.update(sort_order=7)
        Photo.objects.update(sort_order=8)
        edge.sync()
        assert edge.photos[photo.id]["sort_order"] == 8
        delete(photo)
        edge.sync()
        assert edge.photos == {}
    finally:
        roll_clock("0")


def test_a_clock_set_back_does_not_make_the_horizon_go_back(office: Office) -> None:
    try:
        roll_clock("1 hour")
        ahead = office.page().sync_timestamp
        roll_clock("0")
        assert (office.page().sync_timestamp or "") > (ahead or "")
        assert not office.page(since=ahead).full
    finally:
        roll_clock("0")


def test_a_crash_that_forgets_the_last_reading_hides_no_change_with_a_clock_set_back(office: Office) -> None:
    photo = office.photo(office.product())
    edge = Edge(office.page)
    try:
        roll_clock("1 day")
        for _ in range(2):
            edge.sync()
        with connection.cursor() as cursor:  # as PostgreSQL resets an unlogged sequence
            cursor.execute("SELECT setval('head_office_feed_issued', 0)")
        roll_clock("0")
        Photo.objects.update(sort_order=6)
        edge.sync()
        assert edge.photos[photo.id]["sort_order"] == 6
    finally:
        roll_clock("0")


def test_all_changes_of_the_same_microsecond_are_listed(office: Office) -> None:
    product = office.product()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION head_office_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
            "$$ SELECT timestamptz '2030-01-01' $$"
        )
    try:
        edge = Edge(office.page)
        first = office.photo(product)
        edge.sync()
        second = office.photo(product)
        edge.sync()
        assert {*edge.photos} == {first.id, second.id}
        first.delete()
        edge.sync()
        assert {*edge.photos} == {second.id}
    finally:
        roll_clock("0")


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_the_tombstone_of_a_photo_deleted_during_a_new_sale_arrives(office: Office, stranger: Session, isolation: str) -> None:
    """The sale is committed and synced first, then the deletion, which began before it."""
    product = office.product(sold_in=[])
    photo = office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    stranger.execute("INSERT INTO head_office_assortment (store_id, product_id) VALUES (%s, %s)", [office.store.id, product.id])
    begun, done = threading.Event(), threading.Event()

    def delete_photo() -> None:
        with another_session() as deleter:
            deleter.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            deleter.execute("SELECT count(*) FROM head_office_assortment")
            begun.set()
            deleter.execute("DELETE FROM head_office_photo WHERE id = %s", [photo.id])
            done.wait(60)

    deleting = threading.Thread(target=delete_photo)
    deleting.start()
    begun.wait(60)
    time.sleep(0.1)
    stranger.commit()
    edge.sync()
    assert {*edge.photos} == {photo.id}, "the deletion is not committed"
    done.set()
    deleting.join()
    edge.sync()
    assert edge.photos == {}


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_the_tombstone_of_a_photo_added_while_its_sale_ends_arrives(office: Office, stranger: Session, isolation: str) -> None:
    """The photo is committed and synced first, then the end of the sale, which began before it."""
    product = office.product()
    photo = office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    stranger.execute(ANOTHER_PHOTO)
    begun, done = threading.Event(), threading.Event()

    def stop_selling() -> None:
        with another_session() as stopper:
            stopper.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            stopper.execute("SELECT count(*) FROM head_office_photo")
            begun.set()
            stopper.execute("DELETE FROM head_office_assortment")
            done.wait(60)

    stopping = threading.Thread(target=stop_selling)
    stopping.start()
    begun.wait(60)
    time.sleep(0.1)
    stranger.commit()
    edge.sync()
    assert len(edge.photos) == 2
    assert photo.id in edge.photos
    done.set()
    stopping.join()
    edge.sync()
    assert edge.photos == {}


def in_a_session_of_its_own(sql: str, *values: Any) -> threading.Thread:
    """Executes and commits in a thread, since the statement may wait for a lock."""

    def execute() -> None:
        with another_session() as session:
            session.execute(sql, values)

    thread = threading.Thread(target=execute)
    thread.start()
    time.sleep(0.15)
    return thread


def test_a_sale_committed_during_an_open_deletion_leaves_no_deleted_photo(office: Office, stranger: Session) -> None:
    product = office.product(sold_in=[])
    photo = office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    stranger.execute("DELETE FROM head_office_photo WHERE id = %s", [photo.id])
    selling = in_a_session_of_its_own(
        "INSERT INTO head_office_assortment (store_id, product_id) VALUES (%s, %s)", office.store.id, product.id
    )
    edge.sync()
    stranger.commit()
    selling.join()
    edge.sync()
    assert edge.photos == {}


def test_a_photo_added_during_an_open_end_of_sale_does_not_remain(office: Office, stranger: Session) -> None:
    product = office.product()
    office.photo(product)
    edge = Edge(office.page)
    edge.sync()
    stranger.execute("DELETE FROM head_office_assortment")
    adding = in_a_session_of_its_own(ANOTHER_PHOTO)
    edge.sync()
    stranger.commit()
    adding.join()
    edge.sync()
    assert edge.photos == {}


def test_the_check_for_invisible_writers_names_the_grant(office: Office) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE weak NOLOGIN")
        cursor.execute("SET ROLE weak")
    try:
        (problem,) = writers_are_visible(None)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE weak")
    assert (problem.id, problem.level) == ("etalase.E102", checks.ERROR)
    assert problem.hint == "As a superuser, once: GRANT pg_read_all_stats TO weak;"
    assert writers_are_visible(None) == []
    assert Assortment.objects.count() == Product.objects.count() == 0
