"""schemas/tools/lint.py: a case for each thing that the wire format forbids in a schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import schema_files
from schemas.tools import lint

HASH = {"type": "fixed", "namespace": "enlace.v1", "name": "Hash", "size": 4, "doc": "Hash.", "payload": False}


def definitions(field: dict[str, Any], *others: dict[str, Any], **record: Any) -> dict[str, dict[str, Any]]:
    """A record `Case` with one field, and other types."""
    case = {
        "type": "record",
        "namespace": "enlace.v1",
        "name": "Case",
        "doc": "A case.",
        "payload": False,
        "fields": [{"name": "field", "doc": "A field."} | field],
    } | record
    return {f"{made['namespace']}.{made['name']}": made for made in (case, HASH, *others)}


def other(name: str, **attributes: Any) -> dict[str, Any]:
    """Another type."""
    return {"namespace": "enlace.v1", "name": name, "doc": "Another.", "payload": False} | attributes


def array(items: Any, **attributes: Any) -> dict[str, Any]:
    """A field that is an array."""
    return {"type": {"type": "array", "set": True, "items": items} | attributes}


EMPTY = other("Empty", type="record", fields=[])
BOXED = other("Boxed", type="record", fields=[{"name": "empty", "doc": "E.", "type": "enlace.v1.Empty"}])
NIL = other("Nil", type="fixed", size=0)

FORBIDDEN: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
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
    "an array of null": (definitions(array("null")), "without bytes"),
    "an array of empty records": (definitions(array("enlace.v1.Empty"), EMPTY), "without bytes"),
    "an array of records of empty records": (definitions(array("enlace.v1.Boxed"), EMPTY, BOXED), "without bytes"),
    "an array of fixed(0)": (definitions(array("enlace.v1.Nil"), NIL), "without bytes"),
    "fixed(0)": (definitions({"type": "enlace.v1.Nil"}, NIL), "has no bytes"),
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
        "has no symbols, or a duplicate",
    ),
    "[null, X] without a default": (definitions({"type": ["null", "int"]}), "[null, X] must have the default null"),
    "a default in a signed part": (definitions({"type": "int", "default": 0}), "a default other than null"),
    "an array outside the payload that is not a set": (
        definitions({"type": {"type": "array", "items": {"type": "string"}}}),
        "an array outside the payload must be a set",
    ),
    "an array of a payload that is a set": (definitions(array({"type": "string"}), payload=True), "must not be a set"),
    "a type that is not defined": (definitions({"type": "enlace.v1.Nowhere"}), "enlace.v1.Nowhere is unknown"),
    "items that are not defined": (definitions(array("enlace.v1.Nowhere")), "enlace.v1.Nowhere is unknown"),
    "an attribute with a typing error": (
        definitions({"type": {"type": "string", "maxbytes": 3}}),
        "attribute maxbytes is forbidden or unknown",
    ),
    "a code list that does not exist": (
        definitions({"type": {"type": "string", "codes": "colours"}}),
        "colours is not a code list",
    ),
    "a code list by a field that does not exist": (
        definitions({"type": {"type": "string", "codes": "source_evaluation_{grille}"}}),
        "is not a code list",
    ),
    "a type without a doc": (definitions({"type": "int"}, doc=""), "has no doc"),
    "a field without a doc": (definitions({"type": "int", "doc": ""}), "has no doc"),
    "a type in lower case": (definitions({"type": "int"}, name="case"), "a type name must be in CamelCase"),
    "a field in camel case": (definitions({"type": "int", "name": "someField"}), "a field name must be in snake_case"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_wire_format_forbids_is_found(name: str) -> None:
    """One finding for each rule, with the type."""
    made, expected = FORBIDDEN[name]

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
    """The same record without an error has no finding."""
    assert lint.check(definitions(field)) == []


@pytest.mark.parametrize("namespace", [lint.WIRE, schema_files.CONFIG])
def test_the_current_schemas_pass(namespace: str) -> None:
    """The schemas of the wire, and of the files that people write."""
    assert lint.check(schema_files.current(), namespace) == []


def test_released_schemas_pass() -> None:
    """A released schema is still valid."""
    assert [lint.check(released) for released in schema_files.released().values()] == [[]] * len(
        schema_files.released()
    )


def test_a_type_is_in_the_folder_of_its_namespace() -> None:
    """And there are two namespaces only."""
    for folder, namespace in (("wire", lint.WIRE), ("config", schema_files.CONFIG)):
        assert {d["namespace"] for d in schema_files.load(schema_files.AVSC / folder).values()} == {namespace}


def test_a_file_has_the_name_of_its_type_and_no_other_file_defines_it(tmp_path: Path) -> None:
    """So that the name of a type leads to its file."""
    schema = {"type": "fixed", "namespace": "enlace.v1", "name": "Hash", "size": 4, "doc": "Hash."}
    (tmp_path / "Hsah.avsc").write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(ValueError, match="a file must have the name of its type"):
        schema_files.load(tmp_path)

    (tmp_path / "Hsah.avsc").rename(tmp_path / "Hash.avsc")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "Hash.avsc").write_text(json.dumps(schema), encoding="utf-8")
    with pytest.raises(ValueError, match="defined twice"):
        schema_files.load(tmp_path)
