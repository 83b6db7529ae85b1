"""The status in the store, in Chromium: in each state, in both languages, on a till and on a phone.

With ``STATUS_SHOTS`` naming a folder, each state leaves its picture there.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from etalase.edge.sync.lock import AT_WORK_CLASS, RunLock
from etalase.edge.sync.pace import Pace
from tests.acceptance.pos.conftest import PHONE, SUPPORT_CONTACT, TABLET, OpenScreen
from tests.acceptance.pos.shop import GOLD, GREEN, RED, Shop
from tests.django_settings import COMPANY_ID, STORE_ID

HO_ERROR = "http://ho.internal:8002/api/v1/token/: Connection refused. Check HO_URL and the link."


@pytest.fixture
def store(shop: Shop) -> Shop:
    """A store with three dishes, water that has no photo, and a run six minutes ago. Its web server remembers nothing."""
    shop.close()
    for name, colour in (("Ayam Bakar", RED), ("Bakso", GREEN), ("Cendol", GOLD)):
        shop.product(name, colour)
    shop.product("Air Mineral")
    shop.edge.sql(
        "INSERT INTO etalase_checkpoint (store_id, company_id, sync_timestamp, feed_proved_complete, access_token,"
        " refresh_token, photos) VALUES (%s, %s, 'x', true, '', '', 3)",
        STORE_ID,
        COMPANY_ID,
    )
    ran(shop)
    shop.open()
    return shop


def ran(shop: Shop, outcome: str | None = "success", minutes_ago: int = 6, **fields: Any) -> None:
    """A run's row."""
    given = {
        "kind": "incremental", "trigger": "schedule", "outcome": outcome, "error": "", "counts": json.dumps({"seen": 3}),
        "reasons": "{}", "bytes_fetched": 3_000_000, "notices": "[]", "checkpoint": "x" if outcome == "success" else None,
        "duration_seconds": 12.0 if outcome else None, "to_carry": None,
    } | fields  # fmt: skip
    finished = "now() - %s * interval '1 minute'" if outcome else "NULL"
    shop.edge.sql(
        f"INSERT INTO etalase_sync_run ({', '.join(given)}, started_at, finished_at) VALUES"
        f" ({', '.join(['%s'] * len(given))}, now() - %s * interval '1 minute', {finished})",
        *given.values(),
        minutes_ago + 1,
        *([minutes_ago] if outcome else []),
    )


def failed(shop: Shop, name: str, reason: str) -> None:
    """A photo that did not arrive."""
    shop.edge.sql(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (gen_random_uuid(), %s, %s, '{}', %s, '', 1)",
        shop.product(name),
        name,
        reason,
    )


def key_of(shop: Shop, name: str) -> str:
    """Where the photo of a product lies."""
    found = shop.edge.sql("SELECT object_key FROM product_photo JOIN product p ON p.id = product_id WHERE name = %s", name)
    return str(found[0][0])


# The states


def well(shop: Shop, stack: ExitStack) -> None:
    """As the store is."""


def damaged(shop: Shop, stack: ExitStack) -> None:
    """One object gone, one cut, and a row that somebody removed."""
    shop.objects.delete([key_of(shop, "Ayam Bakar")])
    shop.objects.put(key_of(shop, "Bakso"), b"cut", content_type="image/png")
    shop.edge.sql("DELETE FROM product_photo USING product p WHERE p.id = product_id AND name = 'Cendol'")


def stale(shop: Shop, stack: ExitStack) -> None:
    """The last run was yesterday."""
    shop.edge.sql("UPDATE etalase_sync_run SET finished_at = now() - interval '26 hours'")


def clock_went_back(shop: Shop, stack: ExitStack) -> None:
    """The last run is of the future."""
    shop.edge.sql("UPDATE etalase_sync_run SET finished_at = now() + interval '5 hours'")


def partial(shop: Shop, stack: ExitStack) -> None:
    """Two photos did not arrive, and one waits for its product."""
    failed(shop, "Dawet", "connection_failed")
    failed(shop, "Es Teh", "checksum_mismatch")
    failed(shop, "Fuyunghai", "product_missing")
    ran(shop, "partial", 5, checkpoint="x")


def held(shop: Shop, stack: ExitStack) -> None:
    """Head office lists three photos no longer."""
    for name in ("Ayam Bakar", "Bakso", "Cendol"):
        shop.edge.sql(
            "INSERT INTO etalase_removal (photo_id, product_id, product_name, cause, state, left_bare, approved)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), %s, 'sweep', 'held', false, false)",
            name,
        )


def head_office_away(shop: Shop, stack: ExitStack) -> None:
    """The newest run did not reach it."""
    error = f"{shop.edge.environment['ETALASE_HO_URL']}/api/v1/token/: no answer. Check the link."
    ran(shop, "failed", 2, error=error, fault="head_office_away")


def cut_off(shop: Shop, stack: ExitStack) -> None:
    """The power went."""
    ran(shop, None, 2)


def unproved(shop: Shop, stack: ExitStack) -> None:
    """Head office's list never adds up."""
    shop.edge.sql("UPDATE etalase_checkpoint SET feed_proved_complete = false")


def noticed(shop: Shop, stack: ExitStack) -> None:
    """Something was odd, and is told though all is well."""
    ran(shop, "success", 4, notices=json.dumps([{"code": "bucket_lost"}, {"code": "ho_older", "photos": 2}]))


def first_load(shop: Shop, stack: ExitStack) -> None:
    """The first run is at work."""
    shop.edge.sql("DELETE FROM etalase_sync_run")
    ran(shop, None, 3, to_carry=412)
    shop.edge.sql("UPDATE product_photo SET created_at = now()")
    lock = RunLock(uuid.UUID(STORE_ID), Pace())
    connection = stack.enter_context(psycopg.connect(shop.edge.database_url, autocommit=True))
    connection.execute("SELECT pg_advisory_lock(%s, %s)", [AT_WORK_CLASS, lock._store])


def never(shop: Shop, stack: ExitStack) -> None:
    """Nobody has ever run it."""
    shop.edge.sql("TRUNCATE etalase_sync_run, etalase_checkpoint, product_photo, product")


def bucket_away(shop: Shop, stack: ExitStack) -> None:
    """The object store is down."""
    shop.stop_bucket()
    stack.callback(shop.start_bucket)


def database_away(shop: Shop, stack: ExitStack) -> None:
    """So is PostgreSQL."""
    stack.enter_context(shop.database_away())


@pytest.mark.parametrize(
    ("state", "indonesian", "english", "level"),
    [
        (well, "BAIK", "WELL", "green"),
        (noticed, "BAIK", "WELL", "green"),
        (damaged, "RUSAK", "DAMAGED", "red"),
        (stale, "TERTINGGAL", "STALE", "red"),
        (clock_went_back, "TERTINGGAL", "STALE", "red"),
        (partial, "SEBAGIAN", "PARTIAL", "yellow"),
        (held, "PERIKSA", "LOOK", "yellow"),
        (head_office_away, "PERIKSA", "LOOK", "yellow"),
        (cut_off, "PERIKSA", "LOOK", "yellow"),
        (unproved, "PERIKSA", "LOOK", "yellow"),
        (first_load, "BELUM SIAP", "NOT READY", "yellow"),
        (never, "BELUM SIAP", "NOT READY", "red"),
        (bucket_away, "MATI", "AWAY", "red"),
        (database_away, "MATI", "AWAY", "red"),
    ],
)
def test_each_state_is_shown_in_both_languages_as_it_is_told_on_the_terminal(
    store: Shop,
    screen: OpenScreen,
    state: Callable[[Shop, ExitStack], None],
    indonesian: str,
    english: str,
    level: str,
) -> None:
    with ExitStack() as stack:
        state(store, stack)
        till = screen("/status", size=TABLET, may_fail=True).page
        expect(till.locator("#word")).to_have_text(indonesian)
        expect(till.locator(".verdict")).to_have_class(f"verdict is-{level}")
        phone = screen("/status", size=PHONE, locale="en-GB", may_fail=True).page
        expect(phone.locator("#word")).to_have_text(english)
        keeps(till, f"{state.__name__}-id-till")
        keeps(phone, f"{state.__name__}-en-phone")
        for page in (till, phone):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for language, page in (("id", till), ("en", phone)):
            said = store.edge.run("status", "--language", language)
            first = said.stdout.splitlines()[0]
            assert first.split(": ")[0] == page.locator("#word").inner_text()
            # Seconds may pass between the two.
            assert ageless(first.split(": ", 1)[1]) == ageless(page.locator("#sentence").inner_text())
            assert said.returncode != 0 or level == "green"
            for shown in (said.stdout, page.locator("main").inner_text()):
                assert (SUPPORT_CONTACT in shown) == (level != "green")


def keeps(page: Page, name: str) -> None:
    """A picture to look at."""
    if folder := os.environ.get("STATUS_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def ageless(sentence: str) -> str:
    """Without numbers, in small letters: the page writes the first one large."""
    return re.sub(r"\d+", "n", sentence).lower()


# The page


def test_it_renews_itself_and_keeps_what_was_unfolded(store: Shop, screen: OpenScreen) -> None:
    head_office_away(store, ExitStack())
    page = screen("/status").page
    expect(page.locator(".error")).to_be_hidden()
    page.locator("summary").click()
    expect(page.locator(".error")).to_contain_text("no answer")
    failed(store, "Dawet", "timeout")
    renew(page)
    expect(page.locator("#word")).to_have_text("SEBAGIAN")
    expect(page.locator(".error")).to_be_visible()
    assert page.title() == "SEBAGIAN · Status foto"
    assert page.locator("#status").get_attribute("data-refresh-seconds") == "30"


def test_while_the_server_is_silent_what_is_shown_is_marked_as_old(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status", may_fail=True).page
    expect(page.locator("#silent")).to_be_hidden()
    store.close()
    renew(page)
    expect(page.locator("#silent")).to_have_text(re.compile(r"Server toko tidak menjawab\. .* pukul \d\d.\d\d\."))
    expect(page.locator("body")).to_have_class("is-old")
    keeps(page, "silent-id-till")
    store.open()
    renew(page)
    expect(page.locator("#silent")).to_be_hidden()
    expect(page.locator("body")).not_to_have_class("is-old")


def renew(page: Page) -> None:
    """What happens when somebody comes back to the tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_language_is_chosen_once_for_this_page_and_the_menu(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status").page
    page.get_by_role("link", name="English").click()
    expect(page.locator("#word")).to_have_text("WELL")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(store.url + "/status")
    expect(page.locator("#word")).to_have_text("WELL")
    page.goto(store.url + "/")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_it_can_be_read_and_renews_itself_without_javascript(store: Shop, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=ViewportSize(width=1024, height=768), locale="en-GB")
    page = context.new_page()
    page.goto(store.url + "/status")
    expect(page.locator("#word")).to_have_text("WELL")
    page.get_by_role("link", name="Bahasa Indonesia").click()
    expect(page.locator("#word")).to_have_text("BAIK")
    _, _, body = store.get("/status")
    assert b'<noscript><meta http-equiv="refresh" content="30"></noscript>' in body
    context.close()


def test_names_and_errors_are_shown_as_text_whatever_is_in_them(store: Shop, screen: OpenScreen) -> None:
    evil = """<script>alert(1)</script> "Soto" & 'Es' <img src=x onerror=alert(2)>"""
    failed(store, evil, "timeout")
    ran(store, "failed", 1, error=evil, notices=json.dumps([{"code": evil}]))
    opened = screen("/status", prepare=lambda page: page.on("dialog", lambda _: pytest.fail("a name was run as a script")))
    expect(opened.page.locator(".names li").filter(has_text="alert").first).to_contain_text(evil)
    expect(opened.page.locator("#noticed .item-text")).to_have_text(evil)
    assert opened.page.locator("#status script, #status img").count() == 0


def test_nothing_but_a_runs_own_error_names_head_office_and_nothing_a_secret(store: Shop) -> None:
    ran(store, "failed", 1, error=HO_ERROR)
    for state in (well, bucket_away, database_away):
        with ExitStack() as stack:
            state(store, stack)
            status, headers, body = store.get("/status")
        assert status == (503 if state is database_away else 200)
        assert (headers["Cache-Control"], headers["X-Frame-Options"]) == ("no-store", "DENY")
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["Content-Security-Policy"]
        assert not re.search(rb"<style|\sstyle=|<script(?! type=\"module\" src=)|\son\w+=", body)
        outside = re.sub(rb"<details.*?</details>", b"", body, flags=re.DOTALL)
        assert b"ho.internal" not in outside
        assert store.edge.environment["ETALASE_HO_URL"].encode() not in outside
        secrets = (store.postgres.password, store.bucket.secret_key, store.bucket.access_key)
        for secret in (*secrets, store.edge.environment["ETALASE_HO_PASSWORD"], STORE_ID):
            assert secret.encode() not in body


def test_the_bucket_is_looked_into_once_however_many_reload(store: Shop) -> None:
    assert b"BAIK" in store.get("/status")[2]
    damaged(store, ExitStack())
    began = time.monotonic()
    bodies = [store.get("/status")[2] for _ in range(20)]
    # The rows are read anew each time: what vanished from there shows at once.
    if time.monotonic() - began < 5:
        assert all(b"1 dari 3 foto rusak atau hilang." in body for body in bodies)
