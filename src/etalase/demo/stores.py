"""Makes the demo's light stores, for the fleet page: one is behind, and the bucket of one is damaged.

Each has an edge of its own with a database and a bucket, and no servers: it reports when a command runs a sync. Their states
are real; nothing writes to head office's tables but its own commands.
"""

import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from etalase.argv import ARGV
from etalase.demo import layout
from etalase.demo.layout import Layout
from etalase.demo.menu import DAGO, KEMANG, LIGHT_STORES, LightStore
from etalase.devstack.process import Child, StackError, spawn
from etalase.errors import UsageError
from etalase.objectstore.client import ObjectStore

ACTION = "make-stores"
Kept = Mapping[str, Any]
"""The demo's ``demo.json``: secrets, ports, and the settings of head office and edge."""

# A person at head office, by whose account the damaged store is loaded.
TECHNICIAN = "technician"
DISH_SKU, DISH_NAME, DISH_PHOTO = "05019901", "NASI TIMBEL DAGO", "nasi-liwet-sunda.webp"


def are_wanted(here: Layout, generated: Mapping[str, str]) -> bool:
    """Returns whether the stores are still to be made. Data of an earlier version have no passwords for them."""
    return all(store.secret in generated for store in LIGHT_STORES) and not here.stores_are_made.exists()


def begin(here: Layout) -> Child:
    """Begins to make the stores in a process of its own, which ends with this one."""
    argv = [*ARGV, "demo", "--data", str(here.folder), ACTION]
    return spawn("Stores", argv, run_dir=here.logs, env=layout.environment({}), grace_seconds=1.0)


def outcome(maker: Child) -> str:
    """Returns the sentence about the ended process."""
    if maker.wait() == 0:
        return f"The fleet page shows {DAGO.name} and {KEMANG.name} now."
    lines = [line for line in maker.log.read_text(errors="replace").splitlines() if line.strip()]
    why = f"{lines[-1] if lines else ''} ({maker.log})"
    return f"The other stores of the fleet page could not be made; the next start tries again. {why}"


def edge_variables(kept: Kept, store: LightStore) -> dict[str, str]:
    """Returns the settings of the store's edge. Raises UsageError for data of a demo without light stores."""
    if store.secret not in kept["secrets"]:
        raise UsageError(
            f"This demo has no store {store.name}: its data are from an earlier version.", hint="Start it with --fresh."
        )
    edge: dict[str, str] = kept["edge"]
    server, _, _ = edge["DATABASE_URL"].rpartition("/")
    return edge | {
        "DATABASE_URL": f"{server}/{store.database}",
        "ETALASE_HO_USERNAME": store.account,
        "ETALASE_HO_PASSWORD": kept["secrets"][store.secret],
        "ETALASE_STORE_ID": str(store.store_id),
        "ETALASE_S3_BUCKET": store.bucket,
        "ETALASE_ACCEPT_ORDERS": "true",
        # It promises its next report in nearly an hour from now, since nothing runs its syncs by the schedule.
        "ETALASE_SCHEDULE_OFFSET_MINUTES": str((time.gmtime().tm_min - 1) % 60),
    }


def heal(kept: Kept, args: list[str]) -> int:
    """Heals a light store by its edge's own commands: reads all photos through, fetches the damaged ones, and reports."""
    settings = layout.environment(edge_variables(kept, _named(args)))
    for command in (["verify", "--deep", "--repair", "--wait"], ["sync", "--wait"]):
        status = subprocess.run([*ARGV, "edge", *command], env=settings, check=False).returncode
        if status:
            return status
    return 0


def damage(kept: Kept, args: list[str]) -> int:
    """Damages the photos in the bucket of a light store, and prints how head office learns of it."""
    store = _named(args)
    count = _damage(edge_variables(kept, store))
    sys.stdout.write(
        f"{count} photos of {store.name} are damaged, still unnoticed. On its page, order to read all photos through, and"
        f" have it report: demo edge-{store.word} sync. Another sync heals it.\n"
    )
    return 0


def _named(args: list[str]) -> LightStore:
    """Returns the store that the arguments name. Raises UsageError."""
    known = {store.word: store for store in LIGHT_STORES}
    if len(args) != 1 or args[0] not in known:
        raise UsageError(f"Name one store: {' or '.join(known)}.")
    return known[args[0]]


def make(here: Layout, kept: Kept) -> int:
    """Makes the stores; a second time continues after an interruption. Raises :class:`StackError`."""
    for store in LIGHT_STORES:
        _head_office(
            *(kept, "create-store", store.code, store.name, "--id", str(store.store_id), "--region", store.region),
            *("--sells", "all", "--account", store.account, "--password-file", "-"),
            password=kept["secrets"][store.secret],
        )
        _must("edge", "migrate", settings=edge_variables(kept, store))
    _make_behind(here, kept)
    _make_damaged(kept)
    here.stores_are_made.touch()
    return 0


def _make_behind(here: Layout, kept: Kept) -> None:
    """Syncs a store, and then gives it a dish that no other store sells."""
    _must("edge", "sync", settings=edge_variables(kept, DAGO))
    table = here.menu / "dago.csv"
    table.write_text(
        f"sku,name,category,file,is_primary,sort_order,stores\n{DISH_SKU},{DISH_NAME},Makanan,{DISH_PHOTO},true,0,{DAGO.code}\n"
    )
    _head_office(kept, "import", str(table), str(here.menu / "photos"))


def _make_damaged(kept: Kept) -> None:
    """Loads a store, damages its objects, and lets it answer head office's challenges with them.

    An edge answers challenges in the run that receives them. So the first load is by a technician's account, for which head
    office takes no report; the account's end makes the store log in with its own.
    """
    own, settings = edge_variables(kept, KEMANG), {"ETALASE_HO_USERNAME": TECHNICIAN}
    technician = ("create-account", TECHNICIAN, "--group", "operator", "--password-file", "-")
    settings["ETALASE_HO_PASSWORD"] = password = secrets.token_urlsafe(32)
    _head_office(kept, *technician, password=password)
    _must("edge", "sync", settings=own | settings)
    _head_office(kept, *technician, password=secrets.token_urlsafe(32))
    _damage(own)
    _must("edge", "sync", settings=own)  # receives the challenges, and reads the objects
    _must("edge", "sync", settings=own)  # brings the answers, and fetches every object again
    _damage(own)


def _damage(settings: Mapping[str, str]) -> int:
    """Overwrites every photo in the bucket with other bytes of the same size, as a failing disk does. Returns how many."""
    bucket = ObjectStore(
        endpoint=settings["ETALASE_S3_ENDPOINT"],
        bucket=settings["ETALASE_S3_BUCKET"],
        access_key=settings["ETALASE_S3_ACCESS_KEY"],
        secret_key=settings["ETALASE_S3_SECRET_KEY"],
    )
    photos = list(bucket.list("products/"))
    for listed in photos:
        described = bucket.head(listed.key)
        content_type = described.content_type if described else None
        bucket.put(listed.key, bucket.get(listed.key)[::-1], content_type=content_type or "application/octet-stream")
    return len(photos)


def _head_office(kept: Kept, *args: str, password: str = "") -> None:
    _must("head-office", *args, settings=kept["head-office"], given=password)


def _must(half: str, *args: str, settings: Mapping[str, str], given: str = "") -> None:
    """Runs a command of ``half`` with ``given`` as its input. Raises :class:`StackError` with the last line of a failed one."""
    done = subprocess.run(
        [*ARGV, half, *args], env=layout.environment(dict(settings)), input=given, capture_output=True, text=True, check=False
    )
    sys.stdout.write(f"etalase {half} {args[0]}:\n{done.stdout}")
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise StackError(f"etalase {half} {args[0]} ended with {done.returncode}: {last}")
