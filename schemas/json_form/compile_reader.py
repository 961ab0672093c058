"""Compiles the reader of a schema's JSON form: from Python values of JSON to the values of a Struct.

A reader adds errors and continues, so that one pass finds all errors. A wrong or missing value has a stand-in, so that
the result has the shape of its type although it has errors. The rules are in schemas/json_form/json_values.py.
"""

import difflib
import re
from typing import Any

from schemas import codes, schema_files
from schemas.excerpts import EXCERPT_CHARACTERS_MAX, quoted
from schemas.field_errors import Findings
from schemas.json_form.leaf_readers import (
    Read,
    bytes_reader,
    check_code,
    enum_reader,
    is_kind,
    number_reader,
    read_boolean,
    text_reader,
)


def compile_record(name: str, definitions: schema_files.Definitions) -> Read:
    """The reader of a record; it returns a dict."""
    definition = definitions[name]
    fields: list[tuple[str, Read, tuple[str, ...] | None]] = []  # name, reader, allowed values or None if optional
    stand_ins: dict[str, Any] = {}
    by_sibling: list[tuple[str, str]] = []
    for field in definition["fields"]:
        inner, optional = schema_files.unwrap(field["type"])
        read = _compile(inner, definitions, definition)
        required = not optional and "default" not in field
        fields.append((field["name"], read, _allowed(inner, definitions) if required else None))
        if required:
            stand_ins[field["name"]] = stand_in(inner, definitions)
        _, attributes = schema_files.shape(inner, definitions)
        if "{" in attributes.get("codes", ""):
            by_sibling.append((field["name"], attributes["codes"]))
    known = tuple(field["name"] for field in definition["fields"])
    known_set = frozenset(known)

    def read_record(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(dict, value, path, found):
            return dict(stand_ins)
        prefix = f"{path}." if path else ""
        if not known_set >= value.keys():
            _unknown_keys(value, known, prefix, found)
        out = {}
        for key, read, allowed in fields:
            item = value.get(key)
            if item is not None:
                out[key] = read(item, prefix + key, found)
            elif allowed is not None:
                found.add(prefix + key, "missing", "is mandatory", allowed)
                out[key] = stand_ins[key]
        for key, template in by_sibling:
            if isinstance(value.get(key), str):
                _check_by_sibling(out, key, template, prefix, found)
        return out

    return read_record


def stand_in(schema: Any, definitions: schema_files.Definitions) -> Any:
    """A value of the right type for a field whose value is missing or wrong."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        required = [field for field in attributes["fields"] if "default" not in field]
        return {
            field["name"]: stand_in(inner, definitions)
            for field in required
            for inner, optional in [schema_files.unwrap(field["type"])]
            if not optional
        }
    if kind == "enum":
        return attributes["symbols"][0]
    if kind in ("bytes", "fixed"):
        return b""
    if kind == "string":
        return ""
    return [] if kind == "array" else False if kind == "boolean" else 0


def _unknown_keys(value: dict[str, Any], known: tuple[str, ...], prefix: str, found: Findings) -> None:
    for key in value:
        if found.full:
            return
        if key not in known:
            near = difflib.get_close_matches(str(key)[:EXCERPT_CHARACTERS_MAX], known, n=1)
            hint = f"is not a field; did you mean {near[0]}?" if near else "is not a field"
            found.add(prefix + quoted(str(key))[1:-1], "unknown_key", hint, known)


def _check_by_sibling(out: dict[str, Any], key: str, template: str, prefix: str, found: Findings) -> None:
    """Check a code whose list depends on another field (`source_evaluation_{grid}`), if that field names a list."""
    name = re.sub(r"\{(\w+)\}", lambda match: str(out.get(match[1])), template)
    if name in codes.names() and isinstance(out.get(key), str):
        check_code(out[key], codes.load(name), prefix + key, found)


def _compile(schema: Any, definitions: schema_files.Definitions, owner: dict[str, Any]) -> Read:
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return compile_record(schema, definitions)
    if kind == "array":
        return _array(
            _compile(attributes["items"], definitions, owner), attributes, _allowed(attributes["items"], definitions)
        )
    if kind == "enum":
        return enum_reader(tuple(attributes["symbols"]))
    if kind in ("int", "long"):
        return number_reader(
            schema_files.number_bounds(kind, attributes, payload=owner["payload"]), attributes.get("format")
        )
    if kind == "string":
        return text_reader(attributes, owner["namespace"])
    return read_boolean if kind == "boolean" else bytes_reader(attributes)


def _allowed(schema: Any, definitions: schema_files.Definitions) -> tuple[str, ...]:
    """The allowed values of a field, or of the items of an array; empty if the schema does not list them."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "array":
        return _allowed(attributes["items"], definitions)
    if kind in ("enum", "boolean"):
        return tuple(attributes["symbols"]) if kind == "enum" else ("true", "false")
    name = attributes.get("codes", "")
    return codes.load(name).ordered if name and "{" not in name else ()


def _array(read: Read, attributes: dict[str, Any], listed: tuple[str, ...]) -> Read:
    items_min, items_max = attributes.get("minItems", 0), attributes.get("maxItems", schema_files.ITEMS_MAX)

    def read_array(value: Any, path: str, found: Findings) -> Any:
        if not is_kind(list, value, path, found):
            return []
        if len(value) > items_max:
            found.add(path, "too_many", f"must have at most {items_max:,} items, not {len(value):,}")
            return []
        if len(value) < items_min:
            found.add(path, "missing", f"must have at least {items_min} item{'s' * (items_min > 1)}", listed)
        return [read(item, f"{path}[{index}]", found) for index, item in enumerate(value)]

    return read_array
