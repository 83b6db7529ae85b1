"""Reports of an edge: when they go, what they say, and that nothing goes wrong because of them."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import django.db
import msgspec
import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.two_runs import Background, pause_download
from tests.simulator import Response, picture

from etalase.edge.models import Checkpoint, ReportState
from etalase.edge.sync import storage
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway
from etalase.photo_digest import photos_digest
from etalase.protocol import Photo
from etalase.report import REPORT_PATH, Report

PHOTOS_PATH = "/api/v1/sync/product-photos/"


@pytest.fixture
def reporting(edge: Edge) -> Edge:
    """Returns an edge whose head office takes reports, with two photos to fetch."""
    edge.ho.features = "report=1"
    edge.ho.put("SALMON", picture(1))
    edge.ho.put("TUNA", picture(2))
    return edge


def paths(edge: Edge) -> list[str]:
    """Returns by which requests the reports came."""
    return [path for path, _ in edge.ho.reports]


def last(edge: Edge) -> Report:
    """Returns the last report, as head office reads it."""
    fields = {name: value for name, value in edge.ho.reports[-1][1].items() if name not in {"company_id", "store_id"}}
    return msgspec.convert(fields, Report)


def digest_at_head_office(edge: Edge) -> str:
    """Returns the digest of the photos that head office lists."""
    photos = sorted(edge.ho.photos.values(), key=lambda photo: UUID(photo["id"]).int)
    return photos_digest(msgspec.convert(photos, list[Photo], strict=False))


def test_the_first_load_reports_before_and_after(reporting: Edge) -> None:
    """Before: an edge that has nothing. After: all of it, by a request of its own."""
    assert reporting.sync().outcome == "success"
    assert paths(reporting) == [PHOTOS_PATH, REPORT_PATH]
    before = msgspec.convert(reporting.ho.reports[0][1], Report)
    assert (before.checkpoint, before.digest, before.state.word, before.sequence) == (None, None, "not_ready", 1)
    after = last(reporting)
    assert (after.checkpoint, after.digest) == (Checkpoint.objects.get().sync_timestamp, digest_at_head_office(reporting))
    assert (after.photos.listed, after.photos.verified, after.state.word, after.sequence) == (2, 2, "well", 2)
    assert (after.menu.products, after.menu.with_photo) == (2, 2)
    assert after.instance == before.instance
    assert after.verified_at is not None
    assert after.run is not None
    assert (after.run.outcome, after.run.fetched) == ("success", 2)
    assert after.traffic.today_bytes == after.traffic.month_bytes == 4000
    assert after.storage.spool_free_bytes


def test_a_quiet_run_is_one_request(reporting: Edge) -> None:
    """With the report in it, and the digest of before."""
    reporting.sync()
    reporting.ho.requests.clear()
    reporting.sync()
    assert reporting.ho.requests == [PHOTOS_PATH]
    assert paths(reporting) == [PHOTOS_PATH, REPORT_PATH, PHOTOS_PATH]
    assert last(reporting).digest == digest_at_head_office(reporting)


def test_a_head_office_without_reports_gets_none(edge: Edge) -> None:
    """Neither a field nor a request."""
    edge.ho.put("SALMON", picture(1))
    edge.sync()
    edge.ho.features = "renditions=1"
    edge.sync()
    edge.sync()
    assert edge.ho.reports == []
    assert not any(b"report" in body for _, _, body in edge.ho.posts)


def test_a_dry_run_reports_nothing(reporting: Edge) -> None:
    """It changes no state, and no number is used."""
    reporting.sync()
    sequence = ReportState.objects.get().sequence
    reporting.sync(dry_run=True)
    assert len(reporting.ho.reports) == 2
    assert ReportState.objects.get().sequence == sequence


def test_a_look_is_told_with_its_time(reporting: Edge) -> None:
    """Only a full run looks; an incremental run reports the time of the last one."""
    reporting.sync()
    first = last(reporting).verified_at
    reporting.hours_later = 3
    reporting.sync()
    reporting.sync()
    assert last(reporting).verified_at == first
    reporting.sync(full=True)
    reporting.sync()
    looked = last(reporting).verified_at
    assert first is not None
    assert looked is not None
    assert looked - first > timedelta(hours=2)


def test_damage_is_told_and_left_out_of_the_digest(reporting: Edge) -> None:
    """A lost object that cannot be fetched again."""
    lost = next(iter(reporting.ho.photos.values()))
    reporting.sync()
    reporting.bucket.delete([lost["object_key"]])
    reporting.ho.bodies.clear()
    reporting.sync(full=True)
    report = last(reporting)
    assert (report.photos.verified, report.photos.damaged) == (1, 1)
    assert report.digest != digest_at_head_office(reporting)
    assert report.state.word == "damaged"
    assert report.faults is not None
    assert [(str(fault.photo_id), fault.reason) for fault in report.faults] == [(lost["id"], "not_found")]


def test_a_row_that_somebody_changed_is_told_by_the_next_run(reporting: Edge) -> None:
    """Even a quiet one: the digest is of the rows as they are."""
    reporting.sync()
    reporting.query("UPDATE product_photo SET sort_order = 7")
    reporting.sync()
    reporting.sync()
    assert last(reporting).digest != digest_at_head_office(reporting)


def test_a_failed_photo_is_a_fault_with_its_side(reporting: Edge) -> None:
    """And the faults go again only when they change."""
    reporting.ho.put("BROKEN", picture(3))
    broken = list(reporting.ho.photos.values())[-1]
    del reporting.ho.bodies[broken["object_key"]]
    assert reporting.sync().outcome == "partial"
    report = last(reporting)
    assert report.faults is not None
    (fault,) = report.faults
    assert (str(fault.photo_id), fault.reason, fault.side) == (broken["id"], "not_found", "head_office_object")
    assert (report.photos.owed, report.photos.listed, report.state.word) == (1, 3, "partial")
    reporting.sync(trigger="schedule")
    first_of_second_run = msgspec.convert(reporting.ho.reports[2][1], Report)
    assert first_of_second_run.faults is None
    assert first_of_second_run.faults_hash == report.faults_hash


def test_head_office_can_ask_for_the_faults_again(reporting: Edge) -> None:
    """After it lost them."""
    reporting.sync()
    assert msgspec.convert(reporting.ho.reports[0][1], Report).faults == []
    reporting.sync()
    assert last(reporting).faults is None
    reporting.ho.change_page = lambda page: page.update(faults_wanted=True)
    reporting.sync()
    reporting.sync()
    assert last(reporting).faults == []


def test_held_removals_are_left_out_of_the_digest(reporting: Edge) -> None:
    """Head office does not list them, and the store still shows them."""
    for number in range(10):
        reporting.ho.put(f"DISH {number}", picture(10 + number))
    reporting.sync()
    for photo_id in list(reporting.ho.photos)[:6]:
        reporting.ho.delete(photo_id)
    assert reporting.sync().outcome == "held"
    report = last(reporting)
    assert report.digest == digest_at_head_office(reporting)
    assert (report.photos.held, report.photos.listed, report.photos.verified, report.state.word) == (6, 6, 6, "held")


def test_a_restored_edge_goes_on_after_the_greatest_number(reporting: Edge) -> None:
    """Which head office tells."""
    reporting.sync()
    ReportState.objects.update(sequence=1)
    reporting.ho.on_report = lambda _: None
    reporting.ho.change_page = lambda page: page.update(report_sequence=40, challenges=[], orders=[])
    reporting.sync()
    reporting.sync()
    assert last(reporting).sequence == 41


@pytest.mark.parametrize("skew_hours", [-24, 24])
def test_the_promise_is_the_next_scheduled_run(reporting: Edge, skew_hours: int) -> None:
    """By the edge's own clock, whatever it says."""
    reporting.hours_later = skew_hours
    reporting.sync()
    report = last(reporting)
    assert timedelta() < report.next_report_by - report.sent_at <= timedelta(hours=1)


def test_a_long_first_load_is_reported_by_the_runs_that_give_way(reporting: Edge) -> None:
    """The load promised to report within the hour; the hourly run says how far it is, a run by hand says nothing."""
    reporting.ho.put("slow", picture(9, 4000))
    with pause_download(reporting) as (requested, go_on):
        load = Background(reporting, WORKERS=1)
        assert requested.wait(60)
        assert reporting.sync().outcome == "locked"
        assert len(reporting.ho.reports) == 1
        assert reporting.sync(trigger="schedule").outcome == "locked"
        report = last(reporting)
        assert (report.sequence, report.state.word, report.checkpoint) == (2, "filling", None)
        assert 1 <= report.state.missing <= 3
        go_on.set()
        assert load.join().outcome == "success"
    assert (last(reporting).sequence, last(reporting).state.word) == (3, "well")


# Nothing goes wrong because of a report


@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_refused_report_is_left_out_for_a_day(reporting: Edge, status: int) -> None:
    """The same run goes on without it, at once."""
    reporting.ho.on_report = lambda _: Response(status, b'{"detail": "report: no"}')
    reporting.ho.requests.clear()
    assert reporting.sync().outcome == "success"
    assert reporting.ho.requests.count(PHOTOS_PATH) == 2
    assert len(reporting.ho.reports) == 1
    assert len(reporting.rows()) == 2
    reporting.hours_later = 23
    reporting.sync()
    assert len(reporting.ho.reports) == 1
    reporting.ho.on_report = None
    reporting.hours_later = 25
    reporting.sync()
    assert len(reporting.ho.reports) == 2
    assert last(reporting).faults is not None


def test_a_busy_head_office_gets_the_next_report(reporting: Edge) -> None:
    """503 refuses a moment, not a report."""
    reporting.ho.on_report = lambda _: Response(503, b"{}")
    assert reporting.sync().outcome == "success"
    assert len(reporting.ho.reports) == 2
    reporting.ho.on_report = None
    reporting.sync()
    assert len(reporting.ho.reports) == 3


@pytest.mark.parametrize(
    "body",
    [
        b'{"challenges": 3, "orders": "x"}',
        b'{"challenges": [], "orders": [], "report_sequence": -1}',
        b"[]",
        b'{"challenges": [{"new": true}], "orders": [7], "next": {"a": 1}}',
    ],
)
def test_an_odd_answer_to_a_report_harms_nothing(reporting: Edge, body: bytes) -> None:
    """Of another release, or of nobody."""
    reporting.ho.on_report = lambda report: Response(body=body) if "company_id" in report else None
    assert reporting.sync().outcome == "success"
    reporting.sync()
    assert last(reporting).sequence == 3


@pytest.mark.parametrize("error", [django.db.OperationalError("gone"), RuntimeError("a defect")])
def test_a_report_that_cannot_be_made_harms_nothing(reporting: Edge, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A fault of the database, or of ours."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    for module, name in ((storage.report_facts, "menu"), (storage.report_state, "mark_of_rows")):
        monkeypatch.setattr(module, name, fail)
    assert reporting.sync().outcome == "success"
    assert len(reporting.rows()) == 2
    assert reporting.ho.reports == []


def test_a_refusal_of_the_request_itself_is_not_the_reports(reporting: Edge) -> None:
    """A checkpoint that head office refuses, with a report or without: the report is not left out."""
    reporting.sync()

    def refuse_changes(request: dict[str, Any]) -> Response | None:
        return Response(400, b'{"detail": "updated_since: no"}') if request.get("updated_since") else None

    reporting.ho.on_page = refuse_changes
    assert reporting.sync().outcome == "success"
    assert ReportState.objects.get().left_out_until is None


def test_many_faults_are_cut(reporting: Edge) -> None:
    """To 200 and to the size of a request, and counted."""
    for number in range(230):
        reporting.ho.put(f"GONE {number}", picture(number))
    reporting.ho.bodies.clear()
    reporting.sync()
    path, fields = reporting.ho.reports[-1]
    report = last(reporting)
    assert path == REPORT_PATH
    assert report.faults is not None
    assert (len(report.faults), report.faults_cut) == (200, 32)
    assert len(json.dumps(fields)) <= 64 * 1024


def test_numbers_are_used_once(reporting: Edge) -> None:
    """Also by a report that did not arrive."""
    reporting.ho.on_report = lambda _: Response(503, b"{}")
    reporting.sync()
    reporting.ho.on_report = None
    reporting.sync()
    numbers = [fields["sequence"] for _, fields in reporting.ho.reports]
    assert numbers == sorted(set(numbers))


def test_the_time_of_sending_is_the_edges(reporting: Edge) -> None:
    """So that head office can tell the skew."""
    reporting.hours_later = 48
    reporting.sync()
    assert last(reporting).sent_at - datetime.now(last(reporting).sent_at.tzinfo) > timedelta(hours=47)


# Challenges


def challenge_for(photo: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Returns a challenge of head office for a photo that it lists."""
    challenge = {"nonce": "0f" * 16, "photo_id": photo["id"], "checksum": photo["checksum"], "offset": 100, "length": 50}
    return challenge | changes


def challenge_with_next_page(edge: Edge, *challenges: Any) -> None:
    """Makes head office challenge the edge once, with the answer to the report on its next feed request."""
    given = list(challenges)

    def add(page: dict[str, Any]) -> None:
        page.update(challenges=[*given], orders=[])
        given.clear()

    edge.ho.change_page = add


def test_a_challenge_is_answered_by_the_next_report(reporting: Edge) -> None:
    """From the object in the bucket, without a further request to head office."""
    reporting.sync()
    photo = next(iter(reporting.ho.photos.values()))
    challenge_with_next_page(reporting, challenge_for(photo))
    reporting.ho.requests.clear()
    reporting.sync()
    reporting.sync()
    reporting.sync()
    assert reporting.ho.requests == [PHOTOS_PATH] * 3
    body = reporting.ho.bodies[photo["object_key"]]
    proof = hashlib.sha256(bytes.fromhex("0f" * 16) + body[100:150]).hexdigest()
    answers = [fields.get("answer", []) for _, fields in reporting.ho.reports[-3:]]
    assert answers == [[], [{"nonce": "0f" * 16, "checksum": photo["checksum"], "proof": proof}], []]


def test_a_run_with_changes_answers_at_its_end(reporting: Edge) -> None:
    """The challenge came with its first request."""
    reporting.sync()
    challenge_with_next_page(reporting, challenge_for(next(iter(reporting.ho.photos.values()))))
    reporting.ho.put("NEW", picture(5))
    reporting.sync()
    assert paths(reporting)[-2:] == [PHOTOS_PATH, REPORT_PATH]
    assert [answer.nonce for answer in last(reporting).answer] == ["0f" * 16]


def test_an_answer_that_was_lost_is_given_again(reporting: Edge) -> None:
    """Until head office has taken it."""
    reporting.sync()
    challenge_with_next_page(reporting, challenge_for(next(iter(reporting.ho.photos.values()))))
    reporting.sync()
    reporting.ho.on_report = lambda _: Response(503, b"{}")
    reporting.sync()
    reporting.ho.on_report = None
    reporting.sync()
    assert len(last(reporting).answer) == 1
    reporting.sync()
    assert last(reporting).answer == []


def test_after_an_answer_without_proof_the_next_run_reads_every_object(reporting: Edge) -> None:
    """Where one object rots, others may: healing the challenged photo alone would make the store look equal."""
    for number in range(3):
        reporting.ho.put(f"DISH {number}", picture(number))
    reporting.sync()
    for photo in reporting.ho.photos.values():
        reporting.bucket.put(photo["object_key"], b"x" * photo["size"], content_type="image/jpeg")
    challenge_with_next_page(reporting, challenge_for(next(iter(reporting.ho.photos.values()))))
    reporting.sync()
    report = reporting.sync()
    assert report.healed == len(reporting.ho.photos)
    reporting.check_equals_head_office()
    requests_before = len(reporting.ho.image_requests)
    assert reporting.sync().kind == "incremental"
    assert len(reporting.ho.image_requests) == requests_before


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "rotten"])
def test_a_damaged_object_gives_no_proof_and_is_fetched_again(reporting: Edge, is_lost: bool) -> None:
    """Rot that no listing shows: only reading finds it."""
    reporting.sync()
    photo = next(iter(reporting.ho.photos.values()))
    if is_lost:
        reporting.bucket.delete([photo["object_key"]])
    else:
        reporting.bucket.put(photo["object_key"], b"x" * photo["size"], content_type="image/jpeg")
    challenge_with_next_page(reporting, challenge_for(photo))
    reporting.sync()
    reporting.sync()
    answered = [fields["answer"] for _, fields in reporting.ho.reports if fields.get("answer")]
    assert answered == [[{"nonce": "0f" * 16, "checksum": photo["checksum"], "proof": None}]]
    assert reporting.bucket.get(photo["object_key"]) == reporting.ho.bodies[photo["object_key"]]


def test_a_photo_with_other_bytes_repeats_its_own_checksum(reporting: Edge) -> None:
    """Head office then knows that the challenge was of another version; a photo that is not here has no proof."""
    reporting.sync()
    photo = next(iter(reporting.ho.photos.values()))
    elsewhere = challenge_for(photo, photo_id="6f9619ff-8b86-4d01-b42d-00cf4fc964ff", nonce="1f" * 16)
    challenge_with_next_page(reporting, challenge_for(photo, checksum="a" * 32), elsewhere)
    reporting.sync()
    reporting.sync()
    assert [(one.checksum, one.proof) for one in last(reporting).answer] == [(photo["checksum"], None)] * 2
    assert not reporting.query("SELECT * FROM etalase_doubt")


def test_odd_challenges_are_left_out(reporting: Edge) -> None:
    """Of another release, or unreadable; the others are answered."""
    reporting.sync()
    photo = next(iter(reporting.ho.photos.values()))
    odd = [{"kind": "riddle"}, challenge_for(photo, length=10**9), challenge_for(photo)]
    challenge_with_next_page(reporting, *odd)
    reporting.sync()
    reporting.sync()
    assert len(last(reporting).answer) == 1


def test_a_challenge_waits_for_the_bucket(reporting: Edge) -> None:
    """It is no failure of the photo. Head office gives it again until it is answered, and it is answered once."""
    reporting.sync()
    challenge = challenge_for(next(iter(reporting.ho.photos.values())))
    reporting.ho.change_page = lambda page: page.update(challenges=[challenge], orders=[])

    def away(services: Services) -> None:
        def fail(key: str) -> bytes:
            raise ObjectStoreAway(f"{key}: no answer")

        services.bucket.get = fail  # type: ignore[method-assign]

    reporting.sync(inject=away)
    reporting.sync()
    reporting.sync()
    assert [one.proof is not None for one in last(reporting).answer] == [True]
