"""The admin in a real browser, as a menu manager uses it; each test also fails on an error in the browser's console."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connections
from playwright.sync_api import Page, expect, sync_playwright
from tests import chromium
from tests.integration.head_office.office import Office
from tests.pictures import picture

from etalase.head_office import ingest
from etalase.head_office.images.validate import read_upload
from etalase.head_office.models import Account, Assortment, Photo, Product

pytestmark = pytest.mark.urls("etalase.head_office.urls")
PASSWORD = "kucing lompat jendela biru"
WAIT_MILLISECONDS = 20_000
LIST_OF_PRODUCTS = re.compile(r"/head_office/product/(#.*)?$")


@pytest.fixture
def sari(office: Office, bucket: Any) -> Account:
    """Returns a menu manager."""
    importlib.import_module("etalase.head_office.migrations.0003_menu_managers").make_group(apps, None)
    account = Account.objects.create_user("sari", password=PASSWORD, is_staff=True)
    account.groups.add(Group.objects.get(name="Menu managers"))
    account.companies.add(office.company)
    return account


@pytest.fixture
def page(sari: Account, live_server: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yields the admin's first page after sari's login. The test's parameter is the browser's language."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.SKIPPED)
    # Playwright's event loop runs in the thread of the test, which also queries the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        context = browser.new_context(locale=getattr(request, "param", "en-GB"), viewport={"width": 1366, "height": 768})
        context.set_default_timeout(WAIT_MILLISECONDS)
        opened = context.new_page()
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.goto(f"{live_server.url}/admin/")
        opened.fill("#id_username", "sari")
        opened.fill("#id_password", PASSWORD)
        opened.click("[type=submit]")
        yield opened
        browser.close()
        connections.close_all()  # inside the loop the test had another connection than outside
    assert problems == []


def change_page(page: Page, product: Product) -> None:
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/head_office/product/{product.id}/change/")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param("en-GB", "new photo, File: «page.jpg»: this file is not a JPEG", marks=pytest.mark.long),
        ("id-ID", "foto baru, File: «page.jpg»: file ini bukan gambar JPEG"),
    ],
    indirect=["page"],
)
def test_an_upload_error_is_shown_on_top_and_beside_the_field(office: Office, page: Page, tmp_path: Path, reason: str) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    (tmp_path / "good.jpg").write_bytes(picture())
    product = office.product()
    change_page(page, product)
    page.set_input_files("#id_photos-0-upload", tmp_path / "page.jpg")
    page.click("[name=_save]")
    summary = page.locator("#etalase-errors")
    expect(summary).to_be_focused()
    expect(summary).to_be_in_viewport()
    expect(summary.locator("a")).to_contain_text(reason)
    expect(page.locator("#photos-0 .field-upload .errorlist")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    field = page.locator("#id_photos-0-upload")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()
    page.set_input_files("#id_photos-0-upload", tmp_path / "good.jpg")
    page.click("[name=_save]")
    page.wait_for_url(LIST_OF_PRODUCTS)
    assert Photo.objects.get().is_primary


def test_errors_of_a_new_product_get_the_focus(page: Page) -> None:
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/head_office/product/add/")
    page.click("[name=_save]")
    expect(page.locator("#etalase-errors")).to_be_focused()
    assert page.locator("#etalase-errors a").count() >= 3


def test_the_list_of_photos_has_neither_broken_pictures_nor_empty_links(office: Office, page: Page) -> None:
    product = office.product()
    for number, colour in enumerate(("red", "blue")):
        offer = ingest.Offer(f"{number}", f"{number}.jpg", read_upload(picture(colour=colour), ingest.limits()), False, number)
        ingest.accept(product.id, offer)
    office.photo(product)  # a row without an object
    for place in ("head_office/photo/", f"head_office/product/{product.id}/change/", "head_office/product/"):
        page.goto(f"{page.url.partition('/admin/')[0]}/admin/{place}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("[...document.images].filter(image => !image.complete || image.naturalWidth === 0).length") == 0
        links = "[...document.querySelectorAll('#content a')]"
        empty = f"{links}.filter(link => !(link.textContent.trim() || link.title)).map(link => link.outerHTML)"
        assert page.evaluate(empty) == []
        assert page.evaluate("[...document.images].filter(image => !image.src.startsWith(location.origin)).length") == 0


def test_stop_selling_requires_the_confirmation_number(office: Office, page: Page) -> None:
    for number in range(6):
        office.product(str(number), name=f"DISH {number}")
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/head_office/product/")
    page.check("#action-toggle")
    page.select_option("[name=action]", "sell_nowhere")
    page.click("button[name=index]")
    expect(page.get_by_text("6 dishes are sold nowhere any more")).to_be_visible()
    page.click("input[type=submit]")
    expect(page.get_by_text("That was not the number 6")).to_be_in_viewport()
    expect(page.locator("#etalase-number")).to_be_focused()
    assert Assortment.objects.count() == 6
    page.fill("#etalase-number", "6")
    page.keyboard.press("Enter")
    expect(page.get_by_text("⚠ nowhere")).to_have_count(6)
    assert Assortment.objects.count() == 0


def test_deletion_of_the_last_photo_requires_a_tick(office: Office, page: Page) -> None:
    product = office.product()
    ingest.accept(product.id, ingest.Offer("a", "a.jpg", read_upload(picture(), ingest.limits()), True, 0))
    change_page(page, product)
    page.check("#id_photos-0-DELETE")
    page.click("[name=_save]")
    expect(page.locator("#etalase-errors")).to_contain_text("1 dishes have no photo any more (05018970 ASAHI SALMON BOWL)")
    assert Photo.objects.count() == 1
    page.check("#id_agreed")
    page.click("[name=_save]")
    page.wait_for_url(LIST_OF_PRODUCTS)
    assert Photo.objects.count() == 0


@pytest.mark.parametrize("page", ["en-GB"], indirect=True)
def test_a_button_switches_the_language(office: Office, page: Page) -> None:
    page.get_by_role("button", name="Bahasa Indonesia").click()
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.get_by_text("Menu, toko, dan akun").first).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
