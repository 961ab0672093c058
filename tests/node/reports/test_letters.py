"""node/reports/letters.py: the quick way to fold a text gives what the definition gives."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from node.reports.letters import fold, fold_whole

ASSIGNED = [
    chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")
]
MARKS = [character for character in ASSIGNED if unicodedata.category(character)[0] == "M"]


@given(text=st.text() | st.text(alphabet="añóñ \u0303\u3099\u304b密\u0915\u093f\u0627-1"))
def test_parts_are_folded_as_the_whole(text: str) -> None:
    """Runs of other characters than ASCII are folded by themselves."""
    assert fold(text) == fold_whole(text)


def test_each_character_is_folded_alone_as_between_letters() -> None:
    """Each character of Unicode, alone and between two letters."""
    for character in ASSIGNED:
        for text in (character, f"e{character}n"):
            assert fold(text) == fold_whole(text), ascii(text)


def test_each_mark_folds_with_the_letter_before_it() -> None:
    """A mark after a letter of ASCII, and after one of another script."""
    for mark in MARKS:
        for base in ("n", "か", "\u093f", "\u0627"):
            assert fold(base + mark) == fold_whole(base + mark), ascii(base + mark)
