"""Maps one row of a file to the node that it belongs to and to a report as JSON values for intake.

Pure. node/reports/validate.py checks the report. The result does not depend on the day: a second import is the same.

Rules:
- A field without a value is left out; intake refuses the report if the field is mandatory.
- If several fields have one path, the first with a value counts. In a list, each field adds the codes that it lacks.
- A field or an entity with `when` is left out if that column has no value, or not one of `equals`. Connections need
  both of their entities.
- All errors of a row are collected, each with the field of the report and the column.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from node.mapping.cells import Cells
from node.mapping.column_error import ColumnError
from node.mapping.json_paths import has_value, put_value
from node.mapping.mappable_fields import Form, entity_targets, report_targets
from node.mapping.occurred import OccurredReader
from node.mapping.read_field import FieldReader, Origin, first_code
from schemas import types
from schemas.field_errors import FieldError
from schemas.formats import time_text
from schemas.types import MappingConnection, MappingEntity

T = TypeVar("T")
_PREFIX = "column "


class RowMapper:
    """Maps the rows of one file."""

    def __init__(self, mapping: types.Mapping) -> None:
        self._mapping = mapping
        self._fields = _readers(mapping, mapping.field, report_targets())
        self._entities = [(entity, _readers(mapping, entity.field, entity_targets())) for entity in mapping.entity]
        self._occurred = OccurredReader(mapping)

    def node_of(self, cells: Cells) -> str | None:
        """The node that the row belongs to: by the first column with a node in the table, else the default, else None.

        Raises ColumnError.
        """
        select = self._mapping.select
        if select is None or select.table is None:
            return select.default if select else None
        return first_code(cells, select.columns, self._mapping.table[select.table]) or select.default

    def report_of(self, cells: Cells) -> "MappedReport":
        """The report of the row, and what is wrong with its columns."""
        made = MappedReport(cells)
        made.fill(made.report, self._fields, "")
        span = made.attempt("occurred.from", self._occurred.origin, partial(self._occurred.span, cells))
        if span is not None:
            start, until = span
            made.report["occurred"] = {"from": time_text(start)}
            if until is not None:
                made.report["occurred"]["until"] = time_text(until)
        entities: list[dict[str, Any]] = []
        for entity, readers in self._entities:
            where = f"entities[{len(entities)}]"
            if made.attempt(where, Origin(entity.when, None), partial(_is_there, cells, entity)):
                entities.append(made.entity(entity, readers, where))
        made.report["entities"] = entities
        made.report["connections"] = _connections(self._mapping.connection, {entity["id"] for entity in entities})
        return made


class MappedReport:
    """The report of one row as JSON values, the errors of its columns, and where its values come from."""

    def __init__(self, cells: Cells) -> None:
        self.report: dict[str, Any] = {}
        self.errors: list[FieldError] = []
        self._cells = cells
        self._filled: list[tuple[str, Sequence[FieldReader]]] = []
        self._origins: dict[str, Origin] = {}

    def fill(self, into: dict[str, Any], readers: Sequence[FieldReader], prefix: str) -> None:
        """Put the fields that have a value into a report or an entity, whose path is `prefix`."""
        self._filled.append((prefix, readers))
        for reader in readers:
            if not reader.adds and has_value(into, reader.path):
                continue
            try:
                value = reader.read(self._cells)
            except ColumnError as error:
                self._add(prefix + reader.field.path, reader.origin, error)
                continue
            if value is None:
                continue
            if reader.form is Form.IDENTIFIER:
                self._add_identifiers(into, reader, value, prefix)
            else:
                put_value(into, reader.path, value)

    def entity(self, entity: MappingEntity, readers: Sequence[FieldReader], where: str) -> dict[str, Any]:
        """The entity of a mapping; `where` is its path."""
        made: dict[str, Any] = {
            "id": entity.id,
            "kind": entity.kind,
            "statement": entity.statement,
            "identifiers": [],
        }
        self.fill(made, readers, f"{where}.")
        return made

    def attempt(self, path: str, origin: Origin, make: Callable[[], T]) -> T | None:
        """The result of `make`, or None after adding its error."""
        try:
            return make()
        except ColumnError as error:
            self._add(path, origin, error)
            return None

    def _add(self, path: str, origin: Origin, error: ColumnError) -> None:
        column = error.column or origin.column
        message = error.message if column is None else f"{_PREFIX}{column}: {error.message}"
        self.errors.append(FieldError(path=path, code=error.code, message=message, allowed=error.allowed))

    def with_columns(self, errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
        """The errors of the report, each with the column that its field comes from, and the value of the column."""
        for prefix, readers in self._filled:
            for reader in readers:
                if reader.column is not None and reader.form is not Form.IDENTIFIER:
                    self._origins.setdefault(prefix + reader.field.path, reader.origin)
        return tuple(self._with_column(error) for error in errors)

    def _with_column(self, error: FieldError) -> FieldError:
        path = error.path
        while path and path not in self._origins:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        if not path or error.message.startswith(_PREFIX):
            return error
        origin = self._origins[path]
        message = f"{_PREFIX}{origin.column}: {origin.message(self._cells, error.message)}"
        return FieldError(path=error.path, code=error.code, message=message, allowed=error.allowed)

    def _add_identifiers(self, entity: dict[str, Any], reader: FieldReader, texts: Sequence[str], prefix: str) -> None:
        country = {} if reader.field.country is None else {"country": reader.field.country}
        for text in texts:
            self._origins[f"{prefix}identifiers[{len(entity['identifiers'])}]"] = reader.origin
            entity["identifiers"].append({"scheme": reader.scheme, "value": text} | country)


def _readers(
    mapping: types.Mapping, fields: Sequence[types.MappingField], targets: Mapping[str, Form]
) -> list[FieldReader]:
    return [FieldReader(mapping, field, targets[field.path]) for field in fields]


def _is_there(cells: Cells, entity: MappingEntity) -> bool:
    if entity.when is None:
        return True
    texts = cells.texts(entity.when, None)
    return any(text in entity.equals for text in texts) if entity.equals else bool(texts)


def _connections(connections: Sequence[MappingConnection], ids: set[int]) -> list[dict[str, Any]]:
    return [
        {
            "from": connection.from_,
            "to": connection.to,
            "role": connection.role,
            "statement": connection.statement,
        }
        for connection in connections
        if connection.from_ in ids and connection.to in ids
    ]
