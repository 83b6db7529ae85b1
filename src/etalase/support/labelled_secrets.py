"""Hides values that a log labels as secret, as in ``password=…``, and the headers of a login. Pure.

The redaction knows this edge's own secrets; a project's log may have those of other programs and people.
"""

import re

from etalase.redaction import HIDDEN

_QUOTE = r"\\{0,8}[\"']"
_NAMES = (
    r"pass(?:word|wd|phrase)|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signing[-_]?key|credentials?|session_?id"
    r"|refresh|signature"
)
_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,30}(?:key|token|auth)[a-z-]{0,30}"
# The name may be in quotes; an SQL statement has a quoted value without a sign between.
_SIGN = rf"(?:(?:{_QUOTE})?\s{{0,4}}(?:=>|[=:])\s{{0,4}}|\s{{1,4}}(?={_QUOTE}))"
_QUOTED = rf"(?P<quote>{_QUOTE})(?P<quoted>(?:(?!(?P=quote)).)*)(?P=quote)"
_LABELLED = re.compile(
    rf"(?P<name>(?:{_HEADERS}){_SIGN})(?:{_QUOTED}|(?P<header>[^\"'\\\r\n]+))"
    rf"|(?P<name2>(?:{_NAMES})[a-z0-9_-]{{0,20}}{_SIGN})"
    rf"(?:{_QUOTED.replace('quote', 'quote2')}|(?P<value>[^\s\"'\\&;,<>»)}}\]]+))",
    re.IGNORECASE,
)


def hide_labelled(text: str) -> str:
    """Returns ``text`` with each such value hidden; name, sign and quotes stay."""
    return _LABELLED.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    name, quote = found["name"] or found["name2"], found["quote"] or found["quote2"] or ""
    return f"{name}{quote}{HIDDEN}{quote}"
