"""Explains the refusals of an S3 server, and says what to do. Pure.

An S3 error is judged by its code (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html); its status alone blames
the key for a clock that is two hours off, and the whole store for one photo that a proxy finds too large (hazard 78).
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
from etalase.protocol import printable
from etalase.redaction import redacted

# How far a clock may be off before S3 refuses a request (RequestTimeTooSkewed).
MAX_SKEW_SECONDS: Final = 15 * 60
MAX_SAID_CHARS: Final = 300

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
_LATER = {
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "RequestTimeout",
    "ServiceUnavailable",
    "InternalError",
    "TooManyRequests",
}
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
class Asked:
    """A request to an S3 server. ``key`` is empty for one about the bucket; ``size_bytes`` is the size of its body.

    ``permission`` is the S3 permission that it takes, where method and key do not tell.
    """

    endpoint: str
    bucket: str
    region: str
    method: str
    key: str = ""
    size_bytes: int = 0
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """An S3 server's response. ``header`` returns one by its lower-case name, or an empty text."""

    status: int
    header: Callable[[str], str]
    body: bytes = b""

    @property
    def error(self) -> dict[str, str]:
        """Returns the elements of an S3 error by name; empty for any other body, such as a proxy's page."""
        try:
            root = parsed_xml(self.body)
        except ValueError:
            return {}
        if root.tag.rpartition("}")[2] != "Error":
            return {}
        return {child.tag.rpartition("}")[2]: child.text or "" for child in root}

    @property
    def is_page(self) -> bool:
        """Tells whether the response is a web page, as of a console, a login or a proxy; never of an S3 server."""
        start = self.body[:200].lstrip().lower()
        return "html" in self.header("content-type").lower() or start.startswith((b"<!doctype html", b"<html"))


def parsed_xml(body: bytes) -> ET.Element:
    """Returns the root of an S3 server's XML. Raises ValueError for anything but XML, and for a document type.

    S3 never declares one, and without it there are no entities to expand.
    """
    try:
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise ValueError("it declares a document type")
        return ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise ValueError(str(error)) from error


def of_answer(asked: Asked, said: Said, *, now: float) -> ObjectStoreError:
    """Returns the error that a response other than success stands for. ``now`` is this server's Unix time."""
    error = said.error
    code, where = error.get("Code", ""), f"The object store {asked.endpoint}"
    text = _shown(said, error)
    if code in _FULL or said.status == 507 or "no space left" in text:
        return ObjectStoreFull(f"{where} is full ({text}).", hint="Make room on its disk, or raise the bucket's quota.")
    return (
        _of_clock(asked, said, code, now)
        or _of_place(asked, said, error)
        or _of_bucket(asked, said, code)
        or _of_key(asked, said, code, text)
        or _of_object(asked, said, code, text)
        or ObjectStoreAway(
            f"{where} does not answer as it should: {text}",
            hint="Check that it runs, and its log; ETALASE_S3_ENDPOINT names it.",
        )
    )


def _of_clock(asked: Asked, said: Said, code: str, now: float) -> ObjectStoreError | None:
    """Returns the error of clocks that differ too much; some servers call that a wrong signature."""
    if said.status not in {400, 401, 403}:
        return None
    try:
        there = parsedate_to_datetime(said.header("date")).timestamp()
    except (ValueError, OverflowError):
        there = now
    skew = now - there
    if code not in _CLOCK and abs(skew) <= MAX_SKEW_SECONDS:
        return None
    if abs(skew) < 60:  # a proxy's clock, or a cached answer's
        how = "this server's clock and the store's differ by more than 15 minutes"
    else:
        ours, theirs = (f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}" for t in (now, there))
        how = f"this server's clock is {_length(abs(skew))} {'fast' if skew > 0 else 'slow'} (here {ours}, there {theirs}, UTC)"
    return ObjectStoreMisconfigured(
        f"The object store {asked.endpoint} refuses every request, because {how}.",
        hint="Set this server's clock (timedatectl set-ntp true); if it is right, set the object store's.",
    )


def _of_place(asked: Asked, said: Said, error: dict[str, str]) -> ObjectStoreError | None:
    """Returns the error of a wrong region, address or protocol."""
    where = f"The object store {asked.endpoint}"
    if any(sign in said.body.decode("utf-8", "replace") for sign in _PLAIN_TO_TLS):
        return ObjectStoreMisconfigured(
            f"{where} speaks TLS, and the address says http.",
            hint=f"Set ETALASE_S3_ENDPOINT=https{asked.endpoint.removeprefix('http')}",
        )
    code, message = error.get("Code", ""), error.get("Message", "")
    named = re.search(r"expecting '([\w-]+)'", message)
    region = said.header("x-amz-bucket-region") or error.get("Region", "") or (named[1] if named else "")
    if code in _REGION and not region and (host := re.match(r"s3[.-]([a-z0-9-]+)\.", urlsplit(asked.endpoint).hostname or "")):
        region = host[1]
    if region and region != asked.region and (code in _REGION or said.status in {301, 307, 400}):
        return ObjectStoreMisconfigured(
            f"{where} keeps bucket {asked.bucket} in region {printable(region)}, and ETALASE_S3_REGION says {asked.region}.",
            hint=f"Set ETALASE_S3_REGION={printable(region)}",
        )
    if said.status in {301, 302, 303, 307, 308}:
        goal = error.get("Endpoint", "") or said.header("location")
        return ObjectStoreMisconfigured(
            f"{where} redirects to «{printable(goal[:200])}».",
            hint="A signature does not survive a redirect: set ETALASE_S3_ENDPOINT to the address of the S3 server itself.",
        )
    if code in _REGION:
        return ObjectStoreMisconfigured(
            f"{where} wants another region than «{asked.region}» ({_shown(said, error)}).",
            hint="Set ETALASE_S3_REGION to the region that the store is set up with.",
        )
    return None


def _of_bucket(asked: Asked, said: Said, code: str) -> ObjectStoreError | None:
    """Returns the error of a missing or impossible bucket, of a missing object, or of a server that does not speak S3."""
    if said.status == 404 and code == "NoSuchBucket":
        return ObjectMissing(f"There is no bucket {asked.bucket} at {asked.endpoint}.", hint="Check ETALASE_S3_BUCKET.")
    if code in {"InvalidBucketName", "BucketAlreadyExists"}:
        why = "takes no bucket of this name" if code == "InvalidBucketName" else "has a bucket of this name, of somebody else's"
        return ObjectStoreMisconfigured(
            f"The object store {asked.endpoint} {why}: «{asked.bucket}».", hint="Choose another ETALASE_S3_BUCKET."
        )
    if "must be made to API port" in said.error.get("Message", ""):  # MinIO's console
        return not_s3(asked, said)
    if not asked.key and not code and said.status < 500 and (said.is_page or said.status in {200, 404}):
        return not_s3(asked, said)
    if said.status == 404 and asked.key and asked.method != "PUT":  # what is put need not be there
        return ObjectMissing(f"There is no object «{asked.key}» in bucket {asked.bucket}.")
    return None


def not_s3(asked: Asked, said: Said) -> ObjectStoreError:
    """Returns the error of an endpoint where something other than S3 responds."""
    what = ", ".join(filter(None, (f"HTTP {said.status}", said.header("content-type"), said.header("server"))))
    return ObjectStoreMisconfigured(
        f"At {asked.endpoint} something answers that is not an S3 server ({printable(what[:200])}):"
        " a web page, a login page or a proxy.",
        hint=_S3_PORTS,
    )


def _of_key(asked: Asked, said: Said, code: str, text: str) -> ObjectStoreError | None:
    """Returns the error of an access key: unknown, with a wrong secret, or without this permission."""
    if said.status not in {401, 403} and code not in _UNKNOWN_KEY | {"AccessDenied", "SignatureDoesNotMatch"}:
        return None
    refuses = f"The object store {asked.endpoint} refuses this access key"
    if code in _UNKNOWN_KEY:
        return ObjectStoreDenied(f"{refuses}: it does not know it ({code}).", hint="Check ETALASE_S3_ACCESS_KEY.")
    if code == "SignatureDoesNotMatch":
        return ObjectStoreDenied(
            f"{refuses}: it knows the key, and the signature is another ({code}).",
            hint="Check ETALASE_S3_SECRET_KEY; if it is right, a proxy before the store changes the request: it has to pass the"
            " path and Host on as they are (nginx: proxy_set_header Host $http_host).",
        )
    if asked.key and code == "InvalidObjectState":
        return None
    permission = asked.permission or _PERMISSION.get((asked.method, bool(asked.key)), asked.method)
    about = f"«{asked.key}» in bucket {asked.bucket}" if asked.key else f"bucket {asked.bucket}"
    about += f" ({asked.size_bytes:,} bytes)" if asked.size_bytes and not code else ""
    return ObjectStoreDenied(
        f"{refuses} for {about}: {permission} is not allowed{'' if code else ', by the store or a proxy before it'} ({text}).",
        hint=("If it takes smaller ones, a proxy or firewall refuses this size. " if asked.size_bytes and not code else "")
        + f'Allow the key {permission} (docs/MINIO_SETUP.md, "A key of its own"), or check ETALASE_S3_ACCESS_KEY and'
        " ETALASE_S3_SECRET_KEY.",
    )


def _of_object(asked: Asked, said: Said, code: str, text: str) -> ObjectStoreError | None:
    """Returns the refusal of one object, which says nothing of others; for the bucket, an error that waiting does not mend."""
    if said.status in {408, 429} or code in _LATER or not (400 <= said.status < 500 or said.status == 501):
        return None
    if not asked.key:
        return ObjectStoreMisconfigured(
            f"The object store {asked.endpoint} refuses a request about bucket {asked.bucket}: {text}",
            hint=f"Check that it is an S3 server. {_S3_PORTS}",
        )
    body = f" of {asked.size_bytes:,} bytes" if asked.size_bytes else ""
    refused = f"the object store {asked.endpoint} refuses «{asked.key}»{body}: {text}"
    if said.status == 413 and not code:
        refused += "; a proxy before the store takes no body of this size: raise its limit (nginx: client_max_body_size)"
    elif said.status == 413 or code == "EntityTooLarge":
        refused += "; the store takes no object of this size"
    return ObjectRefused(refused)


def _shown(said: Said, error: dict[str, str]) -> str:
    """Returns status, code and message on one line; of a body other than an S3 error, its first line."""
    if error:
        told = f"{error.get('Code', '')}: {error.get('Message', '')}".strip(": ")
    elif said.is_page:
        told = printable(said.header("server")) or "a web page"
    else:
        told = (said.body.decode("utf-8", "replace").splitlines() or [""])[0]
    return printable(redacted(f"HTTP {said.status} {told}".strip())[:MAX_SAID_CHARS])


def _length(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{round(seconds / 60)} minutes"
