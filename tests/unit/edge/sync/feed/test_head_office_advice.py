"""Checks the advice for an ETALASE_HO_URL whose server does not respond as a head office."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.sync.download.exchange import Response
from etalase.edge.sync.feed.paths import PHOTOS_PATH, PRODUCTS_PATH, REFRESH_PATH, TOKEN_PATH
from etalase.edge.sync.feed.refusals import advice, has_detail, is_elsewhere, is_web_page, redirected_to

URL = "http://ho.example:8002"
DETAIL = b'{"detail":"Not found."}'


def response(status: int, body: bytes = b"", **headers: str) -> Response:
    """Returns a response with these headers."""
    head = b"".join(f"\r\n{name.replace('_', '-')}: {value}".encode() for name, value in headers.items())
    return Response(status, f"HTTP/1.1 {status}".encode() + head, body)


@pytest.mark.parametrize(
    ("path", "given", "says"),
    [
        (PHOTOS_PATH, response(404, DETAIL), "ETALASE_STORE_ID"),
        (PRODUCTS_PATH, response(404, DETAIL), "ETALASE_STORE_ID"),
        (PHOTOS_PATH, response(403, DETAIL), "may not read"),
        (PHOTOS_PATH, response(401, DETAIL), "ETALASE_HO_PASSWORD"),
        (TOKEN_PATH, response(401, b""), "ETALASE_HO_PASSWORD"),
        (TOKEN_PATH, response(401, b'{"error":"x"}', content_type="text/html"), "ETALASE_HO_PASSWORD"),
        (TOKEN_PATH, response(404, DETAIL), "not a head office"),
        (REFRESH_PATH, response(404, DETAIL), "not a head office"),
        (PHOTOS_PATH, response(404, b""), "not a head office"),
        (PHOTOS_PATH, response(404, b"{}"), "not a head office"),
        (PHOTOS_PATH, response(404, b'{"status":404,"error":"Not Found"}'), "not a head office"),
        (PHOTOS_PATH, response(404, b"<html>nginx</html>"), "not a head office"),
        (PHOTOS_PATH, response(404, b"404 page not found"), "not a head office"),
        (PHOTOS_PATH, response(404, b"[" * 100_000), "not a head office"),
        (PHOTOS_PATH, response(405, DETAIL), "not a head office"),
        (TOKEN_PATH, response(405, b""), "not a head office"),
        (TOKEN_PATH, response(403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), "not a head office"),
        (TOKEN_PATH, response(401, b"x", content_type="text/html; charset=utf-8"), "not a head office"),
        (PHOTOS_PATH, response(400, b'{"limit":["no"]}'), "Compare ETALASE_HO_URL"),
        (TOKEN_PATH, response(301, location="https://ho.example/api/v1/token/"), "set ETALASE_HO_URL to https://ho.example"),
        (TOKEN_PATH, response(308, location="https://ho.example/x/api/v1/token"), "set ETALASE_HO_URL to https://ho.example/x"),
        (PHOTOS_PATH, response(307, location=f"https://u:p@h:9{PHOTOS_PATH}?q#f"), "set ETALASE_HO_URL to https://h:9"),
        (TOKEN_PATH, response(302, location="/login?next=/"), "without a path"),
        (TOKEN_PATH, response(302, location="http://[::1"), "without a path"),
    ],
)
def test_the_advice_fits_the_response_of_the_server(path: str, given: Response, says: str) -> None:
    text = advice(URL, path, given)
    assert says in text
    not_its_own = says.startswith(("not a", "set", "without"))
    assert is_elsewhere(URL, path, given) == not_its_own
    assert ("STORE_ID" in text) == (says == "ETALASE_STORE_ID")


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("https://ho.example/", "https://ho.example/"),
        ("//other.example/x", "http://other.example/x"),
        ("/login", "http://ho.example:8002/login"),
        ("https://user:secret@[2001:db8::1]:8443/x?token=1#y", "https://[2001:db8::1]:8443/x"),
        ("", None),
    ],
)
def test_a_redirect_is_reported_without_possible_secrets(location: str, to: str | None) -> None:
    assert redirected_to(URL + TOKEN_PATH, response(302, location=location)) == to
    assert redirected_to(URL + TOKEN_PATH, response(200, location=location)) is None


@given(
    st.sampled_from([200, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 418]), st.binary(max_size=60), st.text(max_size=60)
)
def test_any_response_gets_one_line_of_advice(status: int, body: bytes, location: str) -> None:
    some = Response(status, b"HTTP/1.1 200\r\nLocation: " + location.replace("\n", "").encode("utf-8", "replace"), body)
    text = advice(URL, TOKEN_PATH, some)
    assert text.isprintable()
    assert len(text) < 400
    assert isinstance(is_web_page(some), bool)
    assert isinstance(has_detail(body), bool)
