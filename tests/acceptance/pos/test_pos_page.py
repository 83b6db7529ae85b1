"""Checks the page of tiles in Chromium."""

import io
import re
import time
from dataclasses import dataclass, field

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.acceptance.pos.conftest import PHONE, TABLET, WIDE, OpenScreen
from tests.acceptance.pos.shop import BLUE, GOLD, GREEN, RED, Colour, Shop, picture

PLACEHOLDER = "/static/images/no-image.png"
APPEARS_WITHIN_MS = 30_000


def tile(page: Page, name: str) -> Locator:
    """Returns the tile of a product."""
    return page.locator(".cell").filter(has=page.locator(".tile-name").get_by_text(name, exact=True))


def photo(page: Page, name: str) -> Locator:
    """Returns the image in the tile of a product."""
    return tile(page, name).locator(".picture img")


def shows(place: Locator, colour: Colour) -> None:
    """Waits until the screen really shows the colour: fade-in finished, photo strip at rest."""
    deadline = time.monotonic() + 60
    while (painted := _middle(place)) != colour:
        assert time.monotonic() < deadline, f"{painted} is painted there, not {colour}"
        place.page.wait_for_timeout(50)


def _middle(place: Locator) -> Colour:
    with Image.open(io.BytesIO(place.screenshot())) as shot:
        pixel = shot.convert("RGB").getpixel((shot.width // 2, shot.height // 2))
    assert isinstance(pixel, tuple)
    return (pixel[0], pixel[1], pixel[2])


def version(shop: Shop, product_id: str) -> str:
    """Returns the ``?v=`` value of the product's primary photo."""
    [(checksum,)] = shop.edge.sql("SELECT checksum FROM product_photo WHERE product_id = %s AND is_primary", product_id)
    return str(checksum)[:8]


@dataclass
class Held:
    """Requests that stay pending until the test releases them."""

    routes: list[Route] = field(default_factory=list)

    def hold(self, route: Route) -> None:
        """Keeps a request without a response."""
        self.routes.append(route)


def is_placeholder(image: Locator, *, within_ms: int = 5_000) -> None:
    expect(image).to_have_attribute("src", PLACEHOLDER, timeout=within_ms)
    assert image.evaluate("image => image.naturalWidth") > 0


# Display


def test_every_tile_shows_the_pixels_of_its_own_photo(shop: Shop, screen: OpenScreen) -> None:
    colours = {"Ayam Bakar": RED, "Bakso": GREEN, "Cendol": BLUE}
    for name, colour in colours.items():
        shop.product(name, colour, sku=f"SKU {name}")
    page = screen().page
    for name, colour in colours.items():
        shows(photo(page, name), colour)
        assert photo(page, name).evaluate("image => [image.naturalWidth, image.naturalHeight]") == [160, 120]
    assert page.locator(".tile-name").all_inner_texts() == list(colours)
    expect(tile(page, "Bakso").locator(".tile-sku")).to_have_text("SKU Bakso")
    expect(page.locator("#count")).to_have_text("3 menu")


def test_a_product_without_a_photo_shows_the_placeholder(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Air Mineral")
    page = screen().page
    is_placeholder(photo(page, "Air Mineral"))
    expect(photo(page, "Air Mineral")).to_have_attribute("alt", "Belum ada foto")


def test_names_are_shown_as_plain_text(shop: Shop, screen: OpenScreen) -> None:
    name = """<script>alert(1)</script> "Soto" & 'Es' <img src=x onerror=alert(2)> 🍜\nbaris kedua"""
    shop.product(name, RED, sku="<b>1</b>")
    opened = screen(prepare=lambda page: page.on("dialog", lambda _: pytest.fail("a name was run as a script")))
    expect(opened.page.locator(".tile-name").first).to_have_text(name)
    opened.page.locator(".tile").first.click()
    expect(opened.page.locator("#viewer-name")).to_have_text(name)
    assert opened.page.locator(".tile-name *, #viewer-name *, .tile-sku *").count() == 0


def test_an_empty_menu_announces_that_it_fills_itself_and_does(shop: Shop, screen: OpenScreen) -> None:
    opened = screen()
    expect(opened.page.locator("#empty-title")).to_have_text("Belum ada menu")
    shop.product("Ayam", RED)
    opened.refresh()
    expect(photo(opened.page, "Ayam")).to_be_visible()
    expect(opened.page.locator("#empty")).to_be_hidden()


# Changes


def test_a_changed_photo_appears_within_30_seconds_and_without_a_gap(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam Bakar", RED)
    page = screen().page
    shows(photo(page, "Ayam Bakar"), RED)
    shop.photo(product, BLUE)
    expect(photo(page, "Ayam Bakar")).to_have_attribute(
        "src", re.compile(rf"\?v={version(shop, product)}$"), timeout=APPEARS_WITHIN_MS
    )
    shows(photo(page, "Ayam Bakar"), BLUE)


def test_products_and_photos_appear_and_disappear_on_the_page(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    bakso, cendol = shop.product("Bakso", GREEN), shop.product("Cendol")
    opened = screen()
    is_placeholder(photo(opened.page, "Cendol"))
    shop.edge.sql("DELETE FROM product WHERE name = 'Ayam'")
    shop.edge.sql("DELETE FROM product_photo WHERE product_id = %s", bakso)
    shop.photo(cendol, BLUE)
    shop.product("Bakwan", GOLD)
    opened.refresh()
    expect(opened.page.locator(".tile-name")).to_have_text(["Bakso", "Bakwan", "Cendol"])
    is_placeholder(photo(opened.page, "Bakso"))
    shows(photo(opened.page, "Cendol"), BLUE)
    shows(photo(opened.page, "Bakwan"), GOLD)


def test_a_refresh_requests_no_photo_again_and_moves_no_tile(shop: Shop, screen: OpenScreen) -> None:
    for number in range(6):
        shop.product(f"Hidangan {number}", RED)
    opened = screen()
    expect(opened.page.locator(".picture.is-shown")).to_have_count(6)
    before = opened.asked_for("image")
    opened.page.evaluate("""() => {
        window.touched = 0;
        new MutationObserver((records) => { window.touched += records.length; })
            .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
    }""")
    for _ in range(3):
        with opened.page.expect_response("**/api/products/*") as response:
            opened.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        assert response.value.status == 304
    assert opened.asked_for("image") == before
    assert len(before) == 6
    assert opened.page.evaluate("window.touched") == 0


def test_a_hidden_page_sends_no_request_and_a_visible_one_refreshes_at_once(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    opened = screen(prepare=lambda page: page.clock.install())
    expect(photo(opened.page, "Ayam")).to_be_visible()
    # A test cannot hide a Chromium tab, so it changes the properties that the page reads.
    hide = "hidden => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden }); \
            document.dispatchEvent(new Event('visibilitychange')); }"
    requests = len(opened.asked_for("fetch"))
    opened.page.evaluate(hide, True)
    for _ in range(3):
        opened.page.wait_for_timeout(200)
        opened.page.clock.fast_forward("01:00")
    assert len(opened.asked_for("fetch")) == requests
    with opened.page.expect_response("**/api/products/*"):
        opened.page.evaluate(hide, False)
    with opened.page.expect_response("**/api/products/*"):
        opened.page.clock.fast_forward("00:15")


# Failures


def test_placeholders_stand_in_while_the_bucket_is_away(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    shop.product("Bakso", GREEN)
    shop.stop_bucket()
    try:
        page = screen(may_fail=True).page
        is_placeholder(photo(page, "Ayam"))
        is_placeholder(photo(page, "Bakso"))
    finally:
        shop.start_bucket()
    expect(photo(page, "Ayam")).not_to_have_attribute("src", PLACEHOLDER, timeout=APPEARS_WITHIN_MS)
    shows(photo(page, "Ayam"), RED)
    expect(photo(page, "Bakso")).not_to_have_attribute("src", PLACEHOLDER, timeout=APPEARS_WITHIN_MS)
    shows(photo(page, "Bakso"), GREEN)


def test_a_displayed_photo_stays_if_its_successor_cannot_be_loaded(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    opened = screen(may_fail=True)
    shows(photo(opened.page, "Ayam"), RED)
    shop.edge.sql("UPDATE product_photo SET object_key = 'products/gone.png', checksum = repeat('0', 32)")
    with opened.page.expect_request("**/products/gone.png*"):
        opened.refresh()
    opened.page.wait_for_timeout(500)
    shows(photo(opened.page, "Ayam"), RED)
    shop.edge.sql("DELETE FROM product_photo")
    shop.photo(product, BLUE)
    opened.refresh()
    expect(photo(opened.page, "Ayam")).to_have_attribute("src", re.compile(rf"\?v={version(shop, product)}$"))
    shows(photo(opened.page, "Ayam"), BLUE)


def test_without_the_edge_the_page_keeps_its_content_with_a_notice_and_recovers(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    page = screen(may_fail=True).page
    shows(photo(page, "Ayam"), RED)
    shop.close()
    try:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("#notice")).to_contain_text("Server toko belum menjawab. Menu terakhir tetap ditampilkan")
        page.get_by_role("button", name="English").click()
        expect(page.locator("#notice")).to_contain_text("The store server is not answering. Still showing the menu as of")
        shows(photo(page, "Ayam"), RED)
    finally:
        shop.open()
    shop.photo(product, BLUE)
    expect(page.locator("#notice")).to_be_hidden(timeout=APPEARS_WITHIN_MS)
    expect(photo(page, "Ayam")).to_have_attribute("src", re.compile(rf"\?v={version(shop, product)}$"))
    shows(photo(page, "Ayam"), BLUE)


def test_without_the_database_the_page_loads_and_fills_itself_later(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    with shop.database_away():
        page = screen(may_fail=True).page
        expect(page.locator("#notice")).to_have_text("Server toko belum menjawab. Menu akan muncul sendiri.")
        expect(page.locator(".skeleton").first).to_be_visible()
    expect(photo(page, "Ayam")).to_be_visible(timeout=APPEARS_WITHIN_MS)
    expect(page.locator("#notice")).to_be_hidden()
    shows(photo(page, "Ayam"), RED)


@pytest.mark.long
def test_a_screen_that_loads_the_menu_but_no_photo_shows_a_quiet_notice(shop: Shop, screen: OpenScreen) -> None:
    for name in ("Ayam Bakar", "Bakso", "Cendol"):
        shop.product(name, RED)
    public = shop.edge.environment["ETALASE_S3_PUBLIC_URL"]
    opened = screen(may_fail=True, prepare=lambda page: page.route(f"{public}/**", lambda route: route.abort()))
    page = opened.page
    expect(page.locator(".is-placeholder")).to_have_count(3)
    opened.refresh()
    expect(page.locator("#notice")).to_have_text("Foto belum bisa dimuat di layar ini. Menu tetap bisa dipakai.")
    page.unroute_all()
    opened.refresh()
    expect(page.locator(".is-placeholder")).to_have_count(0)
    opened.refresh()
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.long
def test_a_late_photo_never_overwrites_its_successor(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    red, held = version(shop, product), Held()
    opened = screen(prepare=lambda page: page.route(re.compile(rf"\?v={red}$"), held.hold))
    expect(tile(opened.page, "Ayam")).to_be_visible()
    opened.page.wait_for_timeout(300)
    assert len(held.routes) == 1, "the red photo is on its way"
    shop.photo(product, BLUE)
    opened.refresh()
    expect(photo(opened.page, "Ayam")).to_have_attribute("src", re.compile(rf"\?v={version(shop, product)}$"))
    held.routes[0].fulfill(body=picture(RED), content_type="image/png")
    opened.page.wait_for_timeout(500)
    shows(photo(opened.page, "Ayam"), BLUE)


@pytest.mark.long
def test_the_placeholder_stands_in_for_a_slow_photo(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    red, held = version(shop, product), Held()
    page = screen(prepare=lambda page: page.route(re.compile(rf"\?v={red}$"), held.hold)).page
    is_placeholder(photo(page, "Ayam"), within_ms=10_000)
    held.routes[0].continue_()
    expect(photo(page, "Ayam")).to_have_attribute("src", re.compile(rf"\?v={red}$"))
    shows(photo(page, "Ayam"), RED)


# A large menu


@pytest.mark.long
def test_a_menu_of_1000_products_is_whole_and_loads_only_photos_near_the_screen(shop: Shop, screen: OpenScreen) -> None:
    shop.many_products(1000)
    opened = screen()
    page = opened.page
    expect(page.locator(".cell:not(.skeleton)")).to_have_count(1000)
    expect(page.locator("#count")).to_have_text("1000 menu")
    expect(photo(page, "Hidangan 00001")).to_be_visible()
    page.wait_for_timeout(500)
    assert 15 <= len(opened.asked_for("image")) <= 60
    ready_ms = page.evaluate("performance.getEntriesByType('resource').find(r => r.name.includes('/api/')).responseEnd")
    assert ready_ms < 5_000

    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(photo(page, "Hidangan 01000")).to_be_visible()
    page.wait_for_timeout(500)
    assert len(opened.asked_for("image")) <= 120
    assert page.evaluate("window.seen.shifts") == 0

    page.locator("#search").fill("sku00500")
    expect(page.locator(".cell:visible")).to_have_count(1)
    shows(photo(page, "Hidangan 00500"), GOLD)
    expect(page.locator("#count")).to_have_text("1 dari 1000 menu")


# Search and full-size view


def test_the_search_filters_by_name_and_sku_while_typing_and_ignores_accents(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Crème Brûlée", RED, sku="05011101")
    shop.product("Nasi Goreng", GREEN, sku="05010101")
    shop.product("Mie Goreng", BLUE, sku="05010201")
    page = screen().page
    names = page.locator(".cell:visible .tile-name")
    box = page.get_by_role("searchbox", name="Cari menu atau SKU")
    box.press_sequentially("gor")
    expect(names).to_have_text(["Mie Goreng", "Nasi Goreng"])
    box.press_sequentially("eng nasi")
    expect(names).to_have_text(["Nasi Goreng"])
    box.fill("BRULEE")
    expect(names).to_have_text(["Crème Brûlée"])
    box.fill("050102")
    expect(names).to_have_text(["Mie Goreng"])
    box.fill("<b>rendang")
    expect(page.locator("#empty-title")).to_have_text("Tidak ada menu yang cocok dengan “<b>rendang”")
    page.get_by_role("button", name="Tampilkan semua menu").click()
    expect(names).to_have_count(3)


def test_tapping_a_tile_opens_all_photos_of_the_product(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam Penyet", RED, GREEN, BLUE, sku="05010603")
    page = screen().page
    expect(tile(page, "Ayam Penyet").locator(".tile-photos")).to_have_text("3 foto")
    tile(page, "Ayam Penyet").get_by_role("button").tap()
    viewer = page.get_by_role("dialog", name="Ayam Penyet")
    stage = viewer.locator(".viewer-photos")
    shows(stage, RED)
    viewer.get_by_role("button", name="Foto berikutnya").tap()
    expect(viewer.locator("#viewer-place")).to_have_text("2 / 3")
    shows(stage, GREEN)
    page.keyboard.press("ArrowRight")
    expect(viewer.locator("#viewer-place")).to_have_text("3 / 3")
    shows(stage, BLUE)
    expect(viewer.get_by_role("button", name="Foto berikutnya")).to_be_hidden()
    assert stage.evaluate("strip => getComputedStyle(strip).scrollSnapType") == "x mandatory", "a swipe stops at a photo"
    viewer.get_by_role("button", name="Tutup").tap()
    expect(viewer).to_be_hidden()


def test_a_photo_that_changes_while_it_is_open_changes_there_too(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    opened = screen()
    tile(opened.page, "Ayam").get_by_role("button").click()
    stage = opened.page.locator(".viewer-photos")
    shows(stage, RED)
    shop.photo(product, BLUE)
    opened.refresh()
    expect(stage.locator("img")).to_have_attribute("src", re.compile(rf"\?v={version(shop, product)}$"))
    shows(stage, BLUE)
    shop.clear()
    opened.refresh()
    expect(opened.page.get_by_role("dialog")).to_be_hidden()


def test_the_keyboard_reaches_everything_and_the_focus_is_visible(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    shop.product("Bakso", GREEN)
    page = screen().page
    expect(photo(page, "Bakso")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("bak")
    for _ in range(4):  # clear, ID, EN, the one tile
        page.keyboard.press("Tab")
    bakso = tile(page, "Bakso").get_by_role("button")
    expect(bakso).to_be_focused()
    assert bakso.evaluate("tile => getComputedStyle(tile).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Bakso")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(bakso).to_be_focused()


# Languages, sizes, movement


@pytest.mark.long
@pytest.mark.parametrize(("locale", "search"), [("en-GB", "Search menu or SKU"), ("fr-FR", "Cari menu atau SKU")])
def test_the_page_uses_the_browsers_language_or_indonesian(shop: Shop, screen: OpenScreen, locale: str, search: str) -> None:
    shop.product("Ayam", RED)
    page = screen(locale=locale).page
    expect(page.get_by_role("searchbox", name=search)).to_have_attribute("placeholder", search)
    expect(page.locator("html")).to_have_attribute("lang", locale[:2] if locale[:2] == "en" else "id")


def test_the_chosen_language_changes_every_text_and_is_remembered(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED, GREEN)
    shop.product("Bakso")
    page = screen().page
    expect(page.locator("#count")).to_have_text("2 menu")
    page.get_by_role("button", name="English").click()
    for _ in range(2):
        expect(page.locator("#count")).to_have_text("2 items")
        expect(page.get_by_role("searchbox", name="Search menu or SKU")).to_be_visible()
        expect(tile(page, "Ayam").locator(".tile-photos")).to_have_text("2 photos")
        expect(photo(page, "Bakso")).to_have_attribute("alt", "No photo yet")
        expect(page.get_by_role("button", name="English")).to_have_attribute("aria-pressed", "true")
        page.reload()


@pytest.mark.parametrize(("size", "columns"), [(PHONE, 2), (TABLET, 5), (WIDE, 8)])
def test_tiles_fit_every_screen_and_can_be_hit_with_a_finger(
    shop: Shop, screen: OpenScreen, size: tuple[int, int], columns: int
) -> None:
    for number in range(16):
        shop.product(f"Hidangan yang namanya panjang sekali dan tidak muat di dua baris {number:02}", RED)
    page = screen(size=size).page
    expect(page.locator(".cell:not(.skeleton)")).to_have_count(16)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    tops = page.locator(".cell").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().top)")
    assert tops.count(tops[0]) == columns
    page.locator(".tile").first.click()
    page.wait_for_timeout(200)
    targets = page.locator("button:visible, input:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.width, box.height])"
    )
    assert min(min(width, height) for width, height in targets) >= 42
    name = page.locator(".tile-name").first
    assert name.evaluate("name => name.clientHeight / parseFloat(getComputedStyle(name).lineHeight)") == pytest.approx(
        2, abs=0.1
    )


@pytest.mark.long
def test_reduced_motion_disables_animations(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED)
    page = screen(reduced_motion=True).page
    expect(photo(page, "Ayam")).to_have_class("appears")
    assert photo(page, "Ayam").evaluate("image => getComputedStyle(image).animationName") == "none"


# The guide's own page


def test_the_guides_function_works_as_printed(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("ASAHI SALMON BOWL", RED)
    bare = shop.product("AIR MINERAL")
    page = screen(may_fail=True).page  # the console reports a 404, which the guide's function ignores
    page.evaluate(f"() => {{ {GUIDE_FUNCTION}; window.loadProductImage = loadProductImage; }}")
    responses = {
        product: ("ASAHI SALMON BOWL", f"{shop.bucket.endpoint}/"),
        bare: ("AIR MINERAL", f"{shop.url}{PLACEHOLDER}"),
        "00000000-0000-4000-8000-000000000000": ("Produk tidak dikenal · Unknown product", f"{shop.url}{PLACEHOLDER}"),
        "no-uuid": ("Produk tidak dikenal · Unknown product", f"{shop.url}{PLACEHOLDER}"),
    }
    for product_id, (alt, source) in responses.items():
        shown = page.evaluate(
            """productId => new Promise((resolve) => {
                const image = new Image();
                image.onload = () => resolve({ width: image.naturalWidth, alt: image.alt, source: image.src });
                image.onerror = () => resolve(null);
                loadProductImage(productId, image);
            })""",
            product_id,
        )
        # The alt text is set after the source, before the image can have loaded.
        assert shown["width"] > 0
        assert shown["alt"] == alt
        assert shown["source"].startswith(source)


# The guide's "Display in POS Frontend (JavaScript)", verbatim.
GUIDE_FUNCTION = """
// Load product image dengan error handling
function loadProductImage(productId, imgElement) {
    fetch(`/api/products/${productId}/image`)
        .then(response => response.json())
        .then(data => {
            imgElement.src = data.image_url;
            imgElement.alt = data.product_name;
        })
        .catch(error => {
            // Fallback to placeholder
            imgElement.src = '/static/images/no-image.png';
            console.error('Failed to load image:', error);
        });
}
"""
