"""The parts of an edge's support bundle."""

from dataclasses import asdict
from typing import Any

from django.db.models import F
from django.forms.models import model_to_dict

from etalase.doctor import machine
from etalase.doctor.check import to_json
from etalase.doctor.settings_look import SettingsLook
from etalase.edge.command_names import is_in_project
from etalase.edge.database import translated
from etalase.edge.doctor.run import diagnose
from etalase.edge.heartbeat import heartbeats
from etalase.edge.models import Checkpoint, PendingPhoto, Removal, SyncRun
from etalase.edge.status.collect import read
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import judge
from etalase.edge.sync import storage
from etalase.errors import SettingsError
from etalase.redaction import keep_token
from etalase.settings.edge import EdgeSettings
from etalase.support.bundle import BundlePart, Files
from etalase.support.log_tail import logs, named_without_settings
from etalase.support.shown_settings import django_settings, names_in_environment, shown

MAX_RUNS, MAX_ENTRIES = 100, 1000


def parts(look: SettingsLook[EdgeSettings], *, read_only: bool) -> list[BundlePart]:
    """Returns the parts. With settings that are not valid, those that need them fail, each with its reason."""

    def settings() -> EdgeSettings:
        if look.settings is None or look.problems:
            raise SettingsError(list(look.problems))
        return look.settings

    return [
        BundlePart("settings", lambda: {"settings.json": _settings(look)}),
        BundlePart("versions", lambda: {"versions.json": machine.packages()}),
        BundlePart("doctor", lambda: {"doctor.json": to_json(diagnose(look, read_only=read_only))}),
        BundlePart("status", lambda: {"status.json": _status(settings())}),
        BundlePart("runs", lambda: _runs(settings())),
        BundlePart("failures", lambda: _failures(settings())),
        BundlePart("logs", lambda: logs(look.settings.LOG_FILES if look.settings else named_without_settings())),
    ]


def keep_tokens() -> None:
    """Makes the kept tokens known to the redaction, so that a log line with one shows none. Raises DatabaseAway."""
    with translated():
        for access, refresh in Checkpoint.objects.values_list("access_token", "refresh_token"):
            keep_token(access, refresh)


def _settings(look: SettingsLook[EdgeSettings]) -> dict[str, Any]:
    found: dict[str, Any] = {"problems": list(look.problems), "in_environment": names_in_environment()}
    if look.settings is None:
        return found
    found |= {"etalase": shown(look.settings), "django": django_settings()}
    if not is_in_project():
        from etalase.settings.django_edge import SERVER

        found["server"] = shown(SERVER)
    return found


def _status(settings: EdgeSettings) -> dict[str, Any]:
    facts = read(settings)
    return dict(as_json(facts, judge(facts), error=""))


def _runs(_: EdgeSettings) -> Files:
    with translated():
        runs = [model_to_dict(run) | {"started_at": run.started_at} for run in SyncRun.objects.order_by("-id")[:MAX_RUNS]]
        checkpoint = Checkpoint.objects.defer("access_token", "refresh_token").first()
        kept = {name: getattr(checkpoint, name, None) for name in ("store_id", "sync_timestamp", "compared_at", "photos")}
        signs = {str(role): sign.at for role, sign in heartbeats().items()}
        kept |= {"features": getattr(checkpoint, "features", None), "renditions": asdict(storage.rendition_counts.counts())}
    return {"runs.json": {"runs": runs}, "checkpoint.json": {**kept, "heartbeats": signs}}


def _failures(_: EdgeSettings) -> Files:
    with translated():
        entries = [storage.retry_list.to_json(entry) for entry in PendingPhoto.objects.order_by("next_try_at")[:MAX_ENTRIES]]
        fields = ("photo_id", "product_name", "cause", "state", "left_bare", "approved", "run_id", "noticed_at", "decided_at")
        removals = list(Removal.objects.order_by(F("noticed_at").desc()).values(*fields)[:MAX_ENTRIES])
    return {"failures.json": {"failures": entries, "removals": removals}}
