"""Checks the contact of the status page, with links that a phone can follow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.edge.status.contact import parts


@pytest.mark.parametrize(
    ("contact", "links"),
    [
        ("Tim IT, WA 0812-3456", {"0812-3456": "tel:08123456"}),
        ("Budi +62 812 3456 789 (24 jam)", {"+62 812 3456 789": "tel:+628123456789"}),
        ("+62 (21) 555 0199", {"+62 (21) 555 0199": "tel:+62215550199"}),
        ("(021) 555-0199", {"(021) 555-0199": "tel:0215550199"}),
        ("Call 1500888 or 021.555.0199.", {"1500888": "tel:1500888", "021.555.0199": "tel:0215550199"}),
        ("it@a.example, 0812 3456 7890", {"it@a.example": "mailto:it@a.example", "0812 3456 7890": "tel:081234567890"}),
        ("https://help.example/?store=1.", {"https://help.example/?store=1": "https://help.example/?store=1"}),
        # nothing else
        ("http://192.168.1.10:9000/1234567890", {}),
        ("javascript://x%0aalert(1)", {}),
        ("data:text/html,<script>1</script>", {}),
        ("Budi, meja 3, buka 08.00-17.00 sejak 2026-11-25", {}),
        ("10.20.30.40", {}),
        ("SKU5010101 x12345678", {}),
        ("123456", {}),
        ("12345678901234567890", {}),
        ("", {}),
        ("Budi", {}),
    ],
)  # fmt: skip
def test_numbers_mail_addresses_and_https_urls_are_links(contact: str, links: dict[str, str]) -> None:
    assert {part.text: part.href for part in parts(contact) if part.href} == links


@given(st.text(max_size=80) | st.text(alphabet="+0123456789 -().@:/hteps", max_size=60))
def test_the_pieces_of_a_contact_are_its_text_and_link_nowhere_else(contact: str) -> None:
    pieces = parts(contact)
    assert "".join(piece.text for piece in pieces) == contact
    for piece in pieces:
        assert re.fullmatch(r"|tel:\+?[0-9]{7,15}|mailto:[\w.+%-]+@[\w.-]+|https://[^\s<>\"']+", piece.href)
