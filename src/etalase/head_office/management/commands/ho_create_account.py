"""`etalase head-office create-account USERNAME`: a person's at head office, or that of a store."""

from argparse import ArgumentParser
from typing import Any, Final

from etalase.errors import UsageError
from etalase.head_office.accounts import Standing, ensure_account, find_company
from etalase.head_office.console import password_from
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.models import Store
from etalase.head_office.permissions import OfficeRole
from etalase.protocol import printable

# By the words of --group: admin, auditor, menu-manager, operator.
GROUPS: Final = {role.name.lower().replace("_", "-"): role for role in OfficeRole}


class Command(HeadOfficeCommand):
    """Creates a missing account, or gives an existing one another password."""

    help = "Create an account, or give an existing one the password in --password-file. A generated password is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the user name, the role and the password file."""
        super().add_arguments(parser)
        parser.add_argument("username")
        role = parser.add_mutually_exclusive_group(required=True)
        role.add_argument("--admin", action="store_true", help="a superuser: every page and every company")
        role.add_argument("--store", metavar="CODE", help="the account of this store's edge")
        role.add_argument(
            "--group", action="append", choices=sorted(GROUPS), help="a person at head office; again for a further group"
        )
        parser.add_argument(
            "--company",
            action="append",
            help="the store's or the person's company: name or id; optional while there is only one; again for a further one",
        )
        parser.add_argument("--password-file", metavar="FILE", help="the password is the file's first line (-: of stdin)")

    def run(self, options: dict[str, Any]) -> int:
        """Creates or changes the account and prints the result."""
        password = password_from(options["password_file"])
        made = ensure_account(options["username"], _standing(options), password=password)
        result = {"account": made.account.username, "id": made.account.id, "created": made.created}
        sentence = f"Account «{printable(made.account.username)}» {'created' if made.created else 'exists already'}."
        if made.generated_password is not None:
            result["password"] = made.generated_password
            sentence += f"\nPassword: {made.generated_password}   (shown this once)"
        self.show(result, sentence, as_json=options["json"])
        return 0


def _standing(options: dict[str, Any]) -> Standing:
    """Returns the standing that the options ask for. Raises :class:`UsageError`."""
    roles = tuple(GROUPS[name] for name in dict.fromkeys(options["group"] or ()))
    wanted: list[str | None] = list(dict.fromkeys(options["company"] or ()))
    if options["admin"] or roles == (OfficeRole.ADMIN,):
        if wanted:
            raise UsageError("An admin sees every company.", hint="Leave out --company.")
        return Standing(is_superuser=options["admin"], roles=roles)
    companies = tuple(find_company(one) for one in wanted or [None])
    if roles:
        return Standing(roles=roles, companies=companies)
    if len(companies) > 1:
        raise UsageError("A store belongs to one company.", hint="Give --company once.")
    store = Store.objects.filter(company=companies[0], code=options["store"]).first()
    if store is None:
        raise UsageError(f"The company «{printable(companies[0].name)}» has no store {printable(options['store'])}.")
    return Standing(store=store)
