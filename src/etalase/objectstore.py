"""The object store: the only room that knows the S3 clients.

obstore moves the bytes (a put costs 0.3 ms of CPU, in threads). What it does not do, or not for every key (buckets, policies,
listings, deletions), goes through curl, which signs as S3 asks (CURLOPT_AWS_SIGV4). Every put is a single part, so that the
ETag is the MD5 of the bytes (S3 API, PutObject); a multipart ETag is none.
"""

import hashlib
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from mmap import mmap
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode, urlsplit
from xml.etree import ElementTree as ET

import obstore
import pycurl
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from etalase.errors import (
    ObjectChanged,
    ObjectMissing,
    ObjectStoreAway,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreFull,
)
from etalase.tls import CA_FILE

# What obstore takes without a copy.
Body = bytes | mmap
# A browser asks again each time and is answered 304: an URL with an old ?v= must never live on in a cache (design, step 4).
CACHE_CONTROL = "no-cache"
RETRY_SECONDS = 0.5
FULL_SIGNS = ("no space left", "XMinioStorageFull", "QuotaExceeded", "507 Insufficient")


class Overwrite(Enum):
    """The put does not care what is there."""

    ANY = "any"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store describes it. ``etag`` is without quotes; for our own puts it is the MD5 of the bytes."""

    key: str
    size: int
    etag: str


class _Answer(NamedTuple):
    status: int
    body: bytes


class ObjectStore:
    """One bucket of an S3 server. Calls block, and may come from several threads at once.

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
        self._local = threading.local()
        self._store = S3Store(
            bucket,
            endpoint=endpoint,
            access_key_id=access_key,
            secret_access_key=secret_key,
            region=region,
            virtual_hosted_style_request=False,
            # The ETag proves what arrived; hashing it a second time, with SHA-256, costs more than the rest of the signature.
            unsigned_payload=True,
            client_options={
                "allow_http": urlsplit(endpoint).scheme == "http",
                "connect_timeout": f"{round(connect_timeout_seconds * 1000)}ms",
                "timeout": f"{round(timeout_seconds * 1000)}ms",
                # A proxy that the environment names is not for this store (hazard 46); only another one displaces it.
                "proxy_url": endpoint,
                "proxy_excludes": "*",
            },
            retry_config={"max_retries": max_retries},
        )

    def put(self, key: str, body: Body, *, content_type: str, replaces: str | Overwrite | None = Overwrite.ANY) -> str:
        """Write ``body`` whole or not at all; its ETag comes back.

        ``replaces`` is the ETag of what must be there, None where nothing may be there (``If-Match`` and
        ``If-None-Match: *``, RFC 9110 section 13.1). Raises :class:`ObjectChanged` where it is otherwise, also when our own
        put did arrive and only its answer was lost; :class:`ObjectStoreFull` where there is no room.
        """
        mode: Any = "overwrite"
        if replaces is None:
            mode = "create"
        elif not isinstance(replaces, Overwrite):
            mode = {"e_tag": f'"{replaces}"'}
        attributes: Any = {"Content-Type": content_type, "Cache-Control": CACHE_CONTROL}
        with self._translated(key):
            result = obstore.put(self._store, key, body, mode=mode, attributes=attributes, use_multipart=False)
        return _bare(result["e_tag"])

    def head(self, key: str) -> ObjectInfo | None:
        """What is under ``key``, or None."""
        try:
            with self._translated(key):
                meta = obstore.head(self._store, key)
        except ObjectMissing:
            return None
        return ObjectInfo(key=key, size=meta["size"], etag=_bare(meta["e_tag"]))

    def get(self, key: str) -> bytes:
        """The bytes under ``key``. Raises :class:`ObjectMissing`."""
        with self._translated(key):
            return bytes(obstore.get(self._store, key).bytes())

    def digest(self, key: str) -> str:
        """The MD5 in hex of what is really under ``key``, read through. Raises :class:`ObjectMissing`."""
        md5 = hashlib.md5(usedforsecurity=False)
        with self._translated(key):
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=1024 * 1024):
                md5.update(chunk)
        return md5.hexdigest()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object below ``prefix``, page after page (a listing is cut at 1,000 keys: S3 API, ListObjectsV2)."""
        # Sorted by name, as the signature wants it; keys come percent-encoded, since XML cannot hold every character.
        asked = {"encoding-type": "url", "list-type": "2", "prefix": prefix}
        came_from: dict[str, str] = {}
        while True:
            page = self._parsed(self._expect(self._ask("GET", query=came_from | asked)))
            for entry in page.iterfind("{*}Contents"):
                key, size, etag = (entry.findtext(f"{{*}}{name}", "") for name in ("Key", "Size", "ETag"))
                yield ObjectInfo(key=unquote_plus(key), size=int(size), etag=_bare(etag))
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return
            if came_from.get("continuation-token") == token:
                raise self._server_error("its listing does not go on")
            came_from = {"continuation-token": token}

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects; one that is not there is no error. A key with ``..`` in it would name another place: it stays."""
        for key in keys:
            if not {".", ".."}.isdisjoint(key.split("/")):
                continue
            answer = self._ask("DELETE", "/" + quote(key, safe="/~"))
            if answer.status != 404:
                self._expect(answer)

    def ensure_bucket(self) -> None:
        """Make the bucket and its policy what they should be: anybody may read an object, nobody may list (hazard 26).

        Reads first and writes only what differs, so that a start changes nothing where all is well.
        """
        if (found := self._ask("HEAD")).status == 404:
            self._expect(self._ask("PUT", body=self._location()))
        else:
            self._expect(found)
        wanted = read_policy(self.bucket)
        answer = self._ask("GET", query={"policy": ""})
        if answer.status == 404 or _policy(self._expect(answer).body) != _normal(wanted):
            self._expect(self._ask("PUT", query={"policy": ""}, body=json.dumps(wanted).encode()))

    def _location(self) -> bytes:
        """S3 API, CreateBucket: a region other than the first one has to be named."""
        if self._region == "us-east-1":
            return b""
        configuration = ET.Element("CreateBucketConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        ET.SubElement(configuration, "LocationConstraint").text = self._region
        return ET.tostring(configuration)

    def _ask(self, method: str, path: str = "", *, query: Mapping[str, str] | None = None, body: bytes = b"") -> _Answer:
        """A signed request about the bucket, or about the object at ``path``; what passes is tried again."""
        url = f"{self.endpoint}/{self.bucket}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        for tries_left in range(self._max_retries, -1, -1):
            try:
                answer = self._once(method, url, body)
            except pycurl.error as error:
                if not tries_left:
                    raise self._server_error(str(error.args[1]) or f"curl error {error.args[0]}") from error
            else:
                if answer.status < 500 or not tries_left:
                    return answer
            time.sleep(RETRY_SECONDS)
        raise AssertionError("unreachable")

    def _once(self, method: str, url: str, body: bytes) -> _Answer:
        curl: pycurl.Curl | None = getattr(self._local, "curl", None)
        if curl is None:
            curl = self._local.curl = pycurl.Curl()
        curl.reset()  # connections stay
        said = io.BytesIO()
        options = {
            pycurl.URL: url,
            pycurl.CUSTOMREQUEST: method,
            pycurl.NOBODY: int(method == "HEAD"),
            pycurl.AWS_SIGV4: f"aws:amz:{self._region}:s3",
            pycurl.USERNAME: self._access_key,
            pycurl.PASSWORD: self._secret_key,
            pycurl.PROXY: "",
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.NOSIGNAL: 1,
            pycurl.CONNECTTIMEOUT_MS: round(self._connect_timeout_seconds * 1000),
            pycurl.TIMEOUT_MS: round(self._timeout_seconds * 1000),
            pycurl.WRITEFUNCTION: said.write,
        }
        if method == "PUT":
            options |= {pycurl.UPLOAD: 1, pycurl.INFILESIZE: len(body), pycurl.READFUNCTION: io.BytesIO(body).read}
        if CA_FILE:
            options[pycurl.CAINFO] = CA_FILE
        for option, value in options.items():
            curl.setopt(option, value)
        curl.perform()
        return _Answer(curl.getinfo(pycurl.RESPONSE_CODE), said.getvalue())

    def _expect(self, answer: _Answer) -> _Answer:
        """``answer``, if it says yes."""
        if answer.status < 300:
            return answer
        if answer.status in {401, 403}:
            raise self._denied()
        said = answer.body.decode("utf-8", "replace")
        if answer.status == 404:
            raise ObjectMissing(f"There is no bucket {self.bucket} at {self.endpoint}.")
        raise self._server_error(f"HTTP {answer.status} {said}")

    def _parsed(self, answer: _Answer) -> ET.Element:
        try:
            return ET.fromstring(answer.body)  # noqa: S314 - of the store that keeps our photos
        except ET.ParseError as error:
            raise self._server_error(f"its listing is no XML ({error})") from error

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectMissing(f"There is no object «{what}» in bucket {self.bucket}.") from error
        except (AlreadyExistsError, PreconditionError) as error:
            raise ObjectChanged(f"The object «{what}» in bucket {self.bucket} is not the one expected.") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise self._denied() from error
        except BaseError as error:
            # What a listing is answered comes back as a generic error; its text has the status.
            said = str(error)
            if "403 Forbidden" in said:
                raise self._denied() from error
            if "404 Not Found" in said:
                raise ObjectMissing(f"There is no bucket {self.bucket} at {self.endpoint}.") from error
            raise self._server_error(said) from error

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


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
