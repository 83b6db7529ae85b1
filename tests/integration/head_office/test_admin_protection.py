"""Protection from mistakes in the admin: confirmation of removals, permissions, lock-out and languages."""

import html
import importlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DataError, IntegrityError
from django.test import Client
from django.utils import timezone
from tests.daily import daily
from tests.integration.head_office.office import Office
from tests.pictures import picture

from etalase.errors import ObjectStoreFull
from etalase.head_office.admin.photos import PhotoAdmin
from etalase.head_office.login_throttle import TooManyLogins
from etalase.head_office.messages import TEXTS, text
from etalase.head_office.middleware import PARTS
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store
from etalase.head_office.removals import RowsToRemove, impact_of
from etalase.objectstore.client import ObjectStore

pytestmark = pytest.mark.urls("etalase.head_office.urls")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def client_of(account: Account, **headers: str) -> Client:
    client = Client(headers=headers)
    client.force_login(account, backend=BACKEND)
    return client


@pytest.fixture
def browser(office: Office) -> Client:
    return client_of(Account.objects.create_superuser("boss", password="x"))


@pytest.fixture
def manager(office: Office) -> Client:
    """Returns a menu manager of the office's company, with the group of the migration only."""
    importlib.import_module(MIGRATION).make_group(apps, None)
    account = Account.objects.create_user("sari", is_staff=True)
    account.groups.add(Group.objects.get(name="Menu managers"))
    account.companies.add(office.company)
    return client_of(account)


MIGRATION = "etalase.head_office.migrations.0003_menu_managers"
DELETED: dict[str, Callable[[], Any]] = {
    "product": Product.objects.all,
    "photo": Photo.objects.all,
    "store": Store.objects.all,
    "assortment": Assortment.objects.all,
    "account": lambda: Account.objects.filter(store__isnull=False),
}


def full(office: Office) -> Office:
    """Creates ten dishes with a photo in six stores, each with an account."""
    for number in range(5):
        store = office.another_store(f"S{number}")
        Account.objects.create_user(f"s{number}", store=store)
    stores = list(Store.objects.all())
    for number in range(10):
        office.photo(office.product(f"{number}", name=f"DISH {number}", sold_in=stores), is_primary=True)
    return office


@pytest.mark.parametrize("model", daily(DELETED, "product", "account"))
def test_many_deletions_are_listed_by_name_and_require_the_number(office: Office, browser: Client, model: str) -> None:
    full(office)
    rows = DELETED[model]()
    page, count = f"/admin/head_office/{model}/", rows.count()
    chosen = {"action": "delete_selected", "_selected_action": [str(pk) for pk in rows.values_list("pk", flat=True)]}
    number = 6 if model == "account" else 10
    for answer in ({}, {"post": "yes"}, {"post": "yes", "number": "1"}, {"post": "yes", "number": "0x0a"}):
        shown = browser.post(page, {**chosen, **answer}).content.decode()
        assert f"type the number {number}" in shown
        assert ("AVRIL-001 AVR-SUNDA" if model == "account" else "3 DISH 3") in shown
        assert rows.count() == count
    assert browser.post(page, {**chosen, "post": "yes", "number": str(number)}).status_code == 302
    assert rows.count() == 0


def test_nobody_deletes_the_own_account(office: Office, browser: Client) -> None:
    other = Account.objects.create_user("other", store=office.store)
    (own,) = Account.objects.filter(is_superuser=True)
    page = "/admin/head_office/account/"
    chosen = {"action": "delete_selected", "_selected_action": [str(own.pk), str(other.pk)], "post": "yes", "number": "1"}
    shown = browser.post(page, chosen, follow=True).content.decode()
    assert "Your own account stays" in shown
    assert Account.objects.filter(pk=own.pk).exists()
    assert not Account.objects.filter(pk=other.pk).exists()
    shown = browser.post(page, {**chosen, "_selected_action": [str(own.pk)]}, follow=True).content.decode()
    assert "Your own account stays" in shown
    assert browser.post(f"{page}{own.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Account.objects.filter(pk=own.pk).exists()


@pytest.mark.parametrize("model", daily(DELETED, "photo", "store"))
def test_a_deletion_page_shows_the_impact_on_tills(office: Office, browser: Client, model: str) -> None:
    full(office)
    row = DELETED[model]().first()
    page = f"/admin/head_office/{model}/{row.pk}/delete/"
    shown = browser.get(page).content.decode()
    expected = {
        "product": "1 dishes are deleted, with all their photos",
        "photo": "1 dishes have no photo any more",
        "store": "10 dishes are sold in fewer stores",
        "assortment": "1 dishes are sold in fewer stores",
        "account": "1 stores have no account any more",
    }[model]
    assert expected in shown
    wants_number = model == "store"
    assert ("type the number 10" in shown) is wants_number
    browser.post(page, {"post": "yes", "number": "10"} if wants_number else {"post": "yes"})
    assert not type(row).objects.filter(pk=row.pk).exists()


def test_deletions_in_the_admin_within_24_hours_count_together(office: Office, browser: Client) -> None:
    full(office)
    for number in range(4):
        product = Product.objects.get(sku=str(number))
        browser.post(f"/admin/head_office/product/{product.id}/delete/", {"post": "yes"})
    assert Product.objects.count() == 7
    shown = browser.get(f"/admin/head_office/product/{product.id}/delete/").content.decode()
    assert "1 of 7 products" in shown or "1 of 7 dishes of FoodLife are deleted (3 more did within 24 hours)" in shown
    assert "type the number 1" in shown


def test_a_company_with_stores_or_products_cannot_be_deleted(office: Office, browser: Client) -> None:
    page = f"/admin/head_office/company/{office.company.id}/delete/"
    assert "protected" in browser.get(page).content.decode()
    browser.post(page, {"post": "yes", "number": "0"})
    assert Company.objects.count() == 1


def test_the_impact_of_a_removal_considers_the_remaining_photos_and_sales(office: Office) -> None:
    full(office)
    one = Product.objects.get(sku="1")
    second = office.photo(one)
    assert impact_of(RowsToRemove(photos=[second.id])).bare == []
    assert impact_of(RowsToRemove(photos=one.photos.values_list("id", flat=True))).bare == ["1 DISH 1"]
    assert impact_of(RowsToRemove(photos=one.photos.values_list("id", flat=True), replaced=[one.id])).number == 0
    sales = [(store.id, one.id) for store in Store.objects.all()]
    assert impact_of(RowsToRemove(sales=sales)).unsold == ["1 DISH 1"]
    assert impact_of(RowsToRemove(sales=sales[:-1])).fewer == ["1 DISH 1"]
    assert impact_of(RowsToRemove()).number == 0
    again = Account.objects.create_user("second", store=office.store)
    assert impact_of(RowsToRemove(accounts=[again.id])).cut_off == []


def test_emptying_a_store_requires_the_number(office: Office, browser: Client) -> None:
    full(office)
    page = f"/admin/head_office/store/{office.store.id}/change/"
    data = {"code": "AVRIL-001", "name": "AVR-SUNDA", "sells": []}
    for agreed in ("", "yes", "9"):
        shown = browser.post(page, {**data, "agreed": agreed}).content.decode()
        assert "Type the number 10 here and save again" in shown
        assert '<a href="#id_agreed">' in shown
    assert Assortment.objects.filter(store=office.store).count() == 10
    assert browser.post(page, {**data, "agreed": "10"}).status_code == 302
    assert Assortment.objects.filter(store=office.store).count() == 0
    assert "No longer sold in AVRIL-001 AVR-SUNDA: 0 DISH 0" in browser.get("/admin/").content.decode()


def test_a_dish_sold_nowhere_warns_on_its_page_and_in_the_list(office: Office, browser: Client) -> None:
    product = office.product(sold_in=[])
    office.product("2", name="SOLD")
    page = f"/admin/head_office/product/{product.id}/change/"
    data = {"sku": product.sku, "name": product.name, "photos-TOTAL_FORMS": 0, "photos-INITIAL_FORMS": 0}
    browser.post(page, data)
    assert "is sold in no store, so no till shows it" in browser.get("/admin/").content.decode()
    listed = browser.get("/admin/head_office/product/").content.decode()
    assert listed.count("⚠ nowhere") == 1
    assert "SOLD" not in browser.get("/admin/head_office/product/?sold=no").content.decode().partition("<tbody>")[2]
    assert "ASAHI" not in browser.get("/admin/head_office/product/?sold=yes").content.decode().partition("<tbody>")[2]


VIEW_ONLY_ACTIONS = [
    ("product", "sell_everywhere"),
    ("product", "sell_nowhere"),
    ("product", "delete_selected"),
    ("photo", "make_primary"),
    ("photo", "delete_selected"),
    ("store", "delete_selected"),
    ("company", "delete_selected"),
    ("assortment", "delete_selected"),
    ("account", "delete_selected"),
]


def rows_of(model: str) -> list[Any]:
    return list(apps.get_model("head_office", model).objects.order_by("pk").values())


@pytest.mark.parametrize(("model", "action"), daily(VIEW_ONLY_ACTIONS, *VIEW_ONLY_ACTIONS[1:4]))
def test_staff_who_may_only_look_can_run_no_action(office: Office, model: str, action: str) -> None:
    full(office)
    office.photo(Product.objects.get(sku="1"))
    office.product("unsold", sold_in=[])
    viewer = Account.objects.create_user("viewer", is_staff=True)
    viewer.companies.add(office.company)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client, page = client_of(viewer), f"/admin/head_office/{model}/"
    assert client.get(page).status_code == 200
    rows = apps.get_model("head_office", model).objects.values_list("pk", flat=True)
    before = [rows_of(name) for name, _ in VIEW_ONLY_ACTIONS]
    chosen = {"action": action, "_selected_action": [str(pk) for pk in rows], "post": "yes"}
    for number in ("1", "6", "10", "11"):
        client.post(page, {**chosen, "number": number})
        client.post(f"{page}{rows[0]}/delete/", {"post": "yes", "number": number})
    assert [rows_of(name) for name, _ in VIEW_ONLY_ACTIONS] == before


def test_every_action_asks_for_a_permission(browser: Client) -> None:
    from django.contrib import admin

    for page in admin.site._registry.values():
        for name in page.actions or ():
            assert getattr(page.get_action(name)[0], "allowed_permissions", None), (page, name)  # type: ignore[index]


def test_a_menu_manager_may_change_the_menu_and_nothing_else(office: Office, manager: Client, bucket: Any) -> None:
    other = office.another_store()
    product = office.product(sold_in=[])
    page = f"/admin/head_office/product/{product.id}/change/"
    data = {"sku": product.sku, "name": "NEW NAME", "sold_in": [str(office.store.id), str(other.id)]}
    rows = {"photos-TOTAL_FORMS": 1, "photos-INITIAL_FORMS": 0, "photos-0-product": str(product.id), "photos-0-sort_order": 0}
    upload = SimpleUploadedFile("a.jpg", picture())
    assert manager.post(page, {**data, **rows, "photos-0-upload": upload}).status_code == 302
    (photo,) = office.page().photos
    assert photo.product_name == "NEW NAME"
    for model in ("product", "photo", "assortment", "store", "company"):
        assert manager.get(f"/admin/head_office/{model}/").status_code == 200
    assert manager.get(f"/admin/head_office/store/{other.id}/change/").status_code == 200
    for forbidden in ("account/", "account/add/", "store/add/", "company/add/", f"store/{other.id}/delete/"):
        assert manager.get(f"/admin/head_office/{forbidden}").status_code == 403
    assert manager.post(f"/admin/head_office/store/{other.id}/change/", {"code": "X", "name": "X"}).status_code == 403
    assert manager.get("/admin/auth/group/").status_code in {403, 404}
    assert manager.post(f"/admin/head_office/product/{product.id}/delete/", {"post": "yes"}).status_code == 302
    assert Product.objects.count() == 0


def test_the_group_of_menu_managers_is_created_once_and_never_overwritten(office: Office, manager: Client) -> None:
    group = Group.objects.get(name="Menu managers")
    group.permissions.remove(group.permissions.get(codename="delete_product"))
    importlib.import_module(MIGRATION).make_group(apps, None)
    assert not Group.objects.get().permissions.filter(codename="delete_product").exists()


@pytest.mark.parametrize("password", ["menu2026", "FoodLife2026!", "Admin123 ", "081234567890"])
def test_the_admin_refuses_a_guessable_password(office: Office, browser: Client, password: str) -> None:
    data = {"username": "sari", "usable_password": "true", "password1": password, "password2": password}
    assert browser.post("/admin/head_office/account/add/", data).status_code == 200
    change = f"/admin/head_office/account/{Account.objects.get(username='avril').pk}/password/"
    assert browser.post(change, data).status_code == 200
    assert not Account.objects.filter(username="sari").exists()
    assert Account.objects.get(username="avril").check_password("a store's own password")


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [("id", "Akun ini bisa masuk lagi dari sini pukul", "Logging in"), ("en", "Logging in with this account", "Akun ini")],
)
def test_a_lock_out_page_shows_its_end_in_both_languages(office: Office, language: str, first: str, second: str) -> None:
    client = Client(headers={"Accept-Language": language})
    for _ in range(11):
        answer = client.post("/admin/login/", {"username": "avril", "password": "wrong"})
    page = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    wait = int(answer.headers["Retry-After"])
    assert 14 * 60 < wait <= 15 * 60
    ends = timezone.localtime() + timedelta(seconds=wait)
    assert any(f"{ends + timedelta(minutes=more):%H:%M} (WIB)" in page for more in (0, 1))
    assert 0 < page.index(first) < page.index(second)
    assert "<script" not in page


def test_a_lock_out_response_of_the_api_has_its_end(office: Office) -> None:
    for _ in range(11):
        answer = Client().post("/api/v1/token/", {"username": "avril", "password": "wrong"}, content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (429, "application/json")
    wait = datetime.fromisoformat(answer.json()["locked_until"]) - timezone.now()
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)


# Languages


def test_the_admin_uses_the_browsers_language(office: Office, browser: Client, bucket: Any) -> None:
    product = office.product()
    page = f"/admin/head_office/product/{product.id}/change/"
    id_, en = (browser.get(page, headers={"Accept-Language": code}).content.decode() for code in ("id-ID,id;q=0.9", "fr,de"))
    assert 'lang="id"' in id_
    assert "Dijual di" in id_
    assert 'lang="en"' in en
    assert "Sold in" in en
    browser.post("/i18n/setlang/", {"language": "id", "next": page})
    assert "Dijual di" in browser.get(page, headers={"Accept-Language": "en"}).content.decode()


def test_the_api_uses_english_for_any_browser(office: Office) -> None:
    answer = Client(headers={"Accept-Language": "id"}).post("/api/v1/token/", {}, content_type="application/json")
    assert answer.json()["username"] == ["This field is required."]
    assert "Content-Language" not in answer.headers


def test_both_languages_have_the_same_texts_and_placeholders() -> None:
    import string

    fields = {
        language: {key: sorted(name for _, name, *_ in string.Formatter().parse(one) if name) for key, one in texts.items()}
        for language, texts in TEXTS.items()
    }
    assert fields["id"] == fields["en"]


@pytest.mark.parametrize("language", ["en", "id"])
def test_a_violated_constraint_is_an_error_beside_its_field(office: Office, language: str) -> None:
    boss = client_of(Account.objects.create_superuser("boss", password="x"), accept_language=language)
    one, two = office.product("1", name="SATE"), office.product("2", name="SOTO")
    other = office.another_store("S2")
    far = Store.objects.create(company=Company.objects.create(name="Far"), code="F", name="far")
    product = {"name": "SOTO", "sold_in": [str(office.store.id)], "photos-TOTAL_FORMS": "0", "photos-INITIAL_FORMS": "0"}
    new = {"id": str(uuid4()), "company": str(office.company.id)}
    cases = (
        (f"product/{two.id}/change", {**product, "sku": "1"}, text("taken", language=language, value="1", name="SATE")),
        ("product/add", {**product, **new, "sku": "1"}, text("taken", language=language, value="1", name="SATE")),
        (f"product/{two.id}/change", {**product, "sku": "\u200b2"}, text("sku_odd", language=language, meant="2")),
        (f"product/{two.id}/change", {**product, "sku": "2", "name": "\u200b"}, text("no_name", language=language)),
        (f"store/{other.id}/change", {"code": "AVRIL-001", "name": "x"}, "AVRIL-001"),
        (f"store/{other.id}/change", {"code": "A;B", "name": "x"}, text("code_odd", language=language)),
        ("assortment/add", {"store": str(far.id), "product": str(one.id)}, text("foreign", language=language, names=one)),
        (
            "assortment/add",
            {"store": str(office.store.id), "product": str(one.id)},
            text("sold_already", language=language, name=one, store=office.store),
        ),
        ("account/add", {"username": "boss", "password1": "menu2026", "password2": "menu2026"}, "id_username_error"),
    )
    for page, data, expected in cases:
        answer = boss.post(f"/admin/head_office/{page}/", data)
        assert answer.status_code == 200, page
        assert expected in answer.content.decode().replace("&#x27;", "'"), page
    assert set(Product.objects.values_list("sku", "name")) == {("1", "SATE"), ("2", "SOTO")}
    assert set(Store.objects.values_list("code", flat=True)) == {"AVRIL-001", "S2", "F"}


def product_form(product: Product, **more: Any) -> dict[str, Any]:
    photos = list(product.photos.all())
    data: dict[str, Any] = {"sku": product.sku, "name": product.name, "photos-INITIAL_FORMS": str(len(photos))}
    data |= {"sold_in": list(product.stores.values_list("id", flat=True)), "photos-TOTAL_FORMS": str(len(photos) + 1)}
    for row, photo in enumerate(photos):
        data |= {f"photos-{row}-id": str(photo.id), f"photos-{row}-sort_order": "0", f"photos-{row}-DELETE": "on"}
    return {**data, f"photos-{len(photos)}-sort_order": "0", **more}


def test_a_photo_is_not_deleted_if_its_replacement_cannot_be_stored(
    office: Office, manager: Client, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = office.product("1", name="SATE")
    old = office.photo(product, is_primary=True)

    def full(*_: Any, **__: Any) -> None:
        raise ObjectStoreFull("The object store is full.")

    monkeypatch.setattr(ObjectStore, "put", full)
    upload = SimpleUploadedFile("new.jpg", picture(colour="red"))
    page = f"/admin/head_office/product/{product.id}/change/"
    answer = manager.post(page, product_form(product, **{"photos-1-upload": upload}), follow=True)
    assert text("none_deleted") in answer.content.decode()
    assert product.photos.get() == old


def test_a_new_photo_marked_for_deletion_is_not_a_replacement(office: Office, manager: Client) -> None:
    product = office.product("1", name="SATE")
    office.photo(product, is_primary=True)
    more = {"photos-1-upload": SimpleUploadedFile("new.jpg", picture(colour="red")), "photos-1-DELETE": "on"}
    answer = manager.post(f"/admin/head_office/product/{product.id}/change/", product_form(product, **more))
    assert "1 dishes have no photo any more" in answer.content.decode()
    assert product.photos.count() == 1


@pytest.mark.parametrize("change", ["inactive", "of no store", "of another store"])
def test_the_last_account_of_a_store_is_removed_only_after_confirmation(office: Office, browser: Client, change: str) -> None:
    other = office.another_store("S2")
    account = Account.objects.get(store=office.store)
    data = {"username": account.username, "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    if change != "inactive":
        data["is_active"] = "on"
    if change != "of no store":
        data["store"] = str(other.id if change == "of another store" else office.store.id)
    page = f"/admin/head_office/account/{account.id}/change/"
    shown = browser.post(page, data)
    assert "1 stores have no account any more" in shown.content.decode()
    account.refresh_from_db()
    assert (account.is_active, account.store) == (True, office.store)
    assert browser.post(page, {**data, "agreed": "1"}).status_code == 302
    viewer = Account.objects.create_user("eye", is_staff=True)
    viewer.companies.add(office.company)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_account"))
    # An account without a store belongs to no company.
    assert client_of(viewer).get(page).status_code == (302 if change == "of no store" else 200)


def test_a_sale_is_named_by_store_and_dish(office: Office, manager: Client) -> None:
    sale = Assortment.objects.get(product=office.product("1", name="SATE"))
    page = "/admin/head_office/assortment/"
    shown = manager.post(page, {"action": "delete_selected", "_selected_action": [str(sale.pk)]}).content.decode()
    assert "1 SATE · AVRIL-001 AVR-SUNDA" in shown
    assert "1 SATE · AVRIL-001 AVR-SUNDA" in manager.get(f"{page}{sale.pk}/delete/").content.decode()


def test_two_photos_of_one_dish_cannot_both_be_made_primary(office: Office, manager: Client) -> None:
    product = office.product()
    first = office.photo(product, is_primary=True)
    rows = [str(office.photo(product).id), str(office.photo(product).id)]
    page = "/admin/head_office/photo/"
    answer = manager.post(page, {"action": "make_primary", "_selected_action": rows}, follow=True)
    assert text("one_primary") in answer.content.decode()
    assert Photo.objects.get(is_primary=True) == first


@pytest.mark.parametrize(("language", "other"), [("en", "id"), ("id", "en")])
def test_an_error_is_a_page_in_both_languages_that_leads_back(
    office: Office, monkeypatch: pytest.MonkeyPatch, language: str, other: str
) -> None:
    account = Account.objects.create_user("sari", is_staff=True)
    client = Client(headers={"accept-language": language}, enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(account, backend=BACKEND)
    responses: dict[int, list[Any]] = {
        404: [client.get("/admin/nothing/")],
        403: [client.get("/admin/head_office/account/"), client.post("/admin/password_change/", {})],
    }

    def failing(error: Exception) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(PhotoAdmin, "has_view_permission", fail)
            return client.get("/admin/head_office/photo/")

    responses |= {409: [failing(IntegrityError())], 400: [failing(DataError())], 500: [failing(ZeroDivisionError())]}
    responses |= {503: [failing(TooManyLogins())]}
    for status, answers in responses.items():
        for answer in answers:
            page = html.unescape(answer.content.decode())
            assert answer.status_code == status
            places = [page.index(text(f"error_{status}_{part}", language=one)) for one in (language, other) for part in PARTS]
            assert places == sorted(places)
            assert 'href="/admin/"' in page
