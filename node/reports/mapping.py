"""Reads and checks a mapping: TOML that says how the rows of a file become reports.

It does not read the file (node/reports/row_files.py) and does not map rows (node/reports/map_row.py).

Rules:
- An unknown key, path, table or column is an error that names the nearest known one.
- A field has exactly one source: column, template, value or values.
- A field with a column may have one of table, pad, scale and date_format.
- Tables translate values to node codes for [select], to zones for [occurred] and to codes for fields.
"""

import difflib
from collections.abc import Collection, Iterator
from typing import Any, Final, NoReturn

from node.errors import UsageError
from node.reports.conversions import ColumnError, columns_of, zone_of
from node.reports.mappable_fields import (
    IDENTIFIERS,
    Form,
    entity_targets,
    report_targets,
)
from node.reports.row_files import RowFormat
from node.toml_reader import convert, parse_toml
from schemas.types import Mapping, MappingField, MappingTable

EVERY_COLUMN: Final = "*"


def load(text: str, *, file: str) -> Mapping:
    """The mapping of a TOML text. Raises `UsageError` with the path of the first error."""
    tables = parse_toml(text, file=file)
    for name, table in _dicts(tables.get("table")):
        convert(MappingTable, table, file=f"{file}: table.{name}")  # it names the nearest key; the path in a map cannot
    mapping = convert(Mapping, tables, file=file)
    _check_fields(mapping.field, report_targets(), "field", file)
    for index, entity in enumerate(mapping.entity):
        _check_fields(entity.field, entity_targets(), f"entity[{index}].field", file)
    for path, name in _tables_named(mapping):
        if name not in mapping.table:
            _unknown("table", name, mapping.table, path, file)
    _check_entities(mapping, file)
    _check_zones(mapping, file)
    return mapping


def row_format(mapping: Mapping) -> RowFormat:
    """The format of the files that the mapping is for."""
    return RowFormat(format=mapping.format, encoding=mapping.encoding, delimiter=mapping.delimiter)


def check_columns(mapping: Mapping, columns: Collection[str], *, file: str) -> None:
    """Raises `UsageError` if the file lacks a column that the mapping names."""
    for path, column in columns_named(mapping):
        if column not in columns:
            _unknown("column", column, columns, path, file)


def columns_named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """The columns that the mapping reads, each with the path of the key that names it."""
    yield from ((f"key[{index}]", name) for index, name in enumerate(mapping.key) if name != EVERY_COLUMN)
    if mapping.select is not None:
        yield from ((f"select.columns[{index}]", name) for index, name in enumerate(mapping.select.columns))
    yield "occurred.date", mapping.occurred.date
    if mapping.occurred.time is not None:
        yield "occurred.time", mapping.occurred.time
    yield from ((f"occurred.zone_columns[{index}]", name) for index, name in enumerate(mapping.occurred.zone_columns))
    for path, field in _fields(mapping):
        if field.column is not None:
            yield f"{path}.column", field.column
        yield from ((f"{path}.template", name) for name in columns_of(field.template or ""))
    for index, entity in enumerate(mapping.entity):
        if entity.when is not None:
            yield f"entity[{index}].when", entity.when


def _fields(mapping: Mapping) -> Iterator[tuple[str, MappingField]]:
    yield from ((f"field[{index}]", field) for index, field in enumerate(mapping.field))
    for number, entity in enumerate(mapping.entity):
        yield from ((f"entity[{number}].field[{index}]", field) for index, field in enumerate(entity.field))


def _tables_named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    if mapping.select is not None and mapping.select.table is not None:
        yield "select.table", mapping.select.table
    if mapping.occurred.zone_table is not None:
        yield "occurred.zone_table", mapping.occurred.zone_table
    yield from ((f"{path}.table", field.table) for path, field in _fields(mapping) if field.table is not None)


def _check_fields(fields: Collection[MappingField], targets: Any, where: str, file: str) -> None:
    for index, field in enumerate(fields):
        path = f"{where}[{index}]"
        if field.path not in targets:
            _unknown("field", field.path, targets, f"{path}.path", file)
        sources = [field.column, field.template, field.value, field.values or None]
        if sum(source is not None for source in sources) != 1:
            _invalid(path, "needs exactly one of column, template, value and values", file)
        changes = [field.table, field.pad, field.scale, field.date_format]
        if sum(change is not None for change in changes) > (field.column is not None):
            _invalid(path, "may have one of table, pad, scale and date_format, and only with a column", file)
        form = targets[field.path]
        if field.scale is not None and form is not Form.NUMBER:
            _invalid(path, f"scale makes numbers, and {field.path} is not a number", file)
        if form is Form.LIST and field.table is None and not field.values:
            _invalid(path, f"{field.path} holds codes: give values, or a column with a table", file)
        if field.values and form is not Form.LIST:
            _invalid(path, f"{field.path} takes one value, not a list", file)
        if field.country is not None and form is not Form.IDENTIFIER:
            _invalid(path, f"only {IDENTIFIERS} have a country", file)


def _check_entities(mapping: Mapping, file: str) -> None:
    ids = [entity.id for entity in mapping.entity]
    for index, number in enumerate(ids):
        if number in ids[:index]:
            _invalid(f"entity[{index}].id", f"another entity has the id {number}", file)
    for index, connection in enumerate(mapping.connection):
        for end in (connection.from_, connection.to):
            if end not in ids:
                _invalid(f"connection[{index}]", f"no entity has the id {end}", file)


def _check_zones(mapping: Mapping, file: str) -> None:
    when = mapping.occurred
    if bool(when.zone_columns) != (when.zone_table is not None):
        _invalid("occurred", "zone_columns and zone_table need each other", file)
    named = [("occurred.zone", when.zone)]
    if when.zone_table is not None:
        codes = mapping.table[when.zone_table].codes
        named += [(f"table.{when.zone_table}.codes.{key}", zone) for key, zones in codes.items() for zone in zones]
    for path, zone in named:
        try:
            zone_of(zone)
        except ColumnError as error:
            _invalid(path, error.message, file)
    if mapping.select is not None and bool(mapping.select.columns) != (mapping.select.table is not None):
        _invalid("select", "columns and table need each other", file)


def _dicts(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, item) for name, item in value.items() if isinstance(item, dict))


def _unknown(what: str, name: str, known: Collection[str], path: str, file: str) -> NoReturn:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0)
    hint = f"did you mean {near[0]}?" if near else None
    raise UsageError(f"unknown_{what}", f"{file}: {path}: there is no {what} {name}", path=path, hint=hint)


def _invalid(path: str, message: str, file: str) -> NoReturn:
    raise UsageError("value_invalid", f"{file}: {path}: {message}", path=path)
