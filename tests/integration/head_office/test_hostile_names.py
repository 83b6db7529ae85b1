"""Names with control characters: no command of head office writes them to a terminal (hazard 51)."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from tests.daily import daily
from tests.integration.head_office.office import Office
from tests.pictures import picture

from etalase.cli import HEAD_OFFICE
from etalase.head_office.fleet_models import Alarm
from etalase.head_office.models import Account, Company, Store

# They set up a machine, write a file, or never end, and have tests of their own.
OTHERS = ("ho_init", "ho_remove", "ho_support_bundle", "ho_worker")
NAMES = ("\x1b[31mSATE", "\x1b]0;owned\x07SATE", "SATE\x9b2J", "SATE\r\nDONE", "SATE \u202egnp", "=1+1\x08\x7f")


class Terminal(io.StringIO):
    """Returns a stream that counts as a terminal."""

    def isatty(self) -> bool:
        return True


def check(text: str, *, letters: str = "") -> None:
    """Checks that the text has printable characters and ``letters`` only, which a file name needs unescaped."""
    odd = [
        line for line in text.split("\n") if not line.translate({ord(c): None for c in letters}).isprintable() or line == "DONE"
    ]
    assert not odd, odd[:3]


def commands(folder: Path) -> list[tuple[str, ...]]:
    menu = folder / "menu.csv"
    with menu.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sku", "name", "file", "is_primary", "sort_order", "stores"])
        for number, name in enumerate(NAMES):
            rows.writerow([f"{name}{number}", name, "sate.jpg", "true", "0", ""])
            rows.writerow([f"{name}{number}", "", f"{name}.jpg", name, name, name])
            rows.writerow([f"0{number}", name, "sate.jpg", "", "", ""])
    tried = [
        ("ho_import", str(menu), str(folder), "--company", "F\x1b[31m", "--dry-run"),
        ("ho_import", str(menu), str(folder), "--company", "F\x1b[31m"),
        ("ho_import", str(menu), str(folder), "--company", "F\x1b[31m", "--prune"),
        ("ho_import", str(menu), str(folder)),
        ("ho_import", "no\x1b[2J", "nowhere\x1b[2J", "--company", "F\x1b[31m"),
        ("ho_csv_from_folder", str(folder)),
        ("ho_csv_from_folder", "nowhere\x1b[2J"),
        ("ho_create_account", "x\x1b[31m", "--store", "S\x1b[31m", "--company", "F\x1b[31m"),
        ("ho_create_account", "x", "--admin", "--password-file", "/no\x1b[2Jwhere"),
        ("ho_purge_tombstones",),
        ("ho_reprocess", "--dry-run"),
        ("ho_renditions", "--dry-run"),
        ("ho_doctor", "--read-only"),
        ("ho_alarm",),
        ("ho_invite", "--all", "--company", "F\x1b[31m"),
        ("ho_invite", "--csv", "no\x1b[2J"),
        ("ho_invite", "--list"),
    ]
    for name in NAMES:
        tried += [
            ("ho_create_company", name),
            ("ho_create_company", name, "--id", "00000000-0000-0000-0000-000000000001"),
            ("ho_create_store", name, name, "--company", "F\x1b[31m", "--account", name),
            ("ho_create_store", name, name, "--company", name),
            ("ho_create_account", name, "--store", name, "--company", "F\x1b[31m"),
            ("ho_invite", name, "--company", "F\x1b[31m"),
            ("ho_invite", name, "--revoke", "--company", name),
            ("ho_revoke", name, "--company", "F\x1b[31m"),
        ]
    return tried


@pytest.mark.parametrize("stream", daily([io.StringIO, Terminal], Terminal), ids=["pipe", "terminal"])
def test_no_name_reaches_a_terminal_with_control_characters(
    office: Office, bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], stream: type[io.StringIO]
) -> None:
    company = Company.objects.create(name="F\x1b[31m")
    Store.objects.create(company=company, code="S\x1b[31m", name="\x9b2J")
    Account.objects.create(username="x\x1b[31m", store=office.store)
    (tmp_path / "sate.jpg").write_bytes(picture())
    for number, name in enumerate(NAMES):
        (tmp_path / f"{name}.jpg").write_bytes(picture())
        (tmp_path / f"{name} {number}.txt").write_bytes(b"x")
        Alarm.objects.create(made_at=timezone.now(), title=name[:200], body=name, problem=name[:300])
    tried = commands(tmp_path)
    assert {*(command[0] for command in tried), *OTHERS} == {
        name for name in HEAD_OFFICE.commands.values() if name.startswith("ho_")
    }
    for command in tried:
        for more in ((), ("--json",)):
            out, err = stream(), stream()
            with suppress(SystemExit):
                try:
                    call_command(*command, *more, stdout=out, stderr=err)
                except CommandError as error:
                    err.write(str(error))
            for text in (out.getvalue(), err.getvalue(), *capsys.readouterr()):
                check(text, letters="\u202e" if command[0] == "ho_csv_from_folder" and not more else "")
            if more and out.getvalue():
                json.loads(out.getvalue())
