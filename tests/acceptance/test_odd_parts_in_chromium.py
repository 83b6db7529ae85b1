"""Compares intake with a real Chromium: what it shows soundly is accepted, and what goes out looks the same in it."""

import base64
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import sync_playwright

from etalase.pictures.metadata import without_metadata
from etalase.pictures.reading import read_outline
from tests import chromium
from tests.odd_parts import plain_of, rows

pytestmark = pytest.mark.long
ROWS = rows()
SHOWN = """async ([encoded, type]) => {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([bytes], {type}));
    try { await image.decode() } catch { return "not shown" }
    const canvas = Object.assign(document.createElement("canvas"), {width: image.naturalWidth, height: image.naturalHeight});
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    URL.revokeObjectURL(image.src);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const digest = await crypto.subtle.digest("SHA-256", pixels);
    return `${canvas.width}×${canvas.height} ${Array.from(new Uint8Array(digest)).join()}`;
}"""
# The specification allows it there, and other programs turn the picture.
TURNED_BY_US = ("eXIf after the image", "eXIf within the image")
Show = Callable[[bytes, str], str]


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    """Yields a function that returns what Chromium shows of a picture."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.SKIPPED)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page()
        page.route("https://localhost/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.goto("https://localhost/")
        yield lambda data, kind: page.evaluate(SHOWN, [base64.b64encode(data).decode(), f"image/{kind.lower()}"])
        browser.close()


@pytest.mark.parametrize("kind", ROWS)
def test_what_goes_out_looks_as_the_upload_does_in_a_browser(kind: str, show: Show) -> None:
    wrong: dict[str, str] = {}
    for name, data in ROWS[kind].items():
        seen, out = show(data, kind), show(without_metadata(data, *read_outline(data)), kind)
        plain = show(plain_of(name, kind), kind)
        allowed = {plain} if seen in {plain, "not shown"} else {seen, plain}
        if out not in allowed and not name.endswith(TURNED_BY_US):
            wrong[name] = out
    assert wrong == {}
