"""What no schema of the wire may say, and what all have to.

Pure: works on definitions and returns a text for each finding.
Forbidden (wire-format, "Cost and Avro"):
- recursion: 9 KB of nested records crash the interpreter
- arrays of items that take no bytes: 7 bytes ask for all memory
- maps, and unions other than `[null, X]`: more than one encoding for a value
- logical types, decimals above all: a fifth of a megabyte keeps a core busy for seconds
- float and double: NaN equals nothing, not even itself
- aliases and defaults of enums: what is unknown would pass for something else
- a default other than null outside the payload
Required: the namespace of the folder, names as in wire-format.md, a `doc` on each type and field, `set` on each array
outside the payload and on none inside, attributes and code lists that exist.
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
    """Everything wrong with the types of a namespace; empty if they are lawful."""
    return [
        f"{name}: {finding}"
        for name, definition in definitions.items()
        if name.startswith(f"{namespace}.")
        for finding in _definition(name, definition, definitions)
    ]


def _definition(name: str, definition: dict[str, Any], definitions: schema_files.Definitions) -> Iterator[str]:
    if not _TYPE_NAME.fullmatch(definition["name"]):
        yield "types are called like ThisOne"
    if not definition.get("doc"):
        yield "has no doc"
    yield from _unknown(definition.keys() - _DEFINITION_KEYS - _TYPE_KEYS[definition["type"]])
    if definition["type"] == "fixed" and definition["size"] < 1:
        yield "takes no bytes"
    if definition["type"] == "enum" and len(set(definition["symbols"])) < max(1, len(definition["symbols"])):
        yield "has no symbols, or one twice"
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
        yield "fields are called like_this"
    if not field.get("doc"):
        yield "has no doc"
    yield from _unknown(field.keys() - _FIELD_KEYS)
    inner, optional = schema_files.unwrap(field["type"])
    if optional and field.get("default", ...) is not None:
        yield "[null, X] has the default null"
    if not optional and "default" in field and owner["namespace"] == WIRE and not owner["payload"]:
        yield "a default other than null outside the payload"
    yield from _type(inner, siblings, owner, definitions)


def _type(
    schema: Any, siblings: list[str], owner: dict[str, Any], definitions: schema_files.Definitions
) -> Iterator[str]:
    if not isinstance(schema, list) and _unresolved(schema, definitions):
        yield f"{schema if isinstance(schema, str) else schema['type']} is not known"
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
        yield "an array of the payload is no set" if owner["payload"] else "an array outside the payload is a set"
    items = attributes["items"]
    if not _unresolved(items, definitions) and _is_empty(items, definitions):
        yield "an array of items that take no bytes"
        return
    yield from _type(items, siblings, owner, definitions)


def _code_list(name: str, siblings: list[str]) -> Iterator[str]:
    prefix, brace, rest = name.partition("{")
    known = any(listed.startswith(prefix) for listed in codes.names()) if brace else name in codes.names()
    if not known or (brace and rest.removesuffix("}") not in siblings):
        yield f"{name} is no code list"


def _unknown(keys: set[str]) -> Iterator[str]:
    for key in sorted(keys):
        yield f"attribute {key} is forbidden or not known"


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
    """Whether a value of this schema may take no bytes."""
    kind, attributes = schema_files.shape(schema, definitions)
    if kind == "record":
        return all(_is_empty(field["type"], definitions) for field in attributes["fields"])
    return kind == "null" or (kind == "fixed" and attributes["size"] == 0)
