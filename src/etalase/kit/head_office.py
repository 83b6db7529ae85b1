"""The half that the kit sets up at head office."""

from etalase.kit import checks, seaweedfs
from etalase.kit.accounts import USER
from etalase.kit.answers import Answers, Question
from etalase.kit.half import Kit, database_questions, object_store_questions, own_authority, server_questions
from etalase.kit.units import ServiceUnit
from etalase.settings.head_office import HeadOfficeSettings


def services(program: str) -> list[ServiceUnit]:
    """Returns the services of head office."""
    env_file = "/etc/etalase/head-office.env"
    web = [program, "head-office", "serve", "--bind", "${BIND}"]
    after = ("postgresql.service", f"{seaweedfs.NAME}.service")
    return [
        ServiceUnit("etalase-head-office-web", "Etalase, head office", web, USER, env_file, watchdog="90", after=after),
        # It waits for database and bucket as long as it takes; a large photo may take minutes.
        ServiceUnit(
            "etalase-head-office-worker", "Etalase, worker of head office", [program, "head-office", "worker"], USER, env_file,
            watchdog="300", start_timeout="infinity", stop_timeout="30", after=after, more={"Nice": "10"},
        ),
        ServiceUnit(
            "etalase-head-office-purge", "Etalase, old tombstones", [program, "head-office", "purge-tombstones"], USER,
            env_file, after=after, on_calendar="*-*-* 03:30:00",
        ),
    ]  # fmt: skip


def _own_proxies(answers: Answers) -> str:
    return "1" if answers.get("ETALASE_CSRF_TRUSTED_ORIGINS") else "0"


_PRIVATE_BUCKET = Question(
    "ETALASE_MASTERS_BUCKET",
    "Private bucket, for uploads and old versions of photos",
    default=lambda answers: f"{answers['ETALASE_S3_BUCKET']}-masters",
)

HEAD_OFFICE = Kit(
    half="head-office",
    title="head office",
    env_file="/etc/etalase/head-office.env",
    other_env_file="/etc/etalase/edge.env",
    database="etalase_head_office",
    database_role="pg_read_all_stats",  # the feed's horizon is the oldest open transaction, of any role
    screens=(HeadOfficeSettings,),
    services=services,
    made={},
    questions=(
        *object_store_questions("etalase-head-office", readers="the stores", port=9000, private_bucket=(_PRIVATE_BUCKET,)),
        own_authority("that address", "ETALASE_S3_PUBLIC_URL", check=checks.ca_file, again=()),
        *database_questions("etalase_head_office"),
        *server_questions(lambda: "127.0.0.1:8002"),
        Question(
            "ETALASE_CSRF_TRUSTED_ORIGINS", "https address of the proxy before it, as https://photos.example.com",
            default=lambda _: "",
        ),
        Question("ETALASE_PROXY_COUNT", "Number of your own proxies before it", default=_own_proxies),
    ),
)  # fmt: skip
