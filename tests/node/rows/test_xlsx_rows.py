"""XLSX: what another library writes is read, and no file needs more memory than its limits."""

import subprocess
import sys
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from node.errors import UsageError
from node.rows.date_cell import DateCell
from node.rows.read_rows import opened_rows
from node.rows.row import LineAccount, Row, RowFormat
from node.rows.source_file import SourceFile
from schemas.types import MappingFormat
from tests.support.imports import import_file, mapping_text

SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _written(path: Path, rows: list[list[Any]], title: str = "Sheet", before: int = 0) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.title = title
    for _ in range(before):
        sheet.append(["A line before the header"])
    for row in rows:
        sheet.append(row)
    book.create_sheet("Other").append(["other"])
    book.save(path)
    return path


def _read(path: Path, **row_format: Any) -> list[Row]:
    source = SourceFile(path=path, format=RowFormat(format=MappingFormat.xlsx, **row_format))
    with opened_rows(source) as rows:
        return list(rows)


def _changed(path: Path, part: str, change: Any) -> Path:
    """A copy of a workbook with another content of one part."""
    copy = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, change(data) if info.filename == part else data)
    return copy


def test_each_kind_of_cell(tmp_path: Path) -> None:
    """Texts, numbers, booleans, dates, times, errors and empty cells, as another library writes them."""
    values: list[Any] = [
        "text", " Zoë & <co> \n", 7, 0.1, 1.5e-7, 123456789012345, True, None, datetime(2026, 11, 1, 9, 30),  # noqa: DTZ001
        date(2026, 11, 1), time(9, 30), "#N/A", "007",
    ]  # fmt: skip
    [row] = _read(_written(tmp_path / "a.xlsx", [[f"c{n}" for n in range(len(values))], values]))

    assert list(row.values.values()) == [
        "text", " Zoë & <co> \n", "7", "0.1", "0.00000015", "123456789012345", "true", "", "2026-11-01 09:30:00",
        "2026-11-01", "09:30:00", "#N/A", "007",
    ]  # fmt: skip
    assert [isinstance(value, DateCell) for value in row.values.values()].count(True) == 3


def test_a_sheet_by_name_lines_before_the_header_and_gaps(tmp_path: Path) -> None:
    """The line of a row is its number in the sheet; rows without a value are blank."""
    path = _written(tmp_path / "a.xlsx", [["a", "b"], ["1", None], [None, None], [None, "2"]], "Ships", before=2)
    account = LineAccount()
    with opened_rows(
        SourceFile(path=path, format=RowFormat(format=MappingFormat.xlsx, sheet="Ships", skip_lines=2)), account
    ) as rows:
        found = [(row.number, row.line, dict(row.values)) for row in rows]

    assert found == [(1, 4, {"a": "1", "b": ""}), (2, 6, {"a": "", "b": "2"})]
    assert (account.total, account.header, account.blank) == (6, 3, 1)
    with pytest.raises(UsageError, match="no sheet None at all"):
        _read(path, sheet="None at all")


def test_a_row_with_a_value_outside_the_columns_is_refused(tmp_path: Path) -> None:
    rows = _read(_written(tmp_path / "a.xlsx", [["a"], ["1", "2"], ["3"]]))

    assert [row.error is None for row in rows] == [False, True]


def test_a_cell_that_is_a_date_needs_no_format(tmp_path: Path) -> None:
    """A date is a day, a date with a time is a moment, and a time alone is no date."""
    day, clock = datetime(2026, 11, 1), time(9, 30)  # noqa: DTZ001
    rows: list[list[Any]] = [["date", "text"], [day, "a"], [datetime(2026, 11, 1, 9, 30), "b"], [clock, "c"]]  # noqa: DTZ001
    done = import_file(tmp_path, _written(tmp_path / "a.xlsx", rows), mapping_text('format = "xlsx"'))
    both: list[list[Any]] = [["date", "time", "text"], [day, clock, "a"], [day, None, "b"]]
    joined = import_file(
        tmp_path,
        _written(tmp_path / "b.xlsx", both),
        mapping_text('format = "xlsx"', 'date = "date"\ntime = "time"\nzone = "-06:00"'),
    )

    assert [(r.occurred.until is None) for r in done.reports] == [False, True]
    assert done.refused == [(4, "occurred.from", "not_a_time")]
    assert [(r.occurred.from_ % 86_400_000, r.occurred.until is None) for r in joined.reports] == [
        (15 * 3_600_000 + 30 * 60_000, True),
        (6 * 3_600_000, False),
    ]


def test_a_file_that_is_not_an_xlsx_file_is_refused(tmp_path: Path) -> None:
    """Text, a broken archive, an archive of something else, XML that is malformed or has a document type."""
    good = _written(tmp_path / "good.xlsx", [["a"], ["1"]])
    doctype = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet ' + MAIN.encode() + b"/>"
    cases = {
        "text": b"a,b\n",
        "cut": good.read_bytes()[:-40],
        "malformed": _changed(good, SHEET, lambda data: data[:-20]).read_bytes(),
        "doctype": _changed(good, SHEET, lambda _: doctype).read_bytes(),
        "styles": _changed(good, "xl/styles.xml", lambda _: b"<a>").read_bytes(),
    }
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    cases["other"] = (tmp_path / "other.zip").read_bytes()

    for name, data in cases.items():
        path = tmp_path / f"{name}.xlsx"
        path.write_bytes(data)
        with pytest.raises(UsageError) as caught:
            _read(path)
        assert caught.value.code == "file_malformed", name


BOMBS: dict[str, tuple[str, str, int, str]] = {
    "a long text": (SHEET, "<worksheet {}><sheetData><row><c t='inlineStr'><is><t>{fill}", 20_000_000, "a"),
    "a long comment": (SHEET, "<worksheet {}><!-- {fill}", 20_000_000, "<"),
    "a long attribute": (SHEET, "<worksheet {} x='{fill}", 20_000_000, "a"),
    "deep nesting": (SHEET, "<worksheet {}>{fill}", 20_000_000, "<a>"),
    "many shared texts": ("xl/sharedStrings.xml", "<sst {}>{fill}", 60_000_000, "<si><t>ab</t></si>"),
    "a far cell": (SHEET, "<worksheet {}><row r='1048576'><c r='XFD1048576'><v>1</v></c></row>{fill}", 10, " "),
}

READ = """
import sys
from pathlib import Path
from node.errors import UsageError
from node.rows.read_rows import opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from schemas.types import MappingFormat
try:
    with opened_rows(SourceFile(path=Path(sys.argv[1]), format=RowFormat(format=MappingFormat.xlsx))) as rows:
        print(sum(1 for _ in rows))
except UsageError as error:
    print(error.code)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_unpacks_to_a_large_one_needs_little_memory(tmp_path: Path, name: str) -> None:
    """It is refused, or read, within 300 MB."""
    part, template, size, unit = BOMBS[name]
    good = _written(tmp_path / "good.xlsx", [["a"], ["text"]])
    before, _, after = template.replace("{}", MAIN).partition("{fill}")
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for info in old.infolist():
            if info.filename != part:
                new.writestr(info.filename, old.read(info))
        with new.open(part, "w", force_zip64=True) as file:
            file.write(before.encode())
            piece = unit.encode() * (1_000_000 // len(unit))
            for _ in range(max(1, size // len(piece))):
                file.write(piece if size > 100 else unit.encode())
            file.write(after.encode())
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    outcome, megabytes = done.stdout.split()

    assert outcome in ("file_malformed", "file_too_large", "0", "1")
    assert int(megabytes) < 300


@pytest.mark.parametrize("place", range(30, 4000, 97))
def test_a_damaged_file_is_refused_or_read(tmp_path: Path, place: int) -> None:
    """Whatever byte is wrong: the archive, its compression, or the XML."""
    data = bytearray(_written(tmp_path / "good.xlsx", [["a"], ["1"]]).read_bytes())
    data[place % len(data)] ^= 0xFF
    path = tmp_path / "damaged.xlsx"
    path.write_bytes(data)
    code = None
    try:
        _read(path)
    except UsageError as error:
        code = error.code

    assert code in (None, "file_malformed")


def test_a_part_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any of it is unpacked."""
    monkeypatch.setattr("node.rows.xlsx_rows.SHEET_SIZE_BYTES_MAX", 100)
    with pytest.raises(UsageError) as caught:
        _read(_written(tmp_path / "a.xlsx", [["a"], ["1"]]))

    assert caught.value.code == "file_too_large"
