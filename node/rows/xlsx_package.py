"""Opens an XLSX file: a ZIP archive of XML parts (ECMA-376). Bounded: a small file can unpack to a very large one.

It finds the sheet, the shared texts, and which styles are dates. It does not read the cells (node/rows/xlsx_rows.py).
"""

import posixpath
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.rows.xlsx_escapes import unescaped
from node.rows.xml_events import XmlError, XmlEvents, events

PARTS_MAX: Final = 1000
SHEET_SIZE_BYTES_MAX: Final = 500_000_000  # read piece by piece; about a million rows
TEXTS_SIZE_BYTES_MAX: Final = 50_000_000  # the shared texts are kept in memory
OTHER_SIZE_BYTES_MAX: Final = 16_000_000
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
_NOT_DATE: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """What the cells of a sheet refer to."""

    archive: zipfile.ZipFile
    sheet: str
    """The part of the sheet."""

    texts: list[str]
    dates: frozenset[int]
    """The styles whose numbers are dates."""

    from_1904: bool


def open_workbook(archive: zipfile.ZipFile, path: Path, sheet: str | None) -> Workbook:
    """The workbook of an archive. Raises UsageError."""
    if len(archive.infolist()) > PARTS_MAX:
        raise _malformed(path, f"has more than {PARTS_MAX:,} parts")
    names, from_1904 = _sheets(archive, path)
    if sheet is not None and sheet not in names:
        hint = f"it has the sheets {', '.join(names)}"[:400]
        raise UsageError("file_malformed", f"{path} has no sheet {sheet}", path="sheet", hint=hint)
    if not names:
        raise _malformed(path, "has no sheet")
    relation = names[sheet] if sheet is not None else next(iter(names.values()))
    parts, part_of = _targets(archive, path)
    return Workbook(
        archive=archive,
        sheet=parts.get(relation, ""),
        texts=_texts(archive, path, part_of.get("sharedStrings", "xl/sharedStrings.xml")),
        dates=_dates(archive, path, part_of.get("styles", "xl/styles.xml")),
        from_1904=from_1904,
    )


def part_events(
    archive: zipfile.ZipFile,
    path: Path,
    part: str,
    size_max: int,
    *,
    starts: frozenset[str] | None = None,
    ends: frozenset[str] | None = None,
) -> XmlEvents:
    """The XML events of a part; if names are given, only their starts and ends. Raises UsageError."""
    try:
        info = archive.getinfo(part)
    except KeyError:
        raise _malformed(path, f"has no part {part[:100]}") from None
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _malformed(path, "is compressed in a way that XLSX files are not")
    if info.file_size > size_max:
        message = f"{path}: its part {part[:100]} unpacks to {info.file_size:,} bytes; at most {size_max:,} are read"
        raise UsageError("file_too_large", message, path=str(path), hint="export the sheet as CSV")
    return _guarded(archive, info, path, starts, ends)


def _guarded(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    path: Path,
    starts: frozenset[str] | None,
    ends: frozenset[str] | None,
) -> XmlEvents:
    try:
        with archive.open(info) as file:
            yield from events(file, starts=starts, ends=ends)
    except (*UNREADABLE, XmlError) as error:
        raise _malformed(path, f"has a part that cannot be read: {error}") from None


def _sheets(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, str], bool]:
    """Name of each sheet -> id of its relation; and whether days count from 1904."""
    names: dict[str, str] = {}
    from_1904 = False
    for kind, name, attributes in part_events(archive, path, _WORKBOOK, OTHER_SIZE_BYTES_MAX):
        if kind == "start" and name == "workbookPr":
            from_1904 = attributes.get("date1904") in ("1", "true")
        if kind == "start" and name == "sheet":
            names[attributes.get("name", "")] = attributes.get("id", "")
    return names, from_1904


def _targets(archive: zipfile.ZipFile, path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The parts of the workbook by the id of their relation, and by its type, such as `styles`."""
    by_id, by_type = dict[str, str](), dict[str, str]()
    for kind, name, attributes in part_events(archive, path, _RELATIONS, OTHER_SIZE_BYTES_MAX):
        if kind == "start" and name == "Relationship":
            target = attributes.get("Target", "")
            part = target.removeprefix("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            by_id[attributes.get("Id", "")] = by_type[attributes.get("Type", "").rpartition("/")[2]] = part
    return by_id, by_type


def _optional(archive: zipfile.ZipFile, path: Path, part: str, size_max: int) -> XmlEvents:
    if part in archive.NameToInfo:
        yield from part_events(archive, path, part, size_max)


def _texts(archive: zipfile.ZipFile, path: Path, part: str) -> list[str]:
    """The shared texts; the reading of Japanese characters (rPh) is not part of a text."""
    texts: list[str] = []
    pieces: list[str] = []
    phonetic = 0
    for kind, name, attributes in _optional(archive, path, part, TEXTS_SIZE_BYTES_MAX):
        if name == "rPh":
            phonetic += 1 if kind == "start" else -1
        elif kind == "end" and name == "t" and not phonetic:
            pieces.append(attributes["text"])
        elif kind == "end" and name == "si":
            texts.append(unescaped("".join(pieces)))
            pieces.clear()
    return texts


def _dates(archive: zipfile.ZipFile, path: Path, part: str) -> frozenset[int]:
    """The cell styles that show a number as a date or a time."""
    formats: dict[int, str] = {}
    styles: list[int] = []
    inside = False
    for kind, name, attributes in _optional(archive, path, part, OTHER_SIZE_BYTES_MAX):
        if name == "cellXfs":
            inside = kind == "start"
        elif kind == "start" and name == "numFmt":
            formats[number_of(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif kind == "start" and name == "xf" and inside:
            styles.append(number_of(attributes.get("numFmtId")))
    return frozenset(index for index, style in enumerate(styles) if _is_date(style, formats))


def _is_date(style: int, formats: dict[int, str]) -> bool:
    if style not in formats:
        return style in _DATE_FORMATS
    first = formats[style].split(";")[0]
    return any(letter in "dmyhs" for letter in _NOT_DATE.sub("", first).lower().replace("general", ""))


def number_of(text: str | None) -> int:
    """The number in an attribute; 0 if it is missing or not a number."""
    return int(text) if text is not None and len(text) < 10 and text.isascii() and text.isdigit() else 0


def _malformed(path: Path, reason: str) -> UsageError:
    return UsageError("file_malformed", f"{path} {reason}", path=str(path), hint="is it an XLSX file without password?")
