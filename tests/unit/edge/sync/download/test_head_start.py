"""Checks which photos are downloaded ahead of the plan, and how the plan gets them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import msgspec
import pytest

from etalase.edge.sync.download.head_start import HeadStart
from etalase.edge.sync.download.images import SPOOL_FROM_BYTES
from etalase.errors import PhotoError, Reason
from etalase.protocol import Photo


def photo(number: int, size: int = 10) -> Photo:
    return Photo(
        id=UUID(int=number),
        product_id=UUID(int=number),
        object_key=f"products/{number}/primary.jpg",
        filename=None,
        version=1,
        sort_order=0,
        size=size,
        content_type="image/jpeg",
        checksum=f"{number:032x}",
        is_primary=True,
        updated_at=None,
        image_url=f"http://ho/{number}",
        product_sku=None,
        product_name=None,
    )


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Downloads:
    """Downloads that are recorded."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(self, photo: Photo) -> bytes:
        self.urls.append(photo.image_url)
        return photo.image_url.encode()


def test_a_photo_is_downloaded_once_ahead_of_the_plan(workers: ThreadPoolExecutor) -> None:
    downloads = Downloads()
    ahead = HeadStart(downloads)
    ahead.begin([photo(1)], workers)
    ahead.begin([photo(1), photo(2)], workers)
    assert ahead.fetch(photo(2)) == b"http://ho/2"
    assert ahead.fetch(photo(1)) == b"http://ho/1"
    assert downloads.urls == ["http://ho/1", "http://ho/2"]


def test_downloads_begin_in_the_given_order_up_to_the_bound(workers: ThreadPoolExecutor) -> None:
    downloads = Downloads()
    ahead = HeadStart(downloads, max_bytes=60)
    ahead.begin([photo(3, 10), photo(2, 30), photo(4, 5), photo(1, 20)], workers)
    ahead.begin([photo(5, 1)], workers)
    workers.shutdown()
    assert downloads.urls == [f"http://ho/{number}" for number in (3, 2, 4)]


def test_a_photo_that_did_not_begin_is_downloaded_for_the_plan() -> None:
    downloads = Downloads()
    assert HeadStart(downloads).fetch(photo(1)) == b"http://ho/1"


@pytest.mark.parametrize("changed", [{"image_url": "http://ho/new"}, {"checksum": "f" * 32}, {"size": 11}])
def test_a_photo_that_has_changed_since_is_downloaded_again(workers: ThreadPoolExecutor, changed: dict[str, object]) -> None:
    downloads = Downloads()
    ahead = HeadStart(downloads)
    ahead.begin([photo(1)], workers)
    ahead.fetch(msgspec.structs.replace(photo(1), **changed))
    assert len(downloads.urls) == 2


def test_photos_that_share_an_object_are_downloaded_once(workers: ThreadPoolExecutor) -> None:
    downloads = Downloads()
    ahead = HeadStart(downloads)
    ahead.begin([photo(1), msgspec.structs.replace(photo(1), id=UUID(int=2))], workers)
    ahead.fetch(msgspec.structs.replace(photo(1), id=UUID(int=2)))
    assert downloads.urls == ["http://ho/1"]


def test_a_photo_for_the_spool_begins_with_the_plan(workers: ThreadPoolExecutor) -> None:
    downloads = Downloads()
    HeadStart(downloads).begin([photo(1, SPOOL_FROM_BYTES)], workers)
    workers.shutdown()
    assert downloads.urls == []


def test_the_plan_may_write_the_checksum_in_another_case(workers: ThreadPoolExecutor) -> None:
    downloads = Downloads()
    ahead = HeadStart(downloads)
    ahead.begin([msgspec.structs.replace(photo(1), checksum="AB" * 16)], workers)
    ahead.fetch(msgspec.structs.replace(photo(1), checksum="ab" * 16))
    assert len(downloads.urls) == 1


def test_the_plan_gets_the_error_of_a_download_that_failed_early(workers: ThreadPoolExecutor) -> None:
    def fails(_: Photo) -> bytes:
        raise PhotoError(Reason.NOT_FOUND, "HTTP 404")

    ahead = HeadStart(fails)
    ahead.begin([photo(1)], workers)
    with pytest.raises(PhotoError, match="404"):
        ahead.fetch(photo(1))


def test_after_an_outage_the_other_photos_wait_for_the_plan(workers: ThreadPoolExecutor) -> None:
    requested: list[int] = []

    def fails(photo: Photo) -> bytes:
        requested.append(photo.id.int)
        raise PhotoError(Reason.TIMEOUT, "")

    ahead = HeadStart(fails)
    ahead.begin([photo(1), photo(2), photo(3)], workers)
    workers.shutdown()
    assert requested == [1]
    with pytest.raises(PhotoError):
        ahead.fetch(photo(2))
    assert requested == [1, 2]


def test_downloads_that_nobody_asked_for_are_counted_once(workers: ThreadPoolExecutor) -> None:
    ahead = HeadStart(Downloads())
    ahead.begin([photo(1), photo(2), photo(3)], workers)
    ahead.fetch(photo(2))
    assert (ahead.drop_unused(), ahead.drop_unused()) == (2, 0)
