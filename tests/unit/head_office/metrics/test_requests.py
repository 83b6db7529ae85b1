"""Checks the routes by which requests are counted: templates of a closed list, never a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.head_office.metrics.requests import STATIC, UNMATCHED, route_of


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("api/v1/token/", "/api/v1/token/", "/api/v1/token/"),
        ("", "/", "/"),
        ("healthz", "/healthz", "/healthz"),
        ("admin/head_office/photo/<path:object_id>/change/", "/admin/head_office/photo/7/change/", "/admin/"),
        ("admin/", "/admin/", "/admin/"),
        ("i18n/setlang/", "/i18n/setlang/", "/i18n/"),
        (None, "/static/admin/css/base.css", STATIC),
        (None, "/wp-login.php", UNMATCHED),
    ],
)
def test_a_request_counts_by_the_template_of_its_address(route: str | None, path: str, expected: str) -> None:
    assert route_of(route, path) == expected


@given(st.text())
def test_a_path_that_no_route_matches_is_never_a_label(path: str) -> None:
    assert route_of(None, path) in {STATIC, UNMATCHED}
