"""Reads TOML that people write into the types of schemas.types. Pure.

An error names the path of the first wrong key or value. An unknown key is an error that names the nearest known key.
It does not check what the values mean: node/runtime/config.py, node/trust/compile_toml.py and
node/mapping/check_mapping.py do.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec.inspect import StructType, Type, UnionType, VarTupleType, type_info

from node.errors import UsageError

T = TypeVar("T", bound=msgspec.Struct)
_MISSING: Final = re.compile(r"missing required field `(\w+)`")
_TYPES: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_UNQUOTED: Final = ("int", "float", "bool")
_INDEX: Final = re.compile(r"\[\d+\]")


def parse_toml(text: str, *, file: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises UsageError with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("toml_malformed", f"{file}: {error}", path=file) from None


def convert(cls: type[T], tables: dict[str, Any], *, file: str) -> T:
    """The tables as a value of type `cls`. Raises UsageError that names the first wrong key or value."""
    shape = type_info(cls)
    for path in unknown_keys(shape, tables):
        raise unknown_key(shape, path, where=file)
    try:
        return msgspec.convert(tables, type=cls, strict=True, builtin_types=(datetime,))
    except msgspec.ValidationError as error:
        message, _, location = str(error).partition(" - at `$")
        path = location.removesuffix("`").lstrip(".")
        if missing := _MISSING.search(message):
            path = f"{path}.{missing[1]}" if path else missing[1]
        raise UsageError(
            "value_invalid", f"{file}: {path or 'top level'}: {message}", path=path or None, hint=_hint(message)
        ) from None


def _hint(message: str) -> str | None:
    """How to write a value of another type than the key has."""
    if message.startswith("Expected `datetime"):
        return "write the time without quotes and with its zone: 2026-01-31T00:00:00Z"
    if not (types := _TYPES.search(message)):
        return None
    wanted, found = types.groups()
    if found == "str" and wanted.partition(" | ")[0] in _UNQUOTED:
        return "write it without quotes"
    return "write it in quotes" if wanted.startswith("str") and found in (*_UNQUOTED, "datetime", "date") else None


def unknown_key(shape: Type, path: str, *, where: str) -> UsageError:
    """The error for a key that the type does not have; its hint suggests a known key.

    It suggests a key with a similar name in the same table, else a key with this name in another table, else the
    nearest key of the same table.
    """
    table, _, key = path.rpartition(".")
    known = list(key_paths(shape))
    here = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == _INDEX.sub("[]", table)]
    close = difflib.get_close_matches(key, here, n=1)
    elsewhere = [name for name in known if name.rpartition(".")[2] == key]
    if not close and elsewhere:
        nearest = elsewhere[0]
    else:
        name = (close or difflib.get_close_matches(key, here, n=1, cutoff=0) or [""])[0]
        nearest = f"{table}.{name}" if table and name else name or table
    return UsageError("unknown_key", f"{where}: there is no key {path}", path=path, hint=f"did you mean {nearest}?")


def key_paths(shape: Type, path: str = "") -> Iterator[str]:
    """Each key of a type as a dotted path; `[]` stands for an item of an array."""
    if isinstance(shape, UnionType):
        for option in shape.types:
            yield from key_paths(option, path)
    elif isinstance(shape, VarTupleType):
        yield from key_paths(shape.item_type, f"{path}[]")
    elif isinstance(shape, StructType):
        for field in shape.fields:
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            yield where
            yield from key_paths(field.type, where)


def unknown_keys(shape: Type, value: object, path: str = "") -> Iterator[str]:
    """The path of each key in `value` that the type does not have."""
    if isinstance(shape, UnionType):
        for option in shape.types:
            yield from unknown_keys(option, value, path)
    elif isinstance(shape, VarTupleType) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_keys(shape.item_type, item, f"{path}[{index}]")
    elif isinstance(shape, StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in shape.fields}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key in fields:
                yield from unknown_keys(fields[key], item, where)
            else:
                yield where
