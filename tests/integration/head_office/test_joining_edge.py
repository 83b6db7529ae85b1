"""A store's machine joins a real head office over HTTP by `init`, and shows its photo; and every way in which that fails."""

import hashlib
import stat
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils import timezone
from tests.certificates import private_authority
from tests.doorman import Doorman, Reply, Request, doorman
from tests.integration.head_office.office import Office
from tests.integration.head_office.test_joining import invited
from tests.integration.kit.machines import Look, RecordedMachine, WithoutPrograms, files
from tests.simulator import head_office, picture

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from etalase.edge.clock import Clock
from etalase.errors import EtalaseError, HeadOfficeAway, HeadOfficeRefused, UsageError
from etalase.head_office.invitation_models import Invitation, WrongCode
from etalase.head_office.models import Account, Store
from etalase.joining import JOIN_PATH, new_code
from etalase.kit import env_file, head_office_checks, init, joining
from etalase.kit.answers import Answers, Asker, Question, Sources
from etalase.kit.edge import EDGE
from etalase.kit.edge_init import EdgeInitCommand
from etalase.kit.half import JOIN_NOTE
from etalase.kit.joining import IDENTITY, Joining, is_of_a_private_network, join
from etalase.kit.machine import Host

pytestmark = pytest.mark.urls("etalase.head_office.urls")
QUICK = Clock(sleep=lambda _: None)


@pytest.fixture
def ho(office: Office, live_server: Any) -> Iterator[Doorman]:
    """Yields a proxy before the real head office."""
    with doorman(live_server.url) as door:
        yield door


@pytest.fixture(autouse=True)
def machine_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "is_running_systemd", lambda: False)
    monkeypatch.setattr(init, "check_reach", lambda _: None)  # a project may lie in a home folder


@pytest.fixture
def store_parts(s3_server: S3Server, postgres_server: Postgres, valkey_server: Valkey) -> Answers:
    """Returns the answers about the store's own parts, of which no database and bucket is there yet."""
    name = f"edge_{uuid.uuid4().hex[:8]}"
    return {
        "OBJECT_STORE": "given",
        "ETALASE_S3_ENDPOINT": s3_server.endpoint,
        "ETALASE_S3_BUCKET": name.replace("_", "-"),
        "ETALASE_S3_ACCESS_KEY": s3_server.access_key,
        "ETALASE_S3_SECRET_KEY": s3_server.secret_key,
        "ADMIN_DATABASE_URL": postgres_server.url("postgres"),
        "DATABASE_URL": f"postgresql://{name}:a%20secret@127.0.0.1:{postgres_server.port}/{name}",
        "ETALASE_BROKER_URL": valkey_server.url,
    }


def joined(machine: Host, url: str, code: str, **given: Any) -> Sources:
    """Joins with the answers that the machine keeps and those ``given`` in a file."""
    sources = Sources(file=given, environment={}, kept=init.kept_answers(machine, EDGE))
    return join(machine, EDGE, sources, Joining(url, code, clock=QUICK))


def kept(root: Path) -> dict[str, str]:
    return env_file.parse((root / "etc/etalase/edge.env").read_text(), name="edge.env")


def test_one_command_joins_syncs_and_publishes_the_stores_photo(
    office: Office, ho: Doorman, bucket: Any, store_parts: Answers, postgres_server: Postgres, tmp_path: Path
) -> None:
    body = picture("sate")
    checksum = hashlib.md5(body).hexdigest()
    photo = office.photo(office.product(), size=len(body), checksum=checksum, is_primary=True)
    bucket.put(photo.object_key, body, content_type="image/jpeg")
    (code,) = invited("AVRIL-001")
    machine = RecordedMachine(tmp_path)
    sources = joined(machine, ho.endpoint, code.lower().replace("-", " "), **store_parts)
    assert init.set_up(machine, EDGE, sources, ask=None, write_units=True, first_sync=True) in {0, 1}
    settings = kept(tmp_path)
    assert settings["ETALASE_STORE_ID"] == str(office.store.id)
    assert stat.S_IMODE((tmp_path / "etc/etalase/edge.env").stat().st_mode) == 0o600
    name = store_parts["DATABASE_URL"].rpartition("/")[2]
    with closing(psycopg.connect(postgres_server.url(name))) as connection:
        assert connection.execute("SELECT id, checksum FROM product_photo").fetchall() == [(photo.id, checksum)]
    shown = "\n".join([*machine.lines, *(word for command in machine.commands for word in command)])
    assert settings["ETALASE_HO_PASSWORD"] not in shown
    assert code not in shown


def test_a_second_call_with_the_same_code_changes_nothing_and_asks_nobody(ho: Doorman, tmp_path: Path) -> None:
    (code,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path), ho.endpoint, code)
    before = files(tmp_path)
    assert code not in str(before)
    ho.requests.clear()
    machine = RecordedMachine(tmp_path)
    joined(machine, ho.endpoint, code)
    assert (files(tmp_path), ho.requests, machine.changes) == (before, [], [])
    assert any("already" in line for line in machine.lines)


def test_a_lost_response_is_asked_for_again_with_the_same_nonce(ho: Doorman, tmp_path: Path) -> None:
    lost: list[Request] = []

    def lose_one(request: Request, reply: Reply) -> Reply:
        if request.path == JOIN_PATH and not lost:
            lost.append(request)
            raise ConnectionError
        return reply

    ho.after = lose_one
    (code,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path), ho.endpoint, code)
    assert lost
    account = Account.objects.get(username=kept(tmp_path)["ETALASE_HO_USERNAME"])
    assert account.check_password(kept(tmp_path)["ETALASE_HO_PASSWORD"])
    assert not WrongCode.objects.exists()


def test_a_machine_that_failed_before_it_stored_the_answer_joins_by_the_same_command(ho: Doorman, tmp_path: Path) -> None:
    class Failing(RecordedMachine):
        def write(self, path: str, text: str, *, mode: int, owner: str = "root", quiet: bool = False) -> bool:
            if path == EDGE.env_file:
                raise KeyboardInterrupt
            return super().write(path, text, mode=mode, owner=owner, quiet=quiet)

    (code,) = invited("AVRIL-001")
    with pytest.raises(KeyboardInterrupt):
        joined(Failing(tmp_path), ho.endpoint, code)
    joined(RecordedMachine(tmp_path), ho.endpoint, code)
    account = Account.objects.get(username=kept(tmp_path)["ETALASE_HO_USERNAME"])
    assert account.check_password(kept(tmp_path)["ETALASE_HO_PASSWORD"])
    assert "NONCE" not in (tmp_path / JOIN_NOTE.lstrip("/")).read_text()


def test_a_machine_restored_from_a_backup_joins_again_with_a_new_code(ho: Doorman, tmp_path: Path) -> None:
    (first,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path), ho.endpoint, first)
    settings = {
        **kept(tmp_path),
        "ETALASE_ACCEPT_ORDERS": "false",
        "ETALASE_TIME_ZONE": "Asia/Makassar",
        "ETALASE_PAGE_LIMIT": "77",
    }
    (tmp_path / "etc/etalase/edge.env").write_text(env_file.render(settings, about="restored"))
    (second,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path), ho.endpoint, second)
    again = kept(tmp_path)
    assert again["ETALASE_HO_USERNAME"] != settings["ETALASE_HO_USERNAME"]
    assert (again["ETALASE_TIME_ZONE"], again["ETALASE_PAGE_LIMIT"]) == ("Asia/Makassar", "77")
    assert again["ETALASE_ACCEPT_ORDERS"] == "false"
    assert not Account.objects.get(username=settings["ETALASE_HO_USERNAME"]).is_active


@pytest.mark.parametrize(("given", "accepts"), [({}, "true"), ({"ETALASE_ACCEPT_ORDERS": "false"}, "false")])
def test_a_machine_that_joins_accepts_orders_unless_its_answers_say_otherwise(
    ho: Doorman, tmp_path: Path, given: Answers, accepts: str
) -> None:
    (code,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path), ho.endpoint, code, **given)
    assert kept(tmp_path)["ETALASE_ACCEPT_ORDERS"] == accepts


def test_a_machine_whose_account_has_ended_is_told_to_join_again(ho: Doorman, tmp_path: Path) -> None:
    (first,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path / "old"), ho.endpoint, first)
    head_office_checks.account(kept(tmp_path / "old"))
    (second,) = invited("AVRIL-001")
    joined(RecordedMachine(tmp_path / "new"), ho.endpoint, second)
    with pytest.raises(HeadOfficeRefused, match="--join ADDRESS CODE"):
        head_office_checks.account(kept(tmp_path / "old"))
    head_office_checks.account(kept(tmp_path / "new"))


def test_a_machine_of_another_store_is_refused_and_the_code_stays_unused(office: Office, ho: Doorman, tmp_path: Path) -> None:
    office.another_store()
    first, other = invited("AVRIL-001", "BDG-002")
    joined(RecordedMachine(tmp_path), ho.endpoint, first)
    with pytest.raises(UsageError, match=r"for another store.*remove --with-data"):
        joined(RecordedMachine(tmp_path), ho.endpoint, other)
    assert Invitation.objects.get(store__code="BDG-002").used_at is None
    joined(RecordedMachine(tmp_path / "another"), ho.endpoint, other)


def test_a_dry_run_uses_no_code_and_shows_the_way(ho: Doorman, store_parts: Answers, tmp_path: Path) -> None:
    (code,) = invited("AVRIL-001")
    look = Look(tmp_path)
    sources = joined(look, ho.endpoint, code, **store_parts)
    assert init.set_up(look, EDGE, sources, ask=None, write_units=True, first_sync=True) == 0
    shown = "\n".join(look.lines)
    for part in ("would send the code", "useradd --system", "edge migrate", "edge sync", "edge doctor"):
        assert part in shown
    assert files(tmp_path) == {}
    assert JOIN_PATH not in {request.path for request in ho.requests}
    assert Invitation.objects.get().used_at is None


def test_https_with_a_certificate_of_an_own_authority_needs_its_file(
    office: Office, live_server: Any, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = private_authority(tmp_path_factory.mktemp("authority"))
    monkeypatch.setattr("etalase.kit.checks.ca_file", lambda _: None)  # this folder is closed to the service user
    (code,) = invited("AVRIL-001")
    with doorman(live_server.url, certificate=authority / "server.pem") as door:
        with pytest.raises(EtalaseError, match="ETALASE_CA_FILE"):
            joined(RecordedMachine(tmp_path), door.endpoint, code)
        assert Invitation.objects.get().used_at is None
        joined(RecordedMachine(tmp_path), door.endpoint, code, ETALASE_CA_FILE=str(authority / "ca.pem"))
    assert kept(tmp_path)["ETALASE_CA_FILE"] == str(authority / "ca.pem")


# Faults


def test_wrong_and_expired_codes_are_told_with_the_command_for_a_new_one(ho: Doorman, tmp_path: Path) -> None:
    (code,) = invited("AVRIL-001")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    for wrong in (code, new_code()):
        with pytest.raises(UsageError, match=r"wrong, used, revoked or older than 7 days.*etalase head-office invite"):
            joined(RecordedMachine(tmp_path), ho.endpoint, wrong)
    assert not (tmp_path / "etc/etalase/edge.env").exists()


@pytest.mark.parametrize(
    ("code", "told"),
    [("K7QF-M2XR-9TWA", "typing error"), ("K7QF-M2XR-9TWO", "never used"), ("K7QF", "has 12 characters")],
)
def test_a_typing_error_is_told_before_anything_is_sent(ho: Doorman, tmp_path: Path, code: str, told: str) -> None:
    with pytest.raises(UsageError, match=rf"{told}.*Nothing was sent"):
        joined(RecordedMachine(tmp_path), ho.endpoint, code)
    assert (ho.requests, files(tmp_path)) == ([], {})


@pytest.mark.parametrize("url", ["ho.example", "ftp://ho.example", "https://me@ho.example", ""])
def test_a_malformed_address_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match=r"--join: the address is wrong.*ETALASE_HO_URL"):
        joined(RecordedMachine(tmp_path), url, new_code())


@pytest.mark.parametrize("source", ["flags", "file", "environment"])
def test_an_answer_that_head_office_gives_is_not_given_twice(tmp_path: Path, source: str) -> None:
    given: dict[str, Any] = {"environment": {}, source: {"ETALASE_STORE_ID": str(uuid.uuid4())}}
    with pytest.raises(UsageError, match="gets ETALASE_STORE_ID from head office"):
        join(RecordedMachine(tmp_path), EDGE, Sources(**given), Joining("http://127.0.0.1:1", new_code()))


def test_an_address_without_a_head_office_is_told(tmp_path: Path) -> None:
    with pytest.raises(EtalaseError, match="nothing listens"):
        joined(RecordedMachine(tmp_path), "http://127.0.0.1:1", new_code())


def test_a_head_office_without_joining_is_told_with_the_other_way(tmp_path: Path) -> None:
    with head_office() as guide, pytest.raises(UsageError, match=r"no joining by a code.*without --join"):
        joined(RecordedMachine(tmp_path), guide.url, new_code())


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        (Reply(404, b'{"detail": "There is nothing under this address."}'), UsageError, "no joining by a code.*without --join"),
        (Reply(200, b"<html>Welcome to the network"), UsageError, "is not a head office"),
        (Reply(200, b'{"password": "known-to-nobody"}'), UsageError, "no answer to a code"),
        (Reply(301, b"", {"Location": "https://ho.example/api/v1/join/"}), UsageError, "--join https://ho.example CODE"),
        (Reply(403, b"<html>Blocked"), UsageError, "is not a head office"),
        (Reply(502, b"<html>Bad gateway"), HeadOfficeAway, "busy"),
        (Reply(503, b'{"detail": "x"}', {"Retry-After": "1"}), HeadOfficeAway, "responded with 503"),
        (Reply(429, b'{"detail": "Too many"}', {"Retry-After": "600"}), UsageError, "in 10 minutes"),
    ],
)
def test_odd_answers_are_explained_and_leave_the_code_for_the_next_call(
    ho: Doorman, tmp_path: Path, reply: Reply, error: type[EtalaseError], told: str
) -> None:
    (code,) = invited("AVRIL-001")
    ho.rule = lambda request: reply if request.path == JOIN_PATH else None
    with pytest.raises(error, match=told) as raised:
        joined(RecordedMachine(tmp_path), ho.endpoint, code)
    assert "known-to-nobody" not in str(raised.value)
    ho.rule = lambda _: None
    joined(RecordedMachine(tmp_path), ho.endpoint, code)
    assert set(IDENTITY) <= kept(tmp_path).keys()


# Plain http


@pytest.mark.parametrize(
    ("address", "private"),
    [
        *(("127.0.0.1", True), ("10.1.2.3", True), ("192.168.1.9", True), ("172.20.0.2", True), ("169.254.3.4", True)),
        *(("::1", True), ("fd12::1", True), ("fe80::1%eth0", True), ("::ffff:10.0.0.1", True)),
        *(("8.8.8.8", False), ("100.64.0.1", False), ("2606:4700::1", False), ("::ffff:8.8.8.8", False)),
    ],
)
def test_private_networks_are_known(address: str, private: bool) -> None:
    assert is_of_a_private_network(address) is private


def test_plain_http_into_the_internet_needs_a_persons_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"8\.8\.8\.8.*--insecure-http"):
        joined(RecordedMachine(tmp_path), "http://8.8.8.8:8002", new_code())
    looked: list[Answers] = []

    def stop(given: Answers) -> None:
        looked.append(given)
        raise UsageError("stopped by the test")

    monkeypatch.setattr("etalase.kit.head_office_checks.answers", stop)
    none = Sources(environment={}, kept={})
    for url, allows in (("http://8.8.8.8:8002", True), ("https://8.8.8.8", False)):
        with pytest.raises(UsageError, match="stopped"):
            join(RecordedMachine(tmp_path), EDGE, none, Joining(url, new_code(), allows_plain_http=allows))
    assert len(looked) == 2


def test_a_name_that_leads_elsewhere_at_the_moment_of_sending_gets_no_code(
    ho: Doorman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = invited("AVRIL-001")
    answers = iter([True])  # for the look before; curl asks again for the address of its connection
    monkeypatch.setattr(joining, "is_of_a_private_network", lambda _: next(answers, False))
    with pytest.raises(EtalaseError, match="not allowed"):
        joined(RecordedMachine(tmp_path), ho.endpoint, code)
    assert Invitation.objects.get().used_at is None


# At a terminal


def test_a_person_who_joins_is_asked_only_where_there_is_no_proposal(
    office: Office, ho: Doorman, store_parts: Answers, tmp_path: Path
) -> None:
    class Person(Asker):
        asked: list[str] = []

        def __call__(self, question: Question, default: str | None) -> str:
            self.asked.append(question.name)
            return store_parts[question.name]

    (code,) = invited("AVRIL-001")
    machine = WithoutPrograms(tmp_path)
    known = {name: value for name, value in store_parts.items() if name != "ETALASE_S3_SECRET_KEY"}
    sources = joined(machine, ho.endpoint, code, **known)
    person = Person(machine.say)
    init.set_up(machine, EDGE, sources, ask=person, write_units=True, first_sync=True)
    assert person.asked == ["ETALASE_S3_SECRET_KEY"]
    settings = kept(tmp_path)
    assert settings["ETALASE_IMAGE_ORIGINS"] == "http://127.0.0.1:1"
    assert settings["BIND"].endswith(":8001")
    assert Store.objects.get().id == uuid.UUID(settings["ETALASE_STORE_ID"])
    assert (tmp_path / JOIN_NOTE.lstrip("/")).exists()


def test_services_that_run_with_the_account_before_are_restarted(
    ho: Doorman, store_parts: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = WithoutPrograms(tmp_path)

    class ThisInit(EdgeInitCommand):
        def machine(self, _: dict[str, Any]) -> Host:
            return machine

    def restarted_by(code: str) -> bool:
        machine.commands.clear()
        parts = tmp_path / "answers"
        parts.write_text(env_file.render(store_parts, about="answers"))
        flags = {one.flag[2:].replace("-", "_"): None for one in EDGE.questions if one.flag}
        options = {**flags, "join": (ho.endpoint, code), "insecure_http": False, "answers": str(parts), "no_input": True}
        ThisInit().run({**options, "json": False, "write_units": True, "no_sync": False, "dry_run": False})
        return any(command[:2] == ["systemctl", "try-restart"] for command in machine.commands)

    (first,) = invited("AVRIL-001")
    restarted_by(first)
    monkeypatch.setattr(init, "is_running_systemd", lambda: True)
    assert not restarted_by(first)
    (second,) = invited("AVRIL-001")
    assert restarted_by(second)
