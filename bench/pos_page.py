"""Measures the POS page in Chromium, on an edge that is filled directly: bytes, decoded pictures, times and memory.

``python -m bench.pos_page``; docs/performance.md has the method.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Playwright, ViewportSize, sync_playwright
from tests import chromium

from bench.parts import machine
from bench.pos_store import Store, store

SCREEN = ViewportSize(width=1024, height=768)
BITS_PER_SECOND, LATENCY_MS = 5_000_000, 40
QUIET_MS = 1_500
WHEEL_PIXELS = 300
SLOW_CPU = 6
# A cashier's way: letter by letter, a word that nothing has, a wrong letter, everything again.
TYPED = ("n", "na", "nas", "nasg", "nasgor", "ayam pedas", "gorneg", "zzzz", "")
# Prepended to the page: when its first screen is whole, and what a frame and a search take.
PROBE = """
const onScreen = () => [...document.querySelectorAll('.cell:not(.skeleton)')].filter((cell) => {
  const box = cell.getBoundingClientRect();
  return box.height > 0 && box.bottom > 0 && box.top < innerHeight;
});
const whole = (cell) => {
  const image = cell.querySelector('.picture img');
  return image !== null && image.complete && image.naturalWidth > 0 && cell.querySelector('.is-placeholder') === null;
};
window.probe = { named: null };
probe.whole = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('the first screen is not whole')), 120_000);
  (function look() {
    const cells = onScreen();
    if (cells.length > 0) probe.named ??= performance.now();
    if (cells.length > 0 && cells.every(whole)) resolve(performance.now());
    else requestAnimationFrame(look);
  })();
});
const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = resolve;
  port2.postMessage(null);
}));
probe.decoded = () => [...document.images].map((image) => image.naturalWidth * image.naturalHeight * 4)
  .concat([...document.querySelectorAll('canvas')].map((canvas) => canvas.width * canvas.height * 4))
  .reduce((sum, bytes) => sum + bytes, 0);
probe.scroll = async (step) => {
  let longest = 0;
  await painted();
  for (let last = performance.now(), top = -1; scrollY !== top; ) {
    top = scrollY;
    scrollBy({ top: step, behavior: 'instant' });
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
};
probe.type = async (text) => {
  const box = document.getElementById('search');
  await painted();
  const began = performance.now();
  box.value = text;
  box.dispatchEvent(new Event('input'));
  document.documentElement.getBoundingClientRect();
  const worked = performance.now() - began;
  await painted();
  return worked;
};
"""


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu to measure: its dishes, and how many of their photos have 12 megapixels."""

    dishes: int
    masters: int


MENUS = {"86": Menu(86, 35), "1000": Menu(1000, 0), "5000": Menu(5000, 0)}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 measured, 1 there is no Chromium."""
    parser = argparse.ArgumentParser(prog="python -m bench.pos_page", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs, each with a browser of its own (default: %(default)s)")
    parser.add_argument("--menus", nargs="+", choices=MENUS, default=list(MENUS), help="numbers of dishes (default: all)")
    parser.add_argument("--json", type=Path, help="file for the figures of each run")
    options = parser.parse_args(argv)
    if (program := chromium.find()) is None:
        sys.stderr.write(f"{chromium.SKIPPED}\n")
        return 1
    figures: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, store(Path(folder)) as running, sync_playwright() as playwright:
        for name in options.menus:
            menu = MENUS[name]
            sys.stderr.write(f"{name} dishes: filling the edge\n")
            running.fill(menu.dishes, menu.masters)
            figures[name] = []
            for run in range(options.runs):
                figures[name].append(_run(playwright, program, running))
                sys.stderr.write(f"{name} dishes, run {run + 1}: {json.dumps(figures[name][-1])}\n")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=1))
    sys.stdout.write(_table(figures))
    return 0


def _run(playwright: Playwright, program: str, running: Store) -> dict[str, float]:
    figures: dict[str, float] = {}
    with _page(playwright, program) as (page, cdp, _):
        received = _count_bytes(cdp)
        cdp.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY_MS,
                "downloadThroughput": BITS_PER_SECOND / 8,
                "uploadThroughput": BITS_PER_SECOND / 8,
            },
        )
        page.goto(running.url)
        figures["whole at 5 Mbit/s, s"] = page.evaluate("probe.whole") / 1000
        figures["named at 5 Mbit/s, s"] = page.evaluate("probe.named") / 1000
        _await_quiet(page, received)
        figures["first screen, MB"] = received() / 1e6
        figures["first screen, decoded MB"] = page.evaluate("probe.decoded()") / 1e6
    with _page(playwright, program) as (page, cdp, renderer_bytes):
        received = _count_bytes(cdp)
        empty = renderer_bytes()
        page.goto(running.url)
        figures["whole, s"] = page.evaluate("probe.whole") / 1000
        figures["named, s"] = page.evaluate("probe.named") / 1000
        _await_quiet(page, received)
        resident = [renderer_bytes()]
        for slower, name in ((1, "filter, ms"), (SLOW_CPU, f"filter, {SLOW_CPU} × slower CPU, ms")):
            cdp.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            figures[name] = max(page.evaluate("text => probe.type(text)", text) for text in TYPED)
        cdp.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        with _traced(page) as tasks:
            figures["longest scroll frame, ms"] = page.evaluate("step => probe.scroll(step)", WHEEL_PIXELS)
        figures["longest task while scrolling, CPU ms"] = max(tasks)
        _await_quiet(page, received)
        figures["scrolled, decoded MB"] = page.evaluate("probe.decoded()") / 1e6
        resident.append(renderer_bytes())
        figures["resident beyond an empty tab, MB"] = (max(resident) - empty) / 1e6
    return figures


@contextmanager
def _page(playwright: Playwright, program: str) -> Iterator[tuple[Page, CDPSession, Callable[[], int]]]:
    """Yields a page of a new browser, with an empty cache, its CDP session, and the resident bytes of its renderer."""
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    try:
        page = browser.new_page(viewport=SCREEN, locale="id-ID")
        page.add_init_script(PROBE)
        cdp = page.context.new_cdp_session(page)
        # Kept bodies would count as memory of the page.
        cdp.send("Network.enable", {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0})
        yield page, cdp, lambda: _renderer_bytes(browser)
    finally:
        browser.close()


@contextmanager
def _traced(page: Page) -> Iterator[list[float]]:
    """Yields a list with, at the end, the CPU time in ms of each task of the main thread: other processes do not count."""
    browser = page.context.browser
    assert browser is not None
    tasks: list[float] = []
    browser.start_tracing(categories=["toplevel"])
    yield tasks
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks += [event["tdur"] / 1000 for event in events if "tdur" in event and (event["pid"], event["tid"]) in main]


def _renderer_bytes(browser: Browser) -> int:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return max(_resident(process["id"]) for process in processes if process["type"] == "renderer")


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def _count_bytes(cdp: CDPSession) -> Callable[[], int]:
    sizes: list[int] = []

    def arrived(event: dict[str, Any]) -> None:
        sizes.append(int(event["encodedDataLength"]))

    cdp.on("Network.responseReceived", lambda event: arrived(event["response"]))  # the headers
    cdp.on("Network.dataReceived", arrived)
    return lambda: sum(sizes)


def _await_quiet(page: Page, received: Callable[[], int]) -> None:
    """Waits until no byte has arrived for a while; the page's poll comes seldom."""
    before = -1
    while before != (before := received()):
        page.wait_for_timeout(QUIET_MS)


def _table(figures: dict[str, list[dict[str, float]]]) -> str:
    names = list(next(iter(figures.values()))[0])
    lines = [f"| | {' | '.join(f'{menu} dishes' for menu in figures)} |", "|---|" + "---:|" * len(figures)]
    for name in names:
        cells = []
        for runs in figures.values():
            values = [run[name] for run in runs]
            cells.append(f"{statistics.median(values):.3g} ({min(values):.3g}–{max(values):.3g})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
