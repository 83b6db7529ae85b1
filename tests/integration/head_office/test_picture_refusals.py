"""Every refusal of a picture names the file, the reason and what to do in our own words, in admin and import."""

import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.html import escape
from tests.integration.head_office.conftest import forget_settings
from tests.integration.head_office.office import Office
from tests.pictures import picture, png_chunk

from etalase.errors import PictureFault, PictureRefused
from etalase.head_office import ingest
from etalase.head_office.images.refusals import HINTS, for_admin
from etalase.head_office.images.validate import read_upload
from etalase.head_office.messages import TEXTS
from etalase.head_office.models import Account, Photo
from etalase.pictures.jpeg import MAX_SCANS, read_jpeg

# Words of libraries, of our own code, and addresses of objects.
NOT_OURS = re.compile(r"0x[0-9a-f]{6}|vips|libpng|libjpeg|PIL|Error|<_io|b'|limited_process|EOI|IEND|\{|None", re.ASCII)


@pytest.fixture(autouse=True)
def small_limit(settings: Any) -> Iterator[None]:
    """Allows uploads of 100 KB only, so that one that is too large is quickly made."""
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"MAX_PHOTO_BYTES": 100_000})
    forget_settings()
    yield
    forget_settings()


def _too_complex() -> bytes:
    data = picture(progressive=True)
    last = [part for part in read_jpeg(data).parts if part.kind == "SOS"][-1]
    return data[: last.end] + data[last.start : last.end] * MAX_SCANS + data[last.end :]


CASES: dict[PictureFault, Callable[[], bytes]] = {
    PictureFault.EMPTY: bytes,
    PictureFault.NO_PICTURE: lambda: b"GIF89a" + bytes(40),
    PictureFault.NOT_SHOWN: lambda: picture().replace(b"\xff\xc0", b"\xff\xc9", 1),
    PictureFault.CUT_SHORT: lambda: picture()[:-20],
    PictureFault.UNDECODABLE: lambda: picture(size=(400, 300))[:-300] + bytes(298) + b"\xff\xd9",
    PictureFault.HEIC_UNSUPPORTED: lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
    PictureFault.TOO_LARGE: lambda: picture() + bytes(ingest.limits().max_bytes),
    PictureFault.TOO_MANY_PIXELS: lambda: (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
        + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
        + png_chunk(b"IEND", b"")
    ),
    PictureFault.TOO_COMPLEX: _too_complex,
}
POSSIBLE = [fault for fault in PictureFault if not (fault is PictureFault.HEIC_UNSUPPORTED and find_spec("pillow_heif"))]


def test_every_kind_of_refusal_is_tried_and_has_its_texts() -> None:
    assert CASES.keys() == HINTS.keys() == set(PictureFault)
    for language in TEXTS:
        for fault in PictureFault:
            sentence = TEXTS[language][f"picture_{fault}"]
            assert sentence.count(". ") >= 1, "a reason, and what to do"
            assert sentence[0].islower()
            assert "{message}" not in sentence


@pytest.mark.parametrize("fault", POSSIBLE)
def test_each_kind_is_refused_as_such(fault: PictureFault) -> None:
    with pytest.raises(PictureRefused) as refused:
        ingest.make_picture(read_upload(CASES[fault](), ingest.limits()))
    assert refused.value.code is fault
    assert not NOT_OURS.search(for_admin(refused.value, "menu.jpg"))


@pytest.mark.urls("etalase.head_office.urls")
@pytest.mark.parametrize("language", ["en", "id"])
def test_the_admin_names_file_reason_and_advice(office: Office, bucket: Any, language: str) -> None:
    browser = Client(headers={"accept-language": language})
    boss = Account.objects.create_superuser("boss", password="x")
    browser.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    product = office.product()
    address = f"/admin/head_office/product/{product.id}/change/"
    data: dict[str, Any] = {"sku": product.sku, "name": product.name, "category": "", "photos-INITIAL_FORMS": 0}
    data |= {"photos-TOTAL_FORMS": len(POSSIBLE), "agreed": ""}
    for number, fault in enumerate(POSSIBLE):
        data[f"photos-{number}-upload"] = SimpleUploadedFile(f"{fault}.jpg", CASES[fault]())
        data |= {f"photos-{number}-sort_order": number, f"photos-{number}-product": str(product.id)}
    page = browser.post(address, data).content.decode()
    for fault in POSSIBLE:
        beginning, *rest = re.split(r"\{\w+\}", TEXTS[language][f"picture_{fault}"])
        assert escape(f"«{fault}.jpg»: {beginning}") in page
        assert all(escape(part) in page for part in rest)
    assert not Photo.objects.exists()


def test_an_import_names_file_reason_and_advice(office: Office, bucket: Any, tmp_path: Path) -> None:
    lines = ["sku,name,file,is_primary,sort_order,stores"]
    for fault in POSSIBLE:
        (tmp_path / f"{fault}.jpg").write_bytes(CASES[fault]())
        lines.append(f"{fault},{fault},{fault}.jpg,true,0,")
    (tmp_path / "menu.csv").write_text("\n".join([*lines, ""]))
    out = io.StringIO()
    with pytest.raises((CommandError, SystemExit)):
        call_command("ho_import", str(tmp_path / "menu.csv"), str(tmp_path), "--json", "--quiet", stdout=out)
    problems = {one["value"]: one["reason"] for one in json.loads(out.getvalue())["problems"]}
    for fault in POSSIBLE:
        reason = problems[f"{fault}.jpg"]
        assert reason.endswith(f" {HINTS[fault]}")
        assert reason[0].isupper()
        assert not re.search(r"0x[0-9a-f]{6}|vips|PIL|Error|<_io|b'", reason)
