"""Runs `etalase demo`: the complete system on one machine, with an example menu."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from etalase.argv import ARGV
from etalase.demo import layout, menu, stores
from etalase.demo.layout import Layout, Ports
from etalase.demo.ready import ready_text
from etalase.demo.system import System
from etalase.demo.verify_images import check
from etalase.devstack.makes import Make
from etalase.devstack.ports import check_free
from etalase.devstack.process import StackError, await_predecessors
from etalase.errors import UsageError

POLL_SECONDS = 0.5
# Failed photos (1) and removals that wait for a person (3) are shown; the demo continues.
NOT_FATAL = frozenset({1, 3})
LIGHT_EDGES = {f"edge-{store.word}": store for store in menu.LIGHT_STORES}
out = Console(stderr=True, highlight=False, soft_wrap=True)


def demo(args: Sequence[str]) -> None:
    """Runs the command. Raises SystemExit with its exit status."""
    options = _parser().parse_args(list(args))
    folder = options.data.absolute()
    if options.action is not None:
        sys.exit(_in_running_demo(folder, options.action, options.rest))
    # `kill` stops the demo in order, like Ctrl-C. SIGINT is set too, since a shell lets background jobs ignore it.
    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop_signal, signal.default_int_handler)
    here = Layout(folder, Ports.with_offset(options.port_offset))
    try:
        sys.exit(_run(here, wish=options.object_store, fresh=options.fresh, leave=options.exit))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="etalase demo",
        description="Run the complete system on this machine: head office, an edge, databases, buckets, and an example menu.",
        epilog="In a running demo: etalase demo edge COMMAND …, etalase demo head-office COMMAND …, etalase demo change-photo, "
        "etalase demo stop-head-office, etalase demo start-head-office; and for the two stores without servers of their own "
        "etalase demo edge-dago COMMAND …, etalase demo edge-kemang COMMAND …, etalase demo heal kemang, "
        "etalase demo damage dago.",
    )
    parser.add_argument(
        "--data", type=Path, default=layout.default_folder(), help="where the data is kept (default %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="delete the data of an earlier demo first")
    parser.add_argument(
        "--object-store",
        type=Make,
        choices=list(Make),
        help="the object store of head office and edge (default: that of the existing data, else seaweedfs); "
        "build minio once with make minio",
    )
    parser.add_argument("--port-offset", type=int, default=0, metavar="N", help="add N to every port, if some are in use")
    parser.add_argument("--exit", action="store_true", help="compare every POS image with head office, print the counts, exit")
    actions = ("edge", "head-office", *LIGHT_EDGES, "change-photo", "stop-head-office", "start-head-office", "heal", "damage")
    parser.add_argument(
        "action",
        nargs="?",
        choices=(*actions, stores.ACTION),
        metavar="ACTION",
        help="in a running demo: " + ", ".join(actions),
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="arguments of edge or head-office; dago or kemang")
    return parser


def _run(here: Layout, *, wish: Make | None, fresh: bool, leave: bool) -> int:
    began = time.monotonic()
    await_predecessors(here.folder)
    object_store = _choose_object_store(wish, None if fresh else layout.kept_object_store(here))
    _check_ports(here.ports, object_store)
    if fresh:
        _delete_data(here.folder)
    here.folder.mkdir(parents=True, exist_ok=True)
    here.object_store.write_text(f"{object_store}\n")
    here.head_office_is_stopped.unlink(missing_ok=True)
    is_new = not here.state.exists()
    system = System(here, layout.demo_secrets(here), object_store)
    try:
        with out.status("starting PostgreSQL, Valkey and two S3 servers"):
            system.start_parts()
        if is_new:
            _set_up_head_office(system)
        layout.remember(here, system.secrets, system.head_office_variables, system.edge_variables)
        with out.status("starting head office"):
            if not is_new:  # the data may be from an earlier version
                system.must("head-office", "migrate")
            system.start_head_office()
        system.must("edge", "migrate")
        # Before the worker, which begins a scheduled run at once if one was due while it was stopped.
        synced = system.etalase("edge", "sync", quiet=False)
        out.print(synced.stdout.strip(), markup=False)
        if synced.returncode not in {0, *NOT_FATAL}:
            return synced.returncode
        with out.status("starting the edge"):
            system.start_edge()
        out.print(f"Ready after {time.monotonic() - began:.0f} s.")
        return _compare(here.ports) if leave else _run_until_stopped(system)
    finally:
        with out.status("stopping"):
            system.stop()


def _set_up_head_office(system: System) -> None:
    """Writes the menu and sets head office up with it, by head office's own commands."""
    here = system.layout
    csv = menu.write_menu(here.menu)
    with out.status("setting head office up"):
        system.must("head-office", "migrate")
        system.must("head-office", "create-company", menu.COMPANY_NAME, "--id", str(menu.COMPANY_ID))
        system.must(
            *("head-office", "create-store", menu.STORE_CODE, menu.STORE_NAME, "--id", str(menu.STORE_ID)),
            *("--region", menu.STORE_REGION),
            *("--account", layout.STORE_ACCOUNT, "--password-file", _secret_file(here, system.secrets["store_password"])),
        )
        system.must(
            *("head-office", "create-account", layout.ADMIN, "--admin"),
            *("--password-file", _secret_file(here, layout.ADMIN_PASSWORD)),
        )
        (here.folder / "password").unlink()
    imported = system.etalase("head-office", "import", csv, here.menu / "photos", quiet=False)
    out.print(imported.stdout.strip(), markup=False)
    if imported.returncode:
        raise StackError("Head office could not import the demo's menu.")


def _secret_file(here: Layout, secret: str) -> Path:
    file = here.folder / "password"
    file.touch(0o600)
    file.write_text(secret)
    return file


def _compare(ports: Ports) -> int:
    """Compares every image of the POS with head office's checksum; returns the exit status."""
    with out.status("fetching every POS image"):
        checked = check(ports)
    for line in checked.wrong:
        out.print(line, markup=False)
    size = f"{checked.size_bytes / 1024 / 1024:.1f} MiB"
    _print_result(
        f"{checked.images} POS images fetched ({size}): {checked.good} as head office promised, {len(checked.wrong)} wrong."
    )
    return 1 if checked.wrong or not checked.good else 0


def _run_until_stopped(system: System) -> int:
    """Runs until Ctrl-C; stops and starts head office on request. Raises :class:`StackError` if a server ends by itself."""
    here = system.layout
    makes_stores = stores.are_wanted(here, system.secrets)
    out.print(ready_text(here, makes_stores=makes_stores))
    maker = stores.begin(here) if makes_stores else None
    try:
        while (ended := system.stopped_by_itself()) is None:
            time.sleep(POLL_SECONDS)
            if maker is not None and not maker.running:
                out.print(stores.outcome(maker), markup=False)
                maker = None
            wanted = not here.head_office_is_stopped.exists()
            if wanted and not system.head_office:
                system.start_head_office()
                out.print("Head office is back.")
            elif not wanted and system.head_office:
                system.stop_head_office()
                out.print("Head office and its bucket are stopped; the POS goes on.")
    finally:
        if maker is not None:
            maker.stop()
    raise ended.failed("ended by itself")


def _in_running_demo(folder: Path, action: str, args: list[str]) -> int:
    """Runs an action in the demo that runs in ``folder``; returns its exit status."""
    state = folder / "demo.json"
    if not state.exists():
        raise UsageError(f"No demo has run in {folder}.", hint="Start it in another terminal: etalase demo")
    kept = json.loads(state.read_text())
    here = Layout(folder, Ports.with_offset(kept["port_offset"]))
    if action == "stop-head-office":
        here.head_office_is_stopped.touch()
        return 0
    if action == "start-head-office":
        here.head_office_is_stopped.unlink(missing_ok=True)
        return 0
    if action == "change-photo":
        return _change_photo(here, kept)
    if action == stores.ACTION:
        return stores.make(here, kept)
    if action == "heal":
        return stores.heal(kept, args)
    if action == "damage":
        return stores.damage(kept, args)
    light = LIGHT_EDGES.get(action)
    settings = stores.edge_variables(kept, light) if light else kept[action]
    half = "edge" if light else action
    return subprocess.run([*ARGV, half, *args], env=layout.environment(settings), check=False).returncode


def _change_photo(here: Layout, kept: dict[str, dict[str, str]]) -> int:
    """Swaps one dish's photo with its second version, by an import and a sync; returns the exit status."""
    item, name = menu.TRY_ME, menu.TRY_ME.files[0]
    shown, other = here.menu / "photos" / name, here.menu / "try-me" / name
    aside = shown.with_suffix(".aside")
    shown.replace(aside)
    other.replace(shown)
    aside.replace(other)
    one_line = here.menu / "change.csv"
    one_line.write_text(f"sku,name,file,is_primary,sort_order,stores\n{item.sku},{item.name},{name},true,0,\n")
    for half, args in (("head-office", ["import", str(one_line), str(here.menu / "photos")]), ("edge", ["sync", "--wait"])):
        status = subprocess.run([*ARGV, half, *args], env=layout.environment(kept[half]), check=False).returncode
        if status not in {0, *NOT_FATAL}:
            return status
    _print_result(f"{item.name} has another photo now: look at http://127.0.0.1:{here.ports.edge}/")
    return 0


def _choose_object_store(wish: Make | None, kept: Make | None) -> Make:
    """Returns the wanted, else the existing, else the default make. Raises UsageError and StackError before any change."""
    if wish and kept and wish is not kept:
        raise UsageError(
            f"The data of this demo is in {kept}, which {wish} cannot read.",
            hint=f"Omit --object-store to continue with {kept}, or start again with --fresh or another --data.",
        )
    chosen = wish or kept or Make.SEAWEEDFS
    chosen.find_program()
    return chosen


def _check_ports(ports: Ports, object_store: Make) -> None:
    wanted = {
        "head office": ports.head_office,
        "edge": ports.edge,
        "PostgreSQL": ports.postgres,
        "Valkey": ports.valkey,
        **object_store.wanted(ports.head_office_s3),
        **{f"edge's {what}": port for what, port in object_store.wanted(ports.edge_s3).items()},
    }
    check_free(wanted, hint="Stop that program, or choose other ports: etalase demo --port-offset 100")


def _delete_data(folder: Path) -> None:
    """Deletes the folder of an earlier demo. Raises UsageError for any other folder."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not any((folder / mark).exists() for mark in ("demo.json", "menu", "object-store")):
        raise UsageError(f"{folder} is not the folder of a demo; --fresh would delete other data.")
    shutil.rmtree(folder)


def _print_result(result: str) -> None:
    """Writes the result to stdout; everything else goes to stderr."""
    sys.stdout.write(result + "\n")
    sys.stdout.flush()
