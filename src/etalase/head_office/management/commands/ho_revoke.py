"""`etalase head-office revoke STORE…`: end the accounts of a store's edge."""

from argparse import ArgumentParser
from typing import Any

from etalase.head_office.audit import person_at_terminal
from etalase.head_office.joining.chosen_stores import named_stores
from etalase.head_office.joining.invitations import revoke_accounts
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Ends accounts, tokens and invitations of stores."""

    help = (
        "End the accounts, tokens and open invitations of stores, as for a lost or stolen machine: from its next request on, "
        "it gets nothing more. Its tills keep the photos that they have. To connect the store again, invite it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the stores."""
        super().add_arguments(parser)
        parser.add_argument("stores", nargs="+", metavar="STORE", help="the code of a store, as in AVRIL-001")
        parser.add_argument("--company", help="name or id; optional while there is only one")

    def run(self, options: dict[str, Any]) -> int:
        """Revokes, and prints the ended accounts."""
        stores = list(named_stores(options["stores"], options["company"]).order_by("code"))
        ended = revoke_accounts(stores, by=person_at_terminal())
        lines = [
            f"{printable(store.code)}: ended {', '.join(map(printable, names))}." if names else
            f"{printable(store.code)}: it had no active account."
            for store, names in ended.items()
        ]  # fmt: skip
        again = "To connect a store again: etalase head-office invite STORE"
        result = {"stores": [{"store": store.code, "accounts": names} for store, names in ended.items()]}
        self.show(result, "\n".join([*lines, again]), as_json=options["json"])
        return 0
