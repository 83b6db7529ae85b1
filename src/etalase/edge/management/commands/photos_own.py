"""`etalase edge own`: what an adoption recorded as the store's own, and a person's decisions on it."""

from argparse import ArgumentParser
from typing import Any

from etalase.edge.adoption import ownership
from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import OwnObject, OwnPhoto, OwnState
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

STATES = {"approve": OwnState.APPROVED, "disown": OwnState.DISOWNED}


class Command(EdgeCommand):
    """Exit status: 0 done or nothing is open, 1 something is open, 2 a name is not recorded, 75 a run is in flight."""

    help = (
        "List what an adoption found in the store and head office never listed, or decide on it. approve: it is the store's "
        "own for good. disown: it goes as all does that head office no longer lists. Until then, it stays. Exit status: 0 "
        "done, or nothing is open; 1 something is open; 2 a name is not recorded; 75 a run is in flight."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``list|approve|disown``, ``[PHOTO …]`` and ``--all``."""
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", *STATES])
        parser.add_argument("photo", nargs="*", help="id of a photo, or key of an object, as listed")
        parser.add_argument("--all", action="store_true", help="all on which nobody has decided")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Lists, or decides."""
        storage.checkpoint.OwnStore(settings.COMPANY_ID, settings.STORE_ID).claim()
        if options["action"] == "list":
            return self._list(as_json=options["json"])
        if bool(options["photo"]) == options["all"]:
            raise UsageError("Name photos or objects, or say --all.")
        state = STATES[options["action"]]
        chosen = ownership.choose(options["photo"], everything=options["all"])
        count = ownership.decide(chosen, state, lock=RunLock(settings.STORE_ID, Clock()))
        self.show({state.value: count}, f"{count} {state.value}.", as_json=options["json"])
        return 0

    def _list(self, *, as_json: bool) -> int:
        photos, objects = storage.own_photos.every(), storage.own_objects.every()
        here = {row.id for row in storage.photos.with_ids([photo.photo_id for photo in photos])}
        is_any_open = any(map(ownership.is_open, photos)) or any(map(ownership.is_open, objects))
        if as_json:
            self.show_json(
                {
                    "photos": [{**_photo(photo), "here": photo.photo_id in here} for photo in photos],
                    "objects": [{"object_key": one.object_key, "size": one.size, **_decision(one)} for one in objects],
                }
            )
            return int(is_any_open)
        for photo in photos:
            gone = "" if photo.photo_id in here else ", its row is gone"
            self.stdout.write(f"{photo.photo_id}  {_name(photo)}: {_word(photo)}{gone}")
        for one in objects:
            self.stdout.write(f"{printable(one.object_key)}: {_word(one)}")
        if not photos and not objects:
            self.stdout.write("Nothing is recorded as the store's own.")
        if is_any_open:
            self.stdout.write(as_typed("Decide with: etalase edge own approve|disown PHOTO … | --all"))
        return int(is_any_open)


def _name(photo: OwnPhoto) -> str:
    """Returns the product's name; its id and the object's key where it has none, or is gone."""
    key = (photo.row or {}).get("object_key") or "no object"
    return printable(photo.product_name or f"product {photo.product_id}, {key}")


def _photo(photo: OwnPhoto) -> dict[str, Any]:
    row = photo.row or {}
    return {
        "photo_id": str(photo.photo_id),
        "product_id": str(photo.product_id),
        "product_name": photo.product_name,
        "what": photo.what,
        "object_key": row.get("object_key"),
        "filename": row.get("filename"),
        **_decision(photo),
    }


def _decision(record: OwnPhoto | OwnObject) -> dict[str, Any]:
    return {
        "state": record.state,
        "open": ownership.is_open(record),
        "recorded_at": record.recorded_at.isoformat(),
        "decided_at": record.decided_at.isoformat() if record.decided_at else None,
    }


def _word(record: OwnPhoto | OwnObject) -> str:
    return "kept, nobody has decided" if ownership.is_open(record) else record.state
