"""`etalase head-office alarm`: test the messages about incidents, and show the last ones."""

from argparse import ArgumentParser
from typing import Any

from etalase.errors import UsageError
from etalase.head_office.fleet import alarms
from etalase.head_office.fleet_models import Alarm
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.messages import text
from etalase.protocol import printable
from etalase.settings.head_office import head_office_settings

SHOWN = 20


class Command(HeadOfficeCommand):
    """Sends a test message to each address of ETALASE_ALARM_URLS, or lists the last messages."""

    help = (
        "Messages about incidents in stores go to the services of ETALASE_ALARM_URLS (mail, Telegram, Slack, webhooks and "
        "others, by Apprise). With --test, send a test message to each of them now; without, list the last messages."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--test``."""
        super().add_arguments(parser)
        parser.add_argument("--test", action="store_true", help="send a test message to each address")

    def run(self, options: dict[str, Any]) -> int:
        """Sends the test message, or prints the last messages; newest first."""
        settings = head_office_settings()
        alarms.check_addresses(settings.alarm_urls)
        if options["test"]:
            return self._test(settings.alarm_urls, settings.ALARM_LANGUAGE, as_json=options["json"])
        rows = Alarm.objects.all()[:SHOWN]
        shown = [
            {
                "made_at": row.made_at,
                "sent_at": row.sent_at,
                "title": row.title,
                "attempts": row.attempts,
                "problem": row.problem,
            }
            for row in rows
        ]
        lines = [f"{row.made_at:%Y-%m-%d %H:%M}  {_state(row)}  {printable(row.title)}" for row in rows]
        self.show(
            {"addresses": len(settings.alarm_urls), "messages": shown},
            "\n".join(lines or ["No message has been written yet."]),
            as_json=options["json"],
        )
        return 0

    def _test(self, urls: list[str], language: str, *, as_json: bool) -> int:
        if not urls:
            raise UsageError(
                "ETALASE_ALARM_URLS is empty: nobody gets messages about incidents.",
                hint="Name a service, as in mailtos://USER:PASSWORD@mail.example?to=ops@example (docs/operations.md).",
            )
        alarms.send(urls, text("alarm_test_title", language=language), text("alarm_test_body", language=language))
        self.show({"sent": len(urls)}, f"Sent to {len(urls)} of {len(urls)} addresses.", as_json=as_json)
        return 0


def _state(row: Alarm) -> str:
    if row.sent_at:
        return "sent"
    return f"not sent ({printable(row.problem) or 'waits'})"
