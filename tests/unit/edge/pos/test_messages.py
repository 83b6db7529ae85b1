"""Checks the texts of the POS page: complete and equal in both languages."""

import re
from pathlib import Path

import pytest

from etalase.edge.pos import messages
from etalase.edge.pos.page import choose_language

PAGE = Path(messages.__file__).parent
SOURCES = [PAGE / "templates/etalase_pos/menu.html", *sorted((PAGE / "static/etalase_pos").glob("*.js"))]


def test_both_languages_have_the_same_pos_texts_with_the_same_placeholders() -> None:
    gaps = [
        {name: sorted(re.findall(r"\{\w+\}", text)) for name, text in messages.TEXTS[language].items()}
        for language in messages.LANGUAGES
    ]
    assert gaps[0] == gaps[1]


def test_every_text_that_the_page_uses_exists_and_every_text_is_used() -> None:
    source = "\n".join(path.read_text() for path in SOURCES)
    used = set(re.findall(r'\bsay\("(\w+)"|data-text(?:-\w+)?="(\w+)"|\{\{ text\.(\w+) \}\}', source))
    there = set(messages.TEXTS["id"])
    assert {name for names in used for name in names if name} <= there
    # Each of the two titles of the empty page has a hint, and each count its text for one dish.
    assert {
        name for name in there if not re.search(rf'["\'.]{name.removesuffix("_hint").removesuffix("_one")}\b', source)
    } == set()


@pytest.mark.parametrize(
    ("remembered", "accept_language", "chosen"),
    [
        (None, "", "id"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "id-ID,id;q=0.9,en;q=0.8", "id"),
        (None, "in-ID", "id"),  # Indonesian in older Android versions
        (None, "fr-FR,fr;q=0.9", "id"),
        (None, "fr-FR,en;q=0.5", "en"),
        (None, "id;q=0.4, en;q=0.7", "en"),
        (None, "en;q=0, id", "id"),
        (None, "\x00;;;,=q" * 500, "id"),
        ("en", "id-ID", "en"),
        ("id", "en-GB", "id"),
        ("xx", "en-GB", "en"),
        ("<script>", "", "id"),
    ],
)
def test_the_language_is_the_saved_one_or_the_browsers_or_indonesian(
    remembered: str | None, accept_language: str, chosen: str
) -> None:
    assert choose_language(remembered, accept_language) == chosen
