"""Checks the retry list and parked photos, whose product is not here yet (hazards 5, 8, 32, 34)."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.sync.services import Services
from etalase.edge.sync.storage.retry_list import backoff
from etalase.errors import Reason


def drop_in(services: Services) -> None:
    """Uses the product table as in a customer's project, where it is not ours."""
    services.products.is_ours = False


def add_product(edge: Edge, photo: str) -> None:
    """Adds the product as the customer's own code does."""
    wire = edge.ho.photos[photo]
    edge.query("INSERT INTO product (id, sku, name) VALUES (%s, '', %s)", wire["product_id"], wire["product_name"])


@pytest.mark.parametrize(
    ("attempts", "hours"), [(1, 0), (2, 0), (3, 1), (4, 2), (5, 4), (6, 8), (7, 16), (8, 24), (20, 24), (10_000, 24)]
)
def test_retries_start_at_once_and_slow_down(attempts: int, hours: int) -> None:
    assert backoff(attempts, Reason.NOT_FOUND) == timedelta(hours=hours)
    assert backoff(attempts, Reason.PRODUCT_MISSING) == timedelta()


def test_a_photo_that_keeps_failing_is_retried_after_longer_and_longer_waits(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.now += timedelta(seconds=1)  # a photo that head office lists again is retried at once
    edge.ho.on_image = lambda key: Response(404)
    requests = []
    for hour in range(12):
        edge.hours_later = hour + 0.01 * hour
        edge.ho.image_requests.clear()
        report = edge.sync(trigger="schedule")
        assert report.exit_status == 1  # still on the retry list, tried or not
        requests.append(len(edge.ho.image_requests))
    assert requests == [1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    assert [(failure["photo_id"], failure["attempts"]) for failure in report.failures] == [(photo, 6)]
    assert report.failures[0]["next_try"]

    # A run started by hand retries at once.
    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    assert edge.reasons() == {}
    edge.check_equals_head_office()


def test_a_new_version_resets_the_attempts_on_the_retry_list(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.on_image = lambda key: Response(404)
    for _ in range(5):
        report = edge.sync()
    assert report.failures[0]["attempts"] == 5
    edge.ho.put("sate", picture(2), photo=photo)
    assert edge.sync().failures[0]["attempts"] == 1


@pytest.mark.parametrize("outage", [reason for reason in Reason if reason.policy.is_due_each_run])
def test_failures_of_an_outage_do_not_lengthen_the_pauses_of_the_photo_itself(edge: Edge, outage: Reason) -> None:
    edge.ho.put("sate", picture(1))
    edge.ho.now += timedelta(seconds=1)
    edge.ho.on_image = lambda key: Response(404)
    edge.sync()
    edge.query("UPDATE etalase_pending_photo SET reason = %s, attempts = 20", outage)  # a night without the bucket
    failure = edge.sync(trigger="schedule").failures[0]
    assert (failure["reason"], failure["attempts"]) == (Reason.NOT_FOUND, 1)
    edge.ho.on_image = None
    assert edge.sync(trigger="schedule").exit_status == 0
    edge.check_equals_head_office()


def test_a_deleted_photo_leaves_the_retry_list(edge: Edge) -> None:
    gone, missing = edge.ho.put("sate", picture(1)), edge.ho.put("soto", picture(2))
    edge.ho.on_image = lambda key: Response(404)
    assert edge.sync().failed == 2
    edge.ho.delete(gone)
    assert edge.sync().exit_status == 1
    assert set(edge.reasons()) == {missing}
    del edge.ho.photos[missing]  # head office forgets the photo without listing its deletion
    edge.ho.put("gado", picture(3))
    edge.ho.on_image = None
    assert edge.sync(full=True).exit_status == 0
    assert edge.reasons() == {}


def test_a_photo_without_its_product_is_parked_and_published_when_the_product_arrives(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    for full in (False, False, True):
        report = edge.sync(inject=drop_in, full=full, trigger="schedule")
        assert (report.exit_status, report.parked, report.failed) == (0, 1, 0)
        assert report.failures == []
    assert edge.reasons() == {photo: Reason.PRODUCT_MISSING}
    assert edge.query("SELECT attempts FROM etalase_pending_photo") == [{"attempts": 1}]
    assert (edge.ho.image_requests, edge.count("product")) == ([], 0)

    add_product(edge, photo)
    report = edge.sync(inject=drop_in, trigger="schedule")
    assert (report.exit_status, report.fetched, report.parked) == (0, 1, 0)
    assert edge.reasons() == {}
    edge.check_equals_head_office()


def test_a_parked_photo_that_changed_is_published_in_its_new_form(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync(inject=drop_in)
    edge.ho.put("sate", picture("new"), photo=photo)
    edge.sync(inject=drop_in)
    add_product(edge, photo)
    assert edge.sync(inject=drop_in).exit_status == 0
    edge.check_equals_head_office()


def test_a_parked_photo_that_head_office_deleted_leaves_the_retry_list(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync(inject=drop_in)
    edge.ho.delete(photo)
    edge.sync(inject=drop_in)
    assert edge.reasons() == {}


def test_a_run_never_writes_the_customers_products(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    add_product(edge, photo)
    edge.query("UPDATE product SET name = 'the customer''s name'")
    edge.sync(inject=drop_in)
    edge.sync(inject=drop_in, full=True)
    assert edge.query("SELECT name FROM product") == [{"name": "the customer's name"}]


def test_a_product_deleted_during_a_run_fails_alone_and_its_photos_are_published_later(edge: Edge) -> None:
    first = edge.ho.put("bakso", picture(0))
    edge.sync()  # the photos of an empty edge may be fetched before its products are here
    vanishing, staying = edge.ho.put("sate", picture(1)), edge.ho.put("soto", picture(2))

    def vanish(key: str) -> Response | None:
        if key == edge.ho.photos[vanishing]["object_key"]:
            with edge.other_connection() as other:
                other.execute("DELETE FROM product WHERE id = %s", [UUID(edge.ho.photos[vanishing]["product_id"])])
        return None

    edge.ho.on_image = vanish
    report = edge.sync()
    assert (report.exit_status, report.parked, report.fetched) == (0, 1, 1)
    assert set(edge.rows()) == {first, staying}
    assert edge.reasons() == {vanishing: Reason.PRODUCT_MISSING}

    edge.ho.on_image = None
    add_product(edge, vanishing)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_product_deleted_and_created_again_gets_its_photos_again(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.sync()
    edge.query("DELETE FROM product")
    assert edge.rows() == {}
    add_product(edge, photo)
    assert edge.sync(full=True).exit_status == 0
    edge.check_equals_head_office()


def test_a_failed_new_primary_leaves_the_old_one_primary(edge: Edge) -> None:
    old = edge.ho.put("sate", picture("old"))
    edge.sync()
    body, key = picture("old"), edge.ho.photos[old]["object_key"]
    edge.ho.put("sate", body, photo=old, key=key, primary=False)
    new = edge.ho.put("sate", picture("new"), key="products/sate/new.jpg")
    edge.ho.on_image = lambda requested: Response(404) if requested == "products/sate/new.jpg" else None

    report = edge.sync()
    assert report.exit_status == 1
    assert edge.rows()[old]["is_primary"] is True
    assert edge.reasons() == {new: Reason.NOT_FOUND, old: Reason.WAITS_FOR_SIBLING}

    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert edge.reasons() == {}


def test_a_failed_new_primary_is_published_later_even_if_the_old_one_is_not_listed(edge: Edge) -> None:
    old = edge.ho.put("sate", picture("old"))
    edge.sync()
    edge.ho.photos[old]["is_primary"] = False  # demoted without a new timestamp, so an incremental feed does not list it
    edge.ho.put("sate", picture("new"), key="products/sate/new.jpg")
    edge.ho.on_image = lambda _: Response(404)
    assert edge.sync().exit_status == 1
    assert edge.rows()[old]["is_primary"] is True
    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_an_unreadable_entry_leaves_the_retry_list_and_the_run_compares_everything(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.put("soto", picture(2))
    edge.ho.on_image = lambda _: Response(503)
    edge.sync(TRIES=1)
    edge.query("UPDATE etalase_pending_photo SET wire = '{}' WHERE photo_id = %s", photo)
    edge.ho.on_image = None
    edge.sync(full=True)
    edge.sync()
    edge.check_equals_head_office()
    assert edge.reasons() == {}
