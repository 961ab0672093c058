"""schemas/tools/lint.py: what the wire format forbids is refused in a schema, one case for each rule."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import schema_files
from schemas.tools import lint

HASH = {"type": "fixed", "namespace": "enlace.v1", "name": "Hash", "size": 4, "doc": "Hash.", "payload": False}


def definitions(field: dict[str, Any], *others: dict[str, Any], **record: Any) -> dict[str, dict[str, Any]]:
    """A record `Case` of one field, and other types."""
    case = {
        "type": "record",
        "namespace": "enlace.v1",
        "name": "Case",
        "doc": "A case.",
        "payload": False,
        "fields": [{"name": "field", "doc": "A field."} | field],
    } | record
    return {f"{each['namespace']}.{each['name']}": each for each in (case, HASH, *others)}


def other(name: str, **attributes: Any) -> dict[str, Any]:
    """Another type."""
    return {"namespace": "enlace.v1", "name": name, "doc": "Another.", "payload": False} | attributes


def array(items: Any, **attributes: Any) -> dict[str, Any]:
    """A field that is an array."""
    return {"type": {"type": "array", "set": True, "items": items} | attributes}


EMPTY = other("Empty", type="record", fields=[])
BOXED = other("Boxed", type="record", fields=[{"name": "empty", "doc": "E.", "type": "enlace.v1.Empty"}])
NIL = other("Nil", type="fixed", size=0)

UNLAWFUL: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "a record within itself": (
        definitions({"type": ["null", "enlace.v1.Case"], "default": None}),
        "is recursive",
    ),
    "a record within itself by an array": (definitions(array("enlace.v1.Case")), "is recursive"),
    "a record within itself by another": (
        definitions(
            {"type": "enlace.v1.Other"},
            other("Other", type="record", fields=[{"name": "back", "doc": "B.", "type": "enlace.v1.Case"}]),
        ),
        "is recursive",
    ),
    "an array of null": (definitions(array("null")), "take no bytes"),
    "an array of empty records": (definitions(array("enlace.v1.Empty"), EMPTY), "take no bytes"),
    "an array of records of empty records": (definitions(array("enlace.v1.Boxed"), EMPTY, BOXED), "take no bytes"),
    "an array of fixed(0)": (definitions(array("enlace.v1.Nil"), NIL), "take no bytes"),
    "fixed(0)": (definitions({"type": "enlace.v1.Nil"}, NIL), "takes no bytes"),
    "a map": (definitions({"type": {"type": "map", "values": {"type": "string"}}}), "map is forbidden"),
    "an array of maps": (definitions(array({"type": "map", "values": {"type": "int"}})), "map is forbidden"),
    "a map in a payload": (
        definitions({"type": {"type": "map", "values": {"type": "string"}}}, payload=True),
        "map is forbidden",
    ),
    "a union of two records": (
        definitions({"type": ["enlace.v1.Hash", "enlace.v1.Empty"]}, EMPTY),
        "a union other than [null, X]",
    ),
    "a union of three": (definitions({"type": ["null", "int", "string"]}), "a union other than [null, X]"),
    "a union with null last": (definitions({"type": ["int", "null"]}), "a union other than [null, X]"),
    "a union in a union": (definitions({"type": ["null", ["null", "int"]], "default": None}), "a union other"),
    "an array of unions": (definitions(array(["null", "int"])), "a union other than [null, X]"),
    "null alone": (definitions({"type": "null"}), "null is forbidden"),
    "a float": (definitions({"type": "float"}), "float is forbidden"),
    "a double in an array": (definitions(array("double")), "double is forbidden"),
    "a decimal": (
        definitions({"type": {"type": "bytes", "logicalType": "decimal", "precision": 9}}),
        "attribute logicalType is forbidden",
    ),
    "a timestamp": (definitions({"type": {"type": "long", "logicalType": "timestamp-millis"}}), "logicalType"),
    "a logical date": (definitions({"type": {"type": "int", "logicalType": "date"}}), "logicalType"),
    "a logical time": (definitions({"type": {"type": "long", "logicalType": "time-micros"}}), "logicalType"),
    "a logical UUID": (definitions({"type": {"type": "string", "logicalType": "uuid"}}), "logicalType"),
    "an alias of a type": (definitions({"type": "int"}, aliases=["Old"]), "attribute aliases is forbidden"),
    "an alias of a field": (definitions({"type": "int", "aliases": ["old"]}), "attribute aliases is forbidden"),
    "an enum with a default": (
        definitions({"type": "enlace.v1.Kind"}, other("Kind", type="enum", symbols=["A"], default="A")),
        "attribute default is forbidden",
    ),
    "an enum without symbols": (definitions({"type": "int"}, other("Kind", type="enum", symbols=[])), "has no symbols"),
    "an enum with a symbol twice": (
        definitions({"type": "int"}, other("Kind", type="enum", symbols=["A", "A"])),
        "has no symbols, or one twice",
    ),
    "[null, X] without a default": (definitions({"type": ["null", "int"]}), "[null, X] has the default null"),
    "a default in a signed part": (definitions({"type": "int", "default": 0}), "a default other than null"),
    "an array outside the payload that is no set": (
        definitions({"type": {"type": "array", "items": {"type": "string"}}}),
        "an array outside the payload is a set",
    ),
    "an array of a payload that is a set": (definitions(array({"type": "string"}), payload=True), "is no set"),
    "a type that is not defined": (definitions({"type": "enlace.v1.Nowhere"}), "enlace.v1.Nowhere is not known"),
    "items that are not defined": (definitions(array("enlace.v1.Nowhere")), "enlace.v1.Nowhere is not known"),
    "an attribute with a slip of the pen": (
        definitions({"type": {"type": "string", "maxbytes": 3}}),
        "attribute maxbytes is forbidden or not known",
    ),
    "a code list that does not exist": (
        definitions({"type": {"type": "string", "codes": "colours"}}),
        "colours is no code list",
    ),
    "a code list by a field that does not exist": (
        definitions({"type": {"type": "string", "codes": "source_evaluation_{grille}"}}),
        "is no code list",
    ),
    "a type without a doc": (definitions({"type": "int"}, doc=""), "has no doc"),
    "a field without a doc": (definitions({"type": "int", "doc": ""}), "has no doc"),
    "a type in lower case": (definitions({"type": "int"}, name="case"), "types are called like ThisOne"),
    "a field in camel case": (definitions({"type": "int", "name": "someField"}), "fields are called like_this"),
}


@pytest.mark.parametrize("name", UNLAWFUL)
def test_what_the_wire_format_forbids_is_found(name: str) -> None:
    """One finding for each rule, with the type."""
    made, expected = UNLAWFUL[name]

    findings = lint.check(made)

    assert any(expected in finding for finding in findings), findings


@pytest.mark.parametrize(
    "field",
    [
        {"type": "int"},
        {"type": ["null", "enlace.v1.Hash"], "default": None},
        array("enlace.v1.Hash", maxItems=3),
        {"type": {"type": "string", "codes": "subjects"}},
    ],
    ids=["a number", "an optional type", "a set", "a code"],
)
def test_what_the_wire_format_allows_passes(field: dict[str, Any]) -> None:
    """The same record with nothing wrong in it: a lint that finds fault with all would prove nothing."""
    assert lint.check(definitions(field)) == []


@pytest.mark.parametrize("namespace", [lint.WIRE, schema_files.CONFIG])
def test_the_current_schemas_pass(namespace: str) -> None:
    """Those of the wire, and those of files that people write."""
    assert lint.check(schema_files.current(), namespace) == []


def test_released_schemas_pass() -> None:
    """What was lawful when it was released still is."""
    assert [lint.check(released) for released in schema_files.released().values()] == [[]] * len(
        schema_files.released()
    )


def test_a_type_stands_in_the_folder_of_its_namespace() -> None:
    """And there are no namespaces but those two."""
    for folder, namespace in (("wire", lint.WIRE), ("config", schema_files.CONFIG)):
        assert {d["namespace"] for d in schema_files.load(schema_files.AVSC / folder).values()} == {namespace}


def test_a_file_is_called_like_its_type_and_defines_it_alone(tmp_path: Path) -> None:
    """So that a name is found, and found once."""
    schema = {"type": "fixed", "namespace": "enlace.v1", "name": "Hash", "size": 4, "doc": "Hash."}
    (tmp_path / "Hsah.avsc").write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(ValueError, match="a file is called like the type"):
        schema_files.load(tmp_path)

    (tmp_path / "Hsah.avsc").rename(tmp_path / "Hash.avsc")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "Hash.avsc").write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(ValueError, match="defined twice"):
        schema_files.load(tmp_path)
