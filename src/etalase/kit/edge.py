"""The half that the kit sets up in a store: the edge."""

from etalase.kit import checks, head_office_checks, seaweedfs
from etalase.kit.accounts import USER
from etalase.kit.answers import Question
from etalase.kit.half import JOIN_NOTE, STATE, Kit, database_questions, object_store_questions, own_authority, server_questions
from etalase.kit.units import ServiceUnit
from etalase.settings.edge import EdgeServerSettings, EdgeSettings


def services(program: str) -> list[ServiceUnit]:
    """Returns the services of an edge."""
    env_file = "/etc/etalase/edge.env"
    after = ("postgresql.service", "redis-server.service", f"{seaweedfs.NAME}.service")

    def service(role: str, description: str, *args: str, watchdog: str, start: str, stop: str) -> ServiceUnit:
        command = [program, "edge", *args]
        return ServiceUnit(
            f"etalase-edge-{role}", f"Etalase, {description}", command, USER, env_file,
            watchdog=watchdog, start_timeout=start, stop_timeout=stop, after=after,
        )  # fmt: skip

    return [
        service("web", "web server of the edge", "serve", "--bind", "${BIND}", watchdog="90", start="90", stop="30"),
        # Both wait for their broker as long as it takes.
        service("worker", "worker of the edge", "worker", watchdog="120", start="infinity", stop="300"),
        service("beat", "schedule of the edge", "beat", watchdog="300", start="infinity", stop="30"),
    ]


_STORE = ("ETALASE_HO_USERNAME", "ETALASE_HO_PASSWORD", "ETALASE_COMPANY_ID", "ETALASE_STORE_ID")

EDGE = Kit(
    half="edge",
    title="the edge of a store",
    env_file="/etc/etalase/edge.env",
    other_env_file="/etc/etalase/head-office.env",
    database="etalase_edge",
    database_role="",
    screens=(EdgeSettings, EdgeServerSettings),
    services=services,
    made={"ETALASE_SPOOL_DIR": f"{STATE}/spool"},
    notes=(JOIN_NOTE,),
    questions=(
        Question("ETALASE_HO_URL", "Head office's address", check=head_office_checks.answers_without_tls),
        own_authority("head office", "ETALASE_HO_URL", check=head_office_checks.answers, again=("ETALASE_HO_URL",)),
        Question("ETALASE_HO_USERNAME", "The store's account at head office"),
        Question("ETALASE_HO_PASSWORD", "Its password", is_secret=True),
        Question("ETALASE_COMPANY_ID", "Company id, from head office"),
        Question("ETALASE_STORE_ID", "Store id, from head office", check=head_office_checks.account, again=_STORE),
        Question(
            "ETALASE_IMAGE_ORIGINS",
            "Hosts of head office's photos, where they differ from its own",
            default=head_office_checks.image_origins,
        ),
        *object_store_questions("etalase-edge", readers="tills", port=9000),
        *database_questions("etalase_edge"),
        Question(
            "ETALASE_BROKER_URL", "Broker (Redis or Valkey)", default=lambda _: "redis://127.0.0.1:6379/0", check=checks.broker
        ),
        *server_questions(lambda: f"{checks.own_addresses()[1]}:8001"),
        Question("ETALASE_SUPPORT_CONTACT", "Contact that the store sees when something is wrong", default=lambda _: ""),
    ),
)
