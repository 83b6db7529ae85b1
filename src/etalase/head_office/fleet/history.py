"""Deletes what no page shows any more of the stores' reports."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from etalase.head_office.fleet_models import Alarm, Incident, StoreHour

KEEP_HOURS_FOR: Final = timedelta(days=14)
KEEP_CHALLENGES_FOR: Final = timedelta(days=7)
KEEP_INCIDENTS_FOR: Final = timedelta(days=90)
# A digest that a report is about to refer to is newer.
KEEP_DIGESTS_FOR: Final = timedelta(days=1)


def thin(now: datetime) -> int:
    """Deletes hours after 14 days, challenges after a week, incidents and messages after 90 days, and unused digests.

    Returns the number of hours.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM head_office_assortment_digest d WHERE as_of < %s"
            " AND NOT EXISTS (SELECT FROM head_office_store_report r WHERE r.assortment = d.assortment)",
            [now - KEEP_DIGESTS_FOR],
        )
        cursor.execute("DELETE FROM head_office_challenge WHERE made_at < %s", [now - KEEP_CHALLENGES_FOR])
        Incident.objects.filter(closed_at__lt=now - KEEP_INCIDENTS_FOR).delete()
        Alarm.objects.filter(made_at__lt=now - KEEP_INCIDENTS_FOR).delete()
        deleted, _ = StoreHour.objects.filter(hour__lt=now - KEEP_HOURS_FOR).delete()
    return deleted
