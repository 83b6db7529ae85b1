"""Sets up one half on this machine, step by step. Each step looks first, and changes only what is not right yet."""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from etalase.errors import UsageError
from etalase.kit import bucket_user, database, env_file, seaweedfs, units
from etalase.kit.accounts import USER, as_user, check_reach, ensure_user, environment_of
from etalase.kit.answers import Answers, Asker, Sources, collect, hide, interview
from etalase.kit.half import OWN, STATE, Kit
from etalase.kit.machine import Host
from etalase.kit.run_as import command_line
from etalase.kit.units import ServiceUnit

# Failed photos (1) and removals that wait for a person (3) do not stop an init.
SYNC_FINE = frozenset({0, 1, 3})
READY_SECONDS = 30
ABOUT = (
    "{title}: settings, read by systemd and by {wrapper}.\nMade by `etalase {half} init`; edit it, then restart the services."
)


def program() -> Path:
    """Returns the command ``etalase`` beside this interpreter."""
    return Path(sys.executable).parent / "etalase"


def kept_answers(machine: Host, kit: Kit) -> Answers:
    """Returns the answers of an earlier init."""
    text = machine.read(kit.env_file)
    return env_file.parse(text, name=kit.env_file) if text is not None else {}


def gather(machine: Host, kit: Kit, sources: Sources, *, ask: Asker | None) -> Answers:
    """Returns all answers; stores each one that a person gives, so that an interrupted init goes on."""
    for question in kit.questions:
        hide(question, sources.find(question.name) or "")
    before = machine.read(kit.env_file)
    if ask is None:
        answers = collect(kit.questions, sources, kit.screens)
    else:
        answers = interview(
            kit.questions, sources, kit.screens, ask=ask, keep=lambda given: write_env(machine, kit, sources, given, quiet=True)
        )
    _check_apart(machine, kit, answers)
    if not write_env(machine, kit, sources, answers) and machine.read(kit.env_file) != before:
        machine.note(f"wrote {kit.env_file}, answer by answer")
    return answers


def write_env(machine: Host, kit: Kit, sources: Sources, answers: Answers, *, quiet: bool = False) -> bool:
    """Writes the settings file: answers, settings that need no decision, and settings that no question asks for.

    Returns whether that changed it.
    """
    kept = {one.name: answers[one.name] for one in kit.questions if one.is_kept and one.name in answers}
    settings = {**kit.made, **kept, **sources.further(kit.questions, kit.screens)}
    about = ABOUT.format(title=kit.title, wrapper=kit.wrapper, half=kit.half)
    text = env_file.render(settings, about=about)
    return machine.write(kit.env_file, text, mode=0o600, quiet=quiet)


def set_up(
    machine: Host,
    kit: Kit,
    sources: Sources,
    *,
    ask: Asker | None,
    write_units: bool,
    first_sync: bool,
    has_new_answers: bool = False,
) -> int:
    """Sets up the half. Returns the exit status of its doctor, or of the first step that failed.

    ``has_new_answers``: the settings file has changed since the services may have read it.
    """
    if not machine.is_dry:
        check_reach(program())
    before = machine.read(kit.env_file)
    answers = gather(machine, kit, sources, ask=ask)
    # A service reads its settings when it starts.
    has_new_settings = has_new_answers or (before is not None and machine.read(kit.env_file) != before)
    ensure_user(machine, USER, STATE)
    has_new_key = answers["OBJECT_STORE"] == OWN and seaweedfs.ensure(machine, answers)
    services = _services(kit, answers)
    if write_units:
        own = [one for one in services if one.env_file == kit.env_file] if has_new_settings else []
        _write_units(machine, services, restarted=[*own, *(services[:1] if has_new_key else [])])
    if answers["OBJECT_STORE"] == OWN:
        _start_object_store(machine, services[0], answers, is_unit=write_units)
    else:
        bucket_user.ensure_user(machine, answers)
    _ensure_database(machine, kit, answers)
    _write_wrapper(machine, kit)
    run = _Runner(machine, kit, answers)
    if status := run("migrate"):
        return status
    if kit.half == "head-office":
        run("create-account", "admin", "--admin")
    elif first_sync and (status := run("sync", "--wait")) not in SYNC_FINE:
        machine.say("The first sync is not complete; the services repeat it each hour.")
    if write_units:
        _enable(machine, services)
    else:
        _say_how_to_start(machine, services)
    return run("doctor")


class _Runner:
    """Runs commands of the half as its user, with its settings."""

    def __init__(self, machine: Host, kit: Kit, answers: Answers) -> None:
        self._machine, self._kit = machine, kit
        settings = {name: value for name, value in {**kit.made, **answers}.items() if value}
        if not machine.is_dry:
            settings = {name: value for name, value in kept_answers(machine, kit).items() if value}
        self._environment = environment_of(USER, settings)

    def __call__(self, *args: str) -> int:
        return self._machine.attached(as_user(USER, str(program()), self._kit.half, *args), environment=self._environment)


def _services(kit: Kit, answers: Answers) -> list[ServiceUnit]:
    own = [seaweedfs.unit(answers["ETALASE_S3_ENDPOINT"])] if answers["OBJECT_STORE"] == OWN else []
    return [*own, *kit.services(str(program()))]


def _check_apart(machine: Host, kit: Kit, answers: Answers) -> None:
    """Raises :class:`UsageError` if the other half on this machine has a bucket of this one: each would delete the other's."""
    other = env_file.parse(machine.read(kit.other_env_file) or "", name=kit.other_env_file)
    is_same_server = other.get("ETALASE_S3_ENDPOINT") == answers["ETALASE_S3_ENDPOINT"]
    theirs = {other.get("ETALASE_S3_BUCKET"), other.get("ETALASE_MASTERS_BUCKET")}
    if is_same_server and (both := theirs.intersection(bucket_user.bucket_names(answers))):
        raise UsageError(
            f"{kit.other_env_file} has the same bucket, {', '.join(sorted(filter(None, both)))}.",
            hint="Give this half a bucket of its own: --s3-bucket.",
        )


def _write_units(machine: Host, services: Sequence[ServiceUnit], *, restarted: Sequence[ServiceUnit]) -> None:
    """Writes the units; restarts ``restarted``, and services whose unit changed while they run."""
    written = [
        one for one in services for name, text in one.units.items() if machine.write(f"{units.FOLDER}/{name}", text, mode=0o644)
    ]
    changed = [one for one in services if one in written or one in restarted]
    if changed and is_running_systemd():
        machine.run(["systemctl", "daemon-reload"], change="reloaded systemd")
        names = [one.started for one in changed]
        machine.run(["systemctl", "try-restart", *names], change=f"restarted {', '.join(names)}, where they ran")


def _start_object_store(machine: Host, service: ServiceUnit, answers: Answers, *, is_unit: bool) -> None:
    """Starts this machine's own object store, and waits until it accepts the key."""
    if is_unit and is_running_systemd():
        _enable(machine, [service])
    until = time.monotonic() + (READY_SECONDS if is_unit and is_running_systemd() else 0)
    while not machine.is_dry and (problem := bucket_user.problem(answers)):
        if time.monotonic() >= until:
            raise UsageError(
                f"This machine's own object store is not ready: {problem}",
                hint=f"Start it (again), then run this once more: {_by_hand(service)}",
            )
        time.sleep(0.5)


def _by_hand(service: ServiceUnit) -> str:
    """Returns the command line that runs a service without systemd, for a shell of root."""
    command = command_line(sys.executable, service.user, service.env_file, *service.command)
    return f"(cd /var/lib/{service.state_folder} && exec {shlex.join(command)})"


def _ensure_database(machine: Host, kit: Kit, answers: Answers) -> None:
    url, admin = answers["DATABASE_URL"], database.superuser(machine, answers["ADMIN_DATABASE_URL"])
    if not database.connects(url):
        database.ensure_database(machine, admin, url)
    else:
        database.refuse_other_half(url, kit.half)
    if kit.database_role and not database.is_member(url, kit.database_role):
        database.grant(admin, url, kit.database_role)


def _write_wrapper(machine: Host, kit: Kit) -> None:
    """Writes the command for a person: it has the settings and runs as the service user."""
    command = shlex.join(command_line(sys.executable, USER, kit.env_file, str(program()), kit.half))
    about = f"Runs `etalase {kit.half} ...` with the settings of {kit.env_file}, as {USER}. For root."
    text = f'#!/bin/sh\n# {about}\nexec {command} "$@"\n'
    machine.write(kit.wrapper, text, mode=0o755)


def _enable(machine: Host, services: Sequence[ServiceUnit]) -> None:
    """Enables and starts the services; without a running systemd, enables them for the next start of the machine."""
    names = [one.started for one in services if not _is_enabled(machine, one.started)]
    if names:
        now = ["--now"] if is_running_systemd() else []
        machine.run(["systemctl", "enable", *now, *names], change=f"enabled {'and started ' if now else ''}{', '.join(names)}")
    if not is_running_systemd():
        machine.say("systemd does not run here: the services start with the machine.")
        _say_how_to_start(machine, services)


def _is_enabled(machine: Host, name: str) -> bool:
    verbs = ("is-enabled", "is-active") if is_running_systemd() else ("is-enabled",)
    return all(machine.look(["systemctl", "--quiet", verb, name]).status == 0 for verb in verbs)


def _say_how_to_start(machine: Host, services: Sequence[ServiceUnit]) -> None:
    machine.say("To run them by hand, each in a shell of root:")
    for service in services:
        machine.say(f"  {_by_hand(service)}")


def is_running_systemd() -> bool:
    """Returns whether systemd is this machine's PID 1 (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def needs_root() -> None:
    """Raises :class:`UsageError` for any other user."""
    if os.geteuid():
        raise UsageError(
            f"This writes to /etc and makes a user: run it as root, as {program()}; etalase-edge and etalase-head-office run as"
            " the service user.",
            hint="--dry-run shows all of it first.",
        )
