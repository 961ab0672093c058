"""The fields of a report that a mapping can fill, from the schema: path -> form of the JSON value.

Pure. It leaves out the fields that the node fills and those with a section of their own: [occurred], [[entity]] and
[[connection]].
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from schemas import codes, schema_files

_REPORT: Final = "enlace.v1.IntelligenceReport"
_ENTITY: Final = "enlace.v1.Entity"
_NOT_FIELDS: Final = frozenset({"report_id", "occurred", "entities", "connections"})  # key, [occurred], [[entity]] ...
_NOT_ENTITY_FIELDS: Final = frozenset({"id", "kind", "statement", "identifiers"})
_DECIMAL: Final = r"[0-9]{1,18}(\.[0-9]{1,12})?"  # the pattern of a decimal as text
IDENTIFIERS: Final = "identifiers"


class Form(StrEnum):
    """The form of the JSON value at a path."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    """A text that is a decimal, such as 12.5."""
    FLAG = "flag"
    LIST = "list"
    IDENTIFIER = "identifier"


@cache
def report_targets() -> Mapping[str, Form]:
    """Paths that [[field]] can name."""
    return MappingProxyType(_fields(_REPORT, _NOT_FIELDS))


@cache
def entity_targets() -> Mapping[str, Form]:
    """Paths that [[entity.field]] can name; the path of an identifier ends in its scheme."""
    schemes = {f"{IDENTIFIERS}.{scheme}": Form.IDENTIFIER for scheme in codes.load("schemes").ordered}
    return MappingProxyType(_fields(_ENTITY, _NOT_ENTITY_FIELDS) | schemes)


def _fields(name: str, without: frozenset[str], prefix: str = "") -> dict[str, Form]:
    forms: dict[str, Form] = {}
    for field in schema_files.current()[name]["fields"]:
        if field["name"] in without or field.get("intake") == "filled":
            continue
        schema, _ = schema_files.unwrap(field["type"])
        path = f"{prefix}{field['name']}"
        kind, attributes = schema_files.shape(schema, schema_files.current())
        if kind == "record":
            forms |= _fields(f"{attributes['namespace']}.{attributes['name']}", frozenset(), f"{path}.")
        else:
            forms[path] = _form(kind, attributes)
    return forms


def _form(kind: str, attributes: Mapping[str, Any]) -> Form:
    if kind == "array":
        return Form.LIST
    if kind == "boolean":
        return Form.FLAG
    if attributes.get("pattern") == _DECIMAL:
        return Form.DECIMAL
    return Form.NUMBER if kind in ("int", "long") and "format" not in attributes else Form.TEXT
