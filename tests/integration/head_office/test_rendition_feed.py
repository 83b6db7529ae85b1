"""Renditions in the photo feed: for an edge that prefers them, of exactly the photo's bytes; no change for any other."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Edge, Office
from tests.integration.head_office.sql_changes import Session

from etalase.head_office.models import Account, Photo, PhotoRenditionSet, Rendition
from etalase.renditions import ListedRenditions, WireRendition, rendition_problem, renditions_digest

pytestmark = pytest.mark.urls("etalase.head_office.urls")

PHOTOS = "/api/v1/sync/product-photos/"
NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
BOTH = "photo-digest, renditions"
THUMBHASH = "1QcSHQRnh493V4dIh4eXh1h4kJUI"


def ask(office: Office, *, prefer: str | None = "renditions", **parameters: Any) -> Any:
    """Returns the response to a request by the store's account."""
    token = RefreshToken.for_user(Account.objects.get()).access_token
    headers = {"Authorization": f"Bearer {token}"} | ({"Prefer": prefer} if prefer is not None else {})
    body = {"company_id": str(office.company.id), "store_id": str(office.store.id), **parameters}
    return Client().post(PHOTOS, body, content_type="application/json", headers=headers)


def page(office: Office, **parameters: Any) -> dict[str, Any]:
    """Returns a page as JSON."""
    response = ask(office, **parameters)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def make(photo: Photo, *widths: int, thumbhash: str = THUMBHASH, content_type: str = "image/webp") -> None:
    """Writes rows of renditions as the worker does, without objects."""
    Rendition.objects.filter(set_id=photo.id).delete()
    PhotoRenditionSet.objects.filter(photo=photo).update(photo_checksum=photo.checksum, thumbhash=thumbhash, due_at=None)
    Rendition.objects.bulk_create(
        Rendition(
            set_id=photo.id,
            width=width,
            height=width * 3 // 4,
            size=width * 40,
            content_type=content_type,
            checksum=uuid4().hex,
        )
        for width in widths
    )


def digest_of(photos: list[dict[str, Any]]) -> str:
    """Returns the digest that an edge calculates of a full list."""
    return renditions_digest(
        ListedRenditions(
            UUID(photo["id"]),
            photo["checksum"],
            photo["thumbhash"] or "",
            [rendition["object_key"] for rendition in photo["renditions"]],
        )
        for photo in sorted(photos, key=lambda one: UUID(one["id"]).int)
        if photo["renditions"]
    )


# Fields


def test_a_photo_has_its_renditions_by_width_with_keys_that_name_them(office: Office) -> None:
    photo = office.photo(office.product())
    make(photo, 640, 160, 320)
    (listed,) = page(office)["photos"]
    assert [one["width"] for one in listed["renditions"]] == [160, 320, 640]
    assert (listed["thumbhash"], listed["focal_point"]) == (THUMBHASH, {"x": 0.5, "y": 0.5})
    for one in listed["renditions"]:
        assert rendition_problem(photo.id, WireRendition(**one)) is None
        assert one["image_url"].partition("?")[0].endswith(f"/product-images/{one['object_key']}")
        assert one["height"] * 4 == one["width"] * 3


def test_a_photo_without_renditions_says_so(office: Office) -> None:
    Photo.objects.filter(id=office.photo(office.product()).id).update(focal_x=0.25, focal_y=1)
    (listed,) = page(office)["photos"]
    assert (listed["renditions"], listed["thumbhash"], listed["focal_point"]) == ([], None, {"x": 0.25, "y": 1.0})


def test_renditions_of_other_bytes_are_not_listed(office: Office) -> None:
    photo = office.photo(office.product())
    make(photo, 160)
    Photo.objects.filter(id=photo.id).update(checksum="0" * 32)
    answer = page(office, prefer=BOTH)
    assert (answer["photos"][0]["renditions"], answer["photos"][0]["thumbhash"]) == ([], None)
    assert answer["rendition_digest"] == NOTHING


def test_each_photo_has_its_own_renditions_on_each_page(office: Office) -> None:
    product = office.product()
    photos = [office.photo(product) for _ in range(5)]
    for photo in photos:
        make(photo, 160, 320)
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        answer = page(office, limit=2, offset=offset)
        for listed in answer["photos"]:
            seen.append(listed["id"])
            assert {one["object_key"].split("/")[1] for one in listed["renditions"]} == {listed["id"]}
        offset = answer["next_offset"]
    assert seen == [str(photo.id) for photo in photos]


# Without the preference


@pytest.mark.parametrize("prefer", [None, "", "photo-digest", "rendition", "x=renditions"])
def test_without_the_preference_the_response_is_byte_for_byte_the_guides(office: Office, prefer: str | None) -> None:
    photo = office.photo(office.product())
    since = page(office, prefer=None)["sync_timestamp"]

    def bodies() -> list[bytes]:
        answers = [page(office, prefer=prefer), page(office, prefer=prefer, updated_since=since)]
        return [json.dumps({**answer, "sync_timestamp": ""}).encode() for answer in answers]

    before = bodies()
    make(photo, 160, 320, 640)
    Photo.objects.filter(id=photo.id).update(focal_x=0.1, focal_y=0.2)
    assert bodies() == before
    assert [*json.loads(before[0])["photos"][0]] == [
        "id", "product_id", "product_sku", "product_name", "object_key", "filename", "size", "content_type", "checksum",
        "version", "is_primary", "sort_order", "updated_at", "image_url",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("post", PHOTOS, 401),
        ("get", PHOTOS, 401),
        ("post", "/api/v1/token/", 400),
        ("post", "/api/v1/token/refresh/", 400),
        ("get", "/api/v1/nothing/", 404),
        ("get", "/api/v1/schema/", 200),
        ("get", "/api/v1/sync/stores/", 401),
    ],
)
def test_every_response_of_the_api_names_the_abilities(office: Office, method: str, path: str, status: int) -> None:
    answer = getattr(Client(), method)(path, {}, content_type="application/json")
    assert (answer.status_code, answer.headers["Etalase-Features"]) == (status, "report=1, renditions=1")


def test_the_abilities_are_named_with_pages_tokens_and_strange_requests_and_nowhere_else(office: Office) -> None:
    assert ask(office).headers["Etalase-Features"] == "report=1, renditions=1"
    login = {"username": "avril", "password": "a store's own password"}
    assert Client().post("/api/v1/token/", login).headers["Etalase-Features"] == "report=1, renditions=1"
    assert Client(headers={"Host": "elsewhere.example"}).get("/api/v1/sync/stores/").headers["Etalase-Features"]
    assert "Etalase-Features" not in Client().get("/healthz").headers


# Digest


def test_the_digest_equals_that_of_the_listed_renditions(office: Office) -> None:
    product, elsewhere = office.product(), office.product("2", sold_in=[office.another_store()])
    photos = [office.photo(product) for _ in range(4)]
    make(photos[0], 640, 97, 320, 1000)
    make(photos[1], 160, content_type="image/jpeg", thumbhash="")
    make(photos[2])
    make(office.photo(elsewhere), 160)
    answer = page(office, prefer=BOTH)
    assert answer["rendition_digest"] == digest_of(answer["photos"]) != NOTHING
    assert "digest" in answer


@pytest.mark.parametrize(("prefer", "offset"), [("renditions", 0), ("photo-digest", 0), (BOTH, 10**6), (None, 0)])
def test_the_digest_is_on_the_first_page_where_both_are_preferred(office: Office, prefer: str | None, offset: int) -> None:
    assert "rendition_digest" not in page(office, prefer=prefer, offset=offset)
    assert page(office, prefer=BOTH)["rendition_digest"] == NOTHING


sets = st.lists(
    st.tuples(
        st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=56),
        st.dictionaries(st.integers(1, 9999), st.tuples(st.sampled_from(["image/webp", "image/jpeg"]), st.uuids()), max_size=5),
    ),
    max_size=4,
)


@given(sets)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_digest_of_the_database_is_that_of_an_edge(office: Office, made: list[tuple[str, Any]]) -> None:
    Photo.objects.all().delete()
    product = office.product(str(uuid4()))
    for thumbhash, renditions in made:
        photo = office.photo(product)
        make(photo, thumbhash=thumbhash)
        Rendition.objects.bulk_create(
            Rendition(set_id=photo.id, width=width, height=1, size=1, content_type=content_type, checksum=id_.hex)
            for width, (content_type, id_) in renditions.items()
        )
    answer = page(office, prefer=BOTH)
    assert answer["rendition_digest"] == digest_of(answer["photos"])


# Changes


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE head_office_rendition_set SET thumbhash = 'other'",
        "DELETE FROM head_office_rendition WHERE width = 160",
        (
            "INSERT INTO head_office_rendition (photo_id, width, height, size, content_type, checksum) "
            "SELECT photo_id, 640, 480, 9, content_type, checksum FROM head_office_rendition WHERE width = 160"
        ),
    ],
)
def test_a_change_of_a_set_lists_its_photo_again_to_edges_that_prefer_renditions(office: Office, change: str) -> None:
    product = office.product()
    photo, other = office.photo(product), office.photo(product)
    make(photo, 160)
    make(other, 320)
    since = page(office)["sync_timestamp"]
    assert page(office, updated_since=since)["photos"] == []
    with connection.cursor() as cursor:
        cursor.execute(f"{change} {'WHERE' if 'WHERE' not in change else 'AND'} photo_id = %s", [photo.id])
    assert [one["id"] for one in page(office, updated_since=since)["photos"]] == [str(photo.id)]
    assert page(office, prefer=None, updated_since=since)["photos"] == []


def test_work_on_a_set_without_another_result_lists_nothing(office: Office) -> None:
    photo = office.photo(office.product())
    make(photo, 160)
    since = page(office)["sync_timestamp"]
    PhotoRenditionSet.objects.update(due_at="2026-01-01T00:00:00Z", problem="x", recipe=7, changed_at="2999-01-01T00:00:00Z")
    assert page(office, updated_since=since)["photos"] == []


def test_a_set_that_is_committed_late_arrives(office: Office, stranger: Session) -> None:
    """Its transaction was open while another change was read (hazard 2)."""
    product = office.product()
    late, other = office.photo(product), office.photo(product)
    make(late, 160)
    stranger.execute("DELETE FROM head_office_rendition")
    since = page(office)["sync_timestamp"]
    make(other, 320)
    since = page(office, updated_since=since)["sync_timestamp"]
    stranger.commit()
    again = page(office, updated_since=since)
    assert {one["id"]: len(one["renditions"]) for one in again["photos"]}[str(late.id)] == 0


def test_a_rendition_of_a_photo_deleted_with_its_product_goes_along(office: Office) -> None:
    photo = office.photo(office.product())
    make(photo, 160, 320)
    photo.product.delete()
    assert (PhotoRenditionSet.objects.count(), Rendition.objects.count()) == (0, 0)


# The queue


def waiting() -> set[UUID]:
    return set(PhotoRenditionSet.objects.filter(due_at__isnull=False).values_list("photo_id", flat=True))


@pytest.mark.parametrize(("change", "is_due"), [
    ({"checksum": "0" * 32}, True),
    ({"focal_x": 0.1, "focal_y": 0.9}, True),
    ({"is_primary": True, "sort_order": 3, "filename": "x"}, False),
])  # fmt: skip
def test_new_bytes_and_another_focal_point_make_a_set_due(office: Office, change: dict[str, Any], is_due: bool) -> None:
    photo = office.photo(office.product())
    assert waiting() == {photo.id}
    make(photo, 160)
    PhotoRenditionSet.objects.update(problem="the old bytes are damaged")
    assert waiting() == set()
    Photo.objects.update(**change)
    assert waiting() == ({photo.id} if is_due else set())
    assert bool(PhotoRenditionSet.objects.get().problem) is not is_due
    assert len(page(office)["photos"][0]["renditions"]) == ("checksum" not in change), "the old set stays where it fits"


@pytest.mark.parametrize("point", [{"focal_x": 1.01, "focal_y": 0}, {"focal_x": 0.5}, {"focal_x": float("nan"), "focal_y": 0}])
def test_a_focal_point_is_inside_the_photo(office: Office, point: dict[str, float]) -> None:
    office.photo(office.product())
    with pytest.raises(IntegrityError, match="focal"), transaction.atomic():
        Photo.objects.update(**point)


def test_a_rendition_is_replaced_and_never_changed(office: Office) -> None:
    make(office.photo(office.product()), 160)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Rendition.objects.update(size=1)


def test_an_edge_of_the_guide_follows_the_feed_while_renditions_come_and_go(office: Office) -> None:
    photo = office.photo(office.product())
    edge = Edge(office.page)
    edge.sync()
    kept = dict(edge.photos)
    make(photo, 160)
    edge.sync()
    assert (edge.photos, edge.head_office_digest) == (kept, edge.digest)
