"""Rows of a file: CSV, a JSON array, NDJSON. A bad row is one error; a bad file is refused as a whole."""

from pathlib import Path

import pytest

from node.errors import UsageError
from node.reports.row_files import (
    FIELD_LENGTH_MAX,
    Row,
    RowFormat,
    columns,
    read_rows,
)
from schemas.types import MappingFormat


def _read(tmp_path: Path, data: bytes, kind: MappingFormat, **row_format: str) -> list[Row]:
    path = tmp_path / "file"
    path.write_bytes(data)
    return list(read_rows(path, _row_format(kind, **row_format)))


def _row_format(kind: MappingFormat, encoding: str = "utf-8", delimiter: str = ",") -> RowFormat:
    return RowFormat(format=kind, encoding=encoding, delimiter=delimiter)


def _seen(rows: list[Row]) -> list[tuple[int, int, object]]:
    return [(row.number, row.line, dict(row.values) if row.error is None else row.error.code) for row in rows]


def test_csv_with_fields_over_several_lines(tmp_path: Path) -> None:
    """Row and line numbers differ after such a field. A byte order mark and blank lines are skipped."""
    data = b'\xef\xbb\xbfa,b\r\n1,"two\nlines"\r\n\r\n2,"said ""no"""\r\n'

    assert _seen(_read(tmp_path, data, MappingFormat.csv)) == [
        (1, 2, {"a": "1", "b": "two\nlines"}),
        (2, 5, {"a": "2", "b": 'said "no"'}),
    ]


def test_a_bad_row_of_a_csv_does_not_affect_the_next(tmp_path: Path) -> None:
    """Too few columns, a misplaced quote, bytes of another encoding."""
    data = b'a,b\n1\n2,"x"y\n3,\xff\n4,ok\n'

    assert _seen(_read(tmp_path, data, MappingFormat.csv)) == [
        (1, 2, "row_malformed"),
        (2, 3, "row_malformed"),
        (3, 4, "encoding_wrong"),
        (4, 5, {"a": "4", "b": "ok"}),
    ]


def test_another_delimiter_and_encoding(tmp_path: Path) -> None:
    """As spreadsheets in some countries write them."""
    data = "a;b\nñ;ü\n".encode("latin-1")

    assert _seen(_read(tmp_path, data, MappingFormat.csv, encoding="latin-1", delimiter=";")) == [
        (1, 2, {"a": "ñ", "b": "ü"})
    ]


def test_a_column_above_the_limit_is_an_error_of_its_row_only(tmp_path: Path) -> None:
    """The reader keeps no more than the limit in memory."""
    data = b"a,b\n1," + b"x" * (FIELD_LENGTH_MAX + 1) + b"\n2,ok\n"

    assert [row.error is None for row in _read(tmp_path, data, MappingFormat.csv)] == [False, True]


def test_a_json_array_of_objects(tmp_path: Path) -> None:
    """Numbers keep their text, null is not a value, nested values are refused."""
    data = b'[{"a": "1", "b": 2.50, "c": null, "d": true}, 7, {"a": [1]}]'

    assert _seen(_read(tmp_path, data, MappingFormat.json)) == [
        (1, 1, {"a": "1", "b": "2.50", "c": None, "d": "true"}),
        (2, 2, "not_an_object"),
        (3, 3, "row_malformed"),
    ]


def test_ndjson_line_by_line(tmp_path: Path) -> None:
    """A line that is not JSON or too long is one bad row."""
    data = b'{"a":"1"}\n\n{"a":\n{"a":"' + b"x" * (2 * FIELD_LENGTH_MAX) + b'"}\n{"a":"2"}'

    assert _seen(_read(tmp_path, data, MappingFormat.ndjson)) == [
        (1, 1, {"a": "1"}),
        (2, 3, "not_json"),
        (3, 4, "too_large"),
        (4, 5, {"a": "2"}),
    ]


def test_the_columns_of_a_file(tmp_path: Path) -> None:
    """The header of CSV, and the keys of all objects of JSON."""
    path = tmp_path / "file"
    path.write_bytes(b'[{"a": "1"}, {"b": null, "c": "x"}]')
    assert columns(path, _row_format(MappingFormat.json)) == {"a", "b", "c"}
    path.write_bytes(b"a,b\n1\n")
    assert columns(path, _row_format(MappingFormat.csv)) == {"a", "b"}


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", MappingFormat.csv, "must name each column once"),
        (b"a,a\n1,2\n", MappingFormat.csv, "must name each column once"),
        (b"{", MappingFormat.json, "not valid JSON"),
        (b'{"a": 1}', MappingFormat.json, "not a JSON array"),
    ],
)
def test_a_file_of_another_format_is_refused_as_a_whole(
    tmp_path: Path, data: bytes, kind: MappingFormat, reason: str
) -> None:
    """The command is wrong and not a row."""
    with pytest.raises(UsageError, match=reason) as caught:
        _read(tmp_path, data, kind)

    assert caught.value.code == "file_malformed"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With the reason of the operating system."""
    with pytest.raises(UsageError, match="No such file"):
        list(read_rows(tmp_path / "none", _row_format(MappingFormat.csv)))
