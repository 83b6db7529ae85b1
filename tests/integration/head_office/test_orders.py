"""Orders to stores at head office: who may give them, when they ask for a number, how edges draw them, and what is kept."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import Neighbour, neighbour, person
from tests.integration.head_office.test_reports import FEED, Edge, edge

from etalase.head_office.audit_models import AuditEntry
from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet import orders
from etalase.head_office.models import Account, Company, Store
from etalase.head_office.order_models import FleetOrder, StoreOrder
from etalase.head_office.permissions import OfficeRole

__all__ = ["edge", "neighbour"]
pytestmark = pytest.mark.urls("etalase.head_office.urls")
ORDERS = "/api/v1/fleet/orders/"


class Operator:
    """A person who gives orders over the API."""

    def __init__(self, account: Account) -> None:
        self.headers = {"Authorization": f"Bearer {RefreshToken.for_user(account).access_token}"}

    def post(self, path: str = ORDERS, *, status: int = 201, **body: Any) -> Any:
        """Returns the response to a request."""
        message = {"kind": "sync", "why": "a new menu"} | body if path == ORDERS else body
        response = Client().post(path, message, content_type="application/json", headers=self.headers)
        assert response.status_code == status, response.content
        return response.json()

    def give(self, *stores: Store, **body: Any) -> str:
        """Gives an order to stores of one company, and returns its id."""
        (id_,) = self.post(store_ids=[str(store.id) for store in stores], **body)["ids"]
        return str(id_)

    def look(self, order_id: str = "", *, status: int = 200) -> Any:
        """Returns an order, or the list of orders."""
        response = Client().get(f"{ORDERS}{order_id}/" if order_id else ORDERS, headers=self.headers)
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def operator(office: Office) -> Operator:
    return Operator(person("ops", OfficeRole.OPERATOR, companies=(office.company,)))


def only(order: Any) -> tuple[str, str | None, str]:
    """Returns state, outcome and detail in the order's only store."""
    (store,) = order["stores"]
    return store["state"], store["outcome"], store["detail"]


def test_an_order_is_drawn_by_the_next_report_and_its_result_comes_with_a_later_one(
    office: Office, edge: Edge, operator: Operator
) -> None:
    id_ = operator.give(office.store)
    assert only(operator.look(id_)) == ("waiting", None, "")
    (drawn,) = edge.post(**edge.report())["orders"]
    assert (drawn["kind"], drawn["by"], drawn["why"]) == ("sync", "ops", "a new menu")
    assert 604_000 < drawn["valid_seconds"] <= 604_800
    assert StoreOrder.objects.filter(order__pk=id_, pk=drawn["id"]).exists()
    assert only(operator.look(id_)) == ("sent", None, "")
    result = {"id": drawn["id"], "outcome": "done", "detail": "2 photos"}
    assert edge.post(FEED, report=edge.report(orders=[result]))["orders"] == []
    shown = operator.look(id_)
    assert only(shown) == ("ended", "done", "2 photos")
    assert (shown["counts"], shown["outcomes"], shown["given_by"]) == ({"ended": 1}, {"done": 1}, "ops")


def test_an_order_is_drawn_again_until_its_result_is_here(office: Office, edge: Edge, operator: Operator) -> None:
    """An answer may be lost, and a report: then the next one has the same."""
    id_ = operator.give(office.store)
    first, second = (edge.post(**edge.report())["orders"] for _ in range(2))
    assert [one["id"] for one in first] == [one["id"] for one in second]
    sent_at = StoreOrder.objects.get().sent_at
    replayed = edge.report(orders=[{"id": first[0]["id"], "outcome": "done"}])
    for _ in range(3):
        assert edge.post(**replayed)["orders"] == []
    other = edge.report(orders=[{"id": first[0]["id"], "outcome": "failed", "detail": "a second result"}])
    assert edge.post(**other)["orders"] == []
    assert only(operator.look(id_)) == ("ended", "done", "")
    assert StoreOrder.objects.get().sent_at == sent_at


def test_a_report_without_orders_costs_no_further_query(
    office: Office, edge: Edge, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does an order that was sent before."""
    edge.sync()

    opened: list[str] = []

    def counted() -> Any:
        opened.append("cursor")
        return prepared_cursor()

    monkeypatch.setattr(orders, "prepared_cursor", counted)

    def further_queries() -> int:
        opened.clear()
        edge.post(FEED, report=edge.report())
        return len(opened)

    assert further_queries() == 0
    operator.give(office.store)
    assert (further_queries(), further_queries()) == (1, 0)


def test_only_the_store_itself_draws_and_ends_its_order(office: Office, edge: Edge, operator: Operator) -> None:
    other = office.another_store()
    account = Account.objects.create_user("bdg", password="a store's own password", store=other)
    id_ = operator.give(office.store)
    stranger = Edge(office, store=other, account=account)
    assert stranger.post(**stranger.report())["orders"] == []
    stranger.post(**stranger.report(orders=[{"id": str(StoreOrder.objects.get().id), "outcome": "done"}]))
    assert only(operator.look(id_)) == ("waiting", None, "")


def test_an_order_goes_to_all_stores_only_with_their_number(office: Office, neighbour: Neighbour, operator: Operator) -> None:
    office.another_store()
    for number in (None, 1, 3):
        refused = operator.post(status=400, store_ids="all", number=number)
        assert "all 2 stores: give number=2" in refused["number"][0]
    (id_,) = operator.post(store_ids="all", number=2)["ids"]
    assert {one["code"] for one in operator.look(id_)["stores"]} == {"AVRIL-001", "BDG-002"}
    assert StoreOrder.objects.filter(store=neighbour.store).count() == 0


def test_an_approval_beyond_the_bound_needs_its_number(office: Office, edge: Edge, operator: Operator) -> None:
    counts = dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0)
    photos_now = {**counts, "listed": 40, "held": 9}
    edge.post(**edge.report(photos=photos_now))
    refused = operator.post(status=400, store_ids=[str(office.store.id)], kind="approve")
    assert "removes 9 photos" in refused["number"][0]
    assert not FleetOrder.objects.exists()
    id_ = operator.give(office.store, kind="approve", number=9)
    (drawn,) = edge.post(**edge.report(photos=photos_now))["orders"]
    assert drawn["args"] == {"at_most": 9}
    # Small ones within 24 hours count together, until they are cancelled.
    operator.post(f"{ORDERS}{id_}/cancel/", status=200)
    photos = [str(uuid4()) for _ in range(5)]
    few = operator.give(office.store, kind="approve", args={"photo_ids": photos[:4]})
    assert (
        "removes 5 photos"
        in operator.post(status=400, store_ids=[str(office.store.id)], kind="approve", args={"photo_ids": photos})["number"][0]
    )
    (drawn,) = edge.post(**edge.report())["orders"]
    assert drawn["args"] == {"photo_ids": photos[:4], "at_most": 4}
    undone = operator.give(office.store, kind="undo", args={"order_id": few})
    second = edge.post(**edge.report())["orders"][1]
    assert (second["kind"], second["args"]) == ("undo", {"order_id": drawn["id"]})
    assert operator.look(undone)["args"] == {"order_id": few}


def test_a_cancelled_or_expired_order_is_drawn_no_more(office: Office, edge: Edge, operator: Operator) -> None:
    first, second = operator.give(office.store), operator.give(office.store)
    assert len(edge.post(**edge.report())["orders"]) == 2
    assert operator.post(f"{ORDERS}{first}/cancel/", status=200) == {"stores": 1}
    assert operator.post(f"{ORDERS}{first}/cancel/", status=200) == {"stores": 0}
    FleetOrder.objects.filter(pk=second).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert edge.post(**edge.report())["orders"] == []
    assert (only(operator.look(first))[0], only(operator.look(second))[0]) == ("cancelled", "expired")
    assert operator.look(first)["cancelled_by"] == "ops"
    assert orders.close_expired(timezone.now()) == 1
    assert orders.close_expired(timezone.now()) == 0
    # The store was quicker than the cancellation.
    late = StoreOrder.objects.get(order__pk=first)
    edge.post(**edge.report(orders=[{"id": str(late.id), "outcome": "done"}]))
    assert only(operator.look(first)) == ("ended", "done", "")
    orders.close_expired(timezone.now() + timedelta(days=91))
    assert not FleetOrder.objects.exists()


def test_nothing_of_an_order_crosses_companies(office: Office, neighbour: Neighbour, operator: Operator) -> None:
    boss = Operator(person("boss", OfficeRole.ADMIN))
    foreign = boss.give(neighbour.store)
    operator.post(status=400, store_ids=[str(neighbour.store.id)])
    operator.post(status=400, store_ids=[str(office.store.id), str(neighbour.store.id)])
    assert operator.look()["orders"] == []
    operator.look(foreign, status=404)
    operator.post(f"{ORDERS}{foreign}/cancel/", status=404)
    operator.look(str(uuid4()), status=404)
    both = boss.post(store_ids=[str(office.store.id), str(neighbour.store.id)])["ids"]
    assert {order.company for order in FleetOrder.objects.filter(pk__in=both)} == set(Company.objects.all())
    (own,) = operator.look()["orders"]
    assert own["id"] in both
    assert [store["code"] for store in operator.look(own["id"])["stores"]] == ["AVRIL-001"]
    operator.post(status=400, store_ids=[str(office.store.id)], kind="undo", args={"order_id": foreign})


@pytest.mark.parametrize("role", [OfficeRole.MENU_MANAGER, OfficeRole.AUDITOR, None])
def test_only_operators_and_admins_give_orders(office: Office, operator: Operator, role: OfficeRole | None) -> None:
    id_ = operator.give(office.store)
    store_account = Account.objects.get(username="avril")
    other = Operator(person("other", role, companies=(office.company,)) if role else store_account)
    other.post(status=403, store_ids=[str(office.store.id)])
    other.post(f"{ORDERS}{id_}/cancel/", status=403)
    other.look(id_, status=403)
    other.look(status=403)
    assert Client().get(ORDERS).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "rotate"}, "kind"),
        ({"kind": "explode"}, "kind"),
        ({"why": ""}, "why"),
        ({"why": "  "}, "why"),
        ({"why": "a\0b"}, "why"),
        ({"store_ids": []}, "store_ids"),
        ({"store_ids": "some"}, "store_ids"),
        ({"store_ids": ["12"]}, "store_ids[0]"),
        ({"store_ids": ["6f9619ff-8b86-4d01-b42d-00cf4fc964ff"]}, "store_ids"),
        ({"args": {"photo_ids": ["x"]}}, "args.photo_ids[0]"),
        ({"kind": "undo"}, "args"),
        ({"kind": "undo", "args": {"order_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}}, "args"),
        ({"number": "2"}, "number"),
        ({"stores": []}, "order"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_given(
    office: Office, operator: Operator, body: dict[str, Any], field: str
) -> None:
    refused = operator.post(status=400, **{"store_ids": [str(office.store.id)], **body})
    assert field in refused, refused
    assert not FleetOrder.objects.exists()


def test_orders_and_their_cancellation_are_audited(office: Office, operator: Operator) -> None:
    id_ = operator.give(office.store, why="lights are out")
    operator.post(f"{ORDERS}{id_}/cancel/", status=200)
    given, cancelled = AuditEntry.objects.order_by("id")
    assert (given.action, given.username, given.address, given.object_id) == ("ordered", "ops", "127.0.0.1", id_)
    assert given.details == {"kind": "sync", "stores": 1, "why": "lights are out"}
    assert (cancelled.action, cancelled.company_id) == ("order_cancelled", office.company.id)


def test_orders_go_with_their_store(office: Office, operator: Operator) -> None:
    other = office.another_store()
    operator.give(other)
    other.delete()
    assert not StoreOrder.objects.exists()


def test_a_person_who_is_logged_in_on_the_pages_gives_orders_with_the_token_of_a_form(office: Office) -> None:
    browser = Client(enforce_csrf_checks=True)
    account = person("oki", OfficeRole.OPERATOR, companies=(office.company,))
    browser.force_login(account, "django.contrib.auth.backends.ModelBackend")
    order = {"store_ids": [str(office.store.id)], "kind": "sync", "why": "a new menu"}
    assert browser.post(ORDERS, order, content_type="application/json").status_code == 403
    browser.get("/admin/password_change/")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post(ORDERS, order, content_type="application/json", headers=headers).status_code == 201
    assert FleetOrder.objects.get().username == "oki"


def test_the_document_has_exactly_the_fields_and_statuses(
    office: Office, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = operator.give(office.store)
    document = Client().get("/api/v1/schema/?format=json").json()
    schemas = document["components"]["schemas"]
    shown = operator.look(id_)
    assert {*shown} == {*schemas["OrderAnswer"]["properties"]}
    assert {*shown["stores"][0]} == {*schemas["StoreOrderAnswer"]["properties"]}
    assert {*operator.look()["orders"][0]} == {*schemas["OrderSummaryAnswer"]["properties"]}
    one, cancel = f"{ORDERS}{{order_id}}/", f"{ORDERS}{{order_id}}/cancel/"
    answered: dict[tuple[str, str], set[int]] = {(ORDERS, "post"): set(), (ORDERS, "get"): set(), (one, "get"): set()}
    answered[cancel, "post"] = set()
    order = json.dumps({"store_ids": [str(office.store.id)], "kind": "sync", "why": "a test"})
    stranger = Operator(person("adi", OfficeRole.AUDITOR))

    def ask(path: str, method: str, headers: dict[str, str], body: str = order, kind: str = "application/json") -> None:
        sent = (body, kind) if (path, method) == (ORDERS, "post") else ("", "application/octet-stream")
        for target in (id_, str(uuid4())) if path != ORDERS else ("",):
            url = path.format(order_id=target)
            response = Client().generic(method, url, *sent, headers=headers)
            answered[path, method].add(response.status_code)

    for path, method in answered:
        for headers in (operator.headers, stranger.headers, {}, {**operator.headers, "Accept": "text/csv"}):
            ask(path, method, headers)
    for body, kind in (("{}", "application/json"), ("x" * (2**20 + 1), "application/json"), ("x", "text/plain")):
        ask(ORDERS, "post", operator.headers, body, kind)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    for path, method in answered:
        ask(path, method, operator.headers)
    operations = {key: document["paths"][key[0]][key[1]] for key in answered}
    assert {key: {int(code) for code in one["responses"]} for key, one in operations.items()} == answered
