"""Every value that another library writes is read back: all quoting styles, encodings and line ends."""

import codecs
import csv
import io
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from node.rows.read_rows import opened_rows
from node.rows.row import LineAccount, RowFormat
from node.rows.source_file import SourceFile
from node.rows.strict_latin import strict_codec
from schemas.types import MappingFormat

ENCODINGS = "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be latin-1 windows-1252 cp850 windows-1251".split()  # noqa: SIM905
COLUMNS = ("first", "second", "third")
PIECES = st.sampled_from([*",;\t|'\"\\\r\n áñüßЖ€", "2026-11-01", "\r\n", '""', "a,b,c"])
CELLS = st.lists(PIECES | st.characters(codec="utf-8", exclude_characters="\ufeff\0"), max_size=8).map("".join)
STYLES: list[dict[str, Any]] = [
    {"quoting": csv.QUOTE_MINIMAL},
    {"quoting": csv.QUOTE_ALL},
    {"quoting": csv.QUOTE_NONNUMERIC},
    {"quoting": csv.QUOTE_ALL, "quotechar": "'"},
    {"quoting": csv.QUOTE_ALL, "doublequote": False, "escapechar": "\\"},
    {"quoting": csv.QUOTE_NONE, "escapechar": "\\"},
]


def _fitting(text: str, encoding: str) -> str:
    """The text without characters that the encoding does not have, nor the control codes of ISO 8859 (strict_latin)."""
    name = encoding.removesuffix("-sig")
    if strict_codec(name) != codecs.lookup(name).name and strict_codec(name) != name:
        text = "".join(character for character in text if not "\x80" <= character < "\xa0")
    return text.encode(name, errors="ignore").decode(name)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6),
    st.sampled_from(ENCODINGS),
    st.sampled_from(STYLES),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(",;\t|"),
)
def test_csv_of_the_csv_module(
    tmp_path_factory: Any,
    rows: list[tuple[str, str, str]],
    encoding: str,
    style: dict[str, Any],
    end: str,
    delimiter: str,
) -> None:
    """A row is refused only if it contains what looks like a row of the file; never is a value another one."""
    rows = [tuple(_fitting(cell, encoding) for cell in row) for row in rows]  # type: ignore[misc]
    if style["quoting"] == csv.QUOTE_NONE:  # without quotes a cell cannot have a line end
        rows = [tuple(cell.replace("\r", "").replace("\n", "") for cell in row) for row in rows]  # type: ignore[misc]
    if style == {"quoting": csv.QUOTE_MINIMAL}:  # the writer quotes no line ends but its own
        others = "\r\n".replace(end, "") if len(end) == 1 else ""
        rows = [tuple(cell.translate(dict.fromkeys(map(ord, others))) for cell in row) for row in rows]  # type: ignore[misc]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, **style)
    writer.writerows([COLUMNS, *rows])
    path = Path(tmp_path_factory.mktemp("csv")) / "rows"
    path.write_bytes(text.getvalue().encode(encoding))
    row_format = RowFormat(
        format=MappingFormat.csv,
        encoding=encoding.removesuffix("-sig"),
        delimiter=delimiter,
        quote="" if style["quoting"] == csv.QUOTE_NONE else style.get("quotechar", '"'),
        escape=style.get("escapechar"),
    )
    account = LineAccount()
    with opened_rows(SourceFile(path=path, format=row_format), account) as found:
        found.begins_row = lambda _cells: False  # type: ignore[attr-defined]
        read = list(found)

    assert [row.error for row in read] == [None] * len(rows)
    assert [tuple(row.values.values()) for row in read] == rows
    assert account.total == account.header + account.blank + sum(row.last_line - row.line + 1 for row in read)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def _as_read(value: Any) -> Any:
    """Numbers stay the text of the file."""
    if isinstance(value, dict):
        return {name: _as_read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_read(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), VALUES), max_size=6),
    st.booleans(),
    st.sampled_from([None, 0, 2]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    st.sampled_from([MappingFormat.json, MappingFormat.ndjson]),
    st.booleans(),
)
def test_json_of_the_json_module(
    tmp_path_factory: Any,
    rows: list[dict[str, Any]],
    ascii_only: bool,
    indent: int | None,
    encoding: str,
    kind: MappingFormat,
    wrapped: bool,
) -> None:
    """An array, an array inside an object, or one object on each line; with and without escapes and indents."""
    is_array = kind is MappingFormat.json
    if is_array:
        whole = {"a": [], "data": {"rows": rows}, "z": 1} if wrapped else rows
        text = json.dumps(whole, ensure_ascii=ascii_only, indent=indent)
    else:
        text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    path = Path(tmp_path_factory.mktemp("json")) / "rows"
    path.write_bytes(text.encode(encoding))
    row_format = RowFormat(
        format=kind, encoding=encoding.removesuffix("-sig"), rows="data.rows" if wrapped and is_array else None
    )
    with opened_rows(SourceFile(path=path, format=row_format)) as found:
        read = list(found)

    assert [row.error for row in read] == [None] * len(rows)
    assert [row.values for row in read] == _as_read(rows)


def test_an_array_of_many_windows(tmp_path: Path) -> None:
    """Values across the ends of the pieces that are read; the lines stay right."""
    rows = [{"n": str(number), "text": "x" * (number % 400)} for number in range(3000)]
    path = tmp_path / "rows"
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    account = LineAccount()
    with opened_rows(SourceFile(path=path, format=RowFormat(format=MappingFormat.json)), account) as found:
        read = list(found)

    assert [row.values for row in read] == rows
    assert [row.line for row in read] == list(range(2, 3002))
    assert account.total == 3002


def test_a_broken_element_of_an_array_costs_one_row(tmp_path: Path) -> None:
    """Reading resumes at the next element that begins like this one; without one, the rest belongs to it."""
    lines = [json.dumps({"n": str(number)}) for number in range(2000)]
    for place in (0, 777, 1999):
        broken = [*lines]
        broken[place] = '{"n": "a" "b"}'
        path = tmp_path / "rows"
        path.write_text("[\n" + ",\n".join(broken) + "\n]\n")
        with opened_rows(SourceFile(path=path, format=RowFormat(format=MappingFormat.json))) as found:
            read = list(found)
        refused = [row.number for row in read if row.error is not None]
        assert refused[0] == place + 1
        assert len(refused) == (1 if place < 1999 else 2)
        assert [row.values["n"] for row in read if row.error is None] == [
            str(number) for number in range(2000) if number != place
        ]
