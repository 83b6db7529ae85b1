"""Checks the guide's own example response, verbatim."""

import json
from pathlib import Path
from uuid import UUID

from etalase.protocol import Page, check_envelope, defect, format_time, object_url, parse, parse_time

GUIDE_PAGE = (Path(__file__).parent / "guide_page.json").read_bytes()


def test_the_guides_example_is_a_page_that_an_edge_takes() -> None:
    page = parse(GUIDE_PAGE, Page, what="the guide's example")
    filter_ids = json.loads(GUIDE_PAGE)["filter"]
    check_envelope(page, company_id=UUID(filter_ids["company_id"]), store_id=UUID(filter_ids["store_id"]), offset=0)
    assert [photo.id for photo in page.photos] == [
        UUID("73ce4e57-19f0-44f8-8e3d-ea1c27c0e21b"),
        UUID("7067df8c-ef2b-40e0-9125-4617322d6d61"),
    ]
    assert (page.total, page.has_more, page.next_offset, page.deleted_ids) == (2, False, None, [])
    assert (page.full, page.products_changed_at) == (False, None)
    assert [defect(photo, max_photo_bytes=10**6) for photo in page.photos] == [None, None]


def test_urls_and_times_are_written_as_in_the_guide() -> None:
    page = parse(GUIDE_PAGE, Page, what="the guide's example")
    for photo, row in zip(page.photos, json.loads(GUIDE_PAGE)["photos"], strict=True):
        assert photo.object_key is not None
        url = object_url("http://HO_MINIO_HOST:9000", "product-images", photo.object_key, checksum=photo.checksum)
        assert url == row["image_url"]
        assert format_time(parse_time(row["updated_at"], field="updated_at")) == row["updated_at"]
