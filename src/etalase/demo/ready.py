"""Writes what the demo prints once it runs: its addresses, and things to try."""

import shlex
import shutil
import sys
from pathlib import Path

from etalase.demo import layout
from etalase.demo.layout import Layout
from etalase.demo.menu import DAGO, KEMANG

READY = """
[bold]Etalase is running.[/bold]  POS page        http://127.0.0.1:{edge}/
                     Fleet page      http://127.0.0.1:{head_office}/fleet/   {admin} / {password}
                     HO admin        http://127.0.0.1:{head_office}/admin/   {admin} / {password}
                     HO API docs     http://127.0.0.1:{head_office}/api/v1/docs/
                     Edge's bucket   http://127.0.0.1:{edge_s3}   {s3_key} / {s3_secret}

Three things to try, in another terminal:
  1. Change a photo and see it on the POS within half a minute:
       {etalase} demo{data} change-photo
  2. Stop head office, and see that the POS doesn't notice; then start it again:
       {etalase} demo{data} stop-head-office
       {etalase} demo{data} start-head-office
  3. Ask the edge how it is (any command of the edge or of head office works this way):
       {etalase} demo{data} edge status
{fleet}
Ctrl-C stops everything; the data stays in {folder}."""
FLEET = """
[bold]Two more stores[/bold] join the fleet page within about a minute: {behind} is behind, and {damaged} is wrong,
because the photos in its bucket were damaged. Heal them, and look again:
       {etalase} demo{data} heal {word}
"""


def ready_text(here: Layout, *, makes_stores: bool) -> str:
    """Returns the text, with what becomes of the light stores if this start makes them."""
    words = {
        "etalase": _command_name(),
        "data": "" if here.folder == layout.default_folder().absolute() else f" --data {shlex.quote(str(here.folder))}",
    }
    return READY.format(
        edge=here.ports.edge,
        head_office=here.ports.head_office,
        edge_s3=here.ports.edge_s3,
        admin=layout.ADMIN,
        password=layout.ADMIN_PASSWORD,
        s3_key=layout.EDGE_S3_KEY,
        s3_secret=layout.EDGE_S3_SECRET,
        folder=here.folder,
        fleet=FLEET.format(behind=DAGO.name, damaged=KEMANG.name, word=KEMANG.word, **words) if makes_stores else "",
        **words,
    )


def _command_name() -> str:
    """Returns the command line name for the hints; a path if `etalase` is not on the PATH."""
    return "etalase" if shutil.which("etalase") else str(Path(sys.executable).parent / "etalase")
