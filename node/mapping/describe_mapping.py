"""Describes in words where each field of a report comes from. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.mapping.date_formats import FormatError, compile_format
from schemas import types
from schemas.types import MappingField


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSource:
    """A field of the report, and where its value comes from."""

    path: str
    source: str


def describe(mapping: types.Mapping) -> Iterator[FieldSource]:
    """Every field that the mapping fills, in its order."""
    yield FieldSource(path="report_id", source=_of_id(mapping))
    yield FieldSource(path="occurred", source=_of_time(mapping.occurred))
    for field in mapping.field:
        yield FieldSource(path=field.path, source=_of_field(field))
    for index, entity in enumerate(mapping.entity):
        where = f"entities[{index}]"
        always = "in each report" if entity.when is None else f"if {_condition(entity.when, entity.equals)}"
        yield FieldSource(path=where, source=f"{entity.kind}, {entity.statement}, {always}")
        for field in entity.field:
            yield FieldSource(path=f"{where}.{field.path}", source=_of_field(field))
    for index, connection in enumerate(mapping.connection):
        source = f"entity {connection.from_} {connection.role} entity {connection.to}, {connection.statement}"
        yield FieldSource(path=f"connections[{index}]", source=source)


def _of_id(mapping: types.Mapping) -> str:
    if not mapping.key:
        return f"computed from {mapping.id} and the whole content"
    columns = "all columns" if "*" in mapping.key else f"column {', '.join(mapping.key)}"
    return f"computed from {mapping.id} and {columns}"


def _of_time(when: types.MappingTime) -> str:
    try:
        precision = compile_format(when.date_format, when.pivot).precision.name.lower()
    except FormatError:
        precision = "unknown"
    zone = f"column {', '.join(when.zone_columns)} through table {when.zone_table}, else " if when.zone_columns else ""
    clock = "" if when.time is None else f", and column {when.time} ({when.time_format}), a moment"
    return f"column {when.date} ({when.date_format}), as precise as a {precision}{clock}; zone {zone}{when.zone}"


def _of_field(field: MappingField) -> str:
    if field.value is not None or field.values:
        source = f"constant {field.value if field.value is not None else ', '.join(field.values)}"
    elif field.column is None:
        source = f"template {field.template}"
    else:
        source = f"column {field.column}{_conversion(field)}"
    return source if field.when is None else f"{source}, if {_condition(field.when, field.equals)}"


def _conversion(field: MappingField) -> str:
    parts = [f"split at {field.split!r}"] if field.split is not None else []
    parts += [f"through table {field.table}"] if field.table is not None else []
    parts += [f"padded to {field.pad} digits"] if field.pad is not None else []
    parts += [f"times 10^{field.scale}"] if field.scale is not None else []
    parts += [f"rounded to {field.decimals} decimals"] if field.decimals is not None else []
    parts += [f"as a date {field.date_format}"] if field.date_format is not None else []
    return "".join(f", {part}" for part in parts)


def _condition(column: str, values: tuple[str, ...]) -> str:
    return f"column {column} is {' or '.join(values)}" if values else f"column {column} has a value"
