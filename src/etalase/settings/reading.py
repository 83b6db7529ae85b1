"""Reads settings, and refuses them with a line for each fault.

A setting is ``ETALASE_<NAME>`` in the environment, or ``ETALASE["<NAME>"]`` in a Django project with the edge as an app.
"""

import difflib
import ipaddress
import os
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from etalase.errors import SettingsError
from etalase.redaction import keep_secret, keep_url_secret, url_passwords

PREFIX = "ETALASE_"

# Passwords and keys in the customer's guide, which everybody knows (hazard 49).
PUBLISHED_SECRETS = frozenset({"admin123", "edge_foodlife_admin", "edge_foodlife_secret_2026", "minioadmin"})
# Settings that are URLs with a password
URL_NAMES = ("DATABASE_URL", "BROKER_URL")


def is_published(secret: object) -> bool:
    """Returns whether ``secret`` is in the guide, also in another case, form or width, or with invisible characters."""
    text = unicodedata.normalize("NFKC", secret).casefold() if isinstance(secret, str) else ""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "CZ") in PUBLISHED_SECRETS


class Settings(BaseModel):
    """The base of each set of settings: unknown names are refused, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    # Settings with values that must not be the guide's, and settings that with DEMO on must name this machine.
    SECRET_NAMES: ClassVar[tuple[str, ...]] = ()
    DEMO_ADDRESS_NAMES: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _check_secrets_and_addresses(self) -> Self:
        if problem := _unsafe(type(self), dict(self), demo=bool(getattr(self, "DEMO", False))):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _hide_secrets(self) -> Self:
        """Registers the secrets, so that no text of this process shows them."""
        for name, value in self:
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            if isinstance(value, SecretStr) and name.endswith("_URL"):
                keep_url_secret(text)
            elif isinstance(value, SecretStr) or name in self.SECRET_NAMES:
                keep_secret(text)
        return self


S = TypeVar("S", bound=Settings)
S2 = TypeVar("S2", bound=Settings)


def parse_settings(screen: type[S], source: Mapping[str, Any], *, prefix: str = PREFIX) -> S:
    """Returns ``source`` as settings of class ``screen``. Raises :class:`SettingsError` with a line for each fault.

    An empty text counts as absent, as in a ``.env`` file.
    """
    given = {name: value for name, value in source.items() if value != ""}
    try:
        return screen.model_validate(given)
    except ValidationError as error:
        details = error.errors()
        problems = [_problem(screen, detail["loc"], detail["type"], detail["msg"], given, prefix) for detail in details]
        # With a wrong field, pydantic does not check the whole.
        if all(detail["loc"] for detail in details) and (unsafe := _unsafe(screen, given, demo=_is_on(given.get("DEMO")))):
            problems.append(unsafe)
        raise SettingsError(sorted(problems)) from None


def from_environment(
    screen: type[S],
    *,
    others: tuple[type[Settings], ...] = (),
    elsewhere: Callable[[], type[Settings]] | None = None,
) -> S:
    """Returns the settings ``screen`` from ``ETALASE_*`` and ``DATABASE_URL``; ignores names that only ``others`` have.

    ``elsewhere`` returns one more such class. Only an unknown name leads to its call, because it takes time to load.
    """
    source = {name[len(PREFIX) :]: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    if "DATABASE_URL" in screen.model_fields and "DATABASE_URL" in os.environ:
        source["DATABASE_URL"] = os.environ["DATABASE_URL"]
    known_elsewhere = {name for other in others for name in other.model_fields} - set(screen.model_fields)
    if elsewhere is not None and source.keys() - known_elsewhere - set(screen.model_fields):
        known_elsewhere |= set(elsewhere().model_fields) - set(screen.model_fields)
    return parse_settings(screen, {name: value for name, value in source.items() if name not in known_elsewhere})


def together(first: Callable[[], S], second: Callable[[], S2]) -> tuple[S, S2]:
    """Returns both settings. Raises one :class:`SettingsError` with the problems of both."""
    problems: list[str] = []
    screens: list[Any] = []
    for reading in (first, second):
        try:
            screens.append(reading())
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(sorted({problem for problem in problems if not _is_said_better(problem, problems)}))
    return screens[0], screens[1]


def _is_said_better(problem: str, problems: list[str]) -> bool:
    """Returns whether another class of settings, too, does not know this name, but one like it."""
    return problem.endswith("is not a setting.") and any(other.startswith(problem[:-1] + ";") for other in problems)


def _problem(
    screen: type[Settings], loc: tuple[int | str, ...], kind: str, message: str, given: Mapping[str, Any], prefix: str
) -> str:
    if not loc:
        return message.removeprefix("Value error, ")
    name = str(loc[0])
    shown = name if name == "DATABASE_URL" else prefix + name
    if kind == "missing":
        return f"{shown} is missing."
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, screen.model_fields, n=1)
        return f"{shown} is not a setting" + (f"; did you mean {prefix}{near[0]}?" if near else ".")
    secret = name == "DATABASE_URL" or SecretStr == screen.model_fields[name].annotation
    value = "(not shown)" if secret else f"«{given.get(name)}»"
    return f"{shown} {value}: {message.removeprefix('Value error, ')}."


def is_loopback(url: str) -> bool:
    """Returns whether ``url`` names this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_on(value: object) -> bool:
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError:
        return False


def _unsafe(screen: type[Settings], given: Mapping[str, Any], *, demo: bool) -> str | None:
    """Returns the problem of a guide's secret outside the demo, or of a demo that reaches beyond this machine; or None."""
    if demo:
        outside = [
            f"{PREFIX}{name}" for name in screen.DEMO_ADDRESS_NAMES if name in given and not is_loopback(str(given[name]))
        ]
        return f"{', '.join(outside)}: with {PREFIX}DEMO on, only addresses of this machine are allowed." if outside else None
    urls = [name for name in screen.model_fields if name in URL_NAMES]
    plain = {name: _plain(given.get(name)) for name in (*screen.SECRET_NAMES, *urls)}
    published = [
        name if name == "DATABASE_URL" else f"{PREFIX}{name}"
        for name, value in plain.items()
        if any(map(is_published, url_passwords(value) if name in urls else [value]))
    ]
    return f"{', '.join(published)}: this value is in the public guide; choose one of your own." if published else None


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def hide_project_secrets() -> None:
    """Hides the secrets in Django's own settings, also in a project with the edge as an app."""
    from django.conf import settings

    keep_secret(*map(str, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)))
    for database in settings.DATABASES.values():
        keep_secret(str(database.get("PASSWORD") or ""))
    for name in ("CELERY_BROKER_URL", "BROKER_URL"):
        keep_url_secret(str(getattr(settings, name, "") or ""))


# A lost database host is noticed earlier than by TCP's own timeouts, which are 15 minutes after a request was sent and two
# hours while a response is awaited. DATABASE_URL can override these.
DATABASE_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,
}


def logging_config(level: str) -> dict[str, Any]:
    """Returns Django's LOGGING: one line of JSON a record on stderr (see :mod:`etalase.settings.logging`)."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "context": {"()": "etalase.settings.logging.ContextFields"},
            "client_faults": {"()": "etalase.settings.logging.ClientFaults"},
            "redaction": {"()": "etalase.settings.logging.Redaction"},
        },
        "formatters": {"json": {"()": "etalase.settings.logging.JsonFormatter"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "filters": ["context", "client_faults", "redaction"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        # Requests that are not HTTP get a 400 and are not logged.
        "loggers": {"etalase.server": {"level": "ERROR"}},
    }
