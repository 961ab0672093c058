"""docs/report.schema.json: it is a valid JSON Schema, passes good reports and refuses bad ones as far as it can."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.tools import reference
from tests.contract import test_contract_intake as contract
from tests.node.reports import test_rules as rules
from tests.node.reports import test_validate as intake
from tests.schemas import test_json_values as json_form
from tests.support import samples

PROJECT: Final = Path(__file__).parents[2]
PUBLISHED: Final[dict[str, Any]] = json.loads((reference.DOCS / "report.schema.json").read_text("utf-8"))
EXAMPLES: Final = sorted([*(PROJECT / "examples/reports").glob("*.json"), *(PROJECT / "demo/reports").glob("*.json")])
ACCEPTED_ID: Final = "2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11"

_FORMATS: Final = FormatChecker(["date", "uuid"])
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _is_rfc_3339(value: object) -> bool:
    """RFC 3339 by itself and not by our parser, which has limits of its own."""
    if not isinstance(value, str):
        return True
    return bool(_RFC_3339.fullmatch(value)) and bool(datetime.fromisoformat(value))


_FORMATS.checks("date-time", raises=ValueError)(_is_rfc_3339)
VALIDATOR: Final = Draft202012Validator(PUBLISHED, format_checker=_FORMATS)


def _in_intake_form(report: dict[str, Any]) -> dict[str, Any]:
    """A payload in its JSON form, without what the node fills in."""
    return {name: value for name, value in report.items() if name not in ("kind", "created_at", "references")}


def _bad_reports() -> dict[str, object]:
    """The bad reports of the other tests; the name says from which table a report comes, and what is wrong."""
    bad: dict[str, object] = {f"rule: {path} {code} ({reason})": obj for obj, path, code, reason in rules.REFUSED}
    bad |= {f"schema: {path} {code}": obj for obj, path, code in rules.REFUSED_BY_SCHEMA}
    bad |= {f"not an object: {obj!r}": obj for obj in intake.NOT_OBJECTS}
    bad |= {f"without {name}": samples.report(**{name: None}) for name in intake.MANDATORY}
    bad |= {f"filled in by the node: {name}": samples.report(**{name: "REPORT"}) for name in intake.FILLED_IN}
    bad |= {f"report_id: {text!r}": samples.report(report_id=text) for text in intake.BAD_REPORT_IDS}
    bad |= {f"region: {name!r}": samples.report() | {"region": name} for name in intake.BAD_REGIONS}
    bad |= {
        f"{path} {code} ({str(named)[:50]})": samples.report(refers_to=named)
        for named, path, code in intake.BAD_REFERENCES
    }
    bad |= {f"contract: without {path}": contract.without(path)[0] for path in contract.MANDATORY}
    bad |= {
        f"contract: unknown {name}": samples.changed(place, "xx" if name == "languages" else "XX9")
        for name, (place, _) in contract.CODED.items()
    }
    bad |= {f"contract: unknown key {place}": samples.changed(place, "x") for place, _ in contract.UNKNOWN_KEYS}
    bad |= {
        name: _in_intake_form(json_form.changed(path, value))
        for name, (path, value, _, _) in json_form.WRONG.items()
        if path != "kind"
    }
    bad["too large as a whole"] = samples.changed("narrative.text", "x" * 200_000) | {"legal_basis": "y" * 60_000}
    return bad


BAD: Final = _bad_reports()

OTHER_FIELD: Final = "JSON Schema cannot compare the value of a field with the value of another field"
OUTSIDE: Final = "the answer depends on the node: its topology, its store or its clock"

NOT_EXPRESSIBLE: Final = {
    "rule: occurred.until out_of_range (before)": OTHER_FIELD,
    "rule: entities[1].id duplicate (another entity)": "uniqueItems compares whole items, not one field of them",
    "rule: connections[0].to unknown_entity (no entity has the id 3)": OTHER_FIELD,
    "rule: connections[0].from unknown_entity (no entity has the id 3)": OTHER_FIELD,
    "rule: entities[0].identifiers[0].value invalid_identifier (check digit)": "JSON Schema cannot do arithmetic",
    "rule: entities[0].identifiers[1] duplicate (twice)": "the values are equal only after the node normalises them",
    "rule: retain_until out_of_range (intake)": OUTSIDE,
    "region: 'europe'": OUTSIDE,
    "region: 'atlantis'": OUTSIDE,
    "refers_to[0] unknown_message (['2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d12'])": OUTSIDE,
    "a fraction for a number": "JSON Schema counts 1.0 as an integer",
    "a time before the first": "the format date-time includes times before the year 1 in UTC",
    "half a surrogate pair": "JSON Schema does not look at the encoding of a string",
    "a text too long": "maxLength counts characters, and the limit is in bytes of UTF-8",
    "too large as a whole": "JSON Schema has no limit on the size of a document",
}
"""Bad reports that JSON Schema cannot refuse -> the reason."""


def test_each_listed_exception_is_a_bad_report() -> None:
    """The list names no report that does not exist."""
    assert NOT_EXPRESSIBLE.keys() <= BAD.keys()
    assert len(BAD) > 100


def test_the_published_schema_is_a_valid_schema() -> None:
    """Of draft 2020-12."""
    Draft202012Validator.check_schema(PUBLISHED)

    assert PUBLISHED["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parts[-3]} {path.stem}")
def test_a_published_report_passes(path: Path) -> None:
    """Each report of examples/ and demo/."""
    assert [error.message for error in VALIDATOR.iter_errors(json.loads(path.read_text("utf-8")))] == []


GOOD: Final[dict[str, dict[str, Any]]] = {
    "the sample": samples.report(),
    "with all that is optional": samples.report(
        report_id=ACCEPTED_ID.upper(), region="caribbean", refers_to=[f"GT:{ACCEPTED_ID}"], handling_text="in words"
    ),
    "the payload's sample": _in_intake_form(json_form.JSON),
    "H3 with words": samples.report(handling=["H3"], handling_text="in words"),
    "without a place": samples.report(place=None),
    "nothing in it": samples.report(entities=[], connections=[]),
    "an unusual unit": samples.changed("entities.1.goods.unit", "BUNDLES"),
    "an unusual role": samples.changed("connections.0.role", "COOKS_FOR"),
    **{f"language {text}": samples.changed("narrative.language", text) for text in ("en", "pt-BR", "es-419")},
    **{
        f"born {text}": samples.changed("entities.0.person.birth_date", text)
        for text in ("1990", "1990-02", "1990-02-28")
    },
    **{f"the text {text[:12]!r}": samples.changed("narrative.text", text) for text in rules.VERBATIM},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_report_that_the_node_accepts_passes(name: str) -> None:
    """The schema refuses nothing that intake accepts."""
    known = {bytes.fromhex(ACCEPTED_ID.replace("-", "")): {"GT"}}

    assert samples.draft(GOOD[name], resolve_references=known)
    assert [error.message for error in VALIDATOR.iter_errors(GOOD[name])] == []


@pytest.mark.parametrize("name", [name for name in BAD if name not in NOT_EXPRESSIBLE])
def test_a_bad_report_is_refused(name: str) -> None:
    """Each that JSON Schema can distinguish from a good one."""
    assert not VALIDATOR.is_valid(BAD[name])


@pytest.mark.parametrize("name", NOT_EXPRESSIBLE)
def test_a_bad_report_that_the_schema_cannot_refuse_passes(name: str) -> None:
    """If the schema refuses it, the entry has to leave the list."""
    assert [error.message for error in VALIDATOR.iter_errors(BAD[name])] == []
