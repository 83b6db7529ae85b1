"""Reports of stores at head office: what is taken, what it is compared with, what is refused, and what it costs."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from django.db import connection
from django.test import Client
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.office import Office, roll_clock
from tests.integration.head_office.sql_changes import CHANGES

from etalase.checksum import md5_hex
from etalase.head_office import ingest
from etalase.head_office.fleet import history
from etalase.head_office.fleet.checking import check_answers
from etalase.head_office.fleet.listing import NEWEST_ROWS
from etalase.head_office.fleet_models import AssortmentDigest, PossessionChallenge, StoreFault, StoreHour, StoreReport
from etalase.head_office.models import Account, Assortment, Photo, Product, Store
from etalase.head_office.renditions.worker import Worker
from etalase.photo_digest import photos_digest
from etalase.possession import Challenge, proof_of
from etalase.report import faults_hash
from etalase.service_manager import ServiceManager

pytestmark = pytest.mark.urls("etalase.head_office.urls")

FEED, REPORT = "/api/v1/sync/product-photos/", "/api/v1/sync/report/"
NO_SUCH = "00000000-0000-4000-8000-000000000000"


class Statements:
    """The statements of a block, as a wrapper of Django's."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        """Notes the statement and executes it."""
        self.texts.append(sql)
        return execute(sql, params, many, context)


class Edge:
    """An edge that does what head office says, and reports it honestly, but for what a test changes."""

    def __init__(self, office: Office, *, store: Store | None = None, account: Account | None = None) -> None:
        self.office = office
        self.store = store or office.store
        self.account = account or Account.objects.get(store=self.store)
        self.instance = str(uuid4())
        self.sequence = 0
        self.checkpoint: str | None = None
        self.digest: str | None = None

    def sync(self) -> None:
        """Makes the store equal to head office."""
        page = self.office.page(store=self.store, limit=1000)
        self.digest = photos_digest(sorted(page.photos, key=lambda photo: photo.id))
        self.checkpoint = page.sync_timestamp

    def report(self, **changes: Any) -> dict[str, Any]:
        """Returns its next report, with changed fields."""
        self.sequence += 1
        report = {
            "instance": self.instance,
            "sequence": self.sequence,
            "agent": "etalase/0.3.0",
            "sent_at": "2026-11-27T10:00:00+00:00",
            "next_report_by": "2026-11-27T11:07:00+00:00",
            "checkpoint": self.checkpoint,
            "state": {"word": "well"},
            "photos": dict.fromkeys(("listed", "verified", "damaged", "owed", "held", "parked", "own"), 0),
            "digest": self.digest,
            "verified_at": "2026-11-27T02:07:00+00:00",
            "menu": {"products": 1, "with_photo": 1},
            "faults_hash": faults_hash([]),
            "traffic": {"today_bytes": 0, "month_bytes": 0},
        }
        return report | changes

    def post(self, path: str = REPORT, *, status: int = 200, **body: Any) -> dict[str, Any]:
        """Returns the response to a request of its account about its store."""
        token = RefreshToken.for_user(self.account).access_token
        message = {"company_id": str(self.store.company_id), "store_id": str(self.store.id)} | body
        response = Client().post(path, message, content_type="application/json", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == status, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def send(self, **changes: Any) -> StoreReport:
        """Sends its next report, and returns what head office keeps of it."""
        self.post(**self.report(**changes))
        return StoreReport.objects.get(store=self.store)


@pytest.fixture
def edge(office: Office) -> Edge:
    """Returns the edge of a store with a dish and its photo."""
    office.photo(office.product())
    return Edge(office)


def test_an_equal_digest_is_proved(edge: Edge) -> None:
    """By the request of its own, and with the feed's first page."""
    edge.sync()
    assert edge.send().comparison == "equal"
    page = edge.post(FEED, report=edge.report(), limit=100)
    assert page["photos"]
    assert (page["orders"], page["report_sequence"], page["faults_wanted"]) == ([], 2, False)
    kept = StoreReport.objects.get()
    assert (kept.comparison, kept.body["sequence"], kept.revision) == ("equal", 2, 2)
    # Nobody has asked for a proof of possession yet.
    assert kept.state == "unproved"


def test_a_page_without_a_report_is_what_it_was(edge: Edge) -> None:
    """No field is added."""
    assert "challenges" not in edge.post(FEED)
    assert not StoreReport.objects.exists()


def test_a_digest_that_differs_is_wrong(edge: Edge) -> None:
    """Where nothing changed since the checkpoint."""
    edge.sync()
    kept = edge.send(digest="0" * 32)
    assert (kept.comparison, kept.state) == ("different", "wrong")


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_that_the_store_sees_is_noticed(
    office: Office, edge: Edge, stranger: psycopg.Connection[Any], kind: str
) -> None:
    """By SQL of another session. A report before it was fetched is not compared; afterwards its new digest is."""
    unsold = office.photo(office.product("2", name="OTHER", sold_in=[]))
    edge.sync()
    assert edge.send().comparison == "equal"
    CHANGES[kind](stranger, Photo.objects.exclude(id=unsold.id).get(), unsold)
    assert edge.send().comparison == "equal"
    stranger.commit()
    before = edge.send()
    assert (before.comparison, before.state) == ("behind", "behind")
    edge.sync()
    assert edge.send().comparison == "equal"
    assert edge.send(digest="0" * 32).comparison == "different"


def test_a_change_that_the_store_does_not_see_changes_nothing(office: Office, edge: Edge) -> None:
    """A dish of another store, and another company's."""
    edge.sync()
    assert edge.send().comparison == "equal"
    office.photo(office.product("2", sold_in=[office.another_store()]))
    assert edge.send().comparison == "equal"


@pytest.mark.parametrize("sold", [True, False])
def test_many_changes_elsewhere_hide_none_here(office: Office, edge: Edge, sold: bool) -> None:
    """Beyond the number of changes that are looked at one by one."""
    edge.sync()
    assert edge.send().comparison == "equal"
    if sold:
        Photo.objects.update(sort_order=7)
    unsold = [Product(company=office.company, sku=f"X{number}", name="X") for number in range(NEWEST_ROWS + 1)]
    Product.objects.bulk_create(unsold)
    assert edge.send().comparison == ("behind" if sold else "equal")


def test_a_store_stays_late_by_its_first_promise(edge: Edge) -> None:
    """As long as its checkpoint does not move."""
    edge.sync()
    edge.send()
    Photo.objects.update(sort_order=7)
    first = edge.send()
    assert first.behind_due_at == first.due_at
    second = edge.send()
    assert second.behind_due_at == first.behind_due_at
    assert second.due_at > first.due_at
    edge.sync()
    assert edge.send().behind_due_at is None


def test_a_store_without_a_checkpoint_loads(edge: Edge) -> None:
    """Nothing is compared before its first run is through."""
    kept = edge.send(checkpoint=None, digest=None, state={"word": "filling", "missing": 1})
    assert (kept.comparison, kept.state, kept.missing) == ("behind", "behind", 1)


def test_a_checkpoint_of_the_future_proves_nothing(edge: Edge) -> None:
    """As after a restore of head office, or from a liar."""
    edge.sync()
    assert edge.send(checkpoint="2999-01-01T00:00:00.000000+00:00").comparison == "ahead"


def test_stores_with_the_same_dishes_share_a_digest(office: Office, edge: Edge) -> None:
    """And a store with another dish has its own."""
    stores = [office.another_store(f"BDG-{number}") for number in range(3)]
    for store in stores:
        Assortment.objects.create(store=store, product=Product.objects.get())
        Account.objects.create_user(store.code, password="a store's own password", store=store)
    edges = [edge, *(Edge(office, store=store) for store in stores)]
    for one in edges:
        one.sync()
        assert one.send().comparison == "equal"
    assert AssortmentDigest.objects.count() == 1
    office.photo(office.product("2", sold_in=[stores[0]]))
    edges[1].sync()
    assert edges[1].send().comparison == "equal"
    assert edges[0].send().comparison == "equal"
    assert AssortmentDigest.objects.exclude(digest="").count() == 2


def test_a_quiet_report_counts_nothing_anew(edge: Edge) -> None:
    """One statement reads and one writes, beside the horizon."""
    edge.sync()
    edge.send()
    edge.post(FEED)
    plain, reporting = Statements(), Statements()
    with connection.execute_wrapper(plain):
        edge.post(FEED, limit=1, updated_since=edge.checkpoint)
    report = edge.report()
    with connection.execute_wrapper(reporting):
        edge.post(FEED, limit=1, updated_since=edge.checkpoint, report=report)
    more = reporting.texts[len(plain.texts) :]
    assert [text.split()[0] for text in more] == ["SELECT", "SELECT", "WITH"]
    assert not any("string_agg" in text for text in more)


def test_a_replay_has_no_effect(edge: Edge) -> None:
    """It is answered as the first time."""
    edge.sync()
    report = edge.report()
    first = edge.post(**report)
    edge.send(digest="0" * 32)
    before = StoreReport.objects.values().get()
    assert edge.post(**report) == first | {"report_sequence": 2}
    assert StoreReport.objects.values().get() == before


def test_a_cloned_machine_is_never_green(edge: Edge) -> None:
    """Two machines with one instance use the same numbers."""
    edge.sync()
    edge.send()
    edge.sequence -= 1
    kept = edge.send(agent="etalase/0.3.0+copy")
    assert (kept.is_cloned, kept.state) == (True, "wrong")


def test_two_edges_for_one_store_are_noticed(office: Office, edge: Edge) -> None:
    """Once the one that seemed replaced reports again."""
    edge.sync()
    edge.send()
    other = Edge(office)
    other.sync()
    assert other.send().second_at is None
    kept = edge.send()
    assert kept.state == "wrong"
    assert kept.second_at is not None


def test_faults_are_kept_until_they_change(edge: Edge) -> None:
    """A report that has only their hash leaves them; an unknown hash asks for them."""
    photo = Photo.objects.get()
    fault = {"photo_id": str(photo.id), "product_id": str(photo.product_id), "reason": "timeout", "side": "link", "attempts": 2}
    edge.send(faults=[fault, fault | {"attempts": 3}], faults_hash="1" * 32)
    assert [(row.photo_id, row.reason, row.attempts) for row in StoreFault.objects.all()] == [(photo.id, "timeout", 3)]
    assert edge.post(**edge.report(faults_hash="1" * 32))["faults_wanted"] is False
    assert StoreFault.objects.count() == 1
    assert edge.post(**edge.report(faults_hash="2" * 32))["faults_wanted"] is True
    edge.send(faults=[], faults_hash=faults_hash([]))
    assert not StoreFault.objects.exists()


def test_an_hour_keeps_its_last_report(edge: Edge) -> None:
    """And the next hour another."""
    edge.sync()
    edge.send()
    edge.send(digest="0" * 32)
    assert StoreHour.objects.values_list("state", flat=True).get() == "wrong"
    roll_clock("1 hour")
    try:
        edge.send()
    finally:
        roll_clock("0")
    first, second = StoreHour.objects.order_by("hour")
    assert second.hour - first.hour == timedelta(hours=1)


def test_old_hours_and_unused_digests_go(office: Office, edge: Edge) -> None:
    """After 14 days; the digest that a store refers to stays."""
    edge.sync()
    edge.send()
    office.photo(office.product("2"))
    edge.sync()
    edge.send()
    assert (StoreHour.objects.count(), AssortmentDigest.objects.count()) == (1, 2)
    now = StoreReport.objects.get().received_at
    assert history.thin(now + timedelta(days=13)) == 0
    assert (StoreHour.objects.count(), AssortmentDigest.objects.count()) == (1, 1)
    assert history.thin(now + timedelta(days=15)) == 1
    assert edge.send().comparison == "equal"


def test_a_deleted_store_takes_its_reports_along(office: Office, edge: Edge) -> None:
    """By plain SQL, too."""
    edge.sync()
    edge.send(faults=[{"photo_id": NO_SUCH, "product_id": NO_SUCH, "reason": "x", "side": "y"}])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE head_office_account SET store_id = NULL")
        cursor.execute("DELETE FROM head_office_store")
    assert not any(table.objects.exists() for table in (StoreReport, StoreHour, StoreFault))


# Possession


@pytest.fixture
def dishes(office: Office, bucket: Any) -> dict[str, bytes]:
    """Adds five photos with their objects, and returns the bytes by photo."""
    bodies = {}
    for number in range(5):
        body = f"photo {number} ".encode() * 9000
        photo = office.photo(office.product(f"D{number}"), size=len(body), checksum=md5_hex(body))
        ingest.bucket().put(photo.object_key, body, content_type="image/jpeg")
        bodies[str(photo.id)] = body
    return bodies


@pytest.fixture
def holder(office: Office, dishes: dict[str, bytes]) -> Edge:
    """Returns the edge of a store that has them."""
    edge = Edge(office)
    edge.sync()
    return edge


def answers_to(challenges: list[dict[str, Any]], bodies: dict[str, bytes]) -> list[dict[str, Any]]:
    """Returns the answers of a store with these bytes."""
    read = msgspec.convert(challenges, list[Challenge])
    answers = [(one, proof_of(one, bodies.get(str(one.photo_id), b""))) for one in read]
    return [{"nonce": one.nonce, "checksum": one.checksum} | ({"proof": proof} if proof else {}) for one, proof in answers]


def test_a_store_that_proves_possession_is_equal(holder: Edge, dishes: dict[str, bytes]) -> None:
    """After the worker has checked its answers; then it is left in peace for some hours."""
    challenges = holder.post(**holder.report())["challenges"]
    assert len({challenge["photo_id"] for challenge in challenges}) == 3
    assert holder.send(answer=answers_to(challenges, dishes)).state == "unproved"
    assert holder.post(**holder.report())["challenges"] == []
    assert check_answers() == 3
    assert check_answers() == 0
    kept = holder.send()
    assert (kept.state, kept.challenge_failed_at) == ("equal", None)
    assert holder.post(**holder.report())["challenges"] == []


def test_open_challenges_are_given_again(holder: Edge, dishes: dict[str, bytes]) -> None:
    """Where the answer of head office was lost; those that were answered are not."""
    first = holder.post(**holder.report())["challenges"]
    assert sorted(map(str, holder.post(FEED, report=holder.report())["challenges"])) == sorted(map(str, first))
    rest = holder.post(**holder.report(answer=answers_to(first[:1], dishes)))["challenges"]
    assert sorted(map(str, rest)) == sorted(map(str, first[1:]))


def test_a_store_without_the_bytes_is_wrong_until_it_proves_these_photos(holder: Edge, dishes: dict[str, bytes]) -> None:
    """Other photos do not help: the same ones are asked for again."""
    challenges = holder.post(**holder.report())["challenges"]
    rotten = challenges[0]["photo_id"]
    holder.send(answer=answers_to(challenges, dishes | {rotten: b"rotten"}))
    check_answers()
    assert (kept := holder.send()).state == "wrong"
    assert kept.challenge_failed_at is not None
    for _ in range(2):
        again = holder.post(**holder.report())["challenges"]
        assert rotten in {challenge["photo_id"] for challenge in again}
        holder.send(answer=answers_to(again, dishes | {rotten: b"rotten"}))
        check_answers()
    again = holder.post(**holder.report())["challenges"]
    holder.send(answer=answers_to(again, dishes))
    check_answers()
    assert holder.send().state == "equal"


def test_a_false_proof_is_a_failure(holder: Edge, dishes: dict[str, bytes]) -> None:
    """Made up, or of an earlier challenge."""
    challenges = holder.post(**holder.report())["challenges"]
    false = [answer | {"proof": "0" * 64} for answer in answers_to(challenges, dishes)]
    holder.send(answer=false)
    check_answers()
    assert set(PossessionChallenge.objects.values_list("outcome", flat=True)) == {"failed"}


@pytest.mark.parametrize("change", ["changed", "deleted", "other_version"])
def test_a_challenge_of_another_version_is_void(holder: Edge, dishes: dict[str, bytes], change: str) -> None:
    """Neither proof nor fault, whatever was answered."""
    challenges = holder.post(**holder.report())["challenges"]
    answers = answers_to(challenges, dishes)
    if change == "changed":
        Photo.objects.update(checksum="b" * 32)
    elif change == "deleted":
        Photo.objects.all().delete()
    else:
        answers = [{"nonce": answer["nonce"], "checksum": "c" * 32} for answer in answers]
    holder.send(answer=answers)
    check_answers()
    assert set(PossessionChallenge.objects.values_list("outcome", flat=True)) == {"void"}
    kept = StoreReport.objects.get()
    assert (kept.possession_proved_at, kept.challenge_failed_at) == (None, None)


def test_a_damaged_object_at_head_office_is_not_the_stores_fault(
    holder: Edge, dishes: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log, by key."""
    challenges = holder.post(**holder.report())["challenges"]
    for photo in Photo.objects.all():
        ingest.bucket().put(photo.object_key, b"rotten", content_type="image/jpeg")
    holder.send(answer=answers_to(challenges, dishes))
    check_answers()
    assert set(PossessionChallenge.objects.values_list("outcome", flat=True)) == {"unchecked"}
    assert "head office's own object of photo" in caplog.text


def test_a_challenge_is_for_one_store_once_and_for_26_hours(office: Office, holder: Edge, dishes: dict[str, bytes]) -> None:
    """Another store's answer, a second answer and a late one are ignored."""
    challenges = holder.post(**holder.report())["challenges"]
    answers = answers_to(challenges, dishes)
    other = office.another_store()
    Account.objects.create_user("bdg", password="a store's own password", store=other)
    Edge(office, store=other).send(answer=answers)
    assert not PossessionChallenge.objects.filter(answered_at__isnull=False).exists()
    holder.send(answer=answers[:1])
    holder.send(answer=[answers[0] | {"proof": "0" * 64}])
    assert PossessionChallenge.objects.get(nonce=answers[0]["nonce"]).proof == answers[0]["proof"]
    roll_clock("27 hours")
    try:
        holder.send(answer=answers[1:])
    finally:
        roll_clock("0")
    assert PossessionChallenge.objects.filter(answered_at__isnull=False).count() == 1


def test_the_worker_checks_proofs(holder: Edge, dishes: dict[str, bytes]) -> None:
    """Beside the renditions that are due."""
    challenges = holder.post(**holder.report())["challenges"]
    holder.send(answer=answers_to(challenges, dishes))
    worker = Worker(ServiceManager(), sleep=lambda _: None)
    worker.turn()
    assert worker.checked == 3
    assert holder.send().state == "equal"


def test_old_challenges_go(holder: Edge) -> None:
    """After a week."""
    holder.send()
    assert PossessionChallenge.objects.count() == 3
    history.thin(StoreReport.objects.get().received_at + timedelta(days=8))
    assert PossessionChallenge.objects.count() == 0


# Refusals


def test_only_the_stores_own_account_reports(office: Office, edge: Edge) -> None:
    """An admin reads every store and speaks for none; another store's account sees no store at all."""
    admin = Account.objects.create_superuser("boss", password="a boss's own password")
    for_admin = Edge(office, account=admin)
    report = for_admin.report()
    for_admin.post(status=403, **report)
    for_admin.post(FEED, status=403, report=report)
    assert for_admin.post(FEED)["photos"]
    other = office.another_store()
    stranger = Account.objects.create_user("bdg", password="a store's own password", store=other)
    Edge(office, account=stranger).post(status=404, **report)
    Edge(office, account=stranger).post(FEED, status=404, report=report)
    # Even an admin who also has a store.
    Account.objects.filter(pk=stranger.pk).update(is_staff=True, is_superuser=True)
    Edge(office, store=other, account=Account.objects.get(pk=stranger.pk)).post(status=403, **report)
    assert not StoreReport.objects.exists()


def test_a_wrong_field_is_named_in_both_requests(edge: Edge) -> None:
    """With its place in the body; nothing is kept, and no page is sent."""
    report = edge.report(photos={"listed": -1})
    alone = edge.post(status=400, **report)
    assert "photos.listed" in alone
    with_page = edge.post(FEED, status=400, report=report)
    assert "report.photos.listed" in with_page
    assert "report.photos.listed" in with_page["detail"]
    assert "photos" not in with_page
    assert not StoreReport.objects.exists()


@pytest.mark.parametrize("report", [None, [], 3, "x", {}])
def test_what_is_no_report_is_refused(edge: Edge, report: Any) -> None:
    """Not ignored."""
    assert any(name.startswith("report") for name in edge.post(FEED, status=400, report=report))


def test_a_report_with_a_later_page_is_refused(edge: Edge) -> None:
    """It goes with the first page."""
    assert "report" in edge.post(FEED, status=400, offset=1, report=edge.report())


def test_a_report_that_is_too_large_is_refused(edge: Edge) -> None:
    """Before it is read."""
    edge.post(status=413, **edge.report(extra="x" * 65536))
    edge.post(FEED, status=413, report=edge.report(extra="x" * 65536))


def test_the_openapi_document_shows_a_report(edge: Edge) -> None:
    """With all fields, in place."""
    document = msgspec.json.decode(
        Client().get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).content
    )
    schema = document["paths"][REPORT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(edge.report()) | {"company_id", "store_id"} <= set(schema["properties"])
    assert schema["properties"]["photos"]["properties"]["owed"]["minimum"] == 0
