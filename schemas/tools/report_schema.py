"""docs/report.schema.json: the JSON Schema of a report as an integrator hands it in. Pure.

It adds to the JSON form of the payload (schemas/tools/json_schema.py) the rules of node/reports/rules.py that JSON
Schema can express. The node refuses each report that this schema refuses, with one exception: the node reads `null` as
an optional field that was left out. The node may refuse a report that this schema passes;
tests/schemas/test_report_schema.py lists what JSON Schema cannot express.
"""

from typing import Any, Final

from schemas import codes, schema_files, types
from schemas.tools.json_schema import json_schema

_NIL_UUID: Final = "00000000-0000-0000-0000-000000000000"
_MESSAGE: Final = "^([A-Z][A-Z0-9]{1,15}:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_NOT_BLANK: Final = {"pattern": r"\S"}
_NO_CONTROLS: Final = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_BIRTH_DATE: Final = (
    {"pattern": "^(?!0000)[0-9]{4}$"},
    {"pattern": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])$"},
    {"format": "date"},
)


def report_schema() -> dict[str, Any]:
    """The schema: types, codes and sizes of the fields, then the rules."""
    schema = json_schema(types.IntelligenceReport, intake=True)
    fields = schema["properties"]
    fields["refers_to"] = {
        "description": "Ids of messages that this node holds; CODE:ID names the originator too.",
        "type": "array",
        "items": {"type": "string", "pattern": _MESSAGE},
        "maxItems": schema_files.ITEMS_MAX,
        "uniqueItems": True,
    }
    fields["report_id"]["not"] = {"const": _NIL_UUID}
    for name in ("subjects", "handling"):
        fields[name]["uniqueItems"] = True
    for name in ("legal_basis", "handling_text"):
        fields[name] |= _NOT_BLANK
    schema["allOf"] = [_implies({"handling": {"contains": {"const": "H3"}}}, {"required": ["handling_text"]})]
    _add_rules_of_narrative_and_place(fields)
    _add_rules_of_entity(fields["entities"]["items"])
    fields["connections"]["items"]["properties"]["role"]["allOf"] = [_NOT_BLANK, _NO_CONTROLS]
    return schema


def _implies(condition: dict[str, Any], consequence: dict[str, Any]) -> dict[str, Any]:
    """If the named fields are there and fit, the consequence holds."""
    return {"if": {"properties": condition, "required": list(condition)}, "then": consequence}


def _add_rules_of_narrative_and_place(fields: dict[str, Any]) -> None:
    narrative = fields["narrative"]["properties"]
    narrative["text"] |= _NOT_BLANK
    narrative["language"]["pattern"] = f"^({'|'.join(codes.load('languages').ordered)})(-[A-Za-z0-9]{{1,8}})*$"
    latitude, longitude = "latitude_microdegrees", "longitude_microdegrees"
    fields["place"]["dependentRequired"] = {latitude: [longitude], longitude: [latitude]}
    for name in ("area", "text"):
        fields["place"]["properties"][name] |= _NOT_BLANK


def _add_rules_of_entity(entity: dict[str, Any]) -> None:
    fields = entity["properties"]
    fields["label"] |= _NOT_BLANK
    fields["identifiers"]["uniqueItems"] = True
    entity["allOf"] = [
        _implies({"kind": {"const": "PERSON"}}, {"required": ["person"]}),
        _implies({"kind": {"not": {"const": "PERSON"}}}, {"properties": {"person": False}}),
        _implies({"kind": {"not": {"const": "GOODS"}}}, {"properties": {"goods": False}}),
    ]
    person, goods = fields["person"]["properties"], fields["goods"]["properties"]
    for name in ("family_name", "given_names"):
        person[name] |= _NOT_BLANK
    person["birth_date"]["anyOf"] = list(_BIRTH_DATE)
    for name in ("type", "unit"):
        goods[name]["allOf"] = [_NOT_BLANK, _NO_CONTROLS]
