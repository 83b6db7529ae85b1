"""Makes the secrets of this process's surroundings known to the redaction, also where the settings are not valid."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from etalase.redaction import keep_secret, keep_url_secret

# Names of secrets, as in Django's SafeExceptionReporterFilter, but for words that also name classes.
# «PASWORD» is misspelt often enough to be a name of its own.
_NAMES = re.compile(
    r"SECRET|PAS+W(?:OR)?D|TOKEN|CREDENTIAL|ACCESS_KEY|API_KEY|PRIVATE_KEY|SIGNING_KEY|_KEY$|_PASS$|^PASS$|_AUTH$|DSN$",
    re.IGNORECASE,
)
# A user without a password this long is a key, as in the address of an error tracker.
_KEY_CHARS = 16
_NO_SECRET = re.compile(
    r"HASHERS|VALIDATORS|LIFETIME|_URL$|_FILE$|HEADER|_NAME$|CLASS|CLAIM|FIELD|CALLABLE|SERIALIZER|MODEL|BACKEND", re.IGNORECASE
)


def hide_surroundings() -> None:
    """Hides the secrets of the environment and of Django's settings, by the names that they have."""
    from django.conf import settings

    django = {name: getattr(settings, name, None) for name in dir(settings) if name.isupper()}
    for name, value in [*_texts(os.environ), *_texts(django)]:
        if _NAMES.search(name) and not _NO_SECRET.search(name):
            keep_secret(value)
        if "://" in value:
            for address in value.split(";"):
                keep_url_secret(address)
                keep_secret(_key_in(address))


def _key_in(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.username if parts.username and not parts.password and len(parts.username) >= _KEY_CHARS else ""


def _texts(settings: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yields each text in ``settings`` with its name, also in dictionaries and lists below."""
    for name, value in settings.items():
        yield from _texts_of(str(name), value)


def _texts_of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        yield from _texts(value)
    elif isinstance(value, list | tuple | set | frozenset):
        for held in value:
            yield from _texts_of(name, held)
