"""Checks of head office's addresses: proxy, TLS, and the address that edges get for photos. Pure but for Django's settings."""

from etalase.doctor.check import Check, Fault
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import is_loopback


def checks(settings: HeadOfficeSettings) -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    return [
        Check("proxy", lambda: proxy(settings), needs=("settings",)),
        Check("public_url_host", lambda: public_host(settings), needs=("settings",)),
    ]


def proxy(settings: HeadOfficeSettings) -> str:
    """Checks that the settings about TLS and a proxy agree with each other."""
    secure = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if origin.startswith("https://")]
    if (secure or settings.HSTS_SECONDS) and not settings.PROXY_COUNT:
        raise Fault(
            "ETALASE_CSRF_TRUSTED_ORIGINS or ETALASE_HSTS_SECONDS names https, and ETALASE_PROXY_COUNT is 0: head office takes"
            " every request for plain http, and every client for the proxy.",
            hint="Set ETALASE_PROXY_COUNT=1, and let the proxy set X-Forwarded-For and X-Forwarded-Proto"
            ' (docs/operations.md, "Behind a proxy, with TLS").',
        )
    if settings.PROXY_COUNT and not secure:
        raise Fault(
            "ETALASE_PROXY_COUNT says that a proxy stands in front, and ETALASE_CSRF_TRUSTED_ORIGINS has no https address:"
            " forms of the admin are refused there, and cookies travel in clear.",
            hint="Set ETALASE_CSRF_TRUSTED_ORIGINS=https://HOST, the address in the browser.",
        )
    if settings.SECURE_COOKIES is False and secure:
        raise Fault("ETALASE_SECURE_COOKIES is off, and the admin is at https.", hint="Leave ETALASE_SECURE_COOKIES out.")
    return f"behind {settings.PROXY_COUNT} with TLS" if settings.PROXY_COUNT else "no proxy in front"


def public_host(settings: HeadOfficeSettings) -> str:
    """Checks that the photos' address is not a loopback one where other machines are served."""
    hosts = [host for host in settings.ALLOWED_HOSTS if host not in {"*", "testserver"}]
    elsewhere = any(not is_loopback(f"http://{host.lstrip('.')}") for host in hosts)
    if is_loopback(settings.S3_PUBLIC_URL) and elsewhere and not settings.DEMO:
        raise Fault(
            f"ETALASE_S3_PUBLIC_URL is {settings.S3_PUBLIC_URL}: in a store that is the store's own server.",
            hint="Set it to the address under which stores reach the bucket's S3 port.",
        )
    return settings.S3_PUBLIC_URL
