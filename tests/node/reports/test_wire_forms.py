"""node/reports/wire_forms.py: what a recipient accepts does not depend on tables that change."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.reports import phone_numbers
from node.reports.identifier_text import IdentifierError
from node.reports.identifiers import SCHEMES, normalise
from node.reports.wire_forms import wire_form

LATER = [
    ("PHONE", "+999123456"),
    ("PHONE", "+501223"),
    ("IBAN", "XK051212012345678906"),
    ("IBAN", "QQ12345678"),
    ("MMSI", "000000000"),
]


@pytest.mark.parametrize(("scheme", "value"), LATER)
def test_a_value_that_a_later_table_may_allow_is_accepted_from_another_node(scheme: str, value: str) -> None:
    """Intake here refuses some of these values; a record with one is still readable in ten years."""
    if scheme == "IBAN":
        value = _with_check_digits(value)

    assert wire_form(scheme, value, None) == value


def _with_check_digits(iban: str) -> str:
    digits = "".join(str(int(character, 36)) for character in f"{iban[4:]}{iban[:2]}00")
    return f"{iban[:2]}{98 - int(digits) % 97:02d}{iban[4:]}"


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("PHONE", "2232222"),
        ("PHONE", "+0123456"),
        ("PHONE", "+1234"),
        ("PHONE", "+1234567890123456"),
        ("PHONE", "+501\u0665232222"),
        ("IBAN", "GB83WEST12345698765432"),
        ("MMSI", "12345678"),
        ("VIN", "IHGBH41JXMN109186"),
        ("PASSPORT", "\u0391E1234567"),
    ],
)
def test_a_value_that_no_intake_lets_through_is_refused(scheme: str, value: str) -> None:
    with pytest.raises(IdentifierError):
        wire_form(scheme, value, None)


@pytest.mark.parametrize(
    ("scheme", "value"), [("PHONE", "+501 223 2222"), ("MMSI", "312 345 000"), ("PLATE", "p-123"), ("NAME", "Ana")]
)
def test_another_spelling_is_not_the_normalised_form(scheme: str, value: str) -> None:
    assert wire_form(scheme, value, None) != value


@given(scheme=st.sampled_from(sorted(SCHEMES)), value=st.text(max_size=40))
def test_what_intake_accepts_every_recipient_accepts(scheme: str, value: str) -> None:
    """For each text, with and without a country."""
    for country in (None, "BZ", "DE"):
        try:
            accepted = normalise(scheme, value, country)
        except IdentifierError:
            continue

        assert wire_form(scheme, accepted, country) == accepted


def test_a_recipient_without_the_table_of_numbering_plans_decides_alike() -> None:
    with patch.object(phone_numbers, "_plans", side_effect=AssertionError("the table was read")):
        assert wire_form("PHONE", "+5012232222", "BZ") == "+5012232222"
