"""Orders on a store's page: given, asked for a number, stopped, and never across companies."""

import re
from typing import Any

import pytest
from django.test import Client
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import Neighbour, neighbour, person
from tests.integration.head_office.test_fleet_pages import client_of, page
from tests.integration.head_office.test_reports import Edge

from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.order_models import FleetOrder, StoreOrder
from etalase.head_office.permissions import OfficeRole

__all__ = ["neighbour"]  # a fixture
pytestmark = pytest.mark.urls("etalase.head_office.urls")
COUNTS = dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0)


@pytest.fixture
def browser(office: Office) -> Client:
    """Returns the browser of an operator of the office's company."""
    return client_of(person("oki", OfficeRole.OPERATOR, companies=(office.company,)))


def order(browser: Client, office: Office, **fields: str) -> Any:
    """Sends the form."""
    return browser.post(f"/fleet/stores/{office.store.id}/orders/", {"kind": "sync", "why": "a new photo", **fields})


def test_an_order_is_given_drawn_and_its_result_shown(browser: Client, office: Office) -> None:
    edge, place = Edge(office), f"/fleet/stores/{office.store.id}/"
    edge.send()
    assert order(browser, office).headers["Location"] == f"{place}#orders"
    assert "<strong>Look for new photos now</strong>: waits for the next report" in page(browser, place)
    (drawn,) = edge.post(**edge.report())["orders"]
    assert (drawn["kind"], drawn["by"], drawn["why"]) == ("sync", "oki", "a new photo")
    assert "told to the store" in page(browser, place)
    edge.post(**edge.report(orders=[{"id": drawn["id"], "outcome": "done", "detail": "3 fetched"}]))
    shown = page(browser, place)
    assert re.search(r"Look for new photos now</strong>: done \d\d:\d\d <span class=\"quiet\">3 fetched</span>", shown)
    assert AuditEntry.objects.filter(action="ordered", username="oki").count() == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": ""}, "Choose what the store is to do."),
        ({"kind": "undo"}, "Choose what the store is to do."),
        ({"kind": "format"}, "Choose what the store is to do."),
        ({"why": "  "}, "Write why, in at most 500 characters and on one line."),
        ({"why": "x" * 501}, "Write why, in at most 500 characters and on one line."),
        ({"why": "a\0b"}, "Write why, in at most 500 characters and on one line."),
    ],
)
def test_a_wrong_form_gives_nothing_and_keeps_what_was_written(
    browser: Client, office: Office, fields: dict[str, str], problem: str
) -> None:
    answer = order(browser, office, **fields)
    assert answer.status_code == 400
    assert f'<p class="problem" role="alert">{problem}</p>' in answer.content.decode()
    assert FleetOrder.objects.count() == 0


def test_an_approval_beyond_the_bound_asks_for_the_number(browser: Client, office: Office) -> None:
    Edge(office).send(photos=COUNTS | {"listed": 100, "verified": 100, "held": 64})
    for number in ("", "63", "6 4", "9" * 20):
        answer = order(browser, office, kind="approve", why="a new <menu>", number=number)
        assert (answer.status_code, FleetOrder.objects.count()) == (400, 0)
        shown = answer.content.decode()
        assert "type their number: 64." in shown
        assert 'value="a new &lt;menu&gt;"' in shown
        assert 'name="number"' in shown
    assert order(browser, office, kind="approve", number="64").status_code == 302
    assert StoreOrder.objects.get().photos == 64


def test_an_order_is_stopped(browser: Client, office: Office) -> None:
    edge = Edge(office)
    order(browser, office)
    stopped = browser.post(f"/fleet/orders/{FleetOrder.objects.get().id}/stop/", {"store": office.store.id})
    assert stopped.headers["Location"] == f"/fleet/stores/{office.store.id}/#orders"
    assert edge.post(**edge.report())["orders"] == []
    assert "Look for new photos now</strong>: stopped" in page(browser, f"/fleet/stores/{office.store.id}/")


def test_only_those_with_the_right_order_and_only_in_their_companies(
    browser: Client, office: Office, neighbour: Neighbour
) -> None:
    assert browser.post(f"/fleet/stores/{neighbour.store.id}/orders/", {"kind": "sync", "why": "x"}).status_code == 404
    order(browser, office)
    mine = FleetOrder.objects.get()
    other = client_of(person("sri", OfficeRole.OPERATOR, companies=(neighbour.company,)))
    assert other.post(f"/fleet/orders/{mine.id}/stop/").status_code == 404
    menu = client_of(person("budi", OfficeRole.MENU_MANAGER, companies=(office.company,)))
    assert order(menu, office).status_code == 403
    assert menu.post(f"/fleet/orders/{mine.id}/stop/").status_code == 403
    assert Client().post(f"/fleet/orders/{mine.id}/stop/").headers["Location"].startswith("/fleet/login/")
    assert browser.get(f"/fleet/orders/{mine.id}/stop/").status_code == 405
    assert FleetOrder.objects.get().cancelled_at is None


def test_a_form_of_another_site_is_refused(office: Office) -> None:
    account = person("oki", OfficeRole.OPERATOR, companies=(office.company,))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(account, "etalase.head_office.login_throttle.BoundedLogin")
    assert order(strict, office).status_code == 403
    assert FleetOrder.objects.count() == 0
