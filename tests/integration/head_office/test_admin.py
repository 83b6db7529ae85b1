"""The admin: products, photos, stores and sales, with real uploads."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from tests.daily import daily
from tests.integration.head_office.office import Edge, Office
from tests.pictures import picture

from etalase.head_office.collecting import collect
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store

pytestmark = pytest.mark.urls("etalase.head_office.urls")


@pytest.fixture
def browser(office: Office) -> Client:
    client = Client()
    client.force_login(
        Account.objects.create_superuser("boss", password="x"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def form(product: Product, *photos: dict[str, Any], stores: list[Store] | None = None, agreed: str = "") -> dict[str, Any]:
    """Sends the product's page like a browser; ``photos`` with an ``id`` exist already."""
    there = [photo for photo in photos if "id" in photo]
    sold_in = (
        [store.id for store in stores]
        if stores is not None
        else Assortment.objects.filter(product=product).values_list("store_id", flat=True)
    )
    data: dict[str, Any] = {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "photos-TOTAL_FORMS": len(photos),
        "photos-INITIAL_FORMS": len(there),
        "sold_in": [str(id_) for id_ in sold_in],
        "agreed": agreed,
    }
    for number, photo in enumerate(sorted(photos, key=lambda photo: "id" not in photo)):
        data[f"photos-{number}-product"] = str(product.id)
        data |= {f"photos-{number}-{name}": value for name, value in {"sort_order": 0, **photo}.items()}
    return data


def save(browser: Client, product: Product, *photos: dict[str, Any], **more: Any) -> Any:
    """Sends only fields of the page, like a browser; the page's script makes further empty rows from «__prefix__»."""
    address, data = f"/admin/head_office/product/{product.id}/change/", form(product, *photos, **more)
    offered = set(re.findall(r'name="([^"]+)"', browser.get(address).content.decode()))
    there = data["photos-INITIAL_FORMS"]
    sent = {re.sub(r"^photos-(\d+)-", lambda row: row[0] if int(row[1]) < there else "photos-__prefix__-", n) for n in data}
    assert sent <= offered
    return browser.post(address, data)


def upload(body: bytes, name: str = "Menu_Image.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body, content_type="application/octet-stream")


def test_an_uploaded_photo_is_in_the_feed_and_in_the_bucket(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    body = picture("WEBP")
    assert save(browser, product, {"upload": upload(body), "is_primary": "on", "sort_order": 2}).status_code == 302
    (listed,) = office.page().photos
    assert listed.object_key == f"products/{product.id}/primary.webp"
    assert (listed.filename, listed.content_type, listed.size) == ("Menu_Image.jpg", "image/webp", len(body))
    assert (listed.is_primary, listed.sort_order, listed.version) == (True, 2, 1)
    assert bucket.get(listed.object_key) == body


def test_a_replaced_photo_keeps_its_id_and_gets_a_new_version(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture()), "is_primary": "on"})
    before = office.page().photos[0]
    save(browser, product, {"id": str(before.id), "upload": upload(picture("PNG"), "new.png"), "is_primary": "on"})
    (after,) = office.page().photos
    assert (after.id, after.version, after.filename) == (before.id, 2, "new.png")
    assert after.object_key == f"products/{product.id}/primary.png"
    assert bucket.head(before.object_key) is not None
    collect(timezone.now() + timedelta(hours=25))
    assert bucket.head(before.object_key) is None
    assert bucket.get(after.object_key) == picture("PNG")


def test_another_primary_photo_changes_flags_and_no_objects(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture()), "is_primary": "on"}, {"upload": upload(picture(colour="blue"))})
    first, second = office.page().photos
    rows = ({"id": str(first.id)}, {"id": str(second.id), "is_primary": "on"})
    assert save(browser, product, *rows).status_code == 302
    after = {p.id: p for p in office.page().photos}
    assert (after[first.id].is_primary, after[second.id].is_primary) == (False, True)
    assert {p.object_key for p in after.values()} == {first.object_key, second.object_key}
    assert {p.version for p in after.values()} == {1}


def test_a_second_primary_photo_demotes_the_first(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture()), "is_primary": "on"})
    first = office.page().photos[0]
    new = {"upload": upload(picture(colour="blue")), "is_primary": "on"}
    save(browser, product, {"id": str(first.id), "is_primary": "on"}, new)
    assert [p.is_primary for p in office.page().photos] == [False, True]


def test_two_new_primary_photos_at_once_are_refused_with_a_reason(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    rows = [{"upload": upload(picture(colour=colour)), "is_primary": "on"} for colour in ("red", "blue")]
    answer = save(browser, product, *rows)
    assert answer.status_code == 200
    assert "Only one photo of a product can be primary." in answer.content.decode()
    assert Photo.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture, whatever its name says"),
        (picture()[:-40], "cut short"),
    ],
    ids=["empty", "SVG", "cut"],
)
def test_an_invalid_upload_is_refused_beside_its_field(
    office: Office, browser: Client, bucket: Any, body: bytes, reason: str
) -> None:
    answer = save(browser, office.product(), {"upload": upload(body)})
    assert answer.status_code == 200
    assert reason in answer.content.decode()
    assert Photo.objects.count() == 0


def test_an_upload_during_a_bucket_outage_shows_a_message_and_changes_nothing(office: Office, browser: Client) -> None:
    answer = save(browser, office.product(), {"upload": upload(picture())})
    assert answer.status_code == 302
    assert "was not saved" in browser.get("/admin/").content.decode()
    assert Photo.objects.count() == 0


def test_deletion_of_a_photo_deletes_its_object_a_day_later(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture())})
    edge = Edge(office.page)
    edge.sync()
    (photo,) = Photo.objects.all()
    html = save(browser, product, {"id": str(photo.id), "DELETE": "on"}).content.decode()
    assert "1 dishes have no photo any more" in html
    assert Photo.objects.count() == 1
    save(browser, product, {"id": str(photo.id), "DELETE": "on"}, agreed="1")
    edge.sync()
    assert edge.photos == {}
    assert bucket.get(photo.object_key) == picture()
    collect(timezone.now() + timedelta(hours=23))
    assert bucket.get(photo.object_key) == picture()
    collect(timezone.now() + timedelta(hours=25))
    assert bucket.head(photo.object_key) is None


def test_deletion_of_a_product_deletes_its_objects_a_day_later(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture())})
    (photo,) = Photo.objects.all()
    page = f"/admin/head_office/product/{product.id}/delete/"
    assert "Are you sure" in browser.get(page).content.decode()
    browser.post(page, {"post": "yes"})
    assert (Product.objects.count(), bucket.head(photo.object_key) is None) == (0, False)
    collect(timezone.now() + timedelta(hours=25))
    assert bucket.head(photo.object_key) is None


def test_the_stores_of_a_product_are_chosen_on_its_page(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product(sold_in=[])
    other, third = office.another_store(), office.another_store("3")
    save(browser, product, stores=[office.store, other])
    kept = Assortment.objects.get(store=other)
    save(browser, product, stores=[other, third])
    assert {*Assortment.objects.filter(product=product).values_list("store", flat=True)} == {other.id, third.id}
    assert Assortment.objects.get(store=other).updated_at == kept.updated_at


def test_the_products_of_a_store_are_chosen_on_its_page(office: Office, browser: Client) -> None:
    products = [office.product(str(n), sold_in=[]) for n in range(3)]
    data = {"code": "AVRIL-001", "name": "NEW NAME", "sells": [str(product.id) for product in products[:2]]}
    answer = browser.post(f"/admin/head_office/store/{office.store.id}/change/", data)
    assert answer.status_code == 302
    assert {*Product.objects.filter(stores=office.store)} == {*products[:2]}


def test_a_store_of_another_company_cannot_be_chosen(office: Office, browser: Client, bucket: Any) -> None:
    foreign = Store.objects.create(company=Company.objects.create(name="Elsewhere"), code="1", name="Elsewhere")
    new = {"id": str(uuid4()), "company": str(office.company.id), "sku": "9", "name": "x", "sold_in": [str(foreign.id)]}
    rows = {"photos-TOTAL_FORMS": 0, "photos-INITIAL_FORMS": 0}
    answer = browser.post("/admin/head_office/product/add/", {**new, **rows})
    assert "of another company" in answer.content.decode()
    assert (
        browser.post("/admin/head_office/product/add/", {**new, **rows, "sold_in": [str(office.store.id)]}).status_code == 302
    )
    assert Product.objects.get().stores.get() == office.store


def test_actions_sell_many_products_everywhere_or_nowhere(office: Office, browser: Client) -> None:
    stores = [office.another_store(f"S{n}") for n in range(5)]
    products = [office.product(str(n)) for n in range(5)]
    chosen = {"_selected_action": [str(product.id) for product in products]}
    browser.post("/admin/head_office/product/", {"action": "sell_everywhere", **chosen})
    assert Assortment.objects.count() == 5 * (len(stores) + 1)
    for answer in ({}, {"post": "yes"}, {"post": "yes", "number": "4"}):
        html = browser.post("/admin/head_office/product/", {"action": "sell_nowhere", **chosen, **answer}).content.decode()
        assert "5 dishes are sold nowhere any more" in html
        assert "To go on, type the number 5" in html
        assert ("That was not the number 5" in html) is ("post" in answer)
        assert all(f"<li>{product}</li>" in html for product in products)
        assert Assortment.objects.count() == 30
    browser.post("/admin/head_office/product/", {"action": "sell_nowhere", **chosen, "post": "yes", "number": " 5 "})
    assert Assortment.objects.count() == 0


def test_another_photo_is_made_primary_from_the_list(office: Office, browser: Client) -> None:
    product = office.product()
    first, second = office.photo(product, is_primary=True), office.photo(product)
    browser.post("/admin/head_office/photo/", {"action": "make_primary", "_selected_action": [str(second.id)]})
    assert {p.id: p.is_primary for p in Photo.objects.all()} == {first.id: False, second.id: True}


def test_a_product_with_photos_always_has_a_primary_one(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    save(browser, product, {"upload": upload(picture())}, {"upload": upload(picture(colour="blue")), "sort_order": 1})
    first, second = Photo.objects.order_by("position")
    assert (first.is_primary, second.is_primary) == (True, False)
    save(browser, product, {"id": str(first.id), "DELETE": "on"}, {"id": str(second.id), "sort_order": 1})
    (left,) = office.page().photos
    assert (left.id, left.is_primary) == (second.id, True)


def test_deletion_of_a_primary_photo_in_the_list_promotes_another(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    first, second, third = (office.photo(product, is_primary=n == 0, sort_order=n) for n in range(3))
    browser.post(f"/admin/head_office/photo/{first.id}/delete/", {"post": "yes"})
    assert Photo.objects.get(is_primary=True) == second
    chosen = {"action": "delete_selected", "_selected_action": [str(second.id)], "post": "yes"}
    browser.post("/admin/head_office/photo/", chosen)
    assert Photo.objects.get() == third
    assert Photo.objects.get().is_primary


@pytest.mark.parametrize("model", ["company", "store", "product", "assortment", "photo", "account"])
def test_every_page_of_the_admin_opens_with_its_content_security_policy(office: Office, browser: Client, model: str) -> None:
    office.photo(office.product())
    for page in ("", "?q=a", "add/"):
        answer = browser.get(f"/admin/head_office/{model}/{page}")
        assert answer.status_code == (403 if (model, page) == ("photo", "add/") else 200)
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script>" not in answer.content.decode()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "claimed", daily(["99999999999999999999", "9" * 5000, "999999999", "²"], "99999999999999999999", "9" * 5000, "²")
)
def test_any_claimed_number_of_photo_rows_gets_a_response(office: Office, browser: Client, claimed: str) -> None:
    product = office.product()
    office.photo(product)
    data = form(product, {"sort_order": 0}) | {"photos-TOTAL_FORMS": claimed}
    answer = browser.post(f"/admin/head_office/product/{product.id}/change/", data)
    assert answer.status_code in {200, 302}
    assert Photo.objects.count() == 1


@pytest.mark.parametrize(
    "query", ["sold=no", "photo=yes", "company__id__exact={0}", "stores__id__exact={1}", "stores__isnull=True"]
)
def test_a_list_accepts_its_own_filters_and_no_other_lookup(office: Office, browser: Client, query: str) -> None:
    office.product()
    store = Store.objects.get(code="AVRIL-001")
    lists = "/admin/head_office/product/"
    assert browser.get(f"{lists}?{query.format(store.company_id, store.id)}").status_code == 200
    assert browser.get(f"{lists}?name__regex=(a*)*$").status_code == 400


@pytest.mark.parametrize("query", ["attempt_time__year=9999", "id__range=0", "attempt_time__gte=zz", "locked_out=yes"])
def test_the_list_of_failed_logins_accepts_its_own_filters_only(browser: Client, query: str) -> None:
    assert browser.get(f"/admin/axes/accessattempt/?{query}").status_code == (
        200 if query == "locked_out=yes" else 302 if "gte" in query else 400
    )


@pytest.mark.parametrize("field", ["store", "product"])
def test_an_action_on_an_invalid_id_gets_400(browser: Client, field: str) -> None:
    assert browser.post("/admin/head_office/assortment/add/", {field: "zz"}).status_code == 400


def test_a_product_page_of_a_chain_with_five_hundred_stores_opens_quickly(
    office: Office, browser: Client, django_assert_max_num_queries: Any
) -> None:
    stores = Store.objects.bulk_create([Store(company=office.company, code=f"S{n}", name=f"Store {n}") for n in range(500)])
    product = office.product(sold_in=[])
    Assortment.objects.bulk_create([Assortment(store=store, product=product) for store in stores])
    with django_assert_max_num_queries(20):
        assert browser.get(f"/admin/head_office/product/{product.id}/change/").status_code == 200


def test_the_admin_refuses_a_password_of_the_guide_for_a_new_account(browser: Client) -> None:
    data = {"username": "avril2", "usable_password": "true", "password1": "admin123", "password2": "admin123"}
    answer = browser.post("/admin/head_office/account/add/", data)
    assert "must not be one that stands in the public guide" in answer.content.decode()
    assert not Account.objects.filter(username="avril2").exists()
    browser.post("/admin/head_office/account/add/", {**data, "password1": "a good one 99", "password2": "a good one 99"})
    assert Account.objects.filter(username="avril2").exists()


@pytest.mark.parametrize(
    ("typed", "saved"), [(" Es \u00a0Jus\u200b", "Es Jus"), ("Cre\u0300me", "Crème"), ("", ""), ("é" * 100, "é" * 100)]
)
def test_a_category_is_saved_in_one_form(office: Office, browser: Client, typed: str, saved: str) -> None:
    product = office.product()
    Product.objects.update(category="Nasi")
    product.category = typed
    assert save(browser, product).status_code == 302
    product.refresh_from_db()
    assert product.category == saved
    assert [one.category for one in office.products_page().products] == [saved]


@pytest.mark.parametrize("typed", ["x" * 101, "#N/A", "a\x1bb"])
def test_a_category_that_no_till_can_show_is_refused_beside_its_field(office: Office, browser: Client, typed: str) -> None:
    product = office.product()
    product.category = typed
    answer = save(browser, product)
    assert "category" in answer.context["adminform"].form.errors
    product.refresh_from_db()
    assert product.category == ""


def test_a_category_that_looks_like_another_is_saved_with_a_warning(office: Office, browser: Client) -> None:
    office.product("1")
    Product.objects.update(category="Minuman")
    product = office.product("2")
    product.category = "minuman"
    address = save(browser, product).headers["Location"]
    (warning, *_) = [str(message) for message in browser.get(address).context["messages"]]
    assert "«minuman» looks like «Minuman»" in warning
    product.category = "Makanan"
    address = save(browser, product).headers["Location"]
    assert not any("looks like" in str(message) for message in browser.get(address).context["messages"])


def test_the_list_of_products_is_filtered_by_category_and_by_none(office: Office, browser: Client) -> None:
    for sku, category in (("1", "Minuman"), ("2", "none"), ("3", "")):
        office.product(sku)
        Product.objects.filter(sku=sku).update(category=category)
    offered = browser.get("/admin/head_office/product/").content.decode()
    for query, skus in (("=Minuman", ["1"]), ("=none", ["2"]), ("none", ["3"]), ("=Kue", [])):
        page = browser.get("/admin/head_office/product/", {"category": query})
        assert [row.sku for row in page.context["cl"].result_list] == skus
        assert (urlencode({"category": query}) in offered) == bool(skus)
