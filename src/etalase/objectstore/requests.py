"""Sends signed requests to an S3 server, with retries, by curl (CURLOPT_AWS_SIGV4). No other module does.

:mod:`etalase.objectstore.faults` decides the meaning of a refusal.
"""

import io
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random, SystemRandom
from typing import Any
from urllib.parse import quote, urlencode

import pycurl

from etalase.curl import OPTIONS, header, link_fault, set_options, trust
from etalase.errors import ObjectStoreAway, ObjectStoreError, ObjectStoreMisconfigured
from etalase.objectstore.faults import S3Request, S3Response, not_s3, of_response
from etalase.objectstore.model import Body
from etalase.retry import Again, Retries, retry_after_seconds

RETRY_SECONDS = 0.5
# A longer pause (Retry-After) is left to the next run.
MAX_RETRY_SECONDS = 10.0
# Listings are held in memory: one of 1,000 keys of 1,024 bytes, percent-encoded, is a quarter of this.
MAX_LISTING_BYTES = 16 * 1024 * 1024
BUFFER_BYTES = 256 * 1024
EXPECT_ABOVE_BYTES = 1024 * 1024
ONE_KEY = {"list-type": "2", "max-keys": "1"}


@dataclass(slots=True)
class _Incoming:
    """The response of one attempt, as it arrives. The sink never gets an error's body."""

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

    def response(self, request: S3Request, status: int) -> S3Response:
        head = b"".join(self.head)
        return S3Response(request, status, lambda name: header(head, name.encode()), b"".join(self.pieces))


class _RetryableResponse(Exception):
    """A response that a retry may not get again."""

    def __init__(self, response: S3Response) -> None:
        super().__init__()
        self.response = response


class S3Requests:
    """Requests about one bucket of an S3 server. Calls block; several threads may call at once.

    No request continues after ``ends_at`` (by ``monotonic``). A callback that checks a flag would cost 0.1 ms of CPU a put.
    The certificates in ``ca_file`` are trusted besides this machine's.
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
        monotonic: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self.endpoint, self.bucket = endpoint, bucket
        self._access_key, self._secret_key, self._region = access_key, secret_key, region
        self._connect_timeout_seconds, self._timeout_seconds = connect_timeout_seconds, timeout_seconds
        self._retries = Retries(max_retries + 1, sleep, random or SystemRandom(), base_seconds=RETRY_SECONDS)
        self._trust = trust(ca_file) if endpoint.startswith("https:") else {}
        self._monotonic, self.ends_at = monotonic, math.inf
        self._local = threading.local()

    def request(
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
    ) -> S3Response:
        """Returns the response to a request about the bucket or the object under ``key``, after retries of passing failures.

        ``sink`` receives the body of a 200 piece by piece; after its first piece nothing is retried. ``permission``: see
        :class:`S3Request`. Raises :class:`ObjectStoreAway` or :class:`ObjectStoreMisconfigured` without a response.
        """
        path = f"/{quote(key, safe='/~')}" if key else ""
        url = f"{self.endpoint}/{self.bucket}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        request = S3Request(self.endpoint, self.bucket, self._region, method, key, len(body), permission)
        incoming = _Incoming(sink)

        def attempt() -> S3Response:
            nonlocal incoming
            incoming = _Incoming(sink)
            response = self._once(request, url, headers, body, incoming, signed=signed)
            if response.may_pass:
                raise _RetryableResponse(response)
            return response

        def again(error: Exception) -> Again | None:
            if isinstance(error, _RetryableResponse):
                pause = retry_after_seconds(error.response.header("retry-after"), now=time.time()) or 0.0
                return Again(pause) if pause <= MAX_RETRY_SECONDS else None
            is_over = incoming.has_begun or self._monotonic() >= self.ends_at
            return None if is_over or not isinstance(error, ObjectStoreAway) else Again()

        try:
            return self._retries.call(attempt, again)
        except _RetryableResponse as last:
            return last.response

    def _once(
        self, request: S3Request, url: str, headers: Sequence[str], body: Body, incoming: _Incoming, *, signed: bool
    ) -> S3Response:
        is_put = request.method == "PUT"
        curl = self._putting() if is_put and signed else self._reset(request, signed=signed)
        options: dict[int, Any] = {
            pycurl.URL: url,
            pycurl.TIMEOUT_MS: max(1, round(min(self._timeout_seconds, self.ends_at - self._monotonic()) * 1000)),
            pycurl.HEADERFUNCTION: incoming.head.append,
            pycurl.WRITEFUNCTION: incoming.take,
        }
        if is_put:
            source = io.BytesIO(body) if isinstance(body, bytes) else body
            source.seek(0)
            # The ETag proves which bytes arrived; a second hash, SHA-256, would cost more than the rest of the put.
            headers = [*headers, "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
            # curl announces a large body by an Expect of its own, unsigned, because proxies remove it. A proxy that refuses
            # the body responds and closes the connection; during the upload, the reset would discard the response.
            if len(body) <= EXPECT_ABOVE_BYTES:
                headers.append("Expect:")
            options |= {
                pycurl.INFILESIZE_LARGE: len(body),
                pycurl.READFUNCTION: source.read,
                # On a dead kept connection, curl starts again.
                pycurl.SEEKFUNCTION: lambda offset, whence: source.seek(offset, whence) and 0,
            }
        options[pycurl.HTTPHEADER] = headers
        set_options(curl, options)
        try:
            curl.perform()
        except pycurl.error as error:
            # A proxy may refuse and close the connection during the upload.
            if not is_put or curl.getinfo(pycurl.RESPONSE_CODE) < 400:
                raise self._link_fault(error, curl.getinfo(pycurl.OS_ERRNO)) from error
        return incoming.response(request, curl.getinfo(pycurl.RESPONSE_CODE))

    def _putting(self) -> pycurl.Curl:
        """Returns this thread's handle for signed puts, whose options stay: to set them again would cost 0.03 ms of CPU."""
        curl: pycurl.Curl | None = getattr(self._local, "putting", None)
        if curl is None:
            curl = self._local.putting = pycurl.Curl()
            set_options(curl, self._options("PUT", signed=True))
        return curl

    def _reset(self, request: S3Request, *, signed: bool) -> pycurl.Curl:
        """Returns this thread's handle for all other requests, with the options of this one; it keeps its connections."""
        curl: pycurl.Curl | None = getattr(self._local, "curl", None)
        if curl is None:
            curl = self._local.curl = pycurl.Curl()
        curl.reset()
        set_options(curl, self._options(request.method, signed=signed))
        if not request.key:
            curl.setopt(pycurl.MAXFILESIZE_LARGE, MAX_LISTING_BYTES)
        return curl

    def _options(self, method: str, *, signed: bool) -> dict[int, Any]:
        options = {
            **OPTIONS,
            **self._trust,
            pycurl.CUSTOMREQUEST: method,
            pycurl.NOBODY: int(method == "HEAD"),
            pycurl.CONNECTTIMEOUT_MS: round(self._connect_timeout_seconds * 1000),
        }
        if method == "PUT":
            options |= {pycurl.UPLOAD: 1, pycurl.UPLOAD_BUFFERSIZE: BUFFER_BYTES}
        if signed:
            options |= {
                pycurl.AWS_SIGV4: f"aws:amz:{self._region}:s3",
                pycurl.USERNAME: self._access_key,
                pycurl.PASSWORD: self._secret_key,
            }
        return options

    def expect(self, response: S3Response) -> S3Response:
        """Returns a response of success. Raises the error of any other."""
        request = response.request
        if response.status < 300:
            if request.key and request.method in {"GET", "HEAD"}:
                return response
            if response.is_page:
                raise not_s3(response)
            if not response.error:
                return response
            response = replace(response, status=400)  # S3 may send 200 first and fail after that
        elif not response.body and response.status < 500 and response.status != 404:
            response = self._with_code(response)
        raise of_response(response, now=time.time())

    def _with_code(self, response: S3Response) -> S3Response:
        """Finds the code of a refusal without a body (a HEAD has none), by a GET, which is refused for the same reason."""
        key = response.request.key
        query, headers = ({}, ["Range: bytes=0-0"]) if key else (ONE_KEY, [])
        second = self.request("GET", key, query=query, headers=headers)
        if not second.error or second.status in {404, 416}:
            return response
        return replace(second, request=response.request)

    def _link_fault(self, error: pycurl.error, os_errno: int) -> ObjectStoreError:
        setting = "ETALASE_S3_ENDPOINT"
        fault = link_fault(error.args[0], str(error.args[1]), self.endpoint, os_errno=os_errno, setting=setting)
        kind = ObjectStoreAway if fault.passes else ObjectStoreMisconfigured
        return kind(f"The object store {self.endpoint} does not answer: {fault.text}.", hint=fault.hint)
