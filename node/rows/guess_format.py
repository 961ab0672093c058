"""Guesses the format of a file: CSV, JSON, NDJSON or XLSX, its encoding, its delimiter and its header.

A guess is a proposal for a mapping that a person reads. `import` guesses nothing.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Any, Final

from node.errors import UsageError
from node.files import check_regular
from node.rows.ole_files import refuse_ole
from node.rows.row import RowFormat
from node.rows.text_encoding import fitting_encodings
from schemas.json_form.strict_json import JsonError, decode
from schemas.types import MappingFormat

_SAMPLE_LENGTH: Final = 65_536
_WRAPPED_SIZE_BYTES: Final = 16_000_000  # of a JSON object in which the array is looked for
_LINES: Final = 50
_DELIMITERS: Final = ",;\t|"
_ZIP: Final = b"PK\x03\x04"
_DEPTH: Final = 4  # keys down to the array


def guess_format(path: Path) -> RowFormat:
    """The format that fits the beginning of a file. Raises UsageError if it is not readable or fits none."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_LENGTH)
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path=str(path)) from None
    refuse_ole(path)
    if sample.startswith(_ZIP):
        return RowFormat(format=MappingFormat.xlsx)
    encoding = next(iter(fitting_encodings(path, "")), None)
    if encoding is None or not sample.strip():
        raise UsageError("file_malformed", f"{path} is empty, or is not text in a known encoding", path=str(path))
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace", newline="") as file:
        text = file.read(_SAMPLE_LENGTH)
    if text.lstrip()[:1] == "[":
        return RowFormat(format=MappingFormat.json, encoding=encoding)
    if text.lstrip()[:1] == "{":
        return _of_objects(path, text, encoding)
    return _of_csv(text, encoding)


def _of_objects(path: Path, text: str, encoding: str) -> RowFormat:
    """NDJSON if the first line is an object; else the array inside one object."""
    try:
        decode(text.lstrip().splitlines()[0])
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 or _array_path(decode(lines[0])) is None:
            return RowFormat(format=MappingFormat.ndjson, encoding=encoding)
    except JsonError:
        pass
    try:
        with path.open("rb") as file:
            data = file.read(_WRAPPED_SIZE_BYTES)
        whole = decode(data.decode(encoding, errors="replace").removeprefix("\ufeff"))
    except JsonError as error:
        raise UsageError("file_malformed", f"{path} is neither JSON nor NDJSON: {error}", path=str(path)) from None
    return RowFormat(format=MappingFormat.json, encoding=encoding, rows=_array_path(whole))


def _array_path(value: Any, prefix: str = "", depth: int = _DEPTH) -> str | None:
    """The path of the first list of objects in an object."""
    if not isinstance(value, dict) or not depth:
        return None
    for name, item in value.items():
        if "." not in name and isinstance(item, list) and item and isinstance(item[0], dict):
            return f"{prefix}{name}"
    inner = (_array_path(item, f"{prefix}{name}.", depth - 1) for name, item in value.items() if "." not in name)
    return next((path for path in inner if path is not None), None)


def _of_csv(text: str, encoding: str) -> RowFormat:
    lines = text.splitlines(keepends=True)[:_LINES]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == len("sep=;"):
        delimiter, lines = lines[0].strip()[-1], lines[1:]
    else:
        delimiter = max(_DELIMITERS, key=lambda mark: _agreement(lines, mark))
    widths = [len(cells) for cells in _cells(lines, delimiter)]
    usual = Counter(width for width in widths if width).most_common(1)[0][0] if any(widths) else 1
    skipped = next((index for index, width in enumerate(widths) if width == usual), 0)
    header = _cells(lines, delimiter)[skipped] if widths else []
    plain = header and not any(_is_number(cell) for cell in header)
    return RowFormat(
        format=MappingFormat.csv,
        encoding=encoding,
        delimiter=delimiter,
        skip_lines=skipped,
        columns=() if plain else tuple(f"column {number}" for number in range(1, usual + 1)),
    )


def _agreement(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many lines have the usual number of cells, if that is more than one, and that number."""
    widths = Counter(len(cells) for cells in _cells(lines, delimiter) if cells)
    width, count = widths.most_common(1)[0] if widths else (1, 0)
    return (count, width) if width > 1 else (0, 0)


def _cells(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [line.rstrip("\r\n").split(delimiter) for line in lines]


def _is_number(text: str) -> bool:
    return text.strip("+-").replace(".", "").replace(",", "").replace("-", "").replace("/", "").isdigit()
