"""The API of the fleet: stores and photos with their states, for those who may see them."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import person
from tests.integration.head_office.test_fleet_overview import prove_possession, store_with_edge
from tests.integration.head_office.test_reports import Edge, Statements

from etalase.head_office.models import Account, Company, Photo, Store
from etalase.head_office.permissions import OfficeRole
from etalase.report import ReportedFault, faults_hash

pytestmark = pytest.mark.urls("etalase.head_office.urls")
STORES, COVERAGE = "/api/v1/fleet/stores/", "/api/v1/fleet/coverage/"


class Person:
    """A person's client with a token."""

    def __init__(self, account: Account) -> None:
        self.headers = {"Authorization": f"Bearer {RefreshToken.for_user(account).access_token}"}

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        """Returns the answer."""
        response = Client().get(path, query, headers=self.headers)
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def operator(office: Office) -> Person:
    """Returns an operator of the office's company."""
    return Person(person("oki", OfficeRole.OPERATOR, companies=(office.company,)))


@pytest.fixture
def photo(office: Office) -> Photo:
    """Returns the photo of a dish of the store."""
    return office.photo(office.product())


def fault(photo: Photo, *, reason: str = "timeout", side: str = "link") -> dict[str, Any]:
    """Returns the fields of a report with one fault."""
    fields: dict[str, Any] = {"photo_id": photo.id, "product_id": photo.product_id, "reason": reason, "side": side}
    fields["attempts"] = 3
    hashed = faults_hash([ReportedFault(**fields)])
    return {"faults": [{**fields, "photo_id": str(photo.id), "product_id": str(photo.product_id)}], "faults_hash": hashed}


def counts(**changed: int) -> dict[str, int]:
    """Returns the counts of photos of a report."""
    return dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0) | changed


def test_a_store_has_its_state_with_reasons_and_times(office: Office, operator: Person, photo: Photo) -> None:
    edge = Edge(office)
    edge.sync()
    edge.send(photos=counts(listed=1, verified=1))
    prove_possession()
    answer = operator.get(STORES)
    (store,) = answer["stores"]
    assert (answer["counts"], answer["total"], answer["has_more"], answer["next_offset"]) == ({"equal": 1}, 1, False, None)
    assert (store["code"], store["state"], store["tone"], store["reasons"]) == ("AVRIL-001", "equal", "good", [])
    assert (store["photos"]["verified"], store["behind"], store["agent"]) == (1, 0, "etalase/0.3.0")
    assert store["last_report_at"] < store["next_report_by"]
    Photo.objects.filter(id=photo.id).update(sort_order=9)
    photo.refresh_from_db()
    (store,) = operator.get(STORES)["stores"]
    assert (store["state"], store["tone"], store["behind"]) == ("behind", "neutral", 1)
    assert store["since"] == photo.updated_at.isoformat().replace("+00:00", "Z")
    assert store["reasons"] == [
        {"code": "changed", "side": None, "text": "Head office changed something; the store fetches it by its next run."}
    ]


@pytest.mark.parametrize(
    ("change", "behind"),
    [
        ("UPDATE head_office_product SET name = 'NEW' WHERE id = %(product)s", 1),
        ("DELETE FROM head_office_photo WHERE id = %(photo)s", 1),
        ("DELETE FROM head_office_assortment WHERE product_id = %(product)s", 1),
        ("INSERT INTO head_office_assortment (store_id, product_id) VALUES (%(store)s, %(other)s)", 2),
        ("UPDATE head_office_product SET name = 'NEW' WHERE id = %(other)s", 0),
    ],
    ids=["renamed", "deleted", "not sold", "newly sold", "another store's"],
)
def test_photos_that_a_store_has_yet_to_fetch_are_counted(
    office: Office, operator: Person, photo: Photo, change: str, behind: int
) -> None:
    other = office.product("2", name="OTHER", sold_in=[])
    office.photo(other)
    office.photo(other)
    edge = Edge(office)
    edge.sync()
    edge.send()
    values = {"product": photo.product_id, "photo": photo.id, "store": office.store.id, "other": other.id}
    with connection.cursor() as cursor:
        cursor.execute(change, values)
    (store,) = operator.get(STORES)["stores"]
    assert store["behind"] == behind
    assert (store["state"] == "behind") is bool(behind)


def test_stores_are_chosen_by_state_region_version_and_text(office: Office, operator: Person, photo: Photo) -> None:
    edge = Edge(office)
    edge.sync()
    edge.send(digest="0" * 32, agent="etalase/0.9.9")
    for number in range(4):
        store_with_edge(office, f"BDG-{number}")
    Store.objects.filter(code__gte="BDG-2").update(region="Jawa Barat")
    chosen: dict[str, dict[str, Any]] = {
        "wrong": {"state": "wrong"},
        "two": {"state": "wrong, never"},
        "none": {"state": "equal"},
        "region": {"region": "Jawa Barat"},
        "no region": {"region": ""},
        "agent": {"agent": "etalase/0.9.9"},
        "name": {"q": "sunda"},
        "code": {"q": "bdg-3"},
    }
    found = {name: [store["code"] for store in operator.get(STORES, **query)["stores"]] for name, query in chosen.items()}
    every = ["AVRIL-001", "BDG-0", "BDG-1", "BDG-2", "BDG-3"]
    assert found == {
        "wrong": every[:1],
        "two": every,
        "none": [],
        "region": every[3:],
        "no region": every[:3],
        "agent": every[:1],
        "name": every[:1],
        "code": every[4:],
    }
    first = operator.get(STORES, limit=2)
    assert (first["total"], first["has_more"], first["next_offset"]) == (5, True, 2)
    last = operator.get(STORES, limit=2, offset=4)
    assert ([store["code"] for store in last["stores"]], last["has_more"], last["next_offset"]) == (["BDG-3"], False, None)
    assert last["counts"] == {"wrong": 1, "never": 4}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "green"}, "state"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": "1" * 40}, "offset"),
        ({"q": "x" * 101}, "q"),
        ({"region": "\0"}, "region"),
    ],
)
def test_a_wrong_parameter_is_named(operator: Person, query: dict[str, Any], field: str) -> None:
    answer = operator.get(STORES, status=400, **query)
    assert {*answer} == {"detail", field}


def test_a_store_in_full_has_its_faults_and_history(office: Office, operator: Person, photo: Photo) -> None:
    edge = Edge(office)
    edge.sync()
    edge.send(photos=counts(listed=1, owed=1), **fault(photo))
    store = operator.get(f"{STORES}{office.store.id}/")
    assert (store["state"], store["reasons"][0]["code"]) == ("wrong", "owed")
    (listed,) = store["faults"]
    assert (listed["product_sku"], listed["reason"], listed["side"], listed["attempts"]) == ("05018970", "timeout", "link", 3)
    (hour,) = store["history"]
    assert (hour["state"], hour["owed"]) == ("wrong", 1)


def test_a_fault_names_no_dish_of_another_company(office: Office, operator: Person) -> None:
    """A report may name any id (invariant I6)."""
    elsewhere = Office(Company.objects.create(name="Other"), office.store)
    secret = elsewhere.photo(elsewhere.product("SECRET", name="SECRET", sold_in=[]))
    Edge(office).send(**fault(secret))
    (listed,) = operator.get(f"{STORES}{office.store.id}/")["faults"]
    assert (listed["product_sku"], listed["product_name"]) == ("", "")


def test_a_photo_is_shown_missing_or_unknown_on_each_store_that_sells_it(
    office: Office, operator: Person, photo: Photo
) -> None:
    edges = {code: store_with_edge(office, code) for code in ("FAULT", "LATE", "DIFFERS", "NEVER", "SHOWS")}
    for edge in edges.values():
        photo.product.stores.add(edge.store)
    for code, edge in edges.items():
        if code != "NEVER":
            edge.sync()
    edges["LATE"].checkpoint = "2026-01-01T00:00:00.000000+00:00"
    edges["FAULT"].send(photos=counts(owed=1), **fault(photo))
    edges["DIFFERS"].send(digest="0" * 32)
    for code in ("LATE", "SHOWS"):
        edges[code].send()
    found = operator.get(f"/api/v1/fleet/photos/{photo.id}/")
    assert {name: found[name] for name in ("selling", "showing", "unknown", "product_name")} == {
        "selling": 6,
        "showing": 1,
        "unknown": 3,
        "product_name": "ASAHI SALMON BOWL",
    }
    assert [(lack["code"], lack["reason"], lack["side"]) for lack in found["missing"]] == [
        ("FAULT", "timeout", "link"),
        ("LATE", "not_fetched", None),
    ]
    assert {store["code"]: store["state"] for store in found["unknown_stores"]} == {
        "AVRIL-001": "never",
        "DIFFERS": "wrong",
        "NEVER": "never",
    }


def test_coverage_counts_dishes_that_every_known_store_shows(office: Office, operator: Person, photo: Photo) -> None:
    edge, second, never = Edge(office), store_with_edge(office, "SECOND"), store_with_edge(office, "NEVER")
    bare = office.product("2", name="BARE", sold_in=[office.store, second.store, never.store])
    faulty = office.photo(office.product("3", name="FAULTY", sold_in=[office.store, second.store]))
    late = office.photo(office.product("4", name="LATE", sold_in=[office.store, second.store]))
    office.product("5", name="SOLD NOWHERE", sold_in=[])
    for one in (edge, second):
        one.sync()
    edge.send(photos=counts(owed=1), **fault(faulty))
    Photo.objects.filter(id=late.id).update(sort_order=4)
    second.sync()
    second.send()
    found = operator.get(COVERAGE)
    assert {name: found[name] for name in ("sold", "covered", "stores", "left_out")} == {
        "sold": 4,
        "covered": 1,
        "stores": 2,
        "left_out": {"never": 1},
    }
    assert [(dish["product_sku"], dish["has_photo"], dish["missing"]) for dish in found["worklist"]] == [
        (bare.sku, False, 2),
        (faulty.product.sku, True, 1),
        (late.product.sku, True, 1),
    ]


def test_only_people_with_the_right_see_the_fleet_of_their_companies(office: Office, photo: Photo) -> None:
    other = Company.objects.create(name="Other")
    hidden = Office(other, Store.objects.create(company=other, code="X-1", name="Elsewhere"))
    hidden_photo = hidden.photo(hidden.product())
    paths = {
        "list": STORES,
        "store": f"{STORES}{office.store.id}/",
        "photo": f"/api/v1/fleet/photos/{photo.id}/",
        "coverage": COVERAGE,
        "other store": f"{STORES}{hidden.store.id}/",
        "other photo": f"/api/v1/fleet/photos/{hidden_photo.id}/",
        "no store": f"{STORES}{uuid4()}/",
    }
    people = {
        "operator": person("oki", OfficeRole.OPERATOR, companies=(office.company,)),
        "manager": person("mia", OfficeRole.MENU_MANAGER, companies=(office.company,)),
        "auditor": person("adi", OfficeRole.AUDITOR, companies=(office.company,)),
        "admin": person("ani", OfficeRole.ADMIN),
        "store": Account.objects.get(username="avril"),
    }
    statuses = {
        name: [Client().get(path, headers=Person(account).headers).status_code for path in paths.values()]
        for name, account in people.items()
    }
    assert statuses == {
        "operator": [200, 200, 200, 200, 404, 404, 404],
        "manager": [403, 403, 200, 200, 403, 404, 403],
        "auditor": [403] * 7,
        "admin": [200, 200, 200, 200, 200, 200, 404],
        "store": [403] * 7,
    }
    listed = Person(people["operator"]).get(STORES)
    assert ([store["code"] for store in listed["stores"]], listed["counts"]) == (["AVRIL-001"], {"never": 1})
    assert Person(people["operator"]).get(COVERAGE)["sold"] == 1
    assert {Client().get(path).status_code for path in paths.values()} == {401}


def test_a_person_who_is_logged_in_on_the_pages_needs_no_token(office: Office) -> None:
    browser = Client()
    browser.force_login(
        person("oki", OfficeRole.OPERATOR, companies=(office.company,)), "django.contrib.auth.backends.ModelBackend"
    )
    assert browser.get(STORES).status_code == 200


@pytest.mark.parametrize("role", [OfficeRole.OPERATOR, OfficeRole.ADMIN])
def test_a_list_costs_few_statements(office: Office, role: OfficeRole) -> None:
    Edge(office).send()
    someone = Person(person("oki", role, companies=(office.company,)))
    statements: Any = Statements()
    with connection.execute_wrapper(statements):
        someone.get(STORES)
    # Account, groups, all stores, the shown ones.
    assert len(statements.texts) == 4


def test_the_document_has_exactly_the_fields_and_statuses(
    office: Office, operator: Person, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = Edge(office)
    edge.sync()
    edge.send(photos=counts(owed=1), **fault(photo))
    second = store_with_edge(office, "NEVER")
    photo.product.stores.add(second.store)
    document = Client().get("/api/v1/schema/?format=json").json()
    schemas = document["components"]["schemas"]

    def check(value: Any, schema: Any) -> None:
        if isinstance(value, list):
            for entry in value:
                check(entry, schema.get("items", {}))
            return
        reference = schema.get("$ref") or next(
            (one["$ref"] for one in schema.get("allOf", []) + schema.get("oneOf", []) if "$ref" in one), ""
        )
        known = schemas.get(reference.rpartition("/")[2])
        if isinstance(value, dict) and known is not None:
            assert {*value} == {*known["properties"]} == {*known["required"]}, reference
            for name, part in value.items():
                check(part, known["properties"][name])

    urls = {
        "/api/v1/fleet/stores/": (STORES, STORES),
        "/api/v1/fleet/stores/{store_id}/": (f"{STORES}{office.store.id}/", f"{STORES}{uuid4()}/"),
        "/api/v1/fleet/photos/{photo_id}/": (f"/api/v1/fleet/photos/{photo.id}/", f"/api/v1/fleet/photos/{uuid4()}/"),
        "/api/v1/fleet/coverage/": (COVERAGE, COVERAGE),
    }
    stranger = Person(person("adi", OfficeRole.AUDITOR))
    answered = {path: set[int]() for path in urls}
    for path, (right, unknown) in urls.items():
        operation = document["paths"][path]["get"]
        check(operator.get(right), operation["responses"]["200"]["content"]["application/json"]["schema"])
        for headers, asked in (
            (operator.headers, right),
            (operator.headers, unknown),
            (operator.headers, f"{right}?limit=0"),
            (stranger.headers, right),
            ({}, right),
            (operator.headers | {"Accept": "text/csv"}, right),
        ):
            answered[path].add(Client().get(asked, headers=headers).status_code)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    for path, (right, _) in urls.items():
        answered[path].add(Client().get(right, headers=operator.headers).status_code)
    documented = {path: {int(status) for status in document["paths"][path]["get"]["responses"]} for path in urls}
    assert documented == answered
