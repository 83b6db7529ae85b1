"""Checks that an edge of this version reads the responses of every released head office."""

import json
from typing import Any
from uuid import UUID

import pytest
from tests.wire.recordings import RELEASES, differences, recorded

from etalase.edge.sync.feed.lenient import read_tokens
from etalase.protocol import Page, ProductPage, check_envelope, defect, parse

MARKS = {"<time>": "2026-11-26T09:00:00.000000+00:00", "<position>": 7}


def as_sent(value: Any) -> Any:
    """Returns a recorded response with values in the place of its marks."""
    match value:
        case dict():
            return {name: as_sent(inner) for name, inner in value.items()}
        case list():
            return [as_sent(inner) for inner in value]
        case str():
            return MARKS.get(value, value)
    return value


def test_there_is_a_recording_of_the_first_release() -> None:
    assert "0.2.0" in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_an_edge_reads_the_responses_of_a_released_head_office(release: str) -> None:
    read = set()
    for exchange in recorded(release, "head_office"):
        body = json.dumps(as_sent(exchange["response"])).encode()
        read.add(exchange["path"])
        match exchange["path"]:
            case "/api/v1/token/" | "/api/v1/token/refresh/":
                assert read_tokens(body, what="recorded tokens").access
            case "/api/v1/sync/product-photos/":
                page = parse(body, Page, what="a recorded page")
                ids = (UUID(exchange["request"][name]) for name in ("company_id", "store_id"))
                check_envelope(page, company_id=next(ids), store_id=next(ids), offset=0)
                assert [defect(photo, max_photo_bytes=10**8) for photo in page.photos] == [None] * len(page.photos)
            case "/api/v1/sync/products/":
                assert parse(body, ProductPage, what="a recorded page").products
    assert {"/api/v1/token/", "/api/v1/token/refresh/", "/api/v1/sync/product-photos/", "/api/v1/sync/products/"} <= read


def test_a_missing_or_changed_field_is_a_difference_and_an_added_one_is_not() -> None:
    assert differences({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3}) == []
    assert differences({"a": 1, "b": [1]}, {"b": [2]}) == [".a is missing", ".b[0]: 1 was 2"]
    assert differences([1], [1, 2]) == [": [1] was [1, 2]"]
