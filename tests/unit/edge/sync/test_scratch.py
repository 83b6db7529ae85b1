"""Checks a run's scratch database against plain sets and lists."""

import gc
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.sync import scratch
from etalase.edge.sync.plan.model import Kind, ProductPlan, Step
from etalase.edge.sync.scratch import Agenda, Listing, Photos
from etalase.errors import SpoolFull
from etalase.objectstore.model import ObjectInfo
from etalase.protocol import Photo


def photo(number: int, *, product: int = 0, **fields: Any) -> Photo:
    """Returns a photo with a small number as its id."""
    pages: dict[str, Any] = {
        "id": UUID(int=number),
        "product_id": UUID(int=product),
        "object_key": f"products/{product}/{number}.jpg",
        "size": 10,
        "content_type": "image/jpeg",
        "checksum": f"{number:032x}",
        "is_primary": False,
        "updated_at": datetime(2026, 2, 3, tzinfo=UTC),
        "image_url": "",
        "filename": None,
        "version": 1,
        "sort_order": None,
        "product_sku": None,
        "product_name": None,
    }
    return Photo(**pages | fields)


pages = st.lists(
    st.tuples(
        st.lists(st.integers(0, 9), max_size=4),
        st.lists(st.builds(photo, st.integers(0, 9), product=st.integers(0, 3), size=st.integers(0, 2**70)), max_size=4),
    ),
    max_size=6,
)


@given(pages, st.lists(st.builds(photo, st.integers(0, 12), version=st.just(7)), max_size=4))
def test_the_scratch_holds_the_latest_version_of_each_photo_and_prefers_the_feed_over_the_retry_list(
    pages: list[tuple[list[int], list[Photo]]], pending: list[Photo]
) -> None:
    kept, expected = Photos(), dict[UUID, Photo]()
    for deleted, listed in pages:
        ids = [UUID(int=number) for number in deleted]
        kept.discard(ids)
        kept.put(listed)
        expected = {id_: known for id_, known in expected.items() if id_ not in ids}
        expected |= {known.id: known for known in listed}
        assert len(kept) == len(expected)
    assert {id_ for number in range(13) if (id_ := UUID(int=number)) in kept} == set(expected)
    kept.add_pending(pending)
    everything = {known.id: known for known in reversed(pending)} | expected
    assert len(kept) == len(expected)
    assert list(kept.by_id()) == [everything[id_] for id_ in sorted(everything)]
    assert all(kept.get(id_) == expected.get(id_) for id_ in everything)
    assert all(kept.knows(id_) for id_ in everything)
    assert all(kept.has_product(known.product_id) for known in everything.values())


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 8))
def test_slices_are_whole_products(products: list[int], at_least: int) -> None:
    photos = Photos()
    photos.put(photo(number, product=product) for number, product in enumerate(products))
    slices = list(photos.in_slices(at_least))
    assert sorted(known.id.int for part in slices for known in part) == list(range(len(products)))
    of = [{known.product_id for known in part} for part in slices]
    assert sum(map(len, of)) == len(set(products))
    assert all(len(part) >= at_least for part in slices[:-1])


def test_a_key_is_contested_if_its_photos_differ_in_bytes_or_product() -> None:
    photos = Photos()
    photos.put(
        [
            photo(1, object_key="shared", checksum="AA"),
            photo(2, object_key="shared", checksum="aa"),
            photo(3, object_key="other bytes", checksum="aa"),
            photo(4, object_key="other bytes", checksum="bb"),
            photo(7, object_key="two products", product=1, checksum="aa"),
            photo(8, object_key="two products", product=2, checksum="aa"),
            photo(9, object_key=None),
            photo(10, object_key=None),
        ]
    )
    assert photos.contested_keys() - {""} == {"other bytes", "two products"}


def product(number: int, sizes: Sequence[int], *, primary: bool = False) -> ProductPlan:
    """Returns a product plan whose photos of these sizes need a download."""
    steps = [Step(photo(n, product=number, size=size, is_primary=primary), Kind.FETCH) for n, size in enumerate(sizes)]
    return ProductPlan(UUID(int=number), tuple(steps), displaced=((UUID(int=1), "products/gone.jpg"),))


def drained(agenda: Agenda) -> list[ProductPlan]:
    """Returns all items in order."""
    taken = []
    while agenda.peek() is not None:
        taken.append(agenda.pop())
    return taken


def test_the_agenda_lists_least_failed_photos_first_then_primary_ones_then_small_ones() -> None:
    agenda = Agenda()
    agenda.add([product(1, [5]), product(2, [3]), product(3, [9], primary=True), product(4, [8], primary=True)], attempts={})
    agenda.add([product(5, [1], primary=True), product(6, [1])], attempts={UUID(int=5): 2})
    assert [taken.product_id.int for taken in drained(agenda)] == [4, 3, 6, 2, 1, 5]
    with pytest.raises(IndexError):
        agenda.pop()


def test_the_agenda_returns_its_items_unchanged() -> None:
    agenda, put = Agenda(), product(1, [5, 7])
    agenda.add([put], attempts={})
    assert (agenda.photos, agenda.photos_to_fetch, agenda.bytes_to_fetch) == (2, 2, 12)
    (taken,) = drained(agenda)
    assert (taken.product_id, taken.steps, taken.displaced) == (put.product_id, put.steps, put.displaced)


def test_a_bucket_listing_finds_the_object_of_a_key_and_unused_objects() -> None:
    count = 2 * scratch.MAX_VALUES + 1  # more than one statement takes
    objects = [ObjectInfo(f"products/{number}", number, str(number)) for number in range(count)]
    listing = Listing(iter(objects))
    assert listing.of(f"products/{number}" for number in range(1, count + 4)) == {info.key: info for info in objects[1:]}
    listing.use([*(info.key for info in objects if info.size % 2), "products/none"])
    assert {key for keys in listing.unused() for key in keys} == {info.key for info in objects if not info.size % 2}


def test_a_full_temporary_folder_is_named() -> None:
    photos = Photos()
    (size,) = next(photos._db.read("PRAGMA page_count"))
    next(photos._db.read(f"PRAGMA max_page_count = {size + 2}"))
    with pytest.raises(SpoolFull, match=r"temporary folder .* full\. Make room there, or set TMPDIR to another folder"):
        photos.put(photo(number) for number in range(1000))


def test_an_abandoned_read_can_be_closed_by_any_thread() -> None:
    photos = Photos()
    photos.put([photo(1), photo(2)])
    readings = [photos.by_id()]
    next(readings[0])
    with ThreadPoolExecutor(1) as garbage_collector:
        garbage_collector.submit(readings.clear).result()


def test_a_scratch_database_is_closed_with_its_owner() -> None:
    photos = Photos()
    reading, database = photos.by_id(), photos._db._db
    del photos, reading
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")
