"""Describes the fields of a schema in words: type, bounds, default and meaning.

The field reference (schemas/tools/reference.py) and commands that explain a configuration use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas import schema_files, types


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDoc:
    """One field."""

    path: str
    """Names from the type down, such as `node.id`; in a list `region[].id`."""

    type: str
    """The type in words, with its bounds."""

    required: bool
    default: Any
    """The default of the schema as JSON; also None if the field has no default."""

    doc: str
    secret: bool
    """Whether the value may contain a password; then it is masked when shown."""


def describe(cls: type[types.Record], namespace: str = schema_files.CONFIG) -> list[FieldDoc]:
    """All fields of a type except records; the fields of a nested record have its path as prefix."""
    return list(_fields(schema_files.current()[f"{namespace}.{cls.__name__}"], ""))


def _fields(definition: dict[str, Any], prefix: str) -> Iterator[FieldDoc]:
    definitions = schema_files.current()
    for field in definition["fields"]:
        inner, _ = schema_files.unwrap(field["type"])
        kind, attributes = schema_files.shape(inner, definitions)
        path = prefix + field["name"]
        if kind == "array":
            item_kind, attributes = schema_files.shape(attributes["items"], definitions)
            kind, path = (item_kind, f"{path}[]") if item_kind == "record" else (kind, path)
        if kind == "record":
            yield from _fields(attributes, f"{path}.")
        else:
            yield field_doc(field, definition, path)


def field_doc(field: dict[str, Any], owner: dict[str, Any], path: str) -> FieldDoc:
    """One field of the record `owner`."""
    inner, optional = schema_files.unwrap(field["type"])
    return FieldDoc(
        path=path,
        type=type_text(inner, owner),
        required=not optional and "default" not in field,
        default=field.get("default"),
        doc=field["doc"],
        secret=field.get("secret", False),
    )


def type_text(schema: Any, owner: dict[str, Any]) -> str:
    """A schema in words: `string up to 64 bytes`, `set of 1 to 150 GrantEntry`."""
    kind, attributes = schema_files.shape(schema, schema_files.current())
    if kind in schema_files.NAMED:
        return str(attributes["name"])
    if kind == "array":
        low, high = attributes.get("minItems", 0), attributes.get("maxItems", schema_files.ITEMS_MAX)
        count = f"{low:,} to {high:,}" if low else f"at most {high:,}"
        return f"{'set' if attributes.get('set') else 'list'} of {count} {type_text(attributes['items'], owner)}"
    if kind == "map":
        return f"table of {type_text(attributes['values'], owner)}"
    if kind == "boolean":
        return kind
    if kind in ("int", "long"):
        return _number(kind, attributes, owner)
    return _text(kind, attributes, owner)


def _number(kind: str, attributes: dict[str, Any], owner: dict[str, Any]) -> str:
    if "format" in attributes:
        unit = {"date": "days", "time": "milliseconds"}[attributes["format"]]
        return f"{kind}, {unit} since 1970; in JSON a {attributes['format']} as text"
    usual = schema_files.number_bounds(kind, {}, payload=owner["payload"])
    low, high = schema_files.number_bounds(kind, attributes, payload=owner["payload"])
    if (low, high) == usual:
        return kind
    return f"{kind} {low:,} to {high:,}" if high != usual[1] else f"{kind} from {low:,}"


def _text(kind: str, attributes: dict[str, Any], owner: dict[str, Any]) -> str:
    if attributes.get("format") in ("uuid", "time"):
        return "time with an offset" if attributes["format"] == "time" else "string, UUID in lower case"
    default = (0, schema_files.BYTES_MAX) if kind == "bytes" else schema_files.text_bounds({}, owner["namespace"])
    low, high = attributes.get("minBytes", default[0]), attributes.get("maxBytes", default[1])
    size = f"of {high:,}" if low == high else f"of {low:,} to {high:,}" if low else f"up to {high:,}"
    parts = [f"{kind} {size} bytes"]
    if "pattern" in attributes:
        parts.append(f"`{attributes['pattern']}`")
    parts += [
        f"{word} `{attributes[key]}`" for key, word in (("codes", "codes"), ("suggests", "as")) if key in attributes
    ]
    return ", ".join(parts)
