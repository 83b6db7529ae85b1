"""Secrets are hidden here, in the one place that every text on its way out goes through (hazards 51 and 74). Pure.

Settings and tokens are made known as they are read. Errors, log records, command output and run rows then call
:func:`redacted`, so that a secret stays hidden even where another party's error text echoes it.
"""

import base64
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

HIDDEN = "[hidden]"
# From this length on a secret is hidden wherever it stands. A shorter one only where it stands as a value, in quotes or behind
# «=» or «:», or a password like «menu» would shred every sentence; below MIN_CHARS there is nothing left to keep.
ANYWHERE_CHARS = 8
MIN_CHARS = 4
# A process renews its tokens for months: the oldest are forgotten.
TOKENS_KEPT = 64

_secrets: set[str] = set()
_tokens: deque[str] = deque(maxlen=TOKENS_KEPT)

# Hidden without being known: what nobody writes but as a credential.
_SHAPES = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)(?=\S*[0-9=])[A-Za-z0-9._~+/=-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){0,2}"  # a JSON Web Token, or its beginning (RFC 7519, section 3.1)
    r"|(?P<signed>(?:\bX-(?:Amz|Goog)-(?:Signature|Security-Token)|[?&](?:sig|signature))(?:=|%3D))[^&\s\"'<>»]+"
    r"|(?P<user>\b[a-z][a-z0-9+.-]*://[^\s/:@\"'«»]*:)[^\s/@\"'«»]+(?=@)",
    re.IGNORECASE,
)


def keep_secret(*values: str | None) -> None:
    """Hide ``values`` from now on, in every spelling of :func:`_spellings`. For what stays while the process lives."""
    _secrets.update(value for value in values if value and len(value) >= MIN_CHARS)


def keep_token(*values: str | None) -> None:
    """Likewise, for what is renewed: the last :data:`TOKENS_KEPT` are hidden."""
    _tokens.extend(value for value in values if value and len(value) >= ANYWHERE_CHARS and value not in _tokens)


def keep_url_secret(url: str | None) -> None:
    """Hide the password of ``url``, as it is written there and decoded; also one in its query, as libpq takes it."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return
    password = parts.password or ""
    in_query = [value for name, value in parse_qsl(parts.query) if name.endswith("password")]
    keep_secret(password, unquote(password), *in_query)


def redacted(text: str) -> str:
    """``text`` without any secret; equal to ``text`` where it has none."""
    pattern = _pattern(frozenset((*_secrets, *_tokens)))
    return _SHAPES.sub(_shape_hidden, pattern.sub(HIDDEN, text) if pattern else text)


def redacted_values(value: Any) -> Any:
    """``value`` with each text in it redacted, also in lists and dictionaries. Other objects are returned as they are."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {redacted(key) if isinstance(key, str) else key: redacted_values(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_values(held) for held in value]
    return value


def _shape_hidden(found: re.Match[str]) -> str:
    return (found["scheme"] or found["signed"] or found["user"] or "") + HIDDEN


@lru_cache(maxsize=2)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """All spellings of ``secrets``, the longest first, so that none is hidden in half."""
    long = {spelt for secret in secrets if len(secret) >= ANYWHERE_CHARS for spelt in _spellings(secret)}
    short = {spelt for secret in secrets if len(secret) < ANYWHERE_CHARS for spelt in _texts(secret)}
    parts = _longest_first(long)
    if short:
        parts.append(rf"""(?:(?<=["'=:«])|(?<=[:=] ["'])){_any_of(short)}(?=["'»&;,}}\s]|\Z)""")
    return re.compile("|".join(parts)) if parts else None


def _any_of(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(_longest_first(texts))})"


def _longest_first(texts: Iterable[str]) -> list[str]:
    return [re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text))]


def _spellings(secret: str) -> Iterator[str]:
    yield from _texts(secret)
    yield from _base64(secret)


def _texts(secret: str) -> Iterator[str]:
    """As it is; as JSON, Python and a terminal escape it; as a URL or a form quotes it."""
    yield secret
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]  # an answer in JSON, quoted in an answer in JSON
    yield repr(secret)[1:-1]
    yield secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#x27;")
    raw = secret.encode("utf-8", "replace")
    for quoted in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda hexadecimal: hexadecimal[0].lower(), quoted)


def _base64(secret: str) -> Iterator[str]:
    """What base64 makes of it wherever it stands in the encoded text, as in «user:password» (RFC 7617, section 2).

    At each of the three alignments, less the characters that depend on what stands beside it.
    """
    raw = secret.encode("utf-8", "replace")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        if last - first >= ANYWHERE_CHARS:
            core = encoded[first:last].decode()
            yield core
            yield core.replace("+", "-").replace("/", "_")
