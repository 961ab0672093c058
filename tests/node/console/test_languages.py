"""Every text of the console is in every language, and templates have none of their own."""

import re
import string
from pathlib import Path

import pytest

import node.console
from node.console.languages import LANGUAGES, language_of, texts_of
from schemas import codes

TEMPLATES = sorted((Path(node.console.__file__).parent / "templates").glob("*.html"))
TRANSLATED_LISTS = (
    *("subjects", "purposes", "handling", "categories", "urgency", "entity_kinds", "schemes", "statements", "units"),
    *("source_evaluation_4x4", "source_evaluation_6x6", "information_evaluation_4x4", "information_evaluation_6x6"),
    "connection_roles",
)
SAME_WORD = {"5"}  # improbable


def places(text: str) -> set[str]:
    """The names of the values in a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_all_languages_have_the_same_texts_with_the_same_values() -> None:
    """A text that one language lacks, or a value that it leaves out, is an error."""
    first, *others = (texts_of(language).texts for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in first.items()}
    assert all(text.strip() for language in LANGUAGES for text in texts_of(language).texts.values())


def test_a_language_is_not_the_copy_of_another() -> None:
    """Few texts are equal in both: names, and words that both languages share."""
    english, spanish = texts_of("en").texts, texts_of("es").texts
    equal = {key for key in english if english[key] == spanish[key] and key not in ("language.en", "language.es")}
    assert equal <= {"error.prefix", "login.token", "no", "report.locode", "reports.since_example", "col.size"}


@pytest.mark.parametrize("name", TRANSLATED_LISTS)
def test_each_code_of_a_list_has_a_spanish_label(name: str) -> None:
    """A new code needs its label here, else a page would show English."""
    spanish, english = texts_of("es").labels[name], codes.load(name).texts
    assert set(spanish) == set(english)
    assert {code for code in english if spanish[code] == english[code]} <= SAME_WORD


def keys_in_templates() -> set[str]:
    """The keys that the templates name in full."""
    return {key for path in TEMPLATES for key in re.findall(r'\bt\("([^"]+)"(?! ~)', path.read_text("utf-8"))}


def test_each_key_of_a_template_has_a_text() -> None:
    """A key without a text would break its page."""
    assert keys_in_templates() - set(texts_of("en").texts) == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_text_of_its_own(path: Path) -> None:
    """Without expressions and tags no letters are left, neither in the text nor in attributes that people read."""
    html = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    read_out = re.findall(r'(?:title|aria-label|placeholder|alt|content)="([^"]*)"', html)
    visible = re.sub(r"&nbsp;|UTC|<[^>]*>", "", html)
    assert not re.search(r"[^\W\d_]", visible), re.findall(r"[^\W\d_]+", visible)
    allowed = {"width=device-width, initial-scale=1", "light dark", "noindex, nofollow", ""}
    assert set(read_out) <= allowed


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("es", "en", "es"),
        (None, "es-GT,es;q=0.9,en;q=0.8", "es"),
        (None, "fr, en;q=0.1, es;q=0.4", "es"),
        (None, "pt", "en"),
        ("xx", "", "en"),
        (None, "es;q=wrong, en;q=0.5", "en"),
        (None, ",;q=,=" * 5000, "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_that_of_the_browser(
    chosen: str | None, accepted: str, language: str
) -> None:
    """Without either it is English; a header of any length costs little."""
    assert language_of(chosen, accepted) == language
