"""Checks object stores that are not quite S3, or not S3 at all: a proxy before each real make responds to some requests."""

import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from tests.certificates import private_authority
from tests.doorman import Doorman, Reply, Request, doorman

from etalase.devstack.s3 import S3Server
from etalase.errors import (
    ObjectChanged,
    ObjectMissing,
    ObjectRefused,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreMisconfigured,
    SettingsError,
)
from etalase.objectstore.client import PROBE_KEY, ObjectStore
from etalase.settings.edge import EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import parse_settings

MEBIBYTE = 1024 * 1024
S3_ERROR = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>No.</Message></Error>"
PAGE = b"<!DOCTYPE html><html><title>MinIO Console</title></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}
KEY = "products/1/primary.jpg"


def store(
    endpoint: str, server: S3Server, name: str = "photos", *, max_retries: int = 0, ca_file: Path | None = None, **options: Any
) -> ObjectStore:
    """Returns a bucket of ``server`` at ``endpoint``."""
    return ObjectStore(
        endpoint=endpoint,
        bucket=name,
        access_key=server.access_key,
        secret_key=server.secret_key,
        ca_file=ca_file,
        max_retries=max_retries,
        **options,
    )


@pytest.fixture
def behind(each_s3_server: S3Server) -> ObjectStore:
    """Returns a new bucket with one photo, without a doorman."""
    fresh = store(each_s3_server.endpoint, each_s3_server, f"b-{uuid.uuid4().hex}")
    fresh.ensure_bucket()
    fresh.put(KEY, b"nasi goreng", content_type="image/jpeg")
    return fresh


@pytest.fixture
def door(each_s3_server: S3Server) -> Iterator[Doorman]:
    """Yields a doorman before the server."""
    with doorman(each_s3_server.endpoint) as door:
        yield door


@pytest.fixture
def bucket(behind: ObjectStore, door: Doorman, each_s3_server: S3Server) -> ObjectStore:
    """Returns the same bucket, through the doorman."""
    return store(door.endpoint, each_s3_server, behind.bucket)


@pytest.fixture
def alone() -> Iterator[Doorman]:
    """Yields a doorman without a server behind it: it responds to every request itself."""
    with doorman("http://127.0.0.1:1") as door:
        yield door


@pytest.fixture
def odd(alone: Doorman) -> ObjectStore:
    """Returns a bucket at that doorman."""
    return ObjectStore(endpoint=alone.endpoint, bucket="photos", access_key="a-key", secret_key="a-secret", max_retries=0)


def is_policy(request: Request) -> bool:
    """Returns whether the request is about the bucket's policy."""
    return "policy" in request.query


# Policies


@pytest.mark.parametrize(
    "reply", [Reply(501, S3_ERROR % b"NotImplemented"), Reply(405), Reply(404), Reply(403, S3_ERROR % b"AccessDenied")]
)
@pytest.mark.parametrize("methods", [{"GET", "PUT"}, {"PUT"}])
def test_a_store_without_policies_is_well_where_anybody_can_read_all_the_same(
    bucket: ObjectStore, door: Doorman, behind: ObjectStore, reply: Reply, methods: set[str]
) -> None:
    door.rule = lambda request: reply if is_policy(request) and request.method in methods else None
    assert bucket.ensure_bucket() is False
    if methods == {"GET", "PUT"} and reply.status != 404:  # which means that there is no policy yet
        assert not any(request.method == "PUT" for request in door.requests)
    behind.delete([KEY])  # an empty bucket is tried out, and empty again
    assert bucket.ensure_bucket() is False
    assert list(behind.list("")) == []


@pytest.mark.parametrize(
    "reply", [Reply(501, S3_ERROR % b"NotImplemented"), Reply(405), Reply(404), Reply(403, S3_ERROR % b"AccessDenied")]
)
@pytest.mark.parametrize("empty", [False, True])
def test_an_unreadable_bucket_without_a_settable_policy_is_an_error_with_advice(
    bucket: ObjectStore, door: Doorman, behind: ObjectStore, reply: Reply, empty: bool
) -> None:
    if empty:
        behind.delete([KEY])
    behind.request("DELETE", query={"policy": ""})
    door.rule = lambda request: reply if is_policy(request) else None
    with pytest.raises(ObjectStoreDenied, match=r"policy cannot be set.*by hand") as raised:
        bucket.ensure_bucket()
    assert str(reply.status) in str(raised.value)
    assert [info.key for info in behind.list("")] == ([] if empty else [KEY])
    door.rule = lambda _: None
    bucket.ensure_bucket()
    assert bucket.is_public(KEY)


# Not S3 at all


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, PAGE, HTML),
        Reply(404, PAGE, HTML),
        Reply(403, PAGE, HTML),
        Reply(404, b"404 page not found"),
        Reply(302, b"", {"Location": "https://portal.example/login"}),
        Reply(307, b"", {"Location": "http://127.0.0.1:9001/"}),
        Reply(200, b'{"status": "ok"}', {"Content-Type": "application/json"}),
        Reply(200, b"ok"),
        Reply(200, b""),
        Reply(200, b"<feed/>"),
        Reply(405, b"Method Not Allowed"),
        Reply(400, b"Client sent an HTTP request to an HTTPS server.\n"),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:12].decode()}",
)
def test_what_is_not_an_s3_server_is_called_so_and_nothing_is_put_there(odd: ObjectStore, alone: Doorman, reply: Reply) -> None:
    alone.rule = lambda _: reply
    with pytest.raises(ObjectStoreError, match="ETALASE_S3_ENDPOINT"):
        odd.ensure_bucket()
    assert not any(request.method == "PUT" for request in alone.requests)
    with pytest.raises(ObjectStoreError):
        list(odd.list(""))


def test_a_page_in_answer_to_a_put_is_no_success(odd: ObjectStore, alone: Doorman) -> None:
    alone.rule = lambda request: Reply(200, PAGE, HTML) if request.method == "PUT" else None
    with pytest.raises(ObjectStoreMisconfigured, match="not an S3 server"):
        odd.put(KEY, b"x", content_type="image/jpeg")


# Refusals with a code that takes a second request


def test_a_refusal_without_a_body_leads_to_one_more_request_for_its_code(
    bucket: ObjectStore, door: Doorman, each_s3_server: S3Server
) -> None:
    wrong = store(door.endpoint, replace(each_s3_server, secret_key="another-secret"), bucket.bucket)
    for what in (lambda: wrong.head(KEY), wrong.ensure_bucket, lambda: wrong.put(KEY, b"x", content_type="image/jpeg")):
        door.requests.clear()
        with pytest.raises(ObjectStoreDenied, match="ETALASE_S3_SECRET_KEY"):
            what()
        assert len(door.requests) <= 2
    unknown = store(door.endpoint, replace(each_s3_server, access_key="nobody-at-all"), bucket.bucket)
    with pytest.raises(ObjectStoreDenied, match="does not know it"):
        unknown.head(KEY)


def test_a_head_that_is_refused_and_a_get_that_is_not_is_still_a_refusal(bucket: ObjectStore, door: Doorman) -> None:
    door.rule = lambda request: Reply(403) if request.method == "HEAD" else None
    with pytest.raises(ObjectStoreDenied, match="s3:GetObject"):
        bucket.head(KEY)


@pytest.mark.parametrize(("seconds", "says"), [(7200, "2 hours fast"), (-7200, "2 hours slow")])
def test_a_wrong_clock_is_reported_with_its_skew_for_every_operation(
    odd: ObjectStore, alone: Doorman, seconds: float, says: str
) -> None:
    def late(_: Request) -> Reply:
        return Reply(403, S3_ERROR % b"RequestTimeTooSkewed", {"Date": formatdate(time() - seconds, usegmt=True)})

    alone.rule = late
    for what in (odd.ensure_bucket, lambda: odd.head(KEY), lambda: odd.delete([KEY])):
        with pytest.raises(ObjectStoreMisconfigured, match=says):
            what()


# Lists


def listing(*entries: str, more: str = "") -> bytes:
    """Returns a page of a listing."""
    contents = "".join(f"<Contents>{entry}</Contents>" for entry in entries)
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{more}{contents}</ListBucketResult>'.encode()


ENTRY = "<Key>{}</Key><Size>11</Size><ETag>{}</ETag>"
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8)
)


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (listing(ENTRY.format("products/a+b%20c.jpg", "x")), ["products/a+b%20c.jpg"]),
        (listing(ENTRY.format("products/a%2Bb+c.jpg", "x"), more="<EncodingType>url</EncodingType>"), ["products/a+b c.jpg"]),
        (listing(), []),
        (b"\xef\xbb\xbf" + listing(ENTRY.format("a", "x")), ["a"]),
        (listing(ENTRY.format("a", "x")).replace(b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', b""), ["a"]),
    ],
)
def test_keys_are_decoded_only_where_the_listing_says_that_they_are_encoded(
    odd: ObjectStore, alone: Doorman, body: bytes, keys: list[str]
) -> None:
    alone.rule = lambda _: Reply(200, body, {"Content-Type": "application/xml"})
    assert [info.key for info in odd.list("")] == keys


@pytest.mark.parametrize("etag", ["abc", "&quot;abc&quot;", '"abc"', "W/&quot;abc&quot;"])
def test_an_etag_is_the_same_however_it_is_quoted(odd: ObjectStore, alone: Doorman, etag: str) -> None:
    alone.rule = lambda _: Reply(200, listing(ENTRY.format("a", etag)))
    assert [info.etag for info in odd.list("")] == ["abc"]


@pytest.mark.parametrize(
    "body",
    [
        BOMB + b"]>" + listing(ENTRY.format("&i;", "x")),
        listing("<Key>a</Key>"),
        listing("<Size>1</Size>"),
        listing("<Key>a</Key><Size>-1</Size>"),
        listing("<Key>a</Key><Size>many</Size>"),
        listing(ENTRY.format("a", "x"))[:-9],
        listing(more="<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>"),
        b"\xff\xfe\x00",
        b"{}",
        S3_ERROR % b"InternalError",
        S3_ERROR % b"AccessDenied",
        b"<ListBucketResult>" + b" " * (17 * 1024 * 1024),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_listing_that_cannot_be_read_ends_in_one_clear_error(odd: ObjectStore, alone: Doorman, body: bytes) -> None:
    alone.rule = lambda _: Reply(200, body, {"Content-Type": "application/xml"})
    with pytest.raises(ObjectStoreError) as raised:
        list(odd.list(""))
    assert raised.value.hint
    assert len(str(raised.value)) < 600


# Objects


def without(name: str, method: str) -> Callable[[Request, Reply], Reply]:
    """Returns a rule that removes a header from the responses to a method."""

    def after(request: Request, reply: Reply) -> Reply:
        kept = {n: v for n, v in reply.headers.items() if n.lower() != name} | ({name: ""} if name == "Content-Length" else {})
        return replace(reply, headers=kept) if request.method == method else reply

    return after


def test_an_object_whose_head_does_not_say_its_length_is_looked_up_in_the_listing(bucket: ObjectStore, door: Doorman) -> None:
    bucket.put(KEY + ".other", b"another", content_type="image/jpeg")
    door.after = without("Content-Length", "HEAD")
    found = bucket.head(KEY)
    assert found is not None
    assert (found.size, found.content_type) == (11, "image/jpeg")
    assert bucket.head("products/none.jpg") is None


@pytest.mark.parametrize("code", [b"InternalError", b"SlowDown", b"AccessDenied", b"InvalidRequest"])
def test_an_error_inside_a_200_is_an_error(odd: ObjectStore, alone: Doorman, code: bytes) -> None:
    alone.rule = lambda request: Reply(200, S3_ERROR % code) if request.method in {"PUT", "DELETE"} else None
    for what in (lambda: odd.put(KEY, b"x", content_type="image/jpeg"), lambda: odd.delete([KEY])):
        with pytest.raises((ObjectStoreAway, ObjectStoreDenied, ObjectRefused), match=code.decode()):
            what()


def test_a_store_that_wants_a_moment_is_given_it_and_one_that_wants_an_hour_is_away(
    bucket: ObjectStore, door: Doorman, each_s3_server: S3Server
) -> None:
    waits: list[float] = []
    patient = store(door.endpoint, each_s3_server, bucket.bucket, max_retries=2, sleep=waits.append)
    pauses = ["3", "0"]
    door.rule = lambda _: Reply(503, S3_ERROR % b"SlowDown", {"Retry-After": pauses.pop(0)}) if pauses else None
    assert patient.get(KEY) == b"nasi goreng"
    assert waits[0] == 3.0
    assert 0.5 <= waits[1] <= 1.0  # its own backoff, with jitter
    waits.clear()
    door.rule = lambda _: Reply(503, S3_ERROR % b"SlowDown", {"Retry-After": "3600"})
    with pytest.raises(ObjectStoreAway, match="SlowDown"):
        patient.get(KEY)
    assert waits == []


def test_a_refusal_that_comes_before_the_body_is_sent_is_heard(odd: ObjectStore, alone: Doorman) -> None:
    alone.rule = lambda request: Reply(413, b"<html>too large</html>", HTML) if request.method == "PUT" else None
    for size in (20 * MEBIBYTE, MEBIBYTE + 1, 100_000):
        with pytest.raises(ObjectRefused, match=rf"{size:,} bytes: HTTP 413.*client_max_body_size"):
            odd.put(KEY, bytes(size), content_type="image/jpeg")


def test_a_large_photo_is_put_whole_through_a_proxy(bucket: ObjectStore, behind: ObjectStore) -> None:
    body = os.urandom(5 * MEBIBYTE)
    assert bucket.put(KEY, body, content_type="image/jpeg") == hashlib.md5(body).hexdigest()
    assert behind.get(KEY) == body


def test_a_store_without_conditional_puts_gets_a_head_before_the_put(bucket: ObjectStore, door: Doorman) -> None:
    door.rule = lambda request: (
        Reply(501, S3_ERROR % b"NotImplemented") if {"if-match", "if-none-match"} & request.headers.keys() else None
    )
    there = bucket.get(KEY)
    for body in (b"\xff\xd8\xff second", b"\xff\xd8\xff third"):
        with pytest.raises(ObjectChanged):
            bucket.put(KEY, body, content_type="image/jpeg", if_match="0" * 32)
        with pytest.raises(ObjectChanged):
            bucket.put(KEY, body, content_type="image/jpeg", if_none_match="*")
        assert bucket.get(KEY) == there
        bucket.put(KEY, body, content_type="image/jpeg", if_match=hashlib.md5(there).hexdigest())
        there = bucket.get(KEY)
        assert there == body
    refused = [request for request in door.requests if {"if-match", "if-none-match"} & request.headers.keys()]
    assert len(refused) == 3  # until it was known


def test_trying_the_store_out_leaves_nothing_behind(bucket: ObjectStore, behind: ObjectStore, door: Doorman) -> None:
    bucket.prove_writable(5_000_000)
    (put,) = [request for request in door.requests if request.method == "PUT"]
    assert (put.key, put.length) == (PROBE_KEY, 5_000_000)
    assert [info.key for info in behind.list("")] == [KEY]


# What is public besides


def test_a_store_that_serves_pictures_as_web_pages_and_a_list_to_anybody_are_warned_of(
    bucket: ObjectStore, door: Doorman
) -> None:
    (html,) = bucket.risks()  # both makes do, for anybody
    assert "origin of its own" in html
    door.rule = lambda request: None if request.is_signed else Reply(400, S3_ERROR % b"InvalidRequest")  # as AWS does
    assert bucket.risks() == []
    door.rule = lambda request: Reply(200, listing()) if not request.is_signed and not request.key else None
    assert "list bucket" in bucket.risks()[0]


# Connections


def closed_port() -> int:
    """Returns a port without a listener."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_name_or_port_where_nobody_is_says_so(each_s3_server: S3Server) -> None:
    with pytest.raises(ObjectStoreAway, match=r"no-such-host\.invalid cannot be found \(DNS\)"):
        store("http://no-such-host.invalid:9000", each_s3_server).ensure_bucket()
    port = closed_port()
    with pytest.raises(ObjectStoreAway, match=rf"nothing listens at 127\.0\.0\.1:{port} \(connection refused\)"):
        store(f"http://127.0.0.1:{port}", each_s3_server).ensure_bucket()


def test_tls_spoken_to_a_plain_port_says_so(each_s3_server: S3Server) -> None:
    endpoint = each_s3_server.endpoint.replace("http:", "https:")
    with pytest.raises(ObjectStoreMisconfigured, match=r"speaks plain HTTP, and the address says https.*ETALASE_S3_ENDPOINT"):
        store(endpoint, each_s3_server).ensure_bucket()


# A private authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a private authority, with certificates for this machine and for another name."""
    return private_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tls_door(each_s3_server: S3Server, authority: Path) -> Iterator[Doorman]:
    """Yields the store behind a proxy that speaks TLS, with a certificate of a private authority."""
    with doorman(each_s3_server.endpoint, certificate=authority / "server.pem") as door:
        yield door


def test_a_private_authority_is_trusted_where_its_setting_names_it_and_else_the_setting_is_named(
    behind: ObjectStore, tls_door: Doorman, each_s3_server: S3Server, authority: Path
) -> None:
    with pytest.raises(ObjectStoreMisconfigured, match="ETALASE_CA_FILE"):
        store(tls_door.endpoint, each_s3_server, behind.bucket).ensure_bucket()
    trusting = store(tls_door.endpoint, each_s3_server, behind.bucket, ca_file=authority / "ca.pem")
    trusting.ensure_bucket()
    assert trusting.get(KEY) == b"nasi goreng"
    with pytest.raises(ObjectMissing):
        trusting.get("products/none.jpg")


def test_a_certificate_for_another_name_says_so(each_s3_server: S3Server, authority: Path) -> None:
    with doorman(each_s3_server.endpoint, certificate=authority / "other.pem") as door:
        bucket = store(door.endpoint, each_s3_server, ca_file=authority / "ca.pem")
        with pytest.raises(ObjectStoreMisconfigured, match=r"for another name.*ETALASE_S3_ENDPOINT"):
            bucket.ensure_bucket()


def test_plain_http_spoken_to_a_tls_port_says_so(tls_door: Doorman, each_s3_server: S3Server) -> None:
    with pytest.raises(ObjectStoreError, match=r"https://"):
        store(tls_door.endpoint.replace("https:", "http:"), each_s3_server).ensure_bucket()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"", "no certificate"),
        (b"hello", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "no certificate that can be read"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "no certificate"),
    ],
)
@pytest.mark.parametrize("screen", [EdgeSettings, HeadOfficeSettings])
def test_a_file_that_holds_no_authority_is_a_settings_error_at_start(
    tmp_path: Path, content: bytes | None, says: str, screen: type[EdgeSettings] | type[HeadOfficeSettings]
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        parse_settings(screen, {"CA_FILE": str(file)})
    (problem,) = [problem for problem in raised.value.problems if "CA_FILE" in problem]
    assert problem.startswith(f"ETALASE_CA_FILE «{file}»: ")
    assert says in problem


def test_a_folder_in_the_place_of_an_authoritys_file_is_a_settings_error_too(tmp_path: Path, authority: Path) -> None:
    with pytest.raises(SettingsError, match=r"ETALASE_CA_FILE .* cannot be read"):
        parse_settings(EdgeSettings, {"CA_FILE": str(tmp_path)})
    with pytest.raises(SettingsError) as raised:
        parse_settings(EdgeSettings, {"CA_FILE": str(authority / "ca.pem")})
    assert not any("CA_FILE" in problem for problem in raised.value.problems)
