"""All stores judged at once: as each one alone would be, at any moment, whatever changed since its report."""

import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from tests.daily import daily
from tests.integration.head_office.fleet import plain_verdict
from tests.integration.head_office.office import Office, roll_clock
from tests.integration.head_office.test_companies import person
from tests.integration.head_office.test_reports import Edge, Statements

from etalase.head_office.fleet import overview_sql
from etalase.head_office.fleet.overview import Overview, Reach, overview, reach_of
from etalase.head_office.fleet.states import StoreState
from etalase.head_office.fleet_models import StoreReport
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store, TokenFamily
from etalase.head_office.permissions import OfficeRole

pytestmark = pytest.mark.urls("etalase.head_office.urls")


def everything() -> Overview:
    """Returns the overview of an admin."""
    return overview(Reach(uuid4(), is_everything=True))


def states() -> dict[str, str]:
    """Returns the state of each store by code."""
    return {store.code: store.state.value for store in everything().stores}


def store_with_edge(office: Office, code: str) -> Edge:
    """Adds a store with an edge."""
    store = office.another_store(code)
    return Edge(office, store=store, account=Account.objects.create_user(code.lower(), store=store))


def prove_possession() -> None:
    """Lets every store have proved that it has its photos."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE head_office_store_report SET possession_proved_at = received_at")


class History:
    """Random changes of a menu, and reports of stores between them."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office, self.random = office, random.Random(seed)
        self.edges = [store_with_edge(office, f"S-{number}") for number in range(7)]
        self.products = [office.product(f"D-{number}", name=f"DISH {number}", sold_in=[]) for number in range(12)]
        for product in self.products:
            office.photo(product)
        for edge in self.edges:
            # Some stores sell the same dishes.
            for product in self.products[: 4 if edge.store.code < "S-4" else self.random.randint(0, 9)]:
                Assortment.objects.get_or_create(store=edge.store, product=product)

    def step(self) -> None:
        """Changes something, or lets a store fetch what is new, or report."""
        choice, product = self.random.randrange(9), self.random.choice(self.products)
        edge = self.random.choice(self.edges)
        if choice == 0:
            Product.objects.filter(id=product.id).update(name=f"NEW {self.random.random()}")
        elif choice == 1:
            Photo.objects.filter(product=product).update(sort_order=self.random.randrange(99))
        elif choice == 2:
            Photo.objects.filter(product=product)[:1].get().delete() if Photo.objects.filter(product=product) else None
        elif choice == 3:
            self.office.photo(product)
        elif choice == 4:
            Assortment.objects.get_or_create(store=edge.store, product=product)
        elif choice == 5:
            Assortment.objects.filter(store=edge.store, product=product).delete()
        elif choice == 6:
            edge.sync()
        else:
            word = self.random.choice(["right", "right", "wrong", "none", "damaged"])
            photos = dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0)
            photos["damaged"] = int(word == "damaged")
            digest = {"wrong": "0" * 32, "none": None}.get(word, edge.digest)
            edge.send(digest=digest, photos=photos)


@pytest.mark.parametrize("seed", daily(range(12), 0, 1))
@pytest.mark.parametrize("ways", ["followed at once", "tried", "followed", "walked"])
def test_all_at_once_are_judged_as_each_alone(office: Office, seed: int, ways: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any changes and reports, and whichever way the changes are read."""
    monkeypatch.setitem(overview_sql.VALUES, "followed_at_once", 1000 if ways == "followed at once" else 0)
    if ways in {"followed", "walked"}:
        monkeypatch.setitem(overview_sql.VALUES, "first_tried", 1)
        monkeypatch.setitem(overview_sql.VALUES, "followed_each", 1000 if ways == "followed" else 0)
    history = History(office, seed)
    for edge in history.edges[:5]:
        edge.sync()
        edge.send()
    prove_possession()
    for _ in range(8):
        for _ in range(history.random.randint(1, 5)):
            history.step()
        found = {store.code: store.verdict for store in everything().stores}
        assert found == {store.code: plain_verdict(store) for store in Store.objects.all()}


def test_a_store_is_equal_until_something_visible_to_it_changes(office: Office) -> None:
    product, other = office.product(), office.product("2", name="OTHER", sold_in=[])
    photo = office.photo(product)
    office.photo(other)
    edge = Edge(office)
    edge.sync()
    edge.send()
    assert states() == {"AVRIL-001": "unproved"}
    prove_possession()
    assert states() == {"AVRIL-001": "equal"}
    Product.objects.filter(id=other.id).update(name="RENAMED")
    assert states() == {"AVRIL-001": "equal"}
    Photo.objects.filter(id=photo.id).update(sort_order=3)
    (store,) = everything().stores
    assert (store.state, store.verdict.tone) == ("behind", "neutral")


def test_a_promise_and_a_proof_end_without_any_job(office: Office) -> None:
    office.photo(office.product())
    edge = Edge(office)
    edge.sync()
    edge.send()
    prove_possession()
    StoreReport.objects.update(due_at=StoreReport.objects.get().received_at + timedelta(hours=30))
    roll_clock("25 hours")
    assert states() == {"AVRIL-001": "unproved"}
    roll_clock("31 hours")
    assert states() == {"AVRIL-001": "silent"}
    roll_clock("0")


def test_a_store_that_asks_without_reports_says_when(office: Office) -> None:
    """By the tokens that its account got, which cost no further write."""
    edge = Edge(office)
    assert states() == {"AVRIL-001": "never"}
    edge.post("/api/v1/sync/product-photos/")
    assert states() == {"AVRIL-001": "never"}, "this token is the test's own, of no login"
    login = {"username": "avril", "password": "a store's own password"}
    assert edge_login(login) == 200
    (store,) = everything().stores
    family = TokenFamily.objects.get()
    assert store.state is StoreState.ASKS
    assert store.known.asked_at == family.expires_at - timedelta(days=30)


def edge_login(login: dict[str, str]) -> int:
    """Returns the status of a login."""
    return Client().post("/api/v1/token/", login, content_type="application/json").status_code


def test_a_store_without_an_active_account_is_revoked(office: Office) -> None:
    """Without any account it has never been set up, unless it has reported."""
    edge, bare = Edge(office), office.another_store("BDG-002")
    Account.objects.filter(id=edge.account.id).update(is_active=False)
    assert states() == {"AVRIL-001": "revoked", bare.code: "never"}
    Account.objects.filter(id=edge.account.id).update(is_active=True)
    edge.send()
    Account.objects.filter(id=edge.account.id).delete()
    assert states()["AVRIL-001"] == "revoked"


def test_a_person_gets_the_stores_of_the_own_companies_only(office: Office) -> None:
    other = Company.objects.create(name="Other")
    Store.objects.create(company=other, code="X-1", name="Elsewhere")
    reaches = {
        "operator": person("oki", OfficeRole.OPERATOR, companies=(office.company,)),
        "nobody": person("nia", OfficeRole.OPERATOR),
        "admin": person("ani", OfficeRole.ADMIN),
    }
    seen = {name: [store.code for store in overview(reach_of(account)).stores] for name, account in reaches.items()}
    assert seen == {"operator": ["AVRIL-001"], "nobody": [], "admin": ["AVRIL-001", "X-1"]}


def test_one_statement_judges_all(office: Office) -> None:
    Edge(office).send()
    statements: Any = Statements()
    with connection.execute_wrapper(statements):
        everything()
    assert len(statements.texts) == 1
