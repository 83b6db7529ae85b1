"""Shares curl's options, trusted certificates, look-up of headers and the explanation of its errors.

Three modules make requests with it: ``edge.sync.download.transport`` (head office), ``objectstore.requests`` (S3) and
``doctor.http`` (the requests of any client).
"""

import errno
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl

from etalase.errors import SettingsError

# curl's wheel ignores SSL_CERT_FILE, and its default is Debian's path.
CA_FILE: Final = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile

# CURLOPT_QUICK_EXIT, which pycurl does not name yet: the end of a handle waits for no look-up of a name. With the name in
# /etc/hosts and a name service that is silent, the second look-up (IPv6) takes 10 seconds after the response.
_QUICK_EXIT: Final = 322

# No redirects, no proxy from the environment, no ``.netrc`` (hazard 46).
OPTIONS: Final[Mapping[int, Any]] = {
    pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
    pycurl.FOLLOWLOCATION: 0,
    pycurl.PROXY: "",
    pycurl.NETRC: pycurl.NETRC_IGNORED,
    pycurl.NOSIGNAL: 1,
    pycurl.TCP_NODELAY: 1,
    _QUICK_EXIT: 1,
}


def set_options(handle: Any, options: Mapping[int, Any]) -> None:
    """Sets the options of a handle."""
    for option, value in options.items():
        handle.setopt(option, value)


def header(head: bytes, name: bytes) -> str:
    """Returns the header of this lower-case name, or an empty text; of several, the last."""
    _, found, rest = head.lower().rpartition(b"\n" + name + b":")
    if not found:
        return ""
    value, _, _ = head[len(head) - len(rest) :].partition(b"\n")
    return value.strip().decode("latin-1")


def trust(ca_file: Path | None) -> dict[int, str | bytes]:
    """Returns the options of a handle that trusts this machine's authorities and those in ``ca_file``.

    Each process reads the file once. Raises :class:`SettingsError` if it disappeared after the settings were read.
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


_SPEAKS_PLAIN = re.compile("wrong version number|packet length too long|record layer failure|http request")


@dataclass(frozen=True, slots=True)
class LinkFault:
    """The cause of a missing response. ``passes``: a retry can succeed."""

    text: str
    hint: str
    passes: bool = True


def link_fault(code: int, message: str, url: str, *, os_errno: int = 0, setting: str) -> LinkFault:
    """Explains curl's error ``code`` (https://curl.se/libcurl/c/libcurl-errors.html); ``setting`` names ``url``."""
    parts = urlsplit(url)
    host, place = parts.hostname or "", parts.netloc.rpartition("@")[2]
    detail = message or f"curl error {code}"
    match code:
        case pycurl.E_COULDNT_RESOLVE_HOST:
            return LinkFault(f"the name {host} cannot be found (DNS)", f"Check {setting}, and this server's name service.")
        case pycurl.E_COULDNT_CONNECT if os_errno == errno.ECONNREFUSED:
            return LinkFault(
                f"nothing listens at {place} (connection refused)", f"Check that it runs and that {setting} names it."
            )
        case pycurl.E_SSL_CONNECT_ERROR if _SPEAKS_PLAIN.search(detail):
            plain = f"{place} speaks plain HTTP, and the address says https"
            return LinkFault(plain, f"Write http:// in {setting}, or the port that speaks TLS.", passes=False)
        case pycurl.E_UNSUPPORTED_PROTOCOL | pycurl.E_GOT_NOTHING if parts.scheme == "http":
            return _maybe_tls(detail, place, setting)
        case pycurl.E_RECV_ERROR if parts.scheme == "http" and "reset" in detail:
            return _maybe_tls(detail, place, setting)
        case pycurl.E_PEER_FAILED_VERIFICATION if re.search(r"subject name|does not match|host ?name", detail):
            return LinkFault(
                f"the certificate at {place} is for another name ({detail})",
                f"Name it in {setting} as its certificate does.",
                passes=False,
            )
        case pycurl.E_PEER_FAILED_VERIFICATION if re.search(r"expired|not yet valid", detail):
            return LinkFault(
                f"the certificate at {place} is not valid now ({detail})", "Renew it, or set this server's clock.", passes=False
            )
        case pycurl.E_PEER_FAILED_VERIFICATION | pycurl.E_SSL_CACERT_BADFILE:
            return LinkFault(
                f"the certificate at {place} is from an authority that is not trusted here ({detail})",
                "If it is your own authority, name the file of its certificate in ETALASE_CA_FILE.",
                passes=False,
            )
        case pycurl.E_FILESIZE_EXCEEDED:
            return LinkFault(
                "it sends more than such a response may have",
                f"Check {setting}: another program, or a proxy, answers at {place}.",
            )
        case _:
            return LinkFault(detail, f"Check that it runs and that {setting} names it.")


def _maybe_tls(detail: str, place: str, setting: str) -> LinkFault:
    return LinkFault(
        detail,
        f"Check {setting}: if {place} speaks TLS, it has to begin with https://; if it is the port of a database, a broker or"
        " another program without HTTP, name the right one.",
    )
