"""The values of one row by column: null markers, paths into nested JSON, columns of joined files. Pure.

Rules:
- A null marker or an empty cell has no value. Blanks around a value do not belong to it.
- In JSON a column is a key or a path: `place.name`, `plates[0]`, `persons[].name`. A list is several values, also if
  each item of another list has one: `persons[].plates`.
- A cell with bytes that are not valid, or with an object, is an error of the fields that read it, and of no other.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from node.mapping.column_error import ColumnError
from node.rows.date_cell import DateCell
from node.rows.text_encoding import is_clean
from node.rows.unreadable_cell import UnreadableCell
from schemas.excerpts import quoted

Value = str | tuple[str, ...] | None
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]*)\]")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFile:
    """The rows of a second file by the value of its key."""

    name: str
    file: str
    column: str
    columns: frozenset[str]
    rows: Mapping[str, Mapping[str, Any]]
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRules:
    """What holds for the cells of all rows of a file."""

    nulls: frozenset[str]
    nulls_of: Mapping[str, frozenset[str]]
    joins: Mapping[str, JoinedFile]
    nested: bool
    """Whether columns are paths: the file is JSON."""


class Cells:
    """The values of one row."""

    __slots__ = ("_clean", "_known", "_raw", "_rules")

    def __init__(self, rules: CellRules, raw: Mapping[str, Any], *, clean: bool = True) -> None:
        self._rules = rules
        self._raw = raw
        self._clean = clean
        self._known: dict[str, Value] = {}

    def get(self, column: str) -> Value:
        """The value of a column: one text, several from a list, or None. Raises ColumnError."""
        try:
            return self._known[column]
        except KeyError:
            value = self._known[column] = self._read(column)
            return value

    def text(self, column: str) -> str | None:
        """The value of a column that has at most one. Raises ColumnError."""
        value = self.get(column)
        if not isinstance(value, tuple):
            return value
        if len(value) > 1:
            raise ColumnError("too_many", f"has {len(value)} values, and the field takes one: name one as {column}[0]")
        return value[0] if value else None

    def texts(self, column: str, split: str | None) -> Sequence[str]:
        """The values of a column that may have several, in a list or separated by `split`."""
        value = self.get(column)
        found = value if isinstance(value, tuple) else () if value is None else (value,)
        if split is None:
            return found
        return tuple(part for text in found for piece in text.split(split) if (part := piece.strip()))

    def _read(self, column: str) -> Value:
        rules = self._rules
        if rules.joins and (join := rules.joins.get(column.partition(".")[0])) is not None:
            return self._joined(join, column.partition(".")[2], column)
        raw = self._raw.get(column, _ABSENT)
        if raw is _ABSENT and rules.nested:
            raw = value_at(self._raw, column)
        return None if raw is _ABSENT else self._of(raw, column)

    def _valued(self, raw: str, column: str) -> str | None:
        if not self._clean and not is_clean(raw):
            raise ColumnError("encoding_wrong", "has bytes that are not valid in the encoding of the mapping")
        if isinstance(raw, UnreadableCell):
            raise ColumnError("cell_unreadable", raw.reason)
        text = raw if isinstance(raw, DateCell) else raw.strip()
        if not text or text in self._rules.nulls or text in self._rules.nulls_of.get(column, ()):
            return None
        return text

    def _of(self, raw: Any, column: str) -> Value:
        if isinstance(raw, str):
            return self._valued(raw, column)
        if raw is None:
            return None
        if isinstance(raw, bool):
            return self._valued(str(raw).lower(), column)
        if isinstance(raw, dict):
            some = f", such as {column}.{next(iter(raw))}" if raw else ""
            raise ColumnError("wrong_type", f"is an object: name one of its keys{some}")
        if any(isinstance(item, dict | list) for item in raw):
            raise ColumnError("wrong_type", f"is a list of objects: name a key of them, such as {column}[].name")
        texts = (item if isinstance(item, str) else str(item).lower() for item in raw if item is not None)
        return tuple(text for item in texts if (text := self._valued(item, column)) is not None)

    def _joined(self, join: JoinedFile, name: str, column: str) -> Value:
        key = self.text(join.column)
        if key is None:
            return None
        row = join.rows.get(key)
        if row is None:
            if join.optional:
                return None
            raise ColumnError("unknown_value", f"{quoted(key)} of column {join.column} is not in {join.file}")
        return self._of(row.get(name), column)


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[str | int | None, ...]:
    """The steps of a path: a key, an index, or None for each item of a list."""
    return tuple(name or (int(index) if index else None) for name, index in _STEP.findall(path))


def value_at(record: Any, path: str) -> Any:
    """The value at a path in nested JSON; `[]` gives the values of all items. None if it does not exist."""
    found = _follow(record, steps_of(path))
    return None if found is _ABSENT else found


def has_path(record: Mapping[str, Any], path: str) -> bool:
    """Whether the record has a value, or null, at a path."""
    return path in record or _follow(record, steps_of(path)) is not _ABSENT


def _follow(value: Any, steps: Sequence[str | int | None]) -> Any:
    for index, step in enumerate(steps):
        if step is None:
            if not isinstance(value, list):
                return _ABSENT
            rest = steps[index + 1 :]
            found = [inner for item in value if (inner := _follow(item, rest)) is not _ABSENT]
            # `persons[].plates[]`, or a list of each person: the values of all of them
            return list(chain.from_iterable(inner if isinstance(inner, list) else (inner,) for inner in found))
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return _ABSENT
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return _ABSENT
    return value


def key_text(values: Mapping[str, Any], column: str) -> str | None:
    """The text of a key column as the file has it; of a list or an object its JSON."""
    value = values.get(column, _ABSENT)
    if value is _ABSENT:
        value = value_at(values, column)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
