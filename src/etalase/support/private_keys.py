"""Hides the bodies of private keys in PEM (RFC 7468), also where a log was cut in the middle of one. Pure."""

import re
from itertools import zip_longest

from etalase.redaction import HIDDEN

# The longest key with the prefixes that a log gives to its lines.
MAX_CHARS = 32_768
_MARK = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")


def hide_private_keys(text: str) -> str:
    """Returns ``text`` with all between the marks of a private key hidden; where one mark is missing, what may be its body."""
    parts, at = [], 0
    marks = list(_MARK.finditer(text))
    for mark, following in zip_longest(marks, marks[1:]):
        if mark[1] == "END":
            if mark.start() > at:  # its beginning is not there
                before = max(at, mark.start() - MAX_CHARS)
                parts += [text[at:before], _BODY.sub(HIDDEN, text[before : mark.start()])]
            parts.append(mark[0])
            at = mark.end()
            continue
        parts += [text[at : mark.end()]]
        at = mark.end()
        if following is not None and following[1] == "END" and following.start() - at <= MAX_CHARS:
            parts.append(HIDDEN)
            at = following.start()
        else:
            end = min(at + MAX_CHARS, following.start() if following else len(text))
            parts.append(_BODY.sub(HIDDEN, text[at:end]))
            at = end
    return "".join([*parts, text[at:]])
