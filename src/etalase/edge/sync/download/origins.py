"""Decides the allowed sources of photos: a list of origins, and addresses that are always refused (hazard 46). Pure."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import quote, urlsplit

from etalase.errors import PhotoError, Reason
from etalase.protocol import printable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?(?P<target>/.*)?")
_ENTRY = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?/?")
_PORT_OF = {"http": 80, "https": 443}

# Characters that stay unquoted, so that keys that HO quotes already are not quoted twice.
_TARGET_SAFE = "/%?&=+,;:@!$'()*~-._"

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_IPV4_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")

# Credential services of clouds, in addition to the link-local 169.254.0.0/16: always refused.
_METADATA = (
    ipaddress.ip_network("100.100.100.200/32"),  # Alibaba Cloud
    ipaddress.ip_network("168.63.129.16/32"),  # Azure
    ipaddress.ip_network("192.0.0.192/32"),  # Oracle Cloud
    ipaddress.ip_network("fd00:ec2::/32"),  # Amazon: ::254 the instance's, ::23 a pod's
    ipaddress.ip_network("fd20:ce::/32"),  # Google: ::254
    ipaddress.ip_network("fd00:42::42/128"),  # Scaleway
)


@dataclass(frozen=True, slots=True)
class Origin:
    """An entry of the allow-list; None means any."""

    scheme: str | None
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses ``HOST``, ``HOST:PORT`` or ``SCHEME://HOST[:PORT]``. Raises ValueError."""
        match = _ENTRY.fullmatch(text.strip())
        if not match:
            raise ValueError(f"«{printable(text)}» is not an origin: write HOST, HOST:PORT or http://HOST:PORT")
        host = _canonical_host(match["host"])
        if host is None:
            raise ValueError(f"«{printable(text)}» spells its address in an unusual way")
        port = int(match["port"]) if match["port"] else _PORT_OF.get(match["scheme"] or "")
        return cls(match["scheme"], host, port)

    def covers(self, scheme: str, host: str, port: int) -> bool:
        """Returns whether this entry allows that origin."""
        return self.host == host and self.scheme in {None, scheme} and self.port in {None, port}


@dataclass(frozen=True, slots=True)
class ImageOrigins:
    """The allow-list, and the rewrite that is applied before it (hazard 60)."""

    allowed: tuple[Origin, ...]
    rewrite_from: str = ""
    rewrite_to: str = ""

    @classmethod
    def from_settings(cls, ho_url: str, origins: list[str], rewrite: str) -> Self:
        """Parses the two settings; without origins, allows the host of ``ho_url`` on any port. Raises ValueError."""
        entries = origins or [urlsplit(ho_url).netloc.rpartition("@")[2].removesuffix(f":{urlsplit(ho_url).port}")]
        old, _, new = rewrite.partition("=")
        return cls(tuple(Origin.parse(entry) for entry in entries), old.rstrip("/"), new.rstrip("/"))

    def resolve(self, image_url: str) -> str:
        """Returns the URL to download. Raises :class:`PhotoError` ``origin_refused`` for an origin that is not allowed."""
        url = image_url
        if self.rewrite_from and (url == self.rewrite_from or url.startswith(self.rewrite_from + "/")):
            url = self.rewrite_to + url.removeprefix(self.rewrite_from)
        match = _URL.fullmatch(url.partition("#")[0])
        if not match or "\\" in url or not url.isprintable():
            shown = printable(url[:200])
            raise PhotoError(Reason.ORIGIN_REFUSED, f"image_url «{shown}» is not of the form http://HOST:PORT/PATH")
        scheme, host = match["scheme"], _canonical_host(match["host"])
        port = int(match["port"] or _PORT_OF[scheme])
        if host is None or not any(origin.covers(scheme, host, port) for origin in self.allowed):
            raise PhotoError(
                Reason.ORIGIN_REFUSED,
                f"image_url «{printable(url[:200])}»: its host is not allowed. If photos are there, add {match['host']}:{port} "
                "to ETALASE_IMAGE_ORIGINS; if this edge knows the host by another name, set ETALASE_IMAGE_URL_REWRITE",
            )
        return f"{scheme}://{match['host'].lower()}:{port}{quote(match['target'] or '/', safe=_TARGET_SAFE)}"

    def address_allowed(self, address: str) -> bool:
        """Returns whether a connection may go to ``address``, to which a name on the list resolved.

        Private addresses are normal, because stores reach HO by VPN. Link-local, multicast and metadata addresses are never
        allowed; loopback only where the list names it, so that no host name can point at the edge itself.
        """
        try:
            forms = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        named = {origin.host for origin in self.allowed}
        for form in forms:
            if form.is_link_local or form.is_multicast or form.is_unspecified or form in _SITE_LOCAL:
                return False
            if any(form in network for network in _METADATA):
                return False
            if form.is_loopback and "localhost" not in named and not any(_is_loopback(host) for host in named):
                return False
            if form.is_reserved and not form.is_loopback and not any(form != other for other in forms):
                return False
        return True


@lru_cache(maxsize=64)
def _canonical_host(host: str) -> str | None:
    """Returns ``host`` in its canonical form, or None for an ambiguous spelling (``0x7f.1``, ``127.1``)."""
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return None
    name = host.lower().removesuffix(".")
    last = name.rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):  # a number at the end makes it an address (WHATWG URL, 3.5)
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            return None
    return name if name and ".." not in name and not name.startswith((".", "-")) else None


def _is_loopback(host: str) -> bool:
    try:
        return any(form.is_loopback for form in _unwrapped(ipaddress.ip_address(host)))
    except ValueError:
        return False


def _unwrapped(address: Address) -> tuple[Address, ...]:
    """Returns ``address`` and each IPv4 address inside it (RFC 4291, 6052, 7915, 8215, 3056): all have to be allowed."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    inner: list[Address] = []
    if address.ipv4_mapped:
        inner.append(address.ipv4_mapped)
    elif address in _NAT64 or address in _IPV4_TRANSLATED or (address in _IPV4_COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    elif address in _NAT64_LOCAL:  # a prefix of 48 bits, with the IPv4 address around bits 64 to 71, or of 96
        high, low = (int(address) >> 64) & 0xFFFF, (int(address) >> 40) & 0xFFFF
        embedded = (high << 16 | low, int(address) & 0xFFFFFFFF)
        inner.extend(ipaddress.IPv4Address(value) for value in embedded if value)
    elif address.sixtofour:
        inner.append(address.sixtofour)
    elif address.teredo:
        inner.extend(address.teredo)
    return (address, *inner)
