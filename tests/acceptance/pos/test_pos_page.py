"""Checks the page of tiles in Chromium."""

import base64
import io
import re
import time
from dataclasses import dataclass, field

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from etalase.pictures.thumbhash import thumbhash
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
        shop.photo(product, BLUE)  # before the page's first answered request: the next one comes much later
    finally:
        shop.open()
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
    expect(page.locator("#count")).to_have_text("1000 menu")
    expect(photo(page, "Hidangan 00001")).to_be_visible()
    page.wait_for_timeout(500)
    assert 15 <= len(opened.asked_for("image")) <= 60
    ready_ms = page.evaluate("performance.getEntriesByType('resource').find(r => r.name.includes('/api/')).responseEnd")
    assert ready_ms < 5_000

    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(photo(page, "Hidangan 01000")).to_be_visible()
    expect(tile(page, "Hidangan 01000")).to_have_attribute("aria-posinset", "1000")
    page.wait_for_timeout(500)
    assert len(opened.asked_for("image")) <= 120
    assert page.locator(".cell").count() <= 60
    assert page.evaluate("window.seen.shifts") == 0

    page.locator("#search").fill("sku00500")
    expect(page.locator(".cell:visible")).to_have_count(1)
    shows(photo(page, "Hidangan 00500"), GOLD)
    expect(page.locator("#count")).to_have_text("1 dari 1000 menu")


def test_tiles_far_from_the_screen_do_not_exist_and_an_update_moves_nothing(shop: Shop, screen: OpenScreen) -> None:
    shop.many_products(300)
    opened = screen()
    page = opened.page
    expect(page.locator("#count")).to_have_text("300 menu")
    expect(photo(page, "Hidangan 00001")).to_be_visible()
    assert page.locator(".cell").count() <= 60
    page.evaluate("scrollTo(0, 6000)")
    expect(tile(page, "Hidangan 00001")).to_have_count(0)
    middle = "() => document.elementFromPoint(100, 400).closest('.cell')"
    expect(page.locator(".is-shown").first).to_be_visible()
    before = page.evaluate_handle(middle)
    name, top = before.evaluate("cell => [cell.querySelector('.tile-name').textContent, cell.getBoundingClientRect().top]")
    for number in range(12):
        shop.product(f"Ayam {number}", RED)
    opened.refresh()
    expect(page.locator("#count")).to_have_text("312 menu")
    after = page.evaluate_handle(middle)
    place = tile(page, name).evaluate("cell => cell.getBoundingClientRect().top")
    assert abs(place - top) <= before.evaluate("cell => cell.offsetHeight + 20")
    assert tile(page, name).evaluate("(cell, before) => cell === before", before)
    assert after.evaluate("cell => cell !== null")


# Renditions


def test_a_tile_shows_the_sharp_rendition_and_the_viewer_the_photo(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    keys = shop.renditions(product, {160: GOLD, 320: GREEN, 640: BLUE})
    opened = screen()
    expect(photo(opened.page, "Ayam")).to_have_attribute("src", re.compile(re.escape(keys[320])))
    shows(photo(opened.page, "Ayam"), GREEN)
    assert [url for url in opened.asked_for("image") if "products/" in url] == []
    tile(opened.page, "Ayam").get_by_role("button").click()
    shows(opened.page.locator(".viewer-photos"), RED)


def test_a_product_whose_photo_is_on_its_way_shows_the_renditions(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam")
    shop.renditions(product, {320: GREEN, 640: BLUE})
    page = screen().page
    shows(photo(page, "Ayam"), GREEN)
    expect(photo(page, "Ayam")).to_have_attribute("alt", "")
    tile(page, "Ayam").get_by_role("button").click()
    shows(page.locator(".viewer-photos"), BLUE)


def test_the_thumbhash_paints_the_tile_until_the_picture_is_there(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    grey = base64.b64encode(thumbhash(4, 3, bytes((120, 120, 120, 255)) * 12)).decode()
    keys = shop.renditions(product, {320: GREEN}, thumbhash=grey)
    held = Held()
    page = screen(prepare=lambda page: page.route(re.compile(re.escape(keys[320])), held.hold)).page
    canvas = tile(page, "Ayam").locator("canvas")
    expect(canvas).to_be_visible()
    red, green, blue = _middle(canvas)
    assert max(red, green, blue) - min(red, green, blue) < 30
    assert 90 < green < 150
    expect(photo(page, "Ayam")).to_have_count(0)
    held.routes[0].continue_()
    shows(photo(page, "Ayam"), GREEN)
    expect(canvas).to_have_count(0)


def test_rotten_bytes_in_the_browsers_cache_are_fetched_once_more(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    [key] = shop.renditions(product, {320: GREEN}).values()
    whole = shop.objects.get(key)
    shop.objects.put(key, b"rotten", content_type="image/webp", cache_control="public, max-age=31536000, immutable")
    context = screen(may_fail=True)
    expect(photo(context.page, "Ayam")).to_have_attribute("src", re.compile("products/"))  # the photo, meanwhile
    shows(photo(context.page, "Ayam"), RED)
    asked = [url for url in (request.url for request in context.requests) if key in url]
    assert 2 <= len(asked) <= 4
    shop.objects.put(key, whole, content_type="image/webp")
    context.page.reload()
    shows(photo(context.page, "Ayam"), GREEN)
    expect(photo(context.page, "Ayam")).to_have_attribute("src", re.compile(re.escape(key)))


def test_without_rendition_and_photo_the_placeholder_stands_in(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    [key] = shop.renditions(product, {320: GREEN}).values()
    shop.objects.delete([key])
    shop.edge.sql("UPDATE product_photo SET object_key = 'products/gone.png'")
    page = screen(may_fail=True).page
    is_placeholder(photo(page, "Ayam"), within_ms=20_000)


def test_the_viewer_holds_at_most_2048_pixels_of_a_photo(shop: Shop, screen: OpenScreen) -> None:
    product = shop.product("Ayam", RED)
    key = f"products/{product}/primary.png"
    shop.objects.put(key, picture(BLUE, (4000, 3000)), content_type="image/png")
    page = screen().page
    tile(page, "Ayam").get_by_role("button").click()
    large = page.get_by_role("dialog").get_by_role("img", name="Ayam, foto 1 dari 1")
    expect(large).to_be_visible()
    assert large.evaluate("canvas => [canvas.width, canvas.height]") == [2048, 1536]
    shows(page.locator(".viewer-photos"), BLUE)


@pytest.mark.parametrize("may_read", [True, False], ids=["a bucket that pages may read", "another one"])
def test_a_tile_without_a_rendition_keeps_a_small_copy_of_the_photo(shop: Shop, screen: OpenScreen, *, may_read: bool) -> None:
    product = shop.product("Ayam", RED)
    key = f"products/{product}/primary.png"
    shop.objects.put(key, picture(BLUE, (4000, 3000)), content_type="image/png")

    def prepare(page: Page) -> None:
        page.route(f"**/{key}*", lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_())

    page = screen(may_fail=True, prepare=prepare).page if not may_read else screen().page
    small = tile(page, "Ayam").locator("canvas:not(.hash)")
    expect(small).to_be_visible()
    assert small.evaluate("canvas => [canvas.width, canvas.height, canvas.role]") == [640, 480, "presentation"]
    assert page.locator(".placed img").count() == 0
    shows(tile(page, "Ayam"), BLUE)


# Categories


def test_categories_filter_the_menu_are_remembered_and_hidden_where_there_are_none(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED, category="Ayam & Bebek")
    shop.product("Bakso", GREEN, category="Kuah")
    opened = screen()
    page, names = opened.page, opened.page.locator(".tile-name")
    group = page.get_by_role("group", name="Kategori")
    expect(group.get_by_role("radio")).to_have_count(3)
    shop.product("Cendol", BLUE)
    opened.refresh()
    expect(group.locator(".chip")).to_have_text(["Semua", "Ayam & Bebek", "Kuah", "Lainnya"])
    group.get_by_text("Kuah").tap()
    expect(names).to_have_text(["Bakso"])
    expect(page.locator("#count")).to_have_text("1 dari 3 menu")
    page.keyboard.press("ArrowRight")
    expect(names).to_have_text(["Cendol"])
    page.reload()
    expect(names).to_have_text(["Cendol"])
    page.locator("#search").fill("bakso")
    expect(page.locator("#empty-title")).to_have_text("Tidak ada menu yang cocok dengan “bakso”")
    page.get_by_role("button", name="Tampilkan semua menu").click()
    expect(names).to_have_count(3)
    shop.edge.sql("UPDATE product SET category = ''")
    opened.refresh()
    expect(group).to_be_hidden()
    expect(names).to_have_count(3)


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
    for _ in range(4):  # clear, ID, EN, the tiles
        page.keyboard.press("Tab")
    bakso = tile(page, "Bakso").get_by_role("button")
    expect(bakso).to_be_focused()
    assert bakso.evaluate("tile => getComputedStyle(tile).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Bakso")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(bakso).to_be_focused()


def test_arrow_keys_walk_through_a_menu_of_which_only_a_part_exists(shop: Shop, screen: OpenScreen) -> None:
    shop.many_products(203)
    page = screen().page
    expect(page.locator("#count")).to_have_text("203 menu")
    page.locator("#search").focus()

    def focused(key: str, number: int) -> None:
        page.keyboard.press(key)
        expect(tile(page, f"Hidangan {number:05}").get_by_role("button")).to_be_focused()
        top, bottom, bar = page.evaluate(
            "() => [document.activeElement.getBoundingClientRect().top, document.activeElement.getBoundingClientRect().bottom,"
            " document.getElementById('bar').getBoundingClientRect().bottom]"
        )
        assert bar <= top
        assert bottom <= TABLET[1]

    focused("ArrowDown", 1)
    focused("ArrowRight", 2)
    focused("ArrowDown", 7)
    focused("End", 203)
    focused("ArrowUp", 198)
    focused("PageUp", 188)
    focused("Home", 1)
    focused("PageDown", 11)
    focused("ArrowLeft", 10)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Hidangan 00010")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tile(page, "Hidangan 00010").get_by_role("button")).to_be_focused()
    assert page.locator(".tile[tabindex='0']").count() == 1
    page.evaluate("document.activeElement.blur(); scrollTo(0, 4000)")
    expect(tile(page, "Hidangan 00010")).to_have_count(0)
    expect(page.locator(".tile[tabindex='0']")).to_be_in_viewport()


def test_the_focus_moves_to_a_neighbour_when_its_dish_goes(shop: Shop, screen: OpenScreen) -> None:
    for name in ("Ayam", "Bakso", "Cendol"):
        shop.product(name, RED)
    opened = screen()
    tile(opened.page, "Bakso").get_by_role("button").focus()
    shop.edge.sql("DELETE FROM product WHERE name = 'Bakso'")
    opened.refresh()
    expect(tile(opened.page, "Cendol").get_by_role("button")).to_be_focused()


def test_the_search_box_stays_where_it_is(shop: Shop, screen: OpenScreen) -> None:
    shop.many_products(60)
    page = screen().page
    box = "document.getElementById('search').getBoundingClientRect().toJSON()"
    expect(page.locator("#count")).to_have_text("60 menu")
    before = page.evaluate(box)
    for typed, count in (("00001", "1 dari 60 menu"), ("hidangan 0", "60 dari 60 menu"), ("zzzz", "0 dari 60 menu")):
        page.locator("#search").fill(typed)
        expect(page.locator("#count")).to_have_text(count)
        assert page.evaluate(box) == before


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
    shop.edge.sql("DELETE FROM product WHERE name = 'Bakso'")
    page.reload()
    expect(page.locator("#count")).to_have_text("1 item")
    page.locator("#search").fill("zzzz")
    expect(page.locator("#count")).to_have_text("0 of 1 item")


def test_a_browser_that_translates_the_page_stops_nothing(shop: Shop, screen: OpenScreen) -> None:
    shop.product("Ayam", RED, GREEN)
    shop.product("Bakso")
    page = screen().page
    expect(page.locator("#count")).to_have_text("2 menu")
    page.evaluate("document.documentElement.lang = 'zh-CN'")
    page.locator("#search").fill("ayam")
    expect(page.locator(".cell")).to_have_count(1)
    expect(tile(page, "Ayam").locator(".tile-photos")).to_have_text("2 foto")


@pytest.mark.parametrize(("size", "columns"), [(PHONE, 2), (TABLET, 5), (WIDE, 8)])
def test_tiles_fit_every_screen_and_can_be_hit_with_a_finger(
    shop: Shop, screen: OpenScreen, size: tuple[int, int], columns: int
) -> None:
    for number in range(9):
        shop.product(f"Hidangan yang namanya panjang sekali dan tidak muat di tiga baris sebuah kartu {number:02}", RED)
    page = screen(size=size).page
    expect(page.locator(".cell:not(.skeleton)")).to_have_count(9)
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
        3, abs=0.1
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
