"""The manual has a row for each directive of date formats, and for no other."""

import re
import string
from pathlib import Path

import pytest

from node.mapping.date_formats import DIRECTIVES, FormatError, compile_format

MANUAL = (Path(__file__).parents[3] / "docs" / "integrating.md").read_text()
SECTION = MANUAL.partition("### Dates\n")[2].partition("\n### ")[0]
ROWS = [line.split("|")[1] for line in SECTION.splitlines() if line.startswith("| `%")]
LISTED = {letter for row in ROWS for letter in re.findall(r"`%(.)`", row)}
CONTEXT = {
    "m": "%Y-", "b": "%Y-", "B": "%Y-", "h": "%Y-", "d": "%Y-%m-", "j": "%Y-", "a": "%Y ", "A": "%Y ",
    "I": "%p ", "p": "%I ", "M": "%H:", "S": "%H:%M:", "f": "%H:%M:%S.", "z": "%H:%M ", "%": "%Y "
}  # fmt: skip
"""Directive -> what must stand before it."""


def test_the_manual_lists_the_directives_of_the_code() -> None:
    assert {*DIRECTIVES, "%"} == LISTED


@pytest.mark.parametrize("letter", [*string.ascii_letters, "%"])
def test_a_directive_is_accepted_if_and_only_if_the_manual_lists_it(letter: str) -> None:
    text = f"{CONTEXT.get(letter, '')}%{letter}"
    if letter in LISTED:
        assert compile_format(text, 1970).text == text
    else:
        with pytest.raises(FormatError):
            compile_format(f"%Y %{letter}", 1970)
