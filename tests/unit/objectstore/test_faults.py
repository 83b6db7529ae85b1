"""Checks S3 error responses and failed connections: one clear sentence and a hint each (hazard 78)."""

from dataclasses import replace
from email.utils import formatdate

import pytest

from etalase.errors import (
    ObjectMissing,
    ObjectRefused,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreFull,
    ObjectStoreMisconfigured,
)
from etalase.objectstore.faults import S3Request, S3Response, of_response, parsed_xml

NOW = 1_795_000_000.0
HOUR = 3600.0
KEY = "products/1/primary.jpg"


def s3_request(
    method: str = "PUT", key: str = KEY, *, endpoint: str = "http://edge_minio:9000", size: int = 1_234_567
) -> S3Request:
    """Returns a request to a store in the first region."""
    return S3Request(endpoint, "product-images", "us-east-1", method, key, size if method == "PUT" else 0)


def xml(code: str, message: str = "No.", **more: str) -> bytes:
    """Returns an S3 error body."""
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{elements}</Error>'.encode()


def s3_response(status: int, body: bytes = b"", skew_seconds: float = 0.0, **headers: str) -> S3Response:
    """Returns a response from a store whose clock is ``skew_seconds`` behind ours."""
    named = {"date": formatdate(NOW - skew_seconds, usegmt=True)} | {n.replace("_", "-"): v for n, v in headers.items()}
    return S3Response(s3_request(), status, lambda name: named.get(name, ""), body)


BUCKET = s3_request("GET", "")
PAGE = b"<!DOCTYPE html><html>Sign in</html>"

CASES: list[tuple[S3Request, S3Response, type[ObjectStoreError], list[str]]] = [
    # The clock
    (
        s3_request(),
        s3_response(403, xml("RequestTimeTooSkewed"), 2 * HOUR),
        ObjectStoreMisconfigured,
        ["clock is 2 hours fast", "timedatectl"],
    ),
    (
        s3_request(),
        s3_response(403, xml("RequestTimeTooSkewed"), -49 * HOUR),
        ObjectStoreMisconfigured,
        ["clock is 2 days slow"],
    ),
    (BUCKET, s3_response(403, b"", 20 * 60), ObjectStoreMisconfigured, ["20 minutes fast"]),
    (BUCKET, s3_response(403, xml("SignatureDoesNotMatch"), -HOUR), ObjectStoreMisconfigured, ["1 hour slow"]),
    (BUCKET, s3_response(403, xml("RequestTimeTooSkewed"), date="rubbish"), ObjectStoreMisconfigured, ["more than 15 minutes"]),
    (BUCKET, s3_response(400, xml("RequestExpired"), 3 * HOUR), ObjectStoreMisconfigured, ["3 hours fast"]),
    # The key
    (
        s3_request(),
        s3_response(403, xml("SignatureDoesNotMatch")),
        ObjectStoreDenied,
        ["ETALASE_S3_SECRET_KEY", "proxy_set_header Host"],
    ),
    (
        s3_request(),
        s3_response(403, xml("InvalidAccessKeyId")),
        ObjectStoreDenied,
        ["does not know it", "ETALASE_S3_ACCESS_KEY"],
    ),
    (s3_request(), s3_response(401, xml("ExpiredToken")), ObjectStoreDenied, ["ExpiredToken"]),
    (s3_request(), s3_response(403, xml("AccessDenied")), ObjectStoreDenied, ["s3:PutObject", KEY]),
    (s3_request("DELETE"), s3_response(403, xml("AccessDenied")), ObjectStoreDenied, ["s3:DeleteObject"]),
    (s3_request("HEAD"), s3_response(403), ObjectStoreDenied, ["s3:GetObject", "or a proxy before it"]),
    (
        BUCKET,
        s3_response(403, xml("AccessDenied")),
        ObjectStoreDenied,
        ["s3:ListBucket", "bucket product-images", "ETALASE_S3_BUCKET"],
    ),
    (s3_request("PUT", ""), s3_response(403, xml("AccessDenied")), ObjectStoreDenied, ["s3:CreateBucket"]),
    (s3_request(), s3_response(403, PAGE, server="nginx"), ObjectStoreDenied, ["or a proxy before it", "nginx"]),
    # The region, the address
    (
        BUCKET,
        s3_response(400, xml("AuthorizationHeaderMalformed", Region="eu-west-1")),
        ObjectStoreMisconfigured,
        ["S3_REGION=eu-west-1"],
    ),
    (
        BUCKET,
        s3_response(400, xml("AuthorizationHeaderMalformed", "the region is wrong; expecting 'ap-southeast-3'")),
        ObjectStoreMisconfigured,
        ["S3_REGION=ap-southeast-3"],
    ),
    (
        s3_request("HEAD", ""),
        s3_response(301, b"", x_amz_bucket_region="eu-central-1"),
        ObjectStoreMisconfigured,
        ["S3_REGION=eu-central-1"],
    ),
    (
        s3_request("HEAD", ""),
        s3_response(400, b"", x_amz_bucket_region="eu-central-1"),
        ObjectStoreMisconfigured,
        ["S3_REGION=eu-central-1"],
    ),
    (
        s3_request("PUT", "", endpoint="https://s3.eu-north-1.amazonaws.com"),
        s3_response(400, xml("IllegalLocationConstraintException", "The unspecified location constraint is incompatible")),
        ObjectStoreMisconfigured,
        ["S3_REGION=eu-north-1"],
    ),
    (
        s3_request("PUT", ""),
        s3_response(400, xml("InvalidRegion", "Region does not match.")),
        ObjectStoreMisconfigured,
        ["ETALASE_S3_REGION"],
    ),
    (
        s3_request("PUT", ""),
        s3_response(400, xml("InvalidLocationConstraint")),
        ObjectStoreMisconfigured,
        ["ETALASE_S3_REGION"],
    ),
    (
        s3_request(),
        s3_response(301, xml("PermanentRedirect", Endpoint="b.s3.amazonaws.com")),
        ObjectStoreMisconfigured,
        ["b.s3.amazonaws.com", "ETALASE_S3_ENDPOINT"],
    ),
    (
        BUCKET,
        s3_response(307, b"", location="https://edge_minio:9000/x"),
        ObjectStoreMisconfigured,
        ["redirects to «https://edge_minio"],
    ),
    (BUCKET, s3_response(308, PAGE, location="https://portal/login"), ObjectStoreMisconfigured, ["https://portal/login"]),
    (
        BUCKET,
        s3_response(400, b"Client sent an HTTP request to an HTTPS server.\n"),
        ObjectStoreMisconfigured,
        ["=https://edge_minio:9000"],
    ),
    (
        BUCKET,
        s3_response(400, b"<html>400 The plain HTTP request was sent to HTTPS port</html>"),
        ObjectStoreMisconfigured,
        ["speaks TLS"],
    ),
    # Not an S3 server
    (
        BUCKET,
        s3_response(404, PAGE, content_type="text/html"),
        ObjectStoreMisconfigured,
        ["not an S3 server", "9001 is its console"],
    ),
    (BUCKET, s3_response(404, b"404 page not found\n"), ObjectStoreMisconfigured, ["not an S3 server"]),
    (
        s3_request(),
        s3_response(400, xml("InvalidArgument", "S3 API Requests must be made to API port.")),
        ObjectStoreMisconfigured,
        ["not an S3 server", "9001 is its console"],
    ),
    (BUCKET, s3_response(403, PAGE), ObjectStoreMisconfigured, ["not an S3 server"]),
    (BUCKET, s3_response(405, xml("MethodNotAllowed")), ObjectStoreMisconfigured, ["MethodNotAllowed"]),
    # The bucket
    (BUCKET, s3_response(404, xml("NoSuchBucket")), ObjectMissing, ["no bucket product-images"]),
    (s3_request("GET"), s3_response(404, xml("NoSuchBucket")), ObjectMissing, ["no bucket product-images"]),
    (BUCKET, s3_response(400, xml("InvalidBucketName")), ObjectStoreMisconfigured, ["ETALASE_S3_BUCKET"]),
    (
        s3_request("PUT", ""),
        s3_response(409, xml("BucketAlreadyExists")),
        ObjectStoreMisconfigured,
        ["somebody else's", "ETALASE_S3_BUCKET"],
    ),
    # Full
    (s3_request(), s3_response(507, xml("XMinioStorageFull")), ObjectStoreFull, ["is full"]),
    (
        s3_request(),
        s3_response(500, xml("InternalError", "write /data: no space left on device")),
        ObjectStoreFull,
        ["is full"],
    ),
    (s3_request(), s3_response(400, xml("XMinioAdminBucketQuotaExceeded")), ObjectStoreFull, ["quota"]),
    (s3_request(), s3_response(403, xml("QuotaExceeded")), ObjectStoreFull, ["quota"]),
    (s3_request(), s3_response(400, xml("IncompleteBody")), ObjectStoreFull, ["whole body", "disk is full", "proxy"]),
    # Later
    (s3_request(), s3_response(503, xml("SlowDown", "Please reduce your request rate.")), ObjectStoreAway, ["SlowDown"]),
    (s3_request(), s3_response(429, b""), ObjectStoreAway, ["HTTP 429"]),
    (s3_request(), s3_response(408, b""), ObjectStoreAway, ["HTTP 408"]),
    (s3_request(), s3_response(400, xml("BadDigest")), ObjectRefused, ["BadDigest"]),
    (s3_request(), s3_response(400, xml("RequestTimeout")), ObjectStoreAway, ["RequestTimeout"]),
    (s3_request(), s3_response(500, xml("InternalError")), ObjectStoreAway, ["InternalError"]),
    (BUCKET, s3_response(502, PAGE, server="nginx"), ObjectStoreAway, ["HTTP 502 nginx"]),
    # One object
    (s3_request("GET"), s3_response(404, xml("NoSuchKey")), ObjectMissing, [KEY]),
    (s3_request("GET"), s3_response(403, xml("InvalidObjectState")), ObjectRefused, ["InvalidObjectState"]),
    (
        s3_request(),
        s3_response(413, PAGE, server="nginx"),
        ObjectRefused,
        ["1,234,567 bytes", "HTTP 413", "client_max_body_size"],
    ),
    (s3_request(), s3_response(413, b""), ObjectRefused, ["1,234,567 bytes", "client_max_body_size"]),
    (s3_request(), s3_response(400, xml("EntityTooLarge")), ObjectRefused, ["1,234,567 bytes", "no object of this size"]),
    *[
        (s3_request(), s3_response(status, b"no"), ObjectRefused, [KEY, f"HTTP {status}"])
        for status in (400, 405, 411, 414, 415, 422, 451, 501)
    ],
    *[
        (s3_request(), s3_response(400, xml(code)), ObjectRefused, [KEY, code])
        for code in ("InvalidRequest", "KeyTooLongError", "XMinioInvalidObjectName", "MalformedXML", "InvalidDigest", "New")
    ],
]


@pytest.mark.parametrize(
    ("sent", "response", "kind", "parts"), CASES, ids=lambda v: v.__name__ if isinstance(v, type) else None
)
def test_an_s3_error_response_is_judged_by_its_code(
    sent: S3Request, response: S3Response, kind: type[ObjectStoreError], parts: list[str]
) -> None:
    error = of_response(replace(response, request=sent), now=NOW)
    assert type(error) is kind
    for part in parts:
        assert part in str(error)
    assert str(error).isprintable()
    assert error.hint or kind in {ObjectRefused, ObjectMissing}


@pytest.mark.parametrize(
    ("status", "code", "may_pass"),
    [
        (400, "IncompleteBody", True),
        (400, "BadDigest", True),
        (400, "XAmzContentSHA256Mismatch", True),
        (400, "RequestTimeout", True),
        (400, "InvalidRequest", False),
        (403, "AccessDenied", False),
        (503, "SlowDown", True),
        (507, "XMinioStorageFull", False),
    ],
)
def test_a_body_that_was_damaged_on_its_way_is_sent_again(status: int, code: str, may_pass: bool) -> None:
    assert s3_response(status, xml(code)).may_pass == may_pass


@pytest.mark.parametrize(
    "body",
    [b"", b"no", b"<Error>", PAGE, b"\xff\xfe<", b"<a/>", b"<Error><Code/></Error>", xml("\u202e\n", "x" * 5000), b"\0" * 99],
)
@pytest.mark.parametrize("sent", [BUCKET, s3_request(), s3_request("HEAD"), s3_request("DELETE", ""), s3_request("POST")])
def test_any_s3_error_response_becomes_our_error_on_one_short_line(sent: S3Request, body: bytes) -> None:
    for status in (100, 200, 300, 304, 400, 401, 403, 404, 409, 412, 416, 418, 499, 500, 501, 505, 599):
        error = of_response(replace(s3_response(status, body, date=""), request=sent), now=NOW)
        assert isinstance(error, ObjectStoreError)
        assert str(error).isprintable()
        assert len(str(error)) < 900


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><ListBucketResult>&a;</ListBucketResult>',
        '<!DOCTYPE x [<!ENTITY a "a">]><x>&a;</x>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE x><x/>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<x>&nbsp;</x>",
        b"{}",
        b"",
        b"\x80",
    ],
)
def test_xml_with_entities_or_of_another_encoding_is_not_read(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed_xml(body)


def test_xml_with_a_byte_order_mark_and_character_references_is_read() -> None:
    assert parsed_xml(b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?><x>&#39;&amp;</x>').text == "'&"
