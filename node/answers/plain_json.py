"""Turns answers into plain JSON data, for everything that writes one: the command line, report files, later HTTP.

Pure. What a value becomes follows from its type, never from the name of its key:

- `TimeMs` becomes RFC 3339 UTC, `MessageId` UUID text, other bytes base64;
- a frozen dataclass becomes an object with its fields in their order; `from_` is the key `from`;
- a record of the schemas (`schemas.types.Record`) becomes the JSON of the contract; a path becomes text.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints
from uuid import UUID

from node.errors import writable
from schemas.formats import time_text
from schemas.types import Record


class _Form(Enum):
    """How a number or bytes is written."""

    TIME = "time"
    UUID = "UUID"


TimeMs = Annotated[int, _Form.TIME]
"""Milliseconds since 1970 in an answer."""

MessageId = Annotated[bytes, _Form.UUID]
"""The 16 bytes of a message id in an answer."""

Present = Callable[[Any], Any]


def presentable(value: Any) -> Any:
    """`value` as plain JSON data."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(name): presentable(item) for name, item in value.items()}
        case list() | tuple():
            return [presentable(item) for item in value]
        case bytes():
            return base64.b64encode(value).decode()
        case Path():
            return writable(str(value))
        case Record():
            return _record_json(value)
    return {key: present(getattr(value, name)) for name, key, present in _presenters(type(value))}  # type: ignore[arg-type]


def _record_json(record: Record) -> Any:
    from schemas.json_form import json_values

    return json_values.to_json(record)


@cache
def _presenters(answer: type[Any]) -> tuple[tuple[str, str, Present], ...]:
    """Each field of a type of answer: its name, its key, and the function that makes its value plain."""
    if not is_dataclass(answer):
        raise TypeError(f"{answer.__name__} has no form as JSON")
    hints = get_type_hints(answer, include_extras=True)
    return tuple((field.name, field.name.rstrip("_"), _presenter(hints[field.name])) for field in fields(answer))


def _presenter(hint: Any) -> Present:
    """The function for a type such as `TimeMs` or `TimeMs | None`."""
    for part in (hint, *get_args(hint)):
        form = next((extra for extra in getattr(part, "__metadata__", ()) if isinstance(extra, _Form)), None)
        if form is not None:
            return _WRITERS[form]
    return presentable


def _time(value: int | None) -> str | None:
    return None if value is None else time_text(value)


def _uuid(value: bytes | None) -> str | None:
    return None if value is None else str(UUID(bytes=value))


_WRITERS: Final[dict[_Form, Present]] = {_Form.TIME: _time, _Form.UUID: _uuid}
