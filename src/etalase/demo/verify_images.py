"""Verifies the demo (`--exit`): fetches every image of the POS and compares its MD5 with head office's checksum."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from etalase.checksum import md5_hex
from etalase.demo import layout, menu

_OPENER = build_opener(ProxyHandler({}))


@dataclass(slots=True)
class Checked:
    """Counts of fetched POS images, and the faults found."""

    images: int = 0
    good: int = 0
    size_bytes: int = 0
    wrong: list[str] = field(default_factory=list)


def check(ports: layout.Ports) -> Checked:
    """Compares all images: the POS must show every photo of head office, and each image must have its checksum."""
    promised = {photo["id"]: photo for photo in _head_office_photos(ports)}
    checked = Checked()
    shown: set[str] = set()
    for product in _pos_products(ports):
        for photo in product["photos"]:
            wanted = promised.get(photo["id"])
            body = _read(Request(photo["image_url"]))
            checked.images += 1
            checked.size_bytes += len(body)
            shown.add(photo["id"])
            digest = md5_hex(body)
            if wanted is None:
                checked.wrong.append(f"{product['name']}: photo {photo['id']} is not head office's")
            elif digest != wanted["checksum"]:
                checked.wrong.append(f"{product['name']}: MD5 {digest}, head office promised {wanted['checksum']}")
            else:
                checked.good += 1
    missing = [photo for photo_id, photo in promised.items() if photo_id not in shown]
    checked.wrong += [f"{photo['product_name']}: photo {photo['id']} is not on the POS" for photo in missing]
    return checked


def _head_office_photos(ports: layout.Ports) -> Iterator[dict[str, Any]]:
    base = f"http://127.0.0.1:{ports.head_office}/api/v1"
    login = {"username": layout.ADMIN, "password": layout.ADMIN_PASSWORD}
    token = _post(f"{base}/token/", login, {})["access"]
    offset: int | None = 0
    while offset is not None:
        body = {"company_id": str(menu.COMPANY_ID), "store_id": str(menu.STORE_ID), "limit": 100, "offset": offset}
        page = _post(f"{base}/sync/product-photos/", body, {"Authorization": f"Bearer {token}"})
        yield from page["photos"]
        offset = page["next_offset"]


def _pos_products(ports: layout.Ports) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        page = json.loads(_read(Request(f"http://127.0.0.1:{ports.edge}/api/products/?limit=100&offset={offset}")))
        yield from page["products"]
        offset += len(page["products"])
        if not page["products"] or offset >= page["total"]:
            return


def _post(url: str, message: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    body = json.dumps(message).encode()
    answer: dict[str, Any] = json.loads(_read(Request(url, body, {"Content-Type": "application/json", **headers})))
    return answer


def _read(request: Request) -> bytes:
    with _OPENER.open(request, timeout=30) as response:
        body: bytes = response.read()
        return body
