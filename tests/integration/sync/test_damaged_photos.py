"""Checks that the next hourly run repairs known damage, and that the POS shows another whole photo until then."""

from typing import Any
from uuid import UUID

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import Response, picture

from etalase.edge.pos import catalogue as pos
from etalase.edge.pos import responses
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.verify import verify


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Syncs six dishes with a primary and a second photo each. Returns the photo ids, primary ones first."""
    primary = [edge.ho.put(f"dish {n}", picture(n)) for n in range(6)]
    second = [edge.ho.put(f"dish {n}", picture(f"second {n}"), primary=False) for n in range(6)]
    edge.sync()
    edge.sync(full=True)
    edge.ho.requests.clear()
    edge.ho.image_requests.clear()
    return [*primary, *second]


def displayed_photo(edge: Edge, photo: str) -> list[str]:
    """Returns the photo ids that the POS shows for this photo's product: in the menu and at the image endpoint."""
    product_id = UUID(edge.ho.photos[photo]["product_id"])
    (listed,) = [one for one in pos.page(limit=100, offset=0).products if one.id == product_id]
    alone = pos.find(product_id)
    assert alone is not None
    entry, image = responses.entry_of(listed), responses.image_of(alone)
    assert (entry.photos[0].id, entry.image_url) == (image.photo_id, image.image_url)
    return [str(one.id) for one in entry.photos]


def delete_object(edge: Edge, s3: Any, photo: str) -> None:
    """Deletes the object of ``photo``."""
    s3.delete_object(Bucket=edge.bucket.bucket, Key=edge.rows()[photo]["object_key"])


def test_a_damaged_primary_is_replaced_on_the_pos_until_the_next_hourly_run_repairs_it(
    edge: Edge, menu: list[str], s3: Any
) -> None:
    delete_object(edge, s3, menu[0])
    shown = status(edge)
    assert (shown["damaged"]["missing"], shown["products_without_verified_photo"]) == (1, [])
    assert displayed_photo(edge, menu[0]) == [menu[6], menu[0]]
    edge.ho.requests.clear()
    report = edge.sync(trigger="schedule")
    assert (report.kind, report.outcome, report.healed, report.fetched) == ("incremental", "success", 1, 1)
    assert len(edge.ho.image_requests) == 1
    assert displayed_photo(edge, menu[0]) == [menu[0], menu[6]]
    assert status(edge)["well"] is True
    edge.check_equals_head_office()
    edge.ho.requests.clear()
    edge.sync(trigger="schedule")
    assert edge.ho.requests == ["/api/v1/sync/product-photos/"]


def test_if_all_photos_of_a_product_are_damaged_the_primary_one_is_shown(edge: Edge, menu: list[str], s3: Any) -> None:
    delete_object(edge, s3, menu[0])
    delete_object(edge, s3, menu[6])
    assert [entry["product_name"] for entry in status(edge)["products_without_verified_photo"]] == ["dish 0"]
    assert displayed_photo(edge, menu[0]) == [menu[0], menu[6]]
    assert edge.sync(trigger="schedule").healed == 2


def test_a_damaged_photo_that_cannot_be_downloaded_is_on_the_retry_list_and_costs_no_second_full_list(
    edge: Edge, menu: list[str], s3: Any
) -> None:
    delete_object(edge, s3, menu[0])
    status(edge)
    edge.ho.on_image = lambda _: Response(503)
    assert edge.sync(trigger="schedule", TRIES=1).outcome == "partial"
    assert edge.reasons() == {menu[0]: "server_error"}
    edge.ho.requests.clear()
    edge.sync(trigger="schedule", TRIES=1)
    assert len(edge.ho.requests) == 1
    assert displayed_photo(edge, menu[0]) == [menu[6], menu[0]]
    edge.ho.on_image = None
    edge.hours_later = 30
    assert edge.sync(trigger="schedule").healed == 1
    edge.check_equals_head_office()


def test_a_damaged_photo_missing_from_the_full_list_is_requested_once_a_day(edge: Edge, menu: list[str], s3: Any) -> None:
    delete_object(edge, s3, menu[0])
    status(edge)
    lost = edge.ho.photos.pop(menu[0])  # without an entry in deleted_ids
    requests = []
    for hours in (0, 1, 2, 26, 27):
        edge.hours_later = hours
        edge.ho.requests.clear()
        assert edge.sync(trigger="schedule").outcome == "partial"
        requests.append(edge.ho.requests.count("/api/v1/sync/product-photos/"))
    assert requests == [2, 1, 1, 2, 1]
    edge.ho.photos[menu[0]] = lost
    edge.hours_later = 60
    assert edge.sync(trigger="schedule").healed == 1


def test_a_head_office_that_disappears_during_a_repair_fails_no_run(edge: Edge, menu: list[str], s3: Any) -> None:
    delete_object(edge, s3, menu[0])
    status(edge)
    edge.ho.put("new", picture("new"))
    edge.ho.on_page = lambda request: None if "updated_since" in request else Response(503)
    report = edge.sync(trigger="schedule", TRIES=1)
    assert (report.outcome, report.fetched, report.damaged) == ("partial", 1, 1)
    edge.ho.on_page = None
    assert edge.sync(trigger="schedule").healed == 1


def test_a_wrong_damage_mark_costs_no_full_list(edge: Edge, menu: list[str]) -> None:
    edge.query("INSERT INTO etalase_doubt (photo_id, kind) VALUES (%s, 'changed')", menu[0])
    assert edge.sync(trigger="schedule").outcome == "success"
    assert len(edge.ho.requests) == 1
    assert edge.count("etalase_doubt") == 0


def test_a_dry_run_counts_the_damaged_photos_that_a_run_would_repair(edge: Edge, menu: list[str], s3: Any) -> None:
    delete_object(edge, s3, menu[0])
    status(edge)
    report = edge.sync(dry_run=True, trigger="schedule")
    assert report.kind == "incremental"
    assert (report.forecast or {})["photos_to_fetch"] == 1


def test_held_shows_the_photo_that_the_pos_displays(edge: Edge, menu: list[str], s3: Any) -> None:
    second = edge.ho.photos[menu[6]]["filename"]
    delete_object(edge, s3, menu[0])
    status(edge)
    for photo in menu[6:11]:
        edge.ho.photos.pop(photo)
    removals = [removal for removal in _proposed(edge, menu[6:11]) if str(removal.photo_id) == menu[6]]
    (consequence,) = removal_decisions.consequences(removals).values()
    assert (consequence.shows, consequence.would_show, consequence.photos_left) == (second, None, 1)


def _proposed(edge: Edge, photos: list[str]) -> list[Any]:
    for photo in photos:
        edge.query(
            "INSERT INTO etalase_removal (photo_id, product_id, product_name, cause, state, left_bare, approved)"
            " SELECT id, product_id, '', 'sweep', 'held', false, false FROM product_photo WHERE id = %s",
            photo,
        )
    return storage.removals.in_states(["held"])


# Two primary photos


def test_of_two_primary_photos_the_newest_is_shown_and_later_runs_write_no_row(edge: Edge) -> None:
    older = edge.ho.put("sate", picture(1), key="products/a.jpg")
    newer = edge.ho.put("sate", picture(2), key="products/b.jpg")
    report = edge.sync()
    assert [notice["code"] for notice in report.notices] == ["several_primaries"]
    assert report.notices[0]["product_name"] == "sate"
    assert displayed_photo(edge, newer) == [newer, older]
    before = edge.row_versions()
    for full in (False, True, True):
        report = edge.sync(full=full)
        assert (report.updated, report.fetched, report.outcome) == (0, 0, "success")
    assert edge.row_versions() == before
    with edge.services() as services:
        assert verify(services, deep=True).equal


# Changed grace periods


def test_a_changed_grace_period_counts_for_orphans_that_wait_already(edge: Edge, menu: list[str]) -> None:
    old = edge.rows()[menu[0]]["object_key"]
    edge.ho.put("dish 0", picture("new"), photo=menu[0], key="products/elsewhere.jpg")
    edge.sync()
    assert edge.sync(RECLAIM_GRACE="1h").reclaimed == 0
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '2 hours'")
    assert edge.sync().reclaimed == 0
    assert edge.sync(RECLAIM_GRACE="1h").reclaimed == 1
    assert old not in edge.objects()

    edge.ho.put("dish 0", picture("newer"), photo=menu[0], key="products/again.jpg")
    edge.sync(RECLAIM_GRACE="1h")
    edge.query("UPDATE etalase_reclaim SET obsolete_at = now() - interval '2 hours'")
    assert edge.sync(RECLAIM_GRACE="48h").reclaimed == 0
    assert edge.sync(RECLAIM_GRACE="0s").reclaimed == 1
