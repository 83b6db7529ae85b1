"""Incidents are kept without any hand, and people get one message for one cause, over real HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pydantic import SecretStr
from tests.integration.head_office.conftest import forget_settings
from tests.integration.head_office.office import Office, roll_clock
from tests.integration.head_office.test_companies import person
from tests.integration.head_office.test_fleet_api import Person
from tests.integration.head_office.test_fleet_overview import store_with_edge
from tests.integration.head_office.test_reports import Edge

from etalase.errors import AlarmNotSent, UsageError
from etalase.head_office.fleet import alarms, watch
from etalase.head_office.fleet_models import Alarm, Incident
from etalase.head_office.models import Company, Photo
from etalase.head_office.permissions import OfficeRole
from etalase.settings.head_office import HeadOfficeSettings

pytestmark = pytest.mark.urls("etalase.head_office.urls")


class Receiver:
    """A web hook that keeps the messages it gets, and answers with ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.messages: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yields a web hook."""
    hook = Receiver()
    thread = Thread(target=hook.server.serve_forever)
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


@pytest.fixture
def settings_of(settings: Any, receiver: Receiver) -> Iterator[Any]:
    """Yields a function that returns the settings with an address for messages and some changes; resets the clock after."""

    def changed(**changes: Any) -> HeadOfficeSettings:
        made: HeadOfficeSettings = settings.ETALASE_HEAD_OFFICE.model_copy(
            update={"ALARM_URLS": SecretStr(receiver.url), "TIME_ZONE": "UTC", **changes}
        )
        return made

    yield changed
    roll_clock("0")
    forget_settings()


def stores(office: Office, count: int) -> list[Edge]:
    """Returns the edges of so many stores, each of which has reported once that it is well."""
    office.photo(office.product())
    edges = [Edge(office), *(store_with_edge(office, f"S-{n:03}") for n in range(count - 1))]
    for edge in edges:
        edge.sync()
        edge.send()
    return edges


def open_incidents() -> list[tuple[str, int]]:
    """Returns the kind and the number of stores of each open incident."""
    return sorted((row.kind, len(row.stores)) for row in Incident.objects.filter(closed_at=None))


def test_stores_that_fall_silent_are_one_incident_and_one_message(office: Office, receiver: Receiver, settings_of: Any) -> None:
    edges, settings = stores(office, 12), settings_of()
    assert watch.look(settings) == 0
    roll_clock("2 hours")
    assert (watch.look(settings), open_incidents()) == (1, [("silent", 12)])
    assert alarms.deliver(settings.alarm_urls) == 0  # it may still grow
    roll_clock("2 hours 11 minutes")
    for _ in range(2):
        watch.look(settings)
        alarms.deliver(settings.alarm_urls)
    (message,) = receiver.messages
    assert message["title"].startswith(
        "Etalase: 12 stores (AVRIL-001, S-000, S-001, S-002, S-003, …) stopped reporting at about"
    )
    for edge in edges[:-1]:
        edge.send()
    assert (watch.look(settings), open_incidents()) == (1, [("silent", 1)])
    edges[-1].send()
    assert (watch.look(settings), open_incidents()) == (0, [])
    roll_clock("2 hours 17 minutes")
    watch.look(settings)
    alarms.deliver(settings.alarm_urls)
    assert [one["title"].split(":")[1] for one in receiver.messages[1:]] == [" Ended"]


def test_one_photo_of_head_office_is_one_incident_however_many_stores_lack_it(office: Office, settings_of: Any) -> None:
    edges = stores(office, 3)
    photos = {**dict.fromkeys(("listed", "verified", "damaged", "held", "parked", "own"), 0), "owed": 1}
    photo = Photo.objects.get()
    fault = {"photo_id": str(photo.id), "product_id": str(photo.product_id)}
    fault |= {"reason": "not_found", "side": "head_office_object"}
    for edge in edges:
        edge.send(photos=photos, faults=[fault], faults_hash="1" * 32)
    watch.look(settings_of())
    assert open_incidents() == [("photo", 3)]


def test_an_incident_that_ends_before_it_settles_is_no_message(office: Office, receiver: Receiver, settings_of: Any) -> None:
    (edge,), settings = stores(office, 1), settings_of()
    roll_clock("2 hours")
    watch.look(settings)
    edge.send()
    roll_clock("2 hours 30 minutes")
    watch.look(settings)
    alarms.deliver(settings.alarm_urls)
    assert (open_incidents(), receiver.messages) == ([], [])


def test_quiet_hours_end_with_one_message(office: Office, receiver: Receiver, settings_of: Any) -> None:
    stores(office, 2)
    always = settings_of(ALARM_QUIET=(time(0), time(23, 59, 59, 999999)))
    roll_clock("2 hours")
    watch.look(always)
    roll_clock("3 hours")
    watch.look(always)
    assert Alarm.objects.count() == 0
    watch.look(settings_of())
    assert Alarm.objects.count() == 1


def test_two_workers_send_a_message_once(office: Office, receiver: Receiver, settings_of: Any) -> None:
    stores(office, 1)
    settings = settings_of()
    roll_clock("2 hours")
    watch.look(settings)
    roll_clock("3 hours")
    watch.look(settings)

    def deliver(_: int) -> int:
        try:
            return alarms.deliver(settings.alarm_urls)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        assert sorted(workers.map(deliver, range(4))) == [0, 0, 0, 1]
    assert len(receiver.messages) == 1


def test_one_worker_looks_at_a_time(office: Office, settings_of: Any) -> None:
    stores(office, 1)

    def look() -> int | None:
        try:
            return watch.look(settings_of())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        assert watch.look(settings_of()) == 0
        assert other.submit(look).result() is None


def test_a_message_that_no_service_took_is_sent_again(
    office: Office, receiver: Receiver, settings_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    Alarm.objects.create(made_at=timezone.now(), title="title", body="body")
    settings = settings_of()
    receiver.status = 500
    assert alarms.deliver(settings.alarm_urls) == 0
    alarm = Alarm.objects.get()
    assert (alarm.sent_at, alarm.problem) == (None, "ETALASE_ALARM_URLS: 1 of 1 services did not take the message: 1 (JSON).")
    receiver.status = 200
    assert alarms.deliver(settings.alarm_urls) == 0  # its claim lasts
    Alarm.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert alarms.deliver(settings.alarm_urls) == 1
    assert [one["title"] for one in receiver.messages] == ["title", "title"]
    assert "hook" not in caplog.text


def test_a_test_message_goes_to_every_address_or_names_those_that_failed(
    office: Office, receiver: Receiver, settings: Any, settings_of: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ETALASE_HEAD_OFFICE = settings_of(ALARM_LANGUAGE="id")
    forget_settings()
    call_command("ho_alarm", "--test")
    assert [one["title"] for one in receiver.messages] == ["Etalase: pesan uji coba"]
    receiver.status = 403
    with pytest.raises(AlarmNotSent, match=r"1 \(JSON\)"):
        alarms.send([receiver.url], "title", "body")
    with pytest.raises(UsageError, match="entry 2 of 2"):
        alarms.check_addresses([receiver.url, "nonsense://secret"])


PAGE, API = "/fleet/", "/api/v1/fleet/incidents/"


def test_the_page_and_the_api_show_incidents_of_the_own_companies(office: Office, settings_of: Any) -> None:
    (edge,) = stores(office, 1)
    edge.send(photos={**dict.fromkeys(("listed", "verified", "owed", "held", "parked", "own"), 0), "damaged": 3})
    watch.look(settings_of())
    operator = person("oki", OfficeRole.OPERATOR, companies=(office.company,))
    stranger = person("sri", OfficeRole.OPERATOR, companies=(Company.objects.create(name="another"),))
    page = Client()
    page.force_login(operator, "django.contrib.auth.backends.ModelBackend")
    mine = Person(operator)
    (incident,) = mine.get(API, open="true")["incidents"]
    assert (incident["kind"], incident["stores"], incident["store_ids"]) == ("store", 1, [str(office.store.id)])
    assert incident["text"].startswith("Not right: 1 store (AVRIL-001).")
    assert Person(stranger).get(API)["incidents"] == []
    assert "Not right: 1 store (AVRIL-001)." in page.get(PAGE).content.decode()
    edge.send()
    watch.look(settings_of())
    assert mine.get(API, open="true")["incidents"] == []
    assert [one["closed_at"] is not None for one in mine.get(API)["incidents"]] == [True]
