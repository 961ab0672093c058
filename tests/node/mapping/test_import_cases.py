"""What spreadsheets of offices contain: read right, or refused with a reason, and never changed silently."""

import json
from pathlib import Path

import pytest

from node.errors import UsageError
from schemas.formats import time_text
from tests.support.imports import Imported, import_file, mapping_text, toml_field


def _spans(done: Imported) -> list[tuple[str, str | None]]:
    times = [(report.occurred.from_, report.occurred.until) for report in done.reports]
    return [(time_text(start), None if until is None else time_text(until)) for start, until in times]


LATIN = "date,text,descripción\n2026-11-01,x,á\n".encode("latin-1")


@pytest.mark.parametrize(
    ("data", "encoding", "column", "fitting"),
    [
        (LATIN, "utf-8", "descripción", "windows-1252"),
        (LATIN, "utf-8", "text", "windows-1252"),
        (LATIN.decode("latin-1").encode(), "latin-1", "descripción", "utf-8"),
        (LATIN.decode("latin-1").encode("utf-16"), "utf-8", "text", "utf-16"),
        (LATIN.decode("latin-1").encode("utf-16-le"), "utf-8", "text", "utf-16-le"),
        (LATIN.decode("latin-1").encode("utf-16"), "latin-1", "text", "utf-16"),
        (LATIN.decode("latin-1").encode("utf-16-le"), "utf-16", "text", "utf-16-le"),
        (LATIN.decode("latin-1").encode(), "utf-16", "text", "utf-8"),
    ],
)
def test_a_header_in_another_encoding_is_refused_and_the_hint_names_those_that_fit(
    tmp_path: Path, data: bytes, encoding: str, column: str, fitting: str
) -> None:
    """With the encoding that the hint names, the import works."""
    field = toml_field(path="place.area", column=column)
    with pytest.raises(UsageError) as caught:
        import_file(tmp_path, data, mapping_text(f'format = "csv"\nencoding = "{encoding}"', fields=field))

    assert (caught.value.code, caught.value.path) == ("encoding_wrong", "encoding")
    assert fitting in (caught.value.hint or "")
    again = import_file(tmp_path, data, mapping_text(f'format = "csv"\nencoding = "{fitting}"', fields=field))
    assert again.texts == ["x"]


def test_a_value_or_a_key_in_another_encoding_refuses_its_row_if_it_is_read(tmp_path: Path) -> None:
    """The message names the encodings that fit."""
    data = b"date,text,other\n2026-11-01,a\xf1o,x\n2026-11-01,b,a\xf1o\n"
    done = import_file(tmp_path, data, mapping_text())
    keys = import_file(tmp_path, b'{"date":"2026-11-01","text":"x","a\xf1o":1}', mapping_text('format = "ndjson"'))

    assert done.refused == [(2, "narrative.text", "encoding_wrong")]
    assert keys.refused == [(1, "", "encoding_wrong")]
    assert "windows-1252" in done.messages[0]
    assert "windows-1252" in keys.messages[0]


def test_bytes_of_another_encoding_in_a_later_line_of_a_cell_refuse_the_row(tmp_path: Path) -> None:
    """Also where the column is part of the key."""
    data = b'date,text\n2026-11-01,"two\nl\xf1nes"\n2026-11-02,ok\n'
    for top in ('format = "csv"', 'format = "csv"\nkey = ["*"]'):
        done = import_file(tmp_path, data, mapping_text(top))
        assert [(line, code) for line, _, code in done.refused] == [(2, "encoding_wrong")]
        assert done.texts == ["ok"]


def test_columns_that_no_field_reads_do_no_harm(tmp_path: Path) -> None:
    """Without a name, with a name that occurs twice, lists and objects."""
    for data in (b"date,text,,\n2026-11-01,one,,\n2026-11-02,two,,\n", b"date,text,n,n\n2026-11-01,one,a,b\n"):
        assert import_file(tmp_path, data, mapping_text()).refused == []
    objects = b'{"date":"2026-11-01","text":"a","x":{"y":[1]},"z":[{}]}'
    assert import_file(tmp_path, objects, mapping_text('format = "ndjson"')).texts == ["a"]


def test_a_column_whose_name_occurs_twice_can_be_named_by_its_number(tmp_path: Path) -> None:
    """The plain name is refused, and the error says how to name each."""
    data = b"date,text,text\n2026-11-01,first,second\n"
    with pytest.raises(UsageError) as caught:
        import_file(tmp_path, data, mapping_text())
    numbered = mapping_text().replace("'''text'''", "'''text (2)'''")

    assert (caught.value.code, caught.value.path) == ("file_malformed", "field[0].column")
    assert "text (1)" in (caught.value.hint or "")
    assert import_file(tmp_path, data, numbered).texts == ["second"]


def test_two_rows_that_differ_in_a_column_named_twice_are_two_reports(tmp_path: Path) -> None:
    """With the key "*", every column counts."""
    data = b"date,text,n,n\n2026-11-01,one,a,z\n2026-11-01,one,b,z\n"
    done = import_file(tmp_path, data, mapping_text('format = "csv"\nkey = ["*"]'))

    assert len({report.report_id for report in done.reports}) == 2


STRAY = b"""date,text
2026-11-01,ok before
2026-11-02,"5 inch barrel
2026-11-03,row three
2026-11-04,row four
2026-11-05,"a quoted one"
2026-11-06,row six
"""
MERGED = b"""date,text,h
2026-11-01,ok before,H0
2026-11-02,"12 inch blade
2026-11-03,informant seen at the quay,H2
2026-11-04,pipe of 9",H0
2026-11-05,ok after,H0
"""
HANDLING = toml_field(path="handling", column="h", table="h") + '[table.h.codes]\nH0 = ["H0"]\nH2 = ["H2"]\n'


def test_a_stray_quote_costs_one_row(tmp_path: Path) -> None:
    """Each line belongs to one row, and the rows add up to the lines of the file."""
    done = import_file(tmp_path, STRAY, mapping_text())

    assert done.span == [(2, 2, "accepted"), (3, 3, "refused"), *((line, line, "accepted") for line in range(4, 8))]
    assert (done.counts.read, done.counts.lines.total, done.counts.lines.header) == (6, 7, 1)
    assert "line 4 looks like the next row" in done.messages[0]


def test_a_quoted_cell_that_swallowed_rows_is_refused(tmp_path: Path) -> None:
    """The row of handling H2 does not end in the text of a report of handling H0."""
    done = import_file(tmp_path, MERGED, mapping_text(fields=HANDLING, leave_out=["handling"]))

    assert [outcome for _, _, outcome in done.span] == ["accepted", "refused", "accepted", "accepted", "accepted"]
    assert [report.handling for report in done.reports] == [("H0",), ("H2",), ("H0",), ("H0",)]
    assert not any("\n" in text for text in done.texts)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'date,text\n2026-11-01,"a\nb, c"\n2026-11-02,d\n', [(2, 3, "accepted"), (4, 4, "accepted")]),
        (b'date,text\n2026-11-01,"a\n\n\nb"\n\n2026-11-02,d\n', [(2, 5, "accepted"), (7, 7, "accepted")]),
        (b'date,text\n2026-11-01,"a"b\nc\n2026-11-02,d\n', [(2, 3, "refused"), (4, 4, "accepted")]),
        (b'date,text\n2026-11-01,"a\n', [(2, 2, "refused")]),
        (b'date,text\n2026-11-01,"a\nno row\nnor this', [(2, 4, "refused")]),
        (b'date,text\r\n2026-11-01,"a\r\n2026-11-02,b\r\n', [(2, 2, "refused"), (3, 3, "accepted")]),
        (b'date,text\n2026-11-01,"a\n2026-11-02,""\n', [(2, 2, "refused"), (3, 3, "refused")]),
        (b"date,text\n2026-11-01\n2026-11-02,b,c\n2026-11-03,d,,\n", [
            (2, 2, "refused"), (3, 3, "refused"), (4, 4, "accepted")]),
    ],
)  # fmt: skip
def test_the_lines_of_each_row(tmp_path: Path, data: bytes, expected: list[tuple[int, int, str]]) -> None:
    """A quoted cell may span lines; after a broken quote, reading resumes at the next line that fits."""
    done = import_file(tmp_path, data, mapping_text())
    lines = done.counts.lines

    assert done.span == expected
    assert lines.total == lines.header + lines.blank + sum(last - first + 1 for first, last, _ in expected)


def test_a_thousand_rows_with_a_stray_quote_lose_one(tmp_path: Path) -> None:
    data = b"date,text\n" + b"".join(
        b'2026-11-01,"row 9\n' if n == 9 else b"2026-11-01,row %d\n" % n for n in range(1000)
    )
    done = import_file(tmp_path, data, mapping_text())

    assert (done.counts.read, done.counts.accepted, done.counts.refused) == (1000, 999, 1)


@pytest.mark.parametrize(
    ("day", "occurred", "expected"),
    [
        ("2019", "%Y", ("2019-01-01T00:00:00Z", "2019-12-31T23:59:59.999Z")),
        ("02/2020", "%m/%Y", ("2020-02-01T00:00:00Z", "2020-02-29T23:59:59.999Z")),
        ("2020-12", "%Y-%m", ("2020-12-01T00:00:00Z", "2020-12-31T23:59:59.999Z")),
        ("2020-12-31", "%Y-%m-%d", ("2020-12-31T00:00:00Z", "2020-12-31T23:59:59.999Z")),
        ("2020-12-31 07h", "%Y-%m-%d %Hh", ("2020-12-31T07:00:00Z", "2020-12-31T07:59:59.999Z")),
        ("2020-12-31 07:30", "%Y-%m-%d %H:%M", ("2020-12-31T07:30:00Z", None)),
        ("31 Dec 2020 12:05 am", "%d %b %Y %I:%M %p", ("2020-12-31T00:05:00Z", None)),
        ("31 Dec 2020 03:30 P.M.", "%d %b %Y %I:%M %p", ("2020-12-31T15:30:00Z", None)),
        ("2020-366", "%Y-%j", ("2020-12-31T00:00:00Z", "2020-12-31T23:59:59.999Z")),
        ("20201231", "%Y%m%d", ("2020-12-31T00:00:00Z", "2020-12-31T23:59:59.999Z")),
        ("1763640600", "epoch_seconds", ("2025-11-20T12:10:00Z", None)),
        ("1763640600500", "epoch_milliseconds", ("2025-11-20T12:10:00.500Z", None)),
        ("46327", "excel_days", ("2026-11-01T00:00:00Z", "2026-11-01T23:59:59.999Z")),
        ("46327.4375", "excel_days", ("2026-11-01T10:30:00Z", None)),
    ],
)
def test_an_event_is_as_precise_as_its_format(
    tmp_path: Path, day: str, occurred: str, expected: tuple[str, str | None]
) -> None:
    """A year, a month, a day, an hour, or a moment."""
    data = f"date,text\n{day},x\n".encode()

    done = import_file(tmp_path, data, mapping_text(occurred=f'date = "date"\ndate_format = "{occurred}"'))
    assert _spans(done) == [expected]


@pytest.mark.parametrize(
    "day",
    "15-ene-2026 15-Jan-2026 15-JANV.-2026 15-janeiro-2026 15-januari-2026".split(),  # noqa: SIM905
)
def test_names_of_months_in_five_languages(tmp_path: Path, day: str) -> None:
    done = import_file(
        tmp_path, f"date,text\n{day},x\n".encode(), mapping_text(occurred='date = "date"\ndate_format = "%d-%b-%Y"')
    )

    assert _spans(done)[0][0] == "2026-01-15T00:00:00Z"


@pytest.mark.parametrize(
    ("occurred", "reason"),
    [
        ('date = "date"\ndate_format = "%Y-%m-%e"', "no directive %e"),
        ('date = "date"\ndate_format = "%Y-%m-%"', "no directive %"),
        ('date = "date"\ndate_format = "%G-%V"', "no directive %G"),
        ('date = "date"\ndate_format = "%d/%m"', "without the year"),
        ('date = "date"\ndate_format = "%d/%Y"', "without the month"),
        ('date = "date"\ndate_format = "%H:%M"', "has no year"),
        ('date = "date"\ndate_format = "%d/%m/%y"', "two-digit year"),
        ('date = "date"\ndate_format = "%Y-%m-%d %m"', "occurs twice"),
        ('date = "date"\ndate_format = "%Y-%m-%d %H:%M %Z"', "%Z reads no zone reliably"),
        ('date = "date"\ndate_format = "%Y-%m-%d %z"', "without the hour"),
        ('date = "date"\ndate_format = "day"', "has no directive"),
        ('date = "date"\ntime = "text"\ntime_format = "%H:%M %p"', "%p belongs to %I"),
        ('date = "date"\ntime = "text"\ntime_format = "%I:%M"', "without %p"),
        ('date = "date"\ntime = "text"\ntime_format = "%M"', "without the hour"),
        ('date = "date"\ntime = "text"\ntime_format = "%Y %H"', "not a time of day"),
        ('date = "date"\ntime = "text"\ndate_format = "%Y"', "is not a day"),
        ('date = "date"\ntime = "text"\ndate_format = "epoch_seconds"', "is not a day"),
    ],
)
def test_a_wrong_format_is_refused_when_the_mapping_is_loaded(tmp_path: Path, occurred: str, reason: str) -> None:
    """Not row by row."""
    with pytest.raises(UsageError) as caught:
        import_file(tmp_path, b"date,text\n2026-11-01,x\n", mapping_text(occurred=occurred))

    assert caught.value.code == "value_invalid"
    assert (caught.value.path or "").startswith("occurred.")
    assert reason in caught.value.message


def test_a_pivot_says_which_century_two_digits_mean(tmp_path: Path) -> None:
    data = b"date,text\n16/07/68,a\n16/07/69,b\n16/07/26,c\n"
    occurred = 'date = "date"\ndate_format = "%d/%m/%y"\npivot = 1969'

    assert [start[:4] for start, _ in _spans(import_file(tmp_path, data, mapping_text(occurred=occurred)))] == [
        "2068",
        "1969",
        "2026",
    ]


def test_a_day_without_midnight_begins_at_its_first_moment(tmp_path: Path) -> None:
    """In Chile the clocks go forward at midnight; the day before ends there."""
    data = b"date,text\n2026-09-05,a\n2026-09-06,b\n2026-09-07,c\n"
    done = import_file(tmp_path, data, mapping_text(occurred='date = "date"\nzone = "America/Santiago"'))

    assert _spans(done) == [
        ("2026-09-05T04:00:00Z", "2026-09-06T03:59:59.999Z"),
        ("2026-09-06T04:00:00Z", "2026-09-07T02:59:59.999Z"),
        ("2026-09-07T03:00:00Z", "2026-09-08T02:59:59.999Z"),
    ]


def test_a_day_that_the_calendar_skipped_is_refused(tmp_path: Path) -> None:
    """Samoa had no 30 December 2011."""
    data = b"date,text\n2011-12-30,a\n"
    done = import_file(tmp_path, data, mapping_text(occurred='date = "date"\nzone = "Pacific/Apia"'))

    assert done.refused == [(2, "occurred.from", "not_a_time")]


PERSON = toml_field("entity", id=1, kind="PERSON", statement="FACT") + "".join(
    toml_field("entity.field", path=f"person.{path}", value=value)
    for path, value in (("category", "SUSPECT"), ("under_18", "false"), ("special_category", "false"))
)


@pytest.mark.parametrize(
    ("born", "format_", "expected"),
    [
        ("1977", "%Y", "1977"),
        ("05/1977", "%m/%Y", "1977-05"),
        ("12/05/1977", "%d/%m/%Y", "1977-05-12"),
        ("12/05/77", "%d/%m/%y", "1977-05-12"),
    ],
)
def test_a_birth_date_is_as_precise_as_its_format(tmp_path: Path, born: str, format_: str, expected: str) -> None:
    pivot = {"pivot": 1930} if "%y" in format_ else {}
    field = toml_field("entity.field", path="person.birth_date", column="born", date_format=format_, **pivot)
    done = import_file(tmp_path, f"date,text,born\n2026-11-01,x,{born}\n".encode(), mapping_text(fields=PERSON + field))

    assert [report.entities[0].person and report.entities[0].person.birth_date for report in done.reports] == [expected]


def test_a_birth_date_in_the_future_is_refused_and_names_its_column(tmp_path: Path) -> None:
    field = toml_field("entity.field", path="person.birth_date", column="born")
    data = b"date,text,born\n2026-11-01,x,2077-01-01\n2026-11-01,x,1977-00-00\n"
    done = import_file(tmp_path, data, mapping_text(fields=PERSON + field))

    assert [code for _, _, code in done.refused] == ["out_of_range", "wrong_format"]
    assert done.messages[0] == "column born: is in the future: '2077-01-01'"


def test_a_day_is_needed_where_the_field_is_a_day(tmp_path: Path) -> None:
    field = toml_field(path="retain_until", column="date", date_format="%Y")
    with pytest.raises(UsageError, match="has no day"):
        import_file(tmp_path, b"", mapping_text(fields=field, leave_out=["retain_until"]))


def test_all_errors_of_a_row_come_at_once_with_column_value_and_form(tmp_path: Path) -> None:
    """Errors of columns and of the report; a field whose column is wrong is not missing as well."""
    fields = (
        toml_field(path="place.latitude_microdegrees", column="lat", scale=6)
        + toml_field(path="place.longitude_microdegrees", column="lon", scale=6)
        + toml_field(path="urgency", column="u")
        + toml_field(path="retain_until", column="r")
    )
    data = b"date,text,lat,lon,u,r\n31/11/2026,,91,x,SOON,\n"
    done = import_file(tmp_path, data, mapping_text(fields=fields, leave_out=["urgency", "retain_until"]))

    assert sorted(zip(done.refused, done.messages, strict=True)) == [
        ((2, "narrative.text", "missing"), "column text: has no value; is mandatory"),
        ((2, "occurred.from", "not_a_time"), "column date: '31/11/2026' does not fit %Y-%m-%d"),
        (
            (2, "place.latitude_microdegrees", "out_of_range"),
            "column lat: '91' must be between -90,000,000 and 90,000,000, not the number 91000000",
        ),
        (
            (2, "place.longitude_microdegrees", "not_a_number"),
            "column lon: 'x' is not a decimal number such as 1250.75",
        ),
        ((2, "retain_until", "missing"), "column r: has no value; is mandatory"),
        ((2, "urgency", "unknown_code"), "column u: 'SOON' is not in the list urgency (version 1)"),
    ]


def test_a_number_with_decimals_is_not_rounded_silently(tmp_path: Path) -> None:
    """A field of whole numbers needs `scale` or `decimals`."""
    field = toml_field(path="place.latitude_microdegrees", column="lat")
    field += toml_field(path="place.longitude_microdegrees", column="lat", decimals=0)
    done = import_file(tmp_path, b"date,text,lat\n2026-11-01,x,12.5\n", mapping_text(fields=field))

    assert done.refused == [(2, "place.latitude_microdegrees", "not_a_number")]


def test_a_json_key_that_occurs_twice_refuses_its_row(tmp_path: Path) -> None:
    row = b'{"date":"2026-11-01","text":"a","text":"b"}'
    lines = import_file(tmp_path, row + b'\n{"date":"2026-11-01","text":"c"}', mapping_text('format = "ndjson"'))
    array = import_file(tmp_path, b"[" + row + b',{"date":"2026-11-01","text":"c"}]', mapping_text('format = "json"'))

    for done in (lines, array):
        assert done.refused == [(1, "text", "duplicate")]
        assert done.texts == ["c"]


@pytest.mark.parametrize("column", ["persons[].plates[]", "persons[].plates"])
def test_lists_inside_the_objects_of_a_list_are_several_values(tmp_path: Path, column: str) -> None:
    """Each person has a list of plates: the values of all of them, in their order."""
    record = {"date": "2026-11-01", "text": "a", "persons": [{"plates": ["A 1", "B 2"]}, {}, {"plates": ["C 3"]}]}
    entity = toml_field("entity", id=1, kind="VEHICLE", statement="FACT")
    entity += toml_field("entity.field", path="identifiers.PLATE", column=column)

    done = import_file(tmp_path, json.dumps(record).encode(), mapping_text('format = "ndjson"', fields=entity))

    assert [identifier.value for identifier in done.reports[0].entities[0].identifiers] == ["A1", "B2", "C3"]


def test_lists_and_objects_of_a_second_file_in_json_are_not_lost(tmp_path: Path) -> None:
    """A list is several values; an object is an error of the field that reads it, and not an empty cell."""
    stations = [{"code": "7", "plates": ["A 1", "B 2"], "at": {"name": "Arenal"}}]
    (tmp_path / "stations.json").write_text(json.dumps(stations))
    join = toml_field("join", name="s", file="stations.json", column="station", key="code", format="json")
    entity = toml_field("entity", id=1, kind="VEHICLE", statement="FACT")
    entity += toml_field("entity.field", path="identifiers.PLATE", column="s.plates")
    place = toml_field(path="place.area", column="s.at")
    data = b"date,text,station\n2026-11-01,a,7\n"

    listed = import_file(tmp_path, data, mapping_text(fields=join + entity))
    nested = import_file(tmp_path, data, mapping_text(fields=join + place))

    assert [identifier.value for identifier in listed.reports[0].entities[0].identifiers] == ["A1", "B2"]
    assert nested.refused == [(2, "place.area", "wrong_type")]


@pytest.mark.parametrize(
    ("data", "encoding", "fitting"),
    [
        ("\ufeffdate,text\n2026-11-01,a\n".encode(), "windows-1252", "utf-8"),
        ("\ufeffdate,text\n2026-11-01,a\n".encode(), "latin-1", "utf-8"),
        ("\ufeffdate,text\n2026-11-01,a\n".encode(), "utf-16-le", "utf-8"),
        (b"date,text\n2026-11-01,\xe9\n", "utf-16-le", "windows-1252"),
    ],
)
def test_columns_in_plain_letters_show_a_wrong_encoding_too(
    tmp_path: Path, data: bytes, encoding: str, fitting: str
) -> None:
    """The columns are not unknown: in another encoding the file has them."""
    with pytest.raises(UsageError) as caught:
        import_file(tmp_path, data, mapping_text(f'format = "csv"\nencoding = "{encoding}"'))

    assert (caught.value.code, caught.value.path) == ("encoding_wrong", "encoding")
    assert fitting in str(caught.value.hint)


@pytest.mark.parametrize("encoding", ["latin-1", "iso-8859-1", "ISO-8859-15", "iso-8859-9"])
def test_bytes_of_windows_are_not_control_codes_of_iso_8859(tmp_path: Path, encoding: str) -> None:
    """0x93 is a quotation mark of Windows-1252. Without a refusal, the text would be another one without a word."""
    data = b"date,text,other\n2026-11-01,\x93x\x94,1\n2026-11-02,caf\xe9,\x80\n"
    done = import_file(tmp_path, data, mapping_text(f'format = "csv"\nencoding = "{encoding}"'))

    assert done.texts == ["café"]
    assert done.refused == [(2, "narrative.text", "encoding_wrong")]
    assert "windows-1252" in done.messages[0]


def test_a_line_of_blanks_is_blank(tmp_path: Path) -> None:
    done = import_file(tmp_path, b"date,text\n2026-11-01,a\n  \t \n2026-11-02,b\n \n", mapping_text())

    assert (done.texts, done.refused, done.counts.lines.blank) == (["a", "b"], [], 2)


def test_a_number_that_is_not_json_costs_one_element_of_an_array_on_one_line(tmp_path: Path) -> None:
    """Python writes NaN into JSON, and whole arrays on one line."""
    rows = [{"date": "2026-11-01", "text": text, "x": x} for text, x in (("a", 1.0), ("b", float("nan")), ("c", 2.0))]
    done = import_file(tmp_path, json.dumps(rows * 2000).encode(), mapping_text('format = "json"'))

    assert done.texts == ["a", "c"] * 2000
    assert {(path, code) for _, path, code in done.refused} == {("", "not_json")}
    assert (done.counts.read, done.counts.refused) == (6000, 2000)
