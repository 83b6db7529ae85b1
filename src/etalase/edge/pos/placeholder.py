"""Gives the address of the placeholder: the guide's path below the static files of this server."""

from urllib.parse import urljoin, urlsplit

from django.conf import settings

from etalase.protocol import PLACEHOLDER_URL

# With Django's usual STATIC_URL, this is the guide's own address.
_FILE = PLACEHOLDER_URL.removeprefix("/static/")


def placeholder_url() -> str:
    """Returns the address of the placeholder, below STATIC_URL."""
    return urljoin(settings.STATIC_URL, _FILE) if settings.STATIC_URL else PLACEHOLDER_URL


def static_origin() -> str:
    """Returns the origin of the static files if another server has them, else an empty text."""
    parts = urlsplit(settings.STATIC_URL or "")
    return f"{parts.scheme or 'https'}://{parts.netloc}" if parts.netloc else ""
