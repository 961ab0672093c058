"""Makes the JSON Schema of the types of answers, as components of an OpenAPI document. Pure.

What a type becomes follows node/answers/plain_json.py: a time is RFC 3339, a message id UUID text, other bytes base64.
A record of the schemas has the schema of its JSON form, and another Struct that of msgspec.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from node.answers.plain_json import MessageId, TimeMs
from schemas.tools.json_schema import json_schema
from schemas.types import IntelligenceReport, Record

Schema = dict[str, Any]
REFERENCE: Final = "#/components/schemas/{name}"

_SIMPLE: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    NoneType: {"type": "null"},
    Path: {"type": "string"},
    Any: {},
    TimeMs: {"type": "string", "format": "date-time"},
    MessageId: {"type": "string", "format": "uuid"},
}


class AnswerSchemas:
    """Collects the schemas of types by their names."""

    def __init__(self) -> None:
        self.components: Final[dict[str, Schema]] = {}
        self._types: dict[str, type] = {}

    def of(self, hint: Any) -> Schema:
        """The schema of a type; a dataclass or a record becomes a component, and the schema refers to it."""
        if hint in _SIMPLE:
            return dict(_SIMPLE[hint])
        origin = get_origin(hint)
        if origin is Annotated:
            return self.of(get_args(hint)[0])
        if origin in (Union, UnionType):
            return self._union(get_args(hint))
        if origin in (tuple, list, Sequence):
            return {"type": "array", "items": self.of(get_args(hint)[0])}
        if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": self.of(get_args(hint)[1])}
        return self._named(hint)

    def _union(self, parts: Sequence[Any]) -> Schema:
        schemas = [self.of(part) for part in parts]
        simple = [schema["type"] for schema in schemas if schema.keys() == {"type"}]
        if len(simple) == len(schemas):
            return {"type": simple}
        nulls = [schema for schema in schemas if schema == {"type": "null"}]
        others = [schema for schema in schemas if schema != {"type": "null"}]
        if nulls and len(others) == 1 and isinstance(others[0].get("type"), str):
            return others[0] | {"type": [others[0]["type"], "null"]}
        return {"anyOf": schemas}

    def _named(self, type_: Any) -> Schema:
        if type_ is Record:  # every kind that is stored now is a report
            type_ = IntelligenceReport
        name = type_.__name__
        if issubclass(type_, Enum):
            return {"type": "string", "enum": [member.value for member in type_]}
        if self._types.setdefault(name, type_) is not type_:
            name = f"{type_.__module__.rpartition('.')[2].title().replace('_', '')}{name}"
        if name not in self.components:
            self._types[name] = type_
            self.components[name] = {}  # a type may contain itself
            self.components[name] = self._component(type_)
        return {"$ref": REFERENCE.format(name=name)}

    def _component(self, type_: type) -> Schema:
        if issubclass(type_, Record):
            schema = json_schema(type_)
            del schema["$schema"]
            return schema
        if issubclass(type_, msgspec.Struct):
            _, components = msgspec.json.schema_components((type_,), ref_template=REFERENCE)
            self.components.update(components)
            return dict(components[type_.__name__])
        if not is_dataclass(type_):
            raise TypeError(f"{type_.__name__} has no form as JSON")
        hints = get_type_hints(type_, include_extras=True)
        properties = {field.name.rstrip("_"): self.of(hints[field.name]) for field in fields(type_)}
        described = (type_.__doc__ or "").partition("\n")[0]
        return {"type": "object", "description": described, "properties": properties, "required": list(properties)}
