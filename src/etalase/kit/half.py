"""The parts of a half that the kit sets up: its questions, its services and its files; and the questions of both halves."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from etalase.argv import with_settings_of_init
from etalase.errors import UsageError
from etalase.kit import checks, database, seaweedfs
from etalase.kit.answers import Answers, Question
from etalase.kit.bucket_user import ADMIN_KEY, ADMIN_SECRET
from etalase.kit.units import ServiceUnit
from etalase.settings.reading import Settings

# What an edge remembers of joining head office by a code.
JOIN_NOTE = "/etc/etalase/edge-joined"
OWN, GIVEN = "seaweedfs", "given"
STATE = "/var/lib/etalase"


@dataclass(frozen=True, slots=True)
class Kit:
    """One half on a bare machine."""

    half: str  # as typed: edge, head-office
    title: str
    env_file: str
    other_env_file: str  # of the other half, with which it may share the user
    database: str
    database_role: str  # a role of PostgreSQL that the half's own one needs to be a member of
    screens: Sequence[type[Settings]]
    questions: Sequence[Question]
    services: Callable[[str], list[ServiceUnit]]
    # Settings that need no decision.
    made: Mapping[str, str]
    # Files besides the settings, which a removal removes.
    notes: Sequence[str] = ()

    @property
    def wrapper(self) -> str:
        """Returns the path of the command that runs ``etalase HALF ...`` with the settings, as the service user."""
        return with_settings_of_init(self.half)


def _is_given(answers: Answers) -> bool:
    return answers.get("OBJECT_STORE") == GIVEN


def _has_weed(_: Answers) -> str:
    return OWN if seaweedfs.is_installed() else GIVEN


def _made_secret(_: Answers) -> str:
    return secrets.token_urlsafe(36)


def _choice(answers: Answers) -> None:
    if answers["OBJECT_STORE"] not in {OWN, GIVEN}:
        raise UsageError(f"expected: {OWN} (one of this machine's own) or {GIVEN} (MinIO, SeaweedFS or another that runs).")
    if not _is_given(answers):
        seaweedfs.unit(seaweedfs.DEFAULT_ENDPOINT)  # raises where its wheel is missing


def _database_url(half: str) -> Callable[[Answers], str]:
    def propose(answers: Answers) -> str:
        return database.url_of(answers.get("ADMIN_DATABASE_URL", database.LOCAL), half, secrets.token_urlsafe(24))

    return propose


def own_authority(server: str, reached_by: str, *, check: Callable[[Answers], object], again: tuple[str, ...]) -> Question:
    """Returns the question for the certificate of an authority of one's own; without TLS, nobody is asked."""
    return Question(
        "ETALASE_CA_FILE", f"Certificate of {server}'s own authority, a file; none for a public one", default=lambda _: "",
        check=check, again=again, is_asked_if=lambda answers: answers.get(reached_by, "").lower().startswith("https:"),
    )  # fmt: skip


def object_store_questions(key: str, *, readers: str, port: int, private_bucket: Sequence[Question] = ()) -> list[Question]:
    """Returns the questions about the object store. ``private_bucket`` asks for a second, private one."""

    def public(answers: Answers) -> str:
        return answers.get("ETALASE_S3_ENDPOINT", "") if _is_given(answers) else f"http://{checks.own_addresses()[1]}:{port}"

    def has_admin(answers: Answers) -> bool:
        return bool(answers.get(ADMIN_KEY))

    def made_if_possible(answers: Answers) -> str | None:
        return _made_secret(answers) if not _is_given(answers) or has_admin(answers) else None

    return [
        Question(
            "OBJECT_STORE", f"Object store: «{OWN}» of this machine's own, or «{GIVEN}»", default=_has_weed, check=_choice
        ),
        Question(
            "ETALASE_S3_ENDPOINT", "Address of the object store for this machine",
            default=lambda _: seaweedfs.DEFAULT_ENDPOINT,
            check=lambda answers: checks.reachable(answers, "ETALASE_S3_ENDPOINT") if _is_given(answers) else None,
        ),
        Question("ETALASE_S3_PUBLIC_URL", f"Address of the object store for {readers}", default=public),
        Question("ETALASE_S3_BUCKET", "Bucket", default=lambda _: "product-images"),
        *private_bucket,
        Question(
            ADMIN_KEY, "Access key of MinIO's administrator, to make a user (not kept)", default=lambda _: "",
            is_kept=False, is_asked_if=_is_given, until="ETALASE_S3_SECRET_KEY",
        ),
        Question(
            ADMIN_SECRET, "Secret key of MinIO's administrator (not kept)", is_secret=True, is_kept=False, is_asked_if=has_admin
        ),
        Question("ETALASE_S3_ACCESS_KEY", "Access key of Etalase", default=lambda _: key),
        Question("ETALASE_S3_SECRET_KEY", "Secret key of Etalase", default=made_if_possible, is_secret=True),
    ]  # fmt: skip


def database_questions(half: str) -> list[Question]:
    return [
        Question(
            "ADMIN_DATABASE_URL",
            "PostgreSQL's superuser, to make role and database: «local» (this machine's), or an address (not kept)",
            default=lambda _: database.LOCAL, proposal=database.LOCAL, is_secret=True, is_kept=False,
            until="DATABASE_URL",
        ),
        Question("DATABASE_URL", "Database", default=_database_url(half), is_secret=True, is_made=True),
    ]  # fmt: skip


def server_questions(bind: Callable[[], str]) -> list[Question]:
    return [
        Question(
            "BIND", "Address and port of the web server", default=lambda _: bind(),
            check=lambda answers: checks.free_or_ours(answers["BIND"]),
        ),
        Question(
            "ETALASE_ALLOWED_HOSTS", "Names and addresses of this machine in URLs, separated by commas",
            default=lambda _: ",".join(checks.own_addresses()),
        ),
        Question("ETALASE_TIME_ZONE", "Time zone", default=lambda _: checks.time_zone()),
        Question("ETALASE_SECRET_KEY", "Secret key", default=_made_secret, is_secret=True, is_made=True),
    ]  # fmt: skip
