"""Finds things of a project under names that Etalase uses, too: tasks, addresses, the placeholder, messages in the queue."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.urls import Resolver404, resolve

import etalase
from etalase.edge.adoption.report import Clash
from etalase.edge.command_names import is_in_project
from etalase.edge.project_checks import included_urls
from etalase.edge.task_ownership import other_definitions
from etalase.protocol import PLACEHOLDER_URL

# The addresses under which the documents include Etalase's URLs.
ADDRESSES = ("/", "/healthz", "/status", "/api/products/", "/api/products/00000000-0000-0000-0000-000000000001/image")
LOOK_SECONDS = 2.0
MAX_MESSAGES = 100


def find_clashes() -> list[Clash]:
    """Returns the clashes. A standalone edge has its process for itself, and may share the broker's queue only."""
    return [*_tasks(), *_addresses(), *_placeholder()] if is_in_project() else [*_messages()]


def _tasks() -> Iterator[Clash]:
    for name, place in other_definitions():
        yield Clash(
            "task",
            name,
            f"Another task of this name is at {place}; Etalase's runs in its place.",
            "Retire it: take its module out of INSTALLED_APPS or CELERY_IMPORTS (docs/COMING_FROM_THE_GUIDE.md).",
        )


def _addresses() -> Iterator[Clash]:
    """Yields the addresses that the project answers itself: where it includes Etalase's URLs, or where the documents say so."""
    try:
        views = [(address, _view(address)) for address in included_urls() or ADDRESSES]
    except Exception as error:
        detail = f"The project's addresses cannot be read: {type(error).__name__}: {error}"
        yield Clash("address", "ROOT_URLCONF", detail, "Mend it first: `python manage.py check` shows where.")
        return
    for address, view in views:
        if view is not None and not view.__module__.startswith("etalase."):
            yield Clash(
                "address",
                address,
                f"{view.__module__}.{getattr(view, '__qualname__', view)} answers it.",
                "Put include('etalase.edge.urls') before it in urls.py once the POS may use Etalase's; to keep both, below a"
                " prefix.",
            )


def _view(address: str) -> Any:
    try:
        return resolve(address).func
    except Resolver404:
        return None


def _placeholder() -> Iterator[Clash]:
    found = finders.find(PLACEHOLDER_URL.removeprefix("/static/"))
    if found is not None and not Path(str(found)).is_relative_to(Path(etalase.__file__).parent):
        yield Clash(
            "static",
            PLACEHOLDER_URL,
            f"The project has this file, too: {found}.",
            "Keep it if it is the placeholder that the POS should show; otherwise rename it.",
        )


def _messages() -> Iterator[Clash]:
    url = str(getattr(django_settings, "CELERY_BROKER_URL", ""))
    if not url.startswith(("redis://", "rediss://")):
        return
    # Of the extra «standalone»: a project may have any broker.
    from redis import Redis
    from redis.exceptions import RedisError

    from etalase.edge.queue import as_ours
    from etalase.edge.task_names import QUEUE

    try:
        with Redis.from_url(url, socket_timeout=LOOK_SECONDS, socket_connect_timeout=LOOK_SECONDS) as client:
            messages = client.lrange(QUEUE, 0, MAX_MESSAGES - 1)
    except (RedisError, ValueError):
        return  # the settings are right or wrong all the same: no name clashes
    others = sum(as_ours(message) is None for message in messages)
    if others:
        yield Clash(
            "queue",
            QUEUE,
            f"The broker's queue holds {others} messages of another application.",
            "Give Etalase a database number of its own in ETALASE_BROKER_URL.",
        )
