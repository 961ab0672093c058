"""Makes the JSON Schema (2020-12) of the JSON form of a type, for the tools of integrators.

It has the checks of schemas/json_form/json_values.py that JSON Schema can express. Lengths count characters, where the
node counts bytes.
"""

import re
from typing import Any

from schemas import codes, schema_files, types

_INTEGER_FORMATS = {"date": "date", "time": "date-time"}


def json_schema(cls: type[types.Record], *, intake: bool = False) -> dict[str, Any]:
    """The schema of a type. With `intake`, without the fields that the node fills in."""
    schema = _record(schema_files.current()[f"enlace.v1.{cls.__name__}"], intake=intake)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": cls.__name__} | schema


def _record(definition: dict[str, Any], *, intake: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    conditions: list[dict[str, Any]] = []
    for field in definition["fields"]:
        if intake and field.get("intake") == "filled":
            continue
        inner, optional = schema_files.unwrap(field["type"])
        kind, attributes = schema_files.shape(inner, schema_files.current())
        schema = _value(kind, attributes, definition, intake=intake)
        properties[field["name"]] = {"description": field["doc"]} | schema
        if not optional and "default" not in field and not (intake and field.get("intake") == "optional"):
            required.append(field["name"])
        conditions += _conditions(field["name"], attributes.get("codes", ""))
    schema = {"type": "object", "description": definition["doc"], "properties": properties, "required": required}
    return schema | {"additionalProperties": False} | ({"allOf": conditions} if conditions else {})


def _conditions(name: str, template: str) -> list[dict[str, Any]]:
    """For a code whose list depends on another field: one condition for each list."""
    match = re.fullmatch(r"(\w*)\{(\w+)\}", template)
    if match is None:
        return []
    values = [listed.removeprefix(match[1]) for listed in codes.names() if listed.startswith(match[1])]
    return [
        {
            "if": {"properties": {match[2]: {"const": value}}},
            "then": {"properties": {name: {"enum": list(codes.load(match[1] + value).ordered)}}},
        }
        for value in values
    ]


def _value(kind: str, attributes: dict[str, Any], owner: dict[str, Any], *, intake: bool) -> dict[str, Any]:
    if kind == "record":
        return _record(attributes, intake=intake)
    if kind == "array":
        item_kind, item = schema_files.shape(attributes["items"], schema_files.current())
        items = _value(item_kind, item, owner, intake=intake)
        bounds = {
            "minItems": attributes.get("minItems", 0),
            "maxItems": attributes.get("maxItems", schema_files.ITEMS_MAX),
        }
        return {"type": "array", "items": items} | {key: value for key, value in bounds.items() if value}
    if kind in ("enum", "boolean"):
        return {"enum": list(attributes["symbols"])} if kind == "enum" else {"type": "boolean"}
    if kind in ("int", "long"):
        return _number(kind, attributes, payload=owner["payload"])
    if attributes.get("format") == "uuid":
        return {"type": "string", "format": "uuid"}
    return (
        _text(attributes, owner["namespace"]) if kind == "string" else {"type": "string", "contentEncoding": "base64"}
    )


def _number(kind: str, attributes: dict[str, Any], *, payload: bool) -> dict[str, Any]:
    if "format" in attributes:
        return {"type": "string", "format": _INTEGER_FORMATS[attributes["format"]]}
    low, high = schema_files.number_bounds(kind, attributes, payload=payload)
    return {"type": "integer", "minimum": low, "maximum": high}


def _text(attributes: dict[str, Any], namespace: str) -> dict[str, Any]:
    name = attributes.get("codes", "")
    if name and "{" not in name:
        return {"enum": list(codes.load(name).ordered)}
    low, high = schema_files.text_bounds(attributes, namespace)
    schema: dict[str, Any] = {"type": "string", "maxLength": high}
    if low:
        schema["minLength"] = low
    if "pattern" in attributes:
        schema["pattern"] = f"^(?:{attributes['pattern']})$"
    if "suggests" in attributes:
        schema["examples"] = list(codes.load(attributes["suggests"]).ordered)
    return schema
