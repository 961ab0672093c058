"""Reads one field of a mapping from the cells of a row. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.mapping.cells import Cells
from node.mapping.conversions import convert, look_up
from node.mapping.mappable_fields import Form
from node.mapping.number_forms import NumberForm
from node.mapping.templates import Placeholder, columns_of, fill_template, parse_template
from schemas import types
from schemas.excerpts import quoted
from schemas.types import MappingField, MappingFormat, MappingTable


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a field comes from, as errors name it."""

    column: str | None
    field: MappingField | None

    def message(self, cells: Cells, message: str) -> str:
        """A message about the field, with the value of the column if the message does not name it."""
        if self.field is None or self.field.column is None:
            return message
        value = cells.get(self.field.column)
        if value is None:
            return f"has no value; {message}"
        shown = quoted(value if isinstance(value, str) else ", ".join(value))
        return message if shown in message else f"{shown} {message}"


class FieldReader:
    """Reads the value of one [[field]] or [[entity.field]]."""

    def __init__(self, mapping: types.Mapping, field: MappingField, form: Form) -> None:
        self.field = field
        self.form = form
        self.adds = form is Form.LIST or form is Form.IDENTIFIER
        """Whether several fields of this path add their values; else the first value counts."""
        self.path = tuple(field.path.split("."))
        self.scheme = field.path.partition(".")[2]
        self._tables = mapping.table
        self._table = mapping.table[field.table] if field.table is not None else None
        self._numbers = number_form(mapping, field)
        self._template = parse_template(field.template or "", frozenset(mapping.table))
        self._constant = self._constant_of(field)
        columns = columns_of(field.template or "", mapping.table)
        self.column = field.column or ", ".join(dict.fromkeys(columns)) or field.when
        self.origin = Origin(self.column, field)

    def read(self, cells: Cells) -> Any:
        """The value in the form of the path; None without a value. Raises ColumnError."""
        field = self.field
        if field.when is not None and not self._applies(cells, field.when):
            return None
        if self._constant is not None:
            return self._constant
        if field.column is None:
            text = fill_template(self._template, lambda part: self._text_of(cells, part))
            return None if text is None else self._formed([text])
        if self._table is None and self.form is not Form.LIST and self.form is not Form.IDENTIFIER:
            text = cells.text(field.column)
            return None if text is None else convert(field, self.form, text, self._numbers)
        texts = cells.texts(field.column, field.split)
        if self._table is not None:
            return self._formed(_translated(self._table, texts))
        return self._formed([str(convert(field, self.form, text, self._numbers)) for text in texts])

    def _applies(self, cells: Cells, column: str) -> bool:
        texts = cells.texts(column, None)
        return any(text in self.field.equals for text in texts) if self.field.equals else bool(texts)

    def _constant_of(self, field: MappingField) -> Any:
        if field.values:
            return self._formed(field.values)
        return None if field.value is None else self._formed([field.value])

    def _formed(self, texts: Sequence[str]) -> Any:
        """The texts in the form of their path; a path that takes one value gets the first."""
        if self.form is Form.LIST or self.form is Form.IDENTIFIER:
            return list(texts) or None
        if not texts:
            return None
        if self.form in (Form.NUMBER, Form.FLAG):
            return convert(types.MappingField(path=self.field.path), self.form, texts[0], self._numbers)
        return texts[0]

    def _text_of(self, cells: Cells, part: Placeholder) -> str | None:
        if part.table is None:
            value = cells.get(part.column)
            return ", ".join(value) or None if isinstance(value, tuple) else value
        return ", ".join(_translated(self._tables[part.table], cells.texts(part.column, None))) or None


def number_form(mapping: types.Mapping, field: MappingField) -> NumberForm:
    """How the numbers of a field's column are written."""
    json = mapping.format in (MappingFormat.json, MappingFormat.ndjson)
    decimal = field.decimal or mapping.decimal
    return NumberForm(
        decimal="." if field.column is None else decimal,
        thousands=(field.thousands or mapping.thousands) if field.column is not None else None,
        exponents=mapping.exponents or json,
    )


def first_code(cells: Cells, columns: Sequence[str], table: MappingTable) -> str | None:
    """The first code of the first column whose value has codes in the table. Raises ColumnError."""
    for column in columns:
        text = cells.text(column)
        codes = table.missing if text is None else table.codes.get(text, table.otherwise)
        if codes:
            return codes[0]
    return None


def _translated(table: MappingTable, texts: Sequence[str]) -> Sequence[str]:
    if not texts:
        return table.missing
    return [code for text in texts for code in look_up(table, text)]
