"""Hides values that a log labels as secret, as in ``password=…``, and the headers of a login. Pure.

The redaction knows this edge's own secrets; a project's log may have those of other programs and people. Where a value ends
is often not known: rather too much of a line is hidden than half of a secret left. Each repetition is bounded or ends with
its line, so that a log of any form costs no more than its length.
"""

import re

from etalase.redaction import HIDDEN

_QUOTE = r"\\{0,8}[\"']"
_LONG_NAMES = (
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signing[-_]?key|credentials?"
    r"|session_?id|signature|sandi|rahasia|kunci[-_ ]?api|senha|has[łl]o|contrase[ñn]a|passwort|kennwort|wachtwoord"
)
# Short names are words of their own.
_NAMES = rf"(?:{_LONG_NAMES}|refresh|(?<![a-z0-9])(?:pass|pw|pin|otp)(?![a-z0-9]))"
_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,30}(?:key|token|auth)[a-z-]{0,30}"
# The name may be in quotes; an SQL statement has a quoted value without a sign between, a list of pairs a comma.
_NOTE = r"(?:[ \t]{1,4}\([^()\n]{0,40}\)(?=[ \t]{0,4}[:=]))?"
_SIGN = (
    rf"{_NOTE}(?:{_QUOTE}\s{{0,4}},\s{{0,4}}(?=b?{_QUOTE})|(?:{_QUOTE})?\s{{0,4}}(?:=>|[=:])\s{{0,4}}|\s{{1,4}}(?={_QUOTE}))"
)
# In a cut line, the closing quote is missing.
_QUOTED = r"(?P<quote>\\{0,8}[\"'])(?:(?!(?P=quote))(?:\\.|.))*(?P<end>(?P=quote)|$)"
# A type of Python's, a tag or an anchor of YAML's
_BEFORE = r"(?:!{1,2}[\w:/.,-]{0,60}[ \t]{1,4}|&\w{1,40}[ \t]{1,4}|[a-z_][\w.]{0,40}\((?=b?\\{0,8}[\"']))?b?"
_BARE = r"(?:[^\s\"'\\]|\\(?!\\{0,8}[\"']))+"
_FLAGS = re.IGNORECASE | re.MULTILINE

# From a name at the beginning of a line: YAML, an INI file, the environment of a service. The value ends with the line.
_LINE = re.compile(
    rf"^(?P<name>[ \t]{{0,40}}(?:export |- |#)?[\w.-]{{0,60}}?(?:{_LONG_NAMES})[\w-]{{0,30}}[ \t]{{0,4}}(?:=>?|:)[ \t]{{0,4}})"
    r"(?!(?:[\"'\\{\[]|[a-z_][\w.]{0,40}\())(?P<value>[^\s=>][^\n]*)"
    r"(?P<block>(?<=[|>+-])(?:\n[ \t]{1,40}[^\n]*)+)?",
    _FLAGS,
)
_LABELLED = re.compile(
    rf"(?P<name>(?:{_HEADERS}){_SIGN}b?)(?:{_QUOTED}|(?P<header>[^\"'\\\r\n]+))"
    rf"|(?P<name2>{_NAMES}[a-z0-9_-]{{0,20}}{_SIGN}{_BEFORE})"
    rf"(?:{_QUOTED.replace('quote', 'quote2').replace('end', 'end2')}|(?P<value>{_BARE}))",
    _FLAGS,
)
_ELEMENT = re.compile(rf"(?P<name><[\w:.-]{{0,40}}{_NAMES}[\w:.-]{{0,40}}(?:\s[^<>]{{0,200}})?>)(?P<value>[^<]+)", _FLAGS)
_OPTION = re.compile(
    rf"(?P<name>(?<![\w-])--?[a-z0-9_-]{{0,40}}?{_NAMES}[a-z0-9_-]{{0,20}}(?<!file)(?<!path)[ \t]{{1,4}})(?!-)"
    rf"(?P<value>{_BARE})",
    _FLAGS,
)
# `docker run -u 1000:1000` names no password.
_CURL = re.compile(
    rf"(?P<name>(?<![\w-])(?:-u|--(?:proxy-)?user)(?:{_QUOTE})?[\s,=]{{0,4}}(?:{_QUOTE})?(?!\d{{1,7}}:\d{{1,7}}(?![\w.]))"
    rf"[^\s:\"'/\\]{{1,64}}:)(?P<value>{_BARE})",
    _FLAGS,
)
# `mysql -p` without a value asks; `-P` is a port.
_TOOL = re.compile(
    r"(?P<name>\b(?:(?:mysql|mariadb)[\w-]{0,20}\b[^\n]{0,200}?[ \t](?-i:-p)(?=\S)|sshpass[ \t]{1,4}(?-i:-p)[ \t]{0,4}"
    rf"|(?:redis|valkey)-cli\b[^\n]{{0,200}}?[ \t](?-i:-a)[ \t]{{1,4}})(?:{_QUOTE})?)(?P<value>{_BARE})",
    _FLAGS,
)
# A sentence without a sign: only a word of letters and digits, as passwords are and "wrong" or "valid" are not.
_SAID = re.compile(
    rf"(?P<name>(?<![\w/]){_NAMES}(?:[ \t]{{1,4}}(?:is|was|adalah|to|é|to jest))?[ \t]{{1,4}})"
    r"(?=[^\s\"']{0,60}\d)(?=[^\s\"']{0,60}[a-z])(?P<value>[^\s\"',;:()\[\]]{8,})",
    _FLAGS,
)
# With a port, a path may have an @.
_ADDRESS = re.compile(
    r"(?P<name>//)(?:(?P<user>[^\s/:@\"'<>]{0,128}:)(?!\d{1,5}/)[^\s\"'<>]{1,256}|[^\s/:@\"'<>]{8,256})(?=@)", _FLAGS
)
_SHAPE = re.compile(r"(?P<name>\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA))[A-Za-z0-9_-]{16,}")
# PostgreSQL's DETAIL of a refused row, in any language, and of a logged statement.
_KEY = re.compile(rf"(?P<name>\([^()\n]{{0,200}}?{_NAMES}[^()\n]{{0,200}}\)=\()[^\n]*", _FLAGS)
_FAILING_ROW = re.compile(r"(?P<name>DETAIL:[^\n(]{0,80}(?<!Key) \()(?!\w[^()\n]{0,200}\)=\()[^\n]*")
_PARAMETER = re.compile(r"(?P<name>\$\d{1,5} = ')(?P<value>(?:''|[^'\n])*)")


def hide_labelled(text: str) -> str:
    """Returns ``text`` with each such value hidden; name, sign and quotes stay."""
    text = _LINE.sub(_of_line, text)
    text = _LABELLED.sub(_hidden, text)
    text = _ADDRESS.sub(lambda found: f"//{found['user'] or ''}{HIDDEN}", text)
    for pattern in (_ELEMENT, _OPTION, _CURL, _TOOL, _SAID, _SHAPE, _KEY, _FAILING_ROW, _PARAMETER):
        text = pattern.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    return text


def _hidden(found: re.Match[str]) -> str:
    # The working directory of a process
    if found["value"] and found["value"].startswith("/") and (found["name2"] or "").startswith("PWD="):
        return found[0]
    name = found["name"] or found["name2"]
    return f"{name}{found['quote'] or found['quote2'] or ''}{HIDDEN}{found['end'] or found['end2'] or ''}"


def _of_line(found: re.Match[str]) -> str:
    if found["value"].startswith("/") and found["name"].strip() in {"PWD=", "OLDPWD="}:
        return found[0]
    return f"{found['name']}{HIDDEN}"
