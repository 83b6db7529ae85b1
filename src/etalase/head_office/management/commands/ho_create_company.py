"""`etalase head-office create-company NAME`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from etalase.head_office.accounts import ensure_company
from etalase.head_office.console import HeadOfficeCommand
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Makes the company where it is missing; a second time changes nothing."""

    help = "Make a company. One that is there already is left as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The name, and an id if it is prescribed."""
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--id", type=UUID, help="a prescribed id; else a new one")

    def perform(self, **options: Any) -> int:
        """Make it, and tell."""
        company, created = ensure_company(options["name"], company_id=options["id"])
        sentence = f"Company «{printable(company.name)}» {'made' if created else 'is there'}: {company.id}"
        self.tell({"id": company.id, "name": company.name, "created": created}, sentence, as_json=options["json"])
        return 0
