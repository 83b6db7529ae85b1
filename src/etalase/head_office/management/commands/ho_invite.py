"""`etalase head-office invite STORE…`: one-time codes, by which the machines of stores join."""

import csv
import os
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from etalase.errors import UsageError
from etalase.head_office.audit import person_at_terminal
from etalase.head_office.console import given_path
from etalase.head_office.invitation_models import Invitation
from etalase.head_office.joining.chosen_stores import codes_in_file, every_store, named_stores
from etalase.head_office.joining.invitations import (
    InvitationState,
    MadeInvitation,
    invite,
    latest_invitations,
    revoke_invitations,
    state_of,
)
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.models import Store
from etalase.joining import CODE_DAYS, shown_code
from etalase.protocol import printable
from etalase.spreadsheet import safe_cell

COLUMNS = ("company", "store", "name", "code", "expires_at")


class Command(HeadOfficeCommand):
    """Makes, lists or revokes invitations."""

    help = (
        "Make one-time codes, by which the machines of stores join: etalase edge init --join ADDRESS CODE. A code is valid for "
        "7 days and shown once. A new code of a store ends its older one, and a machine that joins ends the account of the "
        "machine that joined before it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the stores, and what is to be done."""
        super().add_arguments(parser)
        parser.add_argument("stores", nargs="*", metavar="STORE", help="the code of a store, as in AVRIL-001")
        parser.add_argument("--csv", metavar="FILE", type=given_path, help="a table (CSV or .xlsx) with a column «store»")
        parser.add_argument("--all", action="store_true", help="every store; with --company, every store of that company")
        parser.add_argument("--company", help="name or id; optional while there is only one")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--list", action="store_true", help="show the newest invitation of each store (default: of all)")
        what.add_argument("--revoke", action="store_true", help="end the open invitations of the stores")
        parser.add_argument(
            "--csv-out", metavar="FILE", type=given_path, help="write the codes to this new file, readable by its owner alone"
        )

    def run(self, options: dict[str, Any]) -> int:
        """Makes, lists or revokes invitations of the chosen stores."""
        if options["csv_out"] and (options["list"] or options["revoke"]):
            raise UsageError("--csv-out is for new codes.", hint="Leave out --list and --revoke.")
        if options["list"]:
            return self._list(_chosen(options, default_all=True), options)
        stores = list(_chosen(options, default_all=False).order_by("company__name", "code"))
        if options["revoke"]:
            ended = revoke_invitations(stores, by=person_at_terminal())
            sentence = f"Ended the invitations of {_names(ended)}." if ended else "None of these stores has an open invitation."
            self.show({"revoked": [store.code for store in ended]}, sentence, as_json=options["json"])
            return 0
        return self._invite(stores, options)

    def _invite(self, stores: list[Store], options: dict[str, Any]) -> int:
        out = options["csv_out"]
        made = invite(stores, by=person_at_terminal()) if out is None else _invite_into(out, stores)
        shown = [{**_row(one), "has_account": one.has_account} for one in made]
        if out is not None:
            shown = [{name: value for name, value in row.items() if name != "code"} for row in shown]
        self.show({"invitations": shown}, _sentence(made, out), as_json=options["json"])
        return 0

    def _list(self, stores: QuerySet[Store], options: dict[str, Any]) -> int:
        now = timezone.now()
        rows = [_listed(invitation, now) for invitation in latest_invitations(stores)]
        lines = [_line(row) for row in rows]
        self.show({"invitations": rows}, "\n".join(lines) or "No store was invited yet.", as_json=options["json"])
        return 0


def _chosen(options: dict[str, Any], *, default_all: bool) -> QuerySet[Store]:
    """Returns the stores that the options name, one way only. Raises :class:`UsageError`."""
    ways = [bool(options["stores"]), options["csv"] is not None, options["all"]]
    if sum(ways) > 1:
        raise UsageError("The stores are given in several ways.", hint="Give their codes, or --csv FILE, or --all.")
    if options["all"] or (default_all and not any(ways)):
        return every_store(options["company"])
    if not any(ways):
        raise UsageError("No store is named.", hint="Give their codes, or --csv FILE, or --all.")
    codes = options["stores"] or codes_in_file(options["csv"])
    return named_stores(codes, options["company"])


def _listed(invitation: Invitation, now: datetime) -> dict[str, Any]:
    return {
        "company": invitation.store.company.name,
        "store": invitation.store.code,
        "state": state_of(invitation, now),
        "invited_by": invitation.invited_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "used_at": invitation.used_at,
        "account": None if invitation.account is None else invitation.account.username,
    }


def _row(made: MadeInvitation) -> dict[str, Any]:
    store = made.store
    values = (store.company.name, store.code, store.name, shown_code(made.code), made.expires_at.isoformat(timespec="seconds"))
    return dict(zip(COLUMNS, values, strict=True))


def _sentence(made: list[MadeInvitation], out: Path | None) -> str:
    if not made:
        return "There is no store yet. Make one: etalase head-office create-store CODE NAME"
    if out is not None:
        lines = [f"{len(made)} codes are in {out}. Each is valid for {CODE_DAYS} days, once."]
    else:
        width = max(len(printable(one.store.code)) for one in made)
        lines = [f"{printable(one.store.code):<{width}}  {shown_code(one.code)}  {printable(one.store.name)}" for one in made]
        lines += [
            "",
            f"Shown this once; valid for {CODE_DAYS} days, for one machine each. On the store's machine, as root:",
            "  /opt/etalase/bin/etalase edge init --write-units --join https://ADDRESS-OF-HEAD-OFFICE CODE",
        ]
    if known := [one.store for one in made if one.has_account]:
        lines.append(f"These have an account already, which the older machine may still use: {_names(known)}.")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    state, shown = row["state"], f"{printable(row['store'])} ({printable(row['company'])}): {row['state']}"
    local = {name: timezone.localtime(row[name]).strftime("%Y-%m-%d %H:%M") for name in ("expires_at", "used_at") if row[name]}
    match state:
        case InvitationState.USED:
            return f"{shown} {local['used_at']}, account {printable(row['account'] or '(deleted)')}"
        case InvitationState.OPEN:
            return f"{shown} until {local['expires_at']}, by {printable(row['invited_by'])}"
        case _:
            return shown


def _names(stores: list[Store], most: int = 10) -> str:
    names = [printable(store.code) for store in stores]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _invite_into(path: Path, stores: list[Store]) -> list[MadeInvitation]:
    """Makes invitations and writes them to a new file, for its owner alone. Raises :class:`UsageError` if it exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already. Nothing was changed.", hint="Name a new file.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
        try:
            made = invite(stores, by=person_at_terminal())
        except BaseException:
            path.unlink()
            raise
        rows = csv.writer(file, lineterminator="\r\n")
        rows.writerow(COLUMNS)
        rows.writerows([safe_cell(str(cell)) for cell in _row(one).values()] for one in made)
    return made
