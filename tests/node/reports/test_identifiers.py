"""Identifiers: which values each scheme accepts and refuses, and their normalised form."""

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.reports.identifier_text import IdentifierError
from node.reports.identifiers import SCHEMES, normalise
from node.reports.wire_forms import wire_form
from schemas import codes
from tests.support.data import DATA

PHONES = DATA / "phone-examples"
IBANS = DATA / "iban-registry"

needs_phones = pytest.mark.skipif(not PHONES.is_dir(), reason=f"no phone examples in {PHONES}: set ENLACE_DATA")
needs_ibans = pytest.mark.skipif(not IBANS.is_dir(), reason=f"no IBAN registry in {IBANS}: set ENLACE_DATA")

NORMALISED = [
    ("PLATE", "c-ab 1234", None, "CAB1234"),
    ("PLATE", "tö·l 12", None, "TÖL12"),
    ("VIN", "1hgbh41jx mn109186", None, "1HGBH41JXMN109186"),
    ("IMO", "imo 9074729", None, "9074729"),
    ("IMO", "9074729", None, "9074729"),
    ("MMSI", "312 345 000", None, "312345000"),
    ("MMSI", "111312001", None, "111312001"),
    ("MMSI", "970010001", None, "970010001"),
    ("MMSI", "003121000", None, "003121000"),
    ("MMSI", "009990000", None, "009990000"),
    ("MMSI", "993126001", None, "993126001"),
    ("AIRCRAFT_REGISTRATION", "v3-hgx", None, "V3HGX"),
    ("AIRCRAFT_REGISTRATION", "43+29", None, "4329"),
    ("AIRCRAFT_REGISTRATION", "43 \u2720 29", None, "4329"),
    ("AIRCRAFT_REGISTRATION", "MM 62293", None, "MM62293"),
    ("AIRCRAFT_REGISTRATION", "T.19B-11", None, "T19B11"),
    ("AIRCRAFT_REGISTRATION", "97-0042", None, "970042"),
    ("SERIAL", "\u0430\u0431 1234", None, "\u0410\u04111234"),
    ("PASSPORT", "p 012345-6", None, "P0123456"),
    ("PASSPORT", "\u0391\u0395 1234567", None, "AE1234567"),
    ("ID_CARD", "\u0430\u0412 123456", None, "AB123456"),
    ("VIN", "1HGBH41JXM\u200bN\ufe0f109186", None, "1HGBH41JXMN109186"),
    ("NAME", "Mar\u00ada\u200b P\u00e9rez", None, "MARA PEREZ"),
    ("NAME", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", None, "\u0639\u0644\u06cc\u0631\u0636\u0627"),
    ("PLATE", "P\u034f-123\u2060BBB", None, "P123BBB"),
    ("ID_CARD", "000-123456-0001a", None, "0001234560001A"),
    ("PLATE", "12E5", None, "12E5"),
    ("ID_CARD", "12.345.678", None, "12345678"),
    ("ID_CARD", "300.000", None, "300000"),
    ("CASE", "4711.26", None, "471126"),
    ("PHONE", "\u202a+573001234567\u202c", None, "+573001234567"),
    ("PHONE", "+57\u200b300\u200b1234567", None, "+573001234567"),
    ("PHONE", "+501 223-2222", None, "+5012232222"),
    ("PHONE", "00501 223 2222", None, "+5012232222"),
    ("PHONE", "+44 (0)20 7031 3000", None, "+442070313000"),
    ("PHONE", "00 49 (0) 30 123456", None, "+4930123456"),
    ("PHONE", "+39 06 6982 1234", None, "+390669821234"),
    ("PHONE", "+39 (0)6 6982 1234", None, "+390669821234"),
    ("PHONE", "+225 01 23 45 67 89", None, "+2250123456789"),
    ("PHONE", "+7 843 123 45 67", None, "+78431234567"),
    ("PHONE", "223-2222", "BZ", "+5012232222"),
    ("PHONE", "912 34 56 78", "ES", "+34912345678"),
    ("PHONE", "06 12 34 56 78", "FR", "+33612345678"),
    ("PHONE", "501 223 2222", "BZ", "+5012232222"),
    ("PHONE", "502 2412 3456", "GT", "+50224123456"),
    ("PHONE", "56 9 6123 4567", "CL", "+56961234567"),
    ("PHONE", "503 7012 3456", "SV", "+50370123456"),
    ("PHONE", "(+502) 2412 3456", "MX", "+50224123456"),
    ("PHONE", " (00502) 2412-3456", None, "+50224123456"),
    ("PHONE", "(+49) 30 123456", "AT", "+4930123456"),
    ("PHONE", "1801 000 0000", "GT", "+50218010000000"),
    ("PHONE", "39 312 345 6789", "IT", "+393123456789"),
    ("PHONE", "52 55 1234 5678", "MX", "+525512345678"),
    ("PHONE", "57 300 123 4567", "CO", "+573001234567"),
    ("PHONE", "1 202 555 0123", "US", "+12025550123"),
    ("PHONE", "049 30 1234567", "DE", "+4949301234567"),
    ("PHONE", "\u0665\u0660\u0661 223 2222", "BZ", "+5012232222"),
    ("PHONE", "\uff0b501\u00ad2232222", None, "+5012232222"),
    ("IBAN", "gb82 west 1234 5698 7654 32", None, "GB82WEST12345698765432"),
    ("CASE", "BZ/2026/000-17", None, "BZ202600017"),
    ("NAME", "  José  Núñez\tO\u2019Brien ", None, "JOSE NUNEZ O'BRIEN"),
    ("NAME", "Søren Łukasz Weiß", None, "SOREN LUKASZ WEISS"),
    ("NAME", "MV X\u2013Press Malabar", None, "MV X-PRESS MALABAR"),
]

REFUSED = [
    ("PLATE", "", None, "number plate"),
    ("PLATE", "AB@12", None, "number plate"),
    ("VIN", "1HGBH41JXMN10918", None, "17 letters"),
    ("VIN", "IHGBH41JXMN109186", None, "without I, O and Q"),
    ("IMO", "9074728", None, "must be 9"),
    ("IMO", "90747290", None, "seven digits"),
    ("MMSI", "31234500", None, "nine digits"),
    ("MMSI", "000000000", None, "no station"),
    ("MMSI", "123456789", None, "no station"),
    ("MMSI", "200123456", None, "201 to 775"),
    ("MMSI", "776123456", None, "201 to 775"),
    ("MMSI", "999999999", None, "no station"),
    ("MMSI", "111200001", None, "no station"),
    ("AIRCRAFT_REGISTRATION", "+43", None, "as painted"),
    ("AIRCRAFT_REGISTRATION", "V3+HGX", None, "as painted"),
    ("AIRCRAFT_REGISTRATION", "V", None, "as painted"),
    ("PASSPORT", "Ñ12345", None, "9303"),
    ("PHONE", "223-2222", None, "national number without a country"),
    ("PHONE", "223-2222", "XX", "unknown"),
    ("PHONE", "2232", "BZ", "4 digits"),
    ("PHONE", "55 11 1234567", "BR", "+5555111234567 or +55111234567"),
    ("PHONE", "49 30 1234567", "DE", "+4949301234567 or +49301234567"),
    ("PHONE", "+999 123456", None, "not a calling code"),
    ("PHONE", "+49 030 1234567", None, "write +49301234567"),
    ("PHONE", "0049 030 1234567", "DE", "write +49301234567"),
    ("PHONE", "(+49) 030 1234567", None, "write +49301234567"),
    ("PHONE", "+58 0212 123456", None, "write +58212123456"),
    ("PHONE", "+36 06 1 234567", None, "write +361234567"),
    ("PHONE", "+47 (0) 22 12 34 56", None, "digits"),
    ("PHONE", "+501 223 222", None, "7, 11 digits"),
    ("PHONE", "+501 CALL-ME", None, "not a phone number"),
    ("PHONE", "+", None, "not a phone number"),
    ("IBAN", "GB83 WEST 1234 5698 7654 32", None, "check digits"),
    ("IBAN", "GB82 WEST 1234 5698 7654 3", None, "22 characters"),
    ("IBAN", "US82 1234 5698 7654 32", None, "issues no IBANs"),
    ("IBAN", "GB82", None, "not a valid IBAN"),
    ("NAME", " - ", None, "not a valid name"),
    ("NAME", "A\x00B", None, "not a valid name"),
    ("NAME", "A" * 257, None, "not a valid name"),
    ("SERIAL", "9" * 65, None, "serial number"),
]


@pytest.mark.parametrize(("scheme", "value", "country", "expected"), NORMALISED)
def test_all_spellings_of_a_value_have_one_normalised_form(
    scheme: str, value: str, country: str | None, expected: str
) -> None:
    """Upper case, no separators, E.164, no accents. Normalising it again does not change it."""
    assert normalise(scheme, value, country) == expected
    assert normalise(scheme, expected) == expected
    assert wire_form(scheme, expected, None) == expected


@pytest.mark.parametrize(("scheme", "value", "country", "reason"), REFUSED)
def test_an_invalid_value_is_refused_with_reason_and_hint(
    scheme: str, value: str, country: str | None, reason: str
) -> None:
    """The error says what is wrong and how to correct it."""
    with pytest.raises(IdentifierError) as caught:
        normalise(scheme, value, country)

    assert reason in str(caught.value)
    assert caught.value.reason
    assert caught.value.hint


@given(scheme=st.sampled_from(sorted(SCHEMES)), value=st.text(max_size=40))
def test_normalising_a_normalised_value_does_not_change_it(scheme: str, value: str) -> None:
    """normalise(normalise(x)) == normalise(x) for each accepted text."""
    try:
        once = normalise(scheme, value)
    except IdentifierError:
        return

    assert normalise(scheme, once) == once


@given(prefix=st.integers(min_value=100_000, max_value=999_999))
def test_an_imo_number_has_exactly_one_valid_check_digit(prefix: int) -> None:
    """Nine of the ten last digits are refused."""
    accepted = []
    for digit in range(10):
        try:
            accepted.append(normalise("IMO", f"{prefix}{digit}"))
        except IdentifierError:
            continue

    assert len(accepted) == 1


def _rows(name: str) -> list[dict[str, str]]:
    with (PHONES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@needs_phones
def test_every_example_number_of_the_world_is_accepted_in_international_form() -> None:
    """917 numbers of 245 regions, from libphonenumber."""
    for row in _rows("example_numbers.tsv"):
        assert normalise("PHONE", row["international"]) == row["e164"]


@needs_phones
def test_national_numbers_with_their_country_become_the_same_number() -> None:
    """Except countries whose national form has more than a trunk prefix (15 in Argentina, 8 0 in Belarus)."""
    different = {"AR", "BY"}
    for row in _rows("example_numbers.tsv"):
        if row["region"] not in different:
            assert normalise("PHONE", row["national"], row["region"]) == row["e164"], row


@needs_phones
def test_a_number_without_its_plus_is_the_same_number_or_refused() -> None:
    """Of 917 numbers none becomes another one, and nine of ten are recognised."""
    rows = _rows("example_numbers.tsv")
    recognised = 0
    for row in rows:
        try:
            found = normalise("PHONE", row["e164"].removeprefix("+"), row["region"])
        except IdentifierError:
            continue
        assert found == row["e164"], row
        recognised += 1

    assert recognised >= len(rows) * 9 // 10


@needs_phones
def test_phone_numbers_of_a_length_that_their_country_does_not_use_are_refused() -> None:
    """190 of 245 invalid examples have a wrong length; the others need numbering plans, which change each month."""
    refused = 0
    for row in _rows("invalid_numbers.tsv"):
        try:
            normalise("PHONE", row["invalid_e164"])
        except IdentifierError:
            refused += 1

    assert refused >= 190


def _check_digits(country: str, account: str) -> str:
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    return f"{98 - number % 97:02d}"


@needs_ibans
def test_an_iban_of_each_country_is_accepted_and_a_damaged_one_is_refused() -> None:
    """With the registry's lengths: other check digits, or one character less, are refused."""
    registry = json.loads((IBANS / "generated.json").read_text("utf-8"))
    for country, entry in registry.items():
        account = ("0123456789" * 4)[: entry["bban_length"]]
        right = f"{country}{_check_digits(country, account)}{account}"
        assert normalise("IBAN", right) == right
        digit = (int(right[2:4]) + 1) % 100
        for wrong in (f"{country}{digit:02d}{account}", right[:-1]):
            with pytest.raises(IdentifierError):
                normalise("IBAN", wrong)


def test_each_scheme_of_the_code_list_has_a_rule() -> None:
    """And each rule has a code."""
    assert set(SCHEMES) == codes.load("schemes").codes


def test_an_unknown_scheme_is_a_bug_of_the_caller() -> None:
    """Callers check the code list first."""
    with pytest.raises(KeyError):
        normalise("TATTOO", "x")


@pytest.mark.parametrize("scheme", sorted(SCHEMES.keys() - {"NAME"}))
@pytest.mark.parametrize("value", ["3001234567.0", "3001234567,00", "5.73001E+11", "9E+06", "1234567.5"])
def test_a_number_that_a_program_made_of_an_identifier_is_refused(scheme: str, value: str) -> None:
    """A decimal point is not a separator: without it, the value would be another identifier."""
    with pytest.raises(IdentifierError, match="a number that a program made"):
        normalise(scheme, value, "CO")
