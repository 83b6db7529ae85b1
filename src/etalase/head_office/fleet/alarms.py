"""Sends the messages about incidents by Apprise: mail, Telegram, Slack, webhooks and others. It alone imports ``apprise``.

A worker claims a message before it sends it, so that two workers do not both do so. A worker that dies between sending and
noting it leaves its claim, which ends after some minutes: a message may then come twice, and is never lost.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.utils import timezone

from etalase.errors import AlarmNotSent, UsageError
from etalase.head_office.fleet_models import Alarm

if TYPE_CHECKING:
    import apprise

logger = logging.getLogger("etalase.head_office")

CLAIM_LASTS: Final = timedelta(minutes=5)
# Later attempts would tell of a state that is long over; the page has it.
TRIED_FOR: Final = timedelta(days=1)


def check_addresses(urls: Sequence[str]) -> None:
    """Raises :class:`UsageError` with the place of an address that Apprise does not know; never with the address itself."""
    for place, url in enumerate(urls, 1):
        if _service(url) is None:
            raise UsageError(
                f"ETALASE_ALARM_URLS: entry {place} of {len(urls)} is not an address of a service that Apprise knows.",
                hint="As in mailtos://USER:PASSWORD@mail.example?to=ops@example or tgram://TOKEN/CHAT (docs/operations.md).",
            )


def send(urls: Sequence[str], title: str, body: str) -> None:
    """Sends a message to every address. Raises :class:`AlarmNotSent` with the places of those that did not take it."""
    import apprise

    failed = []
    for place, url in enumerate(urls, 1):
        service = _service(url)
        if service is None or not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            failed.append(f"{place} ({service.service_name})" if service else f"{place}")
    if failed:
        raise AlarmNotSent(
            f"ETALASE_ALARM_URLS: {len(failed)} of {len(urls)} services did not take the message: {', '.join(failed)}.",
            hint="The worker's log has the answer of each service. Test them: etalase head-office alarm --test",
        )


def deliver(urls: Sequence[str]) -> int:
    """Sends the messages that wait, oldest first, until one fails. Returns the number of sent ones."""
    sent = 0
    while urls and (alarm := _claim()) is not None:
        alarm_id, title, body = alarm
        try:
            send(urls, title, body)
        except AlarmNotSent as error:
            Alarm.objects.filter(id=alarm_id).update(problem=error.message[:300])
            logger.error("%s", error)
            return sent
        Alarm.objects.filter(id=alarm_id).update(sent_at=timezone.now(), problem="")
        sent += 1
    return sent


def _claim() -> tuple[int, str, str] | None:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [TRIED_FOR.total_seconds(), CLAIM_LASTS.total_seconds()])
        row: tuple[int, str, str] | None = cursor.fetchone()
        return row


CLAIM: Final = """
UPDATE head_office_alarm SET claimed_at = head_office_clock(), attempts = attempts + 1
WHERE id = (
    SELECT id FROM head_office_alarm
    WHERE sent_at IS NULL AND made_at > head_office_clock() - make_interval(secs => %s)
        AND (claimed_at IS NULL OR claimed_at < head_office_clock() - make_interval(secs => %s))
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, title, body
"""


def _service(url: str) -> "apprise.NotifyBase | None":
    import apprise  # slow to load, and needed only where a message is sent

    asset = apprise.AppriseAsset(app_id="Etalase", app_desc="Etalase", app_url="", secure_logging=True)
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    return service if isinstance(service, apprise.NotifyBase) else None
