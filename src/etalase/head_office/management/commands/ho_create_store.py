"""`etalase head-office create-store CODE NAME`: a store, and the account of its edge."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.db import transaction

from etalase.errors import UsageError
from etalase.head_office.accounts import ensure_account, ensure_store, find_company
from etalase.head_office.console import HeadOfficeCommand, password_from
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Makes store and account where they are missing; a second time changes nothing."""

    help = (
        "Make a store and, with --account, the account of its edge. What is there already stays, but for a name or a password "
        "that is given anew. A password that is made up is printed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The store, its company, its account."""
        super().add_arguments(parser)
        parser.add_argument("code", help="short and unique in the company, as in AVRIL-001")
        parser.add_argument("name")
        parser.add_argument("--company", help="name or id; may be left out where there is only one")
        parser.add_argument("--id", type=UUID, help="a prescribed id; else a new one")
        parser.add_argument("--account", metavar="USERNAME", help="the account of the store's edge")
        parser.add_argument("--password-file", metavar="FILE", help="its password is the file's first line (-: of stdin)")

    def perform(self, **options: Any) -> int:
        """Make them, and tell."""
        password, given = password_from(options["password_file"]), options["account"] is not None
        if password is not None and not given:
            raise UsageError("Nothing was changed: --password-file without --account.", hint="Name the account, too.")
        with transaction.atomic():
            company = find_company(options["company"])
            store, created = ensure_store(company, code=options["code"], name=options["name"], store_id=options["id"])
            made = ensure_account(options["account"], store=store, password=password) if given else None
        result = {"company_id": company.id, "store_id": store.id, "code": store.code, "name": store.name, "created": created}
        sentence = (
            f"Store {printable(store.code)} «{printable(store.name)}» {'made' if created else 'is there'}.\n"
            f"  ETALASE_COMPANY_ID={company.id}\n  ETALASE_STORE_ID={store.id}"
        )
        if made is not None:
            result |= {"account": made.account.username, "account_created": made.created}
            sentence += f"\n  ETALASE_HO_USERNAME={printable(made.account.username)}"
        if made is not None and made.generated_password is not None:
            result["password"] = made.generated_password
            sentence += f"\n  ETALASE_HO_PASSWORD={made.generated_password}   (shown this once)"
        self.tell(result, sentence, as_json=options["json"])
        return 0
