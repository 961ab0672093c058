"""Reads a mapping: TOML that says how the rows of a file become reports.

It does not read the file (node/rows) and does not map rows (node/mapping/map_row.py).
"""

from collections.abc import Iterator
from typing import Any

from node.errors import UsageError
from node.mapping.check_mapping import problems
from node.toml_reader import convert, parse_toml
from schemas.types import Mapping, MappingTable


def load(text: str, *, file: str) -> Mapping:
    """The mapping of a TOML text. Raises `UsageError` with the path of the first error."""
    mapping = parse(text, file=file)
    for problem in problems(mapping):
        raise UsageError(problem.code, f"{file}: {problem.message}", path=problem.path, hint=problem.hint)
    return mapping


def parse(text: str, *, file: str) -> Mapping:
    """The mapping of a TOML text, whose types are right and whose values are not checked. Raises `UsageError`."""
    tables = parse_toml(text, file=file)
    for name, table in _dicts(tables.get("table")):
        convert(MappingTable, table, file=f"{file}: table.{name}")  # it names the nearest key; the path in a map cannot
    return convert(Mapping, tables, file=file)


def _dicts(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, item) for name, item in value.items() if isinstance(item, dict))
