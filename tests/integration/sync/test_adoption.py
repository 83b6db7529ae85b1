"""Adopts an edge that another program has filled, with a mess of every kind, on real PostgreSQL and real S3."""

import hashlib
import json
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from tests.integration.sync.conftest import BUCKET, Edge
from tests.integration.sync.customer_rules import BLOCKING, FORBIDDEN, REFUSING, Rule, added, constraint, trigger
from tests.simulator import picture

from etalase.edge import tasks
from etalase.edge.adoption import clashes
from etalase.edge.adoption.adopt import Wish, adopt
from etalase.edge.adoption.decisions import Choice, Code, parse_choices, parse_earlier
from etalase.edge.adoption.report import Adoption
from etalase.edge.status.collect import read
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import State, judge
from etalase.edge.sync.services import real_services
from etalase.edge.sync.verify import verify
from etalase.errors import NotAdopted, UsageError
from etalase.progress import Progress

DISHES = 12


class Guide:
    """What the guide's code leaves behind: rows and objects, written by no run."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def product(self, name: str) -> uuid.UUID:
        """Adds a product. Returns its id, which is that of the simulator for the same name."""
        id_ = uuid.uuid5(uuid.NAMESPACE_OID, name)
        self.edge.query(
            "INSERT INTO product (id, sku, name, is_listed) VALUES (%s, %s, %s, TRUE) ON CONFLICT DO NOTHING",
            id_,
            name[:20],
            name,
        )
        return id_

    def row(self, product: str, **columns: Any) -> str:
        """Adds a row, by default that of the store's own photo of ``product``. Returns its id."""
        body = columns.pop("body", picture(product))
        id_ = columns.pop("id", str(uuid.uuid4()))
        record = {
            "id": id_,
            "product_id": self.product(product),
            "object_key": f"products/{uuid.uuid5(uuid.NAMESPACE_OID, product)}/{id_}.jpg",
            "filename": f"{product}.jpg",
            "size": len(body),
            "content_type": "image/jpeg",
            "checksum": hashlib.md5(body).hexdigest(),
            "version": 1,
            "is_primary": True,
            "sort_order": 0,
            **columns,
        }
        names = ", ".join(record)
        self.edge.query(
            f"INSERT INTO product_photo ({names}, created_at, updated_at) VALUES ({', '.join(['%s'] * len(record))},"
            " '2024-03-01', '2024-03-01')",
            *record.values(),
        )
        return str(id_)

    def object(self, key: str, body: bytes, content_type: str = "image/jpeg") -> None:
        """Puts an object as another program does."""
        s3 = boto3.client(
            "s3",
            endpoint_url=self.edge.s3.endpoint,
            aws_access_key_id=self.edge.s3.access_key,
            aws_secret_access_key=self.edge.s3.secret_key,
            region_name="us-east-1",
        )
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType=content_type)

    def listed(self, name: str, **changes: Any) -> dict[str, Any]:
        """Lists a dish at head office, with its row and its object here."""
        body = picture(name)
        wire = self.edge.ho.photos[self.edge.ho.put(name, body)]
        same = ("id", "object_key", "filename", "size", "content_type", "checksum", "version", "is_primary", "sort_order")
        self.row(name, **{**{column: wire[column] for column in same}, **changes})
        self.object(wire["object_key"], body)
        return wire

    def mess(self) -> dict[str, Any]:
        """Leaves a mess of every kind, and returns its parts by name."""
        edge, ho = self.edge, self.edge.ho
        listed = [self.listed(f"Dish {number}") for number in range(DISHES)]
        outdated = self.listed("Renamed", filename="old name.jpg")
        nulls = self.listed("Nulls", version=None, sort_order=None, content_type=None)
        missing, cut, mistyped = self.listed("Missing"), self.listed("Cut"), self.listed("Mistyped")
        edge.bucket.delete([missing["object_key"]])
        self.object(cut["object_key"], picture("Cut")[:900])
        self.object(mistyped["object_key"], picture("Mistyped"), "binary/octet-stream")
        rowless = self.listed("Row lost")
        edge.query("DELETE FROM product_photo WHERE id = %s", rowless["id"])
        ho.put("New at head office", picture("new"))
        deleted = self.listed("Deleted at head office")
        ho.delete(deleted["id"])
        own = [self.row("Own dish"), self.row("Own dish", is_primary=True, sort_order=1, body=picture("second"))]
        for photo_id, body in zip(own, (picture("Own dish"), picture("second")), strict=True):
            self.object(f"products/{uuid.uuid5(uuid.NAMESPACE_OID, 'Own dish')}/{photo_id}.jpg", body)
        # Head office once replaced this photo by another of the same key, and the guide's code kept the old row.
        superseded = self.row("Dish 0", object_key=listed[0]["object_key"], checksum="0" * 32, is_primary=True)
        elsewhere = self.row("Elsewhere", object_key="banners/elsewhere.jpg")
        self.object("banners/elsewhere.jpg", picture("Elsewhere"))
        unknown = [f"{wire['object_key'].rpartition('/')[0]}/thumb_200.jpg" for wire in listed[:4]]
        for key in (*unknown, "products/readme.txt"):
            self.object(key, b"a thumbnail")
        self.object("banners/summer.jpg", picture("summer"))
        return {
            "own": {*own, elsewhere},
            "superseded": superseded,
            "deleted": deleted["id"],
            "unknown": {*unknown, "products/readme.txt"},
            "listed": listed,
            "outdated": outdated,
            "nulls": nulls,
        }


@pytest.fixture
def guide(edge: Edge, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Guide:
    settings.ROOT_URLCONF = "etalase.edge.urls"
    monkeypatch.setattr(clashes, "other_definitions", list)  # other tests define tasks in this process
    return Guide(edge)


def look(edge: Edge, **wish: Any) -> Adoption:
    """Looks, or adopts, with the real services."""
    with real_services(edge.configured()) as services:
        return adopt(services, Wish(**wish), Progress())


def adopted(edge: Edge, **wish: Any) -> Adoption:
    """Adopts, and asserts that it was possible."""
    report = look(edge, applies=True, **wish)
    assert report.is_possible, report.preconditions
    return report


def own_states(edge: Edge) -> dict[str, str]:
    return {str(row["photo_id"]): row["state"] for row in edge.query("SELECT photo_id, state FROM etalase_own_photo")}


# A filled edge waits


def test_a_run_on_a_filled_edge_does_nothing_and_names_the_way_to_adopt(guide: Guide, edge: Edge) -> None:
    guide.mess()
    before, objects = edge.row_versions(), edge.objects()
    edge.ho.requests.clear()
    for full in (False, True):
        for started_by in ("hand", "schedule", "retry"):
            report = edge.sync(full=full, trigger=started_by)
            assert isinstance(report.error, NotAdopted)
            assert (report.exit_status, "photos_adopt --dry-run" in str(report.error)) == (2, True)
    assert edge.sync(dry_run=True).exit_status == 2
    assert (edge.row_versions(), edge.objects(), edge.ho.requests) == (before, objects, [])
    assert [edge.count(table) for table in ("etalase_sync_run", "etalase_checkpoint", "etalase_reclaim")] == [0, 0, 0]


@pytest.mark.parametrize("act", [lambda edge: verify_of(edge).exit_status, lambda edge: call_command("photos_held")])
def test_no_other_command_makes_a_filled_edge_look_adopted(guide: Guide, edge: Edge, act: Callable[[Edge], object]) -> None:
    guide.listed("Rendang")
    act(edge)
    assert edge.count("etalase_checkpoint") == 0


def verify_of(edge: Edge) -> Any:
    with real_services(edge.configured()) as services:
        return verify(services, deep=False)


def test_status_and_health_show_a_filled_edge_as_a_state_of_its_own(guide: Guide, edge: Edge) -> None:
    guide.listed("Rendang")
    facts = read(edge.configured())
    assert judge(facts).holds == (State.NOT_ADOPTED,)
    shown = as_json(facts, judge(facts))
    assert (shown["state"], shown["not_adopted"], shown["well"]) == ("not_adopted", True, False)


def test_rows_that_are_missing_over_objects_are_healed_without_an_adoption(guide: Guide, edge: Edge) -> None:
    guide.listed("Rendang")
    edge.query("DELETE FROM product_photo")
    report = edge.sync()
    assert (report.outcome, report.updated, report.bytes_fetched) == ("success", 1, 0)


def test_an_upgraded_edge_with_a_checkpoint_is_never_filled(edge: Edge) -> None:
    edge.ho.put("Rendang", picture("rendang"))
    assert edge.sync().outcome == "success"
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = NULL")
    assert edge.sync().outcome == "success"


# The look


def test_a_dry_run_counts_the_mess_of_each_kind_and_writes_nothing(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    before, objects = edge.row_versions(), edge.objects()
    relations = edge.query("SELECT count(*) AS n FROM pg_class WHERE relpersistence <> 't'")
    report = look(edge)
    assert report.exit_status == 1
    assert {**report.rows, "seconds_to_fetch": 0} == {
        "total": 22,
        "nulls": 1,
        "duplicate_primaries": 2,
        "product_missing": 0,
        "damaged": 4,
        "equal": DISHES,
        "row_only": 2,
        "taken_over": 2,
        "to_fetch": 3,
        "bytes_to_fetch": 6000,
        "parked": 0,
        "failed": 0,
        "not_listed": 5,
        "not_listed_deleted": 1,
        "not_listed_unknown": 4,
        "seconds_to_fetch": 0,
    }
    assert {name: count for name, count in report.bucket.items() if count} == {
        "objects": 25,
        "whole": 18,
        "missing": 1,
        "cut": 1,
        "mistyped": 1,
        "changed": 1,
        "unknown": 5,
        "outside": 2,
    }
    by_code: dict[str, int] = {}
    for decision in report.decisions:
        by_code[decision.code] = by_code.get(decision.code, 0) + decision.count
        assert decision.default in decision.choices
    assert by_code == {Code.ROW_NOT_LISTED: 3, Code.ROW_WITHOUT_OWN_OBJECT: 1, Code.OBJECT_UNKNOWN: 5}
    assert (edge.row_versions(), edge.objects()) == (before, objects)
    assert [edge.count(table) for table in ("etalase_own_photo", "etalase_own_object", "etalase_checkpoint")] == [0, 0, 0]
    assert edge.query("SELECT count(*) AS n FROM pg_class WHERE relpersistence <> 't'") == relations
    assert edge.query("SHOW default_transaction_read_only") == [{"default_transaction_read_only": "off"}]
    del mess


def test_the_first_run_reports_what_the_dry_run_and_the_adoption_foretold(guide: Guide, edge: Edge) -> None:
    guide.mess()
    foretold = look(edge).first_run
    of_full_list = [request for request in edge.ho.feed_requests if not request.get("updated_since")]
    assert len(of_full_list) == 1
    assert adopted(edge).first_run == foretold
    run = edge.sync()
    assert {**run.counts, "bytes_fetched": run.bytes_fetched} == foretold
    assert (run.error, run.deleted) == (None, 1)


def test_a_look_counts_the_same_before_and_after_the_adoption(guide: Guide, edge: Edge) -> None:
    guide.mess()
    by_hand = guide.listed("Object renamed by hand")
    edge.bucket.delete([by_hand["object_key"]])
    guide.object("products/by hand.jpg", picture("Object renamed by hand"))
    wire = guide.listed("Two primary photos")
    guide.row("Two primary photos", is_primary=True)
    edge.ho.put("Own key", picture("own key, new"), key=f"products/{wire['id']}.jpg")
    own = guide.row("Own key", object_key=f"products/{wire['id']}.jpg")
    guide.object(f"products/{wire['id']}.jpg", picture("Own key"))
    before = look(edge)
    assert (before.rows["failed"], own in edge.rows()) == (1, True)
    adopted(edge)
    after = look(edge)
    assert (after.rows, after.first_run) == (before.rows, before.first_run)
    run = edge.sync()
    assert {**run.counts, "bytes_fetched": run.bytes_fetched} == before.first_run
    assert "ho_older" not in {notice["code"] for notice in run.notices}


# Rules that can be there together, each with a photo that breaks it.
RULES = (
    constraint("no_forbidden", f"CHECK (filename NOT LIKE '{FORBIDDEN}%')"),
    constraint("one_order", "UNIQUE (product_id, sort_order)"),
    trigger("not_named", "IF NEW.filename = 'swallowed.jpg' THEN RETURN NULL; END IF; RETURN NEW;"),
    BLOCKING[1],
    trigger("keeps_one", "IF NOT EXISTS (SELECT 1 FROM product_photo WHERE product_id = OLD.product_id AND id <> OLD.id)"
            " THEN RAISE 'the last one'; END IF; RETURN OLD;", when="BEFORE DELETE"),
)  # fmt: skip


def test_the_first_run_reports_what_was_foretold_also_where_the_customers_rules_refuse(guide: Guide, edge: Edge) -> None:
    ho = edge.ho
    for name in ("Renamed", "Swallowed", "Good", "Banner", "Last", "Replaced", "Waits", "Place"):
        guide.listed(name)
    photos = {wire["product_name"]: photo_id for photo_id, wire in ho.photos.items()}

    def change(name: str, **changes: Any) -> None:
        ho.put(name, ho.bodies[ho.photos[photos[name]]["object_key"]], photo=photos[name], **changes)

    change("Renamed", filename=f"{FORBIDDEN}.jpg")
    change("Swallowed", filename="swallowed.jpg")
    change("Good", filename="better.jpg")
    ho.put("New and forbidden", picture("new"), filename=f"{FORBIDDEN} too.jpg")
    ho.put("Same order", picture("one"), sort_order=4)
    ho.put("Same order", picture("two"), sort_order=4, primary=False)
    for name in ("Banner", "Last", "Replaced", "Waits", "Place"):
        ho.delete(photos[name])
    ho.put("Banner", picture("other"), sort_order=1, key="products/other.jpg")
    ho.put("Replaced", picture("another"), sort_order=1, key="products/another.jpg")
    ho.put("Waits", picture("never"), sort_order=1, key="products/never.jpg", filename=f"{FORBIDDEN} as well.jpg")
    ho.put("Place", picture("successor"), key="products/successor.jpg")  # in the order of the old one
    with added(*RULES):
        edge.query("INSERT INTO promo_banner (photo_id) VALUES (%s)", photos["Banner"])
        before = edge.row_versions()
        foretold = look(edge)
        assert edge.row_versions() == before
        counts = foretold.first_run
        assert {name: counts[name] for name in ("fetched", "updated", "failed", "deleted", "held")} == {
            "fetched": 4,
            "updated": 1,  # without those that step back as the primary photo
            "failed": 5,
            "deleted": 2,
            "held": 2,
        }
        assert adopted(edge).first_run == counts
        dry = edge.sync(dry_run=True, full=True)
        assert (dry.forecast or {})["counts"] == counts
        run = edge.sync()
        assert {**run.counts, "bytes_fetched": run.bytes_fetched} == counts


def test_a_look_says_which_rows_it_could_not_try_and_never_waits_for_another_program(guide: Guide, edge: Edge) -> None:
    wire = guide.listed("Rendang", filename="old.jpg")
    with added(RULES[0]), edge.other_connection() as guides_code:
        guides_code.execute("BEGIN")
        guides_code.execute("UPDATE product_photo SET version = 1 WHERE id = %s", [wire["id"]])
        report = look(edge)
        guides_code.execute("ROLLBACK")
        (unsure,) = [condition for condition in report.preconditions if condition.id == "first_run"]
        assert (unsure.ok, "55P03" in unsure.detail, report.first_run["updated"]) == (True, True, 1)
        assert "first_run" not in {condition.id for condition in look(edge).preconditions}


def test_without_head_office_the_look_says_so_and_an_adoption_writes_nothing(guide: Guide, edge: Edge) -> None:
    guide.mess()
    edge.settings["HO_URL"] = "http://127.0.0.1:1"
    for wish in ({}, {"applies": True}):
        report = look(edge, **wish)
        assert (report.exit_status, report.applied, report.first_run) == (2, False, {})
        assert [condition.id for condition in report.preconditions if not condition.ok] == ["head_office"]
    assert [edge.count(table) for table in ("etalase_own_photo", "etalase_checkpoint")] == [0, 0]


def test_each_kind_of_rule_that_may_refuse_a_row_is_named_and_prevents_nothing(guide: Guide, edge: Edge) -> None:
    guide.mess()
    policy = Rule(
        "ALTER TABLE product_photo ENABLE ROW LEVEL SECURITY; CREATE POLICY everything ON product_photo USING (true)",
        "DROP POLICY everything ON product_photo; ALTER TABLE product_photo DISABLE ROW LEVEL SECURITY",
        "",
    )
    shelf = Rule(
        "CREATE TABLE shelf (id int PRIMARY KEY); ALTER TABLE product_photo ADD shelf int CONSTRAINT on_shelf REFERENCES shelf",
        "ALTER TABLE product_photo DROP shelf; DROP TABLE shelf",
        "",
    )
    by_name = {rule.named.rpartition(" ")[2]: rule for rule in REFUSING}
    narrow = [by_name["smallint"], by_name["no_bad_kind"]]
    with added(by_name["one_file"], *narrow, BLOCKING[0], policy, shelf):
        report = look(edge)
    assert report.is_possible, report.preconditions
    (rules,) = [condition.detail for condition in report.preconditions if condition.id == "product_photo_constraints"]
    kinds = ("exclusion one_file", "domain filename: kind", "foreign key of promo_banner", "policy everything", "key on_shelf")
    assert [kind for kind in kinds if kind not in rules] == []


def test_without_a_database_the_look_says_so_by_the_same_object(
    guide: Guide, edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide.mess()
    monkeypatch.setattr("etalase.edge.adoption.adopt.read_facts", lambda _: edge.query("SELECT * FROM nowhere"))
    report = look(edge)
    assert [condition.id for condition in report.preconditions if not condition.ok] == ["database"]
    assert (report.exit_status, report.as_json()["ok"]) == (2, False)


def test_a_clean_edge_has_nothing_to_decide(guide: Guide, edge: Edge) -> None:
    guide.listed("Rendang")
    report = look(edge)
    assert (report.exit_status, report.decisions, report.clashes) == (0, [], [])
    assert report.first_run["unchanged"] == 1


def of_the_project(_: HttpRequest, **__: object) -> HttpResponse:
    """Answers in the place of Etalase."""
    return HttpResponse()


class BelowAPrefix:
    """The URLs of a project with a start page of its own."""

    urlpatterns = (path("", of_the_project), path("foto/", include("etalase.edge.urls")))


class InTheWay:
    """The URLs of a project whose own view of the image comes first."""

    urlpatterns = (path("api/products/<product_id>/image", of_the_project), path("", include("etalase.edge.urls")))


def test_an_address_of_the_projects_clashes_where_etalases_is_included_and_nowhere_else(
    guide: Guide, edge: Edge, settings: Any
) -> None:
    guide.listed("Rendang")
    for urls, names in ((BelowAPrefix, set()), (InTheWay, {"image"})):
        settings.ROOT_URLCONF = urls
        assert {clash.name.rpartition("/")[2] for clash in look(edge).clashes} == names


# What an adoption keeps


def test_what_head_office_never_listed_stays_through_a_week_of_runs(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    assert len(adopted(edge).decisions) == 5
    for day in range(7):
        edge.hours_later = 24 * day
        run = edge.sync(full=day % 2 == 1)
        assert run.error is None
    here, objects = set(edge.rows()), edge.objects()
    assert mess["own"] | {mess["superseded"]} <= here
    assert mess["unknown"] <= objects
    assert mess["deleted"] not in here
    assert set(edge.ho.photos) <= here
    assert run.outcome == "success"


def test_adopting_twice_changes_nothing(guide: Guide, edge: Edge) -> None:
    guide.mess()
    adopted(edge)
    # Not the tokens of head office, which has revoked those before.
    tables = {"etalase_own_photo": "*", "etalase_own_object": "*", "etalase_checkpoint": "sync_timestamp, compared_at, photos"}
    before = {table: edge.query(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in tables.items()}
    again = adopted(edge)
    assert len(again.decisions) == 5
    assert {table: edge.query(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in tables.items()} == before


def test_what_appears_after_an_adoption_is_not_exempt(guide: Guide, edge: Edge) -> None:
    guide.mess()
    adopted(edge)
    edge.sync()
    late = guide.row("Late dish")
    guide.object("products/late.jpg", b"late")
    edge.sync(full=True)
    assert late not in edge.rows()
    edge.hours_later = 48
    edge.sync(full=True)
    assert "products/late.jpg" not in edge.objects()


def test_a_disowned_photo_goes_under_the_usual_bound_and_an_approved_one_stays(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    of_id, of_code = parse_choices([], ["row_not_listed=approve", "row_without_own_object=disown", "object_unknown=disown"])
    assert adopted(edge, of_id=of_id, of_code=of_code).decisions == []
    edge.sync()
    assert mess["own"] <= set(edge.rows())
    assert edge.removals()[mess["superseded"]] == "applied"
    edge.hours_later = 48
    edge.sync(full=True)
    assert not mess["unknown"] & edge.objects()
    assert set(own_states(edge).values()) == {"approved", "disowned"}
    assert look(edge).exit_status == 0


def test_a_choice_recorded_before_the_adoption_counts_in_it(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    wanted = next(decision for decision in look(edge).decisions if decision.code == Code.ROW_NOT_LISTED)
    recorded = look(edge, decides=True, of_id={wanted.id: Choice.APPROVE})
    assert (recorded.applied, wanted.id in {decision.id for decision in recorded.decisions}) == (False, False)
    assert edge.sync().exit_status == 2
    assert wanted.id not in {decision.id for decision in adopted(edge).decisions}
    assert list(own_states(edge).values()).count("approved") == wanted.count
    assert set(own_states(edge)) == mess["own"] | {mess["superseded"]}


def test_decisions_kept_in_a_file_hold_in_a_later_adoption(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    adopted(edge)
    one, key = min(mess["own"]), min(mess["unknown"])
    own_command("approve", one, key)
    adopted(edge, of_code={Code.OBJECT_UNKNOWN: Choice.KEEP})
    own_command("disown", mess["superseded"])
    kept = own_command(exit_status=1)
    edge.query("TRUNCATE etalase_own_photo, etalase_own_object, etalase_checkpoint")  # as `leave` and `migrate` do
    report = adopted(edge, earlier=parse_earlier(json.dumps(kept)))
    assert {decision.code for decision in report.decisions} == {"row_not_listed"}
    again = own_command(exit_status=1)
    for kind, name in (("photos", "photo_id"), ("objects", "object_key")):
        before, after = ({one[name]: (one["state"], one["open"]) for one in found[kind]} for found in (kept, again))
        assert before == after


@pytest.mark.parametrize("text", ["", "[]", '{"photos": [{}], "objects": []}', "\xff"])
def test_a_file_that_is_no_list_of_decisions_is_refused(guide: Guide, edge: Edge, tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.json"
    file.write_bytes(text.encode("latin-1"))
    for name in (file, tmp_path / "nothing.json"):
        with pytest.raises(CommandError, match="own list --json") as told:
            call_command("photos_adopt", "--apply", "--decisions", str(name))
        assert told.value.returncode == 2


def test_a_choice_about_no_open_decision_is_refused_and_nothing_is_adopted(guide: Guide, edge: Edge) -> None:
    guide.mess()
    with pytest.raises(UsageError, match="No decision is open under row_not_listed:nosuch"):
        look(edge, applies=True, of_id={"row_not_listed:nosuch": Choice.KEEP})
    assert [edge.count(table) for table in ("etalase_own_photo", "etalase_checkpoint")] == [0, 0]


def test_a_photo_that_head_office_lists_later_is_head_offices_from_then_on(guide: Guide, edge: Edge) -> None:
    (own,) = [guide.row("Own dish")]
    body = picture("Own dish")
    key = edge.rows()[own]["object_key"]
    guide.object(key, body)
    edge.ho.put("Another", picture("another"))
    adopted(edge)
    edge.sync()
    assert own in own_states(edge)
    edge.ho.put("Own dish", body, photo=own, key=key)
    edge.sync()
    assert own not in own_states(edge)
    edge.ho.delete(own)
    edge.sync(full=True)
    assert own not in edge.rows()


def test_an_own_photo_that_head_office_deletes_by_id_was_listed_once(guide: Guide, edge: Edge) -> None:
    undecided, approved = guide.row("Own dish"), guide.row("Other dish")
    for photo_id in (undecided, approved):
        guide.object(edge.rows()[photo_id]["object_key"], picture("x"))
    edge.ho.put("Another", picture("another"))
    adopted(edge)
    edge.sync()
    edge.query("UPDATE etalase_own_photo SET state = 'approved', decided_at = now() WHERE photo_id = %s", approved)
    edge.ho.deleted_ids += [undecided, approved]
    edge.sync()
    assert undecided not in edge.rows()
    assert approved in edge.rows()


def test_head_office_never_takes_the_key_or_the_primary_flag_of_a_whole_own_photo(guide: Guide, edge: Edge) -> None:
    own = guide.row("Rendang", object_key="products/shared.jpg", body=picture("mine"))
    guide.object("products/shared.jpg", picture("mine"))
    adopted_before = edge.rows()[own]
    edge.ho.put("Rendang", picture("theirs"), key="products/shared.jpg")
    second = edge.ho.put("Rendang", picture("theirs too"))
    adopted(edge)
    run = edge.sync()
    assert edge.reasons() != {}
    assert {failure["reason"] for failure in run.failures} == {"key_is_own"}
    assert edge.rows()[own] == adopted_before
    assert edge.md5_at("products/shared.jpg") == adopted_before["checksum"]
    assert second in edge.rows()
    edge.query("UPDATE etalase_own_photo SET state = 'disowned', decided_at = now() WHERE photo_id = %s", own)
    assert edge.sync().outcome == "success"
    assert edge.md5_at("products/shared.jpg") != adopted_before["checksum"]


def test_an_object_with_a_key_of_1024_bytes_is_kept_disowned_and_reclaimed_like_any_other(guide: Guide, edge: Edge) -> None:
    guide.listed("Rendang")
    longest = "products/" + "/".join(letter * 200 for letter in "abcde")
    longest += "/" * (len(longest) < 1024) + "f" * (1023 - len(longest))
    assert len(longest) == 1024
    guide.object(longest, b"a thumbnail")
    assert [decision.count for decision in adopted(edge).decisions] == [1]
    assert edge.sync().outcome == "success"
    assert own_command("disown", longest)["disowned"] == 1
    later = longest[:-1] + "g"
    guide.object(later, b"another")
    assert edge.sync(full=True).outcome == "success"
    assert {row["object_key"] for row in edge.query("SELECT object_key FROM etalase_reclaim")} == {longest, later}
    edge.hours_later = 48
    assert edge.sync(full=True).reclaimed == 2
    assert not {longest, later} & edge.objects()


# What is told


def test_own_photos_are_counted_apart_in_status_and_verify(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    adopted(edge)
    assert edge.sync().outcome == "success"
    facts = read(edge.configured())
    shown = as_json(facts, judge(facts))
    assert shown["own"] == {"photos": 4, "open": 4, "damaged": 1, "objects": 5, "open_objects": 5}
    assert (shown["photos"], shown["verified"]) == (len(edge.ho.photos), len(edge.ho.photos))
    assert (shown["listed"], shown["here"], shown["state"]) == (len(edge.ho.photos), len(edge.ho.photos), "well")
    found = verify_of(edge)
    assert found.differences == []
    assert (found.equal, found.own, found.own_objects) == (True, len(mess["own"]) + 1, len(mess["unknown"]))


def test_the_own_command_lists_and_decides(guide: Guide, edge: Edge) -> None:
    mess = guide.mess()
    adopted(edge)
    listed = own_command(exit_status=1)
    assert {photo["photo_id"] for photo in listed["photos"] if photo["open"]} == mess["own"] | {mess["superseded"]}
    assert {one["object_key"] for one in listed["objects"] if one["open"]} == mess["unknown"]
    one, key = min(mess["own"]), min(mess["unknown"])
    assert own_command("approve", one.upper(), key)["approved"] == 2
    assert own_command("approve", one)["approved"] == 0
    with pytest.raises(CommandError, match="recorded nothing under nosuch"):
        call_command("photos_own", "disown", "nosuch")
    assert own_command("disown", "--all")["disowned"] == 7
    assert {photo["state"] for photo in own_command()["photos"]} == {"approved", "disowned"}


def test_an_own_photo_whose_product_is_gone_is_listed_by_the_ids_of_both_and_its_key(guide: Guide, edge: Edge) -> None:
    guide.listed("Rendang")
    (photo,) = [guide.row("Own dish")]
    guide.object(edge.rows()[photo]["object_key"], picture("Own dish"))
    adopted(edge)
    product = edge.rows()[photo]["product_id"]
    edge.query("UPDATE etalase_own_photo SET product_name = ''")
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("photos_own", "list", stdout=out)
    assert f"{photo}  product {product}, products/{product}/{photo}.jpg: kept" in out.getvalue()


def own_command(*args: str, exit_status: int = 0) -> dict[str, Any]:
    out = StringIO()
    command = ["photos_own", *(args or ("list",)), "--json"]
    if exit_status:
        with pytest.raises(SystemExit, match=str(exit_status)):
            call_command(*command, stdout=out)
    else:
        call_command(*command, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_a_run_by_hand_on_a_filled_edge_shows_its_error_once(
    guide: Guide, edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    guide.listed("Rendang")
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit, match="2"):
        call_command("photos_sync", stdout=out, stderr=err)
    assert err.getvalue().count("has not adopted yet") == 1
    assert not [record for record in caplog.records if "has not adopted yet" in record.getMessage()]


def test_a_scheduled_run_on_a_filled_edge_logs_one_line(
    guide: Guide, edge: Edge, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide.listed("Rendang")
    monkeypatch.setattr(tasks, "edge_settings", lambda: edge.configured(SCHEDULE_OFFSET_MINUTES=0))
    monkeypatch.setattr(tasks, "wait_of", lambda *_, **__: None)
    caplog.set_level("INFO")
    ended = tasks.sync_product_photos()
    assert (ended or {})["outcome"] == "failed"
    assert ["has not adopted yet" in record.getMessage() for record in caplog.records if "etalase" in record.name] == [True]
