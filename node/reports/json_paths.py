"""Reads and writes JSON values at dotted paths such as `place.text`. Pure."""

from collections.abc import Mapping
from typing import Any


def has_value(record: Mapping[str, Any], path: str) -> bool:
    """Whether the path leads to a value."""
    value: Any = record
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def put_value(record: dict[str, Any], path: str, value: object) -> None:
    """Put a value at its path; a list gets the items that it does not have yet."""
    *parents, name = path.split(".")
    for parent in parents:
        record = record.setdefault(parent, {})
    if isinstance(value, list):
        record[name] = list(dict.fromkeys([*record.get(name, ()), *value]))
    else:
        record[name] = value
