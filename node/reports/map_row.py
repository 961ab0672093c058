"""What a mapping makes of one row: whose it is, and the report as JSON values for intake.

Pure. Whether the outcome is a lawful report is intake's to say (node/reports/validate.py). Nothing here depends on
the day, so importing a file again finds the same reports.

Rules:
- Null markers and empty columns are no value. Of several fields of one path the first that has a value counts; in a
  list each adds what is not there yet. A field without a value is left out, and intake says if it was needed.
- An entity whose `when` column has no value is left out, and so are its connections.
- Every fault of a row is found, each with the report's field and the column.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from node.reports.conversions import (
    ColumnError,
    filled,
    looked_up,
    moment,
    moment_of_day,
    padded,
    parsed_date,
    scaled,
    shown,
    zone_of,
)
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
    """The row's columns with null markers and blanks replaced."""
    nulls = frozenset(mapping.null)
    stripped = {name: (text or "").strip() for name, text in columns.items()}
    return _Missing({name: text if text and text not in nulls else None for name, text in stripped.items()})


class _Missing(dict[str, str | None]):
    """A JSON row may leave a column out."""

    def __missing__(self, _column: str) -> None:
        return None


def node_of(mapping: types.Mapping, values: Values) -> str | None:
    """The node whose row it is: of the first column with a node in the table, else the default; None for nobody."""
    select = mapping.select
    if select is None or select.table is None:
        return select.default if select else None
    return _first(values, select.columns, mapping.table[select.table]) or select.default


def report_of(mapping: types.Mapping, values: Values) -> tuple[dict[str, Any], list[FieldError]]:
    """The report that the row stands for, in the form that intake takes, and what could not be converted."""
    making = _Making(mapping, values)
    report: dict[str, Any] = {}
    making.fill(report, mapping.field, report_targets(), "")
    making.occurred(report)
    entities = [entity for entity in mapping.entity if entity.when is None or values[entity.when] is not None]
    report["entities"] = [making.entity(index, entity) for index, entity in enumerate(entities)]
    ids = {entity.id for entity in entities}
    report["connections"] = [
        {"from": one.from_, "to": one.to, "role": one.role, "statement": one.statement}
        for one in mapping.connection
        if one.from_ in ids and one.to in ids
    ]
    return report, making.errors


class _Making:
    """One row on its way; collects its faults."""

    def __init__(self, mapping: types.Mapping, values: Values) -> None:
        self.mapping = mapping
        self.values = values
        self.errors: list[FieldError] = []

    def fill(self, into: dict[str, Any], fields: Sequence[MappingField], targets: Mapping[str, Form], at: str) -> None:
        for field in fields:
            form = targets[field.path]
            if form is not Form.LIST and _is_filled(into, field.path):
                continue
            found = self.attempt(at + field.path, field.column, partial(self.texts, field))
            if not found:
                continue
            if form is Form.IDENTIFIER:
                _add_identifiers(into, field, found)
                continue
            value = self.attempt(at + field.path, field.column, partial(_as, form, found))
            if value is not None:
                _place(into, field.path, value)

    def texts(self, field: MappingField) -> Sequence[str] | None:
        """The field's texts before they take the form of their place; None without a value."""
        if field.values:
            return field.values
        if field.value is not None:
            return (field.value,)
        text = self.values[field.column] if field.column else filled(field.template or "", self.values)
        if field.table is not None:
            table = self.mapping.table[field.table]
            return table.missing if text is None else looked_up(table, text)
        return None if text is None else (_changed(field, text),)

    def occurred(self, report: dict[str, Any]) -> None:
        """Date, time and zone together; without a date intake says that it is missing."""
        when, values = self.mapping.occurred, self.values
        day = values[when.date]
        if day is None:
            return
        clock = None if when.time is None else values[when.time]
        zone = when.zone
        if when.zone_table is not None:
            zone = _first(values, when.zone_columns, self.mapping.table[when.zone_table]) or zone
        column = when.date if clock is None else when.time
        span = self.attempt("occurred.from", column, partial(_span, when, day, clock, zone))
        if span is not None:
            start, until = span
            report["occurred"] = {"from": time_text(start)}
            if until is not None:
                report["occurred"]["until"] = time_text(until)

    def entity(self, index: int, entity: MappingEntity) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": entity.id,
            "kind": entity.kind,
            "statement": entity.statement,
            "identifiers": [],
        }
        self.fill(made, entity.field, entity_targets(), f"entities[{index}].")
        return made

    def attempt(self, path: str, column: str | None, make: Callable[[], T]) -> T | None:
        """What `make` makes; None after noting its fault."""
        try:
            return make()
        except ColumnError as error:
            message = error.message if column is None else f"column {column}: {error.message}"
            self.errors.append(FieldError(path=path, code=error.code, message=message, allowed=error.allowed))
            return None


def _span(when: MappingTime, day: str, clock: str | None, zone: str) -> tuple[int, int | None]:
    """From and until in ms."""
    if clock is None:
        return moment(day, when.date_format, zone_of(zone))
    time_format = when.time_format
    if when.utc_suffix is not None and clock.endswith(when.utc_suffix):
        zone, time_format = "UTC", time_format + when.utc_suffix.replace("%", "%%")
    return moment_of_day(day, when.date_format, clock, time_format, zone_of(zone)), None


def _first(values: Values, columns: Sequence[str], table: types.MappingTable) -> str | None:
    """The code of the first column whose value the table knows."""
    for column in columns:
        text = values[column]
        codes = table.missing if text is None else table.codes.get(text, table.otherwise)
        if codes:
            return codes[0]
    return None


def _is_filled(into: Mapping[str, Any], path: str) -> bool:
    place: Any = into
    for name in path.split("."):
        if not isinstance(place, dict) or name not in place:
            return False
        place = place[name]
    return True


def _place(into: dict[str, Any], path: str, value: object) -> None:
    """Puts a value at its path; a list adds what is not there yet."""
    *parents, name = path.split(".")
    place = into
    for parent in parents:
        place = place.setdefault(parent, {})
    if isinstance(value, list):
        place[name] = list(dict.fromkeys([*place.get(name, ()), *value]))
    else:
        place[name] = value


def _add_identifiers(entity: dict[str, Any], field: MappingField, texts: Sequence[str]) -> None:
    scheme = field.path.partition(".")[2]
    country = {} if field.country is None else {"country": field.country}
    entity["identifiers"] += [{"scheme": scheme, "value": text} | country for text in texts]


def _changed(field: MappingField, text: str) -> str:
    """A column's text with the one change that its field asks for."""
    if field.pad is not None:
        return padded(text, field.pad)
    if field.scale is not None:
        return str(scaled(text, field.scale))
    if field.date_format is not None:
        return parsed_date(text, field.date_format).isoformat()
    return text


def _as(form: Form, texts: Sequence[str]) -> str | int | bool | list[str]:
    """Texts in the form that the JSON of a report has there; of several a single place takes the first."""
    if form is Form.LIST:
        return list(texts)
    text = texts[0]
    if form is Form.NUMBER:
        return scaled(text, 0)
    if form is Form.FLAG:
        if text.lower() not in _TRUTH:
            raise ColumnError("not_a_flag", f"{shown(text)} is neither true nor false", tuple(_TRUTH))
        return _TRUTH[text.lower()]
    return text
