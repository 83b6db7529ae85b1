"""Checks the store's status page in Chromium: in each state, in both languages, on a POS screen and on a phone.

With ``STATUS_SHOTS`` naming a folder, each state leaves its picture there.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from playwright.sync_api import Browser, Page, ViewportSize, expect

from etalase.devstack.valkey import Valkey
from etalase.edge import status
from etalase.edge.clock import Clock
from etalase.edge.sync.lock import AT_WORK_CLASS, RunLock
from tests.acceptance.pos.conftest import PHONE, SUPPORT_CONTACT, TABLET, OpenScreen
from tests.acceptance.pos.shop import GOLD, GREEN, RED, Shop
from tests.django_settings import COMPANY_ID, STORE_ID

HO_ERROR = "http://ho.internal:8002/api/v1/token/: Connection refused. Check HO_URL and the link."


@pytest.fixture
def store(shop: Shop) -> Shop:
    """Returns a store with three dishes, water without a photo, a run six minutes ago, and an empty web server cache."""
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
    insert_run(shop)
    shop.open()
    return shop


def insert_run(shop: Shop, outcome: str | None = "success", minutes_ago: int = 6, **fields: Any) -> None:
    """Inserts the row of a run."""
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


def insert_failure(shop: Shop, name: str, reason: str) -> None:
    """Inserts a failed photo into the retry list."""
    shop.edge.sql(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (gen_random_uuid(), %s, %s, '{}', %s, '', 1)",
        shop.product(name),
        name,
        reason,
    )


def key_of(shop: Shop, name: str) -> str:
    """Returns the object key of a product's photo."""
    found = shop.edge.sql("SELECT object_key FROM product_photo JOIN product p ON p.id = product_id WHERE name = %s", name)
    return str(found[0][0])


# The states


def well(shop: Shop, stack: ExitStack) -> None:
    """Leaves the store as it is."""


def damaged(shop: Shop, stack: ExitStack) -> None:
    """Deletes one object, cuts one short, and deletes a row."""
    shop.objects.delete([key_of(shop, "Ayam Bakar")])
    shop.objects.put(key_of(shop, "Bakso"), b"cut", content_type="image/png")
    shop.edge.sql("DELETE FROM product_photo USING product p WHERE p.id = product_id AND name = 'Cendol'")


def stale(shop: Shop, stack: ExitStack) -> None:
    """Moves the last run to yesterday."""
    shop.edge.sql("UPDATE etalase_sync_run SET finished_at = now() - interval '26 hours'")


def clock_went_back(shop: Shop, stack: ExitStack) -> None:
    """Moves the last run to the future."""
    shop.edge.sql("UPDATE etalase_sync_run SET finished_at = now() + interval '5 hours'")


def partial(shop: Shop, stack: ExitStack) -> None:
    """Adds two failed photos and a parked one."""
    insert_failure(shop, "Dawet", "connection_failed")
    insert_failure(shop, "Es Teh", "checksum_mismatch")
    insert_failure(shop, "Fuyunghai", "product_missing")
    insert_run(shop, "partial", 5, checkpoint="x")


def held(shop: Shop, stack: ExitStack) -> None:
    """Holds the removal of three photos."""
    for name in ("Ayam Bakar", "Bakso", "Cendol"):
        shop.edge.sql(
            "INSERT INTO etalase_removal (photo_id, product_id, product_name, cause, state, left_bare, approved)"
            " VALUES (gen_random_uuid(), gen_random_uuid(), %s, 'sweep', 'held', false, false)",
            name,
        )


def head_office_away(shop: Shop, stack: ExitStack) -> None:
    """Adds a run that could not reach head office."""
    error = f"{shop.edge.environment['ETALASE_HO_URL']}/api/v1/token/: no answer. Check the link."
    insert_run(shop, "failed", 2, error=error, fault="head_office_away")


def cut_off(shop: Shop, stack: ExitStack) -> None:
    """Adds a run that was cut off, as by a power failure."""
    insert_run(shop, None, 2)


def unproved(shop: Shop, stack: ExitStack) -> None:
    """Adds a run whose list was not proved complete."""
    shop.edge.sql("UPDATE etalase_checkpoint SET feed_proved_complete = false")


def noticed(shop: Shop, stack: ExitStack) -> None:
    """Adds a notice although all is well."""
    insert_run(shop, "success", 4, notices=json.dumps([{"code": "bucket_lost"}, {"code": "ho_older", "photos": 2}]))


def first_load(shop: Shop, stack: ExitStack) -> None:
    """Adds a first run in flight."""
    shop.edge.sql("DELETE FROM etalase_sync_run")
    at = "now() - interval '2 minutes'"
    insert_run(
        shop, None, 3, to_carry=409, listed=412, missing=409, carried=61, bytes_to_fetch=30_000_000, bytes_carried=4_000_000
    )
    shop.edge.sql(f"UPDATE etalase_sync_run SET planned_at = {at}, carried_at = now()")
    lock = RunLock(uuid.UUID(STORE_ID), Clock())
    connection = stack.enter_context(psycopg.connect(shop.edge.database_url, autocommit=True))
    connection.execute("SELECT pg_advisory_lock(%s, %s)", [AT_WORK_CLASS, lock._store])


def silent_service(shop: Shop, stack: ExitStack) -> None:
    """Makes the beat silent since the night while the worker is alive."""
    shop.edge.sql("INSERT INTO etalase_heartbeat VALUES ('beat', now() - interval '5 hours'), ('worker', now())")


def never(shop: Shop, stack: ExitStack) -> None:
    """Deletes every trace of a run."""
    shop.edge.sql("TRUNCATE etalase_sync_run, etalase_checkpoint, product_photo, product")


def bucket_away(shop: Shop, stack: ExitStack) -> None:
    """Stops the object store."""
    shop.stop_bucket()
    stack.callback(shop.start_bucket)


def database_away(shop: Shop, stack: ExitStack) -> None:
    """Stops PostgreSQL."""
    stack.enter_context(shop.database_away())


@pytest.mark.parametrize(
    ("state", "indonesian", "english", "level"),
    [
        pytest.param(well, "BAIK", "WELL", "green", marks=pytest.mark.long),
        pytest.param(noticed, "BAIK", "WELL", "green", marks=pytest.mark.long),
        (damaged, "RUSAK", "DAMAGED", "red"),
        pytest.param(stale, "TERTINGGAL", "STALE", "red", marks=pytest.mark.long),
        pytest.param(clock_went_back, "TERTINGGAL", "STALE", "red", marks=pytest.mark.long),
        pytest.param(partial, "SEBAGIAN", "PARTIAL", "yellow", marks=pytest.mark.long),
        pytest.param(held, "PERIKSA", "LOOK", "yellow", marks=pytest.mark.long),
        pytest.param(head_office_away, "PERIKSA", "LOOK", "yellow", marks=pytest.mark.long),
        pytest.param(cut_off, "PERIKSA", "LOOK", "yellow", marks=pytest.mark.long),
        pytest.param(unproved, "PERIKSA", "LOOK", "yellow", marks=pytest.mark.long),
        pytest.param(first_load, "MENGISI", "FILLING", "blue", marks=pytest.mark.long),
        pytest.param(silent_service, "PERIKSA", "LOOK", "yellow", marks=pytest.mark.long),
        pytest.param(never, "BELUM SIAP", "NOT READY", "red", marks=pytest.mark.long),
        pytest.param(bucket_away, "MATI", "AWAY", "red", marks=pytest.mark.long),
        (database_away, "MATI", "AWAY", "red"),
    ],
)
def test_each_state_has_the_same_words_on_the_status_page_and_the_terminal_in_both_languages(
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
        shows_image(till, f"{state.__name__}-id-till")
        shows_image(phone, f"{state.__name__}-en-phone")
        for page in (till, phone):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for language, page in (("id", till), ("en", phone)):
            done = store.edge.run("status", "--language", language)
            first, *lines = done.stdout.splitlines()
            todos = page.locator(".todo-text").all_inner_texts()
            # Seconds may pass between the two outputs.
            assert without_numbers(first) == without_numbers(f"{page.locator('#word').inner_text()}: {todos[0]}")
            assert without_numbers(page.locator("#sentence").inner_text()) in [without_numbers(line) for line in lines]
            assert done.returncode != 0 or level == "green"
            for shown in (done.stdout, page.locator("main").inner_text()):
                assert (SUPPORT_CONTACT in shown) == (level != "green")
            # The advice is the first thing on the page, and the technicians' section is closed.
            assert page.locator("main").inner_text().splitlines()[2] == todos[0]
            assert "etalase edge" not in page.locator("main").inner_text()


def shows_image(page: Page, name: str) -> None:
    """Saves a screenshot for review."""
    if folder := os.environ.get("STATUS_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def without_numbers(sentence: str) -> str:
    """Returns the sentence without numbers, because seconds pass."""
    return re.sub(r"\d+", "n", sentence)


# The page


def test_the_status_page_refreshes_itself_and_keeps_opened_sections(store: Shop, screen: OpenScreen) -> None:
    head_office_away(store, ExitStack())
    page = screen("/status").page
    expect(page.locator(".error")).to_be_hidden()
    page.get_by_text("Untuk teknisi").click()
    expect(page.locator(".error")).to_contain_text("no answer")
    insert_failure(store, "Dawet", "timeout")
    page.locator("summary").focus()
    refresh_on_return(page)
    expect(page.locator("#word")).to_have_text("SEBAGIAN")
    expect(page.locator("summary")).to_be_focused()
    expect(page.locator(".error")).to_be_visible()
    assert page.title() == "SEBAGIAN · Status foto"
    assert page.locator("#status").get_attribute("data-refresh-seconds") == "30"


@pytest.mark.long
def test_the_status_page_marks_its_content_as_stale_while_the_server_is_silent(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status", may_fail=True).page
    expect(page.locator("#silent")).to_be_hidden()
    store.close()
    refresh_on_return(page)
    expect(page.locator("#silent")).to_have_text(re.compile(r"Server toko tidak menjawab\. .* pukul \d\d:\d\d\."))
    expect(page.locator("body")).to_have_class("is-old")
    shows_image(page, "silent-id-till")
    store.open()
    refresh_on_return(page)
    expect(page.locator("#silent")).to_be_hidden()
    expect(page.locator("body")).not_to_have_class("is-old")


def refresh_on_return(page: Page) -> None:
    """Simulates the return of a user to the tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.long
def test_one_language_choice_counts_for_the_status_page_and_the_menu(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status").page
    page.get_by_role("link", name="English").click()
    expect(page.locator("#word")).to_have_text("WELL")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(store.url + "/status")
    expect(page.locator("#word")).to_have_text("WELL")
    page.goto(store.url + "/")
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.long
def test_the_status_page_works_and_refreshes_without_javascript(store: Shop, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=ViewportSize(width=1024, height=768), locale="en-GB")
    page = context.new_page()
    page.goto(store.url + "/status")
    expect(page.locator("#word")).to_have_text("WELL")
    page.get_by_role("link", name="Bahasa Indonesia").click()
    expect(page.locator("#word")).to_have_text("BAIK")
    _, _, body = store.get("/status")
    assert b'<noscript><meta http-equiv="refresh" content="30; url=/status"></noscript>' in body
    context.close()


def test_the_status_page_shows_names_and_errors_as_plain_text(store: Shop, screen: OpenScreen) -> None:
    evil = """<script>alert(1)</script> "Soto" & 'Es' <img src=x onerror=alert(2)>"""
    insert_failure(store, evil, "timeout")
    insert_run(store, "failed", 1, error=evil, notices=json.dumps([{"code": evil}]))
    opened = screen("/status", prepare=lambda page: page.on("dialog", lambda _: pytest.fail("a name was run as a script")))
    expect(opened.page.locator(".names li").filter(has_text="alert").first).to_contain_text(evil)
    expect(opened.page.locator("#noticed .item-text")).to_have_text(evil)
    assert opened.page.locator("#status script, #status img").count() == 0
    assert opened.page.locator("#status a").evaluate_all("links => links.map(link => link.protocol)") == ["tel:"]


def test_the_status_page_names_head_office_only_in_a_runs_error_and_shows_no_secret(store: Shop) -> None:
    insert_run(store, "failed", 1, error=HO_ERROR)
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
        assert b"ETALASE_" not in outside
        # The address of the photos may be on the page, and may begin alike.
        assert not re.search(rb"%s(?!\d)" % re.escape(store.edge.environment["ETALASE_HO_URL"].encode()), outside)
        secrets = (store.postgres.password, store.bucket.secret_key, store.bucket.access_key)
        for secret in (*secrets, store.edge.environment["ETALASE_HO_PASSWORD"], STORE_ID):
            assert secret.encode() not in body


def test_any_number_of_reloads_costs_one_audit_of_the_bucket(store: Shop) -> None:
    assert b"BAIK" in store.get("/status")[2]
    damaged(store, ExitStack())
    began = time.monotonic()
    bodies = [store.get("/status")[2] for _ in range(20)]
    # Each request reads the rows again, so a lost row shows at once.
    if time.monotonic() - began < 5:
        assert all(b"1 dari 3 foto rusak atau hilang." in body for body in bodies)


# This screen


def test_the_status_page_reports_whether_this_screen_can_load_photos(store: Shop, screen: OpenScreen) -> None:
    public = store.edge.environment["ETALASE_S3_PUBLIC_URL"]
    expect(screen("/status").page.locator("#screen")).to_have_text(f"Layar ini bisa memuat foto dari {public}.")
    cut_off_from_bucket = lambda page: page.route(f"{public}/**", lambda route: route.abort())  # noqa: E731
    other = screen("/status", locale="en-GB", may_fail=True, prepare=cut_off_from_bucket).page
    expect(other.locator("#screen")).to_contain_text(f"This screen can NOT load photos from {public}.")
    # The fault is local to this screen, so the store's state stays.
    expect(other.locator("#word")).to_have_text("WELL")
    other.unroute_all()
    refresh_on_return(other)
    expect(other.locator("#screen")).to_have_text(f"This screen can load photos from {public}.")


@pytest.mark.long
def test_without_javascript_the_status_page_does_not_mention_this_screen(store: Shop, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(store.url + "/status")
    assert page.locator("#screen").inner_text().startswith("Without JavaScript, this page cannot try")
    context.close()


# Actions

ASKED = re.compile(r"A sync was asked for at \d\d:\d\d\. It can be asked for again at")
Form = dict[str, str | float | bool]


@pytest.mark.long
def test_a_telephone_number_on_the_status_page_is_a_link(store: Shop, screen: OpenScreen) -> None:
    held(store, ExitStack())
    page = screen("/status", size=PHONE).page
    expect(page.locator("#contact")).to_contain_text(SUPPORT_CONTACT)
    expect(page.locator("#contact a")).to_have_attribute("href", "tel:08123456")
    expect(page.locator("#todo")).to_contain_text("Hubungi bantuan")


def queued(broker: Valkey) -> int:
    """Returns the number of messages in the queue."""
    with redis.Redis.from_url(broker.url) as client:
        return sum(int(client.llen(key)) for key in client.scan_iter() if client.type(key) == b"list")


@pytest.fixture
def queue(store: Shop, valkey_server: Valkey) -> Iterator[Valkey]:
    """Returns the store with a broker and two web server processes."""
    before = store.edge.environment["ETALASE_BROKER_URL"]
    store.edge.environment["ETALASE_BROKER_URL"] = valkey_server.url
    store.close()
    store.open(workers=2)
    yield valkey_server
    store.edge.environment["ETALASE_BROKER_URL"] = before
    store.close()
    store.open()


def test_the_sync_button_enqueues_one_sync_however_often_it_is_tapped(store: Shop, queue: Valkey, screen: OpenScreen) -> None:
    before = queued(queue)
    tills = [screen("/status", locale="en-GB").page for _ in range(3)]
    for page in tills:
        page.get_by_role("button", name="Look for new photos now").press("Enter")
        expect(page.locator("#try")).to_have_text(ASKED)
        assert page.url == store.url + "/status"
    assert queued(queue) == before + 1
    assert len(store.edge.sql("SELECT asked_at FROM etalase_checkpoint WHERE asked_at IS NOT NULL")) == 1
    store.edge.sql("UPDATE etalase_checkpoint SET asked_at = now() - interval '6 minutes'")
    refresh_on_return(tills[0])
    tills[0].get_by_role("button").click()
    expect(tills[0].locator("#try")).to_contain_text("A sync was asked for at")
    assert queued(queue) == before + 2
    # A request time in the future blocks no later request.
    store.edge.sql("UPDATE etalase_checkpoint SET asked_at = now() + interval '300 days'")
    refresh_on_return(tills[1])
    tills[1].get_by_role("button").click()
    expect(tills[1].locator("#try")).to_contain_text("A sync was asked for at")
    assert queued(queue) == before + 3


def test_the_sync_button_refuses_other_sites_and_requests_without_the_token(
    store: Shop, queue: Valkey, screen: OpenScreen
) -> None:
    before = queued(queue)
    page = screen("/status", may_fail=True).page
    token = page.locator("[name=csrfmiddlewaretoken]").get_attribute("value")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    address = store.url + "/status/sync"
    form: Form = {"csrfmiddlewaretoken": token or ""}
    api = page.context.request
    assert api.post(address, form={}).status == 403
    assert api.post(address, form={"csrfmiddlewaretoken": "x" * 64}).status == 403
    assert api.post(address, form=form, headers={"Origin": "http://evil.example"}).status == 403
    assert api.post(address, form=form, headers={"Origin": "null"}).status == 403
    for site in ("cross-site", "same-site", "none"):
        assert api.post(address, form=form, headers={"Sec-Fetch-Site": site}).status == 403
    assert api.get(address).status == 405
    assert (queued(queue), cookies["csrftoken"] != "") == (before, True)
    assert api.post(address, form=form, headers={"Origin": store.url, "Sec-Fetch-Site": "same-origin"}).status == 200
    assert queued(queue) == before + 1


@pytest.mark.long
def test_the_sync_button_reports_a_silent_worker_and_a_silent_queue(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status", locale="en-GB", may_fail=True).page
    page.get_by_role("button").click()  # the broker of this store's settings does not exist
    expect(page.locator("#try")).to_have_text("A sync cannot be asked for from here now. Call for help.")
    assert store.edge.sql("SELECT asked_at FROM etalase_checkpoint") == [(None,)]
    # This response has its own URL, which does not support a reload: no link leads there.
    refresh = page.locator("noscript").first.text_content() or ""
    assert 'url=/status"' in refresh
    page.get_by_role("link", name="Bahasa Indonesia").click()
    expect(page.locator("#word")).to_have_text("BAIK")
    page.get_by_role("link", name="English").click()
    store.edge.sql("INSERT INTO etalase_heartbeat VALUES ('worker', now() - interval '1 hour')")
    page.goto(store.url + "/status")
    expect(page.locator("#todo")).to_contain_text("Call for help: the sync service was last seen")  # "yesterday" after midnight
    expect(page.get_by_role("button")).to_have_count(0)


@pytest.mark.long
def test_without_actions_the_status_page_has_no_button_and_accepts_no_post(store: Shop, screen: OpenScreen) -> None:
    page = screen("/status", may_fail=True).page
    form: Form = {"csrfmiddlewaretoken": page.locator("[name=csrfmiddlewaretoken]").get_attribute("value") or ""}
    store.edge.environment["ETALASE_STATUS_ACTIONS"] = "false"
    store.close()
    store.open()
    try:
        page.goto(store.url + "/status")
        expect(page.get_by_role("button")).to_have_count(0)
        assert page.context.request.post(store.url + "/status/sync", form=form).status == 403
    finally:
        del store.edge.environment["ETALASE_STATUS_ACTIONS"]
        store.close()
        store.open()


# Accessibility


@pytest.mark.long
def test_text_at_twice_the_size_is_not_cut_off(store: Shop, browser: Browser) -> None:
    damaged(store, ExitStack())
    held(store, ExitStack())
    for width in (1024, 390):
        context = browser.new_context(viewport=ViewportSize(width=width, height=800), locale="en-GB")
        page = context.new_page()
        page.goto(store.url + "/status")
        sizes = "[...document.querySelectorAll('p, li, a, button, summary')].map(e => parseFloat(getComputedStyle(e).fontSize))"
        plain = page.evaluate(sizes)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        large = page.evaluate(sizes)
        assert min(plain) >= 15
        # Headlines also follow the width; all other texts are exactly twice as large.
        assert all(twice >= 1.5 * once for once, twice in zip(plain, large, strict=True))
        assert sum(twice == 2 * once for once, twice in zip(plain, large, strict=True)) >= len(plain) - 2
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        context.close()


def test_no_text_size_is_in_pixels() -> None:
    css = (Path(status.__file__).parent.parent / "static/etalase_status/status.css").read_text()
    assert not re.search(r"font(-size)?:[^;]*\dpx", css)
