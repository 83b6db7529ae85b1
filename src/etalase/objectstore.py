"""The object store: the only room that knows the S3 clients.

obstore moves the bytes (a put costs 0.3 ms of CPU, in threads), boto3 makes buckets and policies, which obstore does not do.
Every put is a single part, so that the ETag is the MD5 of the bytes (S3 API, PutObject); a multipart ETag is none.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import boto3
import obstore
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
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

# A browser asks again each time and is answered 304: an URL with an old ?v= must never live on in a cache (design, step 4).
CACHE_CONTROL = "no-cache"
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
        self._store = S3Store(
            bucket,
            endpoint=endpoint,
            access_key_id=access_key,
            secret_access_key=secret_key,
            region=region,
            virtual_hosted_style_request=False,
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

    def put(self, key: str, body: bytes, *, content_type: str, replaces: str | Overwrite | None = Overwrite.ANY) -> str:
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
        with self._translated(prefix):
            for chunk in obstore.list(self._store, prefix):
                for meta in chunk:
                    yield ObjectInfo(key=meta["path"], size=meta["size"], etag=_bare(meta["e_tag"]))

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects; one that is not there is no error."""
        for key in keys:
            try:
                with self._translated(key):
                    obstore.delete(self._store, key)
            except ObjectMissing:
                continue

    def ensure_bucket(self) -> None:
        """Make the bucket and its policy what they should be: anybody may read an object, nobody may list (hazard 26).

        Reads first and writes only what differs, so that a start changes nothing where all is well.
        """
        with self._translated(self.bucket):
            client = boto3.client(
                "s3",
                endpoint_url=self.endpoint,
                region_name=self._region,
                aws_access_key_id=self._access_key,
                aws_secret_access_key=self._secret_key,
                config=Config(
                    connect_timeout=self._connect_timeout_seconds,
                    read_timeout=self._timeout_seconds,
                    retries={"total_max_attempts": self._max_retries + 1, "mode": "standard"},
                    s3={"addressing_style": "path"},
                    proxies={},
                ),
            )
            if not _exists(client, self.bucket):
                client.create_bucket(Bucket=self.bucket)
            if _normal(_policy(client, self.bucket)) != _normal(read_policy(self.bucket)):
                client.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(read_policy(self.bucket)))

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
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise (self._denied() if status in {401, 403} else self._server_error(str(error))) from error
        except BotoCoreError as error:
            raise self._server_error(str(error)) from error

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


def _exists(client: Any, bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _policy(client: Any, bucket: str) -> Mapping[str, Any] | None:
    try:
        policy: Mapping[str, Any] = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return policy


def _normal(policy: Any) -> Any:
    """Servers give a list of one back as the bare element, and a list in an order of their own; both mean the same."""
    if isinstance(policy, Mapping):
        return {name: _normal(value) for name, value in policy.items() if name != "Sid"}
    if isinstance(policy, list):
        return _normal(policy[0]) if len(policy) == 1 else sorted((_normal(value) for value in policy), key=str)
    return policy


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
