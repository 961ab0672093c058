"""Unusual cells of XLSX files: none becomes another value without a word, and none ends the import."""

import zipfile
from pathlib import Path

import pytest

from node.rows.date_cell import DateCell
from node.rows.read_rows import opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from schemas.types import MappingFormat
from tests.support.imports import import_file, mapping_text

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STYLES = f'<styleSheet {_MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'


def _book(path: Path, rows: list[str], texts: str = "", *, texts_part: str = "sharedStrings.xml") -> Path:
    """A workbook whose rows have these cells, as XML."""
    sheet = "".join(f"<row>{cells}</row>" for cells in rows)
    parts = {
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_TYPES}"><sheets>'
        '<sheet name="S" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": "<Relationships>"
        f'<Relationship Id="r1" Type="{_TYPES}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_TYPES}/sharedStrings" Target="{texts_part}"/>'
        f'<Relationship Id="r3" Type="{_TYPES}/styles" Target="/xl/styles.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {_MAIN}><sheetData>{sheet}</sheetData></worksheet>",
        f"xl/{texts_part}": f"<sst {_MAIN}>{texts}</sst>",
        "xl/styles.xml": _STYLES,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _inline(*texts: str) -> str:
    return "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)


def _value(folder: Path, cell: str, texts: str = "", *, texts_part: str = "sharedStrings.xml") -> str:
    """The value of one cell."""
    path = _book(folder / "a.xlsx", [_inline("a", "b"), cell + _inline("end")], texts, texts_part=texts_part)
    with opened_rows(SourceFile(path=path, format=RowFormat(format=MappingFormat.xlsx))) as rows:
        [row] = rows
    return str(row.values["a"])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c t="str"><f>A1</f><v></v></c>', ""),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ('<c s="1"><v>NaN</v></c>', "NaN"),
        ('<c s="1"><v>Infinity</v></c>', "Infinity"),
        ("<c><v>NaN</v></c>", "NaN"),
        (
            '<c t="inlineStr"><is><t>one_x000A_two _x005F_x0041_ _xD83D_ _x41_</t></is></c>',
            "one\ntwo _x0041_ _xD83D_ _x41_",
        ),
        ('<c t="inlineStr"><is><r><t>To</t></r><r><t>kyo</t></r><rPh sb="0" eb="1"><t>x</t></rPh></is></c>', "Tokyo"),
        ('<c t="str"><v>one_x000D_two</v></c>', "one\rtwo"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
    ],
)
def test_a_cell_has_the_value_that_a_spreadsheet_shows(tmp_path: Path, cell: str, expected: str) -> None:
    assert _value(tmp_path, cell) == expected


def test_shared_texts_are_found_by_the_relation_and_not_by_the_name_of_their_part(tmp_path: Path) -> None:
    """Some writers name the part otherwise; the texts must not become empty cells."""
    text = "<si><t>one_x000D_two</t></si>"

    assert _value(tmp_path, '<c t="s"><v>0</v></c>', text, texts_part="strings/Shared.xml") == "one\rtwo"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-11-01", "2026-11-01"),
        ("2026-11-01T00:00:00", "2026-11-01"),
        ("2026-11-01T09:30:00", "2026-11-01 09:30:00"),
        ("2026-11-01T09:30:00.000", "2026-11-01 09:30:00"),
        ("09:30:00", "09:30:00"),
    ],
)
def test_a_date_of_a_strict_file_is_a_date(tmp_path: Path, raw: str, expected: str) -> None:
    """Spreadsheets that are saved as Strict Open XML have dates as ISO 8601."""
    path = _book(tmp_path / "a.xlsx", [_inline("a"), f'<c t="d"><v>{raw}</v></c>'])
    with opened_rows(SourceFile(path=path, format=RowFormat(format=MappingFormat.xlsx))) as rows:
        [row] = rows

    assert row.values["a"] == expected
    assert isinstance(row.values["a"], DateCell)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("<c><f>A1</f></c>", "formula without a stored value"),
        ('<c t="s"><v>7</v></c>', "a shared text that the file does not have"),
        ('<c t="s"><v>\u00b2</v></c>', "a shared text that the file does not have"),
        (f'<c t="s"><v>{"9" * 5000}</v></c>', "a shared text that the file does not have"),
    ],
)
def test_a_cell_whose_value_cannot_be_known_refuses_the_rows_that_read_it(
    tmp_path: Path, cell: str, reason: str
) -> None:
    """It is not an empty cell: an optional field would be lost without a word. Other columns do no harm."""
    day = _inline("2026-11-01")
    path = _book(
        tmp_path / "a.xlsx", [_inline("date", "text", "x"), day + cell + _inline("1"), day + _inline("a") + cell]
    )

    done = import_file(tmp_path, path, mapping_text('format = "xlsx"'))
    keyed = import_file(tmp_path, path, mapping_text('format = "xlsx"\nkey = ["x"]'))

    assert done.texts == ["a"]
    assert done.refused == [(2, "narrative.text", "cell_unreadable")]
    assert reason in done.messages[0]
    assert [(line, code) for line, _, code in keyed.refused] == [(2, "cell_unreadable"), (3, "cell_unreadable")]
