"""The JSON form of the wire's types: names of the contract, dates and times as text, bytes base64, ids UUID text.

Compiled from the schemas once for each type; pure. It compares no fields with each other (node/reports/rules.py)
and encodes nothing.
Rules of reading:
- Everything wrong is reported at once, at most ERRORS_MAX findings, each with path, stable code and, where there are
  some, the allowed values.
- Nothing is guessed: no number for a text, no text for a number, no unknown key. `null` stands for a key left out.
- A finding is `missing`, `unknown_key`, `wrong_type`, `wrong_format`, `unknown_code`, `too_long`, `too_many` or
  `out_of_range`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from schemas import schema_files, types
from schemas.field_errors import FieldErrors, Findings
from schemas.formats import bytes_text, date_text, time_text
from schemas.json_form import compile_reader, leaf_readers

T = TypeVar("T", bound=types.Record)
Write = Callable[[Any], Any]


def from_json(cls: type[T], obj: object) -> T:
    """The value that a JSON object (as Python values) stands for. Raises FieldErrors."""
    found = Findings()
    builtins = _reader(cls)(obj, "", found)
    if found.errors:
        raise FieldErrors(found.errors)
    return msgspec.convert(builtins, cls, builtin_types=(bytes,))


def to_json(value: types.Record) -> dict[str, Any]:
    """A value as an object of texts, numbers, lists and objects; optional fields that are not there are left out."""
    builtins: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(bytes,))
    write = _writer(type(value))
    if write is not None:
        write(builtins)
    return builtins


@cache
def _reader(cls: type[types.Record]) -> leaf_readers.Read:
    return compile_reader.compile_record(f"enlace.v1.{cls.__name__}", schema_files.current())


@cache
def _writer(cls: type[types.Record]) -> Write | None:
    return _compile(f"enlace.v1.{cls.__name__}", schema_files.current())


def _compile(schema: Any, definitions: schema_files.Definitions) -> Write | None:
    """What turns a builtin value into its JSON form, None if it is that already; records are changed in place."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return _record(attributes, definitions)
    if kind == "array":
        each = _compile(attributes["items"], definitions)
        return list if each is None else lambda values: [each(value) for value in values]
    form = attributes.get("format")
    if kind in ("fixed", "bytes"):
        return (lambda value: str(UUID(bytes=value))) if form == "uuid" else bytes_text
    if kind in ("int", "long"):
        return {"date": date_text, "time": time_text}.get(form or "")
    return None


def _record(definition: dict[str, Any], definitions: schema_files.Definitions) -> Write | None:
    compiled = [
        (field["name"], _compile(schema_files.unwrap(field["type"])[0], definitions)) for field in definition["fields"]
    ]
    writers = tuple((name, write) for name, write in compiled if write is not None)
    if not writers:
        return None

    def write_record(value: dict[str, Any]) -> dict[str, Any]:
        for name, write in writers:
            if name in value:
                value[name] = write(value[name])
        return value

    return write_record
