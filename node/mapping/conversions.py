"""Converts the text of one column: tables, padding, numbers, dates. Pure.

Rules:
- A value that the table does not list is an error that lists the table's values, unless the table has `otherwise`.
- A number that has more digits than its field keeps is rounded only if the mapping says so, or by `scale`.
"""

from node.mapping.column_error import ColumnError
from node.mapping.date_formats import compile_format
from node.mapping.mappable_fields import Form
from node.mapping.number_forms import NumberForm, rounded_text, scale, whole
from node.mapping.times import date_text_of
from schemas.excerpts import quoted
from schemas.types import MappingField, MappingTable

_TRUTH = {"true": True, "false": False}


def look_up(table: MappingTable, text: str) -> tuple[str, ...]:
    """The codes of `text`, else those of `otherwise`. Raises `ColumnError` if the table has neither."""
    codes = table.codes.get(text, table.otherwise)
    if codes is None:
        raise ColumnError("unknown_value", f"{quoted(text)} is not in the table", sorted(table.codes))
    return codes


def pad(text: str, length: int) -> str:
    """A code of digits with the leading zeros that a spreadsheet removed."""
    if len(text) > length or not text.isdigit():
        raise ColumnError("not_a_code", f"{quoted(text)} is not a code of at most {length} digits")
    return text.zfill(length)


def convert(field: MappingField, form: Form, text: str, numbers: NumberForm) -> str | int | bool:
    """A column's text in the form of its field, after the conversion that the mapping names."""
    if form is Form.NUMBER:
        if field.scale:
            return scale(text, field.scale, numbers)
        return whole(text, numbers, rounded=field.decimals is not None or field.scale is not None)
    if form is Form.DECIMAL:
        return rounded_text(text, field.decimals, numbers)
    if form is Form.FLAG:
        if text.lower() not in _TRUTH:
            raise ColumnError("not_a_flag", f"{quoted(text)} is neither true nor false", tuple(_TRUTH))
        return _TRUTH[text.lower()]
    if field.pad is not None:
        return pad(text, field.pad)
    if field.decimals is not None:
        return rounded_text(text, field.decimals, numbers)
    if field.date_format is not None:
        return date_text_of(text, compile_format(field.date_format, field.pivot))
    return text
