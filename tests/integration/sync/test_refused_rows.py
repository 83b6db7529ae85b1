"""Checks that a rule of the customer's on ``product_photo`` costs the one product that it refuses (hazard 68)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from tests.daily import daily
from tests.faulty_database import run_command, weak_role
from tests.integration.sync.conftest import Edge
from tests.integration.sync.customer_rules import (
    BLOCKING,
    CHANGING,
    DAILY_REFUSING,
    FORBIDDEN,
    FOREIGN_STATES,
    NEEDS_A_VALUE,
    REFUSING,
    Rule,
    added,
    constraint,
    execute,
    trigger,
)
from tests.integration.sync.steps import status
from tests.simulator import picture

from etalase.edge.sync.services import Services
from etalase.settings.edge import edge_settings

LONG = f"{FORBIDDEN} dengan nama yang panjang sekali.jpg"


@pytest.fixture
def menu(edge: Edge) -> dict[str, str]:
    """Syncs four dishes; the sate has a second photo. Returns the photos by name."""
    photos = {name: edge.ho.put(name, picture(name)) for name in ("sate", "rendang", "soto", "gado-gado")}
    photos["rival"] = edge.ho.put("rival", picture("rival"), primary=False, sort_order=2, filename="rival.jpg")
    photos["side"] = edge.ho.put("sate", picture("side"), primary=False, sort_order=1, filename="side.jpg")
    assert edge.sync().outcome == "success"
    return photos


@pytest.fixture
def commands(edge: Edge, settings: Any) -> Iterator[Edge]:
    """Makes management commands use this test's edge."""
    settings.ETALASE = edge.configured(TRIES=1)
    edge_settings.cache_clear()
    yield edge
    edge_settings.cache_clear()


def offend(edge: Edge, rule: Rule, photo: str) -> None:
    """Lists new bytes of the photo, too large for a smallint, that break this rule of :data:`REFUSING`."""
    name, order = LONG, 0
    if rule.named in {"constraint one_name", "constraint one_file"}:
        name, order = "rival.jpg", 3
    edge.ho.put("sate", picture("new", 40_000), photo=photo, primary=False, filename=name, sort_order=order)


@pytest.mark.parametrize("rule", daily(REFUSING, *DAILY_REFUSING), ids=str)
def test_a_refused_row_costs_its_product_only_and_heals_once_the_rule_is_gone(
    edge: Edge, menu: dict[str, str], rule: Rule
) -> None:
    with added(rule):
        before, objects = edge.rows()[menu["side"]], edge.objects()
        offend(edge, rule, menu["side"])
        edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
        new = edge.ho.put("ayam", picture("ayam"))
        edge.ho.image_requests.clear()
        for full in (False, True, False):
            report = edge.sync(full=full)
            assert (report.outcome, report.error) == ("partial", None)
            (failure,) = report.failures
            assert (failure["photo_id"], failure["reason"]) == (menu["side"], "row_refused")
            assert rule.named in failure["detail"]
            assert edge.rows()[menu["side"]] == before
            assert edge.md5_at(before["object_key"]) == before["checksum"]
            assert edge.rows()[menu["rendang"]]["checksum"] == edge.ho.photos[menu["rendang"]]["checksum"]
            edge.check_every_row_shows_its_bytes()
            assert edge.objects() - objects == {edge.rows()[new]["object_key"]}
            assert edge.count("etalase_publish_intent") == 0
        assert not [path for path in edge.ho.image_requests if menu["side"] in path]
        response = status(edge)
        assert (response["state"], response["failed"]) == ("partial", 1)
    assert edge.sync(trigger="schedule").owed == 0
    edge.sync(full=True)
    edge.check_equals_head_office()


@pytest.mark.parametrize("rule", daily(FOREIGN_STATES, FOREIGN_STATES[2], FOREIGN_STATES[6]), ids=str)
def test_the_dry_run_and_a_deletion_know_a_trigger_by_where_it_raises(commands: Edge, menu: dict[str, str], rule: Rule) -> None:
    edge = commands
    stays = trigger("stays", rule.add.split("BEGIN ")[1].split(" END $$")[0].replace("NEW", "OLD"), when="BEFORE DELETE")
    offend(edge, rule, menu["side"])
    edge.ho.put("ayam", picture("ayam"))
    with added(rule):
        foretold = edge.sync(dry_run=True).forecast
        assert foretold is not None
        assert (foretold["counts"]["fetched"], foretold["counts"]["failed"], foretold["not_tried"]) == (1, 1, None)
        assert edge.sync().fetched == 1
    edge.sync()
    edge.sync()
    with added(stays):
        edge.ho.delete(menu["side"])
        assert edge.sync().held == 1
        (held,) = run_command("photos_held")[1]["held"]
        assert "trigger stays" in held["blocked_by"]


def test_a_trigger_is_named_also_where_another_function_raises(edge: Edge, menu: dict[str, str]) -> None:
    checks = "CREATE FUNCTION checks(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '57P01'"
    guard = trigger("guard", f"IF NEW.filename LIKE '{FORBIDDEN}%' THEN PERFORM checks(NEW.filename); END IF; RETURN NEW;")
    with added(Rule(f"{checks}; END $$", "DROP FUNCTION checks", ""), guard):
        offend(edge, guard, menu["side"])
        (failure,) = edge.sync().failures
        assert failure["reason"] == "row_refused"
        assert "trigger guard (function checks)" in failure["detail"]


def test_a_lock_that_a_trigger_waits_for_is_no_rule_of_one_row(commands: Edge, menu: dict[str, str]) -> None:
    edge = commands
    edge.query("CREATE TABLE audit (n int)")
    waits = trigger("waits", "SET LOCAL lock_timeout = 50; INSERT INTO audit VALUES (1); RETURN NEW;")
    try:
        with added(waits), edge.other_connection() as other, other.transaction():
            other.execute("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
            new = edge.ho.put("ayam", picture("ayam"))
            report = edge.sync()
            assert (report.outcome, edge.reasons()) == ("partial", {new: "row_waits"})
            assert "a lock or a slow trigger" in report.failures[0]["detail"]
        assert edge.sync().fetched == 1
    finally:
        edge.query("DROP TABLE audit")


def test_a_column_without_default_refuses_new_rows_and_no_change_of_existing_ones(edge: Edge, menu: dict[str, str]) -> None:
    with added(NEEDS_A_VALUE):
        edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
        new = edge.ho.put("ayam", picture("ayam"))
        report = edge.sync()
        (failure,) = report.failures
        assert (failure["photo_id"], failure["reason"], NEEDS_A_VALUE.named in failure["detail"]) == (new, "row_refused", True)
        assert edge.rows()[menu["rendang"]]["checksum"] == edge.ho.photos[menu["rendang"]]["checksum"]
    edge.sync()
    edge.check_equals_head_office()


def test_a_trigger_may_change_what_the_pos_does_not_need(edge: Edge, menu: dict[str, str]) -> None:
    with added(CHANGING):
        edge.ho.put("sate", picture("new"), photo=menu["side"], primary=False, filename=LONG, sort_order=1)
        assert edge.sync().outcome == "success"
        assert edge.rows()[menu["side"]]["filename"] == "tidy.jpg"
        edge.check_every_row_shows_its_bytes()


def test_a_row_that_a_trigger_changes_on_purpose_is_written_once_and_a_notice_names_its_column(
    edge: Edge, menu: dict[str, str]
) -> None:
    with added(CHANGING):
        edge.ho.put("sate", picture("new"), photo=menu["side"], primary=False, filename=LONG, sort_order=1)
        assert edge.sync().outcome == "success"
        before = edge.row_versions()
        for _ in range(2):
            dry, run = edge.sync(full=True, dry_run=True), edge.sync(full=True)
            assert (run.outcome, run.updated, run.unchanged) == ("success", 0, len(menu))
            assert (dry.forecast or {})["counts"]["unchanged"] == len(menu)
            (notice,) = [notice for notice in run.notices if notice["code"] == "overruled"]
            assert notice["told"] == "filename (trigger tidies)"
        assert edge.row_versions() == before
        edge.ho.put("sate", picture("new"), photo=menu["side"], primary=False, filename="good.jpg", sort_order=1)
        assert edge.sync().updated == 1
    edge.check_equals_head_office()


def test_row_security_refuses_only_the_rows_of_its_policy(commands: Edge, menu: dict[str, str]) -> None:
    edge = commands
    policies = Rule(
        "ALTER TABLE product_photo ENABLE ROW LEVEL SECURITY; ALTER TABLE product_photo FORCE ROW LEVEL SECURITY;"
        " CREATE POLICY all_but ON product_photo USING (TRUE)"
        f" WITH CHECK (filename NOT LIKE '{FORBIDDEN}%')",
        "DROP POLICY all_but ON product_photo; ALTER TABLE product_photo DISABLE ROW LEVEL SECURITY;"
        " ALTER TABLE product_photo NO FORCE ROW LEVEL SECURITY",
        "row security",
    )
    with added(policies):
        offend(edge, policies, menu["side"])
        edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
        with weak_role():
            exit_status, response = run_command("photos_sync")
        (failure,) = response["failures"]
        assert (exit_status, failure["photo_id"], failure["reason"]) == (1, menu["side"], "row_refused")
        assert "row security" in failure["detail"]
        assert edge.rows()[menu["rendang"]]["checksum"] == edge.ho.photos[menu["rendang"]]["checksum"]


def test_a_missing_right_ends_the_run(commands: Edge, menu: dict[str, str]) -> None:
    commands.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
    with weak_role():
        role = commands.query("SELECT current_user AS name")[0]["name"]
        with commands.other_connection() as other:
            other.execute(f'REVOKE INSERT, UPDATE ON product_photo FROM "{role}"'.encode())
        exit_status, response = run_command("photos_sync")
    assert (exit_status, response["outcome"]) == (4, "failed")
    assert "GRANT" in response["error"]


@contextmanager
def added_during_the_puts(edge: Edge, rule: Rule) -> Iterator[Any]:
    """Adds the rule from another session when the run's first object has been put: after its look at the rules."""
    there: list[Rule] = []

    def inject(services: Services) -> None:
        real = services.bucket.put

        def put(*args: Any, **named: Any) -> str:
            etag = real(*args, **named)
            if not there:
                there.append(rule)
                with edge.other_connection() as other:
                    other.execute(rule.add)
            return etag

        services.bucket.put = put  # type: ignore[method-assign]

    try:
        yield inject
    finally:
        if there:
            execute(rule.drop)


AFTER_WRITE = "AFTER INSERT OR UPDATE"
RAISES = f"IF NEW.filename LIKE '{FORBIDDEN}%' THEN RAISE 'not this one'; END IF; RETURN NULL;"


@pytest.mark.parametrize(
    "rule",
    [
        constraint("no_forbidden", f"CHECK (filename NOT LIKE '{FORBIDDEN}%')"),
        trigger("at_commit", RAISES, when=AFTER_WRITE, kind="CONSTRAINT TRIGGER"),
    ],
    ids=str,
)
def test_a_rule_that_is_added_during_the_run_costs_its_product_only(edge: Edge, menu: dict[str, str], rule: Rule) -> None:
    edge.ho.put("sate", picture("new"), photo=menu["side"], primary=False, filename=LONG, sort_order=1)
    edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
    new = edge.ho.put("ayam", picture("ayam"), filename=LONG)
    with added_during_the_puts(edge, rule) as inject:
        report = edge.sync(inject=inject)
        assert (report.outcome, report.error) == ("partial", None)
        assert edge.reasons() == {menu["side"]: "row_refused", new: "row_refused"}
        assert all(rule.named.split()[1] in failure["detail"] for failure in report.failures)
        assert edge.rows()[menu["rendang"]]["checksum"] == edge.ho.photos[menu["rendang"]]["checksum"]
        # The object was overwritten before the refusal: a whole picture that head office lists now (invariant I1).
        key = edge.rows()[menu["side"]]["object_key"]
        assert edge.md5_at(key) == edge.ho.photos[menu["side"]]["checksum"]
        assert edge.query("SELECT object_key FROM etalase_publish_intent") == [{"object_key": key}]
        assert edge.query("SELECT object_key FROM etalase_reclaim") == [
            {"object_key": edge.ho.photos[new]["object_key"]},
        ]
        edge.ho.image_requests.clear()
        for full in (False, True):
            assert (edge.sync(full=full).outcome, edge.ho.image_requests) == ("partial", [])
    edge.sync()
    edge.sync(full=True)
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == 0


class Statements:
    """Counts the statements of Django's connection by their first words."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split()
        self.seen[words[0] if "SAVEPOINT" in sql else " ".join(words[:2])] += 1
        return execute(sql, params, many, context)


def test_the_guides_own_table_pays_nothing_for_the_rules_of_others(edge: Edge, menu: dict[str, str]) -> None:
    with connection.execute_wrapper(quiet := Statements()):
        edge.sync()
    assert "WITH photo" not in quiet.seen  # the catalogue
    edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
    with connection.execute_wrapper(plain := Statements()):
        edge.sync()
    # One look at the catalogue, in place of one SET CONSTRAINTS for each commit.
    assert (plain.seen["WITH photo"], plain.seen["SET CONSTRAINTS"]) == (1, 0)
    edge.ho.put("rendang", picture("rendang, newer"), photo=menu["rendang"])
    with added(constraint("no_forbidden", "CHECK (filename <> '')")), connection.execute_wrapper(ruled := Statements()):
        edge.sync()
    assert (plain.seen["INSERT INTO"], ruled.seen["UPDATE product_photo"]) == (plain.seen["INSERT INTO"], 2)
    assert plain.seen["SAVEPOINT"] < ruled.seen["SAVEPOINT"]


# Deletions
def block(edge: Edge, rule: Rule, photo: str) -> None:
    """Makes a banner of the customer's show the photo, where the rule is a key."""
    if "promo_banner" in rule.add:
        edge.query("INSERT INTO promo_banner (photo_id) VALUES (%s)", photo)


@pytest.mark.parametrize("rule", daily(BLOCKING, *BLOCKING[:2], BLOCKING[-1]), ids=lambda rule: rule.add.split("(id)")[-1][:20])
def test_a_blocked_deletion_waits_and_names_its_rule(commands: Edge, menu: dict[str, str], rule: Rule) -> None:
    edge = commands
    with added(rule):
        block(edge, rule, menu["sate"])
        for photo in (menu["sate"], menu["side"]):
            edge.ho.delete(photo)
        report = edge.sync()
        assert (report.outcome, report.error, report.deleted, report.held) == ("held", None, 1, 1)
        assert edge.removals() == {menu["sate"]: "held", menu["side"]: "applied"}
        edge.check_every_row_shows_its_bytes()
        exit_status, response = run_command("photos_held")
        assert (exit_status, len(response["held"])) == (3, 1)
        assert rule.named in response["held"][0]["blocked_by"]
        exit_status, response = run_command("photos_approve", "--all")
        assert (exit_status, response["removed"]) == (1, 0)
        assert rule.named in response["blocked"][0]["blocked_by"]
        assert status(edge)["state"] == "held"
        edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
        assert (edge.sync(full=True).fetched, edge.removals()[menu["sate"]]) == (1, "held")
    assert edge.sync().deleted == 1
    edge.sync(full=True)
    edge.check_equals_head_office()


def test_a_key_with_cascade_blocks_nothing(edge: Edge, menu: dict[str, str]) -> None:
    cascade = Rule(BLOCKING[0].add.replace("(id) )", "(id) ON DELETE CASCADE)"), BLOCKING[0].drop, "")
    assert "CASCADE" in cascade.add
    with added(cascade):
        block(edge, cascade, menu["sate"])
        edge.ho.delete(menu["sate"])
        assert edge.sync().deleted == 1
        assert edge.count("promo_banner") == 0


def test_head_office_lists_a_photo_again_whose_deletion_is_blocked(edge: Edge, menu: dict[str, str]) -> None:
    with added(BLOCKING[0]):
        block(edge, BLOCKING[0], menu["soto"])
        listed = edge.ho.photos[menu["soto"]]
        edge.ho.delete(menu["soto"])
        assert edge.sync().held == 1
        edge.ho.deleted_ids.clear()
        edge.ho.put("soto", picture("soto, again"), photo=listed["id"])
        assert (edge.sync().outcome, edge.removals()) == ("success", {})
        edge.check_equals_head_office()


def test_a_product_that_the_customers_table_refuses_or_keeps_stays_as_it_is(edge: Edge, menu: dict[str, str]) -> None:
    unique = Rule("CREATE UNIQUE INDEX one_sku ON product (sku)", "DROP INDEX one_sku", "one_sku")
    with added(unique):
        edge.ho.put("sate, again", picture("again"), product_sku="sate")
        edge.ho.put("rendang", picture("rendang, new"), photo=menu["rendang"])
        report = edge.sync()
        assert (report.error, report.fetched, report.parked) == (None, 1, 1)
        (notice,) = [notice for notice in report.notices if notice["code"] == "products_refused"]
        assert "one_sku" in notice["told"]
    edge.sync()
    edge.sync(full=True)
    edge.check_equals_head_office()


# Places that a unique rule gives to one photo
ONE_PLACE = [
    constraint("one_order", "UNIQUE (product_id, sort_order)"),
    constraint("one_order_deferred", "UNIQUE (product_id, sort_order) DEFERRABLE INITIALLY DEFERRED"),
    Rule("CREATE UNIQUE INDEX one_place ON product_photo (product_id, abs(sort_order))", "DROP INDEX one_place", "one_place"),
    constraint("one_name", "EXCLUDE (product_id WITH =, lower(filename) WITH =) WHERE (sort_order > 0)"),
]


@pytest.mark.parametrize("rule", daily(ONE_PLACE, ONE_PLACE[1], ONE_PLACE[3]), ids=str)
@pytest.mark.parametrize("full", [False, True])
def test_a_photo_takes_the_place_of_another_under_a_unique_rule(
    edge: Edge, menu: dict[str, str], rule: Rule, full: bool
) -> None:
    ho = edge.ho
    places = [("a.jpg", 2), ("b.jpg", 3), ("c.jpg", 4)]
    three = [ho.put("soto", picture(name), primary=False, filename=name, sort_order=order) for name, order in places]
    assert edge.sync().outcome == "success"
    if rule.named == "constraint one_name":
        edge.query("CREATE EXTENSION IF NOT EXISTS btree_gist")
    with added(rule):
        old = edge.rows()[menu["side"]]
        ho.delete(menu["side"])
        new = ho.put("sate", picture("successor"), primary=False, sort_order=1, filename="side.jpg")
        for photo, (name, order) in zip(three, places[1:] + places[:1], strict=True):  # each takes the next one's place
            body = ho.bodies[ho.photos[photo]["object_key"]]
            ho.put("soto", body, photo=photo, primary=False, filename=name, sort_order=order)
        report = edge.sync(full=full)
        assert (report.outcome, report.deleted, report.fetched, report.updated) == ("success", 1, 1, 3)
        edge.check_equals_head_office()
        assert edge.removals() == {menu["side"]: "applied"}
        assert edge.query("SELECT object_key FROM etalase_reclaim") == [{"object_key": old["object_key"]}]
        assert edge.sync(full=True).unchanged == len(ho.photos)
    assert new in edge.rows()


def test_a_photo_that_a_person_keeps_does_not_make_room(commands: Edge, menu: dict[str, str]) -> None:
    edge = commands
    with added(ONE_PLACE[0]), added(BLOCKING[0]):
        block(edge, BLOCKING[0], menu["side"])
        edge.ho.delete(menu["side"])
        new = edge.ho.put("sate", picture("successor"), primary=False, sort_order=1)
        report = edge.sync()
        assert (report.outcome, edge.reasons(), edge.removals()) == ("held", {new: "row_refused"}, {menu["side"]: "held"})
        edge.query("DELETE FROM promo_banner")
        assert edge.sync().outcome == "success"
        edge.check_equals_head_office()


def test_an_undo_of_a_replaced_photo_names_the_rule_and_works_once_it_is_gone(commands: Edge, menu: dict[str, str]) -> None:
    edge = commands
    with added(ONE_PLACE[0]):
        edge.ho.delete(menu["side"])
        edge.ho.put("sate", picture("successor"), primary=False, sort_order=1)
        assert edge.sync().deleted == 1
        _, response = run_command("photos_undo", menu["side"])
        assert "one_order" in str(response)
    exit_status, _ = run_command("photos_undo", menu["side"])
    assert exit_status == 0
    assert menu["side"] in edge.rows()


def test_a_photo_takes_the_place_of_another_where_no_other_place_is_allowed(edge: Edge, menu: dict[str, str]) -> None:
    with added(ONE_PLACE[0], constraint("few", "CHECK (sort_order BETWEEN 0 AND 2)")):
        edge.ho.delete(menu["side"])
        edge.ho.put("sate", picture("successor"), primary=False, sort_order=1)
        assert (edge.sync().outcome, edge.removals()) == ("success", {menu["side"]: "applied"})
        edge.check_equals_head_office()


# Products that exchange their only photos
def exchange(edge: Edge, menu: dict[str, str]) -> None:
    """Makes head office give the photo of each of three dishes to the next one."""
    ring = ("rendang", "soto", "gado-gado")
    for name, product in zip(ring, ring[1:] + ring[:1], strict=True):
        listed = edge.ho.photos[menu[name]]
        edge.ho.put(product, edge.ho.bodies[listed["object_key"]], photo=menu[name], key=listed["object_key"])


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "rule",
    [
        ONE_PLACE[0],
        Rule("CREATE UNIQUE INDEX one_main ON product_photo (product_id) WHERE is_primary", "DROP INDEX one_main", ""),
    ],
)
def test_products_exchange_their_photos_under_a_unique_rule(edge: Edge, menu: dict[str, str], rule: Rule, full: bool) -> None:
    with added(rule):
        exchange(edge, menu)
        report = edge.sync(full=full)
        assert (report.outcome, report.updated, report.fetched) == ("success", 3, 0)
        edge.check_equals_head_office()


def test_products_exchange_their_photos_once_a_rule_that_refused_it_is_gone(edge: Edge, menu: dict[str, str]) -> None:
    stays = "IF NEW.product_id <> OLD.product_id THEN RAISE 'stays'; END IF; RETURN NEW;"
    with added(trigger("stays", stays, when="BEFORE UPDATE")):
        exchange(edge, menu)
        edge.sync()
        assert set(edge.reasons().values()) == {"row_refused"}
    edge.sync()
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()
