"""Checks for the tills' browsers: the web server, addresses with and without TLS, and pages of other origins (CORS)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from etalase.doctor import http
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.doctor.machine import host_of
from etalase.edge import web_address
from etalase.edge.command_names import as_typed
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import is_loopback

WEB_SECONDS = 2.0

_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")


def checks(settings: EdgeSettings) -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    origins = list(getattr(django_settings, "CORS_ALLOWED_ORIGINS", ()))
    has_tls = bool(getattr(django_settings, "SECURE_HSTS_SECONDS", 0) or getattr(django_settings, "SECURE_SSL_REDIRECT", False))
    trusted = list(getattr(django_settings, "CSRF_TRUSTED_ORIGINS", ()))
    pages = [*origins, *trusted]
    return [
        Check("mixed_content", lambda: mixed_content(settings.S3_PUBLIC_URL, pages, has_tls=has_tls), needs=("settings",)),
        Check("public_url_host", lambda: public_host(settings.S3_PUBLIC_URL, pages, demo=settings.DEMO), needs=("settings",)),
        Check("cors", lambda: cors(origins), needs=("settings",)),
        Check("web_server", lambda: web_server(web_address.noted(settings)), needs=("settings",)),
    ]


def web_server(binds: Sequence[str]) -> str:
    """Checks that a web server answers at one of the addresses at which it was started."""
    if not binds:
        raise NotChecked("`etalase edge serve` was never started here for this store and database")
    first: Fault | None = None
    unknown: NotChecked | None = None
    for bind in binds:
        try:
            return _web_server_at(bind)
        except Fault as fault:
            first = first or fault
        except NotChecked as error:
            unknown = unknown or error
    raise first or unknown or RuntimeError("no address was looked at")


def _web_server_at(bind: str) -> str:
    if (address := web_address.url(bind)) is None:
        raise NotChecked(f"it listens on {bind}")
    hosts = [host.lstrip(".") for host in django_settings.ALLOWED_HOSTS if host != "*"]
    try:
        response = http.get(
            f"{address}/healthz", setting="--bind", seconds=WEB_SECONDS, headers=[f"Host: {host}" for host in hosts[:1]]
        )
    except Fault as fault:
        raise Fault(
            f"The web server was started at {bind} and tills get no page: {fault.message}",
            hint=as_typed("Start it: `etalase edge serve`, or `systemctl restart etalase-edge-web`; look at its log."),
        ) from fault
    # 503 says that photos are not well, which other checks explain.
    if response.status not in {200, 503}:
        raise Fault(
            f"{address}/healthz answers {response.status}: another program listens there, or its host is not allowed.",
            hint="See what listens there (ss -ltnp), and check ETALASE_ALLOWED_HOSTS.",
        )
    return f"answers at {address}"


def mixed_content(public_url: str, pages: Sequence[str], *, has_tls: bool) -> str:
    """Checks that no page over https shows photos over http: browsers block them. Pure."""
    secure = [page for page in pages if page.startswith("https:")]
    if public_url.startswith("http:") and (has_tls or secure):
        whose = f"pages of {secure[0]} have" if secure else "the POS page has"
        raise Fault(
            f"ETALASE_S3_PUBLIC_URL is {public_url}, and {whose} https: browsers do not load its photos (mixed content).",
            hint="Put TLS before the bucket and write https:// in ETALASE_S3_PUBLIC_URL, or serve the page over http.",
        )
    return "https" if public_url.startswith("https:") else "http, as the page"


def public_host(public_url: str, pages: Sequence[str], *, demo: bool) -> str:
    """Checks that the photos' address is not a loopback one where other machines are served. Pure."""
    other = [page for page in pages if _ORIGIN.fullmatch(page) and not is_loopback(page)]
    hosts = [host for host in django_settings.ALLOWED_HOSTS if host not in {"*", "testserver"}]
    elsewhere = [host for host in hosts if not is_loopback(f"http://{host.lstrip('.')}")]
    if is_loopback(public_url) and not demo and (other or elsewhere):
        raise Fault(
            f"ETALASE_S3_PUBLIC_URL is {public_url}: on a till that is the till itself, and no photo is there.",
            hint="Set it to this server's address in the tills' network, as in http://192.168.1.10:9000",
        )
    return host_of(public_url)


def cors(origins: Sequence[str]) -> str:
    """Checks that each allowed origin is one, as a browser writes it (RFC 6454, section 6.1). Pure."""
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise Fault(
                f"ETALASE_CORS_ORIGINS has «{origin}», which no browser sends as an origin.",
                hint="Write scheme and host without a path or slash at the end, as in https://pos.example",
            )
        parts = urlsplit(origin)
        if parts.port == {"http": 80, "https": 443}[parts.scheme]:
            raise Fault(
                f"ETALASE_CORS_ORIGINS has «{origin}»: browsers leave out the port {parts.port} of {parts.scheme}.",
                hint=f"Write {parts.scheme}://{parts.hostname}",
            )
    return ", ".join(origins) or "only pages of this server"
