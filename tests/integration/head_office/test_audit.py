"""The audit names who did what, when and from where; it is read by auditors of the company, and never changed."""

import csv
import io
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from tests.integration.head_office.conftest import forget_settings
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_admin_protection import client_of
from tests.integration.head_office.test_companies import Neighbour, neighbour, person

from etalase.head_office import audit
from etalase.head_office.audit import Audited, Person, person_of
from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.models import Account, Company, Photo, Product, Store
from etalase.head_office.permissions import OfficeRole
from etalase.redaction import keep_secret

__all__ = ["neighbour"]
pytestmark = pytest.mark.urls("etalase.head_office.urls")
PAGE = "/admin/head_office/auditentry/"


@pytest.fixture
def boss(office: Office) -> Client:
    return client_of(person("boss", OfficeRole.ADMIN))


@pytest.fixture
def auditor(office: Office) -> Client:
    return client_of(person("ada", OfficeRole.AUDITOR, companies=(office.company,)))


def entries() -> list[tuple[str, str, str]]:
    """Returns action, kind and name of all entries, the oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("action", "object_kind", "object_name"))


def test_each_change_in_the_admin_is_audited_with_person_address_and_company(office: Office, boss: Client) -> None:
    store = {"id": "1b0f2c9e-3f0e-4e55-9c8e-000000000001", "company": str(office.company.id), "code": "NEW", "name": "New"}
    assert boss.post("/admin/head_office/store/add/", store, REMOTE_ADDR="203.0.113.7").status_code == 302
    (entry,) = AuditEntry.objects.all()
    assert (entry.action, entry.object_kind, entry.object_id, entry.object_name) == ("added", "store", store["id"], "NEW New")
    assert (entry.username, entry.address, entry.company_id) == ("boss", "203.0.113.7", office.company.id)
    assert entry.account_id == Account.objects.get(username="boss").pk
    change = f"/admin/head_office/store/{store['id']}/change/"
    assert boss.post(change, {"code": "NEW", "name": "Newer"}).status_code == 302
    assert boss.post(f"/admin/head_office/store/{store['id']}/delete/", {"post": "yes"}).status_code == 302
    assert entries()[1:] == [("changed", "store", "NEW Newer"), ("deleted", "store", "NEW Newer")]
    changed = AuditEntry.objects.get(action="changed")
    assert "Name" in str(changed.details) or "name" in str(changed.details)
    assert {one.company_id for one in AuditEntry.objects.all()} == {office.company.id}


def test_each_action_on_many_rows_is_audited_row_by_row(office: Office, boss: Client) -> None:
    dishes = [office.product(sku, name=f"DISH {sku}") for sku in ("1", "2")]
    photo = office.photo(dishes[0])
    chosen = {"_selected_action": [str(dish.id) for dish in dishes], "post": "yes", "number": "2"}
    for action in ("sell_everywhere", "sell_nowhere", "delete_selected"):
        boss.post("/admin/head_office/product/", {**chosen, "action": action})
        if action == "sell_everywhere":
            one = {"action": "make_primary", "_selected_action": [str(photo.id)]}
            boss.post("/admin/head_office/photo/", one)
    assert not Product.objects.exists()
    actions = ("sold_everywhere", "sold_nowhere", "deleted")
    expected = {(action, "product", f"{sku} DISH {sku}") for action in actions for sku in "12"}
    assert set(entries()) == expected | {("made_primary", "photo", "dish.jpg")}


def test_no_password_is_in_an_entry(office: Office, boss: Client) -> None:
    secret = "kucing lompat jendela biru"
    keep_secret("tengara-merpati-9")
    page = f"/admin/head_office/account/{Account.objects.get(username='avril').pk}/password/"
    data = {"usable_password": "true", "password1": secret, "password2": secret}
    assert boss.post(page, data).status_code == 302
    audit.note(Person(None, "x"), Audited.CHANGED, [office.store], said="it is tengara-merpati-9")
    kept = str(list(AuditEntry.objects.values_list("details", "object_name", "username")))
    assert (secret in kept, "tengara" in kept, len(entries())) == (False, False, 2)


def test_entries_are_neither_changed_nor_deleted(office: Office, boss: Client) -> None:
    audit.note(Person(None, "x"), Audited.CHANGED, [office.store])
    (entry,) = AuditEntry.objects.all()
    table = "head_office_audit"
    for statement in (f"UPDATE {table} SET username = 'y'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for page in ("add/", f"{entry.pk}/delete/"):
        assert boss.get(PAGE + page).status_code == 403
    assert boss.post(f"{PAGE}{entry.pk}/change/", {"username": "y"}).status_code == 403
    assert boss.get(f"{PAGE}{entry.pk}/change/").status_code == 200
    assert AuditEntry.objects.get().username == "x"


def test_auditors_read_the_entries_of_their_companies(
    office: Office, neighbour: Neighbour, auditor: Client, boss: Client
) -> None:
    nameless = Account.objects.create_superuser("root")
    audit.note(Person(None, "x"), Audited.CHANGED, [office.store, neighbour.product, neighbour.photo, nameless])
    assert "AVR-SUNDA" in auditor.get(PAGE).content.decode()
    for query in ("", "?q=ECRE", f"?object_id={neighbour.product.pk}", "?object_kind=product", "?q=root"):
        shown = auditor.get(PAGE + query).content.decode()
        assert "SECRET" not in shown
        assert "account" not in shown
    for entry in AuditEntry.objects.exclude(company_id=office.company.id):
        for page in ("change", "history"):
            assert "SECRET" not in auditor.get(f"{PAGE}{entry.pk}/{page}/", follow=True).content.decode()
    chosen = {"action": "as_csv", "_selected_action": [str(one.pk) for one in AuditEntry.objects.all()], "select_across": "1"}
    for client, names in ((auditor, ["AVRIL-001 AVR-SUNDA"]), (boss, None)):
        body = b"".join(client.post(PAGE, chosen).streaming_content).decode()  # type: ignore[attr-defined]
        lines = list(csv.DictReader(io.StringIO(body)))
        assert len(lines) == (4 if names is None else 1)
        assert names is None or [line["object_name"] for line in lines] == names
        assert {line["company"] for line in lines} == ({"FoodLife", "SECRET company", ""} if names is None else {"FoodLife"})


@pytest.mark.parametrize("role", [OfficeRole.OPERATOR, OfficeRole.MENU_MANAGER])
def test_others_do_not_see_the_audit(office: Office, role: OfficeRole) -> None:
    client = client_of(person("ops", role, companies=(office.company,)))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"action": "as_csv", "_selected_action": ["1"]}).status_code == 403
    assert "auditentry" not in client.get("/admin/").content.decode()


def test_no_cell_of_the_file_is_a_formula(office: Office, boss: Client) -> None:
    audit.note(Person(None, "=HYPERLINK(0)"), Audited.CHANGED, [office.product("1", name="@dish\x07")], field="+1")
    chosen = {"action": "as_csv", "_selected_action": [str(AuditEntry.objects.get().pk)]}
    body = b"".join(boss.post(PAGE, chosen).streaming_content).decode()  # type: ignore[attr-defined]
    _, cells = list(csv.reader(io.StringIO(body)))
    assert cells[1] == "'=HYPERLINK(0)"
    assert not any(cell.startswith(("=", "+", "@", "-")) for cell in cells)
    assert "\x07" not in body


def test_an_entry_outlives_what_it_names(office: Office, boss: Client) -> None:
    lone = Company.objects.create(name="Lone")
    store = Store.objects.create(company=lone, code="L", name="L")
    audit.note(Person(None, "x"), Audited.CHANGED, [store])
    store.delete()
    lone.delete()
    assert Photo.objects.count() == 0
    assert "L L" in boss.get(PAGE).content.decode()


def test_the_address_is_that_of_the_client_behind_the_own_proxies(office: Office, settings: Any) -> None:
    request = RequestFactory().get("/", headers={"x-forwarded-for": "198.51.100.9, 203.0.113.7"})
    request.user = Account.objects.create_superuser("root")
    assert person_of(request).address == "127.0.0.1"
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"PROXY_COUNT": 1})
    forget_settings()
    try:
        assert person_of(request).address == "203.0.113.7"
    finally:
        forget_settings()
