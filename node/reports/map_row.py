"""Maps one row of a file to the node that it belongs to and to a report as JSON values for intake.

Pure. node/reports/validate.py checks the report. The result does not depend on the day: a second import is the same.

Rules:
- A null marker or an empty column has no value. A field without a value is left out; intake refuses the report if the
  field is mandatory.
- If several fields have one path, the first with a value counts. In a list, each field adds the codes that it lacks.
- An entity whose `when` column has no value is left out with its connections.
- All errors of a row are collected, each with the field of the report and the column.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from node.reports.conversions import (
    ColumnError,
    convert,
    fill_template,
    look_up,
    moment_of,
    quoted,
    scale,
    span_of_date,
    zone_of,
)
from node.reports.json_paths import has_value, put_value
from node.reports.mappable_fields import Form, entity_targets, report_targets
from schemas import types
from schemas.field_errors import FieldError
from schemas.formats import time_text
from schemas.types import MappingEntity, MappingField, MappingTime

Values = Mapping[str, str | None]
"""A row's text by column; None where there is no value."""

T = TypeVar("T")
_TRUTH: Final = {"true": True, "false": False}


def values_of(mapping: types.Mapping, columns: Mapping[str, str | None]) -> Values:
    """The row's columns without surrounding blanks; None for null markers and empty text."""
    nulls = frozenset(mapping.null)
    stripped = {name: (text or "").strip() for name, text in columns.items()}
    return _Values({name: text if text and text not in nulls else None for name, text in stripped.items()})


class _Values(dict[str, str | None]):
    """A column that a JSON row leaves out has no value."""

    def __missing__(self, _column: str) -> None:
        return None


def node_of(mapping: types.Mapping, values: Values) -> str | None:
    """The node that the row belongs to: by the first column with a node in the table, else the default, else None."""
    select = mapping.select
    if select is None or select.table is None:
        return select.default if select else None
    return _first_code(values, select.columns, mapping.table[select.table]) or select.default


def report_of(mapping: types.Mapping, values: Values) -> tuple[dict[str, Any], list[FieldError]]:
    """The report of the row as JSON values for intake, and the errors of the columns."""
    mapper = _RowMapper(mapping, values)
    report: dict[str, Any] = {}
    mapper.fill(report, mapping.field, report_targets(), "")
    mapper.fill_occurred(report)
    entities = [entity for entity in mapping.entity if entity.when is None or values[entity.when] is not None]
    report["entities"] = [mapper.entity(index, entity) for index, entity in enumerate(entities)]
    ids = {entity.id for entity in entities}
    report["connections"] = [
        {
            "from": connection.from_,
            "to": connection.to,
            "role": connection.role,
            "statement": connection.statement,
        }
        for connection in mapping.connection
        if connection.from_ in ids and connection.to in ids
    ]
    return report, mapper.errors


class _RowMapper:
    """Maps one row and collects its errors."""

    def __init__(self, mapping: types.Mapping, values: Values) -> None:
        self.mapping = mapping
        self.values = values
        self.errors: list[FieldError] = []

    def fill(
        self, into: dict[str, Any], fields: Sequence[MappingField], targets: Mapping[str, Form], prefix: str
    ) -> None:
        """Put the fields that have a value into a report or an entity, whose path is `prefix`."""
        for field in fields:
            form = targets[field.path]
            if form is not Form.LIST and has_value(into, field.path):
                continue
            texts = self.attempt(prefix + field.path, field.column, partial(self.texts, field))
            if not texts:
                continue
            if form is Form.IDENTIFIER:
                _add_identifiers(into, field, texts)
                continue
            value = self.attempt(prefix + field.path, field.column, partial(_in_form, form, texts))
            if value is not None:
                put_value(into, field.path, value)

    def texts(self, field: MappingField) -> Sequence[str] | None:
        """The field's texts before they get the form of their path; None without a value."""
        if field.values:
            return field.values
        if field.value is not None:
            return (field.value,)
        text = self.values[field.column] if field.column else fill_template(field.template or "", self.values)
        if field.table is not None:
            table = self.mapping.table[field.table]
            return table.missing if text is None else look_up(table, text)
        return None if text is None else (convert(field, text),)

    def fill_occurred(self, report: dict[str, Any]) -> None:
        """Put date, time and zone into the report; without a date intake refuses the report."""
        when, values = self.mapping.occurred, self.values
        day = values[when.date]
        if day is None:
            return
        clock = None if when.time is None else values[when.time]
        zone = when.zone
        if when.zone_table is not None:
            zone = _first_code(values, when.zone_columns, self.mapping.table[when.zone_table]) or zone
        column = when.date if clock is None else when.time
        span = self.attempt("occurred.from", column, partial(_span, when, day, clock, zone))
        if span is not None:
            start, until = span
            report["occurred"] = {"from": time_text(start)}
            if until is not None:
                report["occurred"]["until"] = time_text(until)

    def entity(self, index: int, entity: MappingEntity) -> dict[str, Any]:
        """The entity at `index` of the report."""
        made: dict[str, Any] = {
            "id": entity.id,
            "kind": entity.kind,
            "statement": entity.statement,
            "identifiers": [],
        }
        self.fill(made, entity.field, entity_targets(), f"entities[{index}].")
        return made

    def attempt(self, path: str, column: str | None, make: Callable[[], T]) -> T | None:
        """The result of `make`, or None after adding its error."""
        try:
            return make()
        except ColumnError as error:
            message = error.message if column is None else f"column {column}: {error.message}"
            self.errors.append(FieldError(path=path, code=error.code, message=message, allowed=error.allowed))
            return None


def _span(when: MappingTime, day: str, clock: str | None, zone: str) -> tuple[int, int | None]:
    """Begin and end in ms; a moment has no end."""
    if clock is None:
        return span_of_date(day, when.date_format, zone_of(zone))
    time_format = when.time_format
    if when.utc_suffix is not None and clock.endswith(when.utc_suffix):
        zone, time_format = "UTC", time_format + when.utc_suffix.replace("%", "%%")
    return moment_of(day, when.date_format, clock, time_format, zone_of(zone)), None


def _first_code(values: Values, columns: Sequence[str], table: types.MappingTable) -> str | None:
    """The first code of the first column whose value has codes in the table."""
    for column in columns:
        text = values[column]
        codes = table.missing if text is None else table.codes.get(text, table.otherwise)
        if codes:
            return codes[0]
    return None


def _add_identifiers(entity: dict[str, Any], field: MappingField, texts: Sequence[str]) -> None:
    scheme = field.path.partition(".")[2]
    country = {} if field.country is None else {"country": field.country}
    entity["identifiers"] += [{"scheme": scheme, "value": text} | country for text in texts]


def _in_form(form: Form, texts: Sequence[str]) -> str | int | bool | list[str]:
    """The texts in the form of their path; a path that takes one value gets the first."""
    if form is Form.LIST:
        return list(texts)
    text = texts[0]
    if form is Form.NUMBER:
        return scale(text, 0)
    if form is Form.FLAG:
        if text.lower() not in _TRUTH:
            raise ColumnError("not_a_flag", f"{quoted(text)} is neither true nor false", tuple(_TRUTH))
        return _TRUTH[text.lower()]
    return text
