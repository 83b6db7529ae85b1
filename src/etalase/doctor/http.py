"""Makes single requests as any client can, for the doctor of both halves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pycurl

from etalase.curl import OPTIONS, header, link_fault, set_options, trust
from etalase.doctor.check import Fault

MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """A response; of its body, the first :data:`MAX_BYTES`."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> str:
        """Returns the header of this lower-case name, or an empty text."""
        return header(self.head, name)


def get(url: str, *, setting: str, seconds: float, ca_file: Path | None = None, headers: Sequence[str] = ()) -> ProbeResponse:
    """Returns the response of ``url``, which ``setting`` names. Raises :class:`Fault` without one."""
    curl = pycurl.Curl()
    heads: list[bytes] = []
    pieces: list[bytes] = []

    def take(piece: bytes) -> int | None:
        pieces.append(piece)
        return None if sum(map(len, pieces)) <= MAX_BYTES else 0  # 0 ends the transfer

    options = {
        **OPTIONS,
        **(trust(ca_file) if url.startswith("https:") else {}),
        pycurl.URL: url,
        pycurl.TIMEOUT_MS: round(seconds * 1000),
        pycurl.HTTPHEADER: list(headers),
        pycurl.HEADERFUNCTION: heads.append,
        pycurl.WRITEFUNCTION: take,
    }
    set_options(curl, options)
    try:
        curl.perform()
    except pycurl.error as error:
        if not (error.args[0] == pycurl.E_WRITE_ERROR and pieces):
            os_errno = curl.getinfo(pycurl.OS_ERRNO)
            fault = link_fault(error.args[0], str(error.args[1]), url, os_errno=os_errno, setting=setting)
            raise Fault(f"{url} does not answer: {fault.text}.", hint=fault.hint) from error
    finally:
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        curl.close()
    return ProbeResponse(status, b"".join(heads), b"".join(pieces))
