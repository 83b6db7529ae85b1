"""Hides secrets in every text before it is written (hazards 51 and 74). Pure.

Secrets of settings and tokens are registered when they are read. Errors, log records, command output and run rows call
:func:`redacted`, so that a secret stays hidden even if the error text of another program repeats it.
"""

import base64
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from html.entities import html5
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

HIDDEN = "[hidden]"
# From this length, a secret is hidden everywhere. A shorter one is hidden only as a value, in quotes or after «=» or «:»:
# a password like «menu» would destroy every sentence. Below MIN_CHARS, nothing is hidden.
ANYWHERE_CHARS = 8
MIN_CHARS = 4
# A process renews its tokens for months: the oldest ones are dropped.
TOKENS_KEPT = 64
# Access keys that `init` proposes: they are also names of our services and files, which nobody could read any more.
NO_SECRETS = frozenset({"etalase-edge", "etalase-head-office"})


@dataclass(slots=True)
class KnownSecrets:
    """The secrets that are hidden: those that stay until the process ends, and the last tokens."""

    lasting: set[str] = field(default_factory=set)
    tokens: deque[str] = field(default_factory=lambda: deque(maxlen=TOKENS_KEPT))


# Those of this process.
known = KnownSecrets()

# So many characters of a secret are hidden in every spelling.
SPELLED_CHARS = 256

# The backslash that begins an escape may be the last one of a run before it.
_ESCAPE = r"\\{0,8}(?<=\\)"

# Texts that are always credentials, hidden without being registered.
_SHAPES = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)(?=\S*[0-9=])[A-Za-z0-9._~+/=-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){0,2}"  # a JSON Web Token, or its beginning (RFC 7519, section 3.1)
    r"|(?P<signed>(?:\bX-(?:Amz|Goog)-(?:Signature|Security-Token)|[?&](?:sig|signature))(?:=|%3D))[^&\s\"'<>»]+"
    # The scheme is bounded, because otherwise a text like «a.a.a.a» costs its length squared, and any client may send one.
    r"|(?P<user>\b[a-z][a-z0-9+.-]{0,31}://[^\s/:@\"'«»]*:)[^\s/@\"'«»]+(?=@)",
    re.IGNORECASE,
)


def keep_secret(*values: str | None) -> None:
    """Hides ``values`` from now on, in every spelling. For secrets that stay until the process ends."""
    known.lasting.update(value for value in values if value and len(value) >= MIN_CHARS and value not in NO_SECRETS)


def keep_token(*values: str | None) -> None:
    """Hides renewed secrets: the last :data:`TOKENS_KEPT`."""
    known.tokens.extend(value for value in values if value and len(value) >= ANYWHERE_CHARS and value not in known.tokens)


def keep_url_secret(url: str | None) -> None:
    """Hides the passwords of ``url``."""
    keep_secret(*url_passwords(url))


def url_passwords(url: str | None) -> list[str]:
    """Returns the passwords of ``url``, as written and decoded, also those in its query, which libpq accepts."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return []
    password = parts.password or ""
    return [password, unquote(password), *(value for name, value in parse_qsl(parts.query) if name.endswith("password"))]


def redacted(text: str) -> str:
    """Returns ``text`` with every secret hidden."""
    for secret in _longest_first(frozenset((*known.lasting, *known.tokens))):
        text = _pattern(secret).sub(HIDDEN, text)
    return _SHAPES.sub(_shape_hidden, text)


def redacted_values(value: Any) -> Any:
    """Returns ``value`` with each text redacted, also in lists and dictionaries; other objects unchanged."""
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
def _longest_first(secrets: frozenset[str]) -> list[str]:
    """Returns the secrets in an order in which none is hidden in half."""
    return sorted(secrets, key=lambda secret: (-len(secret), secret))


# Each secret has a pattern of its own: a new token must not cost the patterns of all earlier ones.
@lru_cache(maxsize=4 * TOKENS_KEPT)
def _pattern(secret: str) -> re.Pattern[str]:
    """Returns a pattern of all spellings of ``secret``."""
    if len(secret) < ANYWHERE_CHARS:
        return re.compile(rf"""(?:(?<=["'=:«])|(?<=[:=] ["']))(?:{_spelled(secret)})(?=["'»&;,}}\s]|\Z)""")
    return re.compile("|".join([_spelled(secret), *map(re.escape, _base64(secret))]))


def _spelled(secret: str) -> str:
    """Returns a pattern of ``secret`` as it is, and as JSON, HTML, a URL, a form, Python or a terminal write it.

    Each character has its own pattern: writers escape different ones (PHP «/», Go «&», .NET «+»), and some escape twice. Of a
    longer secret, the characters beyond :data:`SPELLED_CHARS` are hidden in the usual spellings only, since patterns of
    thousands of odd characters take seconds.
    """
    first, rest = secret[:SPELLED_CHARS], secret[SPELLED_CHARS:]
    beginning = "".join(map(_character, re.findall(r"\\+|[^\\]", first)))
    if not rest:
        return beginning
    usual = (rest, json.dumps(rest)[1:-1], repr(rest)[1:-1], quote(rest), quote(rest, safe=""), quote_plus(rest), escape(rest))
    return f"{beginning}(?:{'|'.join(map(re.escape, sorted(set(usual), key=len, reverse=True)))})?"


@lru_cache(maxsize=512)
def _character(text: str) -> str:
    """Returns a pattern of one character, or of a run of backslashes.

    A text matches it in one way only; otherwise a long secret would take exponential time. So the alternatives differ, a run
    of backslashes does not backtrack, and an escape accepts the backslash of the run before it.
    """
    if text.isascii() and (text.isalnum() or text in "._~-"):  # nobody escapes these
        return text.replace(".", r"\.")
    character, count, raw = text[0], len(text), text[0].encode("utf-8", "replace")
    code, units = ord(character), character.encode("utf-16-be", "surrogatepass").hex()
    plain = re.escape(character)
    after_backslash = re.escape(json.dumps(character)[2:-1]) if character in "\n\r\t\b\f" else plain
    ways = [
        rf"\\{{0,8}}{after_backslash}" if character != "\\" else rf"\\{{{count},{8 * count}}}+",
        "".join(rf"{_ESCAPE}u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)) * count,
        "".join(f"%(?:25)*(?i:{byte:02x})" for byte in raw) * count,
        "".join(rf"{_ESCAPE}x(?i:{byte:02x})" for byte in raw) * count,
        rf"&(?:amp;)*#(?:0*{code}|[xX]0*(?i:{code:x}));" * count,
    ]
    ways += [rf"&(?:amp;)*{name}" * count for name, meant in html5.items() if meant == character and name.endswith(";")]
    ways += [r"\+"] if character == " " else []
    ways += [plain] if after_backslash != plain else []
    if not character.isascii():
        # UTF-8 that was decoded with another encoding
        misread = {re.escape(raw.decode("latin-1")), re.escape(raw.decode("cp1252", "replace"))}
        ways += [rf"{_ESCAPE}x(?i:{code:02x})", *sorted(misread - {plain})]
    return f"(?:{'|'.join(ways)})"


def _base64(secret: str) -> Iterator[str]:
    """Yields its base64 at any position of the encoded text, as in «user:password» (RFC 7617, section 2).

    One for each of the three alignments, without the characters that depend on the neighbours.
    """
    raw = secret.encode("utf-8", "replace")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        if last - first >= ANYWHERE_CHARS:
            core = encoded[first:last].decode()
            yield core
            yield core.replace("+", "-").replace("/", "_")
