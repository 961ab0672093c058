"""Reads when it happened from the cells of a row: section [occurred] of a mapping. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from node.mapping.cells import Cells
from node.mapping.column_error import ColumnError
from node.mapping.conversions import look_up
from node.mapping.date_formats import compile_format
from node.mapping.read_field import Origin, first_code
from node.mapping.times import Span, moment_of, span_of, zone_of
from schemas import types

T = TypeVar("T")


class OccurredReader:
    """Reads date, time and zone of each row."""

    def __init__(self, mapping: types.Mapping) -> None:
        when = mapping.occurred
        self._when = when
        self._zones: Any = mapping.table[when.zone_table] if when.zone_table is not None else None
        self._day_format = compile_format(when.date_format, when.pivot)
        self._time_format = compile_format(when.time_format)
        suffix = (when.utc_suffix or "").replace("%", "%%")
        self._utc_format = compile_format(when.time_format + suffix) if suffix else self._time_format
        self.origin = Origin(when.date, None)

    def span(self, cells: Cells) -> Span | None:
        """Begin and end in ms; a moment has no end. None without a date: then intake refuses the report.

        Raises ColumnError, which names the column that is wrong.
        """
        when = self._when
        day = cells.text(when.date)
        if day is None:
            return None
        clock = None if when.time is None else _named(when.time, cells.text)
        zone = when.zone
        if self._zones is not None:
            zone = first_code(cells, when.zone_columns, self._zones) or self._listed_without_zone(cells)
        if clock is None:
            return span_of(day, self._day_format, zone_of(zone))
        span_of(day, self._day_format, zone_of("UTC"))  # an error of the date is one of its column
        time_format = self._time_format
        if when.utc_suffix is not None and clock.endswith(when.utc_suffix):
            zone, time_format = "UTC", self._utc_format
        column = when.time
        return _named(column or "", lambda _: moment_of(day, self._day_format, clock, time_format, zone_of(zone)))

    def _codes_of(self, text: str, _: str) -> tuple[str, ...]:
        return look_up(self._zones, text)

    def _listed_without_zone(self, cells: Cells) -> str:
        """The zone of the mapping, for a row none of whose columns has a zone. Raises ColumnError for a value that the
        table does not list: a wrong zone shifts the time by hours, and no reader of the report would see it.
        """
        for column in self._when.zone_columns:
            text = cells.text(column)
            if text is not None:
                _named(column, partial(self._codes_of, text))
        return self._when.zone


def _named(column: str, make: Callable[[str], T]) -> T:
    """The result of `make`; its error names this column."""
    try:
        return make(column)
    except ColumnError as error:
        error.column = column
        raise
