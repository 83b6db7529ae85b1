"""`etalase head-office create-company NAME`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from etalase.head_office.accounts import ensure_company
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.protocol import printable


class Command(HeadOfficeCommand):
    """Creates a missing company; a second time changes nothing."""

    help = "Create a company. An existing one stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the name and ``--id``."""
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--id", type=UUID, help="use this id; default: a new one")

    def run(self, options: dict[str, Any]) -> int:
        """Creates the company and prints the result."""
        company, created = ensure_company(options["name"], company_id=options["id"])
        sentence = f"Company «{printable(company.name)}» {'created' if created else 'exists already'}: {company.id}"
        self.show({"id": company.id, "name": company.name, "created": created}, sentence, as_json=options["json"])
        return 0
