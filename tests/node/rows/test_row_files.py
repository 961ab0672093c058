"""Rows of a file: CSV, a JSON array, NDJSON. A bad row is one error; a bad file is refused as a whole."""

from pathlib import Path

import pytest

from node.errors import UsageError
from node.rows.csv_rows import FIELD_LENGTH_MAX
from node.rows.lines import LINE_LENGTH_MAX
from node.rows.read_rows import opened_rows
from node.rows.row import Row, RowFormat
from node.rows.source_file import SourceFile
from schemas.types import MappingFormat


def _read(tmp_path: Path, data: bytes, kind: MappingFormat, **row_format: str) -> list[Row]:
    path = tmp_path / "file"
    path.write_bytes(data)
    with opened_rows(SourceFile(path=path, format=_row_format(kind, **row_format))) as rows:
        return list(rows)


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
        (3, 4, {"a": "3", "b": "\udcff"}),
        (4, 5, {"a": "4", "b": "ok"}),
    ]
    assert [row.clean for row in _read(tmp_path, data, MappingFormat.csv)] == [True, True, False, True]


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
    """Numbers keep their text; the line is where the object begins."""
    data = b'[{"a": "1", "b": 2.50, "c": null, "d": true},\n7,\n\n{"a": [1]}]'

    assert _seen(_read(tmp_path, data, MappingFormat.json)) == [
        (1, 1, {"a": "1", "b": "2.50", "c": None, "d": True}),
        (2, 2, "not_an_object"),
        (3, 4, {"a": ["1"]}),
    ]


def test_ndjson_line_by_line(tmp_path: Path) -> None:
    """A line that is not JSON or too long is one bad row."""
    data = b'{"a":"1"}\n\n{"a":\n{"a":"' + b"x" * (2 * LINE_LENGTH_MAX) + b'"}\n{"a":"2"}'

    assert _seen(_read(tmp_path, data, MappingFormat.ndjson)) == [
        (1, 1, {"a": "1"}),
        (2, 3, "not_json"),
        (3, 4, "too_large"),
        (4, 5, {"a": "2"}),
    ]


def test_the_columns_of_a_csv_file_are_those_of_its_header(tmp_path: Path) -> None:
    """A name that occurs twice gets a number; JSON has no header."""
    path = tmp_path / "file"
    path.write_bytes(b"a,,a,\n1\n")
    with opened_rows(SourceFile(path=path, format=_row_format(MappingFormat.csv))) as rows:
        assert rows.columns == ("a (1)", " (1)", "a (2)", " (2)")
    path.write_bytes(b"[]")
    with opened_rows(SourceFile(path=path, format=_row_format(MappingFormat.json))) as rows:
        assert rows.columns is None


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", MappingFormat.csv, "has no header"),
        (b'"a,b\n1,2\n', MappingFormat.csv, "the header is malformed"),
        (b"{", MappingFormat.json, "not a JSON array"),
        (b"", MappingFormat.json, "not a JSON array"),
        (b'{"a": 1}', MappingFormat.json, "not a JSON array"),
        (b"PK", MappingFormat.xlsx, "not an XLSX file"),
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
    source = SourceFile(path=tmp_path / "none", format=_row_format(MappingFormat.csv))
    with pytest.raises(UsageError, match="No such file"), opened_rows(source):
        pass
