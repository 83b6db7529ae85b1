"""Takes Etalase into the project that the guide's reader has by now, and out of it again."""

from collections.abc import Iterator

import pytest

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import eventually, send
from tests.acceptance.guide_project import BEFORE, FOLDER, Customer, guide_built
from tests.simulator import head_office

DISHES = 6
BACKUP_LISTS = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:ListBucket"]}

# Modules of the standalone edge: it has a Celery application and a queue of its own.
LOAD_ALL = """
import importlib, pkgutil
import etalase.edge
names = ("beat", "celery", "consumer", "queue", "wsgi", "management.commands.photos_init", "management.commands.photos_remove")
standalone = {"etalase.edge." + name for name in names}
for found in pkgutil.walk_packages(etalase.edge.__path__, "etalase.edge."):
    if found.name not in standalone:
        importlib.import_module(found.name)
"""


@pytest.fixture(scope="module", params=["psycopg", pytest.param("psycopg2", marks=pytest.mark.long)])
def customer(
    postgres_server: Postgres, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Customer]:
    """Yields one project for all tests of this file, in their order: its processes take seconds each."""
    folder, driver = tmp_path_factory.mktemp("customer"), request.param
    with (
        head_office() as ho,
        guide_built(postgres_server, s3_server, ho, folder, dishes=DISHES, driver=driver) as project,
    ):
        yield project


def test_check_names_each_thing_of_the_project_that_is_in_the_way(customer: Customer) -> None:
    done = customer.manage("check", CUSTOMER_URLCONF="config.urls_both")
    assert done.returncode == 0, done.stderr
    for name, line in (
        ("sync_product_photos", "sync_product_photos"),
        ("sync_product_photos_full", "sync_product_photos_full"),
    ):
        assert f"The project still defines the task sync_api.tasks.{name} (" in done.stderr
        assert f"sync_api/tasks.py, line {line_of(line)}); Etalase's" in done.stderr
    assert "/api/products/{id}/image is answered by products.views.product_image, not by Etalase" in done.stderr
    retired = customer.manage("check", CUSTOMER_RETIRED_SYNC_API="1", CUSTOMER_ETALASE_FIRST="1")
    assert (retired.returncode, retired.stderr) == (0, "")


def test_check_and_commands_name_settings_that_no_run_can_do_with(customer: Customer) -> None:
    wrong = {
        "CUSTOMER_SET_USE_TZ": "false",
        "CUSTOMER_SET_DATABASE_ROUTERS": '["config.routers.Photos"]',
        "CUSTOMER_SET_ETALASE_PRODUCT_MODEL": '"auth.Group"',
    }
    done = customer.manage("check", **wrong)
    assert done.returncode == 1
    for id_, text in (
        ("E003", "USE_TZ is False"),
        ("E003", "DATABASE_ROUTERS sends products.ProductPhoto to «photos»"),
        ("E004", 'ETALASE_PRODUCT_MODEL is "auth.Group", and products.ProductPhoto has photos of "products.Product"'),
        ("E002", "ETALASE_PRODUCT_MODEL «auth.Group»: its primary key must be a UUIDField"),
    ):
        assert f"(etalase.{id_}) {text}" in done.stderr
    refused = customer.json("photos_status", exit_status=2, **wrong)
    assert "USE_TZ is False" in refused["error"]
    assert "Traceback" not in done.stderr


def test_an_app_of_products_without_a_migration_is_named_before_migrate_ends(customer: Customer) -> None:
    none = {"CUSTOMER_SET_MIGRATION_MODULES": '{"products": "config.no_migrations"}'}
    done = customer.manage("check", **none)
    assert done.returncode == 0, done.stderr
    assert "(etalase.W005) The app products has models and no migration" in done.stderr
    found = {check["id"]: check for check in customer.json("photos_doctor", exit_status=1, **none)["checks"]}
    assert "makemigrations products" in found["settings"]["detail"]
    assert not [check for check in found.values() if "defect" in check["hint"]]
    unmigrated = {"CUSTOMER_SET_MIGRATION_MODULES": '{"products": null, "promo": null}'}
    assert "W005" not in customer.manage("check", **unmigrated).stderr
    assert "etalase_edge.0001_initial" in customer.managed("migrate", "--plan", **unmigrated)


def test_check_names_what_the_database_lacks(customer: Customer) -> None:
    sql = customer.edge.sql
    sql("ALTER TABLE product_photo ALTER updated_at TYPE timestamp")
    database, role = sql("SELECT current_database(), 'role_' || current_database()")[0]
    sql(f"CREATE ROLE {role} LOGIN PASSWORD 'of a test'; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    sql(f"ALTER ROLE {role} IN DATABASE {database} SET default_transaction_read_only = on")
    try:
        place = customer.edge.database_url.rpartition("@")[2]
        limited = {"DATABASE_URL": f"postgresql://{role}:of a test@{place}"}
        done = customer.manage("check", "--database", "default", **limited)
        assert done.returncode == 1
        for text in (
            "(etalase.E007) The database is read-only.",
            "(etalase.E008) product_photo.updated_at is timestamp without time zone, not timestamp with time zone.",
            "(etalase.E009) The role may not create tables in the schema public.",
        ):
            assert text in done.stderr
        away = customer.manage("check", "--database", "default", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
        assert "(etalase.E005) The edge's database does not answer" in away.stderr
    finally:
        sql("ALTER TABLE product_photo ALTER updated_at TYPE timestamptz")
        sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_etalase_comes_in_without_downloads_and_leaves_no_trace_in_the_projects_migrations(customer: Customer) -> None:
    assert "No changes" in customer.managed("makemigrations", "--check", "--dry-run", CUSTOMER_ETALASE_FIRST="1")
    written = customer.managed("makemigrations", "promo", "--empty", "--dry-run", "--verbosity", "3")
    assert "ETALASE" not in written
    customer.add_statement(BACKUP_LISTS | {"Resource": [f"arn:aws:s3:::{customer.bucket}"]})
    customer.managed("migrate")
    customer.json("photos_adopt", "--apply")
    report = customer.json("photos_sync")
    assert (report["outcome"], report["unchanged"], report["bytes_fetched"]) == ("success", DISHES, 0)
    assert [one["Action"] for one in customer.policy()] == ["s3:GetObject", "s3:ListBucket"]


def test_every_module_of_the_edge_loads_without_the_packages_of_other_extras(customer: Customer) -> None:
    customer.managed("shell", "-c", LOAD_ALL, CUSTOMER_WITHOUT=f"{customer.environment['CUSTOMER_WITHOUT']},redis,packaging")


def test_our_tasks_run_by_the_projects_worker_and_stay_on_their_queue(customer: Customer, valkey_server: Valkey) -> None:
    customer.environment["ETALASE_BROKER_URL"] = valkey_server.url
    worker = customer.celery("worker", "--pool", "threads", "--queues", "photos", "--loglevel", "INFO")
    # The guide's code would download all photos again.
    before, company = len(customer.ho.image_requests), customer.environment["ETALASE_COMPANY_ID"]
    store = customer.environment["ETALASE_STORE_ID"]
    send(valkey_server, "sync_api.tasks.sync_product_photos", company, store, queue="photos")
    eventually(lambda: "succeeded" in worker.log.read_text(), 60)
    send(valkey_server, "etalase.edge.tasks.sync_product_photos_full", queue="photos")
    eventually(lambda: worker.log.read_text().count("succeeded") == 2, 60)
    assert len(customer.ho.image_requests) == before
    runs = customer.edge.sql("SELECT kind, trigger, outcome FROM etalase_sync_run ORDER BY id DESC LIMIT 2")
    assert runs == [("full", "schedule", "success"), ("incremental", "schedule", "success")]
    worker.stop()


def test_the_guides_code_runs_again_after_leaving(customer: Customer) -> None:
    objects = {info["Key"] for info in customer.s3().list_objects_v2(Bucket=customer.bucket)["Contents"]}
    rows = customer.edge.sql("SELECT * FROM product_photo ORDER BY id")
    listed = customer.json("photos_leave")
    assert not listed["applied"]
    assert "etalase_checkpoint" in listed["tables"]
    assert "INSTALLED_APPS: etalase.edge, etalase.edge.pos" in " ".join(listed["steps"])
    customer.json("photos_leave", "--apply")
    assert customer.edge.sql("SELECT relname FROM pg_class WHERE relname LIKE 'etalase%%'") == []
    assert customer.edge.sql("SELECT app FROM django_migrations WHERE app = 'etalase_edge'") == []
    assert customer.edge.sql("SELECT * FROM product_photo ORDER BY id") == rows
    customer.list_dishes(DISHES + 1, first=DISHES)
    customer.managed("check", settings=BEFORE)
    customer.managed("migrate", "--check", settings=BEFORE)
    customer.run_guides_code()
    assert customer.edge.sql("SELECT count(*) FROM product_photo") == [(DISHES + 1,)]
    assert objects < {info["Key"] for info in customer.s3().list_objects_v2(Bucket=customer.bucket)["Contents"]}
    customer.managed("migrate")  # and comes again
    customer.json("photos_adopt", "--apply")
    assert customer.json("photos_sync")["unchanged"] == DISHES + 1


def line_of(function: str) -> int:
    """Returns the line of a task's decorator in the customer's module."""
    lines = (FOLDER / "sync_api/tasks.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines) if line.startswith(f"def {function}("))
