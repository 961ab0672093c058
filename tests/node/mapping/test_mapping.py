"""Mappings: what is refused before the first row is read, and how a row becomes a report."""

from pathlib import Path
from typing import Any

import pytest

from node.errors import UsageError
from node.mapping.cells import CellRules, Cells
from node.mapping.load_mapping import load
from node.mapping.map_row import RowMapper
from node.mapping.mappable_fields import Form, entity_targets, report_targets
from node.mapping.named_columns import check_columns, columns_named, row_format
from node.rows.source_file import SourceFile
from schemas import types
from schemas.field_errors import FieldError

MAPPING = """
id = "boats"
format = "csv"
null = ["NA"]
key = ["no"]

[select]
columns = ["zone", "coast"]
table = "nodes"
default = "ES"

[occurred]
date = "day"
time = "clock"
utc_suffix = " UTC"
zone = "+01:00"
zone_columns = ["coast"]
zone_table = "zones"

[[field]]
path = "subjects"
column = "kind"
table = "subjects"

[[field]]
path = "subjects"
values = ["ROBBERY", "CONTRABAND"]

[[field]]
path = "narrative.text"
column = "words"

[[field]]
path = "narrative.text"
template = "{kind|Something} off {coast|a coast}"

[[field]]
path = "place.latitude_microdegrees"
column = "lat"
scale = 6

[[field]]
path = "place.text"
column = "code"
pad = 8

[[field]]
path = "retain_until"
value = "2034-12-31"

[[entity]]
id = 1
kind = "VESSEL"
statement = "FACT"
when = "ship"

[[entity.field]]
path = "identifiers.NAME"
column = "ship"
country = "BZ"

[[entity]]
id = 2
kind = "PERSON"
statement = "ASSESSMENT"

[[entity.field]]
path = "person.birth_date"
column = "born"
date_format = "%d.%m.%Y"

[[entity.field]]
path = "person.under_18"
column = "minor"

[[entity.field]]
path = "person.category"
value = "SUSPECT"

[[connection]]
from = 2
to = 1
role = "USER"
statement = "FACT"

[table.nodes.codes]
BLZ = ["BZ"]
GTM = ["GT"]

[table.zones.codes]
GTM = ["-06:00"]

[table.subjects]
missing = ["ROBBERY"]

[table.subjects.codes]
theft = ["ROBBERY"]
taking = ["TERRORISM", "ROBBERY"]
nothing = []
"""

ROW = {
    "no": "1",
    "zone": "NA",
    "coast": "GTM",
    "day": "2026-03-01",
    "clock": "03:30",
    "kind": "taking",
    "words": "NA",
    "lat": "15.5",
    "code": "101000",
    "ship": " Alpha ",
    "born": "31.12.1980",
    "minor": "FALSE",
}


def _load(*changes: tuple[str, str]) -> types.Mapping:
    text = MAPPING
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load(text, file="boats.toml")


def _cells(mapping: types.Mapping, row: dict[str, Any]) -> Cells:
    nulls_of = {column: frozenset(texts) for column, texts in mapping.nulls.items()}
    rules = CellRules(nulls=frozenset(mapping.null), nulls_of=nulls_of, joins={}, nested=mapping.format != "csv")
    return Cells(rules, row)


def _node_of(mapping: types.Mapping, **row: str) -> str | None:
    return RowMapper(mapping).node_of(_cells(mapping, ROW | row))


def _report_of(mapping: types.Mapping, row: dict[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    made = RowMapper(mapping).report_of(_cells(mapping, row))
    return made.report, made.errors


def _made(*changes: tuple[str, str], **row: str) -> dict[str, Any]:
    report, errors = _report_of(_load(*changes), ROW | row)
    assert errors == []
    return report


def _errors(**row: str) -> list[tuple[str, str]]:
    _, errors = _report_of(_load(), ROW | row)
    return [(error.path, error.code) for error in errors]


INVALID: list[tuple[tuple[str, str], str, str]] = [
    (('format = "csv"', 'format = "csv"\ncolour = 1'), "no key colour", "did you mean"),
    (('path = "subjects"\ncolumn', 'path = "subjects"\ncolunm'), "colunm", "column"),
    (('path = "subjects"', 'path = "subjcets"'), "no field subjcets", "subjects"),
    (('path = "identifiers.NAME"', 'path = "identifiers.NAMES"'), "no field identifiers.NAMES", "identifiers.NAME"),
    (('path = "person.category"', 'path = "category"'), "no field category", "person.category"),
    (('path = "narrative.text"', 'path = "created_at"'), "no field created_at", ""),
    (('table = "nodes"', 'table = "node"'), "no table node", "nodes"),
    (('zone_table = "zones"', 'zone_table = "zone"'), "no table zone", "zones"),
    (('table = "subjects"', 'table = "objects"'), "no table objects", "subjects"),
    (("[table.subjects]\nmissing", "[table.subjects]\nmising"), "mising", "missing"),
    (('value = "2034-12-31"', ""), "exactly one of", ""),
    (('value = "2034-12-31"', 'value = "2034-12-31"\ncolumn = "day"'), "exactly one of", ""),
    (("pad = 8", "pad = 8\nscale = 6"), "may have one of", ""),
    (('value = "SUSPECT"', 'value = "SUSPECT"\npad = 3'), "only with a column", ""),
    (("pad = 8", "scale = 6"), "scale makes numbers", ""),
    (('column = "kind"\ntable = "subjects"', 'column = "kind"'), "a column with a table", ""),
    (('value = "2034-12-31"', 'values = ["a", "b"]'), "not a list", ""),
    (('value = "SUSPECT"', 'value = "SUSPECT"\ncountry = "BZ"'), "only identifiers have a country", ""),
    (("id = 2", "id = 1"), "another entity has the id 1", ""),
    (("to = 1", "to = 3"), "no entity has the id 3", ""),
    (('zone = "+01:00"', 'zone = "Belize"'), "not a known zone", ""),
    (('GTM = ["-06:00"]', 'GTM = ["-6"]'), "not a known zone", ""),
    (('zone_columns = ["coast"]', ""), "need each other", ""),
    (('columns = ["zone", "coast"]', ""), "need each other", ""),
    (('id = "boats"', 'id = "Boats!"'), "id", ""),
    (('id = "boats"', "id = "), "boats.toml", ""),
]


@pytest.mark.parametrize(("change", "reason", "nearest"), INVALID, ids=[case[1] for case in INVALID])
def test_an_invalid_mapping_is_refused_before_any_row(change: tuple[str, str], reason: str, nearest: str) -> None:
    """The error names what is wrong and the nearest known name."""
    with pytest.raises(UsageError) as caught:
        _load(change)

    assert reason in caught.value.message
    assert nearest in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('path = "subjects"', 'path = "subjcets"'), "unknown_field"),
        (('table = "nodes"', 'table = "node"'), "unknown_table"),
        (('format = "csv"', 'format = "csv"\ncolour = 1'), "unknown_key"),
        (("to = 1", "to = 3"), "value_invalid"),
    ],
)
def test_the_code_of_an_invalid_mapping_says_what_is_wrong(change: tuple[str, str], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        _load(change)

    assert caught.value.code == code


def test_a_column_that_the_file_lacks_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    """The file needs each column that the mapping names."""
    mapping = _load()
    needed = {column for _, column in columns_named(mapping)}
    assert needed == set(ROW)

    def check(columns: set[str]) -> None:
        source = SourceFile(path=tmp_path / "boats.csv", format=row_format(mapping))
        source.path.write_text(",".join(sorted(columns)) + "\n")
        check_columns(mapping, source, {})

    check(needed | {"more"})
    for column in needed:
        with pytest.raises(UsageError) as caught:
            check((needed - {column}) | {f"{column}s"})
        assert caught.value.code == "unknown_column"
        assert caught.value.hint == f"did you mean {column}s?"


def test_a_row_becomes_a_report_as_intake_reads_it() -> None:
    """With each kind of field."""
    assert _made() == {
        "subjects": ["TERRORISM", "ROBBERY", "CONTRABAND"],
        "narrative": {"text": "taking off GTM"},
        "occurred": {"from": "2026-03-01T09:30:00Z"},
        "place": {"latitude_microdegrees": 15_500_000, "text": "00101000"},
        "retain_until": "2034-12-31",
        "entities": [
            {
                "id": 1,
                "kind": "VESSEL",
                "statement": "FACT",
                "identifiers": [{"scheme": "NAME", "value": "Alpha", "country": "BZ"}],
            },
            {
                "id": 2,
                "kind": "PERSON",
                "statement": "ASSESSMENT",
                "identifiers": [],
                "person": {"birth_date": "1980-12-31", "under_18": False, "category": "SUSPECT"},
            },
        ],
        "connections": [{"from": 2, "to": 1, "role": "USER", "statement": "FACT"}],
    }


def test_the_first_field_of_a_path_that_has_a_value_counts() -> None:
    """The words if there are any, else the template."""
    assert _made(words="As it was told")["narrative"]["text"] == "As it was told"
    assert _made(kind="NA", coast="")["narrative"]["text"] == "Something off a coast"


def test_a_table_defines_the_codes_of_an_empty_column() -> None:
    """`missing` for a column without a value. A value with an empty list adds no code."""
    assert _made(kind="NA")["subjects"] == ["ROBBERY", "CONTRABAND"]
    assert _made(kind="nothing")["subjects"] == ["ROBBERY", "CONTRABAND"]


def test_an_entity_without_its_column_is_left_out_with_its_connections() -> None:
    """A connection needs both of its entities."""
    made = _made(ship="NA")

    assert [entity["id"] for entity in made["entities"]] == [2]
    assert made["connections"] == []


def test_times_are_utc_local_or_the_whole_day() -> None:
    """UTC by suffix, local by the zone of the coast or of the mapping, and the whole day without a time."""
    assert _made(clock="03:30 UTC")["occurred"] == {"from": "2026-03-01T03:30:00Z"}
    assert _made(clock="03:30", coast="NA")["occurred"] == {"from": "2026-03-01T02:30:00Z"}
    assert _made(clock="NA")["occurred"] == {"from": "2026-03-01T06:00:00Z", "until": "2026-03-02T05:59:59.999Z"}
    assert "occurred" not in _made(day="NA")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"zone": "BLZ", "coast": "GTM"}, "BZ"),
        ({"zone": "NA", "coast": "GTM"}, "GT"),
        ({"zone": "COL", "coast": "GTM"}, "GT"),
        ({"zone": "COL", "coast": "NA"}, "ES"),
    ],
)
def test_the_first_column_with_a_node_decides_which_node_imports_the_row(row: dict[str, str], expected: str) -> None:
    """If the zone belongs to no node, the coast decides; if the coast belongs to none, the default does."""
    mapping = _load()

    assert _node_of(mapping, **row) == expected
    alone = _load(('default = "ES"', ""))
    assert _node_of(alone, **row) == (None if expected == "ES" else expected)


@pytest.mark.parametrize(
    ("row", "path", "code"),
    [
        ({"kind": "fishing"}, "subjects", "unknown_value"),
        ({"lat": "15,5"}, "place.latitude_microdegrees", "not_a_number"),
        ({"code": "123456789"}, "place.text", "not_a_code"),
        ({"clock": "18:85 UTC"}, "occurred.from", "not_a_time"),
        ({"day": "1.3.2026"}, "occurred.from", "not_a_time"),
        ({"born": "1980"}, "entities[1].person.birth_date", "not_a_time"),
        ({"minor": "perhaps"}, "entities[1].person.under_18", "not_a_flag"),
    ],
)
def test_a_column_that_cannot_be_converted_is_refused_at_its_field(row: dict[str, str], path: str, code: str) -> None:
    """With a stable code."""
    assert _errors(**row) == [(path, code)]


def test_all_errors_of_a_row_are_found_and_name_their_column() -> None:
    """In one pass."""
    _, errors = _report_of(_load(), ROW | {"kind": "fishing", "clock": "18:85 UTC"})

    assert [error.message for error in errors] == [
        "column kind: 'fishing' is not in the table",
        "column clock: '18:85 UTC' does not fit %H:%M UTC",
    ]
    assert errors[0].allowed == ("nothing", "taking", "theft")


def test_the_fields_that_a_mapping_can_fill_come_from_the_schema() -> None:
    """Without the fields that the node fills and those with a section of their own."""
    assert report_targets()["retain_until"] is Form.TEXT
    assert report_targets()["place.longitude_microdegrees"] is Form.NUMBER
    assert report_targets()["handling"] is Form.LIST
    assert entity_targets()["person.special_category"] is Form.FLAG
    assert entity_targets()["identifiers.IMO"] is Form.IDENTIFIER
    for path in ("kind", "created_at", "report_id", "references", "occurred", "entities"):
        assert path not in report_targets()


def test_a_value_that_the_table_of_zones_does_not_list_is_an_error_of_its_column() -> None:
    """A time in a wrong zone is wrong by hours, and a reader cannot see it."""
    assert _errors(coast="XXX") == [("occurred.from", "unknown_value")]


@pytest.mark.parametrize(
    ("change", "coast"),
    [("", "NA"), ("otherwise = []", "XXX"), ("otherwise = []", "NA")],
    ids=["empty", "otherwise", "empty and otherwise"],
)
def test_a_row_without_a_zone_has_that_of_the_mapping(change: str, coast: str) -> None:
    """Because the cell is empty, or because the mapping says what other values mean."""
    made = _made(("[table.zones.codes]", f"[table.zones]\n{change}\n[table.zones.codes]"), coast=coast)

    assert made["occurred"]["from"] == "2026-03-01T02:30:00Z"


def test_a_value_that_is_listed_without_a_zone_has_that_of_the_mapping() -> None:
    made = _made(('GTM = ["-06:00"]', "GTM = []"))

    assert made["occurred"]["from"] == "2026-03-01T02:30:00Z"
