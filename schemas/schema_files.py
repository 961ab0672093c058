"""The `.avsc` files as data: each definition by its full name, and bare schemas for an Avro library.

It reads the files of this package only, never a schema from outside. It does not encode or decode.
Rules:
- A file defines one named type and has its name. A type that only this type uses is nested in it.
- Attributes that Avro does not know add limits to a value. They do not change the fingerprint:
  strings and bytes `minBytes`, `maxBytes`, `pattern`, `named` (name of the generated alias), `codes` (its code list)
  or `suggests` (a code list that does not bind), `format` (date, time, uuid); numbers `min`, `max`; arrays `minItems`,
  `maxItems`, `set`, `unique`; records `payload`, `maxBytes`; fields `intake` (filled, optional), `secret`.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

AVSC: Final = Path(__file__).parent / "avsc"
RELEASED: Final = Path(__file__).parent / "released"

INT_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1
ITEMS_MAX: Final = 1_000  # wire-format, "Limits": the default for arrays
TEXT_BYTES_MAX: Final = 64  # wire-format, "Conventions": the default for strings
CONFIG_TEXT_BYTES_MAX: Final = 4_096  # paths and URLs
BYTES_MAX: Final = 256 * 1024  # the largest record; no field can be longer
DAY_MS: Final = 86_400_000
DATE_BOUNDS: Final = (-719_162, 2_932_896)  # 0001-01-01 to 9999-12-31 in days since 1970
TIME_BOUNDS: Final = (DATE_BOUNDS[0] * DAY_MS, (DATE_BOUNDS[1] + 1) * DAY_MS - 1)
UUID_PATTERN: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CONFIG: Final = "enlace.config"

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED: Final = frozenset({"record", "enum", "fixed"})
_BARE_KEYS: Final = frozenset({"type", "name", "fields", "items", "values", "symbols", "size"})

Definitions = Mapping[str, dict[str, Any]]


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Each named type under a folder by its full name, nested types first; a use of a type is its full name.

    A definition has `namespace`, `name` and `payload` (whether it is part of a payload). Raises ValueError if a name is
    defined twice or a file does not have the name of its type.
    """
    definitions: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.avsc")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        if schema["name"] != path.stem:
            raise ValueError(f"{path.name}: defines {schema['name']}; a file must have the name of its type")
        _define(schema, schema["namespace"], payload=schema.get("payload", False), into=definitions)
    return definitions


@cache
def current() -> Definitions:
    """The definitions of this version."""
    return MappingProxyType(load(AVSC))


@cache
def released() -> Mapping[str, Definitions]:
    """The definitions of each released version by its number; these files never change."""
    folders = (folder for folder in RELEASED.glob("*") if folder.is_dir())
    return MappingProxyType({folder.name: load(folder) for folder in sorted(folders, key=lambda f: int(f.name))})


def _define(schema: Any, namespace: str, *, payload: bool, into: dict[str, dict[str, Any]]) -> Any:
    """Put the named types inside `schema` into `into`, and return the schema with their names instead."""
    if isinstance(schema, list):
        return [_define(branch, namespace, payload=payload, into=into) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if schema["type"] == "array":
        return {**schema, "items": _define(schema["items"], namespace, payload=payload, into=into)}
    if schema["type"] == "map":
        return {**schema, "values": _define(schema["values"], namespace, payload=payload, into=into)}
    if schema["type"] not in NAMED:
        return schema
    namespace = schema.get("namespace", namespace)
    definition = {**schema, "namespace": namespace, "payload": payload}
    if schema["type"] == "record":
        definition["fields"] = [
            {**field, "type": _define(field["type"], namespace, payload=payload, into=into)}
            for field in schema["fields"]
        ]
    full_name = f"{namespace}.{schema['name']}"
    if full_name in into:
        raise ValueError(f"{full_name} is defined twice")
    into[full_name] = definition
    return full_name


def bare(name: str, definitions: Definitions) -> dict[str, Any]:
    """The schema of a named type for an Avro library: self-contained, with Avro's own attributes only."""
    schema: dict[str, Any] = _bare(name, definitions, set())
    return schema


def _bare(schema: Any, definitions: Definitions, seen: set[str]) -> Any:
    if isinstance(schema, list):
        return [_bare(branch, definitions, seen) for branch in schema]
    if isinstance(schema, str):
        if schema in PRIMITIVES or schema in seen:
            return schema
        seen.add(schema)
        out = {key: value for key, value in definitions[schema].items() if key in _BARE_KEYS} | {"name": schema}
        if out["type"] == "record":
            out["fields"] = [_bare_field(field, definitions, seen) for field in out["fields"]]
        return out
    if schema["type"] in PRIMITIVES:
        return schema["type"]
    inner = "items" if schema["type"] == "array" else "values"
    return {"type": schema["type"], inner: _bare(schema[inner], definitions, seen)}


def _bare_field(field: dict[str, Any], definitions: Definitions, seen: set[str]) -> dict[str, Any]:
    default = {"default": field["default"]} if "default" in field else {}
    return {"name": field["name"], "type": _bare(field["type"], definitions, seen)} | default


def unwrap(schema: Any) -> tuple[Any, bool]:
    """X and True for `[null, X]`; the schema itself and False for any other."""
    if isinstance(schema, list) and len(schema) == 2 and schema[0] == "null":
        return schema[1], True
    return schema, False


def shape(schema: Any, definitions: Definitions) -> tuple[str, dict[str, Any]]:
    """The type of a schema in Avro's words (record, array, string …) and the object with its attributes."""
    if isinstance(schema, str):
        if schema in PRIMITIVES:
            return schema, {}
        definition = definitions[schema]
        return definition["type"], definition
    if isinstance(schema, list):
        return "union", {}
    return schema["type"], schema


def text_bounds(attributes: dict[str, Any], namespace: str) -> tuple[int, int]:
    """Minimum and maximum bytes of a string."""
    default = CONFIG_TEXT_BYTES_MAX if namespace == CONFIG else TEXT_BYTES_MAX
    return attributes.get("minBytes", 0), attributes.get("maxBytes", default)


def number_bounds(kind: str, attributes: dict[str, Any], *, payload: bool) -> tuple[int, int]:
    """Minimum and maximum of an int or long. Outside the payload no number is negative."""
    if attributes.get("format") == "date":
        return DATE_BOUNDS
    if attributes.get("format") == "time":
        return TIME_BOUNDS
    highest = INT_MAX if kind == "int" else LONG_MAX
    return attributes.get("min", -highest - 1 if payload else 0), attributes.get("max", highest)


def reachable(name: str, definitions: Definitions) -> Iterator[str]:
    """Full names of the types that a type uses, each once, the type itself last."""
    seen: dict[str, None] = {}
    _reach(name, definitions, seen)
    yield from seen


def _reach(schema: Any, definitions: Definitions, seen: dict[str, None]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _reach(branch, definitions, seen)
    elif isinstance(schema, dict):
        _reach(schema.get("items", schema.get("values", schema["type"])), definitions, seen)
    elif schema not in PRIMITIVES and schema not in seen:
        for field in definitions[schema].get("fields", ()):
            _reach(field["type"], definitions, seen)
        seen[schema] = None
