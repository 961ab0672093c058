"""Conversions of the text of one column."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mapping.column_error import ColumnError
from node.mapping.conversions import look_up, pad
from node.mapping.date_formats import compile_format
from node.mapping.number_forms import NumberForm, plain_text, scale
from node.mapping.templates import columns_of, fill_template, parse_template
from node.mapping.times import date_text_of, moment_of, span_of, zone_of
from schemas.types import MappingTable

DAY_MS = 86_400_000
DAY = compile_format("%Y-%m-%d")
CLOCK = compile_format("%H:%M")


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [
        ("12.5", 6, 12_500_000),
        ("-89.093", 6, -89_093_000),
        ("116", 6, 116_000_000),
        ("104.16666666666993", 6, 104_166_667),
        ("0.0000005", 6, 0),
        ("0.0000015", 6, 2),
        ("-0.0000015", 6, -2),
        ("+7", 0, 7),
        (" 7 ", 2, 700),
    ],
)
def test_a_decimal_becomes_a_whole_number_of_small_units(text: str, places: int, expected: int) -> None:
    """Exactly, or rounded half to even beyond the last place."""
    assert scale(text, places) == expected


@given(st.integers(min_value=-180_000_000, max_value=180_000_000))
def test_microdegrees_written_as_degrees_come_back_exactly(value: int) -> None:
    """No float on the way loses a digit."""
    assert scale(f"{Decimal(value).scaleb(-6):f}", 6) == value


@pytest.mark.parametrize("text", ["", "12,5", "1e3", "NaN", "12°", "1" * 19, "--1", "٣"])
def test_text_that_is_not_a_decimal_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ColumnError, match="not a decimal"):
        scale(text, 6)


@pytest.mark.parametrize(
    ("text", "expected"), [("1.250,75", "1250.75"), ("12.345", "12345"), ("0,045", "0.045"), ("0.045", None)]
)
def test_a_group_of_digits_does_not_begin_with_a_zero(text: str, expected: str | None) -> None:
    """0.045 in a file with decimal commas shows that the mapping is wrong: it is refused, and is not 45."""
    form = NumberForm(decimal=",", thousands=".")
    if expected is None:
        with pytest.raises(ColumnError, match="not a decimal"):
            plain_text(text, form)
    else:
        assert plain_text(text, form) == expected


def test_a_code_gets_its_leading_zeros_back() -> None:
    """A code of full length does not change; a longer code or other text is refused."""
    assert [pad(text, 8) for text in ("5101000", "91001000")] == ["05101000", "91001000"]
    for text in ("123456789", "51O1000", "-5"):
        with pytest.raises(ColumnError, match="8 digits"):
            pad(text, 8)


def test_a_table_translates_a_value_or_lists_the_values_that_it_knows() -> None:
    """A listed value, any other value, an unknown value. A listed value may have no code."""
    table = MappingTable(codes={"a": ("A",), "none": ()})
    open_table = MappingTable(codes={"a": ("A",)}, otherwise=("Z",))

    assert look_up(table, "a") == ("A",)
    assert look_up(table, "none") == ()
    assert look_up(open_table, "b") == ("Z",)
    with pytest.raises(ColumnError) as caught:
        look_up(table, "b")
    assert caught.value.allowed == ("a", "none")


def test_a_template_uses_columns_and_their_substitutes() -> None:
    """If a column has neither a value nor a substitute, there is no text."""
    values = {"ship": "Alpha", "place": None}

    def fill(template: str) -> str | None:
        return fill_template(parse_template(template, frozenset()), lambda part: values[part.column])

    assert fill("{ship} at {place|sea}") == "Alpha at sea"
    assert fill("{ship}{place|}") == "Alpha"
    assert fill("{ship} at {place}") is None
    assert columns_of("{ship} at {place|sea}") == ("ship", "place")


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        ("2018-06-19", "03:30", "UTC", "2018-06-19T03:30:00+00:00"),
        ("2018-06-19", "03:30", "-05:00", "2018-06-19T08:30:00+00:00"),
        ("2018-06-19", "23:59", "+05:30", "2018-06-19T18:29:00+00:00"),
        ("2018-07-01", "12:00", "Europe/Madrid", "2018-07-01T10:00:00+00:00"),
        ("2018-10-28", "02:30", "Europe/Madrid", "2018-10-28T00:30:00+00:00"),
    ],
)
def test_the_zone_of_a_local_time_decides_its_moment(day: str, clock: str, zone: str, expected: str) -> None:
    """If the clocks showed an hour twice, the first counts."""
    assert moment_of(day, DAY, clock, CLOCK, zone_of(zone)) == (_ms(expected), None)


@pytest.mark.parametrize(
    ("day", "clock", "reason"),
    [
        ("2018-06-19", "18:85", "'18:85' does not fit %H:%M"),
        ("2018-06-19", "24:00", "does not fit"),
        ("2018-02-29", "12:00", "does not fit"),
        ("19.06.2018", "12:00", "does not fit"),
        ("2018-03-25", "02:30", "clocks skipped it"),
    ],
)
def test_a_time_that_does_not_exist_is_refused(day: str, clock: str, reason: str) -> None:
    """On the clock, in the calendar or in the zone."""
    with pytest.raises(ColumnError, match=reason):
        moment_of(day, DAY, clock, CLOCK, zone_of("Europe/Madrid"))


def test_a_date_without_a_time_is_the_whole_day_of_its_zone() -> None:
    """From midnight to the last millisecond. A day on which the clocks change is longer or shorter."""
    assert span_of("2018-06-19", DAY, zone_of("-05:00")) == (
        _ms("2018-06-19T05:00:00+00:00"),
        _ms("2018-06-20T05:00:00+00:00") - 1,
    )
    start, until = span_of("2018-10-28", DAY, zone_of("Europe/Madrid"))
    assert until is not None
    assert until - start + 1 == DAY_MS + 3_600_000


def test_a_date_column_with_the_hour_is_a_moment() -> None:
    """Also if it has its own offset."""
    assert span_of("2018-06-19 03:30", compile_format("%Y-%m-%d %H:%M"), zone_of("-05:00")) == (
        _ms("2018-06-19T08:30:00+00:00"),
        None,
    )
    offset = compile_format("%Y-%m-%dT%H:%M%z")
    assert span_of("2018-06-19T03:30+0200", offset, zone_of("-05:00"))[0] == _ms("2018-06-19T01:30:00+00:00")


def test_a_date_is_read_in_the_format_of_strptime() -> None:
    """And written as YYYY-MM-DD."""
    assert date_text_of("31/12/1980", compile_format("%d/%m/%Y")) == "1980-12-31"


@pytest.mark.parametrize("name", ["Belize", "+25:00", "../etc/passwd", "Europe/Nowhere", ""])
def test_an_unknown_zone_is_refused(name: str) -> None:
    """The error says how to write a zone."""
    with pytest.raises(ColumnError, match="IANA") as caught:
        zone_of(name)

    assert caught.value.code == "unknown_zone"


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("5 de\u0301cembre 2026", "%d %B %Y", "2026-12-05"),
        ("5 aou\u0302t 2026", "%d %B %Y", "2026-08-05"),
        ("5 m\u0061r\u00e7o 2026", "%d %B %Y", "2026-03-05"),
        ("\u200e5\u200e/\u200e12\u200e/\u200e2026", "%d/%m/%Y", "2026-12-05"),
        ("ter\u00e7a-feira, 3 nov 2026", "%A, %d %b %Y", "2026-11-03"),
        ("5 f\u00e9vr. 2026", "%d %b %Y", "2026-02-05"),
    ],
)
def test_a_date_is_read_however_its_letters_are_composed(text: str, format_: str, expected: str) -> None:
    """Letters may come apart from their accents, and systems add direction marks that no reader sees."""
    assert date_text_of(text, compile_format(format_)) == expected


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", " ", ""])
def test_half_days_are_read_with_every_blank(blank: str) -> None:
    """The systems of Spanish offices write p. m. with a blank that does not break."""
    span = moment_of("2026-11-01", DAY, f"01:05 p.{blank}m.", compile_format("%I:%M %p"), UTC)

    assert span == (_ms("2026-11-01T13:05:00+00:00"), None)
