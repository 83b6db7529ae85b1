"""`etalase head-office create-account USERNAME`: an HO admin, or the account of a store."""

from argparse import ArgumentParser
from typing import Any

from etalase.errors import UsageError
from etalase.head_office.accounts import ensure_account, find_company
from etalase.head_office.console import HeadOfficeCommand, password_from
from etalase.head_office.models import Store
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Makes the account where it is missing, or gives it another password."""

    help = "Make an account, or give the one that is there the password in --password-file. A made-up password is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose account, for what."""
        super().add_arguments(parser)
        parser.add_argument("username")
        role = parser.add_mutually_exclusive_group(required=True)
        role.add_argument("--admin", action="store_true", help="an HO admin: the admin site, and the API for every store")
        role.add_argument("--store", metavar="CODE", help="the account of this store's edge")
        parser.add_argument("--company", help="the store's company: name or id; may be left out where there is only one")
        parser.add_argument("--password-file", metavar="FILE", help="the password is the file's first line (-: of stdin)")

    def perform(self, **options: Any) -> int:
        """Make it, and tell."""
        password = password_from(options["password_file"])
        store = None
        if options["store"]:
            company = find_company(options["company"])
            store = Store.objects.filter(company=company, code=options["store"]).first()
            if store is None:
                raise UsageError(f"The company «{printable(company.name)}» has no store {printable(options['store'])}.")
        made = ensure_account(options["username"], store=store, admin=options["admin"], password=password)
        result = {"account": made.account.username, "id": made.account.id, "created": made.created}
        sentence = f"Account «{printable(made.account.username)}» {'made' if made.created else 'is there'}."
        if made.generated_password is not None:
            result["password"] = made.generated_password
            sentence += f"\nPassword: {made.generated_password}   (shown this once)"
        self.tell(result, sentence, as_json=options["json"])
        return 0
