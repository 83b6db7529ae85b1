"""The digest: proves to an edge that it has the same photos, for exactly the snapshot of the page."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Edge, Office, delete
from tests.integration.head_office.sql_changes import CHANGES

from etalase.edge.clock import Clock
from etalase.edge.sync.download.exchange import Deadlines, Response
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.feed.client import HeadOffice
from etalase.edge.sync.feed.paths import PHOTOS_PATH
from etalase.edge.sync.feed.renditions import RenditionPage
from etalase.edge.sync.feed.session import Session
from etalase.head_office.models import Account, Photo
from etalase.photo_digest import photos_digest
from etalase.protocol import MAX_LIMIT, Page, TokenPair
from etalase.renditions import renditions_digest

pytestmark = pytest.mark.urls("etalase.head_office.urls")

TESTS = Path(__file__).parents[2]
EXAMPLE = json.loads((TESTS / "wire" / "photo_digest.json").read_text("utf-8"))
REFERENCE = TESTS.parent / "docs" / "PRODUCT_PHOTO_SYNC_API_REFERENCE.md"
NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


def post(office: Office, path: str = "product-photos", *, prefer: str | None = None, **parameters: Any) -> dict[str, Any]:
    """Returns a page over HTTP, requested by the store's account."""
    token = RefreshToken.for_user(Account.objects.get()).access_token
    headers = {"Authorization": f"Bearer {token}"} | ({"Prefer": prefer} if prefer is not None else {})
    body = {"company_id": str(office.company.id), "store_id": str(office.store.id), **parameters}
    response = Client().post(f"/api/v1/sync/{path}/", body, content_type="application/json", headers=headers)
    assert response.status_code == 200
    page: dict[str, Any] = response.json()
    return page


# Value


def test_the_digest_covers_the_photos_of_the_full_feed(office: Office) -> None:
    odd = office.product("1", name="odd")
    office.photo(odd, filename="a|b\\ «Es Teh» 日本.jpg", sort_order=-3, version=7)
    office.photo(odd, filename="", is_primary=True, object_key="products/|\\N", content_type="image/webp")
    office.photo(office.product("2"))
    office.photo(office.product("3", sold_in=[office.another_store()]))
    page = office.page(with_digest=True)
    assert len(page.photos) == 3
    assert page.digest == photos_digest(sorted(page.photos, key=lambda photo: photo.id))


def test_the_digest_of_a_store_without_photos_is_that_of_an_empty_list(office: Office) -> None:
    assert office.page(with_digest=True).digest == NOTHING == photos_digest([])


@pytest.mark.parametrize(
    "change",
    [
        {"object_key": "products/x"},
        {"filename": "other.jpg"},
        {"size": 1},
        {"content_type": "image/png"},
        {"checksum": "0" * 32},
        {"version": 2},
        {"is_primary": True},
        {"sort_order": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_changes_with_every_field_that_an_edge_stores(office: Office, change: dict[str, Any]) -> None:
    photo = office.photo(office.product())
    before = office.page(with_digest=True).digest
    Photo.objects.filter(id=photo.id).update(**change)
    assert office.page(with_digest=True).digest not in {before, NOTHING}


def test_the_sql_of_the_reference_computes_the_digest_of_its_example() -> None:
    (sql,) = re.findall(r"```sql\n(.*?)```", REFERENCE.read_text("utf-8"), re.DOTALL)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE product_photo (id uuid, product_id uuid, object_key text, filename text, size int,"
            " content_type text, checksum text, version int, is_primary boolean, sort_order int)"
        )
        try:
            cursor.execute(sql)
            assert cursor.fetchone() == (NOTHING,)
            cursor.execute(
                "INSERT INTO product_photo SELECT * FROM json_populate_recordset(NULL::product_photo, %s)",
                [json.dumps(EXAMPLE["photos"][::-1])],
            )
            cursor.execute(sql)
            assert cursor.fetchone() == (EXAMPLE["digest"],)
        finally:
            cursor.execute("DROP TABLE product_photo")


def test_the_reference_shows_the_digest_of_its_example() -> None:
    reference = REFERENCE.read_text("utf-8")
    for shown in (*EXAMPLE["lines"], *EXAMPLE["line_digests"], EXAMPLE["digest"]):
        assert shown in reference


# Presence in pages


@pytest.mark.parametrize(
    "prefer", ["photo-digest", "Photo-Digest; x=1", 'wait=10, photo-digest="", respond-async', ",photo-digest"]
)
def test_the_page_has_a_digest_if_the_request_prefers_it(office: Office, prefer: str) -> None:
    assert post(office, prefer=prefer)["digest"] == NOTHING


@pytest.mark.parametrize("prefer", [None, "", "respond-async", "photo-digests", "wait; photo-digest", "x=photo-digest"])
def test_the_page_has_no_digest_without_the_preference(office: Office, prefer: str | None) -> None:
    assert "digest" not in post(office, prefer=prefer)


def test_only_the_first_page_has_a_digest(office: Office) -> None:
    product = office.product()
    for _ in range(2):
        office.photo(product)
    first = post(office, prefer="photo-digest", limit=1)
    assert "digest" in first
    assert "digest" not in post(office, prefer="photo-digest", limit=1, offset=first["next_offset"])
    assert "digest" not in post(office, "products", prefer="photo-digest")


def test_a_full_set_in_place_of_changes_has_a_digest(office: Office) -> None:
    office.photo(office.product())
    page = post(office, prefer="photo-digest", updated_since="2999-01-01T00:00:00Z")
    assert page["full"] is True
    assert page["digest"] == office.page(with_digest=True).digest


def test_the_openapi_document_shows_the_digest_preference() -> None:
    document = Client().get("/api/v1/schema/?format=json").json()
    parameters = document["paths"][PHOTOS_PATH]["post"]["parameters"]
    assert [(one["in"], one["name"], one.get("required", False)) for one in parameters] == [("header", "Prefer", False)]
    schema = document["components"]["schemas"]["PhotoPageAnswer"]
    assert "digest" in {*schema["properties"]} - {*schema["required"]}


# Snapshot


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_digest_hides_no_late_commit(office: Office, stranger: psycopg.Connection[Any], change: Callable[..., Any]) -> None:
    """The digest equals that of an edge without the change only until the change is listed."""
    a, b = office.photo(office.product("A")), office.photo(office.product("B"))
    unsold = office.photo(office.product("C", sold_in=[]))
    edge = Edge(office.page)
    edge.sync()
    change(stranger, a, unsold)
    Photo.objects.filter(id=b.id).update(sort_order=1)
    edge.sync()
    before = edge.photos[b.id], dict(edge.photos)
    assert before[0]["sort_order"] == 1, "newer than the horizon, and listed all the same"
    assert edge.head_office_digest == edge.digest, "the open change is in neither"
    stranger.commit()
    edge.sync()
    assert edge.photos != before[1]
    assert edge.head_office_digest == edge.digest
    fresh = Edge(office.page)
    fresh.sync()
    assert (fresh.photos, fresh.digest) == (edge.photos, edge.digest)


def test_a_commit_during_a_page_is_neither_on_the_page_nor_in_its_digest(
    office: Office, stranger: psycopg.Connection[Any]
) -> None:
    photo = office.photo(office.product())
    commits: list[str] = []

    def commit_after_the_rows(execute: Any, sql: str, *given: Any) -> Any:
        result = execute(sql, *given)
        if "head_office_photo" in sql and "LIMIT" in sql and not commits:
            commits.append(sql)
            stranger.execute("UPDATE head_office_photo SET sort_order = 9")
            stranger.commit()
        return result

    with connection.execute_wrapper(commit_after_the_rows):
        page = office.page(with_digest=True)
    assert commits
    assert [one.sort_order for one in page.photos] == [0]
    assert page.digest == photos_digest(page.photos)
    assert [one.id for one in office.page(since=page.sync_timestamp).photos] == [photo.id]


def test_the_digest_reveals_a_loss_at_the_edge_without_any_change(office: Office) -> None:
    product = office.product()
    photos = [office.photo(product) for _ in range(3)]
    edge = Edge(office.page)
    edge.sync()
    del edge.photos[photos[0].id]
    edge.sync()
    assert edge.head_office_digest != edge.digest
    edge.sync(full=True)
    assert edge.head_office_digest == edge.digest
    delete(photos[1])
    kept = edge.photos[photos[1].id]
    edge.sync()
    assert edge.head_office_digest == edge.digest
    edge.photos[photos[1].id] = kept
    assert edge.head_office_digest != edge.digest


# With a real edge client


class Tokens:
    """Stores an edge's tokens in memory."""

    kept = TokenPair(access="")

    def load_tokens(self) -> TokenPair:
        return self.kept

    def save_tokens(self, tokens: TokenPair) -> None:
        self.kept = tokens


class WatchedTransport(Transport):
    """The real transport; ``wishes`` records preference and response status of each photo request."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[tuple[str | None, int]] = []

    def exchange(self, url: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        response = super().exchange(url, headers=headers, **more)
        if url.endswith(PHOTOS_PATH):
            self.wishes.append(((headers or {}).get("Prefer"), response.status))
        return response


@pytest.mark.parametrize("with_digest", [True, False])
def test_an_edge_prefers_a_digest_on_the_first_page_only(office: Office, live_server: Any, with_digest: bool) -> None:
    product = office.product()
    for _ in range(101):
        office.photo(product)
    transport = WatchedTransport()
    session = Session(
        url=live_server.url,
        username="avril",
        password="a store's own password",
        tries=1,
        deadlines=Deadlines(5, 30, 1, 30),
        transport=transport,
        tokens=Tokens(),
        clock=Clock(),
    )
    head_office = HeadOffice(session, office.company.id, office.store.id, MAX_LIMIT + 1)
    pages: list[Page] = list(head_office.photo_pages(None, with_digest=with_digest))
    listed = sorted((photo for page in pages for photo in page.photos), key=lambda photo: photo.id)
    # The login's response offered renditions.
    both = "photo-digest, renditions" if with_digest else "renditions"
    assert transport.wishes == [(both, 200), ("renditions", 400), ("renditions", 200)]
    assert [page.digest for page in pages] == [photos_digest(listed) if with_digest else None, None]
    assert all(isinstance(page, RenditionPage) and page.oddities == () for page in pages)
    of_nothing = renditions_digest([]) if with_digest else None
    assert [page.rendition_digest for page in pages if isinstance(page, RenditionPage)] == [of_nothing, None]
