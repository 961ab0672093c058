"""Tells whether cells look like a row of the file: its date is a date. Pure."""

from collections.abc import Sequence

from node.mapping.column_error import ColumnError
from node.mapping.date_formats import compile_format
from node.rows.csv_rows import BeginsRow
from schemas import types


def row_test(mapping: types.Mapping, columns: Sequence[str]) -> BeginsRow:
    """The test for the rows of a file with these columns; there are as many cells as columns."""
    if mapping.occurred.date not in columns:
        return lambda _cells: True
    place = columns.index(mapping.occurred.date)
    format_ = compile_format(mapping.occurred.date_format, mapping.occurred.pivot)
    nulls = frozenset([*mapping.null, *mapping.nulls.get(mapping.occurred.date, ())])

    def begins_row(cells: Sequence[str]) -> bool:
        text = cells[place].strip().strip(mapping.quote or None)
        try:
            format_.read(text)
        except ColumnError:
            return text in nulls
        return True

    return begins_row
