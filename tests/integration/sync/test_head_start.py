"""Checks that an empty edge downloads photos while head office's list is still pulled, and publishes none ahead of the plan."""

import threading
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.pictures import renditions
from tests.simulator import Response, picture


def paged(edge: Edge, products: int) -> None:
    """Lists a photo for each product, on pages of one."""
    edge.ho.max_page = 1
    for number in range(products):
        edge.ho.put(f"dish {number}", picture(number))


def test_the_first_photo_is_requested_before_the_second_page(edge: Edge) -> None:
    paged(edge, 3)
    requested = threading.Event()
    seen: list[tuple[bool, set[str]]] = []
    edge.ho.on_image = lambda _: requested.set()

    def on_page(request: dict[str, Any]) -> None:
        if request["offset"]:
            seen.append((requested.wait(60), edge.objects()))

    edge.ho.on_page = on_page
    report = edge.sync()
    assert seen == [(True, set())] * 2
    assert (report.outcome, report.fetched) == ("success", 3)
    assert len(edge.ho.image_requests) == 3
    edge.check_equals_head_office()


def test_the_first_small_picture_is_requested_before_the_second_page(edge: Edge) -> None:
    paged(edge, 3)
    for number, photo in enumerate(edge.ho.photos):
        edge.ho.put_renditions(photo, *renditions(number))
    requested: list[str] = []
    arrived = threading.Event()
    ahead: list[str] = []

    def on_image(key: str) -> None:
        requested.append(key)
        arrived.set()

    def on_page(request: dict[str, Any]) -> None:
        if request["offset"] == 1:
            assert arrived.wait(60)
            ahead.extend(requested)

    edge.ho.on_image, edge.ho.on_page = on_image, on_page
    report = edge.sync()
    assert [key.rpartition("-")[2] for key in ahead] == ["320.webp"]
    assert (report.outcome, report.fetched) == ("success", 3)
    assert len(edge.ho.image_requests) == 4 * 3  # each object once
    edge.check_equals_head_office()


def test_a_small_picture_that_failed_ahead_of_the_plan_fails_none_of_the_others(edge: Edge) -> None:
    paged(edge, 2)
    for number, photo in enumerate(edge.ho.photos):
        edge.ho.put_renditions(photo, *renditions(number))
    edge.ho.on_image = lambda key: Response(404) if key.endswith("-320.webp") else None
    report = edge.sync()
    assert (report.outcome, report.fetched) == ("success", 2)
    tally = report.as_json()["renditions"]
    assert (tally["fetched"], tally["failed"]) == (4, 2)


def test_only_an_empty_edge_downloads_ahead(edge: Edge) -> None:
    paged(edge, 1)
    edge.sync()
    edge.ho.put("dish 1", picture("a"))
    edge.ho.put("dish 2", picture("b"))
    requests_before = len(edge.ho.image_requests)
    seen: list[int] = []
    edge.ho.on_page = lambda _: seen.append(len(edge.ho.image_requests))
    edge.sync(full=True)
    assert set(seen) == {requests_before}
    edge.check_equals_head_office()


def test_a_dry_run_downloads_nothing(edge: Edge) -> None:
    paged(edge, 2)
    edge.sync(dry_run=True)
    assert edge.ho.image_requests == []


def test_a_photo_that_changes_while_the_list_is_pulled_is_published_as_it_is_now(edge: Edge) -> None:
    paged(edge, 2)
    photo = min(edge.ho.photos)
    edge.ho.on_image = lambda _: None

    def on_page(request: dict[str, Any]) -> None:
        if request["offset"] and edge.ho.photos[photo]["version"] == 1:
            edge.ho.put("changed", picture("new"), photo=photo, key=edge.ho.photos[photo]["object_key"])

    edge.ho.on_page = on_page
    edge.sync()
    edge.sync()
    edge.check_equals_head_office()


def test_after_a_refused_page_the_photos_before_it_are_published(edge: Edge) -> None:
    paged(edge, 2)
    edge.ho.on_page = lambda request: Response(200, b"{}") if request["offset"] else None
    report = edge.sync()
    assert (report.outcome, report.fetched, len(edge.objects())) == ("failed", 1, 1)


@pytest.mark.parametrize("status", [404, 403])
def test_a_photo_that_failed_ahead_of_the_plan_fails_as_any_other(edge: Edge, status: int) -> None:
    paged(edge, 3)
    missing = edge.ho.photos[min(edge.ho.photos)]["object_key"]
    edge.ho.on_image = lambda key: Response(status) if key == missing else None
    report = edge.sync()
    assert (report.outcome, report.fetched, report.failed) == ("partial", 2, 1)
    assert edge.count("etalase_pending_photo") == 1
