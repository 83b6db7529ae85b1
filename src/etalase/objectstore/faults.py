"""Explains the refusals of an S3 server, with a hint for each. Pure.

The error code decides (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). The status alone would blame the
key for a clock that is two hours off, and the whole store for one photo that a proxy finds too large (hazard 78).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from etalase.errors import (
    ObjectMissing,
    ObjectRefused,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreFull,
    ObjectStoreMisconfigured,
)
from etalase.formatting import counted
from etalase.protocol import printable
from etalase.redaction import redacted

# How far a clock may be off before S3 refuses a request (RequestTimeTooSkewed).
MAX_SKEW_SECONDS: Final = 15 * 60
MAX_DETAIL_CHARS: Final = 300

_FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "QuotaExceededException", "StorageFull"}
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_REGION = {
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "PermanentRedirect",
    "TemporaryRedirect",
    "Redirect",
    "IllegalLocationConstraintException",
    "InvalidLocationConstraint",
    "InvalidRegion",
}
_UNKNOWN_KEY = {"InvalidAccessKeyId", "InvalidClientTokenId", "ExpiredToken", "InvalidToken", "UnrecognizedClientException"}
_SLOW_DOWN = {"SlowDown", "SlowDownRead", "SlowDownWrite"}
_LATER = _SLOW_DOWN | {"RequestTimeout", "ServiceUnavailable", "InternalError", "TooManyRequests"}
# The bytes changed or got lost on their way into the store.
_DAMAGED_ON_ARRIVAL = {"IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_PLAIN_TO_TLS = (
    "HTTP request to an HTTPS server",
    "plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL",
)
_PERMISSION = {
    ("GET", True): "s3:GetObject", ("HEAD", True): "s3:GetObject", ("PUT", True): "s3:PutObject",
    ("DELETE", True): "s3:DeleteObject", ("GET", False): "s3:ListBucket", ("HEAD", False): "s3:ListBucket",
    ("PUT", False): "s3:CreateBucket",
}  # fmt: skip
_S3_PORTS = "ETALASE_S3_ENDPOINT has to name the S3 port: MinIO's is 9000 (9001 is its console), SeaweedFS's is 8333."


@dataclass(frozen=True, slots=True)
class S3Request:
    """A request to an S3 server. Without a ``key`` it concerns the bucket; ``size_bytes`` is the size of its body.

    ``permission`` names the S3 permission that the request needs, where it does not follow from method and key.
    """

    endpoint: str
    bucket: str
    region: str
    method: str
    key: str = ""
    size_bytes: int = 0
    permission: str = ""


@dataclass(frozen=True, slots=True)
class S3Response:
    """The response to a request. ``header`` returns one header by its lower-case name, or an empty text."""

    request: S3Request
    status: int
    header: Callable[[str], str]
    body: bytes = b""

    @property
    def error(self) -> dict[str, str]:
        """Returns the elements of an S3 error by name; empty for any other body, such as a proxy's page."""
        try:
            root = parsed_xml(self.body) if self.body else None
        except ValueError:
            return {}
        if root is None or root.tag.rpartition("}")[2] != "Error":
            return {}
        return {child.tag.rpartition("}")[2]: child.text or "" for child in root}

    @property
    def may_pass(self) -> bool:
        """Returns whether a retry may succeed."""
        return (
            self.status in {408, 429}
            or (self.status >= 500 and self.status not in {501, 507})
            or (self.status == 400 and self.error.get("Code") in _DAMAGED_ON_ARRIVAL | {"RequestTimeout"})
        )

    @property
    def is_page(self) -> bool:
        """Returns whether the response is a web page: of a console, a login or a proxy, never of an S3 server."""
        start = self.body[:200].lstrip().lower()
        return "html" in self.header("content-type").lower() or start.startswith((b"<!doctype html", b"<html"))


def parsed_xml(body: bytes) -> ET.Element:
    """Returns the root of an S3 server's XML. Raises ValueError for a text that is not XML, or has a document type.

    S3 never declares a document type; without one there are no entities to expand.
    """
    try:
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise ValueError("it declares a document type")
        return ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise ValueError(str(error)) from error


def of_response(response: S3Response, *, now: float) -> ObjectStoreError:
    """Returns the error of a response other than success. ``now`` is this server's Unix time."""
    request, error = response.request, response.error
    code, where = error.get("Code", ""), f"The object store {request.endpoint}"
    text = _shown(response, error)
    if code in _FULL or response.status == 507 or "no space left" in text:
        return ObjectStoreFull(f"{where} is full ({text}).", hint="Make room on its disk, or raise the bucket's quota.")
    if code == "IncompleteBody":  # MinIO's answer to every other put on a full disk: its write ends early, not the body
        return ObjectStoreFull(
            f"{where} received only a part of a whole body, as one does whose disk is full ({text}).",
            hint="Make room on its disk. If there is room, a proxy before the store cuts bodies off: look at its log.",
        )
    return (
        _of_clock(request, response, code, now)
        or _of_place(request, response, error)
        or _of_bucket(request, response, code)
        or _of_key(request, response, code, text)
        or _of_object(request, response, code, text)
        or ObjectStoreAway(
            f"{where} does not answer as it should: {text}",
            hint="Check that it runs, and its log; ETALASE_S3_ENDPOINT names it.",
        )
    )


def _of_clock(request: S3Request, response: S3Response, code: str, now: float) -> ObjectStoreError | None:
    """Returns the error of clocks that differ too much; some servers report a wrong signature then."""
    if response.status not in {400, 401, 403}:
        return None
    try:
        there = parsedate_to_datetime(response.header("date")).timestamp()
    except (ValueError, OverflowError):
        there = now
    skew = now - there
    if code not in _CLOCK and abs(skew) <= MAX_SKEW_SECONDS:
        return None
    if abs(skew) < 60:  # a proxy's clock, or that of a cached response
        how = "this server's clock and the store's differ by more than 15 minutes"
    else:
        ours, theirs = (f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}" for t in (now, there))
        how = f"this server's clock is {_length(abs(skew))} {'fast' if skew > 0 else 'slow'} (here {ours}, there {theirs}, UTC)"
    return ObjectStoreMisconfigured(
        f"The object store {request.endpoint} refuses every request, because {how}.",
        hint="Set this server's clock (timedatectl set-ntp true); if it is right, set the object store's.",
    )


def _of_place(request: S3Request, response: S3Response, error: dict[str, str]) -> ObjectStoreError | None:
    """Returns the error of a wrong region, address or protocol."""
    where = f"The object store {request.endpoint}"
    if any(sign in response.body.decode("utf-8", "replace") for sign in _PLAIN_TO_TLS):
        return ObjectStoreMisconfigured(
            f"{where} speaks TLS, and the address says http.",
            hint=f"Set ETALASE_S3_ENDPOINT=https{request.endpoint.removeprefix('http')}",
        )
    code, message = error.get("Code", ""), error.get("Message", "")
    named = re.search(r"expecting '([\w-]+)'", message)
    region = response.header("x-amz-bucket-region") or error.get("Region", "") or (named[1] if named else "")
    if (
        code in _REGION
        and not region
        and (host := re.match(r"s3[.-]([a-z0-9-]+)\.", urlsplit(request.endpoint).hostname or ""))
    ):
        region = host[1]
    if region and region != request.region and (code in _REGION or response.status in {301, 307, 400}):
        return ObjectStoreMisconfigured(
            f"{where} keeps bucket {request.bucket} in region {printable(region)}, not {request.region} (ETALASE_S3_REGION).",
            hint=f"Set ETALASE_S3_REGION={printable(region)}",
        )
    if response.status in {301, 302, 303, 307, 308}:
        goal = error.get("Endpoint", "") or response.header("location")
        return ObjectStoreMisconfigured(
            f"{where} redirects to «{printable(goal[:200])}».",
            hint="A signature does not survive a redirect: set ETALASE_S3_ENDPOINT to the address of the S3 server itself.",
        )
    if code in _REGION:
        return ObjectStoreMisconfigured(
            f"{where} wants another region than «{request.region}» ({_shown(response, error)}).",
            hint="Set ETALASE_S3_REGION to the region that the store is set up with.",
        )
    return None


def _of_bucket(request: S3Request, response: S3Response, code: str) -> ObjectStoreError | None:
    """Returns the error of a missing or impossible bucket, of a missing object, or of a server that does not speak S3."""
    if response.status == 404 and code == "NoSuchBucket":
        return ObjectMissing(f"There is no bucket {request.bucket} at {request.endpoint}.", hint="Check ETALASE_S3_BUCKET.")
    if code in {"InvalidBucketName", "BucketAlreadyExists"}:
        why = "takes no bucket of this name" if code == "InvalidBucketName" else "has a bucket of this name, of somebody else's"
        return ObjectStoreMisconfigured(
            f"The object store {request.endpoint} {why}: «{request.bucket}».", hint="Choose another ETALASE_S3_BUCKET."
        )
    if "must be made to API port" in response.error.get("Message", ""):  # MinIO's console
        return not_s3(response)
    if not request.key and not code and response.status < 500 and (response.is_page or response.status in {200, 404}):
        return not_s3(response)
    if response.status == 404 and request.key and request.method != "PUT":  # the object of a put may be missing
        return ObjectMissing(f"There is no object «{request.key}» in bucket {request.bucket}.")
    return None


def not_s3(response: S3Response) -> ObjectStoreError:
    """Returns the error of an endpoint where something other than S3 responds."""
    request = response.request
    what = ", ".join(filter(None, (f"HTTP {response.status}", response.header("content-type"), response.header("server"))))
    return ObjectStoreMisconfigured(
        f"At {request.endpoint} something answers that is not an S3 server ({printable(what[:200])}):"
        " a web page, a login page or a proxy.",
        hint=_S3_PORTS,
    )


def _of_key(request: S3Request, response: S3Response, code: str, text: str) -> ObjectStoreError | None:
    """Returns the error of an access key: unknown, with a wrong secret, or without the permission."""
    if response.status not in {401, 403} and code not in _UNKNOWN_KEY | {"AccessDenied", "SignatureDoesNotMatch"}:
        return None
    refuses = f"The object store {request.endpoint} refuses this access key"
    if code in _UNKNOWN_KEY:
        return ObjectStoreDenied(f"{refuses}: it does not know it ({code}).", hint="Check ETALASE_S3_ACCESS_KEY.")
    if code == "SignatureDoesNotMatch":
        return ObjectStoreDenied(
            f"{refuses}: it knows the key, and the signature is another ({code}).",
            hint="Check ETALASE_S3_SECRET_KEY; if it is right, a proxy before the store changes the request: it has to pass the"
            " path and Host on as they are (nginx: proxy_set_header Host $http_host).",
        )
    if request.key and code == "InvalidObjectState":
        return None
    permission = request.permission or _PERMISSION.get((request.method, bool(request.key)), request.method)
    about = f"«{request.key}» in bucket {request.bucket}" if request.key else f"bucket {request.bucket}"
    about += f" ({request.size_bytes:,} bytes)" if request.size_bytes and not code else ""
    check = "ETALASE_S3_ACCESS_KEY and ETALASE_S3_SECRET_KEY" if request.key else "ETALASE_S3_BUCKET and ETALASE_S3_ACCESS_KEY"
    return ObjectStoreDenied(
        f"{refuses} for {about}: {permission} is not allowed{'' if code else ', by the store or a proxy before it'} ({text}).",
        hint=("If it takes smaller ones, a proxy or firewall refuses this size. " if request.size_bytes and not code else "")
        + f'Allow the key {permission} (docs/MINIO_SETUP.md, "A key of its own"), or check {check}.',
    )


def _of_object(request: S3Request, response: S3Response, code: str, text: str) -> ObjectStoreError | None:
    """Returns the refusal of one object, which concerns no other; for the bucket, an error that waiting does not mend."""
    if response.status in {408, 429} or code in _LATER or not (400 <= response.status < 500 or response.status == 501):
        return None
    if not request.key:
        return ObjectStoreMisconfigured(
            f"The object store {request.endpoint} refuses a request about bucket {request.bucket}: {text}",
            hint=f"Check that it is an S3 server. {_S3_PORTS}",
        )
    body = f" of {request.size_bytes:,} bytes" if request.size_bytes else ""
    refused = f"the object store {request.endpoint} refuses «{request.key}»{body}: {text}"
    if response.status == 413 and not code:
        refused += "; a proxy before the store takes no body of this size: raise its limit (nginx: client_max_body_size)"
    elif response.status == 413 or code == "EntityTooLarge":
        refused += "; the store takes no object of this size"
    return ObjectRefused(refused)


def _shown(response: S3Response, error: dict[str, str]) -> str:
    """Returns status, code and message on one line; of a body other than an S3 error, its first line."""
    if error:
        detail = f"{error.get('Code', '')}: {error.get('Message', '')}".strip(": ")
    elif response.is_page:
        detail = printable(response.header("server")) or "a web page"
    else:
        detail = (response.body.decode("utf-8", "replace").splitlines() or [""])[0]
    return printable(redacted(f"HTTP {response.status} {detail}".strip())[:MAX_DETAIL_CHARS])


def _length(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600)):
        if seconds >= size:
            return counted(round(seconds / size), unit)
    return f"{round(seconds / 60)} minutes"
