"""Undoes an init: services, settings and user; the data only where a person says so."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from etalase.errors import EtalaseError, ObjectMissing, UsageError
from etalase.kit import bucket_user, database, seaweedfs, units
from etalase.kit.accounts import USER, remove_user
from etalase.kit.answers import Answers
from etalase.kit.half import OWN, STATE, Kit
from etalase.kit.init import is_running_systemd, kept_answers, program
from etalase.kit.machine import Host
from etalase.kit.units import ServiceUnit
from etalase.renditions import PUBLIC_PREFIXES

LIST_AT_ONCE = 1000


def confirmed(kit: Kit, answers: Answers, *, with_data: bool, ask: Callable[[str], str] | None, yes: bool) -> None:
    """Raises :class:`UsageError` unless a person has typed the name of what will go, or said --yes.

    A script that removes no data needs no --yes: photos and database stay.
    """
    if yes or not answers or (ask is None and not with_data):
        return
    if ask is None:
        raise UsageError("Nothing was changed: --with-data needs --yes where nobody can be asked.")
    if with_data:
        name = answers.get("DATABASE_URL", "").rpartition("/")[2] or kit.database
        what = f"This deletes the database {name} and every photo of bucket {_named(answers)}."
    else:
        name = kit.half
        what = f"This stops {kit.title} and deletes {kit.env_file} with its passwords; database and photos stay."
    typed = ask(f"{what} Type {name}: ")
    if typed.strip() != name:
        raise UsageError(f"Nothing was changed: «{typed.strip()}» is not {name}.")


def remove(machine: Host, kit: Kit, *, with_data: bool, admin_url: str, admin_key: tuple[str, str]) -> None:
    """Removes what an init has made; it may have been interrupted. A step that fails leaves the rest for the next call."""
    answers = kept_answers(machine, kit)
    if answers and kit.half == "head-office":  # an init before 0.3 did not ask for it
        answers.setdefault("ETALASE_MASTERS_BUCKET", f"{answers['ETALASE_S3_BUCKET']}-masters")
    other = machine.read(kit.other_env_file)
    is_shared = other is not None
    is_own = answers.get("OBJECT_STORE") == OWN and f"OBJECT_STORE={OWN}" not in (other or "")
    database_url = answers.get("DATABASE_URL", "") if with_data else ""
    _check_database(machine, kit, database_url, admin_url)
    _stop(machine, kit.services(str(program())))
    if with_data and not answers:
        machine.say(f"{kit.env_file} is not here: database and photos stay. Run init with the same answers, then this again.")
    elif with_data:
        if not is_own:
            _empty_buckets(machine, {**answers, bucket_user.ADMIN_KEY: admin_key[0], bucket_user.ADMIN_SECRET: admin_key[1]})
        if database_url:
            database.remove_database(database.superuser(machine, admin_url), database_url)
    if is_own:
        _remove_object_store(machine, answers, with_data=with_data)
    elif answers.get("OBJECT_STORE") == OWN and with_data:
        seaweedfs.forget(machine, answers["ETALASE_S3_ACCESS_KEY"])
    _remove_files(machine, kit, is_shared=is_shared)


def _remove_files(machine: Host, kit: Kit, *, is_shared: bool) -> None:
    """Removes command, settings and notes; folder and user, too, unless the other half has them."""
    for path in (kit.wrapper, kit.env_file, *kit.notes):
        machine.remove(path)
    if not is_shared:
        machine.remove(STATE)
        remove_user(machine, USER)
        folder = Path(kit.env_file).parent
        if machine.path(str(folder)).is_dir() and not any(machine.path(str(folder)).iterdir()):
            machine.remove(str(folder))


def _check_database(machine: Host, kit: Kit, database_url: str, admin_url: str) -> None:
    """Raises :class:`UsageError` where more than Etalase's data would go with the database. An empty address: none."""
    if database_url:
        database.refuse_others_tables(database.superuser(machine, admin_url), database_url, kit.half)


def _stop(machine: Host, services: Sequence[ServiceUnit]) -> None:
    """Stops the services and removes their units."""
    there = [name for one in services for name in one.units if machine.read(f"{units.FOLDER}/{name}") is not None]
    if there:
        now = ["--now"] if is_running_systemd() else []
        machine.run(["systemctl", "disable", *now, *there], change=f"stopped and disabled {', '.join(there)}")
    for name in there:
        machine.remove(f"{units.FOLDER}/{name}")
    if there and is_running_systemd():
        machine.run(["systemctl", "daemon-reload"], change="reloaded systemd")


def _remove_object_store(machine: Host, answers: Answers, *, with_data: bool) -> None:
    """Removes this machine's own object store; its folder stays, unless the data go."""
    _stop(machine, [seaweedfs.unit(answers["ETALASE_S3_ENDPOINT"])])
    for path in (seaweedfs.ENV_FILE, seaweedfs.IDENTITIES):
        machine.remove(path)
    if with_data:
        machine.remove(f"/var/lib/{seaweedfs.NAME}")
        remove_user(machine, seaweedfs.USER)


def _named(answers: Answers) -> str:
    return " and ".join(bucket_user.bucket_names(answers)) if "ETALASE_S3_BUCKET" in answers else "that it names"


def _empty_buckets(machine: Host, answers: Answers) -> None:
    """Deletes Etalase's objects, the emptied buckets, and with an administrator's key their user. Reports each refusal."""
    name, others = _named(answers), 0
    try:
        for one in bucket_user.bucket_names(answers):
            store = bucket_user.bucket(answers, one)
            keys: list[str] = []
            with suppress(ObjectMissing):  # no such bucket
                keys = [] if machine.is_dry else [info.key for info in store.list("")]
            if one == answers["ETALASE_S3_BUCKET"]:  # which another program may use, too
                others = sum(not key.startswith(PUBLIC_PREFIXES) for key in keys)
                keys = [key for key in keys if key.startswith(PUBLIC_PREFIXES)]
            for begin in range(0, len(keys), LIST_AT_ONCE):
                store.delete(keys[begin : begin + LIST_AT_ONCE])
            machine.note(f"deleted {len(keys) if not machine.is_dry else 'all'} objects of bucket {one}")
        if others:
            prefixes = " and ".join(PUBLIC_PREFIXES)
            machine.say(f"{others} objects of bucket {name} outside of {prefixes} stay, and the bucket with its key.")
        elif answers.get(bucket_user.ADMIN_KEY) and bucket_user.make_of(answers["ETALASE_S3_ENDPOINT"]) == "minio":
            bucket_user.remove_user(machine, answers)
        else:
            machine.say(f"The empty bucket {name} is left: remove it, and its key, on the object store.")
    except EtalaseError as error:
        raise UsageError(f"The bucket {name} could not be emptied: {error}", hint="Nothing else was removed yet.") from error
