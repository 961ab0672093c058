"""Checks schemas of the wire for what is forbidden and what is required; returns a text for each finding. Pure.

Forbidden (docs/wire-format.md, "Cost and Avro"):
- recursion: 9 KB of nested records crash the interpreter
- arrays of items without bytes: 7 bytes of input allocate all memory
- maps, and unions other than `[null, X]`: a value would have more than one encoding
- logical types, especially decimals: 200 kB of input take seconds of CPU time
- float and double: NaN is not equal to itself
- aliases, and defaults of enums: an unknown name or symbol would become a known one
- a default other than null outside the payload
Required: the namespace of the folder, names as in docs/wire-format.md, a `doc` on each type and field, `set` on each
array outside the payload and on no array inside, attributes and code lists that exist.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from schemas import codes, schema_files

WIRE: Final = "enlace.v1"

_TYPE_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_TYPE_KEYS: Final = {
    "record": {"fields", "payload", "maxBytes"},
    "enum": {"symbols"},
    "fixed": {"size", "format"},
    "array": {"items", "minItems", "maxItems", "set", "unique"},
    "map": {"values"},
    "string": {"minBytes", "maxBytes", "pattern", "named", "codes", "suggests", "format", "verbatim"},
    "bytes": {"minBytes", "maxBytes"},
    "int": {"min", "max", "format"},
    "long": {"min", "max", "format"},
    "boolean": set[str](),
}
_FIELD_KEYS: Final = {"name", "type", "doc", "default", "intake", "secret"}
_DEFINITION_KEYS: Final = {"type", "name", "namespace", "doc", "payload"}


def check(definitions: schema_files.Definitions, namespace: str = WIRE) -> list[str]:
    """All findings in the types of a namespace; empty if they are valid."""
    return [
        f"{name}: {finding}"
        for name, definition in definitions.items()
        if name.startswith(f"{namespace}.")
        for finding in _definition(name, definition, definitions)
    ]


def _definition(name: str, definition: dict[str, Any], definitions: schema_files.Definitions) -> Iterator[str]:
    if not _TYPE_NAME.fullmatch(definition["name"]):
        yield "a type name must be in CamelCase"
    if not definition.get("doc"):
        yield "has no doc"
    yield from _unknown(definition.keys() - _DEFINITION_KEYS - _TYPE_KEYS[definition["type"]])
    if definition["type"] == "fixed" and definition["size"] < 1:
        yield "has no bytes"
    if definition["type"] == "enum" and len(set(definition["symbols"])) < max(1, len(definition["symbols"])):
        yield "has no symbols, or a duplicate"
    if definition["type"] != "record":
        return
    if _is_recursive(name, definitions):
        yield "is recursive"
        return
    names = [field["name"] for field in definition["fields"]]
    for field in definition["fields"]:
        for finding in _field(field, names, definition, definitions):
            yield f"{field['name']}: {finding}"


def _field(
    field: dict[str, Any], siblings: list[str], owner: dict[str, Any], definitions: schema_files.Definitions
) -> Iterator[str]:
    if not _FIELD_NAME.fullmatch(field["name"]):
        yield "a field name must be in snake_case"
    if not field.get("doc"):
        yield "has no doc"
    yield from _unknown(field.keys() - _FIELD_KEYS)
    inner, optional = schema_files.unwrap(field["type"])
    if optional and field.get("default", ...) is not None:
        yield "[null, X] must have the default null"
    if not optional and "default" in field and owner["namespace"] == WIRE and not owner["payload"]:
        yield "a default other than null outside the payload"
    yield from _type(inner, siblings, owner, definitions)


def _type(
    schema: Any, siblings: list[str], owner: dict[str, Any], definitions: schema_files.Definitions
) -> Iterator[str]:
    if not isinstance(schema, list) and _unresolved(schema, definitions):
        yield f"{schema if isinstance(schema, str) else schema['type']} is unknown"
        return
    kind, attributes = schema_files.shape(schema, definitions)
    if kind in schema_files.NAMED:
        return
    if kind in ("union", "null", "float", "double") or (kind == "map" and owner["namespace"] == WIRE):
        yield "a union other than [null, X]" if kind == "union" else f"{kind} is forbidden"
        return
    yield from _unknown(attributes.keys() - {"type"} - _TYPE_KEYS[kind])
    if kind == "array":
        yield from _array(attributes, siblings, owner, definitions)
    for key in ("codes", "suggests"):
        if key in attributes:
            yield from _code_list(attributes[key], siblings)


def _array(
    attributes: dict[str, Any], siblings: list[str], owner: dict[str, Any], definitions: schema_files.Definitions
) -> Iterator[str]:
    if owner["namespace"] == WIRE and bool(attributes.get("set")) == owner["payload"]:
        yield f"an array {'of the payload must not' if owner['payload'] else 'outside the payload must'} be a set"
    items = attributes["items"]
    if not _unresolved(items, definitions) and _is_empty(items, definitions):
        yield "an array of items without bytes"
        return
    yield from _type(items, siblings, owner, definitions)


def _code_list(name: str, siblings: list[str]) -> Iterator[str]:
    prefix, brace, rest = name.partition("{")
    known = any(listed.startswith(prefix) for listed in codes.names()) if brace else name in codes.names()
    if not known or (brace and rest.removesuffix("}") not in siblings):
        yield f"{name} is not a code list"


def _unknown(keys: set[str]) -> Iterator[str]:
    for key in sorted(keys):
        yield f"attribute {key} is forbidden or unknown"


def _unresolved(schema: Any, definitions: schema_files.Definitions) -> bool:
    name = schema if isinstance(schema, str) else schema["type"] if isinstance(schema, dict) else ""
    return isinstance(name, str) and name not in {*schema_files.PRIMITIVES, "array", "map", *definitions, ""}


def _is_recursive(name: str, definitions: schema_files.Definitions, inside: tuple[str, ...] = ()) -> bool:
    if name in inside:
        return True
    return any(
        _is_recursive(used, definitions, (*inside, name))
        for field in definitions[name].get("fields", ())
        for used in _names_in(field["type"])
        if used in definitions
    )


def _names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _names_in(branch)
    elif isinstance(schema, dict):
        yield from _names_in(schema.get("items", schema.get("values", schema["type"])))
    else:
        yield schema


def _is_empty(schema: Any, definitions: schema_files.Definitions) -> bool:
    """Whether the encoding of a value of this schema may be empty."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return all(_is_empty(field["type"], definitions) for field in attributes["fields"])
    return kind == "null" or (kind == "fixed" and attributes["size"] == 0)
