"""Measures how soon a new store shows a picture on every tile of its POS: `python -m bench.first_tiles`, from a checkout.

A head office with photos of some 300 KB makes their renditions, and a new edge gets them at 2 Mbit/s, by its own limiter. The
bytes are counted by relays between the edge and head office. A second run without a limit fetches the rest; then the MD5 of
every picture is compared at head office, on the edge and at its public URL.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.request import ProxyHandler, build_opener

import psycopg

from bench.contenders import run_programs, sync
from bench.counting_relay import CountingRelay, counting_relay
from bench.food_photos import FoodPhoto, food_photos
from bench.parts import Edge, HeadOffice, head_office_command, parts
from bench.photos import md5
from bench.pos_store import rendition_set, serving, small_pictures
from bench.work import say
from etalase.devstack.makes import Make
from etalase.renditions import FIRST_WIDTH

BYTES_PER_SECOND = 2_000_000 // 8
LOOK_SECONDS = 0.25
LIMIT_SECONDS = 1800.0
_OPENER = build_opener(ProxyHandler({}))


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_tiles", description=__doc__)
    parser.add_argument("--dishes", type=int, default=415, help="products with a photo each (default: %(default)s)")
    options = parser.parse_args()
    say("making the photos")
    photos = list(food_photos(options.dishes))
    figures: dict[str, Any] = {"dishes": len(photos), "load_before": os.getloadavg()[0]}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        parts(Make.SEAWEEDFS, Path(folder)) as running,
        counting_relay(running.head_office_s3.endpoint) as pictures,
        running.head_office(photos, public_url=pictures.url) as head_office,
        counting_relay(head_office.url) as feed,
        running.edge(head_office) as edge,
    ):
        say("head office makes the renditions")
        head_office_command(head_office.settings, "renditions", "--quiet")
        listed = _listed(head_office)
        figures |= _sizes(photos, listed)
        through = replace(edge, settings={**edge.settings, "ETALASE_HO_URL": feed.url})
        with serving(edge.settings, Path(folder)) as pos_url:
            say("the edge's first run, at 2 Mbit/s")
            figures |= _until_every_tile(through, pos_url, Path(folder), pictures, feed)
            share = figures["bytes_until_every_tile"] / figures["all_picture_bytes"]
            figures["share_until_every_tile"] = round(share, 4)
            say(f"every tile after {share:.1%} of the bytes; now the rest, without a limit")
            run_programs([sync(through)], Path(folder))
            figures |= _equal(photos, listed, edge, pos_url)
    figures["load_after"] = os.getloadavg()[0]
    print(json.dumps(figures, indent=1))


def _listed(head_office: HeadOffice) -> list[tuple[str, str, int, int]]:
    """Returns key, MD5, width and bytes of each rendition."""
    with closing(psycopg.connect(head_office.database_url)) as db:
        return db.execute(
            "SELECT format('renditions/%s/%s-%s.%s', photo_id, checksum, width,"
            " CASE content_type WHEN 'image/jpeg' THEN 'jpg' ELSE 'webp' END), checksum, width, size"
            " FROM head_office_rendition"
        ).fetchall()


def _sizes(photos: Sequence[FoodPhoto], listed: Sequence[tuple[str, str, int, int]]) -> dict[str, Any]:
    photo_bytes, rendition_bytes = sum(photo.size for photo in photos), sum(size for *_, size in listed)
    by_width = {width: [size for _, _, of, size in listed if of == width] for width in sorted({one[2] for one in listed})}
    demo = [rendition_set(picture).renditions[0] for picture in small_pictures()]
    return {
        "photo_bytes": photo_bytes,
        "rendition_bytes": rendition_bytes,
        "all_picture_bytes": photo_bytes + rendition_bytes,
        "renditions": {
            width: {"count": len(sizes), "mean": round(mean(sizes)), "largest": max(sizes)} for width, sizes in by_width.items()
        },
        "largest_thumbnail_of_the_demo": max(len(one.body) for one in demo),
    }


def _until_every_tile(edge: Edge, pos_url: str, folder: Path, pictures: CountingRelay, feed: CountingRelay) -> dict[str, Any]:
    """Runs until each product of the menu has its first rendition, then stops the run."""
    before = pictures.received
    began = time.monotonic()
    env = edge.env(ETALASE_BANDWIDTH=f"{BYTES_PER_SECOND}B")
    with (folder / "first run").open("wb") as log:
        run = subprocess.Popen(edge.etalase("sync", "--json"), env=env, stdout=log, stderr=log)
    try:
        while time.monotonic() - began < LIMIT_SECONDS:
            time.sleep(LOOK_SECONDS)
            received = pictures.received - before
            menu = _menu(pos_url)
            if menu and all(_has_first(product) for product in menu):
                break
            if run.poll() is not None:
                raise SystemExit(f"bench: the run ended: {(folder / 'first run').read_text()}")
        else:
            raise SystemExit("bench: some tiles never had a picture")
        objects, _ = edge.objects()
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait()
    return {
        "products": len(menu),
        "bytes_until_every_tile": received,
        "feed_bytes": feed.received,
        "photos_until_every_tile": objects,
        "seconds_until_every_tile": round(time.monotonic() - began, 1),
    }


def _menu(pos_url: str) -> list[dict[str, Any]]:
    with _OPENER.open(f"{pos_url}/api/products/?limit=1000", timeout=60) as response:
        return list(json.load(response)["products"])


def _has_first(product: dict[str, Any]) -> bool:
    return any(rendition["width"] == FIRST_WIDTH for rendition in product["renditions"])


def _equal(
    photos: Sequence[FoodPhoto], listed: Sequence[tuple[str, str, int, int]], edge: Edge, pos_url: str
) -> dict[str, Any]:
    """Counts the pictures with one MD5 at head office, in the edge's rows, and at the URL that the POS API names."""
    menu = {product["id"]: product for product in _menu(pos_url)}
    with closing(psycopg.connect(edge.database_url)) as db:
        rows: dict[str, str] = dict(db.execute("SELECT object_key, checksum FROM product_photo").fetchall())
        rows |= dict(db.execute("SELECT object_key, checksum FROM etalase_rendition WHERE is_here").fetchall())
    addresses = {}
    for product in menu.values():
        for url in (product["image_url"], *(one["image_url"] for one in product["renditions"])):
            addresses[url.partition(f"/{edge.bucket}/")[2].partition("?")[0]] = url
    expected = {photo.object_key: md5(photo.body()) for photo in photos} | {key: checksum for key, checksum, *_ in listed}
    with ThreadPoolExecutor(8) as threads:
        read = dict(zip(addresses, threads.map(_md5_of, addresses.values()), strict=True))
    equal = [key for key, checksum in expected.items() if rows.get(key) == read.get(key) == checksum]
    photo_keys = {photo.object_key for photo in photos}
    return {
        "photos_equal": sum(key in photo_keys for key in equal),
        "renditions_equal": sum(key not in photo_keys for key in equal),
        "renditions_listed": len(listed),
    }


def _md5_of(url: str) -> str:
    with _OPENER.open(url, timeout=60) as response:
        return hashlib.md5(response.read(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    main()
