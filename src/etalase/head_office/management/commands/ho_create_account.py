"""`etalase head-office create-account USERNAME`: an HO admin, or the account of a store."""

from argparse import ArgumentParser
from typing import Any

from etalase.errors import UsageError
from etalase.head_office.accounts import ensure_account, find_company
from etalase.head_office.console import password_from
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.models import Store
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Creates a missing account, or gives an existing one another password."""

    help = "Create an account, or give an existing one the password in --password-file. A generated password is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the user name, the role and the password file."""
        super().add_arguments(parser)
        parser.add_argument("username")
        role = parser.add_mutually_exclusive_group(required=True)
        role.add_argument("--admin", action="store_true", help="an HO admin: the admin site, and the API for every store")
        role.add_argument("--store", metavar="CODE", help="the account of this store's edge")
        parser.add_argument("--company", help="the store's company: name or id; optional while there is only one")
        parser.add_argument("--password-file", metavar="FILE", help="the password is the file's first line (-: of stdin)")

    def run(self, options: dict[str, Any]) -> int:
        """Creates or changes the account and prints the result."""
        password = password_from(options["password_file"])
        store = None
        if options["store"]:
            company = find_company(options["company"])
            store = Store.objects.filter(company=company, code=options["store"]).first()
            if store is None:
                raise UsageError(f"The company «{printable(company.name)}» has no store {printable(options['store'])}.")
        made = ensure_account(options["username"], store=store, admin=options["admin"], password=password)
        result = {"account": made.account.username, "id": made.account.id, "created": made.created}
        sentence = f"Account «{printable(made.account.username)}» {'created' if made.created else 'exists already'}."
        if made.generated_password is not None:
            result["password"] = made.generated_password
            sentence += f"\nPassword: {made.generated_password}   (shown this once)"
        self.show(result, sentence, as_json=options["json"])
        return 0
