"""Reads media types: what a header or field names, and what the first bytes prove. Pure."""

import re

# The picture types that a POS browser shows, with the extension of their keys.
EXTENSION_OF = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

# Other names of the same types, from old browsers, servers and files; none is registered with IANA.
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-jpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-webp": "image/webp",
}

_MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
MAGIC_BYTES = 12


def sniff_type(first_bytes: bytes) -> str | None:
    """Returns the picture type by the first :data:`MAGIC_BYTES` bytes, or None (WHATWG MIME Sniffing, section 6.1)."""
    return next((name for pattern, name in _MAGIC if pattern.match(first_bytes)), None)


def media_type(text: str | None) -> str:
    """Returns the type that a header or field names, in lower case, without its parameters (RFC 9110, section 8.3.1)."""
    return (text or "").partition(";")[0].strip().lower()


def picture_type(text: str | None) -> str | None:
    """Returns the picture type that ``text`` names, if a POS browser shows it, or None. Only the bytes are a proof."""
    named = media_type(text)
    named = _ALIASES.get(named, named)
    return named if named in EXTENSION_OF else None
