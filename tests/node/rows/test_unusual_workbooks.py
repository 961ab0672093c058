"""Workbooks with merged cells, days from 1904, a password, or of Excel 97: right values, or a clear error."""

import struct
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from node.errors import UsageError
from node.rows import xlsx_merged
from node.rows.guess_format import guess_format
from node.rows.read_rows import opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from node.rows.unreadable_cell import UnreadableCell
from schemas.types import MappingFormat
from tests.support.imports import import_file, mapping_text

TABLE = [["date", "text", "x"], ["2026-11-01", "a", "1"], ["2026-11-02", "b", "2"], ["2026-11-03", "c", "3"]]


def workbook(path: Path, rows: list[list[Any]], *merged: str, from_1904: bool = False) -> Path:
    book = Workbook()
    if from_1904:
        book.epoch = CALENDAR_MAC_1904
    for row in rows:
        book.active.append(row)
    for reference in merged:
        book.active.merge_cells(reference)
    book.save(path)
    return path


def unreadable(path: Path, **row_format: Any) -> list[list[str]]:
    """The columns of each row that cannot be read."""
    with opened_rows(SourceFile(path=path, format=RowFormat(format=MappingFormat.xlsx, **row_format))) as rows:
        return [[name for name, text in row.values.items() if isinstance(text, UnreadableCell)] for row in rows]


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        ((), [[], [], []]),
        (("A2:A4",), [[], ["date"], ["date"]]),
        (("B3:C3",), [[], ["x"], []]),
        (("A2:B3", "C3:C4"), [["text"], ["date", "text"], ["x"]]),
        (("A1:C1",), [[], [], []]),
        (("A2:C3",), [["text", "x"], []]),
        (("D2:F9", "C4:XFD4"), [[], [], []]),
    ],
)
def test_only_the_first_of_merged_cells_can_be_read(
    tmp_path: Path, merged: tuple[str, ...], expected: list[list[str]]
) -> None:
    """A row that is merged with the row above as a whole is empty."""
    path = workbook(tmp_path / "a.xlsx", TABLE, *merged)

    assert unreadable(path, columns=("date", "text", "x"), skip_lines=1) == expected


def test_a_row_that_reads_a_merged_cell_is_refused(tmp_path: Path) -> None:
    """Its date was empty without a word, or that of another row."""
    path = workbook(tmp_path / "a.xlsx", TABLE, "B3:B4")
    done = import_file(tmp_path, path, mapping_text('format = "xlsx"'))

    assert done.texts == ["a", "b"]
    assert done.refused == [(4, "narrative.text", "cell_unreadable")]
    assert "merged with other cells" in done.messages[0]


def test_more_merged_ranges_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_merged, "RANGES_MAX", 1)
    with pytest.raises(UsageError, match="merged ranges"):
        unreadable(workbook(tmp_path / "a.xlsx", TABLE, "A2:A3", "B2:B3"))


@pytest.mark.parametrize("from_1904", [False, True])
def test_a_date_is_right_in_workbooks_that_count_from_1900_and_from_1904(tmp_path: Path, from_1904: bool) -> None:
    rows: list[list[Any]] = [["date", "time", "text"], [datetime(2026, 11, 1), time(9, 30), "a"]]  # noqa: DTZ001 - a local time
    path = workbook(tmp_path / "a.xlsx", rows, from_1904=from_1904)
    occurred = 'date = "date"\ntime = "time"'
    done = import_file(tmp_path, path, mapping_text('format = "xlsx"', occurred=occurred))

    assert done.refused == []
    assert [report.occurred.from_ for report in done.reports] == [1_793_525_400_000]


@pytest.mark.parametrize("from_1904", [False, True])
def test_numbers_of_days_are_refused_in_a_workbook_that_counts_from_1904(tmp_path: Path, from_1904: bool) -> None:
    """`excel_days` counts from 1900: each date would be four years too early."""
    path = workbook(tmp_path / "a.xlsx", [["date", "text"], [46327, "a"]], from_1904=from_1904)
    mapping = mapping_text('format = "xlsx"', occurred='date = "date"\ndate_format = "excel_days"')
    if from_1904:
        with pytest.raises(UsageError, match="counts days from 1904") as refused:
            import_file(tmp_path, path, mapping)
        assert refused.value.path == "occurred.date_format"
    else:
        assert import_file(tmp_path, path, mapping).texts == ["a"]


def container(path: Path, stream: str) -> Path:
    """The beginning of a container of the format OLE2: its header, and a directory with one entry."""
    header = bytearray(512)
    header[:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 3)
    path.write_bytes(bytes(header) + bytes(3 * 512) + stream.encode("utf-16-le").ljust(512, b"\0"))
    return path


@pytest.mark.parametrize(
    ("stream", "reason", "hint"),
    [("EncryptedPackage", "password", "without a password"), ("Workbook", "Excel 97", "save it as XLSX")],
)
def test_a_workbook_with_a_password_and_one_of_excel_97_are_refused_with_the_way_out(
    tmp_path: Path, stream: str, reason: str, hint: str
) -> None:
    """By `import` and `mapping check`, and by `mapping new`."""
    path = container(tmp_path / "a.xlsx", stream)
    for read in (guess_format, unreadable):
        with pytest.raises(UsageError, match=reason) as refused:
            read(path)
        assert refused.value.code == "file_malformed"
        assert hint in str(refused.value.hint)


@pytest.mark.parametrize("size", [8, 100, 511, 512, 600])
def test_a_container_that_is_cut_is_refused(tmp_path: Path, size: int) -> None:
    path = container(tmp_path / "a.xlsx", "EncryptedPackage")
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(UsageError, match="Excel 97"):
        unreadable(path)
