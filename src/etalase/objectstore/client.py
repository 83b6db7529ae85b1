"""Makes requests to an S3 server, by curl, which signs them (CURLOPT_AWS_SIGV4). No other module does.

Every put is a single part, so that the ETag is the MD5 of the bytes (S3 API, PutObject); a multipart ETag is not.
:mod:`etalase.objectstore.faults` decides the meaning of a refusal.
"""

import hashlib
import io
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Literal
from urllib.parse import quote, unquote_plus, urlencode
from xml.etree import ElementTree as ET

import pycurl

from etalase.curl import OPTIONS, header, link_fault, set_options, trust
from etalase.errors import (
    ObjectChanged,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreMisconfigured,
)
from etalase.objectstore import faults
from etalase.objectstore.model import Body, ObjectInfo, ObjectRead, names_one_object
from etalase.protocol import KEY_PREFIX, printable
from etalase.retry import Again, Retries, retry_after_seconds

# A browser then revalidates each time (304): no cache may keep serving an URL with an old ?v=.
CACHE_CONTROL = "no-cache"
RETRY_SECONDS = 0.5
# A store that asks for a longer pause (Retry-After) is left alone: the next run is soon enough.
MAX_RETRY_SECONDS = 10.0
# Listings are held in memory: one of 1,000 keys of 1,024 bytes, percent-encoded, is a quarter of this.
MAX_LISTING_BYTES = 16 * 1024 * 1024
BUFFER_BYTES = 256 * 1024
EXPECT_ABOVE_BYTES = 1024 * 1024
_ONE_KEY = {"list-type": "2", "max-keys": "1"}
# They show the type of a picture.
FIRST_BYTES = 16
_LISTED = ("Key", "Size", "ETag", "LastModified")
SECOND_CHARS = len("2026-02-03T07:26:11")
POLICY_REFUSALS = frozenset({400, 403, 405, 501})
# A probe is a picture, as every object is: a PNG of one pixel, and zeros after its end.
PROBE_KEY = "products/etalase-probe.png"
PROBE_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a4944415478da6360000000020001e527defc"
    "0000000049454e44ae426082"
)

logger = logging.getLogger("etalase.objectstore")


@dataclass(slots=True)
class _Answer:
    asked: faults.Asked
    status: int
    head: bytes = b""
    body: bytes = b""

    def header(self, name: bytes) -> str:
        return header(self.head, name)

    @property
    def said(self) -> faults.Said:
        """Returns the response as :mod:`etalase.objectstore.faults` judges it."""
        return faults.Said(self.status, lambda name: self.header(name.encode()), self.body)

    @property
    def may_pass(self) -> bool:
        """Returns whether the same request may get another response in a moment."""
        return (
            self.status in {408, 429}
            or (self.status >= 500 and self.status not in {501, 507})
            or b"<Code>RequestTimeout</Code>" in self.body
        )


@dataclass(slots=True)
class _Coming:
    """The response of one request, as it arrives. The sink never gets an error's body."""

    sink: Callable[[bytes], object] | None
    head: list[bytes] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    has_begun: bool = False

    def take(self, piece: bytes) -> None:
        if self.sink is None or b" 200" not in self.head[0]:
            self.pieces.append(piece)
        else:
            self.has_begun = True
            self.sink(piece)


class _Passing(Exception):
    """A response that another attempt may not get."""

    def __init__(self, answer: _Answer) -> None:
        super().__init__()
        self.answer = answer


class ObjectStore:
    """One bucket of an S3 server. Calls block; several threads may call at once.

    No request continues after ``ends_at`` (``time.monotonic``). A callback that checks a flag would cost 0.1 ms of CPU a put.

    Every method raises :class:`ObjectStoreAway` without a response or for a 5xx, :class:`ObjectStoreDenied` where the key
    lacks the permission, :class:`ObjectStoreMisconfigured` where no request can succeed, and :class:`ObjectRefused` where only
    this object's cannot. ``ca_file`` has certificates that are trusted besides this machine's.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        ca_file: Path | None = None,
        connect_timeout_seconds: float = 5,
        timeout_seconds: float = 60,
        max_retries: int = 2,
        sleep: Callable[[float], object] = time.sleep,
        random: Random | None = None,
    ) -> None:
        self.endpoint, self.bucket = endpoint, bucket
        self._access_key, self._secret_key, self._region = access_key, secret_key, region
        self._connect_timeout_seconds, self._timeout_seconds = connect_timeout_seconds, timeout_seconds
        self._retries = Retries(max_retries + 1, sleep, random or SystemRandom(), base_seconds=RETRY_SECONDS)
        self._trust = trust(ca_file) if endpoint.startswith("https:") else {}
        self.ends_at = math.inf
        self._takes_conditions = True
        self._local = threading.local()

    def put(
        self,
        key: str,
        body: Body,
        *,
        content_type: str,
        if_match: str | None = None,
        if_none_match: Literal["*"] | None = None,
    ) -> str:
        """Write ``body`` whole or not at all; returns its ETag.

        ``if_match`` is the ETag that the present object must have; with ``if_none_match`` there must be none (RFC 9110, section
        13.1). Raises :class:`ObjectChanged` where the condition does not hold, also when our own put arrived and only its
        response was lost; :class:`ObjectStoreFull` where there is no room. On a store without conditional puts, a HEAD before
        the put checks the condition.
        """
        is_conditional = if_match is not None or if_none_match is not None
        if is_conditional and not self._takes_conditions:
            self._check_condition(key, if_match)
            return self.put(key, body, content_type=content_type)
        headers = [f"Content-Type: {content_type}", f"Cache-Control: {CACHE_CONTROL}"]
        if if_none_match is not None:
            headers.append(f"If-None-Match: {if_none_match}")
        if if_match is not None:
            headers.append(f'If-Match: "{if_match}"')
        answer = self._ask("PUT", key, headers=headers, body=body)
        # 404 and 409: the object of the condition is gone, or another put is in progress (S3 API, PutObject).
        if answer.status in {409, 412} or (answer.status == 404 and if_match is not None and b"NoSuchKey" in answer.body):
            raise self._changed(key)
        if answer.status == 501 and is_conditional:
            self._check_condition(key, if_match)
            etag = self.put(key, body, content_type=content_type)
            self._takes_conditions = False
            return etag
        return _bare(self._expect(answer).header(b"etag"))

    def _check_condition(self, key: str, if_match: str | None) -> None:
        there = self.head(key)
        if (there and there.etag) != if_match:
            raise self._changed(key)

    def _changed(self, key: str) -> ObjectStoreError:
        return ObjectChanged(f"The object «{key}» in bucket {self.bucket} is not the one expected.")

    def head(self, key: str) -> ObjectInfo | None:
        """Returns the object under ``key``, or None."""
        answer = self._ask("HEAD", key)
        if answer.status == 404:
            return None
        self._expect(answer)
        length, content_type = answer.header(b"content-length"), answer.header(b"content-type")
        if not length.isdecimal():  # a server need not say it (RFC 9110, section 8.6); its listing does
            listed = next((info for info in self.list(key) if info.key == key), None)
            return listed and replace(listed, content_type=content_type)
        return ObjectInfo(key, int(length), _bare(answer.header(b"etag")), content_type=content_type)

    def get(self, key: str) -> bytes:
        """Returns the bytes under ``key``. Raises :class:`ObjectMissing`."""
        return self._expect(self._ask("GET", key)).body

    def read_through(self, key: str) -> ObjectRead:
        """Reads and hashes the bytes under ``key``. Raises :class:`ObjectMissing`."""
        md5, first_bytes = hashlib.md5(usedforsecurity=False), bytearray()

        def take(piece: bytes) -> None:
            md5.update(piece)
            first_bytes.extend(piece[: max(0, FIRST_BYTES - len(first_bytes))])

        answer = self._expect(self._ask("GET", key, sink=take))
        return ObjectRead(md5.hexdigest(), answer.header(b"content-type"), bytes(first_bytes))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields every object below ``prefix``, page by page (a page has at most 1,000 keys: S3 API, ListObjectsV2)."""
        # Sorted by name, as the signature wants it; keys come percent-encoded, since XML cannot hold every character.
        asked = {"encoding-type": "url", "list-type": "2", "prefix": prefix}
        came_from: dict[str, str] = {}
        while True:
            page = self._listing(self._ask("GET", query=came_from | asked))
            decoded = unquote_plus if page.findtext("{*}EncodingType") == "url" else str
            for entry in page.iterfind("{*}Contents"):
                key, size, etag, modified = (entry.findtext(f"{{*}}{name}", "") for name in _LISTED)
                if not key or not size.isdecimal():
                    raise self._unintelligible(f"its listing has an entry «{printable(key)}» of size «{printable(size)}»")
                yield ObjectInfo(decoded(key), int(size), _bare(etag), modified[:SECOND_CHARS])
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return
            if came_from.get("continuation-token") == token:
                raise self._unintelligible("its listing does not go on")
            came_from = {"continuation-token": token}

    def delete(self, keys: Sequence[str]) -> None:
        """Deletes the objects; a missing one is not an error. A key with ``..`` would name another place: it is skipped."""
        for key in keys:
            if not names_one_object(key):
                continue
            answer = self._ask("DELETE", key)
            if answer.status != 404:
                self._expect(answer)

    def is_public(self, key: str) -> bool:
        """Returns whether anybody may read the object under ``key``, as POS browsers do: without a signature.

        Also true for an object that not even the access key can read, which proves nothing.
        """
        return self._ask("HEAD", key, signed=False).status < 300 or self._ask("HEAD", key).status >= 300

    def prove_writable(self, size_bytes: int) -> None:
        """Puts a picture of this size and deletes it. Raises where the store accepts nothing, as opposed to single objects."""
        self.put(PROBE_KEY, PROBE_PNG + bytes(max(0, size_bytes - len(PROBE_PNG))), content_type="image/png")
        with suppress(ObjectStoreError):  # an object that no row names is reclaimed
            self.delete([PROBE_KEY])

    def risks(self) -> Sequence[str]:
        """Returns a sentence for each permission of anybody beyond reading pictures (hazards 26, 72)."""
        found = []
        if self._ask("GET", query=_ONE_KEY, signed=False).status < 300:
            found.append(f"Anybody can list bucket {self.bucket} at {self.endpoint}: only reading an object should be public.")
        if (some := next(self.list(KEY_PREFIX), None)) is not None:
            as_page = {"response-content-type": "text/html"}
            answer = self._ask("GET", some.key, query=as_page, headers=["Range: bytes=0-0"], signed=False)
            if answer.status < 300 and answer.header(b"content-type").startswith("text/html"):
                found.append(
                    f"The object store {self.endpoint} serves any object as a web page, where its URL asks for it"
                    " (response-content-type): give it an origin of its own, where no page of yours keeps cookies"
                    ' (docs/MINIO_SETUP.md, "An origin of its own").'
                )
        return found

    def ensure_bucket(self) -> bool:
        """Creates the bucket and sets its policy: anybody may read an object, nobody may list (hazard 26).

        Reads first and writes only differences, so that a start changes nothing where all is well. Returns whether the bucket
        was missing.
        """
        found = self._ask("GET", query=_ONE_KEY)
        if missing := (found.said.error.get("Code") == "NoSuchBucket"):
            made = self._ask("PUT", body=self._location())
            if b"BucketAlreadyOwnedByYou" not in made.body:  # another process of ours was faster
                self._expect(made)
        else:
            self._listing(found)
        self._ensure_policy()
        return missing

    def _ensure_policy(self) -> None:
        """Sets the policy. A store without policies, or a key that may not set them, suffices where objects are public."""
        wanted = read_policy(self.bucket)
        answer = self._ask("GET", query={"policy": ""})
        if answer.status in POLICY_REFUSALS:
            if self._is_anything_public():
                return
        elif answer.status != 404 and _policy(self._expect(answer).body) == _normal(wanted):
            return
        answer = self._ask("PUT", query={"policy": ""}, body=json.dumps(wanted).encode(), permission="s3:PutBucketPolicy")
        if answer.status not in POLICY_REFUSALS | {404}:
            self._expect(answer)
        elif not self._is_anything_public():
            detail = faults.of_answer(answer.asked, answer.said, now=time.time()).message
            raise ObjectStoreDenied(
                f"Nobody can read photos from bucket {self.bucket} without a key, and its policy cannot be set. {detail}",
                hint="Let anybody read objects there, and list nothing, by hand:"
                ' docs/MINIO_SETUP.md, "Where the policy cannot be set".',
            )

    def _is_anything_public(self) -> bool:
        """Returns whether anybody may read an object; in an empty bucket, puts one to find out, and deletes it."""
        if (some := next(self.list(KEY_PREFIX), None)) is not None:
            return self.is_public(some.key)
        self.put(PROBE_KEY, PROBE_PNG, content_type="image/png")
        try:
            return self.is_public(PROBE_KEY)
        finally:
            self.delete([PROBE_KEY])

    def _location(self) -> bytes:
        """Returns the body of CreateBucket (S3 API): it has to name any region other than us-east-1."""
        if self._region == "us-east-1":
            return b""
        configuration = ET.Element("CreateBucketConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        ET.SubElement(configuration, "LocationConstraint").text = self._region
        return ET.tostring(configuration)

    def _ask(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Sequence[str] = (),
        body: Body = b"",
        sink: Callable[[bytes], object] | None = None,
        signed: bool = True,
        permission: str = "",
    ) -> _Answer:
        """Returns the response to a request about the bucket or the object under ``key``, with retries of passing failures.

        ``sink`` takes the body of a 200 piece by piece; once it has a piece, nothing is retried. ``permission`` is what the
        request takes, where method and key do not say it.
        """
        path = f"/{quote(key, safe='/~')}" if key else ""
        url = f"{self.endpoint}/{self.bucket}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        asked = faults.Asked(self.endpoint, self.bucket, self._region, method, key, len(body), permission)
        came = _Coming(sink)

        def attempt() -> _Answer:
            nonlocal came
            came = _Coming(sink)
            try:
                answer = self._once(asked, url, headers, body, came, signed=signed)
            except pycurl.error as error:
                raise self._link_fault(error) from error
            if answer.may_pass:
                raise _Passing(answer)
            return answer

        def again(error: Exception) -> Again | None:
            if isinstance(error, _Passing):
                wish = retry_after_seconds(error.answer.header(b"retry-after"), now=time.time()) or 0.0
                return Again(wish) if wish <= MAX_RETRY_SECONDS else None
            is_over = came.has_begun or time.monotonic() >= self.ends_at
            return None if is_over or not isinstance(error, ObjectStoreAway) else Again()

        try:
            return self._retries.call(attempt, again)
        except _Passing as last:
            return last.answer

    def _once(
        self, asked: faults.Asked, url: str, headers: Sequence[str], body: Body, came: "_Coming", *, signed: bool
    ) -> _Answer:
        method = asked.method
        curl: pycurl.Curl | None = getattr(self._local, "curl", None)
        if curl is None:
            curl = self._local.curl = pycurl.Curl()
        curl.reset()  # connections stay
        options = {
            **OPTIONS,
            **self._trust,
            pycurl.URL: url,
            pycurl.CUSTOMREQUEST: method,
            pycurl.NOBODY: int(method == "HEAD"),
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
            headers = [*headers, "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
            # curl announces a large body first, by an Expect of its own, unsigned, since proxies take it out. A proxy that
            # refuses the body responds and hangs up; while the body is on its way, the reset would swallow the response.
            if len(body) <= EXPECT_ABOVE_BYTES:
                headers.append("Expect:")
            options |= {
                pycurl.UPLOAD: 1,
                pycurl.UPLOAD_BUFFERSIZE: BUFFER_BYTES,
                pycurl.INFILESIZE_LARGE: len(body),
                pycurl.READFUNCTION: source.read,
                # Where a kept connection turns out to be dead, curl begins again.
                pycurl.SEEKFUNCTION: lambda offset, whence: source.seek(offset, whence) and 0,
            }
        options[pycurl.HTTPHEADER] = headers
        if not asked.key:
            options[pycurl.MAXFILESIZE_LARGE] = MAX_LISTING_BYTES
        set_options(curl, options)
        try:
            curl.perform()
        except pycurl.error:
            # A proxy may refuse and hang up while the body is still being sent.
            if method != "PUT" or curl.getinfo(pycurl.RESPONSE_CODE) < 400:
                raise
        return _Answer(asked, curl.getinfo(pycurl.RESPONSE_CODE), b"".join(came.head), b"".join(came.pieces))

    def _expect(self, answer: _Answer) -> _Answer:
        """Returns a response of success. Raises the error for which any other stands."""
        asked, said = answer.asked, answer.said
        if answer.status < 300:
            if asked.key and asked.method in {"GET", "HEAD"}:
                return answer
            if said.is_page:
                raise faults.not_s3(asked, said)
            if not said.error:
                return answer
            said = replace(said, status=400)  # S3 may begin with 200 and go wrong after that
        elif not answer.body and answer.status < 500 and answer.status != 404:
            said = self._learned(answer)
        raise faults.of_answer(asked, said, now=time.time())

    def _learned(self, answer: _Answer) -> faults.Said:
        """Asks for the code of a refusal without a body, as a HEAD has none: a GET is refused for the same reason."""
        query, headers = ({}, ["Range: bytes=0-0"]) if answer.asked.key else (_ONE_KEY, [])
        said = self._ask("GET", answer.asked.key, query=query, headers=headers).said
        return said if said.error and said.status not in {404, 416} else answer.said

    def _listing(self, answer: _Answer) -> ET.Element:
        said = self._expect(answer).said
        try:
            page = faults.parsed_xml(said.body)
        except ValueError as error:
            raise self._unintelligible(f"its listing is not XML ({error})") from error
        if page.tag.rpartition("}")[2] != "ListBucketResult":
            raise faults.not_s3(answer.asked, said)
        return page

    def _unintelligible(self, detail: str) -> ObjectStoreError:
        return ObjectStoreAway(
            f"The object store {self.endpoint} does not answer as it should: {detail}.",
            hint="Check that ETALASE_S3_ENDPOINT names an S3 server.",
        )

    def _link_fault(self, error: pycurl.error) -> ObjectStoreError:
        os_errno = self._local.curl.getinfo(pycurl.OS_ERRNO)
        setting = "ETALASE_S3_ENDPOINT"
        fault = link_fault(error.args[0], str(error.args[1]), self.endpoint, os_errno=os_errno, setting=setting)
        kind = ObjectStoreAway if fault.passes else ObjectStoreMisconfigured
        return kind(f"The object store {self.endpoint} does not answer: {fault.text}.", hint=fault.hint)


def read_policy(bucket: str) -> dict[str, Any]:
    """Returns the guide's bucket policy (hazard 26): anybody may GetObject, and nothing else."""
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
    """Returns one form of all equal policies: servers return a list of one as its element, and lists in their own order."""
    if isinstance(policy, Mapping):
        return {name: _normal(value) for name, value in policy.items() if name != "Sid"}
    if isinstance(policy, list):
        return _normal(policy[0]) if len(policy) == 1 else sorted((_normal(value) for value in policy), key=str)
    return policy


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
