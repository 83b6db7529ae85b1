"""`etalase head-office create-store CODE NAME`: a store, and the account of its edge."""

from argparse import ArgumentParser
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from etalase.errors import UsageError
from etalase.head_office.accounts import Standing, ensure_account, ensure_store, find_company
from etalase.head_office.console import password_from
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.models import Assortment, Product, Store
from etalase.protocol import printable

SELLS_NOTHING: Final = (
    "  It sells nothing yet, so its tills will show nothing. Repeat this command with --sells all or --like CODE, choose"
    " products on the store's page of the admin, or import a menu that names the store."
)


class Command(HeadOfficeCommand):
    """Creates a missing store and account; a second time changes nothing."""

    help = (
        "Create a store and, with --account, the account of its edge. An existing store or account stays as it is, except for "
        "a new name or a new password. A generated password is printed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the store, its company and its account."""
        super().add_arguments(parser)
        parser.add_argument("code", help="short and unique in the company, as in AVRIL-001")
        parser.add_argument("name")
        parser.add_argument("--company", help="name or id; optional while there is only one")
        parser.add_argument("--region", help="groups the stores of the fleet's page, as in Jawa Barat; '' for none")
        parser.add_argument("--id", type=UUID, help="use this id; default: a new one")
        sells = parser.add_mutually_exclusive_group()
        sells.add_argument(
            "--sells", choices=["all"], help="all: the store sells every product of its company, besides its own"
        )
        sells.add_argument(
            "--like", metavar="CODE", help="the store sells what this store of its company sells, besides its own"
        )
        parser.add_argument("--account", metavar="USERNAME", help="the account of the store's edge")
        parser.add_argument("--password-file", metavar="FILE", help="its password is the file's first line (-: of stdin)")

    def run(self, options: dict[str, Any]) -> int:
        """Creates store and account and prints the result."""
        password, given = password_from(options["password_file"]), options["account"] is not None
        if password is not None and not given:
            raise UsageError("Nothing was changed: --password-file without --account.", hint="Name the account, too.")
        with transaction.atomic():
            company = find_company(options["company"])
            store, created = ensure_store(
                company, code=options["code"], name=options["name"], region=options["region"], store_id=options["id"]
            )
            sold = _sell(store, options)
            made = ensure_account(options["account"], Standing(store=store), password=password) if given else None
        result = {"company_id": company.id, "store_id": store.id, "code": store.code, "name": store.name, "created": created}
        result["sells"] = sold
        sentence = (
            f"Store {printable(store.code)} «{printable(store.name)}» {'created' if created else 'exists already'}.\n"
            f"  ETALASE_COMPANY_ID={company.id}\n  ETALASE_STORE_ID={store.id}"
        )
        sentence += f"\n  It sells {sold} products." if sold else f"\n{SELLS_NOTHING}"
        if made is not None:
            result |= {"account": made.account.username, "account_created": made.created}
            sentence += f"\n  ETALASE_HO_USERNAME={printable(made.account.username)}"
        if made is not None and made.generated_password is not None:
            result["password"] = made.generated_password
            sentence += f"\n  ETALASE_HO_PASSWORD={made.generated_password}   (shown this once)"
        self.show(result, sentence, as_json=options["json"])
        return 0


def _sell(store: Store, options: dict[str, Any]) -> int:
    """Adds the sales that the options ask for. Returns the number of products that the store sells then."""
    products = Product.objects.none()
    if options["sells"] == "all":
        products = Product.objects.filter(company=store.company)
    elif options["like"] is not None:
        other = Store.objects.filter(company=store.company, code__iexact=options["like"]).first()
        if other is None:
            company, code = printable(store.company.name), printable(options["like"])
            raise UsageError(f"Nothing was changed: the company «{company}» has no store {code}.")
        products = Product.objects.filter(assortment__store=other)
    Assortment.objects.bulk_create((Assortment(store=store, product=one) for one in products), ignore_conflicts=True)
    return Assortment.objects.filter(store=store).count()
