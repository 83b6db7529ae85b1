"""Checks the decoder: rotten data are refused although decoders only warn of them, and no picture takes all the memory."""

import base64
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.pictures import assembled_png, dish, picture, png_chunk

from etalase.errors import PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.jpeg import MAX_SCANS, read_jpeg
from etalase.pictures.limited_child import FIRST_TO_END

# 48×16 pixels in grey, by cjpeg -sample 3x1.
SAMPLED_3X1 = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEh"
    "gVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAQADADATEAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAA"
    "AAAAYH/8QAFhAAAwAAAAAAAAAAAAAAAAAAABVi/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AJ9PITyE8gE8hPITy"
    "BoCeQnkJ5AJ5CeQnkD/2Q=="
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Yields a decoder with one process, which outlives each refused picture."""
    decoder = Decoder(processes=1)
    yield decoder
    decoder.close()


def refusal(decoder: Decoder, data: bytes, kind: str) -> str:
    """Returns the message of the refusal."""
    with pytest.raises(PictureRefused) as refused:
        decoder.check(data, f"image/{kind.lower()}")
    assert "0x" not in str(refused.value)
    return str(refused.value)


HALF = {
    "half and an end": lambda data: data[: len(data) // 2] + b"\xff\xd9",
    "zeroed": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2 - 2) + b"\xff\xd9",
    "a hole": lambda data: data[: len(data) // 2] + bytes(500) + data[len(data) // 2 + 500 :],
}


@pytest.mark.parametrize("rot", HALF)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_rotten_jpeg_is_refused(decoder: Decoder, rot: str, *, progressive: bool) -> None:
    data = dish("JPEG", progressive=progressive)
    decoder.check(data, "image/jpeg")
    assert "damaged" in refusal(decoder, HALF[rot](data), "JPEG")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("at", [0.3, 0.5, 0.9])
def test_a_zeroed_end_is_refused(decoder: Decoder, kind: str, at: float) -> None:
    data = dish(kind, size=(640, 480))
    decoder.check(data, f"image/{kind.lower()}")
    assert "damaged" in refusal(decoder, data[: int(len(data) * at)].ljust(len(data), b"\0"), kind)


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    for mode in ("RGB", "L", "CMYK"):
        file = io.BytesIO()
        Image.effect_noise((64, 48), 60).convert(mode).save(file, "JPEG", progressive=True)
        data = file.getvalue()
        scans = [part for part in read_jpeg(data).parts if part.kind == "SOS"]
        for scan in scans[1:]:
            with pytest.raises(PictureRefused, match="last scans are missing"):
                read_jpeg(data[: scan.start] + b"\xff\xd9")


def test_a_jpeg_with_an_odd_sampling_of_its_colours_is_accepted(decoder: Decoder) -> None:
    assert decoder.check(SAMPLED_3X1, "image/jpeg")
    lost = SAMPLED_3X1.index(b"\xff\xda") + 20
    assert "damaged" in refusal(decoder, SAMPLED_3X1[:lost] + b"\xff\xd9", "JPEG")


@pytest.mark.parametrize("surplus", [b"a text", bytes(range(99))])
def test_a_png_with_more_than_its_pixels_is_sound_and_does_not_go_out_as_it_is(decoder: Decoder, surplus: bytes) -> None:
    data, rows = picture("PNG"), bytes(181 * 40)
    header = assembled_png((60, 40), rows)[:33]
    coded = zlib.compress(rows)
    end = data[-12:]
    assert decoder.check(header + png_chunk(b"IDAT", coded) + end, "image/png")
    for more in (
        png_chunk(b"IDAT", coded + surplus),
        png_chunk(b"IDAT", coded) + png_chunk(b"IDAT", surplus),
        png_chunk(b"IDAT", zlib.compress(rows + surplus)),
    ):
        assert not decoder.check(header + more + end, "image/png")


def test_padding_before_the_end_of_a_jpeg_is_accepted(decoder: Decoder) -> None:
    for progressive in (False, True):
        data = dish("JPEG", progressive=progressive)
        decoder.check(data[:-2] + bytes(9) + data[-2:], "image/jpeg")
        assert "damaged" in refusal(decoder, data[:-2] + bytes(5000) + data[-2:], "JPEG")


def test_flat_grey_cmyk_and_palette_pictures_are_accepted(decoder: Decoder) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        decoder.check(picture(kind, size=(4000, 3000), colour="white", optimize=True), f"image/{kind.lower()}")
    for mode, kind in (
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("LA", "PNG"),
        ("I;16", "PNG"),
        ("RGBA", "WEBP"),
    ):
        file = io.BytesIO()
        Image.new(mode, (20, 20)).save(file, kind)
        decoder.check(file.getvalue(), f"image/{kind.lower()}")


def test_a_png_with_some_of_its_rows_is_refused(decoder: Decoder) -> None:
    rows = bytes(1 + 3 * 60) * 600
    decoder.check(assembled_png((60, 600), rows), "image/png")
    assert "damaged" in refusal(decoder, assembled_png((60, 600), rows[: 181 * 10]), "PNG")
    assert "damaged" in refusal(decoder, assembled_png((60, 600), b"\x09" + rows[1:]), "PNG")


def test_text_and_colour_profiles_beside_a_png_harm_nothing(decoder: Decoder) -> None:
    data = picture("PNG")
    for beside in (
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(50_000_000))),
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))),
        png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(5_000_000))),
        png_chunk(b"tEXt", b"Comment\0hello")[:-4] + b"oops",
    ):
        decoder.check(data[:33] + beside + data[33:], "image/png")


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_is_decoded() -> None:
    small = Decoder(processes=1, memory_bytes=160 << 20)
    large = picture("WEBP", size=(9000, 5000), lossless=True)
    assert "within 60 s and 160 MiB of memory" in refusal(small, large, "WEBP")
    small.check(picture(), "image/jpeg")
    small.close()


def test_a_picture_that_takes_too_long_is_refused_and_the_next_is_decoded() -> None:
    data = picture(size=(6000, 6000), progressive=True)
    scans = [part for part in read_jpeg(data).parts if part.kind == "SOS"]
    slow = data[: scans[-1].end] + data[scans[-1].start : scans[-1].end] * (MAX_SCANS - len(scans)) + data[scans[-1].end :]
    impatient = Decoder(processes=1, seconds=1)
    # A fast machine decodes it within the limit, and finds too many scans of the same pixels.
    assert any(text in refusal(impatient, slow, "JPEG") for text in ("within 1 s", "damaged"))
    impatient.check(picture(), "image/jpeg")
    impatient.close()


def test_a_machine_without_memory_ends_the_process_of_a_picture_first(decoder: Decoder) -> None:
    decoder.check(picture(), "image/jpeg")
    process = decoder._processes._idle.get_nowait()
    assert Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() == FIRST_TO_END
    decoder._processes._idle.put(process)


def test_a_process_that_died_is_replaced(decoder: Decoder) -> None:
    decoder.check(picture(), "image/jpeg")
    process = decoder._processes._idle.get_nowait()
    process.kill()
    process.wait()
    decoder._processes._idle.put(process)
    decoder.check(picture(), "image/jpeg")
