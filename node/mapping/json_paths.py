"""Reads and writes JSON values at paths such as ("place", "text"). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def has_value(record: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether the path leads to a value."""
    value: Any = record
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def put_value(record: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Put a value at its path; a list gets the items that it does not have yet."""
    for parent in path[:-1]:
        record = record.setdefault(parent, {})
    name = path[-1]
    if isinstance(value, list):
        record[name] = list(dict.fromkeys([*record.get(name, ()), *value]))
    else:
        record[name] = value
