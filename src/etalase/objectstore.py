"""The object store: the only room that knows how S3 is spoken to, which is curl, signing as S3 asks (CURLOPT_AWS_SIGV4).

Every put is a single part, so that the ETag is the MD5 of the bytes (S3 API, PutObject); a multipart ETag is none.
"""

import hashlib
import io
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from mmap import mmap
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode
from xml.etree import ElementTree as ET

import pycurl

from etalase.errors import (
    ObjectChanged,
    ObjectMissing,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreFull,
)
from etalase.redaction import redacted
from etalase.tls import CA_FILE

Body = bytes | mmap
# A browser asks again each time and is answered 304: an URL with an old ?v= must never live on in a cache (design, step 4).
CACHE_CONTROL = "no-cache"
RETRY_SECONDS = 0.5
BUFFER_BYTES = 256 * 1024
_LISTED = ("Key", "Size", "ETag", "LastModified")
SECOND_CHARS = len("2026-02-03T07:26:11")
FULL_SIGNS = ("no space left", "XMinioStorageFull", "QuotaExceeded", "HTTP 507")


class Overwrite(Enum):
    """The put does not care what is there."""

    ANY = "any"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store describes it. ``etag`` is without quotes; for our own puts it is the MD5 of the bytes.

    ``modified`` is when it was put, by the store's clock, to the second and without its zone, which is UTC: a listing tells it,
    a HEAD does not. ``content_type`` is what a HEAD tells, and a listing does not. Neither makes it another object.
    """

    key: str
    size: int
    etag: str
    modified: str = field(default="", compare=False)
    content_type: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """What came of reading an object through: the MD5 of its bytes in hex, and the type that it is served as."""

    digest: str
    content_type: str


@dataclass(slots=True)
class _Answer:
    status: int
    head: list[bytes] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: bytes) -> str:
        found = (line.partition(b":")[2] for line in reversed(self.head) if line.lower().startswith(name + b":"))
        return next(found, b"").strip().decode("latin-1")


@dataclass(slots=True)
class _Coming:
    """What comes of one request. An error's body is never given to the sink."""

    sink: Callable[[bytes], object] | None
    head: list[bytes] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    taken: bool = False

    def take(self, piece: bytes) -> None:
        if self.sink is None or b" 200" not in self.head[0]:
            self.pieces.append(piece)
        else:
            self.taken = True
            self.sink(piece)


class ObjectStore:
    """One bucket of an S3 server. Calls block, and may come from several threads at once.

    Nothing goes on beyond ``ends_at`` (of ``time.monotonic``). A callback that looks at a flag would cost 0.1 ms of CPU a put.

    Every method raises :class:`ObjectStoreAway` where the server does not answer or says 5xx, and
    :class:`ObjectStoreDenied` where the access key may not do it.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        connect_timeout_seconds: float = 5,
        timeout_seconds: float = 60,
        max_retries: int = 2,
    ) -> None:
        self.endpoint, self.bucket = endpoint, bucket
        self._access_key, self._secret_key, self._region = access_key, secret_key, region
        self._connect_timeout_seconds, self._timeout_seconds = connect_timeout_seconds, timeout_seconds
        self._max_retries = max_retries
        self.ends_at = math.inf
        self._local = threading.local()

    def put(self, key: str, body: Body, *, content_type: str, replaces: str | Overwrite | None = Overwrite.ANY) -> str:
        """Write ``body`` whole or not at all; its ETag comes back.

        ``replaces`` is the ETag of what must be there, None where nothing may be there (``If-Match`` and
        ``If-None-Match: *``, RFC 9110 section 13.1). Raises :class:`ObjectChanged` where it is otherwise, also when our own
        put did arrive and only its answer was lost; :class:`ObjectStoreFull` where there is no room.
        """
        headers = [f"Content-Type: {content_type}", f"Cache-Control: {CACHE_CONTROL}"]
        if replaces is None:
            headers.append("If-None-Match: *")
        elif not isinstance(replaces, Overwrite):
            headers.append(f'If-Match: "{replaces}"')
        answer = self._ask("PUT", _path(key), headers=headers, body=body)
        # 404 and 409: what the condition named is gone, or is being written to (S3 API, PutObject).
        if answer.status in {409, 412} or (answer.status == 404 and isinstance(replaces, str) and "NoSuchKey" in _said(answer)):
            raise ObjectChanged(f"The object «{key}» in bucket {self.bucket} is not the one expected.")
        return _bare(self._expect(answer).header(b"etag"))

    def head(self, key: str) -> ObjectInfo | None:
        """What is under ``key``, or None."""
        answer = self._ask("HEAD", _path(key))
        if answer.status == 404:
            return None
        self._expect(answer)
        size, content_type = int(answer.header(b"content-length") or 0), answer.header(b"content-type")
        return ObjectInfo(key, size, _bare(answer.header(b"etag")), content_type=content_type)

    def get(self, key: str) -> bytes:
        """The bytes under ``key``. Raises :class:`ObjectMissing`."""
        return self._expect(self._ask("GET", _path(key)), key).body

    def read_through(self, key: str) -> ObjectRead:
        """What is really under ``key``, its bytes read and hashed. Raises :class:`ObjectMissing`."""
        md5 = hashlib.md5(usedforsecurity=False)
        answer = self._expect(self._ask("GET", _path(key), sink=md5.update), key)
        return ObjectRead(md5.hexdigest(), answer.header(b"content-type"))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object below ``prefix``, page after page (a listing is cut at 1,000 keys: S3 API, ListObjectsV2)."""
        # Sorted by name, as the signature wants it; keys come percent-encoded, since XML cannot hold every character.
        asked = {"encoding-type": "url", "list-type": "2", "prefix": prefix}
        came_from: dict[str, str] = {}
        while True:
            page = self._parsed(self._expect(self._ask("GET", query=came_from | asked)))
            for entry in page.iterfind("{*}Contents"):
                key, size, etag, modified = (entry.findtext(f"{{*}}{name}", "") for name in _LISTED)
                yield ObjectInfo(unquote_plus(key), int(size), _bare(etag), modified[:SECOND_CHARS])
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return
            if came_from.get("continuation-token") == token:
                raise self._server_error("its listing does not go on")
            came_from = {"continuation-token": token}

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects; one that is not there is no error. A key with ``..`` in it would name another place: it stays."""
        for key in keys:
            if not names_one_object(key):
                continue
            answer = self._ask("DELETE", _path(key))
            if answer.status != 404:
                self._expect(answer)

    def is_public(self, key: str) -> bool:
        """Whether anybody may read the object under ``key``, as POS browsers do: without a signature.

        What not even the access key can read says nothing about it.
        """
        return self._ask("HEAD", _path(key), signed=False).status < 300 or self._ask("HEAD", _path(key)).status >= 300

    def ensure_bucket(self) -> bool:
        """Make the bucket and its policy what they should be: anybody may read an object, nobody may list (hazard 26).

        Reads first and writes only what differs, so that a start changes nothing where all is well. Returns whether the bucket
        had to be made.
        """
        if missing := (found := self._ask("HEAD")).status == 404:
            self._expect(self._ask("PUT", body=self._location()))
        else:
            self._expect(found)
        wanted = read_policy(self.bucket)
        answer = self._ask("GET", query={"policy": ""})
        if answer.status == 404 or _policy(self._expect(answer).body) != _normal(wanted):
            self._expect(self._ask("PUT", query={"policy": ""}, body=json.dumps(wanted).encode()))
        return missing

    def _location(self) -> bytes:
        """S3 API, CreateBucket: a region other than the first one has to be named."""
        if self._region == "us-east-1":
            return b""
        configuration = ET.Element("CreateBucketConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        ET.SubElement(configuration, "LocationConstraint").text = self._region
        return ET.tostring(configuration)

    def _ask(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Sequence[str] = (),
        body: Body = b"",
        sink: Callable[[bytes], object] | None = None,
        signed: bool = True,
    ) -> _Answer:
        """A request, signed unless told otherwise, about the bucket or the object at ``path``; what passes is tried again.

        ``sink`` takes the body of a 200 piece by piece; then nothing is tried again once some of it came.
        """
        url = f"{self.endpoint}/{self.bucket}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        for tries_left in range(self._max_retries, -1, -1):
            came = _Coming(sink)
            try:
                answer = self._once(method, url, headers, body, came, signed=signed)
            except pycurl.error as error:
                if not tries_left or came.taken or time.monotonic() >= self.ends_at:
                    raise self._server_error(str(error.args[1]) or f"curl error {error.args[0]}") from error
            else:
                if answer.status < 500 or not tries_left:
                    return answer
            time.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")

    def _once(
        self, method: str, url: str, headers: Sequence[str], body: Body, came: "_Coming", *, signed: bool = True
    ) -> _Answer:
        curl: pycurl.Curl | None = getattr(self._local, "curl", None)
        if curl is None:
            curl = self._local.curl = pycurl.Curl()
        curl.reset()  # connections stay
        options = {
            pycurl.URL: url,
            pycurl.CUSTOMREQUEST: method,
            pycurl.NOBODY: int(method == "HEAD"),
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            # A proxy that the environment names is not for this store (hazard 46).
            pycurl.PROXY: "",
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOSIGNAL: 1,
            pycurl.TCP_NODELAY: 1,
            pycurl.CONNECTTIMEOUT_MS: round(self._connect_timeout_seconds * 1000),
            pycurl.TIMEOUT_MS: max(1, round(min(self._timeout_seconds, self.ends_at - time.monotonic()) * 1000)),
            pycurl.HEADERFUNCTION: came.head.append,
            pycurl.WRITEFUNCTION: came.take,
        }
        if signed:
            options |= {
                pycurl.AWS_SIGV4: f"aws:amz:{self._region}:s3",
                pycurl.USERNAME: self._access_key,
                pycurl.PASSWORD: self._secret_key,
            }
        if method == "PUT":
            source = io.BytesIO(body) if isinstance(body, bytes) else body
            source.seek(0)
            # The ETag proves what arrived; hashing it a second time, with SHA-256, would cost more than all the rest.
            headers = [*headers, "x-amz-content-sha256: UNSIGNED-PAYLOAD", "Expect:"]
            options |= {
                pycurl.UPLOAD: 1,
                pycurl.UPLOAD_BUFFERSIZE: BUFFER_BYTES,
                pycurl.INFILESIZE_LARGE: len(body),
                pycurl.READFUNCTION: source.read,
                # Where a kept connection turns out to be dead, curl begins again.
                pycurl.SEEKFUNCTION: lambda offset, whence: source.seek(offset, whence) and 0,
            }
        options[pycurl.HTTPHEADER] = headers
        if CA_FILE:
            options[pycurl.CAINFO] = CA_FILE
        for option, value in options.items():
            curl.setopt(option, value)
        curl.perform()
        return _Answer(curl.getinfo(pycurl.RESPONSE_CODE), came.head, b"".join(came.pieces))

    def _expect(self, answer: _Answer, key: str = "") -> _Answer:
        """``answer``, if it says yes."""
        if answer.status < 300:
            return answer
        if answer.status in {401, 403}:
            raise self._denied()
        if answer.status == 404 and key and "NoSuchBucket" not in _said(answer):
            raise ObjectMissing(f"There is no object «{key}» in bucket {self.bucket}.")
        if answer.status == 404:
            raise ObjectMissing(f"There is no bucket {self.bucket} at {self.endpoint}.")
        raise self._server_error(f"HTTP {answer.status} {_said(answer)}")

    def _parsed(self, answer: _Answer) -> ET.Element:
        try:
            return ET.fromstring(answer.body)  # noqa: S314 - of the store that keeps our photos
        except ET.ParseError as error:
            raise self._server_error(f"its listing is no XML ({error})") from error

    def _denied(self) -> ObjectStoreError:
        return ObjectStoreDenied(
            f"The object store {self.endpoint} refuses this access key for bucket {self.bucket}.",
            hint="Check S3_ACCESS_KEY and S3_SECRET_KEY, and that the key may read, write, list and set the bucket's policy.",
        )

    def _server_error(self, detail: str) -> ObjectStoreError:
        if any(sign in detail for sign in FULL_SIGNS):
            return ObjectStoreFull(
                f"The object store {self.endpoint} is full.", hint="Make room on its disk, or raise the bucket's quota."
            )
        return ObjectStoreAway(
            f"The object store {self.endpoint} does not answer as it should: {detail.splitlines()[0][:300]}",
            hint="Check that it runs and that S3_ENDPOINT names it.",
        )


def names_one_object(key: str) -> bool:
    """Whether a request for ``key`` is about one object: an empty one is about the bucket, and dots lead elsewhere."""
    return bool(key) and {".", ".."}.isdisjoint(key.split("/"))


def read_policy(bucket: str) -> dict[str, Any]:
    """The guide's bucket policy (step 3): anybody may GetObject, and nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }


def _policy(body: bytes) -> Any:
    try:
        return _normal(json.loads(body))
    except ValueError:
        return None


def _normal(policy: Any) -> Any:
    """Servers give a list of one back as the bare element, and a list in an order of their own; both mean the same."""
    if isinstance(policy, Mapping):
        return {name: _normal(value) for name, value in policy.items() if name != "Sid"}
    if isinstance(policy, list):
        return _normal(policy[0]) if len(policy) == 1 else sorted((_normal(value) for value in policy), key=str)
    return policy


def _path(key: str) -> str:
    return "/" + quote(key, safe="/~")


def _said(answer: _Answer) -> str:
    return redacted(answer.body.decode("utf-8", "replace"))


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
