"""People at head office see rows of their own companies, and do what their groups may do (invariant I6)."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_admin_protection import client_of
from tests.integration.head_office.test_quick import SLOW, post, token_of

from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store
from etalase.head_office.permissions import RIGHTS, OfficeRole, Right, companies_of, may, rights_of

pytestmark = pytest.mark.urls("etalase.head_office.urls")
MODELS = ("company", "store", "product", "photo", "assortment")


def make_groups() -> None:
    """Makes the groups of the migrations, which the clearing after each test removes."""
    importlib.import_module("etalase.head_office.migrations.0003_menu_managers").make_group(apps, None)
    importlib.import_module("etalase.head_office.migrations.0012_people").make_groups(apps, None)


def person(name: str, *roles: OfficeRole, companies: tuple[Company, ...] = ()) -> Account:
    """Creates an account of a person at head office."""
    make_groups()
    account = Account.objects.create_user(name, is_staff=True)
    account.groups.set(Group.objects.filter(name__in=roles))
    account.companies.set(companies)
    return account


@dataclass(frozen=True)
class Neighbour:
    """Another company, with a store, a dish and its photo. All its names begin with «SECRET»."""

    company: Company
    store: Store
    product: Product
    photo: Photo
    sale: Assortment

    def row(self, model: str) -> Any:
        """Returns its row of the model."""
        return getattr(self, {"assortment": "sale"}.get(model, model))


@pytest.fixture
def neighbour(office: Office) -> Neighbour:
    company = Company.objects.create(name="SECRET company")
    store = Store.objects.create(company=company, code="SECRET-1", name="SECRET store")
    other = Office(company, store)
    product = other.product("SECRET-SKU", name="SECRET dish")
    Product.objects.filter(pk=product.pk).update(category="SECRET category")
    photo = other.photo(product, is_primary=True, filename="SECRET.jpg")
    return Neighbour(company, store, product, photo, Assortment.objects.get(product=product))


@pytest.fixture
def own(office: Office) -> Product:
    product = office.product("OWN", name="OWN dish")
    office.photo(product, is_primary=True, filename="OWN.jpg")
    return product


@pytest.fixture
def manager(office: Office) -> Client:
    return client_of(person("sari", OfficeRole.MENU_MANAGER, companies=(office.company,)))


@pytest.fixture
def boss(office: Office) -> Client:
    return client_of(person("boss", OfficeRole.ADMIN))


@pytest.mark.parametrize("query", ["", "?q=ECRE"])
@pytest.mark.parametrize("model", MODELS)
def test_a_list_has_own_rows_only(
    own: Product, neighbour: Neighbour, manager: Client, boss: Client, model: str, query: str
) -> None:
    page = f"/admin/head_office/{model}/{query}"
    assert "SECRET" in boss.get(page).content.decode()
    shown = manager.get(page)
    assert shown.status_code == 200
    assert "SECRET" not in shown.content.decode()
    assert f"/{model}/{neighbour.row(model).pk}/" not in shown.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "product/?company__id__exact={company}",
        "product/?stores__id__exact={store}",
        "product/?category==SECRET category",
        "store/?company__id__exact={company}",
        "photo/?product__company__id__exact={company}",
        "assortment/?store__id__exact={store}",
    ],
)
def test_a_filter_by_another_company_finds_nothing(own: Product, neighbour: Neighbour, manager: Client, query: str) -> None:
    answer = manager.get("/admin/head_office/" + query.format(company=neighbour.company.id, store=neighbour.store.id))
    assert answer.status_code == 200
    assert "SECRET" not in re.sub(r'(href|value)="[^"]*"', "", answer.content.decode())  # repeat the filter


@pytest.mark.parametrize("page", ["change", "delete", "history"])
@pytest.mark.parametrize("model", MODELS)
def test_a_page_by_id_exists_for_own_rows_only(
    own: Product, neighbour: Neighbour, manager: Client, boss: Client, model: str, page: str
) -> None:
    address = f"/admin/head_office/{model}/{neighbour.row(model).pk}/{page}/"
    assert boss.get(address).status_code == 200
    for answer in (manager.get(address, follow=True), manager.post(address, {"post": "yes", "name": "x"}, follow=True)):
        assert "SECRET" not in answer.content.decode()
        assert answer.redirect_chain or answer.status_code == 403
    neighbour.row(model).refresh_from_db()


def test_a_thumbnail_of_another_company_is_not_served(
    own: Product, neighbour: Neighbour, manager: Client, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.http import HttpResponse

    monkeypatch.setattr("etalase.head_office.admin.photos.thumbnail_response", lambda *_: HttpResponse())
    mine, other = (f"/admin/head_office/photo/{id_}/thumbnail/" for id_ in (own.photos.get().id, neighbour.photo.id))
    assert (manager.get(mine).status_code, manager.get(other).status_code) == (200, 404)


@pytest.mark.parametrize("field", ["store", "product"])
def test_a_chooser_that_completes_text_offers_own_rows_only(
    own: Product, neighbour: Neighbour, manager: Client, boss: Client, field: str
) -> None:
    asked = {"app_label": "head_office", "model_name": "assortment", "field_name": field, "term": "SECRET"}
    for client, count in ((boss, 1), (manager, 0)):
        assert len(client.get("/admin/autocomplete/", asked).json()["results"]) == count


def test_a_form_neither_offers_nor_accepts_rows_of_another_company(
    office: Office, own: Product, neighbour: Neighbour, manager: Client, boss: Client
) -> None:
    for page in ("product/add/", "assortment/add/", f"product/{own.id}/change/"):
        assert "SECRET" not in manager.get(f"/admin/head_office/{page}").content.decode()
    rows = {"photos-TOTAL_FORMS": 0, "photos-INITIAL_FORMS": 0}
    new = {"id": str(uuid4()), "company": str(neighbour.company.id), "sku": "9", "name": "x", **rows}
    assert manager.post("/admin/head_office/product/add/", new).status_code == 200
    mine = {**new, "company": str(office.company.id)}
    assert manager.post("/admin/head_office/product/add/", {**mine, "sold_in": [str(neighbour.store.id)]}).status_code == 200
    sale = {"store": str(neighbour.store.id), "product": str(neighbour.product.id)}
    Assortment.objects.filter(pk=neighbour.sale.pk).delete()
    assert manager.post("/admin/head_office/assortment/add/", sale).status_code == 200
    assert (Product.objects.count(), Assortment.objects.filter(store=neighbour.store).exists()) == (2, False)
    assert boss.post("/admin/head_office/assortment/add/", sale).status_code == 302
    assert manager.post("/admin/head_office/product/add/", mine).status_code == 302


@pytest.mark.parametrize(
    ("model", "action"),
    [("product", "sell_everywhere"), ("product", "sell_nowhere"), ("product", "delete_selected"), ("photo", "make_primary"),
     ("photo", "delete_selected"), ("assortment", "delete_selected")],
)  # fmt: skip
def test_an_action_leaves_rows_of_another_company(
    own: Product, neighbour: Neighbour, manager: Client, model: str, action: str
) -> None:
    Office(neighbour.company, neighbour.store).another_store("SECRET-2")
    Photo.objects.update(is_primary=False)
    chosen = {"action": action, "_selected_action": [str(neighbour.row(model).pk)], "post": "yes", "number": "1"}
    answer = manager.post(f"/admin/head_office/{model}/", {**chosen, "select_across": "1"}, follow=True)
    assert "SECRET" not in answer.content.decode()
    assert Assortment.objects.filter(product=neighbour.product).count() == 1
    assert Photo.objects.filter(pk=neighbour.photo.pk, is_primary=False).exists()


def test_the_first_page_counts_own_photos_only(own: Product, neighbour: Neighbour, manager: Client, boss: Client) -> None:
    assert "2 photos wait" in boss.get("/admin/", headers={"accept-language": "en"}).content.decode()
    assert "1 photos wait" in manager.get("/admin/", headers={"accept-language": "en"}).content.decode()


@pytest.mark.parametrize("content_type", ["application/json", SLOW])
def test_a_person_reads_the_feed_of_own_stores_only(office: Office, neighbour: Neighbour, content_type: str) -> None:
    other = Office(neighbour.company, neighbour.store)
    people: dict[Callable[[], Account], tuple[int, int]] = {
        lambda: person("one", OfficeRole.OPERATOR, companies=(office.company,)): (200, 404),
        lambda: person("two", OfficeRole.AUDITOR, companies=(office.company, neighbour.company)): (200, 200),
        lambda: person("none", OfficeRole.OPERATOR): (404, 404),
        lambda: person("all", OfficeRole.ADMIN): (200, 200),
        lambda: Account.objects.create_superuser("root"): (200, 200),
    }
    for made, expected in people.items():
        token = token_of(made())
        assert tuple(post(one, token, content_type=content_type).status_code for one in (office, other)) == expected


@pytest.mark.parametrize(
    ("groups", "rights"),
    [
        ((), set()),
        (("Cooks", "operators", "OPERATOR"), set()),
        (("Operators",), {Right.SEE_STORES, Right.SEE_PHOTOS, Right.ORDER_STORES}),
        (("Menu managers",), {Right.SEE_PHOTOS, Right.EDIT_MENU}),
        (("Auditors",), {Right.READ_AUDIT}),
        (("Auditors", "Menu managers"), {Right.READ_AUDIT, Right.SEE_PHOTOS, Right.EDIT_MENU}),
        (("Admins",), set(Right)),
    ],
)
def test_rights_follow_from_groups(groups: tuple[str, ...], rights: set[Right]) -> None:
    assert rights_of(groups) == rights
    assert rights_of(groups, is_superuser=True) == set(Right)
    assert set(RIGHTS) == set(OfficeRole)


def test_only_an_active_person_has_rights_and_companies(office: Office) -> None:
    account = person("ops", OfficeRole.OPERATOR, companies=(office.company,))
    assert may(account, Right.ORDER_STORES)
    assert list(companies_of(account)) == [office.company]
    for change in ({"is_active": False}, {"is_staff": False, "is_active": True}):
        Account.objects.filter(pk=account.pk).update(**change)
        account = Account.objects.get(pk=account.pk)
        assert not may(account, Right.ORDER_STORES)
        assert not companies_of(account).exists()
    assert not companies_of(Account.objects.get(username="avril")).exists()


def test_groups_of_readers_may_change_no_table_and_admins_every_one(office: Office) -> None:
    for role, changes in ((OfficeRole.OPERATOR, False), (OfficeRole.AUDITOR, False), (OfficeRole.ADMIN, True)):
        account = person(role.name, role, companies=(office.company,))
        for model in MODELS:
            assert account.has_perm(f"head_office.view_{model}")
            assert account.has_perm(f"head_office.delete_{model}") is changes
        assert account.has_perm("head_office.change_account") is changes


def test_the_upgrade_keeps_what_staff_see(office: Office, neighbour: Neighbour) -> None:
    sari = Account.objects.create_user("sari", is_staff=True)
    migration = importlib.import_module("etalase.head_office.migrations.0012_people")
    migration.keep_what_staff_see(apps, None)
    assert set(sari.companies.all()) == {office.company, neighbour.company}
    assert not Account.objects.get(username="avril").companies.exists()


def test_groups_and_companies_are_chosen_on_the_page_of_an_account(office: Office, neighbour: Neighbour, boss: Client) -> None:
    account = Account.objects.create_user("ops")
    page = f"/admin/head_office/account/{account.pk}/change/"
    group = Group.objects.get(name="Operators")
    joined = {"date_joined_0": "2026-11-27", "date_joined_1": "10:00:00"}
    data = {"username": "ops", "is_staff": "on", "is_active": "on", "groups": [group.pk], "companies": [office.company.pk]}
    assert boss.post(page, {**data, **joined}).status_code == 302
    account = Account.objects.get(pk=account.pk)
    assert may(account, Right.ORDER_STORES)
    assert list(companies_of(account)) == [office.company]
    assert "SECRET company" in boss.get(page).content.decode()
