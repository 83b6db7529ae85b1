"""Photos, rows and whole feeds for the tests: single ones made by hand, and Hypothesis's random ones."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
from hypothesis import strategies as st

from etalase.edge.sync.plan.model import Row
from etalase.protocol import Photo

NAMESPACE = UUID(int=0)
T0 = datetime(2026, 2, 3, 4, 14, 24, 796133, UTC)
MAX_PHOTO_BYTES = 1024 * 1024

MAGIC = {
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF\0\0\0\0WEBP",
}


def named(name: str) -> UUID:
    """Returns the id for ``name``."""
    return uuid5(NAMESPACE, name)


def body_of(text: str, content_type: str = "image/jpeg") -> bytes:
    """Returns a picture's bytes, different for each ``text``."""
    return MAGIC[content_type] + random.Random(text).randbytes(20)


def md5(body: bytes) -> str:
    """Returns the MD5 in hex."""
    return hashlib.md5(body).hexdigest()


def photo(
    name: str = "a",
    *,
    product: str = "p",
    key: str | None = None,
    body: str | None = None,
    content_type: str = "image/jpeg",
    minute: int = 0,
    **fields: Any,
) -> Photo:
    """Returns the photo ``name`` of ``product`` with the bytes ``body_of(body)``; ``minute`` is the time of HO's change."""
    content = body_of(body if body is not None else name, content_type)
    checksum = md5(content)
    values: dict[str, Any] = {
        "id": named(name),
        "product_id": named(product),
        "object_key": key if key is not None else f"products/{product}/{name}.jpg",
        "size": len(content),
        "content_type": content_type,
        "checksum": checksum,
        "is_primary": False,
        "updated_at": T0 + timedelta(minutes=minute),
        "image_url": f"http://ho:9000/product-images/{name}?v={checksum[:8]}",
        "filename": f"{name}.jpg",
        "version": 1,
        "sort_order": 0,
        "product_sku": product,
        "product_name": product,
    }
    return Photo(**{**values, **fields})


def row_of(of: Photo, **changes: Any) -> Row:
    """Returns the row of ``of`` after its publication."""
    values: dict[str, Any] = {name: getattr(of, name) for name in Row.__dataclass_fields__ if not name.startswith("object_")}
    values |= {"object_key": of.object_key, "object_etag": of.checksum}
    return Row(**{**values, **changes})


@st.composite
def feeds(draw: st.DrawFn) -> tuple[Photo, ...]:
    """Draws a feed that follows the guide: distinct ids, one key for one content of one product. Small on purpose.

    Two feeds drawn in a row share ids, keys and bytes, so that between them photos change, move, swap and go.
    """
    listed: list[Photo] = []
    for product in draw(st.sampled_from([["p"], ["p", "q"]])):
        content_at: dict[str, tuple[str, str]] = {}
        for name in (f"{product}{letter}" for letter in draw(st.sampled_from(["a", "b", "ab", "ab", "abc", ""]))):
            slot = draw(st.sampled_from(["primary", "primary", "side", name]))
            content_type = draw(st.sampled_from(["image/jpeg", "image/jpeg", "image/webp"]))
            text = f"{product}{draw(st.integers(0, 3))}"
            key = f"products/{product}/{slot}.{'jpg' if content_type == 'image/jpeg' else 'webp'}"
            text, content_type = content_at.setdefault(key, (text, content_type))
            one = photo(
                name,
                product=product,
                key=key,
                body=text,
                content_type=content_type,
                minute=draw(st.integers(0, 3)),
                is_primary=draw(st.booleans()),
                sort_order=draw(st.integers(0, 1)),
                version=draw(st.sampled_from([None, 1, 2])),
            )
            listed.append(one)
    return tuple(listed)


def changed(of: Photo, **fields: Any) -> Photo:
    """Returns ``of`` with other ``fields``."""
    return msgspec.structs.replace(of, **fields)
