"""The JSON form of the wire's types: dates and times as text, bytes as base64, ids as UUID text.

It is compiled from the schemas once for each type. It does not compare fields with each other (node/reports/rules.py).
Rules for reading:
- All errors are reported at once, up to ERRORS_MAX. Each has a path, a stable code and, if the schema lists them, the
  allowed values.
- Nothing is guessed: a number is not a text, a text is not a number, and an unknown key is an error. `null` means that
  the key was left out.
- The codes are `missing`, `unknown_key`, `wrong_type`, `wrong_format`, `unknown_code`, `too_long`, `too_many` or
  `out_of_range`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from schemas import schema_files, types
from schemas.field_errors import FieldError, FieldErrors, Findings
from schemas.formats import bytes_text, date_text, time_text
from schemas.json_form import compile_reader, leaf_readers

T = TypeVar("T", bound=types.Record)
Write = Callable[[Any], Any]


def from_json(cls: type[T], obj: object) -> T:
    """The value of a JSON object, given as Python values. Raises FieldErrors."""
    value, errors = read_json(cls, obj)
    if errors:
        raise FieldErrors(errors)
    return value


def read_json(cls: type[T], obj: object) -> tuple[T, list[FieldError]]:
    """The value of a JSON object, and its errors.

    With errors, the value has stand-ins for the fields that are wrong: it serves to find errors between the other
    fields, and for nothing else.
    """
    found = Findings()
    builtins = _reader(cls)(obj, "", found)
    if found.errors:
        made: T = _with_stand_ins(f"enlace.v1.{cls.__name__}", builtins, schema_files.current())
        return made, found.errors
    return msgspec.convert(builtins, cls, builtin_types=(bytes,)), []


def _with_stand_ins(schema: Any, value: Any, definitions: schema_files.Definitions) -> Any:
    """The value of a schema without a check of its bounds: a constructor checks nothing."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "array":
        return tuple(_with_stand_ins(attributes["items"], item, definitions) for item in value)
    if kind == "enum":
        return getattr(types, attributes["name"])(value)
    if kind != "record":
        return value
    cls = getattr(types, attributes["name"])
    of_key = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
    inner = {field["name"]: schema_files.unwrap(field["type"])[0] for field in attributes["fields"]}
    return cls(**{of_key[key]: _with_stand_ins(inner[key], item, definitions) for key, item in value.items()})


def to_json(value: types.Record) -> dict[str, Any]:
    """A value as a JSON object, given as Python values. Optional fields without a value are left out."""
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
    """The function from a builtin value to its JSON form; None if both are the same. It changes records in place."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return _record(attributes, definitions)
    if kind == "array":
        write_item = _compile(attributes["items"], definitions)
        return list if write_item is None else lambda values: [write_item(value) for value in values]
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
