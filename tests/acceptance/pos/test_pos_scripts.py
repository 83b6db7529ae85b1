"""Checks the pure scripts of the POS page as tables, in Chromium: search, places of tiles, ThumbHash."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from etalase.pictures.thumbhash import thumbhash
from tests.acceptance.pos.shop import Shop
from tests.search_cases import FOUND, MENU


@pytest.fixture(scope="module")
def scripts(_shop: Shop, browser: Browser) -> Iterator[Page]:
    """Yields a page on which the scripts can be imported."""
    page = browser.new_page()
    page.goto(_shop.url)
    yield page
    page.close()


def call(page: Page, module: str, body: str, argument: Any) -> Any:
    """Returns the result of JavaScript with the exports of a module as ``m``."""
    return page.evaluate(f"async argument => {{ const m = await import('/static/etalase_pos/{module}.js'); {body} }}", argument)


@pytest.mark.parametrize(("typed", "found"), FOUND)
def test_search_finds_what_a_hurried_cashier_means(scripts: Page, typed: str, found: list[str]) -> None:
    body = """
        const items = argument.menu.map((name, number) => ({ name, sku: number === 7 ? '0500010' : '' }));
        return m.found(items, m.entryOf, m.wordsOf(argument.typed)).map((item) => item.name);
    """
    shown = call(scripts, "search", body, {"menu": MENU, "typed": typed})
    assert sorted(shown) == sorted(found)


def test_search_ranks_beginnings_of_words_then_parts_then_joined_words_then_typing_errors(scripts: Page) -> None:
    menu = ["BASKO", "BAYAM SAUS KECAP", "SUPERBAKSO", "ANEKA BAKSO", "BAKSO MALANG", "BAKWAN SOTO"]
    body = "return m.found(argument, (name) => m.entryOf({ name, sku: '' }), m.wordsOf('bakso'));"
    assert call(scripts, "search", body, menu) == ["ANEKA BAKSO", "BAKSO MALANG", "SUPERBAKSO", "BAKWAN SOTO", "BASKO"]


@pytest.mark.parametrize(
    ("key", "index", "to"),
    [
        ("ArrowLeft", 0, 0),
        ("ArrowLeft", 5, 4),
        ("ArrowRight", 12, 12),
        ("ArrowUp", 3, 3),
        ("ArrowUp", 8, 3),
        ("ArrowDown", 6, 11),
        ("ArrowDown", 9, 12),
        ("ArrowDown", 11, 11),
        ("PageDown", 1, 11),
        ("PageUp", 12, 2),
        ("PageUp", 8, 3),
        ("Home", 12, 0),
        ("End", 0, 12),
        ("a", 4, None),
        ("Tab", 4, None),
    ],
)
def test_keys_lead_to_a_tile(scripts: Page, key: str, index: int, to: int | None) -> None:
    body = "return m.reached(argument[0], argument[1], { total: 13, columns: 5, rowsOnScreen: 2 });"
    assert call(scripts, "layout", body, [key, index]) == to


def test_only_rows_close_to_the_screen_are_wanted(scripts: Page) -> None:
    body = "return argument.map(([top, bottom, total]) => m.between(top, bottom, { total, columns: 5, rowHeight: 100 }));"
    cases = [(0, 300, 1000), (-200, 250, 1000), (250, 250, 1000), (99_900, 100_500, 1000), (0, 300, 7), (0, 300, 0)]
    ends = [(span["first"], span["end"]) for span in call(scripts, "layout", body, cases)]
    assert ends == [(0, 15), (0, 15), (10, 15), (995, 1000), (0, 7), (0, 0)]


def test_a_tile_takes_the_narrowest_sharp_rendition_then_the_photo(scripts: Page) -> None:
    body = """
        const renditions = [160, 320, 640].map((width) => ({ width, image_url: `r${width}` }));
        const product = { renditions, has_photo: true, image_url: 'photo' };
        return [[product, 160], [product, 186], [product, 372], [product, 900], [{ ...product, renditions: [] }, 186],
            [{ ...product, has_photo: false, image_url: 'none' }, 186], [{ has_photo: true, image_url: 'old' }, 186]]
            .map(([one, pixels]) => m.sources(one, pixels).join(' '));
    """
    expected = ["r160 photo", "r320 photo", "r640 photo", "r640 photo", "photo", "r320", "old"]
    assert call(scripts, "layout", body, None) == expected


def test_products_of_a_page_that_is_missing_stay_where_they_were(scripts: Page) -> None:
    body = """
        const list = (ids) => [...ids].map((id) => ({ id }));
        return argument.map(([before, now]) => m.merged(list(before), list(now)).map(({ id }) => id).join(''));
    """
    cases = [("abcd", "abcd"), ("abcd", "ad"), ("abcd", "bd"), ("ab", "bxa"), ("", "ab"), ("ab", "")]
    assert call(scripts, "layout", body, cases) == ["abcd", "abcd", "abcd", "bxa", "ab", "ab"]


def test_a_thumbhash_has_the_colours_of_its_picture(scripts: Page) -> None:
    """The left half is red, the right one blue; the hash has no finer detail."""
    row = bytes((200, 30, 40, 255)) * 16 + bytes((30, 60, 200, 255)) * 16
    body = "return [...m.decoded(argument)];"
    shown = call(scripts, "thumbhash", body, base64.b64encode(thumbhash(32, 24, row * 24)).decode())
    assert len(shown) == 16 * 12 * 4
    for x, (red, green, blue) in ((2, (200, 30, 40)), (13, (30, 60, 200))):
        at = (6 * 16 + x) * 4
        assert shown[at : at + 4] == [
            pytest.approx(red, abs=60),
            pytest.approx(green, abs=60),
            pytest.approx(blue, abs=60),
            255,
        ]


@pytest.mark.parametrize("text", ["", "AA==", "no-base64", "💥"])
def test_a_broken_thumbhash_paints_nothing(scripts: Page, text: str) -> None:
    assert call(scripts, "thumbhash", "return m.painted(argument);", text) is None


# A picture of 100 pixels whose copy takes 300 ms, and places for it on the page.
COPIES = """
    const make = (window.originalMaker ??= window.createImageBitmap);
    window.createImageBitmap = async (blob, { resizeWidth, resizeHeight }) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return make(new ImageData(resizeWidth, resizeHeight));
    };
    const { TimeLimit } = await import('/static/etalase_pos/time_limit.js');
    const image = { src: location.href, naturalWidth: 100, naturalHeight: 100 };
    const place = (parent, style) => parent.appendChild(Object.assign(document.createElement('i'), { style }));
    const limits = [];
    const copy = (where, ms) => {
      const limit = new TimeLimit(ms);
      limits.push(limit);
      return m.shrunk(image, where, 10, limit).finally(() => limit.end());
    };
"""


def test_large_pictures_are_copied_one_by_one_the_viewers_and_the_screens_first(scripts: Page) -> None:
    body = """
        const order = [];
        const dialog = document.body.appendChild(document.createElement('dialog'));
        const places = {
          below: place(document.body, 'position:absolute;top:9999px'),
          next: place(document.body, 'position:fixed;top:9px'),
          viewer: place(dialog, ''),
        };
        const all = [copy(places.below, 9000).then(() => order.push('first'))];
        for (const name in places) all.push(copy(places[name], 9000).then(() => order.push(name)));
        await Promise.all(all);
        return order;
    """
    assert call(scripts, "small_copy", COPIES + body, None) == ["first", "viewer", "next", "below"]


def test_a_picture_that_waits_for_others_is_not_given_up(scripts: Page) -> None:
    body = """
        const where = place(document.body, '');
        const copies = await Promise.all([1, 2, 3, 4, 5, 6].map(() => copy(where, 1500)));
        return [limits.some(({ signal }) => signal.aborted), copies.map(({ width }) => width)];
    """
    assert call(scripts, "small_copy", COPIES + body, None) == [False, [10] * 6]


def test_a_picture_that_is_given_up_while_it_waits_stops_no_other(scripts: Page) -> None:
    body = """
        const where = place(document.body, '');
        const copies = [1, 2, 3].map(() => copy(where, 9000));
        limits[1].giveUp();
        const began = performance.now();
        await Promise.all(copies);
        return performance.now() - began < 890;
    """
    assert call(scripts, "small_copy", COPIES + body, None)
