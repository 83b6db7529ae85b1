"""The pages of the fleet: who sees them, what they say, and what leaves as a file."""

import csv
import io
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import person
from tests.integration.head_office.test_fleet_api import counts, fault
from tests.integration.head_office.test_fleet_overview import prove_possession, store_with_edge
from tests.integration.head_office.test_reports import Edge, Statements

from etalase.head_office import heartbeat
from etalase.head_office.fleet_models import StoreReport
from etalase.head_office.messages import TEXTS
from etalase.head_office.models import Account, Company, Store
from etalase.head_office.permissions import OfficeRole

pytestmark = pytest.mark.urls("etalase.head_office.urls")
PASSWORD = "kucing lompat jendela biru"


def client_of(account: Account, language: str = "en") -> Client:
    """Returns a browser in which the account is logged in."""
    client = Client(headers={"Accept-Language": language})
    client.force_login(account, "etalase.head_office.login_throttle.BoundedLogin")
    return client


@pytest.fixture
def operator(office: Office) -> Account:
    """Returns an operator of the office's company."""
    return person("oki", OfficeRole.OPERATOR, companies=(office.company,))


def page(client: Client, path: str = "/fleet/", *, status: int = 200) -> str:
    """Returns the page, with single spaces."""
    response = client.get(path)
    assert response.status_code == status, response.content[:300]
    return re.sub(r"\s+", " ", response.content.decode())


def test_a_person_logs_in_and_out(operator: Account) -> None:
    operator.set_password(PASSWORD)
    operator.save()
    browser = Client()
    asked = browser.get("/fleet/?state=wrong")
    assert asked.headers["Location"] == "/fleet/login/?next=/fleet/%3Fstate%3Dwrong"
    right = {"username": "oki", "password": PASSWORD, "next": "/fleet/?state=wrong"}
    refused = browser.post("/fleet/login/", right | {"password": "wrong"})
    assert (refused.status_code, 'role="alert"' in refused.content.decode()) == (200, True)
    assert browser.post("/fleet/login/", right).headers["Location"] == "/fleet/?state=wrong"
    assert "oki" in page(browser)
    assert browser.post("/fleet/login/", right | {"next": "https://elsewhere.example/"}).headers["Location"] == "/fleet/"
    assert browser.post("/fleet/logout/").headers["Location"] == "/fleet/login/"
    assert browser.get("/fleet/").status_code == 302


def test_a_stores_account_gets_no_login(office: Office) -> None:
    Account.objects.create_user("till", password=PASSWORD, store=office.store)
    answer = Client().post("/fleet/login/", {"username": "till", "password": PASSWORD})
    assert answer.status_code == 200
    assert "This account is a store" in answer.content.decode()


def test_each_page_is_for_those_with_the_right_and_of_their_companies(office: Office, operator: Account) -> None:
    other = Company.objects.create(name="SECRET company")
    hidden = Office(other, Store.objects.create(company=other, code="SECRET-1", name="SECRET store"))
    hidden_photo = hidden.photo(hidden.product("SECRET", name="SECRET dish"))
    photo = office.photo(office.product())
    paths = ["", f"stores/{office.store.id}/", "stores.csv", "stores.json", "photos/", f"photos/{photo.id}/"]
    paths += [f"stores/{hidden.store.id}/", f"photos/{hidden_photo.id}/", f"stores/{uuid4()}/", "nothing/"]
    people = {
        "operator": operator,
        "manager": person("mia", OfficeRole.MENU_MANAGER, companies=(office.company,)),
        "auditor": person("adi", OfficeRole.AUDITOR, companies=(office.company,)),
        "store": Account.objects.get(username="avril"),
    }
    statuses = {
        name: [client_of(account).get(f"/fleet/{path}").status_code for path in paths] for name, account in people.items()
    }
    assert statuses == {
        "operator": [200, 200, 200, 200, 200, 200, 404, 404, 404, 404],
        "manager": [302, 302, 302, 302, 200, 200, 302, 404, 302, 404],
        "auditor": [403] * 9 + [404],
        "store": [403] * 9 + [404],
    }
    client = client_of(operator)
    for path in ("", "stores.csv", "stores.json", "photos/", "photos/?q=secret"):
        assert "SECRET" not in page(client, f"/fleet/{path}")


@pytest.mark.parametrize("language", TEXTS)
def test_nothing_is_green_that_is_not_proved(office: Office, operator: Account, language: str) -> None:
    texts, client = TEXTS[language], client_of(operator, language)
    office.photo(office.product())
    edge = Edge(office)
    heartbeat.write()
    assert "is-neutral" in page(client)
    edge.sync()
    edge.send()
    assert "is-good" not in page(client)
    prove_possession()
    proved = page(client)
    assert texts["fleet_head_good"].format(total=1) in proved
    assert 'class="headline is-good"' in proved
    edge.send(digest="0" * 32)
    wrong = page(client)
    assert texts["fleet_head_red"].format(count=1, total=1) in wrong
    assert texts["fleet_cause_different"] in wrong
    assert texts["fleet_side_store"] in wrong
    assert "is-good" not in wrong
    StoreReport.objects.update(due_at=StoreReport.objects.get().received_at - timedelta(hours=1))
    assert texts["fleet_state_silent"] in page(client)


def test_a_worker_that_does_not_run_is_named(office: Office, operator: Account) -> None:
    client = client_of(operator)
    assert "worker does not run (last sign: never)" in page(client)
    heartbeat.write()
    assert "worker does not run" not in page(client)


def test_a_stores_page_names_faults_by_side_and_the_last_report(office: Office, operator: Account) -> None:
    photo = office.photo(office.product())
    edge = Edge(office)
    edge.sync()
    run = {"kind": "incremental", "outcome": "partial", "started_at": "2026-11-27T10:00:00+00:00", "duration_seconds": 1.5}
    edge.send(photos=counts(listed=1, owed=1), **fault(photo), run=run, storage={"spool_free_bytes": 2**30})
    shown = page(client_of(operator), f"/fleet/stores/{office.store.id}/")
    for part in (
        "the line to the store",
        "the line was too slow",
        "ASAHI SALMON BOWL",
        "incremental, some photos failed",
        "disk 1.0 GiB",
    ):
        assert part in shown
    assert f'href="/fleet/photos/{photo.id}/"' in shown
    assert shown.count('class="s-wrong"') == 1, "the history has one hour"


def test_a_photos_page_names_the_stores_that_miss_it(office: Office, operator: Account) -> None:
    photo = office.photo(office.product())
    edge = Edge(office)
    edge.sync()
    edge.send(photos=counts(listed=1, owed=1), **fault(photo))
    silent = store_with_edge(office, "NEVER")
    photo.product.stores.add(silent.store)
    shown = page(client_of(operator), f"/fleet/photos/{photo.id}/")
    for part in ("On 0 of 2 stores.", "Missing in 1", "the line was too slow", "Not known of 1", "Never reported"):
        assert part in shown
    found = page(client_of(operator), "/fleet/photos/?q=salmon")
    assert f"/fleet/photos/{photo.id}/" in found


def test_a_choice_that_is_not_valid_chooses_nothing(office: Office, operator: Account) -> None:
    client = client_of(operator)
    for query in ("state=green", "offset=x", "offset=99", f"q={'x' * 999}", "limit=0", "region=%00"):
        assert "AVRIL-001" in page(client, f"/fleet/?{query}"), query
    assert "No store is like this." in page(client, "/fleet/?q=nothing")


def test_a_name_is_shown_as_text_and_is_no_formula(office: Office, operator: Account) -> None:
    evil = '=HYPERLINK("x")<script>alert(1)</script>"\'&'
    Store.objects.filter(id=office.store.id).update(name=evil, region="<b>")
    client = client_of(operator)
    shown = page(client)
    assert "<script>alert" not in shown
    assert "<b>" not in shown
    rows = list(csv.DictReader(io.StringIO(client.get("/fleet/stores.csv").content.decode("utf-8-sig"))))
    assert rows[0]["name"].lstrip("'") == evil
    assert not rows[0]["name"].startswith("=")
    (store,) = client.get("/fleet/stores.json").json()["stores"]
    assert store["name"] == evil


def test_pages_forbid_inline_scripts_and_styles(office: Office, operator: Account) -> None:
    for path in ("/fleet/", "/fleet/login/", f"/fleet/stores/{office.store.id}/", "/fleet/photos/"):
        response = client_of(operator).get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert not re.search(r"style=|<style|<script>|\son\w+=", response.content.decode()), path
        assert response.headers["Cache-Control"] == "no-store"


def test_errors_are_pages_in_the_persons_language(operator: Account) -> None:
    shown = page(client_of(operator, "id"), f"/fleet/stores/{uuid4()}/", status=404)
    assert '<html lang="id">' in shown


def test_the_page_costs_five_statements(office: Office, operator: Account) -> None:
    Edge(office).send()
    client = client_of(operator)
    for path in ("", "?state=wrong,behind", "?region=-", "?agent=etalase/0.3.0", "?q=avr"):
        statements: Any = Statements()
        with connection.execute_wrapper(statements):
            page(client, f"/fleet/{path}")
        # Session, account, groups, all stores, the shown ones.
        assert len(statements.texts) == 5, path
