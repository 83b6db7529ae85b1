"""Checks of the broker and of the schedule, standalone and in a Django project."""

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.utils.timezone import get_default_timezone
from kombu import Connection

from etalase.doctor import machine
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.edge.clock import Clock
from etalase.edge.command_names import is_in_project
from etalase.edge.schedule import next_runs
from etalase.edge.status.sync_request import beat_zone
from etalase.edge.task_names import GUIDE_PREFIX, GUIDE_TASKS, OWN_PREFIX, QUEUE
from etalase.settings.edge import EdgeSettings

# Loads slowly, which must not count as the broker's silence; a project with another broker may lack it.
with suppress(ImportError, AttributeError):  # kombu itself fails with the latter where redis is not installed
    import_module("kombu.transport.redis")

CONNECT_SECONDS = 1.5
NO_MESSAGE = "of etalase's doctor"
_PASSWORD = "Correct user and password in ETALASE_BROKER_URL."  # noqa: S105 - a hint
# By a text of the response of Redis or Valkey, or by the class of the library's error.
REFUSALS = {
    "MISCONF": "It cannot save its data: make room on its disk, and look into its log.",
    "NOREPLICAS": "Connect its replicas, or lower its min-replicas-to-write.",
    "NoPermissionError": "Let its account use the keys of the queue: ACL SETUSER NAME ~* +@all",
    "ReadOnlyError": "Name the primary in ETALASE_BROKER_URL.",
    "WRONGTYPE": "Another application uses this key: name another database number in ETALASE_BROKER_URL.",
    "DB index": "Correct the database number at the end of ETALASE_BROKER_URL; most servers have 0 to 15.",
    "invalid username-password": _PASSWORD,
    "AuthenticationError": _PASSWORD,
    "WRONGPASS": _PASSWORD,
    "NOAUTH": _PASSWORD,
}


def checks(settings: EdgeSettings) -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    return [
        machine.name_check("dns_broker", name),
        Check("broker", answers, needs=("dns_broker",)),
        Check("time_zone", time_zone, needs=("settings",)),
        Check("schedule", lambda: schedule(settings), needs=("time_zone",)),
    ]


def broker_url() -> str:
    """Returns the broker's address, of the standalone edge or of the project. Raises :class:`NotChecked` without one."""
    for setting in ("CELERY_BROKER_URL", "BROKER_URL"):
        if url := getattr(django_settings, setting, None):
            return str(url)
    raise NotChecked("this project names no broker in CELERY_BROKER_URL")


def name() -> str:
    """Checks the names of the broker's hosts; a socket has none."""
    hosts = [urlsplit(url).hostname for url in broker_url().split(";") if not urlsplit(url).scheme.endswith("socket")]
    known = [host for host in hosts if host]
    return "; ".join(machine.name(host, setting="ETALASE_BROKER_URL") for host in known) or "a socket of this machine"


def _require_transport(url: str) -> None:
    """Raises :class:`Fault` where the package for this kind of broker is not here; kombu loads it by its name."""
    try:
        Connection(url).get_transport_cls()
    except (ImportError, KeyError, ValueError) as error:
        raise Fault(
            f"No package here connects to {_place(url)}: {error.args[0] if error.args else error}.",
            hint="Correct CELERY_BROKER_URL, or install the package; for Redis and Valkey: pip install 'celery[redis]'. "
            "Worker and beat need it, too.",
        ) from error


def answers() -> str:
    """Connects to the broker, and for Redis and Valkey asks whether it takes messages."""
    url = broker_url()
    options = dict(getattr(django_settings, "CELERY_BROKER_TRANSPORT_OPTIONS", None) or {})
    options |= {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
    options["max_retries"] = 0
    ssl = getattr(django_settings, "CELERY_BROKER_USE_SSL", False)
    _require_transport(url)
    with Connection(url, transport_options=options, connect_timeout=CONNECT_SECONDS, ssl=ssl) as connection:
        try:
            connection.ensure_connection(max_retries=1, timeout=1, interval_start=0, interval_max=0)
            channel = connection.default_channel
            told = _info(channel.client) if hasattr(channel, "client") else {}
            if told.get("role") != "slave" and hasattr(channel, "client"):
                _write(channel.client, f"{options.get('global_keyprefix', '')}{queue_name()}")
        except Exception as error:  # each transport raises its own
            said = str(error).rstrip(".")
            if hint := refusal_hint(type(error).__name__, said):
                raise Fault(f"The broker at {_place(url)} refuses: {said}.", hint=hint) from error
            raise Fault(
                f"The broker at {_place(url)} does not answer: {said}.",
                hint="Start it, and check ETALASE_BROKER_URL with its password; runs by hand work without it.",
            ) from error
    if problem := broker_problem(told):
        raise Fault(problem[0], hint=problem[1])
    version = told.get("valkey_version") or told.get("redis_version") or ""
    return f"{_place(url)} {version}".strip()


def _info(client: Any) -> dict[str, Any]:
    """Returns the ``INFO`` of Redis or Valkey; an empty one where the account may not read it."""
    try:
        return dict(client.info())
    except Exception as error:  # the library may be missing, so that its errors have no names here
        if type(error).__name__ == "NoPermissionError":
            client.ping()
            return {}
        raise


def _write(client: Any, queue: str) -> None:
    """Asks for the removal of a message that does not exist: only a broker that takes messages for this account agrees."""
    try:
        client.lrem(queue, 0, NO_MESSAGE)
    except Exception as error:
        if type(error).__name__ == "NoPermissionError" and "lrem" in str(error).lower():
            return  # an account with few commands may still send
        raise


def queue_name() -> str:
    """Returns the queue of the runs, of the standalone edge or of the project."""
    return str(getattr(django_settings, "CELERY_TASK_DEFAULT_QUEUE", None) or "celery") if is_in_project() else QUEUE


def refusal_hint(kind: str, said: str) -> str:
    """Returns the advice for a response that refuses; an empty text for a broker that does not answer. Pure."""
    by_text = [hint for sign, hint in REFUSALS.items() if sign in said or sign == kind]
    return by_text[0] if by_text else ""


def broker_problem(told: dict[str, Any]) -> tuple[str, str] | None:
    """Returns what keeps Redis or Valkey from taking a message, with advice, by its ``INFO``; None if it takes one. Pure."""
    if told.get("role") == "slave":
        return "The broker is a replica, which takes no messages.", "Name the primary in ETALASE_BROKER_URL."
    if told.get("loading"):
        return "The broker is still loading its data.", "Wait a moment."
    limit = told.get("maxmemory") or 0
    if limit and told.get("maxmemory_policy") == "noeviction" and (told.get("used_memory") or 0) >= limit:
        return "The broker's memory is full (maxmemory).", "Raise maxmemory, or remove data of other applications."
    return None


def _place(url: str) -> str:
    parts = urlsplit(url.partition(";")[0])
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


def time_zone() -> str:
    """Checks that the beat's 02:00 is the store's."""
    zone, beat = get_default_timezone(), beat_zone()
    if beat is None and is_in_project():
        beat = UTC  # Celery's own default
    if beat is not None and not _agree(zone, beat):
        raise Fault(
            f"Celery's clock is {beat}, and the store's is {zone}: 02:00 would come at another hour.",
            hint="Set CELERY_TIMEZONE = TIME_ZONE in settings.py.",
        )
    return f"{zone}, now {Clock().utc().astimezone(zone):%H:%M}"


def _agree(one: tzinfo, other: tzinfo) -> bool:
    return all(
        datetime(2026, month, 1, tzinfo=one).utcoffset() == datetime(2026, month, 1, tzinfo=other).utcoffset()
        for month in (1, 7)
    )


def schedule(settings: EdgeSettings) -> str:
    """Checks a project's beat entries, and says when the next runs are due."""
    if is_in_project():
        entries = getattr(django_settings, "CELERY_BEAT_SCHEDULE", None)
        if not entries:
            raise NotChecked("this project keeps its schedule elsewhere than in CELERY_BEAT_SCHEDULE")
        sent = {entry.get("task") for entry in entries.values()}
        missing = [task for task in sorted(GUIDE_TASKS) if not {task, task.replace(GUIDE_PREFIX, OWN_PREFIX)} & sent]
        if missing:
            raise Fault(
                f"CELERY_BEAT_SCHEDULE lacks {', '.join(missing)}.",
                hint="Add the guide's entries: docs/EDGE_SERVER_IMAGE_SYNC_IMPLEMENTATION.md.",
            )
    zone = get_default_timezone()
    due = next_runs(
        Clock().now(), zone, offset_minutes=settings.schedule_offset_minutes,
        off_peak=settings.FULL_RUN == "off-peak", bandwidth=settings.BANDWIDTH, beat_zone=beat_zone(),
    )  # fmt: skip
    return f"next run {_at(due.hourly, zone)}, next full run {_at(due.full, zone)}"


def _at(moment: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(moment, zone):%a %H:%M}"
