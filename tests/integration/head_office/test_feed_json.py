"""PostgreSQL writes the JSON of a page byte for byte as msgspec would, whatever the texts of its rows (ADR 0034)."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.head_office.office import BUCKET, Office
from tests.integration.head_office.test_rendition_feed import make

from etalase.head_office import feed
from etalase.head_office.feed_bucket import PublicBucket
from etalase.head_office.models import Photo, Product, Rendition
from etalase.protocol import format_time, object_url
from etalase.renditions import key_of

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
# Of an object key: head office gives none such, a person with psql might.
keys = st.one_of(texts, st.text("ab/%\"\\'?#&+~;: é中😀\n\x7f\u2028", max_size=20))
coordinates = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 0.5, 0.1, 1 / 3]), st.floats(0.001, 1))
ODD_BUCKET = PublicBucket('http://photos.example:9000/a"b\\c/', "product-images")


def expected(photo: Photo, bucket: PublicBucket, *, renditions: bool) -> dict[str, Any]:
    def url(key: str, checksum: str) -> str:
        return object_url(bucket.public_url, bucket.name, key, checksum=checksum)

    fields = {
        "id": photo.id,
        "product_id": photo.product_id,
        "product_sku": photo.product.sku,
        "product_name": photo.product.name,
        **{name: getattr(photo, name) for name in ("object_key", "filename", "size", "content_type", "checksum", "version")},
        "is_primary": photo.is_primary,
        "sort_order": photo.sort_order,
        "updated_at": format_time(photo.updated_at),
        "image_url": url(photo.object_key, photo.checksum),
    }
    if not renditions:
        return fields
    rows = Rendition.objects.filter(set_id=photo.id).order_by("width")
    made = [
        {
            "width": row.width,
            "height": row.height,
            "object_key": key_of(photo.id, row),
            "size": row.size,
            "checksum": row.checksum,
            "content_type": row.content_type,
            "image_url": url(key_of(photo.id, row), row.checksum),
        }
        for row in rows
    ]
    x, y = (0.5 if value is None else value for value in (photo.focal_x, photo.focal_y))
    thumbhash = photo.rendition_set.thumbhash or None if made else None
    return {**fields, "renditions": made, "focal_point": {"x": x, "y": y}, "thumbhash": thumbhash}


def compare(office: Office, bucket: PublicBucket) -> None:
    store = Office._identity(office, None)
    photos = list(Photo.objects.select_related("product", "rendition_set").order_by("position"))
    for renditions in (False, True):
        body = feed.photo_page(store, feed.PageRequest(limit=100, with_renditions=renditions), bucket)
        assert bytes(body["photos"]) == msgspec.json.encode(
            [expected(photo, bucket, renditions=renditions) for photo in photos]
        )
    products = [
        {"id": one.id, "sku": one.sku, "name": one.name, "category": one.category, "updated_at": format_time(one.updated_at)}
        for one in Product.objects.order_by("assortment__position")
    ]
    assert bytes(feed.product_page(store, feed.PageRequest(limit=100))["products"]) == msgspec.json.encode(products)


@given(st.lists(st.tuples(texts, texts, keys, texts, texts, coordinates), min_size=1, max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_written_as_msgspec_writes_it(office: Office, rows: list[tuple[Any, ...]]) -> None:
    Product.objects.all().delete()
    for number, (name, category, key, filename, content_type, coordinate) in enumerate(rows):
        product = office.product(f"{number}{name}", name=name)
        Product.objects.filter(id=product.id).update(category=category)
        office.photo(
            product,
            object_key=f"{number}{key}",
            filename=filename,
            content_type=content_type,
            focal_x=coordinate,
            focal_y=coordinate and 1 - coordinate / 2,
        )
    compare(office, BUCKET)


def test_renditions_are_written_as_msgspec_writes_them(office: Office) -> None:
    photos = [office.photo(office.product(str(number))) for number in range(4)]
    make(photos[0], 640, 97, 320, 1000)
    make(photos[1], 160, content_type="image/jpeg", thumbhash="a/b+c==")
    make(photos[2], 160, thumbhash="")
    compare(office, BUCKET)
    compare(office, ODD_BUCKET)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 100])
def test_pages_of_any_size_list_each_photo_once_wherever_the_stores_dishes_lie(office: Office, size: int) -> None:
    """The page is found in the order of the chain's photos, or dish by dish (feed_sql.ALL_PHOTOS)."""
    other = office.another_store()
    wanted = []
    for number in range(60):
        is_sold = number < 10 or number % 7 == 0 or number > 50
        product = office.product(str(number), sold_in=[office.store] if is_sold else [other])
        for _ in range(1 + number % 2):
            photo = office.photo(product)
            wanted += [photo.id] if is_sold else []
    offset, found, limit = 0, [], size or len(wanted)
    while True:
        page = office.page(limit=limit, offset=offset)
        assert page.total == len(wanted)
        found += [photo.id for photo in page.photos]
        assert len(page.photos) == min(limit, len(wanted) - len(found) + len(page.photos))
        if page.next_offset is None:
            break
        offset = page.next_offset
    assert found == wanted
    assert office.page(offset=2**63 - 1).photos == []
