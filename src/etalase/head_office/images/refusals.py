"""Says what to do about each refusal of a picture: for commands in English, for the admin in the person's language."""

from typing import Final

from etalase.errors import PictureFault, PictureRefused
from etalase.head_office.messages import text
from etalase.settings.head_office import head_office_settings

HINTS: Final[dict[PictureFault, str]] = {
    PictureFault.EMPTY: "Take the original file again.",
    PictureFault.NO_PICTURE: "Save the photo as JPEG, PNG or WebP.",
    PictureFault.NOT_SHOWN: "Save it as an ordinary JPEG, or as PNG or WebP.",
    PictureFault.CUT_SHORT: "Take the original file again: the copy is not complete.",
    PictureFault.UNDECODABLE: "Take the original file again, or save the photo anew.",
    PictureFault.HEIC_UNSUPPORTED: "Install it (pip install pillow-heif), or save the photo as JPEG.",
    PictureFault.TOO_LARGE: "Save the photo smaller, or allow more.",
    PictureFault.TOO_MANY_PIXELS: "Save the photo smaller, or allow more.",
    PictureFault.TOO_COMPLEX: "Save the photo anew as JPEG, smaller if it is large.",
}


def for_command(refused: PictureRefused) -> str:
    """Returns the reason, and what to do."""
    return f"{refused.message} {HINTS[refused.code]}"


def for_admin(refused: PictureRefused, filename: str) -> str:
    """Returns a sentence with the file, the reason and what to do, in the request's language."""
    reason = text(
        f"picture_{refused.code}",
        width=refused.values.get("width"),
        height=refused.values.get("height"),
        megabytes=f"{head_office_settings().MAX_PHOTO_BYTES / 1_000_000:.3g}",
        megapixels=f"{head_office_settings().MAX_PIXELS / 1_000_000:.3g}",
    )
    return text("picture_refused", filename=filename, reason=reason)
