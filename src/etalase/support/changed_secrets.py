"""Hides a known secret that another program has changed: in capitals, cut off, or folded over two lines. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache

from etalase.redaction import ANYWHERE_CHARS, HIDDEN

# A secret may begin with a word of every log, which stays readable: so many further characters must follow.
_WORDS = ("password", "postgres", "etalase-head-office", "etalase-edge", "etalase", "product", "rahasia")
_CHARS_AFTER_A_WORD = 4
_FOLD = r"(?:\\?[ \t]{0,8}\r?\n[ \t]{0,40})?"
_IS_FOLD = re.compile(r"\\?[ \t]{0,8}\r?\n[ \t]{0,40}")


def hide_changed(text: str, secrets: Iterable[str]) -> str:
    """Returns ``text`` with each beginning or end of a secret hidden that has at least eight characters."""
    for secret in sorted({one for one in secrets if len(one) >= ANYWHERE_CHARS}, key=len, reverse=True):
        text = _hide(text, secret)
        text = _end(secret).sub(HIDDEN, text)
    return text


def _hide(text: str, secret: str) -> str:
    parts, at = [], 0
    shortest = _shortest(secret)
    for found in _beginning(secret).finditer(text):
        if found.start() < at:
            continue
        parts += [text[at : found.start()], HIDDEN]
        at = _end_of(text, found.end(), secret[shortest:])
    return "".join([*parts, text[at:]]) if parts else text


def _end_of(text: str, at: int, rest: str) -> int:
    """Returns where the secret ends in ``text``, of which ``rest`` may follow from ``at`` on, folded or cut."""
    for character in rest:
        fold = _IS_FOLD.match(text, at)
        to = fold.end() if fold else at
        if text[to : to + 1].casefold() != character.casefold():
            break
        at = to + 1
    return at


def _shortest(secret: str) -> int:
    word = next((word for word in _WORDS if secret.casefold().startswith(word)), "")
    return min(len(secret), max(ANYWHERE_CHARS, len(word) + _CHARS_AFTER_A_WORD if word else 0))


@lru_cache(maxsize=256)
def _beginning(secret: str) -> re.Pattern[str]:
    return re.compile(_FOLD.join(map(re.escape, secret[: _shortest(secret)])), re.IGNORECASE)


@lru_cache(maxsize=256)
def _end(secret: str) -> re.Pattern[str]:
    """Returns a pattern of a second half, at the beginning of a word: the first half is in a line before, or cut off."""
    half = max(ANYWHERE_CHARS, len(secret) // 2)
    return re.compile(r"(?<!\w)[\w.+/=-]{0,64}?" + re.escape(secret[-half:]), re.IGNORECASE) if half < len(secret) else _NONE


_NONE = re.compile(r"(?!)")
