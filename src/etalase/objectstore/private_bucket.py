"""Creates a bucket that nobody can read without a key, and proves that it is one."""

from etalase.errors import ObjectStoreMisconfigured
from etalase.objectstore.client import PROBE_PNG, ObjectStore
from etalase.objectstore.requests import ONE_KEY

# The probe stays, so that a later proof writes nothing and no proof removes the probe of another.
PROBE_KEY = "etalase-probe.png"
# Refused, or asked to log in. A 404 would leave open whether another object can be read.
REFUSED = frozenset({401, 403})


def ensure_private_bucket(store: ObjectStore) -> None:
    """Creates the bucket without a policy, and proves that it is private. Raises :class:`ObjectStoreError` without a proof."""
    found = store.request("GET", query=ONE_KEY)
    if found.error.get("Code") == "NoSuchBucket":
        store.create()
    else:
        store.expect(found)
    if store.head(PROBE_KEY) is None:
        store.put(PROBE_KEY, PROBE_PNG, content_type="image/png")
    prove_private(store)


def prove_private(store: ObjectStore) -> None:
    """Raises :class:`ObjectStoreMisconfigured` unless a request without a key for the probe is refused."""
    status = store.request("GET", PROBE_KEY, headers=["Range: bytes=0-0"], signed=False).status
    if status in REFUSED:
        return
    problem = "Anybody can read" if status < 300 else f"There is no proof (HTTP {status}) that nobody can read"
    raise ObjectStoreMisconfigured(
        f"{problem} objects of bucket {store.bucket} at {store.endpoint} without a key. It has to be private.",
        hint='Remove its policy: docs/MINIO_SETUP.md, "The private bucket".',
    )
