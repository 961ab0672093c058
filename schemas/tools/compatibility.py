"""Compares the current schemas with each released version in both directions (FULL_TRANSITIVE).

A node must read evidence that is ten years old, and a node that was not upgraded must read a node that was.
Rules:
- A released type stays, with its namespace, name and kind.
- Outside the payload no field changes: a fingerprint pins the signed parts, so a change needs a new type.
- A payload record may gain a field with a default (new reads old) and lose a field with a default (old reads new). The
  order of fields may change: readers use names.
- The type of a field does not change. Promotions (int to long) and optional types are compatible in one direction only.
- The symbols of an enum and the size of a fixed type do not change.
- Bounds do not change: a strict reader on one side would refuse what the other side may write.
- Documentation and the names of code lists may change; code lists have versions of their own.
- A version of a code list is released with a copy of its content. A later version keeps every code and its meaning.
"""

from collections.abc import Iterator
from typing import Any, Final

from schemas import codes, schema_files

_BINDING: Final = ("minBytes", "maxBytes", "pattern", "format", "min", "max", "minItems", "maxItems", "set", "unique")


def check(old: schema_files.Definitions, new: schema_files.Definitions) -> list[str]:
    """The incompatible changes between two versions; empty if each version reads what the other writes."""
    return [
        f"{name}: {finding}"
        for name in old
        for finding in (_definition(old[name], new[name], old, new) if name in new else ["was released and is missing"])
    ]


def check_released() -> list[str]:
    """The incompatible changes between the current schemas and the released versions."""
    current = schema_files.current()
    return [
        f"version {number}: {text}" for number, old in schema_files.released().items() for text in check(old, current)
    ]


def check_code_lists() -> list[str]:
    """What breaks between the current code lists and any released version of them."""
    now = {name: codes.load(name) for name in codes.names()}
    released = codes.released()
    bound = {(old.name, old.version) for old in released}
    return [
        *(f"{old.name}: {text}" for old in released for text in check_code_list(old, now.get(old.name))),
        *(
            f"{name}: version {new.version} has no copy in schemas/released"
            for name, new in now.items()
            if (name, new.version) not in bound
        ),
    ]


def check_code_list(old: codes.CodeList, new: codes.CodeList | None) -> list[str]:
    """What breaks between a released version of a code list and a later one; `new` is None if the list is gone."""
    if new is None:
        return ["was released and is gone"]
    findings = [f"lost the code {code}" for code in old.ordered if code not in new.codes]
    findings += [
        f"changed the meaning of {code}"
        for code, text in old.texts.items()
        if code in new.codes and new.texts[code] != text
    ]
    if not findings and old.version == new.version and old != new:
        findings.append(f"changed and still is version {new.version}")
    return findings


def _definition(
    old: dict[str, Any], new: dict[str, Any], olds: schema_files.Definitions, news: schema_files.Definitions
) -> Iterator[str]:
    if old["type"] != new["type"]:
        yield f"was {old['type']} and is {new['type']}"
    elif old["payload"] != new["payload"]:
        yield "moved into or out of the payload"
    else:
        yield from _bounds(old, new)
        if old["type"] == "record":
            yield from _record(old, new, olds, news)
        elif old["type"] == "fixed" and old["size"] != new["size"]:
            yield "changed its size"
        elif old["type"] == "enum":
            yield from _enum(old["symbols"], new["symbols"], pinned=not old["payload"])


def _enum(old: list[str], new: list[str], *, pinned: bool) -> Iterator[str]:
    if set(new) - set(old):
        yield "gained a symbol: an old reader cannot read it"
    if set(old) - set(new):
        yield "lost a symbol: a new reader cannot read old values"
    if set(old) == set(new) and old != new and pinned:
        yield "changed the order of its symbols, and with it the fingerprint"


def _record(
    old: dict[str, Any], new: dict[str, Any], olds: schema_files.Definitions, news: schema_files.Definitions
) -> Iterator[str]:
    old_fields = {field["name"]: field for field in old["fields"]}
    new_fields = {field["name"]: field for field in new["fields"]}
    if not old["payload"] and list(old_fields) != list(new_fields):
        yield "is a signed part: its fields must not change"
        return
    for name, field in new_fields.items():
        if name not in old_fields and "default" not in field:
            yield f"{name}: is new and has no default: a new reader cannot read old values"
    for name, field in old_fields.items():
        if name in new_fields:
            yield from (f"{name}: {text}" for text in _type(field["type"], new_fields[name]["type"], olds, news))
        elif "default" not in field:
            yield f"{name}: is missing and had no default: an old reader cannot read new values"
        if name in new_fields and ("default" in field) != ("default" in new_fields[name]):
            yield f"{name}: gained or lost its default"


def _type(old: Any, new: Any, olds: schema_files.Definitions, news: schema_files.Definitions) -> Iterator[str]:
    (old, old_optional), (new, new_optional) = schema_files.unwrap(old), schema_files.unwrap(new)
    if old_optional != new_optional:
        yield "became optional or mandatory"
        return
    old_kind, old_attributes = schema_files.shape(old, olds)
    new_kind, new_attributes = schema_files.shape(new, news)
    if old_kind != new_kind:
        yield f"was {old_kind} and is {new_kind}"
    elif old_kind in schema_files.NAMED:
        if old != new:
            yield f"was {old} and is {new}"
    else:
        yield from _bounds(old_attributes, new_attributes)
        if old_kind == "array":
            yield from _type(old_attributes["items"], new_attributes["items"], olds, news)


def _bounds(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for key in _BINDING:
        if old.get(key) != new.get(key):
            yield f"{key} was {old.get(key)} and is {new.get(key)}"
