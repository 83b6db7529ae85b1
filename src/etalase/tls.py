"""Whom to trust: the certificates of this machine, and those of ETALASE_CA_FILE, for every TLS connection that curl makes."""

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Final

import pycurl

from etalase.errors import SettingsError

# curl's wheel ignores SSL_CERT_FILE, and its own default is Debian's path.
CA_FILE: Final = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile


def trust(ca_file: Path | None) -> dict[int, str | bytes]:
    """Returns the options of a curl handle that trusts this machine's authorities, and those in ``ca_file`` besides.

    The file is read once a process. Raises :class:`SettingsError` where it vanished since the settings were read.
    """
    if ca_file is not None:
        return {pycurl.CAINFO_BLOB: _together(ca_file)}
    return {pycurl.CAINFO: CA_FILE} if CA_FILE else {}


@cache
def _together(ca_file: Path) -> bytes:
    known = Path(CA_FILE).read_bytes() if CA_FILE and Path(CA_FILE).exists() else b""
    try:
        return known + b"\n" + ca_file.read_bytes()
    except OSError as error:
        raise SettingsError([f"ETALASE_CA_FILE «{ca_file}»: cannot be read ({error.strerror})."]) from error
