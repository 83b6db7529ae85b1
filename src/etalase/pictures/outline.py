"""Defines what the structure of a picture file says without decoding it: a size, a number of frames, and its parts. Pure."""

from dataclasses import dataclass
from mmap import mmap
from typing import NoReturn

from etalase.errors import PictureFault, PictureRefused

# A large picture is mapped into memory, and not read whole.
Data = bytes | mmap

# Cameras write some dozens. Thousands of parts, each of which costs a decoder time, are an attack.
MAX_PARTS = 20_000


# Each frame of an animation is composed with those before it. A menu shows the first.
MAX_FRAMES = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the file: ``data[start:end]`` with its header; its content is ``data[content:end]``.

    ``kind`` is the marker of a JPEG segment (``"APP1"``), or the name of a PNG or WebP chunk (``"eXIf"``).
    """

    kind: str
    start: int
    content: int
    end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The structure of a picture file. ``width`` and ``height`` are pixels; bytes from ``end`` on are a tail.

    Browsers show what is before ``end``. Phones append a film or more pictures there, other programs anything.
    """

    width: int
    height: int
    frames: int
    parts: tuple[Part, ...]
    end: int

    @property
    def pixels(self) -> int:
        """Returns the pixels of all frames together."""
        return self.width * self.height * self.frames


def refuse_as_cut_short(what: str) -> NoReturn:
    """Raises :class:`PictureRefused` for a file that ends too early."""
    raise PictureRefused(f"The picture is cut short: {what}.", code=PictureFault.CUT_SHORT)


def refuse_as_damaged(what: str) -> NoReturn:
    """Raises :class:`PictureRefused` for a file whose structure is wrong."""
    raise PictureRefused(f"The picture is damaged: {what}.", code=PictureFault.UNDECODABLE)


def refuse_as_too_complex(what: str) -> NoReturn:
    """Raises :class:`PictureRefused` for a picture that would take too much time or memory."""
    raise PictureRefused(f"The picture is too complex: {what}.", code=PictureFault.TOO_COMPLEX)


def refuse_too_many_frames(frames: int) -> None:
    """Raises :class:`PictureRefused` above :data:`MAX_FRAMES`."""
    if frames > MAX_FRAMES:
        refuse_as_too_complex(f"it has more than {MAX_FRAMES} frames")


def refuse_too_many_pixels(width: int, height: int, most: int, *, frames: int = 1) -> None:
    """Raises :class:`PictureRefused` for more than ``most`` pixels, all frames together."""
    if width * height * frames > most:
        size = f"{width}×{height} pixels" + (f" in {frames} frames" if frames > 1 else "")
        reason = f"The picture has {size}; {most} pixels are allowed (ETALASE_MAX_PIXELS)."
        raise PictureRefused(reason, code=PictureFault.TOO_MANY_PIXELS, width=width, height=height, most=most)


def refuse_too_many_parts(parts: int, what: str, most: int = MAX_PARTS) -> None:
    """Raises :class:`PictureRefused` above ``most``."""
    if parts > most:
        refuse_as_too_complex(f"it has more than {most} {what}")
