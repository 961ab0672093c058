"""The columns that a mapping reads, and the check that a file has them.

Rules:
- A column that the file lacks is an error that names the nearest one, or the encoding in which the file has it.
- A name that occurs twice in the header is an error only if the mapping reads it.
- In JSON a column is known if one object of the file has it; reading stops as soon as all are known.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from node.errors import UsageError
from node.mapping.cells import has_path
from node.mapping.date_formats import EXCEL_DAYS
from node.mapping.templates import columns_of
from node.rows.read_rows import counts_from_1904, opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from node.rows.text_encoding import fitting_encodings
from schemas import types
from schemas.types import MappingField, MappingFormat

EVERY_COLUMN: Final = "*"
_KEYS_KEPT: Final = 1000  # of JSON objects, to name the nearest one
_BEGIN_SIZE_BYTES: Final = 262_144  # of a file, in which a column is looked for


def columns_named(mapping: types.Mapping) -> Iterator[tuple[str, str]]:
    """The columns that the mapping reads, each with the path of the key that names it."""
    yield from ((f"key[{index}]", name) for index, name in enumerate(mapping.key) if name != EVERY_COLUMN)
    if mapping.select is not None:
        yield from ((f"select.columns[{index}]", name) for index, name in enumerate(mapping.select.columns))
    yield from ((f"join[{index}].column", join.column) for index, join in enumerate(mapping.join))
    yield from ((f"nulls.{name}", name) for name in mapping.nulls)
    yield "occurred.date", mapping.occurred.date
    if mapping.occurred.time is not None:
        yield "occurred.time", mapping.occurred.time
    yield from ((f"occurred.zone_columns[{index}]", name) for index, name in enumerate(mapping.occurred.zone_columns))
    for path, field in fields_of(mapping):
        if field.column is not None:
            yield f"{path}.column", field.column
        if field.when is not None:
            yield f"{path}.when", field.when
        yield from ((f"{path}.template", name) for name in columns_of(field.template or "", mapping.table))
    for index, entity in enumerate(mapping.entity):
        if entity.when is not None:
            yield f"entity[{index}].when", entity.when


def fields_of(mapping: types.Mapping) -> Iterator[tuple[str, MappingField]]:
    """All fields, each with its path in the mapping."""
    yield from ((f"field[{index}]", field) for index, field in enumerate(mapping.field))
    for number, entity in enumerate(mapping.entity):
        yield from ((f"entity[{number}].field[{index}]", field) for index, field in enumerate(entity.field))


def check_columns(mapping: types.Mapping, source: SourceFile, joined: Mapping[str, Collection[str]]) -> None:
    """Raises `UsageError` for a column that the file, or a joined file, lacks."""
    wanted: dict[str, str] = {}  # column -> path in the mapping
    for path, column in columns_named(mapping):
        name, _, inner = column.partition(".")
        if name in joined:
            if inner not in joined[name]:
                raise _unknown(inner, joined[name], path, f"the file of join {name}")
            continue
        wanted.setdefault(column, path)
    with opened_rows(source) as rows:
        if counts_from_1904(rows):
            _refuse_excel_days(mapping, source)
        if rows.columns is not None:
            known: Collection[str] = rows.columns
            missing = [column for column in wanted if column not in known]
        else:
            known, missing = _of_objects(wanted, (row.values for row in rows))
    for column in missing:
        _refuse(column, wanted[column], known, source)


def _refuse_excel_days(mapping: types.Mapping, source: SourceFile) -> None:
    """Raise UsageError if the mapping reads numbers of days: they count from 1900, and each date would be wrong."""
    formats = [("occurred.date_format", mapping.occurred.date_format)]
    formats += [(f"{path}.date_format", field.date_format) for path, field in fields_of(mapping) if field.date_format]
    for path, name in formats:
        if name == EXCEL_DAYS:
            message = f"{source.path}: the workbook counts days from 1904, and {name} from 1900"
            hint = 'give the cells a date format in a spreadsheet, and the mapping date_format = "%Y-%m-%d"'
            raise UsageError("file_malformed", message, path=path, hint=hint)


def _of_objects(wanted: Collection[str], objects: Iterator[Mapping[str, Any]]) -> tuple[Collection[str], list[str]]:
    """The keys of JSON objects, and those of `wanted` that none of them has."""
    missing = list(wanted)
    keys: dict[str, None] = {}
    any_row = False
    for values in objects:
        any_row |= bool(values)
        missing = [column for column in missing if not has_path(values, column)]
        if not missing:
            break
        if len(keys) < _KEYS_KEPT:
            keys.update(dict.fromkeys(_paths(values)))
    return keys, missing if any_row else []


def _paths(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")


def _refuse(column: str, path: str, known: Collection[str], source: SourceFile) -> None:
    if f"{column} (1)" in known:
        message = f"{source.path}: {path}: the header names the column {column} more than once"
        hint = f"name one of them: {column} (1), {column} (2)"
        raise UsageError("file_malformed", message, path=path, hint=hint)
    fitting = _encodings_with(column, source)
    if fitting:
        message = f"{source.path}: {path}: in the encoding {source.format.encoding} there is no column {column}"
        hint = f"set encoding in the mapping; with these the file has it: {', '.join(fitting)}"
        raise UsageError("encoding_wrong", message, path="encoding", hint=hint)
    raise _unknown(column, known, path, str(source.path))


def _encodings_with(column: str, source: SourceFile) -> list[str]:
    """The encodings in which the beginning of a text file has a column that it does not have in its own."""
    if source.format.format is MappingFormat.xlsx:
        return []
    with source.path.open("rb") as file:
        sample = file.read(_BEGIN_SIZE_BYTES)
    if column in sample.decode(source.format.encoding, errors="replace"):
        return []
    found = fitting_encodings(source.path, source.format.encoding, [column])
    return [name for name in found if column in sample.decode(name, errors="replace")]


def _unknown(name: str, known: Collection[str], path: str, file: str) -> UsageError:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0)
    hint = f"did you mean {near[0]}?" if near else None
    return UsageError("unknown_column", f"{file}: {path}: there is no column {name}", path=path, hint=hint)


def row_format(mapping: types.Mapping) -> RowFormat:
    """The format of the files that the mapping is for."""
    from node.rows.text_encoding import known_encoding

    return RowFormat(
        format=mapping.format,
        encoding=known_encoding(mapping.encoding) or mapping.encoding,
        delimiter=mapping.delimiter,
        quote=mapping.quote,
        escape=mapping.escape,
        columns=mapping.columns,
        skip_lines=mapping.skip_lines,
        rows=mapping.rows,
        sheet=mapping.sheet,
    )
