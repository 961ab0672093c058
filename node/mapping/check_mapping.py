"""Finds what is wrong with a mapping before any row is read. Pure.

Rules:
- An unknown path, table or column is an error that names the nearest known one.
- A field has exactly one source: column, template, value or values. A conversion fits the form of its field.
- Formats of dates and times are checked (node/mapping/date_formats.py).
- Tables translate values to node codes for [select], to zones for [occurred] and to codes for fields.
"""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, Final

from node.errors import UsageError
from node.mapping.column_error import ColumnError
from node.mapping.date_formats import FormatError, check_date, check_time, compile_format
from node.mapping.date_values import Precision
from node.mapping.mappable_fields import IDENTIFIERS, Form, entity_targets, report_targets
from node.mapping.named_columns import fields_of
from node.mapping.times import zone_of
from node.rows.text_encoding import ENCODINGS, known_encoding
from schemas import types
from schemas.types import MappingField, MappingFormat

Problem = UsageError
"""A problem has the code, the path in the mapping and the message of the error that `import` ends with."""

_ONLY_FOR: Final = {
    "rows": [MappingFormat.json],
    "sheet": [MappingFormat.xlsx],
    "columns": [MappingFormat.csv, MappingFormat.xlsx],
    "skip_lines": [MappingFormat.csv, MappingFormat.xlsx],
}
"""Key -> the formats that it is for."""

_DATES: Final = {"retain_until": Precision.DAY, "person.birth_date": Precision.YEAR}
"""Fields that are dates -> how precise they must be."""


def problems(mapping: types.Mapping) -> Iterator[Problem]:
    """Everything that is wrong with a mapping."""
    yield from _file_problems(mapping)
    yield from _time_problems(mapping)
    for index, field in enumerate(mapping.field):
        yield from _field_problems(field, report_targets(), f"field[{index}]")
    for number, entity in enumerate(mapping.entity):
        for index, field in enumerate(entity.field):
            yield from _field_problems(field, entity_targets(), f"entity[{number}].field[{index}]")
        if entity.equals and entity.when is None:
            yield invalid(f"entity[{number}].equals", "needs `when`, the column whose values it names")
    for path, name in _tables_named(mapping):
        if name not in mapping.table:
            yield _unknown("table", name, mapping.table, path)
    yield from _entity_problems(mapping)


def invalid(path: str, message: str) -> Problem:
    """The problem of a value that the mapping must not have."""
    return UsageError("value_invalid", f"{path}: {message}", path=path)


def _file_problems(mapping: types.Mapping) -> Iterator[Problem]:
    encodings = [("encoding", mapping.encoding)]
    encodings += [(f"join[{index}].encoding", join.encoding or "utf-8") for index, join in enumerate(mapping.join)]
    for path, name in encodings:
        if known_encoding(name) is None:
            near = difflib.get_close_matches(name.lower(), ENCODINGS.values(), n=3, cutoff=0)
            yield invalid(path, f"{name} is not an encoding that can be read; perhaps {', '.join(near)}")
    for name, formats in _ONLY_FOR.items():
        if getattr(mapping, name) and mapping.format not in formats:
            yield invalid(name, f"is for {' and '.join(formats)} files, and the format is {mapping.format.value}")
    marks = [mapping.delimiter, mapping.quote or None, mapping.escape]
    used = [mark for mark in marks if mark is not None]
    if len(set(used)) < len(used) or any(mark in "\r\n" for mark in used):
        yield invalid("delimiter", "delimiter, quote and escape must differ, and are no line ends")
    if mapping.thousands == mapping.decimal:
        yield invalid("thousands", "is the decimal mark")
    names = [join.name for join in mapping.join]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield invalid(f"join[{index}].name", f"another join has the name {name}")


def _time_problems(mapping: types.Mapping) -> Iterator[Problem]:
    when = mapping.occurred
    formats = [("occurred.date_format", when.date_format, when.pivot, check_date)]
    formats += [("occurred.time_format", when.time_format, None, check_time)]
    for path, text, pivot, check in formats:
        try:
            check(compile_format(text, pivot))
        except FormatError as error:
            yield invalid(path, str(error))
            return
    if when.time is not None and compile_format(when.date_format, when.pivot).precision is not Precision.DAY:
        yield invalid("occurred.date_format", f"{when.date_format} is not a day, and `time` belongs to a day")
    if bool(when.zone_columns) != (when.zone_table is not None):
        yield invalid("occurred", "zone_columns and zone_table need each other")
    if mapping.select is not None and bool(mapping.select.columns) != (mapping.select.table is not None):
        yield invalid("select", "columns and table need each other")
    named = [("occurred.zone", when.zone)]
    if when.zone_table in mapping.table:
        codes = mapping.table[when.zone_table].codes
        named += [(f"table.{when.zone_table}.codes.{key}", zone) for key, zones in codes.items() for zone in zones]
    for path, zone in named:
        try:
            zone_of(zone)
        except ColumnError as error:
            yield invalid(path, error.message)


def _field_problems(field: MappingField, targets: Any, path: str) -> Iterator[Problem]:
    form = targets.get(field.path)
    if form is None:
        yield _unknown("field", field.path, targets, f"{path}.path")
        return
    if sum(source is not None for source in (field.column, field.template, field.value, field.values or None)) != 1:
        yield invalid(path, "needs exactly one of column, template, value and values")
        return
    changes = [field.table, field.pad, field.scale, field.date_format]
    if sum(change is not None for change in changes) > (field.column is not None):
        yield invalid(path, "may have one of table, pad, scale and date_format, and only with a column")
    yield from _form_problems(field, form, path)
    yield from _date_problems(field, path)
    if field.equals and field.when is None:
        yield invalid(f"{path}.equals", "needs `when`, the column whose values it names")


def _form_problems(field: MappingField, form: Form, path: str) -> Iterator[Problem]:
    numbers = [field.decimals, field.decimal, field.thousands]
    if field.scale is not None and form is not Form.NUMBER:
        yield invalid(path, f"scale makes numbers, and {field.path} is not a number")
    if any(key is not None for key in numbers) and (field.column is None or field.table is not None):
        yield invalid(path, "decimals, decimal and thousands are for numbers of a column without a table")
    if field.thousands is not None and field.thousands == field.decimal:
        yield invalid(f"{path}.thousands", "is the decimal mark")
    if form is Form.LIST and field.table is None and not field.values:
        yield invalid(path, f"{field.path} holds codes: give values, or a column with a table")
    if field.values and form is not Form.LIST:
        yield invalid(path, f"{field.path} takes one value, not a list")
    if field.split is not None and (field.column is None or form not in (Form.LIST, Form.IDENTIFIER)):
        yield invalid(f"{path}.split", f"is for a column of codes or identifiers, and {field.path} takes one value")
    if field.country is not None and form is not Form.IDENTIFIER:
        yield invalid(path, f"only {IDENTIFIERS} have a country")


def _date_problems(field: MappingField, path: str) -> Iterator[Problem]:
    if field.date_format is None:
        return
    try:
        compiled = compile_format(field.date_format, field.pivot)
        check_date(compiled)
    except FormatError as error:
        yield invalid(f"{path}.date_format", str(error))
        return
    needed = _DATES.get(field.path, Precision.YEAR)
    if compiled.precision < needed:
        yield invalid(f"{path}.date_format", f"{field.date_format} has no day, and {field.path} is a day")


def _tables_named(mapping: types.Mapping) -> Iterator[tuple[str, str]]:
    if mapping.select is not None and mapping.select.table is not None:
        yield "select.table", mapping.select.table
    if mapping.occurred.zone_table is not None:
        yield "occurred.zone_table", mapping.occurred.zone_table
    yield from ((f"{path}.table", field.table) for path, field in fields_of(mapping) if field.table is not None)


def _entity_problems(mapping: types.Mapping) -> Iterator[Problem]:
    ids = [entity.id for entity in mapping.entity]
    for index, number in enumerate(ids):
        if number in ids[:index]:
            yield invalid(f"entity[{index}].id", f"another entity has the id {number}")
    for index, connection in enumerate(mapping.connection):
        for end in (connection.from_, connection.to):
            if end not in ids:
                yield invalid(f"connection[{index}]", f"no entity has the id {end}")


def _unknown(what: str, name: str, known: Collection[str], path: str) -> Problem:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0)
    hint = f"did you mean {near[0]}?" if near else None
    return UsageError(f"unknown_{what}", f"{path}: there is no {what} {name}", path=path, hint=hint)
