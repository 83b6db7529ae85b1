"""Checks that a photo that differs from its listing fails alone, with its reason (hazards 27 to 34, 46; I2, I7)."""

import gzip
import hashlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from tests.django_settings import STORE_ID
from tests.integration.sync.conftest import Edge
from tests.simulator import JPEG, Response, picture

from etalase.edge.sync.download.origins import ImageOrigins
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.services import Services
from etalase.errors import Reason
from etalase.protocol import Photo

BODY = picture("bad", 3000)
GZIPPED = gzip.compress(BODY)


def endless() -> Iterator[bytes]:
    """Yields an endless body."""
    return itertools.repeat(BODY)


def whole_object(body: bytes) -> Response:
    """Responds as head office's own store does, with the ETag of the whole object."""
    return Response(body=body, headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})


BAD_ANSWERS: dict[str, tuple[Callable[[], Response], Reason, int]] = {
    "one byte short": (lambda: Response(body=BODY[:-1]), Reason.SIZE_MISMATCH, 3),
    "one byte long": (lambda: Response(body=BODY + b"x"), Reason.SIZE_MISMATCH, 3),
    "endless": (lambda: Response(pieces=endless()), Reason.SIZE_MISMATCH, 3),
    "a hundred megabytes announced": (lambda: Response(body=BODY, length=100_000_000), Reason.SIZE_MISMATCH, 3),
    "empty": (lambda: Response(body=b""), Reason.SIZE_MISMATCH, 3),
    "other bytes": (lambda: Response(body=picture("other", 3000)), Reason.CHECKSUM_MISMATCH, 3),
    "HO's own other picture": (lambda: whole_object(picture("other", 3000)), Reason.HO_CONTRADICTS_ITSELF, 1),
    "HO's own shorter picture": (lambda: whole_object(BODY[:-1]), Reason.HO_CONTRADICTS_ITSELF, 1),
    "one bit": (lambda: Response(body=BODY[:-1] + bytes([BODY[-1] ^ 1])), Reason.CHECKSUM_MISMATCH, 3),
    "an error page with 200": (lambda: Response(body=b"<html>" + b" " * 2994), Reason.CHECKSUM_MISMATCH, 3),
    "a short error page with 200": (lambda: Response(body=b"<html>Please log in</html>"), Reason.SIZE_MISMATCH, 3),
    "gzip": (lambda: Response(body=GZIPPED, headers={"Content-Encoding": "gzip"}), Reason.ENCODING_REFUSED, 1),
    "a gzip bomb": (
        lambda: Response(body=gzip.compress(b"\0" * 10_000_000)[:2900], headers={"Content-Encoding": "gzip"}),
        Reason.ENCODING_REFUSED,
        1,
    ),
    "403": (lambda: Response(403, b"<Error><Code>AccessDenied</Code></Error>"), Reason.FORBIDDEN, 1),
    "404": (lambda: Response(404, b"<Error><Code>NoSuchKey</Code></Error>"), Reason.NOT_FOUND, 1),
    "410": (lambda: Response(410), Reason.NOT_FOUND, 1),
    "418": (lambda: Response(418), Reason.HTTP_ERROR, 1),
    "206": (lambda: Response(206, BODY), Reason.HTTP_ERROR, 1),
    "204": (lambda: Response(204), Reason.HTTP_ERROR, 1),
    "redirect inside": (lambda: Response(302, b"", {"Location": "/elsewhere"}), Reason.REDIRECT_REFUSED, 1),
    "redirect with a long page": (
        lambda: Response(301, b"x" * 9000, {"Location": "http://169.254.169.254/"}),
        Reason.REDIRECT_REFUSED,
        1,
    ),
    "500": (lambda: Response(500, b"oops"), Reason.SERVER_ERROR, 3),
    "503 with a long page": (lambda: Response(503, b"x" * 9000), Reason.SERVER_ERROR, 3),
    "429": (lambda: Response(429, b"", {"Retry-After": "1"}), Reason.THROTTLED, 3),
    "408": (lambda: Response(408), Reason.TIMEOUT, 3),
    "odd Retry-After": (lambda: Response(503, b"", {"Retry-After": "\u00b2"}), Reason.SERVER_ERROR, 3),
    "torn at once": (lambda: Response(body=b"", length=3000), Reason.CONNECTION_FAILED, 3),
}


@pytest.mark.parametrize("photo_bytes", [3_000, 300_000])
@pytest.mark.parametrize("page_bytes", [200, 400_000])
def test_the_login_page_of_a_network_is_named_in_the_detail(edge: Edge, photo_bytes: int, page_bytes: int) -> None:
    page = b"<!doctype html><title>Wi-Fi</title>".ljust(page_bytes)
    edge.ho.put("sate", picture("sate", photo_bytes))
    edge.ho.on_image = lambda _: Response(body=page, headers={"Content-Type": "text/html; charset=utf-8"})
    report = edge.sync()
    assert [failure["reason"] for failure in report.failures] == [Reason.SIZE_MISMATCH]
    assert "answered with text/html" in report.failures[0]["detail"]


def test_a_picture_that_is_served_as_a_web_page_is_accepted(edge: Edge) -> None:
    edge.ho.put("sate", BODY)
    edge.ho.on_image = lambda _: Response(body=BODY, headers={"Content-Type": "text/html"})
    assert edge.sync().exit_status == 0


def test_a_bad_image_response_fails_one_photo_and_keeps_its_old_version(edge: Edge) -> None:
    good = edge.ho.put("good", picture("old good"))
    bad = {name: edge.ho.put(name, picture(f"old {name}")) for name in BAD_ANSWERS}
    edge.sync()
    before = edge.rows()
    edge.ho.put("good", picture("new good"), photo=good)
    for name, photo in bad.items():
        edge.ho.put(name, BODY, photo=photo)
    name_of = {edge.ho.photos[photo]["object_key"]: name for name, photo in bad.items()}
    edge.ho.on_image = lambda key: BAD_ANSWERS[name_of[key]][0]() if key in name_of else None
    edge.ho.image_requests.clear()

    report = edge.sync()

    assert (report.outcome, report.exit_status) == ("partial", 1)
    assert (report.fetched, report.failed) == (1, len(bad))
    assert {name: edge.reasons()[photo] for name, photo in bad.items()} == {
        name: reason for name, (_, reason, _) in BAD_ANSWERS.items()
    }
    assert {failure["photo_id"] for failure in report.failures} == set(bad.values())
    assert all(failure["detail"] for failure in report.failures)
    requests = Counter(
        name_of.get(unquote(path.split("?")[0].removeprefix("/product-images/"))) for path in edge.ho.image_requests
    )
    assert {name: requests[name] for name in bad} == {name: tries for name, (_, _, tries) in BAD_ANSWERS.items()}
    rows = edge.rows()
    assert {id_: row for id_, row in rows.items() if id_ != good} == {id_: row for id_, row in before.items() if id_ != good}
    assert rows[good]["checksum"] == edge.ho.photos[good]["checksum"]
    edge.check_every_row_shows_its_bytes()
    assert edge.checkpoint() == edge.ho.now.isoformat()

    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert edge.reasons() == {}


def test_a_photo_cut_at_any_byte_is_never_published(edge: Edge) -> None:
    body = picture("whole", 600)
    cuts = [0, 1, 2, 3, 11, 12, 13, 299, 598, 599]
    for cut in cuts:
        edge.ho.put(f"cut {cut}", body, key=f"products/cut/{cut}.jpg")
        edge.ho.put(f"torn {cut}", body, key=f"products/torn/{cut}.jpg")
    whole = edge.ho.put("whole", body)

    def response(key: str) -> Response | None:
        _, how, name = key.split("/")
        if how == "cut":
            return Response(body=body[: int(name.removesuffix(".jpg"))])
        return Response(body=body[: int(name.removesuffix(".jpg"))], length=len(body)) if how == "torn" else None

    edge.ho.on_image = response
    report = edge.sync(TRIES=1)
    assert (report.exit_status, report.failed) == (1, 2 * len(cuts))
    assert set(edge.rows()) == {whole}
    assert len(edge.objects()) == 1


BAD_PROMISES: dict[str, tuple[bytes, dict[str, Any], Reason]] = {
    "a GIF": (b"GIF89a" + b"x" * 500, {}, Reason.TYPE_MISMATCH),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, Reason.TYPE_MISMATCH),
    "HTML": (b"<!doctype html><title>Not found</title>", {"content_type": "image/jpeg"}, Reason.TYPE_MISMATCH),
    "a PDF": (b"%PDF-1.7\n" + b"x" * 500, {"content_type": None}, Reason.TYPE_MISMATCH),
    "a wrong checksum": (picture("x"), {"checksum": "0" * 32}, Reason.HO_CONTRADICTS_ITSELF),
    "a wrong size": (picture("x"), {"size": 2100}, Reason.HO_CONTRADICTS_ITSELF),
    "a short checksum": (picture("x"), {"checksum": "x"}, Reason.CHECKSUM_MISSING),
    "too large": (picture("x"), {"size": 100_000_000}, Reason.TOO_LARGE),
    "a key upwards": (picture("x"), {"object_key": "products/../secret.jpg"}, Reason.BAD_KEY),
    "an absolute key": (picture("x"), {"object_key": "/etc/passwd"}, Reason.BAD_KEY),
    "a key with NUL": (picture("x"), {"object_key": "products/a\0.jpg"}, Reason.BAD_KEY),
    "a key of 501 characters": (picture("x"), {"object_key": "products/" + "x/" * 245 + "xy"}, Reason.BAD_KEY),
    "no key": (picture("x"), {"object_key": None}, Reason.BAD_KEY),
    "an inside address": (picture("x"), {"image_url": "http://169.254.169.254/latest/meta-data/"}, Reason.ORIGIN_REFUSED),
    "a number for an address": (picture("x"), {"image_url": "http://2130706433/"}, Reason.ORIGIN_REFUSED),
    "a file": (picture("x"), {"image_url": "file:///etc/passwd"}, Reason.ORIGIN_REFUSED),
    "no URL": (picture("x"), {"image_url": ""}, Reason.ORIGIN_REFUSED),
    "a user name": (picture("x"), {"image_url": "http://user:secret@127.0.0.1/"}, Reason.ORIGIN_REFUSED),
}


def test_a_photo_that_head_office_lists_wrongly_fails_alone_in_each_run(edge: Edge) -> None:
    assert len(BAD_PROMISES["a key of 501 characters"][1]["object_key"]) == 501
    good = edge.ho.put("good", picture("good"))
    bad: dict[str, Reason] = {}
    for name, (body, fields, reason) in BAD_PROMISES.items():
        photo = edge.ho.put(name, body)
        edge.ho.photos[photo].update(fields)
        bad[photo] = reason
    for full in (False, False, True):
        report = edge.sync(full=full)
        assert (report.exit_status, report.failed) == (1, len(bad))
        assert edge.reasons() == bad
        assert set(edge.rows()) == {good}
        assert len(list(edge.bucket.list(""))) == 1


def test_an_image_host_that_resolves_to_a_forbidden_address_is_never_contacted(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))

    def elsewhere(services: Services) -> None:
        origins = ImageOrigins.from_settings("http://ho.example", [], "")
        services.images = replace(services.images, transport=Transport(address_allowed=origins.address_allowed))  # type: ignore[type-var]  # the real one is a dataclass

    report = edge.sync(inject=elsewhere)
    assert edge.reasons() == {photo: Reason.ORIGIN_REFUSED}
    assert edge.ho.image_requests == []
    assert "IMAGE_ORIGINS" in report.failures[0]["detail"]


def test_the_origin_rewrite_reaches_a_bucket_whose_name_only_head_office_resolves(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    wire = edge.ho.photos[photo]
    wire["image_url"] = wire["image_url"].replace(edge.ho.url, "http://minio:9000")
    assert edge.sync().exit_status == 1
    assert edge.sync(IMAGE_URL_REWRITE=f"http://minio:9000={edge.ho.url}").exit_status == 0
    assert edge.ho.image_requests[-1].endswith(f"?v={wire['checksum'][:8]}")


def test_a_transient_image_error_is_retried_at_once(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    troubles = iter([Response(503), Response(503)])
    edge.ho.on_image = lambda key: next(troubles, None)
    assert edge.sync().exit_status == 0
    assert len(edge.ho.image_requests) == 3
    edge.check_equals_head_office()


@pytest.mark.parametrize("drip", ["nothing at all", "a byte now and then"])
def test_a_slow_transfer_ends_at_its_deadline(edge: Edge, drip: str) -> None:
    good, slow = edge.ho.put("good", picture("good")), edge.ho.put("slow", picture("slow", 5000))
    key = edge.ho.photos[slow]["object_key"]

    sent = itertools.count(1)

    def drips() -> Iterator[bytes]:
        for byte in JPEG * 1000:
            next(sent)
            time.sleep(0.1)
            yield bytes([byte]) if drip == "a byte now and then" else b""

    edge.ho.on_image = lambda requested: Response(pieces=drips()) if requested == key else None
    report = edge.sync(TRIES=1, IDLE_TIMEOUT_SECONDS=1, MIN_BYTES_PER_SECOND=1000)
    assert next(sent) < 1000
    assert edge.reasons() == {slow: Reason.TIMEOUT}
    assert (report.exit_status, set(edge.rows())) == (1, {good})


def test_the_circuit_breaker_opens_after_twenty_failed_downloads_and_puts_the_rest_on_the_retry_list(edge: Edge) -> None:
    for n in range(60):
        edge.ho.put(f"dish {n}", picture(n, 300))
    edge.ho.on_image = lambda key: Response(503)
    report = edge.sync(TRIES=1)
    assert report.exit_status == 4
    assert "bucket" in str(report.error)
    assert len(edge.ho.image_requests) < 60
    assert len(edge.reasons()) == 60
    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_many_failing_photos_do_not_block_the_others_for_ever(edge: Edge) -> None:
    for n in range(60):
        edge.ho.put(f"lost {n}", picture(n, 300))
    good = {edge.ho.put(f"dish {n}", picture(n, 30_000), key=f"products/good/{n}.jpg") for n in range(5)}
    edge.ho.on_image = lambda key: None if "/good/" in key else Response(503)
    edge.sync(TRIES=1)
    assert not edge.rows(), "small photos come first, so that no other photo is in flight yet"
    for _ in range(3):
        edge.sync(TRIES=1)
    assert set(edge.rows()) == good
    assert not good & set(edge.reasons())


@pytest.mark.parametrize("count", [999, 1000, 1001])
def test_an_outage_of_head_offices_bucket_is_reported_for_any_number_of_photos(edge: Edge, count: int) -> None:
    edge.ho.max_page = 1000
    for number in range(count):
        edge.ho.put(f"dish {number}", picture(number, 60))
    edge.ho.on_image = lambda _: Response(503)
    report = edge.sync(TRIES=1)
    assert (report.exit_status, report.failed, report.owed, len(report.failures)) == (4, count, count, min(count, 1000))
    assert "Head office's bucket does not give photos" in str(report.error)
    assert edge.count("etalase_pending_photo") == count


@pytest.mark.parametrize(
    ("response", "fault"),
    [(Response(503), "head_office_busy"), (Response(429), "head_office_busy"), (None, "head_office_away")],
)
def test_a_responding_bucket_of_head_office_is_not_unreachable(edge: Edge, response: Response | None, fault: str) -> None:
    for number in range(30):
        edge.ho.put(f"dish {number}", picture(number, 60))
    if response is None:
        for photo in edge.ho.photos.values():
            photo["image_url"] = photo["image_url"].replace(f":{edge.ho.port}/", ":9/")
    edge.ho.on_image = lambda _: response
    assert edge.sync(TRIES=1).fault == fault


@pytest.mark.parametrize("wish", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +999999", "soon", "-1"])
def test_an_unreadable_retry_after_is_ignored(edge: Edge, wish: str) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.put("soto", picture(2))
    key = edge.ho.photos[photo]["object_key"]
    edge.ho.on_image = lambda requested: Response(503, b"", {"Retry-After": wish}) if requested == key else None
    report = edge.sync()
    assert (report.outcome, report.reasons, report.fetched) == ("partial", {"server_error": 1}, 1)


def test_an_unexpected_error_fails_one_photo_only_and_is_logged_with_run_and_store(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    edge.ho.put("good", picture("good"))
    odd = edge.ho.put("odd", picture("odd"))

    def inject(services: Services) -> None:
        real: Any = services.images.fetch

        def fetch(photo: Photo) -> Any:
            if str(photo.id) == odd:
                logging.getLogger("etalase.edge").warning("from a worker thread")
                raise RuntimeError("nobody foresaw this")
            return real(photo)

        images = services.images
        services.images = SimpleNamespace(
            fetch=fetch, fetch_once=images.fetch_once, done=images.done, bytes_received=0, transfers_at_once=1
        )

    report = edge.sync(inject=inject)
    assert (report.outcome, report.fetched, edge.reasons()) == ("partial", 1, {odd: "unforeseen"})
    assert "RuntimeError: nobody foresaw this" in report.failures[0]["detail"]
    lines = {line.getMessage(): line for line in caplog.records if hasattr(line, "run_id")}
    assert "from a worker thread" in lines
    assert any(message.startswith("Photo sync partial") for message in lines)
    assert {(vars(line)["run_id"], vars(line)["store_id"]) for line in lines.values()} == {(report.run_id, STORE_ID)}
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_a_time_with_an_offset_beyond_postgresqls_range_is_stored_as_the_same_moment(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("sate"), updated_at="2026-02-03T07:26:11+16:00")
    edge.ho.put("soto", picture("soto"), updated_at="2026-02-03T07:26:11-23:59")
    assert edge.sync().fetched == 2
    assert edge.rows()[photo]["updated_at"].isoformat() == "2026-02-02T15:26:11+00:00"


def test_an_object_longer_than_its_listed_size_is_reported_as_head_offices_contradiction(edge: Edge) -> None:
    for name, size in (("small", 2000), ("large", 200_000)):
        photo = edge.ho.put(name, picture(name, size))
        key = edge.ho.photos[photo]["object_key"]
        edge.ho.bodies[key] = picture(name, size) + b"more"
    edge.sync()
    assert set(edge.reasons().values()) == {"ho_contradicts_itself"}
    assert len(edge.ho.image_requests) == 2  # once each


def test_a_file_with_a_pictures_first_bytes_is_refused(edge: Edge) -> None:
    """A page under a picture's name is not shown, whatever its MD5; the other photos arrive."""
    page = b"<html><script>alert(1)</script>" * 3000
    bodies = [b"\xff\xd8\xff" + page[:900], picture(1)[:2] + picture(1)[-27:-25] + page, b"\x89PNG\r\n\x1a\n" + page]
    bad = [edge.ho.put(f"page {n}", body) for n, body in enumerate(bodies)]  # in memory, and through the spool
    good = edge.ho.put("sate", picture("sate"))
    assert edge.sync().exit_status == 1
    assert edge.reasons() == dict.fromkeys(bad, "type_mismatch")
    assert list(edge.rows()) == [good]


@pytest.mark.parametrize("size", [3000, 200_000], ids=["in memory", "through the spool"])
def test_a_photo_that_is_damaged_at_head_office_is_published_and_reported(edge: Edge, size: int) -> None:
    damaged = edge.ho.put("sate", picture("sate", size)[:-2])
    edge.ho.put("soto", picture("soto", size))
    report = edge.sync()
    assert (report.exit_status, report.fetched) == (0, 2)
    (notice,) = report.notices
    assert (notice["code"], notice["product_name"], notice["photo_id"]) == ("damaged_at_ho", "sate", damaged)
    assert "cut short" in notice["problem"]
    edge.check_equals_head_office()
    assert edge.sync(full=True).notices == []
