"""Checks of a bucket, for both halves: the rights of its own key, the rights of anybody, and the address for readers.

A probe of one byte shows what a put, an anonymous read and a deletion do. Its key says when it was put, so that the next doctor
removes one that a killed doctor left; the audit of the bucket passes over such keys.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from etalase.doctor import clock, http, machine
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.doctor.store_ports import STORE_PORTS, StorePort, hosts_to_try, open_at
from etalase.errors import ObjectMissing, ObjectRefused, ObjectStoreDenied, ObjectStoreError
from etalase.objectstore import faults
from etalase.objectstore.bucket_policy import denials
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.model import PROBE_PREFIX, RENDITION_PROBE_PREFIX
from etalase.objectstore.requests import ONE_KEY
from etalase.protocol import KEY_PREFIX
from etalase.renditions import PUBLIC_PREFIXES

PROBE = b"\0"
FIRST = 16
FIRST_BYTES = [f"Range: bytes=0-{FIRST - 1}"]
# No doctor takes that long.
LEFT_OVER_SECONDS = 60
REQUEST_SECONDS, CLEAN_UP_SECONDS = 1.7, 0.5
# 301: the bucket is in another region, which the signed request reports.
ANSWERS_OF_S3 = frozenset({301, 403, 404})
# A policy may allow one way to list and refuse another: its conditions name prefixes, and versions are a right of their own.
LISTINGS = (
    ONE_KEY,
    {**ONE_KEY, "prefix": KEY_PREFIX},
    {"max-keys": "1", "prefix": KEY_PREFIX},
    {"max-keys": "1", "prefix": KEY_PREFIX, "versions": ""},
)
# Of the first photos by their keys, so many are read as a till does.
KEYS_OF_A_PAGE, SAMPLE = 1000, 6
READ_ONLY = "--read-only leaves it out"
POLICY_HINT = 'Let anybody read objects, and nothing else: docs/MINIO_SETUP.md, "Bucket and policy".'


@dataclass(slots=True)
class BucketChecks:
    """One bucket under examination. ``make`` is the command that creates a missing one."""

    store: ObjectStore
    public_url: str
    ca_file: Path | None
    make: str
    read_only: bool = False
    ports: Sequence[StorePort] = STORE_PORTS
    now: Callable[[], float] = time.time
    _probes: list[str] = field(default_factory=list)
    _some_key: str = ""
    _sample: Sequence[str] = ()
    _anonymous: faults.S3Response | None = None
    _first_bytes: bytes = b""
    _objects: list[str] = field(default_factory=list)

    def checks(self) -> list[Check]:
        """Returns the checks, in the order in which they are shown."""
        return [
            machine.url_name_check("dns_bucket", self.store.endpoint, setting="ETALASE_S3_ENDPOINT"),
            Check("object_store", self.answers, needs=("dns_bucket",)),
            Check("clock_bucket", self.clock, needs=("object_store",)),
            Check("bucket", self.exists, needs=("clock_bucket",)),
            Check("bucket_write", self.write, needs=("bucket",)),
            Check("bucket_read", self.read, needs=("bucket",), after=("bucket_write",)),
            Check("bucket_public", self.public, needs=("bucket",), after=("bucket_write",)),
            Check("bucket_listing", self.listing, needs=("bucket",)),
            Check("bucket_anonymous_write", self.anonymous_write, needs=("bucket",)),
            machine.url_name_check("dns_public", self.public_url, setting="ETALASE_S3_PUBLIC_URL"),
            Check("public_url", self.at_public_url, needs=("bucket_public", "dns_public")),
            Check("bucket_delete", self.delete, needs=("bucket_write",),
                  after=("bucket_read", "bucket_public", "public_url", "bucket_anonymous_write")),
            Check("store_ports", self.closed_ports, needs=("dns_public",)),
        ]  # fmt: skip

    def answers(self) -> str:
        """Checks that an S3 server responds, by a request that anybody can make."""
        response = self._anonymous = self.store.request("GET", query=ONE_KEY, signed=False)
        is_listing = response.status < 300 and b"ListBucketResult" in response.body
        if is_listing or (response.error and response.status in ANSWERS_OF_S3):
            return f"{self.store.endpoint} ({response.header('server') or 'S3'})"
        if response.status < 300 or response.is_page:
            raise faults.not_s3(response)
        raise faults.of_response(response, now=self.now())

    def clock(self) -> str:
        """Compares the clocks: S3 refuses a request whose time is too far from its own."""
        date = self._anonymous.header("date") if self._anonymous else ""
        return clock.compare(date, here=self.now(), whose=f"the object store {self.store.endpoint}")

    def exists(self) -> str:
        """Checks key, secret, region and bucket by a signed listing; removes the probes of a killed doctor."""
        try:
            first = (info.key for info in islice(self.store.list(KEY_PREFIX), KEYS_OF_A_PAGE))
            keys = [key for key in first if not key.startswith(PROBE_PREFIX)]
            self._some_key = next(iter(keys), "")
            self._sample = random.sample(keys, min(SAMPLE, len(keys)))
        except ObjectMissing as error:
            raise Fault(
                error.message, hint=f"`{self.make}` creates it; if it should exist, check ETALASE_S3_BUCKET."
            ) from error
        if not self.read_only:
            prefixes = (PROBE_PREFIX, RENDITION_PROBE_PREFIX)
            probes = (info.key for prefix in prefixes for info in self.store.list(prefix))
            left_over = [key for key in probes if self._is_left_over(key)]
            with suppress(ObjectStoreDenied):  # the deletion of the own probe says so
                self.store.delete(left_over)
        return self.store.bucket

    def _is_left_over(self, key: str) -> bool:
        at = key.removeprefix(PROBE_PREFIX).removeprefix(RENDITION_PROBE_PREFIX).partition("-")[0]
        return not (at.isdecimal() and 0 <= self.now() - int(at) < LEFT_OVER_SECONDS)

    def write(self) -> str:
        """Puts the probe."""
        if self.read_only:
            raise NotChecked(READ_ONLY)
        name = f"{int(self.now())}-{token_hex(4)}"
        # A policy may allow photos alone.
        for key in (f"{PROBE_PREFIX}{name}", f"{RENDITION_PROBE_PREFIX}{name}"):
            self._objects.append(key)
            try:
                self.store.put(key, PROBE, content_type="image/png")
            except ObjectRefused as error:
                raise Fault(
                    error.message, hint=error.hint or "Look into the log of the object store, and of a proxy before it."
                ) from error
            self._probes.append(key)
        return "an object of one byte was put"

    def read(self) -> str:
        """Reads an object with the key."""
        key = self._readable()
        if key in self._probes and self.store.get(key) != PROBE:
            raise Fault("The object store returned other bytes than were put.", hint="Look into its disk and its log.")
        if self.store.head(key) is None:
            raise Fault(f"The object «{key}» was listed and is not there.", hint="Look into the object store's disk and log.")
        return "with the access key"

    def public(self) -> str:
        """Reads an object as anybody can, at the address for this server."""
        for key in self._probes or [self._readable()]:
            response = self.store.request("GET", key, headers=FIRST_BYTES, signed=False)
            if response.status not in {200, 206}:
                raise Fault(self._unreadable(self.store.endpoint, response.status, key), hint=POLICY_HINT)
            self._first_bytes = response.body[:FIRST]
        self._read_photos()
        return f"an object can be read without a key{f', and so can {len(self._sample)} photos' if self._sample else ''}"

    def _read_photos(self) -> None:
        """Reads the beginnings of some photos, and the policy: it may deny what it allows elsewhere."""
        with suppress(ObjectStoreError):  # a key without this right
            if denied := denials(self.store.policy() or b"", self.store.bucket, PUBLIC_PREFIXES):
                raise Fault(
                    f"The policy of bucket {self.store.bucket} denies everybody to read {', '.join(denied[:3])}"
                    f"{' and more' if len(denied) > 3 else ''}: tills get 403 there.",
                    hint='Remove that statement with "Effect": "Deny": docs/MINIO_SETUP.md, "Bucket and policy".',
                )
        for key in self._sample:
            status = self.store.request("GET", key, headers=FIRST_BYTES, signed=False).status
            if status not in {200, 206, 404}:  # 404: deleted since
                raise Fault(
                    f"The photo «{key}» cannot be read without a key: HTTP {status}. Others can.",
                    hint="Look for what denies it: the bucket's policy, or the rules of a proxy before the object store.",
                )

    def at_public_url(self) -> str:
        """Reads the same object at the address that its readers have."""
        url = f"{self.public_url}/{self.store.bucket}/{quote(self._readable(), safe='/~')}"
        hint = (
            "ETALASE_S3_PUBLIC_URL has to be the address under which readers reach this bucket's S3 port, without the bucket."
        )
        response = http.get(
            url, setting="ETALASE_S3_PUBLIC_URL", seconds=REQUEST_SECONDS, ca_file=self.ca_file, headers=FIRST_BYTES
        )
        if response.status not in {200, 206}:
            raise Fault(self._unreadable(self.public_url, response.status), hint=hint)
        if response.body[:FIRST] != self._first_bytes:
            raise Fault(f"At {self.public_url} something else answers than this bucket.", hint=hint)
        return f"an object can be read at {self.public_url}"

    def _unreadable(self, base: str, status: int, key: str = "") -> str:
        below = f" below {key.partition('/')[0]}/" if key in self._probes else ""
        return f"An object of bucket {self.store.bucket}{below} cannot be read without a key at {base}: HTTP {status}."

    def _readable(self) -> str:
        if key := self._probes[0] if self._probes else self._some_key:
            return key
        raise NotChecked("no object is there to be read")

    def listing(self) -> str:
        """Checks that nobody can list the bucket without a key."""
        for query in LISTINGS:
            response = self.store.request("GET", query=query, signed=False)
            if response.status < 300 and any(sign in response.body for sign in (b"ListBucketResult", b"ListVersionsResult")):
                raise Fault(
                    f"Anybody can list bucket {self.store.bucket}: only reading an object whose key is known should be public.",
                    hint=POLICY_HINT,
                )
        return "refused without a key"

    def anonymous_write(self) -> str:
        """Checks that nobody can put or delete an object without a key. The deleted one does not exist."""
        if self.read_only:
            raise NotChecked(READ_ONLY)
        key = f"{PROBE_PREFIX}{int(self.now())}-{token_hex(4)}"
        self._objects.append(key)
        if self.store.request("PUT", key, body=PROBE, signed=False).status < 300:
            raise Fault(f"Anybody can write to bucket {self.store.bucket} without a key.", hint=POLICY_HINT)
        self._objects.remove(key)
        if self.store.request("DELETE", key, signed=False).status < 300:
            raise Fault(f"Anybody can delete objects of bucket {self.store.bucket} without a key.", hint=POLICY_HINT)
        return "refused without a key"

    def delete(self) -> str:
        """Deletes the probe."""
        for key in self._probes:
            self.store.delete([key])
            with suppress(ObjectStoreDenied):  # a key without the right to read; another check says so
                if self.store.head(key) is not None:
                    raise Fault(
                        "The object store accepted a deletion, and the object is still there.", hint="Look into its log."
                    )
            self._objects.remove(key)
        return "the probe is deleted"

    def closed_ports(self) -> str:
        """Checks that the store's inner ports are not open at the address that others use.

        The endpoint's may be: a container's network has it to itself.
        """
        hosts = hosts_to_try([self.public_url])
        if not hosts:
            return "the public address is of this machine alone"
        with ThreadPoolExecutor(len(hosts) * len(self.ports)) as pool:
            found = [one for one in pool.map(lambda pair: open_at(*pair), [(h, p) for h in hosts for p in self.ports]) if one]
        if found:
            raise Fault(
                f"Open to this network: {', '.join(found)}. Its filer, master and volume ports give every object to anybody.",
                hint="Bind them to 127.0.0.1 or close them in the firewall; only the S3 port belongs in the network"
                ' (docs/MINIO_SETUP.md, "SeaweedFS for production").',
            )
        return f"none of them answers at {', '.join(hosts)}, as seen from here"

    def clean_up(self) -> None:
        """Deletes this doctor's remaining probes; where the store does not respond, the next doctor deletes them."""
        self.store.ends_at = time.monotonic() + CLEAN_UP_SECONDS
        for key in self._objects:
            with suppress(ObjectStoreError):
                self.store.delete([key])
