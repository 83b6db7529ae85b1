"""The admin shows renditions, never photos: thumbnails, the note about those that wait, and the focal point."""

import hashlib
import io
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image
from tests.daily import daily
from tests.integration.head_office.office import Office
from tests.pictures import picture

from etalase.head_office import heartbeat
from etalase.head_office.models import Account, Photo, PhotoRenditionSet

pytestmark = pytest.mark.urls("etalase.head_office.urls")

PLACEHOLDER = "no-rendition.svg"
# Of noise, which no encoder makes small; dishes take half of it.
THUMBNAIL_BYTES = 10_000


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def browser(office: Office) -> Client:
    return client_of(Account.objects.create_superuser("boss", password="x"))


def noise(kind: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind)
    return file.getvalue()


def save(browser: Client, photo: Photo, **row: Any) -> None:
    """Sends the page of the photo's product with its one photo, like a browser."""
    product = photo.product
    row = {"id": str(photo.id), "product": str(product.id), "is_primary": "on", "sort_order": 0, **row}
    data = {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "photos-TOTAL_FORMS": 1,
        "photos-INITIAL_FORMS": 1,
        "sold_in": [str(id_) for id_ in product.stores.values_list("id", flat=True)],
        "agreed": "",
        **{f"photos-0-{name}": value for name, value in row.items()},
    }
    browser.post(f"/admin/head_office/product/{product.id}/change/", data)


@pytest.mark.parametrize("kind", daily(["JPEG", "PNG", "WEBP"], "JPEG"))
def test_the_lists_load_small_renditions_only(office: Office, browser: Client, bucket: Any, kind: str) -> None:
    product = office.product()
    body = noise(kind, (1200, 900))
    photo = office.photo(product, filename="a.jpg", is_primary=True, size=len(body), checksum=hashlib.md5(body).hexdigest())
    bucket.put(photo.object_key, body, content_type=f"image/{kind.lower()}")
    lists = ("photo/", "product/", f"product/{product.id}/change/", f"photo/{photo.id}/change/")
    for page in lists:
        assert PLACEHOLDER in browser.get(f"/admin/head_office/{page}").content.decode(), "until the renditions are made"
    call_command("ho_renditions", "--quiet")
    addresses = set()
    for page in lists:
        shown = browser.get(f"/admin/head_office/{page}").content.decode()
        assert PLACEHOLDER not in shown
        addresses |= set(re.findall(r'<img src="([^"]+)" alt="a.jpg"', shown))
    (address,) = addresses
    assert address.startswith(f"/admin/head_office/photo/{photo.id}/thumbnail/?v=")
    small = browser.get(address)
    assert (small.status_code, "immutable" in small.headers["Cache-Control"]) == (200, True)
    assert len(small.content) <= THUMBNAIL_BYTES < len(body)
    assert Image.open(io.BytesIO(small.content)).size == (160, 120)
    again = browser.get(address, headers={"If-None-Match": small.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Photo.objects.update(checksum="0" * 32)
    assert browser.get(address).status_code == 404, "of other bytes"


def test_a_list_needs_no_query_for_each_thumbnail(office: Office, browser: Client, bucket: Any) -> None:
    def queries(page: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(page).status_code == 200
        return len(captured)

    pages = ("/admin/head_office/photo/", "/admin/head_office/product/")
    first = office.product("1")
    office.photo(first, is_primary=True)
    before = [queries(page) for page in pages]
    for number in range(2, 7):
        office.photo(office.product(str(number)), is_primary=True)
    assert [queries(page) for page in pages] == before


def test_a_photo_without_renditions_has_no_thumbnail(office: Office, browser: Client, bucket: Any) -> None:
    photo = office.photo(office.product())
    for id_ in (photo.id, uuid4()):
        assert browser.get(f"/admin/head_office/photo/{id_}/thumbnail/").status_code == 404


def test_the_index_says_how_many_photos_wait_and_whether_the_worker_runs(office: Office, browser: Client) -> None:
    def notes() -> str:
        return browser.get("/admin/").content.decode()

    assert "etalase-note" not in notes()
    office.photo(office.product())
    assert "1 photos wait for their small pictures" in notes()
    heartbeat.write()
    assert "The small pictures of 1 photos are being made" in notes()
    PhotoRenditionSet.objects.update(due_at=None, problem="damaged")
    assert "No small pictures could be made of 1 photos" in notes()
    assert "1 photo" in browser.get("/admin/head_office/photo/?renditions=failed").content.decode()
    assert "0 photos" in browser.get("/admin/head_office/photo/?renditions=waiting").content.decode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [(("25", "100"), (0.25, 1.0)), (("", "0"), (0.5, 0.0)), (("", ""), (None, None)), (("101", "5"), None), (("x", "5"), None)],
)
def test_a_focal_point_is_set_in_percent(
    office: Office, browser: Client, bucket: Any, given: tuple[str, str], kept: Any
) -> None:
    photo = office.photo(office.product(), focal_x=0.1, focal_y=0.1, is_primary=True)
    before = (Photo.objects.get().updated_at, (0.1, 0.1))
    save(browser, photo, focal_left=given[0], focal_top=given[1])
    after = Photo.objects.get()
    assert (after.focal_x, after.focal_y) == (before[1] if kept is None else kept)
    assert after.updated_at == before[0], "the guide's answer is the same"


@pytest.mark.parametrize("point", [None, ("80", "20")])
def test_a_new_file_puts_the_focal_point_back_to_the_centre_unless_one_comes_with_it(
    office: Office, browser: Client, bucket: Any, point: tuple[str, str] | None
) -> None:
    photo = office.photo(office.product(), focal_x=0.1, focal_y=0.1, is_primary=True)
    left, top = point or ("10", "10")
    save(browser, photo, focal_left=left, focal_top=top, upload=SimpleUploadedFile("dish.jpg", picture()))
    after = Photo.objects.get()
    assert after.checksum != photo.checksum
    assert (after.focal_x, after.focal_y) == ((0.8, 0.2) if point else (None, None))


def test_thumbnails_require_the_permission_to_view_photos(office: Office, bucket: Any) -> None:
    photo = office.photo(office.product())
    address = f"/admin/head_office/photo/{photo.id}/thumbnail/"
    assert Client().get(address).status_code == 302
    assert client_of(Account.objects.get(username="avril")).get(address).status_code == 302
    assert client_of(Account.objects.create_user("staff", is_staff=True)).get(address).status_code == 403
