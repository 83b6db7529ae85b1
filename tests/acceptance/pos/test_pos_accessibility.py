"""Checks the POS page, its viewer and the status page with axe-core, and with text at twice its size."""

from importlib import resources
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.pos.conftest import PHONE, TABLET, OpenScreen
from tests.acceptance.pos.shop import BLUE, GREEN, RED, Shop

SIZES = pytest.mark.parametrize("size", [TABLET, pytest.param(PHONE, marks=pytest.mark.long)], ids=["tablet", "phone"])
LOCALES = pytest.mark.parametrize("locale", ["id-ID", pytest.param("en-GB", marks=pytest.mark.long)])


def findings(page: Page) -> list[tuple[str, Any]]:
    """Returns the rules of axe-core that the page breaks, each with the elements. The page's animations have ended before."""
    page.evaluate(
        "() => Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations < 9)"
        ".map((one) => one.finished))"
    )
    page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text())
    broken = page.evaluate("async () => (await axe.run()).violations")
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in broken]


def menu(shop: Shop) -> None:
    """Fills the menu with dishes of each kind: several photos, one, none."""
    shop.product("Ayam Bakar", RED, GREEN, sku="05010602", category="Ayam & Bebek")
    shop.product("Bakso", BLUE, sku="05010404", category="Kuah")
    shop.product("Cendol")
    shop.product("Hidangan dengan nama panjang sekali yang tidak muat di dua baris pada layar yang sempit", GREEN)


def whole(page: Page) -> None:
    """Does nothing: the whole menu is shown."""


def search(page: Page) -> None:
    page.locator("#search").fill("ayam")
    expect(page.locator(".cell")).to_have_count(1)


def search_in_vain(page: Page) -> None:
    page.locator("#search").fill("zzzz")
    expect(page.locator("#empty")).to_be_visible()


def choose_category(page: Page) -> None:
    page.locator(".chip").nth(1).click()
    expect(page.locator(".cell")).to_have_count(1)


def view(page: Page) -> None:
    page.locator(".tile").first.click()
    expect(page.locator(".viewer-photos img").first).to_be_visible()


STATES = [whole, search, search_in_vain, choose_category, view]


@SIZES
@LOCALES
def test_axe_finds_nothing_on_the_pos_and_its_viewer(
    shop: Shop, screen: OpenScreen, size: tuple[int, int], locale: str
) -> None:
    menu(shop)
    page = screen(size=size, locale=locale).page
    for reach in STATES:
        page.evaluate("sessionStorage.clear()")
        page.reload()
        expect(page.locator(".picture.is-shown")).to_have_count(4)
        reach(page)
        assert findings(page) == [], reach.__name__
    page.reload()
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert [rule for rule, _ in findings(page)] == ["html-has-lang"], "axe-core works"


@SIZES
@LOCALES
def test_axe_finds_nothing_on_the_status_page(shop: Shop, screen: OpenScreen, size: tuple[int, int], locale: str) -> None:
    menu(shop)
    page = screen("/status", size=size, locale=locale).page
    assert findings(page) == []
    shop.edge.sql("INSERT INTO etalase_doubt (photo_id, kind) SELECT id, 'missing' FROM product_photo LIMIT 1")
    page.reload()
    for part in page.locator("details").all():
        part.evaluate("details => { details.open = true; }")
    assert findings(page) == []


# Each pair of controls and texts that share pixels; a control's own text and a chip's hidden radio button do not count.
OVERLAPS = """
() => {
  const all = [...document.querySelectorAll('h1, #count, #search, #clear, button, .chip, .tile-name, .tile-sku, .tile-photos')]
    .filter((one) => one.checkVisibility() && !one.closest('dialog:not([open]), .cell[aria-hidden], .ruler'));
  const box = (one) => {
    const { left, right, top, bottom } = one.getBoundingClientRect();
    const seen = one.closest('.chips')?.getBoundingClientRect() ?? { top: -Infinity, bottom: Infinity };
    return { left, right, top: Math.max(top, seen.top), bottom: Math.min(bottom, seen.bottom) };
  };
  const boxes = all.map(box);
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return all.flatMap((one, i) => all.slice(i + 1).map((other, j) => [one, other, boxes[i], boxes[i + 1 + j]]))
    .filter(([one, other, a, b]) => !one.contains(other) && !(one.id === 'search' && other.id === 'clear') && meet(a, b))
    .map(([one, other]) => `${one.id || one.className || one.localName} and ${other.id || other.className || other.localName}`);
}
"""
FOUR_SCREENS = pytest.mark.parametrize(
    "size",
    [TABLET, PHONE, pytest.param((1366, 768), marks=pytest.mark.long), pytest.param((800, 600), marks=pytest.mark.long)],
)


@FOUR_SCREENS
def test_text_at_twice_the_size_is_neither_cut_off_nor_covered(shop: Shop, screen: OpenScreen, size: tuple[int, int]) -> None:
    menu(shop)
    page = screen(size=size).page
    expect(page.locator(".picture.is-shown")).to_have_count(4)
    texts = ".tile-name, .tile-sku, .bar-count, .languages button, .chip, #search, .tile-photos"
    sizes = f"[...document.querySelectorAll('{texts}')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    plain = page.evaluate(sizes)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate(sizes) == [2 * one for one in plain]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Names end with a whole word or an ellipsis; only a break that the name itself allows is in a word.
    assert page.locator(".tile-name").first.evaluate("one => getComputedStyle(one).overflowWrap") == "normal"
    # A name may be longer than its three lines; every other text has room for all of it.
    cut = page.locator(".tile-sku, .languages button, .chip, .tile-photos").evaluate_all(
        "all => all.filter(one => one.scrollHeight > one.clientHeight + 2 && one.clientHeight > 0).map(one => one.outerHTML)"
    )
    assert cut == []
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator("#bar").evaluate("bar => bar.getBoundingClientRect().bottom <= menu.getBoundingClientRect().top")
    page.locator("#search").fill("a")
    assert page.evaluate(OVERLAPS) == []
    assert findings(page) == []
    page.evaluate("document.querySelector('.languages').style.cssText = 'position: absolute; inset: 90px auto auto 20px'")
    assert page.evaluate(OVERLAPS) != [], "the check works"
    page.locator(".tile").first.click()
    expect(page.locator(".viewer-photos img").first).to_be_visible()
    assert page.locator(".viewer").evaluate("viewer => viewer.scrollWidth <= viewer.clientWidth")
    expect(page.locator("#viewer-close")).to_be_in_viewport(ratio=1)
