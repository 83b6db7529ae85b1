"""The pages of the fleet in a real browser: axe-core, text at twice its size, the keyboard, no scripts, ten thousand stores."""

from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests import chromium
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_companies import person
from tests.integration.head_office.test_fleet_api import counts, fault
from tests.integration.head_office.test_fleet_overview import prove_possession, store_with_edge
from tests.integration.head_office.test_reports import Edge

from etalase.head_office import heartbeat
from etalase.head_office.fleet import watch
from etalase.head_office.models import Photo, Store
from etalase.head_office.permissions import OfficeRole
from etalase.settings.head_office import head_office_settings

pytestmark = pytest.mark.urls("etalase.head_office.urls")
PASSWORD = "kucing lompat jendela biru"
DESK, PHONE = (1366, 768), (390, 844)


@pytest.fixture
def photo(office: Office, bucket: Any) -> Photo:
    """Makes a small fleet with a store in each state, and returns the photo that all sell."""
    account = person("oki", OfficeRole.OPERATOR, companies=(office.company,))
    account.set_password(PASSWORD)
    account.save()
    photo = office.photo(office.product())
    edges = {code: store_with_edge(office, code) for code in ("BDG-002", "BDG-003", "JKT-004", "JKT-005", "JKT-006", "DPS-007")}
    edges["AVRIL-001"] = Edge(office)
    for code, edge in edges.items():
        photo.product.stores.add(edge.store)
        if code != "DPS-007":
            edge.sync()
    edges["BDG-002"].send(photos=counts(listed=1, owed=1), **fault(photo))
    edges["BDG-003"].send(photos=counts(listed=1, held=4))
    edges["JKT-004"].send(digest=None)
    for code in ("JKT-005", "AVRIL-001", "JKT-006"):
        edges[code].send(photos=counts(listed=1, verified=1))
    prove_possession()
    office.photo(office.product("2", name="ES TELER DURIAN", sold_in=[edges["JKT-006"].store]))
    Store.objects.filter(code__startswith="JKT").update(region="Jakarta")
    heartbeat.write()
    watch.look(head_office_settings())
    return photo


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Yields a browser."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.SKIPPED)
    # Playwright's event loop runs in the thread of the test, which also queries the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path)
        yield opened
        opened.close()
        connections.close_all()  # inside the loop the test had another connection than outside


def logged_in(browser: Browser, url: str, problems: list[str], *, size: tuple[int, int] = DESK, **options: Any) -> Page:
    """Returns the page of all stores after a login. Errors of the console are noted in ``problems``."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, bypass_csp=False, **options)
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{url}/fleet/")
    page.fill("#id_username", "oki")
    page.fill("#id_password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{url}/fleet/")
    return page


def findings(page: Page) -> list[Any]:
    """Returns the rules of axe-core that the page breaks, each with the elements."""
    page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text())
    broken = page.evaluate("async () => (await axe.run()).violations")
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in broken]


def sticks_out(page: Page) -> list[str]:
    """Returns the elements that reach beyond the window."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('main *, header *')].filter((one) => one.getBoundingClientRect().right >"
        " document.documentElement.clientWidth + 1).map((one) => one.outerHTML.slice(0, 200))"
    )
    return found


@pytest.mark.parametrize(("locale", "size"), [("en-GB", DESK), ("id-ID", PHONE)], ids=["desk", "phone"])
def test_axe_finds_nothing_and_text_may_be_twice_as_large(
    browser: Browser, photo: Photo, live_server: Any, locale: str, size: tuple[int, int]
) -> None:
    problems: list[str] = []
    url = live_server.url
    page = logged_in(browser, url, problems, size=size, locale=locale)
    store = page.locator(".rows a").first.get_attribute("href")
    for path in ("/fleet/", f"{store}", "/fleet/photos/?q=salmon", f"/fleet/photos/{photo.id}/"):
        page.goto(f"{url}{path}")
        assert findings(page) == [], path
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert sticks_out(page) == [], path
    page.locator(".who button").last.click()
    page.wait_for_url(f"{url}/fleet/login/")
    assert findings(page) == []
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert [rule for rule, _ in findings(page)] == ["html-has-lang"], "axe-core works"
    # The photo has no object.
    assert [problem for problem in problems if "404" not in problem and "403" not in problem] == []


def test_an_order_is_given_by_keyboard_from_the_page_of_an_incident(browser: Browser, photo: Photo, live_server: Any) -> None:
    problems: list[str] = []
    page = logged_in(browser, live_server.url, problems)
    page.get_by_role("link", name="Open the store").first.click()
    page.get_by_role("combobox", name="Order").focus()
    page.keyboard.type("Try the failed")
    page.keyboard.press("Tab")
    page.keyboard.type("the provider has mended the line")
    page.keyboard.press("Enter")
    expect(page.locator("#orders .rows")).to_contain_text("Try the failed photos again: waits for the next report")
    expect(page.locator("#orders .rows")).to_contain_text("the provider has mended the line")
    assert findings(page) == []
    assert problems == []


def test_the_map_is_walked_by_arrow_keys(browser: Browser, photo: Photo, live_server: Any) -> None:
    problems: list[str] = []
    page = logged_in(browser, live_server.url, problems)
    group = page.locator(".map.s-equal a")
    expect(group).to_have_count(2)
    group.first.focus()
    expect(group.nth(1)).to_have_attribute("tabindex", "-1")
    page.keyboard.press("ArrowRight")
    expect(group.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(group.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(group.first).to_be_focused()
    page.keyboard.press("End")
    title = group.nth(1).get_attribute("title")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(str(title))
    assert problems == []


def test_all_of_it_works_without_scripts(browser: Browser, photo: Photo, live_server: Any) -> None:
    problems: list[str] = []
    page = logged_in(browser, live_server.url, problems, java_script_enabled=False)
    page.select_option("select[name=state]", "wrong")
    page.click(".filters button")
    expect(page.locator(".row")).to_have_count(1)
    page.click(".row a")
    expect(page.locator(".fault")).to_contain_text("the line was too slow")
    page.click(".fault a")
    expect(page.locator("h1")).to_have_text("ASAHI SALMON BOWL")
    page.click("button:has-text('Bahasa Indonesia')")
    expect(page.locator("html")).to_have_attribute("lang", "id")
    assert [problem for problem in problems if "404" not in problem and "403" not in problem] == []


# From the first byte of the answer until all is there and painted.
DRAWN_IN = """() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
    const [load] = performance.getEntriesByType("navigation");
    const paints = performance.getEntriesByType("paint").map((one) => one.startTime);
    done(Math.max(load.domComplete, ...paints) - load.responseStart);
})))"""


def test_ten_thousand_squares_are_drawn(browser: Browser, photo: Photo, live_server: Any) -> None:
    """Within a second on an idle machine (docs/performance.md); here within five."""
    company = photo.product.company
    codes = [f"Z-{number:05}" for number in range(9993)]
    Store.objects.bulk_create(
        Store(company=company, code=code, name=f"Store {code}", position=10**6 + number) for number, code in enumerate(codes)
    )
    problems: list[str] = []
    page = logged_in(browser, live_server.url, problems)
    expect(page.locator(".map a")).to_have_count(10_000)
    milliseconds = page.evaluate(DRAWN_IN)
    print(f"10,000 squares: {milliseconds:.0f} ms")  # noqa: T201 - the figure of docs/performance.md
    assert milliseconds < 5000
    page.locator(".map.s-never a").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".map.s-never a").last).to_be_focused()
    assert problems == []
