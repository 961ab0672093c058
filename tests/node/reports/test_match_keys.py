"""node/reports/match_keys.py: identifiers that two forces write differently meet in the index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.reports.identifier_text import IdentifierError
from node.reports.identifiers import SCHEMES, normalise
from node.reports.letters import latin
from node.reports.match_keys import match_key

SAME = [
    ("PLATE", "A123BC77", "\u0410123\u0412\u042177"),
    ("PLATE", "IKT2345", "\u0399\u039a\u03a4-2345"),
    ("PLATE", "AA1234BB", "\u0430\u0430 1234 \u0432\u0432"),
    ("PLATE", "AIX12", "\u0410\u0406\u0425 12"),
    ("PLATE", "C123", "C\u0661\u0662\u0663"),
    ("SERIAL", "AB1234", "\u0410\u0412 1234"),
    ("CASE", "TX12026", "\u03a4\u0425-1/2026"),
    ("NAME", "ANA O'NEIL", "ana o\u02bcneil"),
    ("NAME", "X-PRESS MALABAR", "X Press Malabar"),
    ("NAME", "O'CONNOR", "OConnor"),
    ("NAME", "O\u2019Connor", "o connor"),
    ("NAME", "GARC\u00cdA-L\u00d3PEZ", "Garcia Lopez"),
    ("NAME", "\u0641\u0627\u0637\u0645\u0629", "\u0641\u0627\u0637\u0645\u0647"),
]


@pytest.mark.parametrize(("scheme", "one", "other"), SAME)
def test_spellings_of_one_identifier_have_one_key(scheme: str, one: str, other: str) -> None:
    """Letters that look alike, digits of other scripts, punctuation and spaces of names, forms of Arabic letters."""
    assert match_key(scheme, normalise(scheme, one)) == match_key(scheme, normalise(scheme, other))


@pytest.mark.parametrize(
    ("scheme", "one", "other"),
    [("PLATE", "A1", "\u04101\u0411"), ("PLATE", "TOL12", "TÖL12"), ("PLATE", "O123", "0123"), ("SERIAL", "AB", "AC")],
)
def test_different_identifiers_have_different_keys(scheme: str, one: str, other: str) -> None:
    """Letters that only resemble each other, and zero and O, stay apart."""
    assert match_key(scheme, normalise(scheme, one)) != match_key(scheme, normalise(scheme, other))


def test_every_letter_that_looks_alike_becomes_one_latin_letter() -> None:
    """The twelve letters of Cyrillic plates and the fourteen of Greek ones."""
    assert latin("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425") == "ABEKMHOPCTYX"
    assert (
        latin("\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7")
        == "ABEZHIKMNOPTYX"
    )


@given(scheme=st.sampled_from(sorted(SCHEMES)), value=st.text(max_size=40))
def test_a_key_is_its_own_key_and_never_empty(scheme: str, value: str) -> None:
    try:
        normalised = normalise(scheme, value)
    except IdentifierError:
        return

    key = match_key(scheme, normalised)
    assert key
    assert match_key(scheme, key) == key
