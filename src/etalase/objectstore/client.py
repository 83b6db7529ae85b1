"""Reads and writes the objects of one bucket of an S3 server, and creates the bucket with its policy.

Every put is a single part, so that the ETag is the MD5 of the bytes (S3 API, PutObject); a multipart ETag is not.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from etalase.errors import ObjectChanged, ObjectStoreAway, ObjectStoreDenied, ObjectStoreError
from etalase.objectstore.bucket_policy import PolicyChange, change_of
from etalase.objectstore.faults import S3Response, not_s3, of_response, parsed_xml
from etalase.objectstore.model import Body, ObjectInfo, ObjectRead, names_one_object
from etalase.objectstore.requests import ONE_KEY, S3Requests
from etalase.protocol import KEY_PREFIX, printable

# A browser then revalidates each time (304): no cache may keep serving an URL with an old ?v=.
CACHE_CONTROL = "no-cache"
# For an object whose key names its bytes, so that they never change.
IMMUTABLE = "public, max-age=31536000, immutable"
# Enough to detect the type of a picture.
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


class ObjectStore(S3Requests):
    """One bucket of an S3 server.

    Every method raises :class:`ObjectStoreAway` without a response or for a 5xx, :class:`ObjectStoreDenied` where the key
    lacks the permission, :class:`ObjectStoreMisconfigured` where no request can succeed, and :class:`ObjectRefused` where only
    the request for this object cannot.
    """

    # Whether the policy's statements of others go; else ours is added to them.
    replaces_policy = False
    _takes_conditions = True

    def put(
        self,
        key: str,
        body: Body,
        *,
        content_type: str,
        cache_control: str = CACHE_CONTROL,
        if_match: str | None = None,
        if_none_match: Literal["*"] | None = None,
    ) -> str:
        """Writes ``body`` whole or not at all; returns its ETag.

        ``cache_control`` is for browsers; :data:`IMMUTABLE` only where the key names the bytes. ``if_match`` is the ETag that
        the present object must have; with ``if_none_match`` there must be none (RFC 9110, section 13.1). Raises
        :class:`ObjectChanged` where the condition does not hold, also when the put arrived and only its response was lost;
        :class:`ObjectStoreFull` where there is no room. On a store without conditional puts, a HEAD before the put checks the
        condition.
        """
        is_conditional = if_match is not None or if_none_match is not None
        if is_conditional and not self._takes_conditions:
            self._check_condition(key, if_match)
            return self.put(key, body, content_type=content_type, cache_control=cache_control)
        headers = [f"Content-Type: {content_type}", f"Cache-Control: {cache_control}"]
        if if_none_match is not None:
            headers.append(f"If-None-Match: {if_none_match}")
        if if_match is not None:
            headers.append(f'If-Match: "{if_match}"')
        response = self.request("PUT", key, headers=headers, body=body)
        # 404 and 409: the object of the condition is gone, or another put is in progress (S3 API, PutObject).
        if response.status in {409, 412} or (response.status == 404 and if_match is not None and b"NoSuchKey" in response.body):
            raise self._changed(key)
        if response.status == 501 and is_conditional:
            self._check_condition(key, if_match)
            etag = self.put(key, body, content_type=content_type, cache_control=cache_control)
            self._takes_conditions = False
            return etag
        return _bare(self.expect(response).header("etag"))

    def _check_condition(self, key: str, if_match: str | None) -> None:
        present = self.head(key)
        if (present and present.etag) != if_match:
            raise self._changed(key)

    def _changed(self, key: str) -> ObjectStoreError:
        return ObjectChanged(f"The object «{key}» in bucket {self.bucket} is not the one expected.")

    def head(self, key: str) -> ObjectInfo | None:
        """Returns the object under ``key``, or None."""
        response = self.request("HEAD", key)
        if response.status == 404:
            return None
        self.expect(response)
        length, content_type = response.header("content-length"), response.header("content-type")
        if not length.isdecimal():  # a server may omit it (RFC 9110, section 8.6); its listing has it
            listed = next((info for info in self.list(key) if info.key == key), None)
            return listed and replace(listed, content_type=content_type)
        return ObjectInfo(key, int(length), _bare(response.header("etag")), content_type=content_type)

    def get(self, key: str) -> bytes:
        """Returns the bytes under ``key``. Raises :class:`ObjectMissing`."""
        return self.expect(self.request("GET", key)).body

    def read_through(self, key: str) -> ObjectRead:
        """Reads and hashes the bytes under ``key``. Raises :class:`ObjectMissing`."""
        md5, first_bytes = hashlib.md5(usedforsecurity=False), bytearray()

        def take(piece: bytes) -> None:
            md5.update(piece)
            first_bytes.extend(piece[: max(0, FIRST_BYTES - len(first_bytes))])

        response = self.expect(self.request("GET", key, sink=take))
        return ObjectRead(md5.hexdigest(), response.header("content-type"), bytes(first_bytes))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields every object below ``prefix``, page by page (a page has at most 1,000 keys: S3 API, ListObjectsV2)."""
        # Sorted by name, as the signature requires; keys are percent-encoded, since XML cannot hold every character.
        query = {"encoding-type": "url", "list-type": "2", "prefix": prefix}
        position: dict[str, str] = {}
        while True:
            page = self._listing(self.request("GET", query=position | query))
            decoded = unquote_plus if page.findtext("{*}EncodingType") == "url" else str
            for entry in page.iterfind("{*}Contents"):
                key, size, etag, modified = (entry.findtext(f"{{*}}{name}", "") for name in _LISTED)
                if not key or not size.isdecimal():
                    raise self._unintelligible(f"its listing has an entry «{printable(key)}» of size «{printable(size)}»")
                yield ObjectInfo(decoded(key), int(size), _bare(etag), modified[:SECOND_CHARS])
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return
            if position.get("continuation-token") == token:
                raise self._unintelligible("its listing repeats a page")
            position = {"continuation-token": token}

    def delete(self, keys: Sequence[str]) -> None:
        """Deletes the objects; a missing one is not an error. A key with ``..`` is skipped, because it would lead elsewhere."""
        for key in keys:
            if not names_one_object(key):
                continue
            response = self.request("DELETE", key)
            if response.status != 404:
                self.expect(response)

    def is_public(self, key: str) -> bool:
        """Returns whether anybody may read the object under ``key``, as POS browsers do: without a signature.

        Also true for an object that is missing or broken for the access key, too, which proves nothing. An object that a policy
        denies to the access key, too, is not readable.
        """
        if self.request("GET", key, headers=["Range: bytes=0-0"], signed=False).status < 300:
            return True
        status = self.request("HEAD", key).status
        return status >= 300 and status != 403

    def prove_writable(self, size_bytes: int) -> None:
        """Puts a picture of this size and deletes it. Raises if the store refuses every object, not only single ones."""
        self.put(PROBE_KEY, PROBE_PNG + bytes(max(0, size_bytes - len(PROBE_PNG))), content_type="image/png")
        with suppress(ObjectStoreError):  # a left probe is an orphan, which a run reclaims
            self.delete([PROBE_KEY])

    def risks(self) -> Sequence[str]:
        """Returns a sentence for each permission that anybody has beyond reading pictures (hazards 26, 72)."""
        found = []
        if self.request("GET", query=ONE_KEY, signed=False).status < 300:
            found.append(f"Anybody can list bucket {self.bucket} at {self.endpoint}: only reading an object should be public.")
        if (some := next(self.list(KEY_PREFIX), None)) is not None:
            as_page = {"response-content-type": "text/html"}
            response = self.request("GET", some.key, query=as_page, headers=["Range: bytes=0-0"], signed=False)
            if response.status < 300 and response.header("content-type").startswith("text/html"):
                found.append(
                    f"The object store {self.endpoint} serves any object as a web page, where its URL asks for it"
                    " (response-content-type): give it an origin of its own, where no page of yours keeps cookies"
                    ' (docs/MINIO_SETUP.md, "An origin of its own").'
                )
        return found

    def policy(self) -> bytes | None:
        """Returns the bucket's policy, empty without one; None if the store does not show it."""
        response = self.request("GET", query={"policy": ""})
        if response.status in POLICY_REFUSALS:
            return None
        return b"" if response.status == 404 else self.expect(response).body

    def ensure_bucket(self) -> bool:
        """Creates the bucket, and adds to its policy that anybody may read an object (hazard 26).

        Reads first and writes only differences, so that a start changes nothing where all is well. Returns whether the bucket
        was missing.
        """
        found = self.request("GET", query=ONE_KEY)
        if missing := (found.error.get("Code") == "NoSuchBucket"):
            self.create()
        else:
            self._listing(found)
        self._ensure_policy()
        return missing

    def create(self) -> None:
        """Creates the bucket, without a policy."""
        made = self.request("PUT", body=self._location())
        if b"BucketAlreadyOwnedByYou" not in made.body:  # another Etalase process was faster
            self.expect(made)

    def policy_change(self) -> PolicyChange | None:
        """Returns the change that the policy needs; None if the store does not show it and anybody can read an object."""
        body = self.policy()
        try:
            change = change_of(body or b"", self.bucket, replace=self.replaces_policy)
        except ValueError:  # of no known form: what it grants is seen
            change = change_of(b"", self.bucket)
        else:
            if body is not None:
                return change
        return None if self._is_anything_public() else change

    def _ensure_policy(self) -> None:
        """Adds what the policy lacks. Without policies, or without permission to set one, it is enough that objects are public.

        Statements of others stay, except where a setting says otherwise.
        """
        change = self.policy_change()
        if change is None or not change.is_needed:
            return
        response = self.request(
            "PUT", query={"policy": ""}, body=json.dumps(change.document).encode(), permission="s3:PutBucketPolicy"
        )
        if response.status not in POLICY_REFUSALS | {404}:
            self.expect(response)
        elif not self._is_anything_public():
            detail = of_response(response, now=time.time()).message
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
        """Returns the body of CreateBucket (S3 API), which has to name any region other than us-east-1."""
        if self._region == "us-east-1":
            return b""
        configuration = ET.Element("CreateBucketConfiguration", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        ET.SubElement(configuration, "LocationConstraint").text = self._region
        return ET.tostring(configuration)

    def _listing(self, response: S3Response) -> ET.Element:
        try:
            page = parsed_xml(self.expect(response).body)
        except ValueError as error:
            raise self._unintelligible(f"its listing is not XML ({error})") from error
        if page.tag.rpartition("}")[2] != "ListBucketResult":
            raise not_s3(response)
        return page

    def _unintelligible(self, detail: str) -> ObjectStoreError:
        return ObjectStoreAway(
            f"The object store {self.endpoint} does not answer as it should: {detail}.",
            hint="Check that ETALASE_S3_ENDPOINT names an S3 server.",
        )


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
