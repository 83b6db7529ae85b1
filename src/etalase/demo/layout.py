"""Defines the demo's folder, ports and secrets, and the settings of its head office and edge."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from etalase.demo import menu
from etalase.devstack.makes import Make

# The guide's accounts and keys are public; they work in the demo only, on loopback (hazard 49).
ADMIN, ADMIN_PASSWORD = "admin", "admin123"
EDGE_S3_KEY, EDGE_S3_SECRET = "edge_foodlife_admin", "edge_foodlife_secret_2026"
HO_S3_KEY = "ho_foodlife_admin"
STORE_ACCOUNT = "avr-sunda"
HEAD_OFFICE_PORT = 8002


@dataclass(frozen=True, slots=True)
class Ports:
    """The demo's ports on 127.0.0.1. The guide's own are the defaults; ``--port-offset`` moves all of them."""

    head_office: int
    edge: int
    head_office_s3: int
    edge_s3: int
    postgres: int
    valkey: int

    @classmethod
    def with_offset(cls, offset: int) -> "Ports":
        """Returns the default ports, each plus ``offset``."""
        return cls(HEAD_OFFICE_PORT + offset, 8001 + offset, 9000 + offset, 9010 + offset, 15432 + offset, 16379 + offset)


@dataclass(frozen=True, slots=True)
class Layout:
    """The demo's folder and the paths in it."""

    folder: Path
    ports: Ports

    @property
    def menu(self) -> Path:
        """Returns the folder of the pictures and the CSV file that head office imports."""
        return self.folder / "menu"

    @property
    def logs(self) -> Path:
        """Returns the folder of the log of each process."""
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        """Returns the file of ports and secrets, by which other commands find the running demo."""
        return self.folder / "demo.json"

    @property
    def object_store(self) -> Path:
        """Returns the file that names the make of object store."""
        return self.folder / "object-store"

    @property
    def head_office_is_stopped(self) -> Path:
        """Returns the file that stops head office while it exists."""
        return self.folder / "head-office.stopped"

    @property
    def stores_are_made(self) -> Path:
        """Returns the file that says that the light stores are there."""
        return self.folder / "stores.made"


def default_folder() -> Path:
    """Returns the default folder. For root it is not in root's home, which PostgreSQL's user cannot enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/etalase-demo")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "etalase-demo"


def kept_object_store(layout: Layout) -> Make | None:
    """Returns the make of the demo's data, or None without data."""
    if layout.object_store.exists():
        return Make(layout.object_store.read_text().strip())
    # The data are from a version without a choice.
    return Make.SEAWEEDFS if layout.state.exists() else None


def demo_secrets(layout: Layout) -> dict[str, str]:
    """Returns the secrets of this demo, which are generated at its first start and stored for its owner only."""
    if layout.state.exists():
        kept: dict[str, str] = json.loads(layout.state.read_text())["secrets"]
        return kept
    names = ("head_office_key", "edge_key", "head_office_s3", "store_password", *(one.secret for one in menu.LIGHT_STORES))
    return {name: secrets.token_urlsafe(32) for name in names}


def remember(layout: Layout, generated: dict[str, str], head_office: dict[str, str], edge: dict[str, str]) -> None:
    """Stores secrets, ports and the settings of both halves, for commands in the running demo."""
    descriptor = os.open(layout.state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        offset = layout.ports.head_office - HEAD_OFFICE_PORT
        json.dump({"secrets": generated, "port_offset": offset, "head-office": head_office, "edge": edge}, file)


def head_office_variables(layout: Layout, generated: dict[str, str], database_url: str) -> dict[str, str]:
    """Returns the environment variables of the demo's head office."""
    s3 = f"http://127.0.0.1:{layout.ports.head_office_s3}"
    return {
        "DATABASE_URL": database_url,
        "ETALASE_SECRET_KEY": generated["head_office_key"],
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "ETALASE_S3_ENDPOINT": s3,
        "ETALASE_S3_PUBLIC_URL": s3,
        "ETALASE_S3_ACCESS_KEY": HO_S3_KEY,
        "ETALASE_S3_SECRET_KEY": generated["head_office_s3"],
        "ETALASE_LOG_FILES": str(layout.logs / "head-office*.log"),
        "ETALASE_DEMO": "true",
    }


def edge_variables(layout: Layout, generated: dict[str, str], database_url: str, broker_url: str) -> dict[str, str]:
    """Returns the environment variables of the demo's edge."""
    s3 = f"http://127.0.0.1:{layout.ports.edge_s3}"
    return {
        "DATABASE_URL": database_url,
        "ETALASE_BROKER_URL": broker_url,
        "ETALASE_SECRET_KEY": generated["edge_key"],
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "ETALASE_HO_URL": f"http://127.0.0.1:{layout.ports.head_office}",
        "ETALASE_HO_USERNAME": STORE_ACCOUNT,
        "ETALASE_HO_PASSWORD": generated["store_password"],
        "ETALASE_COMPANY_ID": str(menu.COMPANY_ID),
        "ETALASE_STORE_ID": str(menu.STORE_ID),
        "ETALASE_S3_ENDPOINT": s3,
        "ETALASE_S3_PUBLIC_URL": s3,
        "ETALASE_S3_ACCESS_KEY": EDGE_S3_KEY,
        "ETALASE_S3_SECRET_KEY": EDGE_S3_SECRET,
        "ETALASE_SCHEDULE_OFFSET_MINUTES": "0",
        "ETALASE_LOG_FILES": str(layout.logs / "edge*.log"),
        "ETALASE_DEMO": "true",
    }


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Returns this process's environment with ``settings`` in place of all inherited settings of Etalase."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ETALASE_") and name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    }
    return inherited | settings
