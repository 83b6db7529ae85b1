"""Checks an ETALASE_HO_URL that leads to something else than a head office."""

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, head_office, picture


@pytest.mark.parametrize("status", daily([301, 302, 307, 308], 302))
def test_a_redirect_of_the_feed_is_reported_with_its_target_and_the_setting_to_change(edge: Edge, status: int) -> None:
    edge.ho.on_page = lambda _: Response(
        status, b"", {"Location": f"https://user:{edge.ho.password}@new.example/api/v1/sync/product-photos/?x=1"}
    )
    report = edge.sync()
    assert report.exit_status == 4
    error = str(report.error)
    assert "«https://new.example/api/v1/sync/product-photos/»" in error
    assert "set ETALASE_HO_URL to https://new.example" in error
    assert edge.ho.password not in error


def test_a_redirect_of_the_token_endpoint_is_reported_too(edge: Edge) -> None:
    with head_office() as moved:
        moved.redirects_to = edge.ho.url
        error = str(edge.sync(HO_URL=moved.url, TRIES=1).error)
    assert f"set ETALASE_HO_URL to {edge.ho.url}" in error


@pytest.mark.parametrize(
    "response",
    [
        Response(404, b"<!doctype html><h1>Not Found</h1>", {"Content-Type": "text/html"}),
        Response(404, b'{"status":404,"error":"Not Found"}', {"Content-Type": "application/json"}),
        Response(405, b'{"detail":"Method not allowed."}', {"Content-Type": "application/json"}),
        Response(200, b"<!doctype html><title>Wi-Fi login</title>", {"Content-Type": "text/html"}),
        Response(403, b"<!doctype html><title>Blocked</title>", {"Content-Type": "text/html"}),
        Response(407, b""),
        Response(511, b"<!doctype html><title>Wi-Fi login</title>", {"Content-Type": "text/html"}),
    ],
    ids=["404 page", "404 of another API", "405", "200 page", "403 page", "407", "511"],
)
def test_a_server_that_is_not_a_head_office_is_not_reported_as_an_unknown_store(edge: Edge, response: Response) -> None:
    edge.ho.on_page = lambda _: response
    report = edge.sync(TRIES=1)
    assert report.exit_status == 4
    assert f"The server at {edge.ho.url} is not a head office" in str(report.error)
    assert "STORE_ID" not in str(report.error)
    assert report.fault == "not_head_office"


@pytest.mark.parametrize("status", daily([429, 500, 502, 503, 504], 429, 503))
def test_a_head_office_that_responds_is_not_called_unreachable(edge: Edge, status: int) -> None:
    edge.ho.on_page = lambda _: Response(status, b"")
    report = edge.sync(TRIES=1)
    assert report.fault == "head_office_busy"
    assert "link" not in str(report.error)


def test_a_head_office_that_does_not_know_the_store_is_reported_as_such(edge: Edge) -> None:
    edge.ho.on_page = lambda _: Response(404, b'{"detail":"Not found."}', {"Content-Type": "application/json"})
    assert "ETALASE_STORE_ID" in str(edge.sync().error)


def test_an_object_store_is_not_mistaken_for_a_head_office(edge_on_each_store: Edge) -> None:
    report = edge_on_each_store.sync(HO_URL=edge_on_each_store.s3.endpoint, TRIES=1)
    assert report.exit_status == 4
    assert "STORE_ID" not in str(report.error)
    assert "ETALASE_HO_URL" in str(report.error)


def test_json_with_an_html_media_type_is_read(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.ho.content_type = "text/html; charset=utf-8"
    assert edge.sync().exit_status == 0
