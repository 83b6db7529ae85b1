"""Checks that secrets never leave the process, in any spelling, and that other text stays unchanged."""

import base64
import json
import logging
import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etalase import redaction
from etalase.errors import HeadOfficeAway, PhotoError, Reason, SettingsError
from etalase.output import as_json, terminal_safe
from etalase.redaction import HIDDEN, KnownSecrets, keep_secret, keep_token, keep_url_secret, redacted
from etalase.settings.edge import EdgeServerSettings
from etalase.settings.logging import JsonFormatter, Redaction
from etalase.settings.reading import parse_settings

SECRET = 'Rahasia & "nasi/goreng" <2026>+ö'

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "JSON": lambda s: json.dumps({"password": s}),
    "JSON in UTF-8": lambda s: json.dumps({"password": s}, ensure_ascii=False),
    "JSON in JSON": lambda s: json.dumps(json.dumps({"password": s})),
    "a Python repr": lambda s: repr({"password": s}),
    "a path": lambda s: "https://ho.example/" + quote(s, safe=""),
    "a path, slashes kept": lambda s: "https://ho.example/" + quote(s),
    "a form": lambda s: urlencode({"username": "avril", "password": s}),
    "a form, hex in lower case": lambda s: re.sub("%..", lambda hex_: hex_[0].lower(), quote_plus(s)),
    "HTML": escape,
    "HTML by numbers": lambda s: re.sub("[^A-Za-z0-9.-]", lambda c: f"&#{ord(c[0])};", s),
    "HTML in HTML": lambda s: escape(escape(s)),
    "JSON of PHP": lambda s: json.dumps(s).replace("/", "\\/"),
    "JSON of .NET": lambda s: re.sub(r"[&<>+\"/]", lambda c: f"\\u{ord(c[0]):04X}", s),
    "JSON of Go": lambda s: json.dumps(s).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"),
    "Python bytes": lambda s: repr(s.encode()),
    "a path, quoted twice": lambda s: quote(quote(s, safe=""), safe=""),
    "UTF-8 taken for Latin-1": lambda s: s.encode().decode("latin-1"),
    "Basic": lambda s: "Authorization: Basic " + base64.b64encode(f"avril:{s}".encode()).decode(),
    "base64 of a user name one longer": lambda s: base64.b64encode(f"avril1:{s}".encode()).decode(),
    "base64 of a user name two longer": lambda s: base64.b64encode(f"avril12:{s}".encode()).decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(f"avril:{s}".encode()).decode(),
}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts each test without any known secret."""
    monkeypatch.setattr(redaction, "known", KnownSecrets())


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", [SECRET, "8letters", "a/b+c d%e", "кофе-и-чай", "x" * 500])
def test_a_secret_is_hidden_in_every_spelling(secret: str, spelling: str) -> None:
    keep_secret(secret)
    text = f"before {SPELLINGS[spelling](secret)} behind"
    assert HIDDEN in redacted(text)
    assert secret not in redacted(text)
    assert SPELLINGS[spelling](secret) not in redacted(text)
    assert redacted(text).startswith("before ")
    assert redacted(text).endswith(" behind")


@pytest.mark.parametrize("spelling", ["plain", "JSON", "a Python repr", "a path", "a path, slashes kept", "a form", "HTML"])
def test_all_of_a_very_long_odd_token_is_hidden_in_the_usual_spellings(spelling: str) -> None:
    """A pattern of thousands of odd characters takes seconds to make, and once took all the time of a run."""
    token = "[{<&'" * 3000
    redaction.keep_token(token)
    assert len(redacted(SPELLINGS[spelling](token))) < 100


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40), st.text(max_size=40))
@example("\\\\\\\\\\\\\\\\", "x")
@example("[hidden]", "")
def test_any_secret_is_hidden_in_any_text(secret: str, around: str) -> None:
    redaction.known.lasting.clear()
    keep_secret(secret)
    assert secret not in redacted(around + secret + around).replace(HIDDEN, "")


UNITS = st.lists(
    st.sampled_from(["[", "\\", '"', "%", "25", "&", "amp;", " ", "+", "\n", "n", "u005b", "é", "Ã", "x"]),
    min_size=1,
    max_size=3,
)


# Each piece of such a text looks like several pieces of such a secret: a pattern that tries every reading never ends.
@settings(max_examples=100, deadline=None)
@given(
    UNITS,
    st.sampled_from(list(SPELLINGS)),
    UNITS,
)
@example(["["], "plain", [])
@example(["\\", "["], "JSON in JSON", [])
@example(["\\"] * 8, "plain", ['"'])
@example(["%", "25"], "a path, quoted twice", [])
@example(["é"], "UTF-8 taken for Latin-1", [])
def test_redaction_of_any_text_ends(unit: list[str], spelling: str, other: list[str]) -> None:
    secret = "".join(unit) * 60
    redaction.known.lasting.clear()
    keep_secret(secret)
    spelled = SPELLINGS[spelling](secret)
    assert spelled not in redacted(spelled)
    for text in (spelled[:-1], spelled[:-30], secret[1:], "".join(other) * 1_000):
        redacted(text + "!")


@given(st.text(max_size=200))
def test_a_text_without_a_secret_is_not_changed(text: str) -> None:
    redaction.known.lasting.clear()
    keep_secret("correct horse battery staple")
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        ("menu", "the menu of 4 menus", "the menu of 4 menus"),
        ("menu", '{"password": "menu"}', '{"password": "[hidden]"}'),
        ("menu", '{"password":"menu"}', '{"password":"[hidden]"}'),
        ("menu", "password=menu&username=menu", "password=[hidden]&username=[hidden]"),
        ("menu", "{'password': 'menu'}", "{'password': '[hidden]'}"),
        ("abc", "abc «abc» 'abc'", "abc «abc» 'abc'"),
        ("", "all of it", "all of it"),
    ],
)
def test_a_short_secret_does_not_shred_the_text(secret: str, text: str, expected: str) -> None:
    keep_secret(secret)
    assert redacted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer 9f8e7d6c5b4a", "Authorization: Bearer [hidden]"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIxIn0.c2ln is", "token [hidden] is"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJqd", "token [hidden]"),
        ("postgresql://etalase:pa55@db:5432/x", "postgresql://etalase:[hidden]@db:5432/x"),
        ("http://b/k.jpg?X-Amz-Signature=0a1b&v=2", "http://b/k.jpg?X-Amz-Signature=[hidden]&v=2"),
        ("http://HO:9000/product-images/a@b.jpg", "http://HO:9000/product-images/a@b.jpg"),
        ("Basic authentication is asked for", "Basic authentication is asked for"),
    ],
)
def test_an_unknown_credential_is_hidden_by_its_shape(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_only_a_limited_number_of_tokens_is_remembered() -> None:
    for number in range(redaction.TOKENS_KEPT + 1):
        keep_token(f"opaque-token-{number:04}")
    assert redacted("opaque-token-0000 opaque-token-0001") == f"opaque-token-0000 {HIDDEN}"


def test_the_password_of_a_url_is_hidden_as_written_and_decoded() -> None:
    keep_url_secret("postgresql://etalase:one%2Ftwo%2Fthree@db/x?sslpassword=four-five-six")
    assert redacted("one%2Ftwo%2Fthree one/two/three four-five-six db") == f"{HIDDEN} {HIDDEN} {HIDDEN} db"


# Outputs


def test_errors_contain_no_secret() -> None:
    keep_secret(SECRET)
    for error in (
        HeadOfficeAway(f"said {SECRET}", hint=f"try {SECRET}"),
        PhotoError(Reason.HTTP_ERROR, f"said {SECRET}"),
        SettingsError([f"ETALASE_X «{SECRET}» is odd"]),
    ):
        texts = [str(error), repr(error), *map(str, vars(error).values()), *map(str, error.args)]
        assert not [text for text in texts if "Rahasia" in text]


def test_log_lines_contain_no_secret() -> None:
    keep_secret(SECRET)
    logger, lines = logging.getLogger("tests.redaction"), []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))
            lines.append(logging.Formatter().format(record))  # a customer project's own handler

    handler = Kept()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(Redaction())
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.error("in the message %s", SECRET)
        logger.error("in an argument %s", {"password": SECRET})
        logger.error("in extra", extra={"answer": {"of": [SECRET]}, "object": Exception(SECRET), "count": 3})
        logger.error("arguments that do not fit %d", SECRET)
        try:
            int(SECRET)
        except ValueError:
            logger.exception("in a traceback", stack_info=True)
    finally:
        logger.removeHandler(handler)
    assert len(lines) == 10
    assert not [line for line in lines if "Rahasia" in line]
    assert json.loads(lines[4])["count"] == 3
    assert "ValueError" in json.loads(lines[8])["traceback"]


@pytest.mark.parametrize(
    "hostile", ["\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "a\rb", "a\x00b", "\u202eevil", "\x7f", "\x08"]
)
def test_a_command_writes_no_control_character(hostile: str) -> None:
    assert terminal_safe(f"a\n\tb {hostile}\n").replace("\n", "").replace("\t", "").isprintable()
    assert as_json({"name": hostile, "list": [hostile]}).isprintable()
    assert json.loads(as_json({"name": hostile})) == {"name": hostile}
    assert "\x1b[32mWELL\x1b[0m" in terminal_safe(f"\x1b[32mWELL\x1b[0m {hostile}", styled=True)


# A pattern that restarts at each character takes four times as long for twice the text.
LONG_TEXTS = ("a.", "a-", "a+", "a://", "a://b:", "X-Amz-Signature", "Bearer ", "eyJa.", "&amp;", "%25", "\\", "?sig=")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", LONG_TEXTS)
def test_redaction_of_hostile_text_is_quick(piece: str) -> None:
    keep_secret(SECRET)
    text = piece * (200_000 // len(piece))
    assert len(redacted(text)) <= len(text)


# Settings


def server_settings(**given: str) -> EdgeServerSettings:
    known = {"DATABASE_URL": "postgresql://db/x", "BROKER_URL": "redis://b", "SECRET_KEY": "k" * 40, "ALLOWED_HOSTS": "edge"}
    return parse_settings(EdgeServerSettings, {**known, **given})


def test_secrets_of_settings_are_hidden_as_soon_as_they_are_read() -> None:
    server_settings(
        DATABASE_URL="postgresql://etalase:database-secret@db/x",
        BROKER_URL="redis://:broker-secret@broker:6379/0",
        SECRET_KEY="signing-secret-" * 4,
    )
    text = f"database-secret broker-secret {'signing-secret-' * 4} redis://broker:6379/0"
    assert redacted(text) == f"{HIDDEN} {HIDDEN} {HIDDEN} redis://broker:6379/0"


@pytest.mark.parametrize("url", ["postgresql://u:pass/word-1@db/x", "postgresql://u:pa#word-1@db/x", "postgresql://u:p@[db/x"])
def test_a_password_that_breaks_its_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        server_settings(DATABASE_URL=url)
    assert "DATABASE_URL (not shown)" in str(refused.value)
    assert "%2F" in str(refused.value)
    assert "pa" not in str(refused.value).replace("password", "")


def test_the_access_keys_that_init_proposes_leave_names_of_services_readable() -> None:
    keep_secret("etalase-edge", "etalase-head-office")
    for text in ("etalase-edge-worker.service failed", "/srv/etalase-head-office-20261126.tar.gz cannot be written"):
        assert redacted(text) == text
