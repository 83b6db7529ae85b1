"""An init against real servers: the first one, a second one, an interrupted one, a dry run, and the removal.

Only the users of this machine and its init system are not real: their commands are recorded, and the files lie below a folder.
"""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.integration.kit.machines import Look, RecordedMachine, WithoutPrograms, files
from tests.simulator import Simulator, head_office

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from etalase.errors import UsageError
from etalase.kit import bucket_user, database, env_file, init, remove
from etalase.kit.answers import Answers, Sources
from etalase.kit.edge import EDGE
from etalase.kit.head_office import HEAD_OFFICE
from etalase.kit.machine import Host


@pytest.fixture
def ho() -> Iterator[Simulator]:
    with head_office() as simulator:
        yield simulator


@pytest.fixture
def given(
    minio_server: S3Server, postgres_server: Postgres, valkey_server: Valkey, ho: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Answers:
    """Returns the answers for a store whose database, bucket and keys are not there yet."""
    name = f"edge_{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(init, "is_running_systemd", lambda: False)
    monkeypatch.setattr(init, "check_reach", lambda _: None)  # a project may lie in a home folder
    return {
        "ETALASE_HO_URL": ho.url,
        "ETALASE_HO_USERNAME": "store",
        "ETALASE_HO_PASSWORD": "a test's own password",
        "ETALASE_COMPANY_ID": COMPANY_ID,
        "ETALASE_STORE_ID": STORE_ID,
        "OBJECT_STORE": "given",
        "ETALASE_S3_ENDPOINT": minio_server.endpoint,
        "ETALASE_S3_BUCKET": name.replace("_", "-"),
        "ETALASE_S3_ACCESS_KEY": name,
        "S3_ADMIN_ACCESS_KEY": minio_server.access_key,
        "S3_ADMIN_SECRET_KEY": minio_server.secret_key,
        "ADMIN_DATABASE_URL": postgres_server.url("postgres"),
        "DATABASE_URL": f"postgresql://{name}:a%20secret'of%20its%20own@127.0.0.1:{postgres_server.port}/{name}",
        "ETALASE_BROKER_URL": valkey_server.url,
        "ETALASE_PAGE_LIMIT": "77",
    }


def set_up(machine: Host, given: Answers, *, kept: Answers | None = None) -> int:
    sources = Sources(file=given, environment={}, kept=kept or {})
    return init.set_up(machine, EDGE, sources, ask=None, write_units=True, first_sync=True)


def databases(server: Postgres) -> set[str]:
    with closing(psycopg.connect(server.url("postgres"))) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles")}


def test_an_init_makes_all_of_it_a_second_one_nothing_and_a_removal_undoes_it(
    given: Answers, postgres_server: Postgres, tmp_path: Path
) -> None:
    name = given["DATABASE_URL"].rpartition("/")[2]
    machine = RecordedMachine(tmp_path)
    set_up(machine, given)
    made = files(tmp_path)
    text, mode = made["etc/etalase/edge.env"]
    assert mode == 0o600
    settings = env_file.parse(text, name="edge.env")
    assert len(settings["ETALASE_SECRET_KEY"]) >= 32
    assert settings["ETALASE_HO_PASSWORD"] == "a test's own password"
    assert settings["ETALASE_PAGE_LIMIT"] == "77"  # a further setting of the file
    assert not any(word.startswith(("S3_ADMIN", "ADMIN_")) for word in settings)
    assert {f"etc/systemd/system/etalase-edge-{role}.service" for role in ("web", "worker", "beat")} <= made.keys()
    assert name in databases(postgres_server)
    shown = "\n".join([*machine.lines, *(word for command in machine.commands for word in command)])
    for secret in (given["ETALASE_HO_PASSWORD"], settings["ETALASE_S3_SECRET_KEY"], settings["ETALASE_SECRET_KEY"]):
        assert secret not in shown
    steps = [command[-2:] for command in machine.commands if "edge" in command]
    assert [step[0] if step[0] != "edge" else step[1] for step in steps] == ["migrate", "sync", "doctor"]

    again = RecordedMachine(tmp_path)
    again.has_users = True
    set_up(again, {}, kept=settings)
    assert again.changes == []
    assert files(tmp_path) == made

    machine.changes.clear()
    admin_key = (given["S3_ADMIN_ACCESS_KEY"], given["S3_ADMIN_SECRET_KEY"])
    remove.remove(machine, EDGE, with_data=True, admin_url=given["ADMIN_DATABASE_URL"], admin_key=admin_key)
    assert files(tmp_path) == {}
    assert name not in databases(postgres_server)
    assert any(change.startswith("removed bucket") for change in machine.changes)
    machine.has_users = False
    machine.changes.clear()
    remove.remove(machine, EDGE, with_data=True, admin_url=given["ADMIN_DATABASE_URL"], admin_key=admin_key)
    assert machine.changes == []


def test_tables_and_objects_of_another_program_stay_in_a_removal_with_data(
    given: Answers, postgres_server: Postgres, tmp_path: Path
) -> None:
    name = given["DATABASE_URL"].rpartition("/")[2]
    machine = RecordedMachine(tmp_path)
    set_up(machine, given)
    admin_key = (given["S3_ADMIN_ACCESS_KEY"], given["S3_ADMIN_SECRET_KEY"])
    undo = partial(remove.remove, machine, EDGE, with_data=True, admin_url=given["ADMIN_DATABASE_URL"], admin_key=admin_key)
    bucket = bucket_user.bucket(env_file.parse(files(tmp_path)["etc/etalase/edge.env"][0], name="edge.env"))
    bucket.put("logos/logo.png", b"logo", content_type="image/png")
    with closing(psycopg.connect(postgres_server.url(name), autocommit=True)) as connection:
        connection.execute("CREATE SCHEMA till; CREATE TABLE till.orders (id int)")
        made = files(tmp_path)
        with pytest.raises(UsageError, match="orders"):
            undo()
        assert (files(tmp_path), name in databases(postgres_server)) == (made, True)
        connection.execute("DROP SCHEMA till CASCADE")
    undo()
    assert name not in databases(postgres_server)
    assert [info.key for info in bucket.list("")] == ["logos/logo.png"]


def test_the_tables_of_each_half_are_known_as_its_own() -> None:
    for half, is_edge in ((EDGE.half, True), (HEAD_OFFICE.half, False)):
        tables = [
            model._meta.db_table
            for model in apps.get_models(include_auto_created=True)
            if (model._meta.app_label == "etalase_edge") is is_edge
        ]
        assert tables
        assert [table for table in tables if not re.search(database.OWN_TABLES[half], table)] == []


def test_a_changed_answer_restarts_the_services_and_an_equal_one_does_not(
    given: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(WithoutPrograms(tmp_path), given)
    monkeypatch.setattr(init, "is_running_systemd", lambda: True)
    settings = env_file.parse((tmp_path / "etc/etalase/edge.env").read_text(), name="edge.env")

    def restarted(answers: Answers) -> list[list[str]]:
        machine = WithoutPrograms(tmp_path)
        machine.has_users = True
        set_up(machine, answers, kept=settings)
        return [command[2:] for command in machine.commands if command[:2] == ["systemctl", "try-restart"]]

    services = [f"etalase-edge-{role}.service" for role in ("web", "worker", "beat")]
    assert restarted({}) == []
    assert restarted({"ETALASE_BANDWIDTH": "06:00,512k 23:00,off"}) == [services]


def test_a_dry_run_shows_all_of_it_and_changes_nothing(given: Answers, postgres_server: Postgres, tmp_path: Path) -> None:
    look = Look(tmp_path)
    set_up(look, given)
    shown = "\n".join(look.lines)
    for part in ("ETALASE_STORE_ID=", "useradd --system", "ExecStart=", "CREATE", "edge migrate", "edge sync", "edge doctor"):
        assert part in shown or part == "CREATE", part
    assert files(tmp_path) == {}
    assert given["DATABASE_URL"].rpartition("/")[2] not in databases(postgres_server)


def test_an_init_goes_on_where_it_was_interrupted(given: Answers, tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    class Fragile(RecordedMachine):
        def write(self, path: str, text: str, *, mode: int, owner: str = "root", quiet: bool = False) -> bool:
            if path.endswith("beat.service"):
                raise Interrupted
            return super().write(path, text, mode=mode, owner=owner, quiet=quiet)

    with pytest.raises(Interrupted):
        set_up(Fragile(tmp_path), given)
    kept = init.kept_answers(RecordedMachine(tmp_path), EDGE)
    admin = {name: value for name, value in given.items() if "ADMIN" in name}
    machine = RecordedMachine(tmp_path)
    machine.has_users = True
    set_up(machine, admin, kept=kept)
    assert init.kept_answers(machine, EDGE) == kept
    assert any("beat.service" in change for change in machine.changes)
    assert not any("web.service" in change for change in machine.changes if change.startswith("wrote"))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ETALASE_HO_URL", "http://127.0.0.1:1", "nothing listens"),
        ("ETALASE_STORE_ID", str(uuid.UUID(int=7)), "ETALASE_STORE_ID"),
        ("ETALASE_S3_ENDPOINT", "http://127.0.0.1:1", "nothing listens"),
        ("S3_ADMIN_SECRET_KEY", "wrong secret", "S3_ADMIN_SECRET_KEY"),
        ("ETALASE_BROKER_URL", "redis://127.0.0.1:1/0", "broker"),
        ("ADMIN_DATABASE_URL", "postgresql://x:y@127.0.0.1:1/x", "ADMIN_DATABASE_URL"),
        ("BIND", "nonsense", "HOST:PORT"),
    ],
)
def test_a_wrong_answer_is_named(given: Answers, tmp_path: Path, name: str, value: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        set_up(RecordedMachine(tmp_path), {**given, name: value})


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = RecordedMachine(tmp_path)
    machine.write("/etc/x", "before", mode=0o600)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        machine.write("/etc/x", "after", mode=0o600)
    assert files(tmp_path) == {"etc/x": ("before", 0o600)}


@pytest.mark.parametrize(("typed", "yes", "ok"), [("shop", False, True), ("yes", False, False), ("", True, True)])
def test_data_go_only_after_the_name_is_typed(typed: str, yes: bool, ok: bool) -> None:
    answers = {"DATABASE_URL": "postgresql://a:b@c/shop", "ETALASE_S3_BUCKET": "b"}
    if ok:
        remove.confirmed(EDGE, answers, with_data=True, ask=lambda _: typed, yes=yes)
    else:
        with pytest.raises(UsageError, match="Nothing was changed"):
            remove.confirmed(EDGE, answers, with_data=True, ask=lambda _: typed, yes=yes)
    if not yes:
        with pytest.raises(UsageError, match="--yes"):
            remove.confirmed(EDGE, answers, with_data=True, ask=None, yes=False)


def test_a_half_goes_only_after_its_name_is_typed_and_a_script_is_not_asked() -> None:
    answers = {"DATABASE_URL": "postgresql://a:b@c/shop"}
    for typed in ("", "shop", "y"):
        with pytest.raises(UsageError, match="Nothing was changed"):
            remove.confirmed(EDGE, answers, with_data=False, ask=partial(str.format, typed), yes=False)
    remove.confirmed(EDGE, answers, with_data=False, ask=lambda _: "edge\n", yes=False)
    remove.confirmed(EDGE, answers, with_data=False, ask=None, yes=False)


def test_a_removal_with_data_but_without_settings_says_that_the_data_stay(tmp_path: Path) -> None:
    machine = RecordedMachine(tmp_path)
    remove.remove(machine, EDGE, with_data=True, admin_url="local", admin_key=("", ""))
    assert machine.changes == []
    assert any("database and photos stay" in line for line in machine.lines)
