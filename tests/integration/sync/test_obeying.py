"""Orders of head office at the edge: carried out once, whatever is lost and wherever it is killed, and only where accepted."""

import io
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.test import override_settings
from tests.integration.sync.conftest import Edge
from tests.integration.sync.effects import replayed
from tests.integration.sync.two_runs import Background, pause_download
from tests.simulator import Response, picture

from etalase.edge.models import ReceivedOrder, Removal, SyncRun
from etalase.edge.pos.messages import Language
from etalase.edge.status.collect import read
from etalase.edge.status.summary import summarize
from etalase.edge.status.verdict import judge
from etalase.edge.sync import storage
from etalase.edge.sync.orders import MOST_ATTEMPTS, obey, sync_and_obey
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.services import Services
from etalase.report import REPORT_PATH
from etalase.settings.edge import edge_settings

LANGUAGES: tuple[Language, ...] = ("en", "id")
JSON = {"Content-Type": "application/json"}


@dataclass
class Office:
    """Gives orders to the store as head office does: again with each answer, until a report brought the outcome."""

    edge: Edge
    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Each outcome that came, also a second one of the same order.
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)
    loses_reports: bool = False
    loses_answers: bool = False
    forgets: bool = False

    def __post_init__(self) -> None:
        self.edge.ho.features = "report=1"
        self.edge.ho.on_report = self._take
        self.edge.ho.change_page = self._add

    def give(self, kind: str, **more: Any) -> str:
        """Gives an order, and returns its id."""
        id_ = str(uuid4())
        self.open[id_] = {"id": id_, "kind": kind, "valid_seconds": 600_000, "by": "ops", "why": "a new menu", **more}
        return id_

    def outcome(self) -> tuple[str, str]:
        """Returns outcome and detail of the one order."""
        (found,) = {(outcome, detail) for _, outcome, detail in self.outcomes}
        return found

    def _take(self, report: dict[str, Any]) -> Response | None:
        if self.loses_reports:
            return Response(503, b"{}")
        for result in report.get("orders", []):
            self.outcomes.append((result["id"], result["outcome"], result.get("detail", "")))
            if not self.forgets:
                self.open.pop(result["id"], None)
        if self.loses_answers:
            return Response(body=b'{"challenges"', length=1000, headers=JSON)
        if "company_id" not in report:  # with a page
            return None
        return Response(body=json.dumps({"challenges": [], "orders": list(self.open.values())}).encode(), headers=JSON)

    def _add(self, page: dict[str, Any]) -> None:
        page.update(challenges=[], orders=list(self.open.values()))


@pytest.fixture
def office(edge: Edge) -> Office:
    """Returns a head office that gives orders, to a store that accepts them and has two of eight photos left to list."""
    edge.settings["ACCEPT_ORDERS"] = True
    office = Office(edge)
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(8)]
    edge.sync()
    for photo in photos[2:]:
        edge.ho.delete(photo)
    assert edge.sync().held == 6
    return office


def run(edge: Edge) -> RunResult:
    """Runs as the schedule does."""
    with edge.services() as services:
        return sync_and_obey(services, full=False)


def runs() -> int:
    return SyncRun.objects.count()


def only_obey(services: Services, **_: Any) -> RunResult:
    """Carries out what is here, without a run before."""
    obey(services)
    return RunResult(kind="incremental")  # type: ignore[arg-type]


def test_a_sync_is_carried_out_once_and_its_outcome_reported_at_once(edge: Edge, office: Office) -> None:
    id_ = office.give("sync")
    before = runs()
    run(edge)
    assert runs() == before + 2
    assert edge.ho.requests[-1] == REPORT_PATH
    assert [(one, outcome) for one, outcome, _ in office.outcomes] == [(id_, "partly")]
    assert "6 held" in office.outcome()[1]
    run(edge)
    assert (runs(), len(office.outcomes)) == (before + 3, 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("full", "partly"), ("retry", "partly"), ("verify_deep", "done")],
)
def test_each_kind_of_work_is_carried_out(edge: Edge, office: Office, kind: str, expected: str) -> None:
    office.give(kind)
    run(edge)
    outcome, detail = office.outcome()
    assert outcome == expected
    last = SyncRun.objects.order_by("-pk").first()
    assert last is not None
    assert (last.kind == "full") is (kind == "full")
    assert "8 rows, 8 objects" in detail or "held" in detail


def test_an_approval_a_refusal_and_its_undoing(edge: Edge, office: Office) -> None:
    held = [str(one.photo_id) for one in storage.removals.in_states([Removal.State.HELD])]
    approval = office.give("approve", args={"photo_ids": held[:2], "at_most": 2})
    run(edge)
    assert (len(edge.rows()), office.outcome()) == (6, ("done", "2 photos removed"))
    office.outcomes.clear()
    office.give("refuse", args={"photo_ids": held[2:3]})
    run(edge)
    assert office.outcome() == ("done", "1 photo kept")
    office.outcomes.clear()
    office.give("undo", args={"order_id": approval})
    run(edge)
    assert (len(edge.rows()), office.outcome()) == (8, ("done", "2 photos restored"))
    office.outcomes.clear()
    office.give("undo", args={"order_id": str(uuid4())})
    run(edge)
    assert office.outcome() == ("failed", "that approval removed nothing here")


def test_an_approval_of_all_is_of_no_more_than_the_person_knew_of(edge: Edge, office: Office) -> None:
    office.give("approve", args={"at_most": 5})
    run(edge)
    assert (len(edge.rows()), office.outcome()[0]) == (8, "too_many")
    office.outcomes.clear()
    office.give("approve", args={"at_most": 6})
    run(edge)
    assert (len(edge.rows()), office.outcome()) == (2, ("done", "6 photos removed"))
    office.outcomes.clear()
    office.give("approve", args={"at_most": 6})
    run(edge)
    assert office.outcome() == ("done", "no removal is held")


def test_a_store_that_accepts_no_orders_refuses_them_and_says_so(edge: Edge, office: Office) -> None:
    edge.settings["ACCEPT_ORDERS"] = False
    office.give("approve", args={"at_most": 6})
    before = runs()
    run(edge)
    run(edge)
    assert (len(edge.rows()), runs(), office.outcome()[0]) == (8, before + 2, "not_accepted")


def test_orders_are_not_accepted_unless_the_machine_says_so() -> None:
    from etalase.settings.edge import EdgeSettings

    assert EdgeSettings.model_fields["ACCEPT_ORDERS"].default is False


def test_an_order_that_was_received_and_is_accepted_no_more_is_refused(edge: Edge, office: Office) -> None:
    office.give("approve", args={"at_most": 6})
    edge.sync()
    edge.settings["ACCEPT_ORDERS"] = False
    run(edge)
    run(edge)
    assert (len(edge.rows()), office.outcome()[0]) == (8, "not_accepted")


def test_a_kind_of_a_later_release_is_reported_as_not_known(edge: Edge, office: Office) -> None:
    office.give("polish")
    office.open["x"] = {"id": "no id"}
    run(edge)
    run(edge)
    assert office.outcome()[0] == "not_known"


def test_an_order_that_waited_for_too_long_has_expired(edge: Edge, office: Office) -> None:
    office.give("approve", args={"at_most": 6}, valid_seconds=60)
    edge.sync()
    edge.hours_later = 1
    run(edge)
    run(edge)
    assert (len(edge.rows()), office.outcome()[0]) == (8, "expired")


@pytest.mark.parametrize("lost", ["loses_reports", "loses_answers"])
def test_an_order_is_carried_out_once_though_messages_are_lost(edge: Edge, office: Office, lost: str) -> None:
    id_ = office.give("approve", args={"at_most": 6})
    setattr(office, lost, True)  # before the order is here: nothing happens
    run(edge)
    assert not ReceivedOrder.objects.exists()
    setattr(office, lost, False)
    edge.sync()
    assert ReceivedOrder.objects.get().ended_at is None
    setattr(office, lost, True)  # its outcome does not arrive, or its receipt does not
    with edge.services() as services:
        obey(services)
    run(edge)
    assert (len(edge.rows()), ReceivedOrder.objects.get().outcome, ReceivedOrder.objects.get().is_reported) == (
        2,
        "done",
        False,
    )
    setattr(office, lost, False)
    run(edge)
    run(edge)
    assert {(one, outcome) for one, outcome, _ in office.outcomes} == {(id_, "done")}
    assert (office.open, len(edge.rows())) == ({}, 2)
    assert ReceivedOrder.objects.get().is_reported


def test_a_head_office_that_was_restored_gets_the_outcome_again(edge: Edge, office: Office) -> None:
    """And the order, which it gives again, is not carried out again."""
    office.give("sync")
    office.forgets = True
    run(edge)
    before = runs()
    for _ in range(3):
        run(edge)
    assert runs() == before + 3
    assert len(office.outcomes) >= 2
    assert {outcome for _, outcome, _ in office.outcomes} == {"partly"}


@pytest.mark.parametrize("effect", range(1, 16))
def test_an_approval_is_carried_out_once_wherever_it_is_killed(edge: Edge, office: Office, effect: int) -> None:
    id_ = office.give("approve", args={"at_most": 6})
    edge.sync()
    effects, result = replayed(edge, full=False, killed_before=effect, engine=only_obey)
    assert effects.seen
    assert len(edge.rows()) in {2, 8}
    # The decision and its outcome are committed together.
    assert (len(edge.rows()) == 2) is bool(ReceivedOrder.objects.get().outcome)
    assert result is None or effect >= len(effects.seen)
    run(edge)
    run(edge)
    assert (len(edge.rows()), office.outcome()) == (2, ("done", "6 photos removed"))
    assert {one for one, _, _ in office.outcomes} == {id_}
    assert len(storage.orders.removed_by(UUID(id_))) == 6


def test_a_sync_is_begun_again_after_a_kill_and_given_up_after_the_third(edge: Edge, office: Office) -> None:
    office.give("full")
    edge.sync()
    for _ in range(MOST_ATTEMPTS):
        assert not office.outcomes
        _, result = replayed(edge, full=False, killed_before=6, engine=only_obey)
        assert result is None
    run(edge)
    run(edge)
    assert office.outcome()[0] == "interrupted"
    assert ReceivedOrder.objects.get().attempts == MOST_ATTEMPTS


def test_an_order_waits_for_a_run_in_progress(edge: Edge, office: Office) -> None:
    office.give("sync")
    edge.sync()
    edge.ho.put("slow", picture(99))
    with pause_download(edge) as (requested, go_on):
        other = Background(edge)
        assert requested.wait(30)
        with edge.services() as services:
            obey(services)
        order = ReceivedOrder.objects.get()
        assert (order.attempts, order.ended_at) == (0, None)
        go_on.set()
        other.join()
    run(edge)
    assert office.outcome()[0] == "partly"


def test_a_run_without_orders_sends_no_further_request(edge: Edge, office: Office) -> None:
    for is_obeying in (False, True):
        edge.ho.requests.clear()
        run(edge) if is_obeying else edge.sync()
        assert edge.ho.requests == ["/api/v1/sync/product-photos/", REPORT_PATH]  # held removals are worth a report


def test_orders_are_listed_with_their_outcomes(edge: Edge, office: Office) -> None:
    id_ = office.give("approve", args={"at_most": 6}, why="the old\x07 menu")
    run(edge)
    edge.settings["ACCEPT_ORDERS"] = False
    refused = office.give("sync")
    run(edge)
    shown = listed(edge)
    assert "accepts no orders" in shown
    assert f"{refused}  sync: not_accepted" in shown
    assert f"{id_}  approve: done" in shown
    assert "by ops: the old" in shown
    assert "6 photos removed" in shown
    assert "\x07" not in shown
    orders = json.loads(listed(edge, "--json"))["orders"]
    assert {order["id"]: order["outcome"] for order in orders} == {id_: "done", refused: "not_accepted"}
    assert orders[1]["args"] == {"at_most": 6}


def test_the_status_shows_the_newest_order_with_its_outcome(edge: Edge, office: Office) -> None:
    assert read(edge.configured(), clock=edge.clock).last_order is None
    edge.settings["ACCEPT_ORDERS"] = False
    office.give("approve", args={"at_most": 6}, why="the <b>old</b> menu")
    run(edge)
    facts = read(edge.configured(), clock=edge.clock)
    assert facts.last_order is not None
    assert (facts.last_order.by, facts.last_order.outcome) == ("ops", "not_accepted")
    en, id_ = ([item.text for item in summarize(facts, judge(facts), one, max_names=5).facts] for one in LANGUAGES)
    assert any("by ops: remove the photos" in text and "takes no orders" in text for text in en)
    assert any("dari ops: hapus foto" in text and "tidak menerima perintah" in text for text in id_)
    edge.hours_later = 24 * 8
    assert read(edge.configured(), clock=edge.clock).last_order is None


def listed(edge: Edge, *options: str) -> str:
    """Returns what `etalase edge orders` prints."""
    out = io.StringIO()
    with override_settings(ETALASE=edge.configured()):
        edge_settings.cache_clear()
        try:
            call_command("photos_orders", *options, stdout=out)
        finally:
            edge_settings.cache_clear()
    return out.getvalue()
