"""Checks that people get messages about incidents."""

from etalase.doctor.check import Check, Fault
from etalase.errors import UsageError
from etalase.head_office.fleet.alarms import check_addresses
from etalase.head_office.fleet_models import Alarm
from etalase.settings.head_office import HeadOfficeSettings


def checks(settings: HeadOfficeSettings) -> list[Check]:
    """Returns the check."""
    return [Check("alarms", lambda: alarms(settings), needs=("database_rights", "tables"))]


def alarms(settings: HeadOfficeSettings) -> str:
    """Checks the addresses, and that the last message was taken."""
    if not settings.alarm_urls:
        return "nobody gets messages about incidents in stores: ETALASE_ALARM_URLS is empty"
    try:
        check_addresses(settings.alarm_urls)
    except UsageError as error:
        raise Fault(error.message, hint=error.hint) from None
    last = Alarm.objects.first()
    if last is not None and last.sent_at is None and last.problem:
        raise Fault(
            f"The last message about incidents did not arrive: {last.problem}",
            hint="The worker's log has the answer of each service. Test them: etalase head-office alarm --test",
        )
    return "no message yet" if last is None else f"the last message: {last.made_at:%Y-%m-%d %H:%M}"
