"""Checks refused puts: of some objects (their own failure) and of all objects (the bucket's failure) (hazard 78)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.daily import daily
from tests.doorman import Doorman, Reply, Request, doorman
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.errors import Reason

LIMIT = 1000
S3_ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>No.</Message></Error>"
REFUSALS = [
    (
        Reply(413, b"<html>413 Request Entity Too Large</html>", {"Server": "nginx", "Content-Type": "text/html"}),
        "store_refused",
    ),
    (Reply(400, S3_ERROR % b"EntityTooLarge"), "store_refused"),
    (Reply(400, S3_ERROR % b"XMinioInvalidObjectName"), "store_refused"),
    (Reply(405), "store_refused"),
    (Reply(411, S3_ERROR % b"MissingContentLength"), "store_refused"),
    (Reply(415, b"no"), "store_refused"),
    (Reply(451, b"no"), "store_refused"),
    (Reply(501, S3_ERROR % b"NotImplemented"), "store_refused"),
    (Reply(403, S3_ERROR % b"AccessDenied"), "store_refused"),
    (Reply(500, S3_ERROR % b"InternalError"), "store_error"),
]


@pytest.fixture
def door(edge: Edge) -> Iterator[Doorman]:
    """Returns a proxy in front of the edge's bucket."""
    with doorman(edge.s3.endpoint) as door:
        edge.settings |= {"S3_ENDPOINT": door.endpoint, "S3_PUBLIC_URL": door.endpoint}
        yield door


def refuse_large(door: Doorman, reply: Reply) -> None:
    """Makes the proxy refuse images above the limit, except the probe of the store."""
    door.rule = lambda request: (
        reply if request.method == "PUT" and request.length > LIMIT and not request.key.endswith("etalase-probe.png") else None
    )


@pytest.mark.parametrize(
    ("reply", "reason"), daily(REFUSALS, REFUSALS[0], *REFUSALS[-2:]), ids=lambda value: str(getattr(value, "status", value))
)
def test_a_refused_put_of_some_photos_fails_them_and_the_checkpoint_moves(
    edge: Edge, door: Doorman, reply: Reply, reason: str
) -> None:
    good = [edge.ho.put(f"small {n}", picture(n, 200)) for n in range(3)]
    large = [edge.ho.put(f"large {n}", picture(n, LIMIT + 200 + n)) for n in range(23)]
    refuse_large(door, reply)

    report = edge.sync()

    assert (report.outcome, report.exit_status, report.error) == ("partial", 1, None)
    assert (report.fetched, report.failed) == (len(good), len(large))
    assert edge.reasons() == dict.fromkeys(large, reason)
    assert edge.checkpoint() is not None
    assert all(str(reply.status) in failure["detail"] for failure in report.failures)

    door.rule = lambda _: None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


@pytest.mark.parametrize("status", daily([403, 404, 413], 413))
def test_a_proxy_that_refuses_large_bodies_under_every_key_does_not_block_the_checkpoint(
    edge: Edge, door: Doorman, status: int
) -> None:
    good = [edge.ho.put(f"small {n}", picture(n, 200)) for n in range(3)]
    large = [edge.ho.put(f"large {n}", picture(n, LIMIT + 200 + n)) for n in range(23)]
    page = Reply(status, b"<html>no</html>", {"Content-Type": "text/html"})
    door.rule = lambda request: page if request.method == "PUT" and request.length > LIMIT else None

    report = edge.sync()

    assert (report.exit_status, report.error, report.fetched) == (1, None, len(good))
    assert edge.reasons() == dict.fromkeys(large, "store_refused")
    assert edge.checkpoint() is not None
    assert all("bytes" in failure["detail"] for failure in report.failures)


@pytest.mark.parametrize("reply", daily([Reply(502), Reply(500), Reply(0)], Reply(502), Reply(0)), ids=["502", "500", "reset"])
def test_a_proxy_that_fails_on_large_bodies_under_every_key_blocks_nothing_else(
    edge: Edge, door: Doorman, reply: Reply
) -> None:
    gone = edge.ho.put("gone", picture("gone", 200))
    edge.sync()
    edge.ho.delete(gone)
    good = [edge.ho.put(f"small {n}", picture(n, 200)) for n in range(3)]
    large = [edge.ho.put(f"large {n}", picture(n, LIMIT + 200 + n)) for n in range(60)]
    good.append(edge.ho.put("last", picture("last", 300), primary=False))
    door.rule = lambda request: reply if request.method == "PUT" and request.length > LIMIT else None

    report = edge.sync()

    assert (report.exit_status, report.error, report.fetched, report.deleted) == (1, None, len(good), 1)
    assert edge.reasons().keys() == set(large)
    assert set(edge.reasons().values()) <= {"store_error", "store_away"}
    assert any("smaller ones" in failure["detail"] for failure in report.failures)
    assert len(edge.ho.image_requests) < len(good) + len(large)

    door.rule = lambda _: None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_bytes_that_the_bucket_refused_are_not_downloaded_again(edge: Edge, door: Doorman, size: int) -> None:
    edge.ho.put("large", picture(1, size))
    refuse_large(door, REFUSALS[0][0])
    for _ in range(3):
        assert edge.sync().exit_status == 1
    assert len(edge.ho.image_requests) == 1
    door.rule = lambda _: None
    assert edge.sync().exit_status == 0
    assert len(edge.ho.image_requests) == 1
    edge.check_equals_head_office()


def test_a_photo_too_large_for_a_proxy_is_named_with_its_size_and_retried_less_and_less(edge: Edge, door: Doorman) -> None:
    photo = edge.ho.put("large", picture(1, LIMIT + 234))
    edge.ho.now += timedelta(seconds=1)  # a photo that head office lists again is retried at once
    refuse_large(door, REFUSALS[0][0])

    edge.sync()
    (failure,) = edge.query("SELECT detail, attempts FROM etalase_pending_photo")
    assert "1,234 bytes" in failure["detail"]
    assert "HTTP 413" in failure["detail"]
    assert "client_max_body_size" in failure["detail"]
    for _ in range(6):
        edge.sync(trigger="schedule")
        edge.hours_later += 0.1
    assert len(edge.ho.image_requests) <= 3
    assert edge.reasons() == {photo: Reason.STORE_REFUSED}


def test_a_refusal_of_every_put_is_blamed_on_the_access_key_and_ends_the_run(edge: Edge, door: Doorman) -> None:
    for n in range(40):
        edge.ho.put(f"dish {n}", picture(n, 200))
    door.rule = lambda request: Reply(403, S3_ERROR % b"AccessDenied") if request.method == "PUT" else None
    report = edge.sync()
    assert (report.outcome, report.exit_status) == ("failed", 4)
    assert "s3:PutObject" in str(report.error)
    assert set(edge.reasons().values()) == {Reason.STORE_DENIED}


def test_one_unreadable_object_alone_on_the_retry_list_does_not_mean_that_the_bucket_is_away(edge: Edge, door: Doorman) -> None:
    photo = edge.ho.put("large", picture(1, LIMIT + 1))
    edge.ho.now += timedelta(seconds=1)  # a photo that head office lists again is retried at once
    refuse_large(door, Reply(500, S3_ERROR % b"InternalError"))
    for _ in range(5):
        assert edge.sync(trigger="schedule").exit_status == 1
    assert edge.reasons() == {photo: Reason.STORE_ERROR}
    assert len(edge.ho.image_requests) <= 3


@pytest.mark.parametrize("status", daily([400, 403, 500], 403))
def test_an_unreadable_object_is_damaged_and_put_again(edge: Edge, door: Doorman, status: int) -> None:
    edge.ho.put("sate", picture(1))
    rotten = edge.ho.put("rendang", picture(2))
    edge.sync()
    key, put_anew = edge.rows()[rotten]["object_key"], []

    def rule(request: Request) -> Reply | None:
        if request.key != key:
            return None
        if request.method == "PUT":
            put_anew.append(request)
        elif request.is_signed and not put_anew:
            return Reply(status, S3_ERROR % b"InvalidRequest")
        return None

    door.rule = rule
    report = edge.sync(full=True, DEEP_VERIFY_DAYS=1)
    assert (report.exit_status, report.healed) == (0, 1)
    edge.check_equals_head_office()


def test_an_unreadable_copy_source_is_downloaded_from_head_office(edge: Edge, door: Doorman) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.sync()
    old = edge.rows()[photo]["object_key"]
    edge.ho.put("sate", picture(1), photo=photo, key="products/elsewhere/primary.jpg")
    door.rule = lambda request: (
        Reply(400, S3_ERROR % b"InvalidRequest") if (request.method, request.key) == ("GET", old) else None
    )
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_put_with_an_error_inside_a_200_response_is_not_published(edge: Edge, door: Doorman) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.sync()
    before = edge.rows()
    edge.ho.put("sate", picture(2), photo=photo)
    error = S3_ERROR % b"InvalidArgument"
    door.rule = lambda request: Reply(200, error) if request.method == "PUT" and not request.key.endswith("probe.png") else None
    assert edge.sync().exit_status == 1
    assert edge.reasons() == {photo: Reason.STORE_REFUSED}
    assert edge.rows() == before
    door.rule = lambda _: None
    assert edge.sync().exit_status == 0


def test_a_put_without_an_etag_is_read_back(edge: Edge, door: Doorman) -> None:
    def without(request: Request, reply: Reply) -> Reply:
        kept = {name: value for name, value in reply.headers.items() if name.lower() != "etag" or request.method != "PUT"}
        return replace(reply, headers=kept)

    door.after = without
    edge.ho.put("sate", picture(1))
    assert edge.sync().exit_status == 0
    assert any(request.method == "GET" and request.key for request in door.requests)
    edge.check_equals_head_office()
