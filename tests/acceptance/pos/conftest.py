"""Shares one store among all tests of the POS, with an empty menu for each, and opens Chromium pages that must not fail."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, ViewportSize, sync_playwright

from etalase.devstack import seaweedfs
from etalase.devstack.postgres import Postgres
from tests import chromium
from tests.acceptance.conftest import new_edge
from tests.acceptance.pos.shop import Shop

TABLET, PHONE, WIDE = (1024, 768), (390, 844), (1920, 1080)
SUPPORT_CONTACT = "Tim IT, WA 0812-3456"

# Records each <img> that was added to the page before it was loaded, and each moment without an image in a tile.
WATCH = """
window.seen = { broken: [], gaps: 0, shifts: 0 };
new MutationObserver((records) => {
  for (const record of records) {
    for (const node of record.addedNodes) {
      const images = node.nodeType !== 1 ? [] : node.matches("img") ? [node] : node.querySelectorAll("img");
      for (const image of images) if (!image.complete || image.naturalWidth === 0) window.seen.broken.push(image.src);
    }
    const place = record.target;
    if (place.matches?.(".is-shown") && place.querySelector("img, canvas:not(.hash)") === null) window.seen.gaps += 1;
  }
}).observe(document, { childList: true, subtree: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="package")
def _shop(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    ports = seaweedfs.SeaweedPorts.free()
    folder = tmp_path_factory.mktemp("shop")
    bucket = seaweedfs.start(folder / "s3", ports, access_key="shop-access-key", secret_key="shop-secret-key")
    with new_edge(postgres_server, bucket, "http://127.0.0.1:1", folder) as edge:
        edge.environment["ETALASE_CORS_ORIGINS"] = "https://pos.example"
        edge.environment["ETALASE_SUPPORT_CONTACT"] = SUPPORT_CONTACT
        migrated = edge.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        opened = Shop(edge, postgres_server, bucket, folder / "s3", ports)
        opened.open()
        yield opened
    opened.stop_bucket()


@pytest.fixture
def shop(_shop: Shop) -> Shop:
    """Returns an open store with an empty menu."""
    _shop.clear()
    return _shop


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Yields Chromium. Without one, skips the test, or fails it in CI."""
    path = chromium.find()
    if path is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(chromium.SKIPPED)
        pytest.skip(chromium.SKIPPED)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@dataclass
class Screen:
    """A POS screen: its page and its requests."""

    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listens from the first moment."""
        self.page.on("request", self._asks)
        self.page.on("pageerror", self._fails)
        self.page.on("console", self._complains)

    def asked_for(self, kind: str) -> list[str]:
        """Returns the URLs of all requests of a kind (``image``, ``fetch``, ...), except the placeholder's."""
        return [r.url for r in self.requests if r.resource_type == kind and "/static/" not in r.url]

    def refresh(self) -> None:
        """Refreshes the page as the return of a cashier to a hidden tab does."""
        with self.page.expect_response("**/api/products/*"):
            self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def _asks(self, request: Request) -> None:
        self.requests.append(request)

    def _fails(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _complains(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


OpenScreen = Callable[..., Screen]


@pytest.fixture
def screen(shop: Shop, browser: Browser) -> Iterator[OpenScreen]:
    """Opens POS screens. Asserts at the end that none had a console error, a broken image or a gap.

    ``may_fail`` permits console messages about failed requests, for tests that stop a server.
    """
    opened: list[tuple[Screen, bool]] = []

    def open_screen(
        path: str = "/",
        *,
        size: tuple[int, int] = TABLET,
        locale: str = "id-ID",
        may_fail: bool = False,
        prepare: Callable[[Page], object] = lambda _: None,
        reduced_motion: bool = False,
    ) -> Screen:
        context = browser.new_context(
            viewport=ViewportSize(width=size[0], height=size[1]),
            locale=locale,
            has_touch=size != WIDE,
            is_mobile=size == PHONE,
            reduced_motion="reduce" if reduced_motion else "no-preference",
        )
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH)
        screen = Screen(context.new_page())
        opened.append((screen, may_fail))
        prepare(screen.page)
        screen.page.goto(shop.url + path)
        return screen

    yield open_screen
    for screen, may_fail in opened:
        expected = "Failed to load resource" if may_fail else "\0"
        seen = screen.page.evaluate("window.seen")
        with suppress(Exception):
            screen.page.unroute_all(behavior="ignoreErrors")
        screen.page.context.close()
        assert [complaint for complaint in screen.complaints if expected not in complaint] == []
        assert (seen["broken"], seen["gaps"]) == ([], 0)
