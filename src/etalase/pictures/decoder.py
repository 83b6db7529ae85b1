"""Decodes pictures whole, in processes with limits, to find what is missing or wrong in them."""

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.limited_process import MAX_PROCESSES, MAX_SECONDS, MEMORY_BYTES, LimitedProcesses

# A request is the number of the media type in one byte, and the picture.
# Surplus: all is sound, and more is there than pixels need, in which anything can hide.
DAMAGED, SOUND, SURPLUS = b"damaged", b"sound", b"surplus"
TYPES = ("image/jpeg", "image/png", "image/webp")


class Decoder:
    """Processes that decode, each started for a picture that finds no idle one. Thread-safe."""

    def __init__(self, *, processes: int = MAX_PROCESSES, seconds: int = MAX_SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._processes = LimitedProcesses(
            "etalase.pictures.decoder_process", processes=processes, seconds=seconds, memory_bytes=memory_bytes
        )

    def check(self, body: bytes, content_type: str) -> bool:
        """Returns whether the picture's data have pixels only, so that they may go out as they are.

        Raises :class:`PictureRefused` unless the whole picture can be decoded without a warning, within the limits.
        """
        verdict = self._processes.respond(bytes([TYPES.index(content_type)]), body)
        if verdict not in {SOUND, SURPLUS}:
            raise PictureRefused(
                "The picture is damaged: some of its data are missing or wrong.", code=PictureFault.UNDECODABLE
            )
        return verdict == SOUND

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()
