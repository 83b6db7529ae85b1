"""Runs an edge that is filled directly, with rows and objects, to measure its POS page. The same menu each time."""

import io
import secrets
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psycopg
from PIL import Image, ImageOps

from bench.parts import edge_variables
from etalase.checksum import md5_hex
from etalase.demo.layout import environment
from etalase.devstack import postgres
from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port
from etalase.devstack.process import spawn
from etalase.devstack.seaweedfs import GRPC_OFFSET
from etalase.objectstore.client import IMMUTABLE, ObjectStore
from etalase.pictures.making import MadePicture, MadeRenditions, make_renditions
from etalase.renditions import key_of

BUCKET = "product-images"
MASTER_PIXELS = (4000, 3000)
READY_SECONDS = 60.0
PUT_THREADS = 32  # 5,000 dishes are 20,000 objects
_NAMES = uuid.UUID("5c0d8d39-5a1e-4c38-9d5c-2f3f0f5f3c11")
DISHES = ("NASI GORENG", "MIE GORENG", "AYAM BAKAR", "SOTO AYAM", "SATE KAMBING", "ES CAMPUR", "KOPI SUSU", "GADO-GADO")
STYLES = ("KAMPUNG", "JAWA", "SPESIAL", "PEDAS", "KEJU", "SEAFOOD", "KOMPLIT", "BETAWI", "MADURA", "BALI")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the menu."""

    body: bytes
    content_type: str

    @property
    def checksum(self) -> str:
        """Returns its MD5."""
        return md5_hex(self.body)


@dataclass(frozen=True, slots=True)
class Store:
    """A running edge; ``url`` is its POS page."""

    url: str
    database_url: str
    objects: ObjectStore

    def fill(self, dishes: int, masters: int) -> None:
        """Replaces the menu: ``dishes`` products with a photo each, of which the first ``masters`` have 12 megapixels."""
        pictures = small_pictures()
        large = [master(number) for number in range(masters)]
        shown = [*large, *(pictures[number % len(pictures)] for number in range(masters, dishes))]
        self.objects.delete([info.key for info in self.objects.list("")])
        ids = [uuid.uuid5(_NAMES, str(number)) for number in range(dishes)]
        photo_ids = [uuid.uuid5(product_id, "photo") for product_id in ids]
        keys = [f"products/{product_id}/primary.{p.content_type[6:]}" for product_id, p in zip(ids, shown, strict=True)]
        with ThreadPoolExecutor(PUT_THREADS) as threads:
            list(threads.map(self._put, keys, shown))
        names = sorted(f"{DISHES[n % 8]} {STYLES[n // 8 % 10]} {n // 80 + 1}" for n in range(dishes))
        sets = [rendition_set(picture) for picture in shown]
        renditions = [
            (photo_id, product_id, picture, made, whole.thumbhash)
            for photo_id, product_id, picture, whole in zip(photo_ids, ids, shown, sets, strict=True)
            for made in whole.renditions
        ]
        rendition_keys = [key_of(photo_id, made) for photo_id, _, _, made, _ in renditions]
        with ThreadPoolExecutor(PUT_THREADS) as threads:
            list(threads.map(self._put_forever, rendition_keys, (made for _, _, _, made, _ in renditions)))
        with closing(psycopg.connect(self.database_url)) as db, db:
            db.execute("TRUNCATE product, product_photo, etalase_rendition CASCADE")
            with db.cursor().copy("COPY product (id, sku, name) FROM STDIN") as copy:
                for number, product_id in enumerate(ids):
                    copy.write_row((product_id, f"05{number:06}", names[number]))
            columns = "id, product_id, object_key, size, content_type, checksum, is_primary"
            with db.cursor().copy(f"COPY product_photo ({columns}) FROM STDIN") as copy:
                for photo_id, product_id, key, p in zip(photo_ids, ids, keys, shown, strict=True):
                    copy.write_row((photo_id, product_id, key, len(p.body), p.content_type, p.checksum, True))
            columns = "photo_id, product_id, photo_checksum, width, height, object_key, size, checksum, content_type, thumbhash"
            rest = ", image_url, origin, is_primary, sort_order, is_listed, is_here, revision, attempts, reason"
            with db.cursor().copy(f"COPY etalase_rendition ({columns}{rest}) FROM STDIN") as copy:
                for (photo_id, product_id, p, made, thumbhash), key in zip(renditions, rendition_keys, strict=True):
                    facts = (made.width, made.height, key, len(made.body), made.checksum, made.content_type, thumbhash)
                    copy.write_row((photo_id, product_id, p.checksum, *facts, "", "head_office", True, 0, True, True, 0, 0, ""))

    def _put_forever(self, key: str, made: MadePicture) -> None:
        self.objects.put(key, made.body, content_type=made.content_type, cache_control=IMMUTABLE)

    def _put(self, key: str, picture: Picture) -> None:
        self.objects.put(key, picture.body, content_type=picture.content_type)


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """Starts PostgreSQL, SeaweedFS and the edge's web server in ``folder``, and stops them at the end."""
    with ExitStack() as undo:
        database = postgres.start(folder / "postgres", free_port())
        undo.callback(database.stop)
        port = free_port(offsets=[*range(5), *range(GRPC_OFFSET, GRPC_OFFSET + 5)])
        access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
        s3 = Make.SEAWEEDFS.start(folder / "s3", port, access_key=access_key, secret_key=secret_key)
        undo.callback(s3.stop)
        database.create_database("edge")
        variables = environment(edge_variables(database.url("edge"), s3, BUCKET, None))
        objects = ObjectStore(endpoint=s3.endpoint, bucket=BUCKET, access_key=access_key, secret_key=secret_key)
        objects.ensure_bucket()
        edge = [sys.executable, "-m", "etalase.cli", "edge"]
        subprocess.run([*edge, "migrate", "--verbosity", "0"], env=variables, check=True)
        url = undo.enter_context(serving(variables, folder))
        yield Store(url, database.url("edge"), objects)


@contextmanager
def serving(variables: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yields the address of a web server of the edge with these settings."""
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}"
    argv = [sys.executable, "-m", "etalase.cli", "edge", "serve", "--bind", address, "--workers", "1"]
    web = spawn("edge", argv, run_dir=folder / "web", env=environment(dict(variables)))
    try:
        web.wait_ready(lambda: _answers(url), READY_SECONDS)
        yield url
    finally:
        web.stop()


@cache
def rendition_set(picture: Picture) -> MadeRenditions:
    """Returns the renditions of a picture, as head office makes them."""
    return make_renditions(picture.body)


@cache
def small_pictures() -> Sequence[Picture]:
    """Returns the demo's photos as they are: 85 of some 500×500 pixels and 30 KB."""
    types = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
    folder = resources.files("etalase.demo") / "photos"
    files = sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.name)
    return [Picture(file.read_bytes(), types[Path(file.name).suffix]) for file in files if Path(file.name).suffix in types]


@cache
def master(number: int) -> Picture:
    """Returns a JPEG of 12 megapixels and about 1.1 MB, made from a demo photo: a photographer's file."""
    source = small_pictures()[number % len(small_pictures())]
    with Image.open(io.BytesIO(source.body)) as image:
        enlarged = ImageOps.fit(image.convert("RGB"), MASTER_PIXELS, Image.Resampling.BICUBIC)
    noise = Image.effect_noise(MASTER_PIXELS, 14).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(enlarged, noise, 0.08).save(buffer, "JPEG", quality=89)
    return Picture(buffer.getvalue(), "image/jpeg")


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/healthz", timeout=5):
            return True
    except OSError:
        return False
