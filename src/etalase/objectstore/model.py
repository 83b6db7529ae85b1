"""Objects as an S3 server describes them. Pure."""

from dataclasses import dataclass, field
from mmap import mmap

Body = bytes | mmap

# The probes of a doctor: neither photos nor orphans.
PROBE_PREFIX = "products/etalase-probe-"
RENDITION_PROBE_PREFIX = "renditions/etalase-probe-"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store describes it. ``etag`` is without quotes; for our own puts it is the MD5 of the bytes.

    ``modified`` is the time of its put in UTC, to the second and without a zone, by the store's clock; only a listing has it.
    Only a HEAD has ``content_type``. Neither makes it another object.
    """

    key: str
    size: int
    etag: str
    modified: str = field(default="", compare=False)
    content_type: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """An object that was read through: the MD5 of its bytes in hex, its served type, its first bytes."""

    digest: str
    content_type: str
    first_bytes: bytes = b""


def names_one_object(key: str) -> bool:
    """Returns whether a request for ``key`` concerns one object: an empty key means the bucket, and dots lead elsewhere."""
    return bool(key) and {".", ".."}.isdisjoint(key.split("/"))
