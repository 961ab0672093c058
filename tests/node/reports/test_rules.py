"""The rules for the payload: each refuses its bad report at the path of the field."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from node.reports.rules import check, first_finding, only_codes_are_unknown
from node.reports.validate import ReportRefused
from schemas.avro import codec
from schemas.field_errors import ERRORS_MAX
from schemas.json_form import json_values
from schemas.types import IntelligenceReport, LabelKind, Reference
from tests.support.samples import changed, draft, report

GOODS = report()["entities"][1]

VERBATIM = (
    "nul \0 inside",
    "bell \x07 and escape \x1b[2J",
    "'; DROP TABLE message; --",
    '=HYPERLINK("x")',
    "right \u202eto left",
    '{"level": "info"}\n{"forged": 1}',
    "x" * 65_536,
)

# report, path, code, and a part of the message
REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (report(subjects=["ENVIRONMENTAL_CRIME", "ENVIRONMENTAL_CRIME"]), "subjects[1]", "duplicate", "twice"),
    (report(handling=["H1", "H1"]), "handling[1]", "duplicate", "twice"),
    (report(handling=["H3"]), "handling_text", "missing", "H3"),
    (report(handling=["H3"], handling_text="  "), "handling_text", "missing", "blank"),
    (changed("narrative.text", " \n"), "narrative.text", "missing", "blank"),
    (changed("narrative.language", "xx"), "narrative.language", "unknown_code", "ISO 639-1"),
    (report(legal_basis=" "), "legal_basis", "missing", "blank"),
    (changed("occurred.until", "2026-11-20T05:59:59Z"), "occurred.until", "out_of_range", "before"),
    (report(place={"latitude_microdegrees": 1}), "place.longitude_microdegrees", "missing", "latitude and longitude"),
    (report(place={"longitude_microdegrees": 1}), "place.latitude_microdegrees", "missing", "latitude and longitude"),
    (report(retain_until="2026-11-22"), "retain_until", "out_of_range", "intake"),
    (report(entities=[GOODS, GOODS], connections=[]), "entities[1].id", "duplicate", "another entity"),
    (changed("connections.0.to", 3), "connections[0].to", "unknown_entity", "no entity has the id 3"),
    (changed("connections.0.from", 3), "connections[0].from", "unknown_entity", "no entity has the id 3"),
    (changed("connections.0.role", " "), "connections[0].role", "missing", "blank"),
    (changed("entities.0.person", None), "entities[0].person", "missing", "PERSON"),
    (changed("entities.0.kind", "VESSEL"), "entities[0].person", "not_allowed", "PERSON only"),
    (changed("entities.1.kind", "VESSEL"), "entities[1].goods", "not_allowed", "GOODS only"),
    (changed("entities.0.label", ""), "entities[0].label", "missing", "blank"),
    (changed("entities.0.person.birth_date", "1990-13"), "entities[0].person.birth_date", "wrong_format", "YYYY"),
    (changed("entities.0.person.birth_date", "1990-02-30"), "entities[0].person.birth_date", "wrong_format", "YYYY"),
    (changed("entities.1.goods.type", " "), "entities[1].goods.type", "missing", "blank"),
    (changed("entities.1.goods.unit", " "), "entities[1].goods.unit", "missing", "blank"),
    (
        changed("entities.0.identifiers.0", {"scheme": "IMO", "value": "9074728"}),
        "entities[0].identifiers[0].value",
        "invalid_identifier",
        "check digit",
    ),
    (
        changed("entities.0.identifiers", [{"scheme": "PLATE", "value": "ab-1"}, {"scheme": "PLATE", "value": "AB1"}]),
        "entities[0].identifiers[1]",
        "duplicate",
        "twice",
    ),
]

# report, path and code; the schema refuses these before the rules
REFUSED_BY_SCHEMA: list[tuple[dict[str, Any], str, str]] = [
    (report(subjects=[]), "subjects", "missing"),
    (report(handling=[]), "handling", "missing"),
    (report(subjects=["LITTERING"]), "subjects[0]", "unknown_code"),
    (report(handling=["H4"]), "handling[0]", "unknown_code"),
    (report(urgency="SOON"), "urgency", "unknown_code"),
    (report(purpose="CURIOSITY"), "purpose", "unknown_code"),
    (changed("evaluation.grid", "5x5"), "evaluation.grid", "unknown_code"),
    (changed("evaluation.source", "D"), "evaluation.source", "unknown_code"),
    (changed("evaluation.information", "5"), "evaluation.information", "unknown_code"),
    (changed("place.latitude_microdegrees", 90_000_001), "place.latitude_microdegrees", "out_of_range"),
    (changed("place.longitude_microdegrees", -180_000_001), "place.longitude_microdegrees", "out_of_range"),
    (changed("place.latitude_microdegrees", 16.9), "place.latitude_microdegrees", "wrong_type"),
    (changed("entities.0.kind", "GHOST"), "entities[0].kind", "unknown_code"),
    (changed("entities.0.statement", "RUMOUR"), "entities[0].statement", "unknown_code"),
    (changed("entities.0.person.category", "BYSTANDER"), "entities[0].person.category", "unknown_code"),
    (changed("entities.0.person.category", None), "entities[0].person.category", "missing"),
    (changed("entities.0.person.under_18", "no"), "entities[0].person.under_18", "wrong_type"),
    (changed("entities.0.person.birth_date", "90"), "entities[0].person.birth_date", "wrong_format"),
    (changed("entities.0.identifiers.0.scheme", "TATTOO"), "entities[0].identifiers[0].scheme", "unknown_code"),
    (changed("entities.0.identifiers.0.country", "XX"), "entities[0].identifiers[0].country", "unknown_code"),
    (changed("entities.1.goods.quantity", "12,5"), "entities[1].goods.quantity", "wrong_format"),
    (changed("entities.1.goods.quantity", 12.5), "entities[1].goods.quantity", "wrong_type"),
    (changed("connections.0.statement", "RUMOUR"), "connections[0].statement", "unknown_code"),
    (changed("occurred.from", "2026-11-20 06:00"), "occurred.from", "wrong_format"),
    (report(retain_until="31.12.2029"), "retain_until", "wrong_format"),
    (report(colour="green"), "colour", "unknown_key"),
]


def _refused(obj: dict[str, Any]) -> dict[str, tuple[str, str]]:
    with pytest.raises(ReportRefused) as caught:
        draft(obj)
    return {error.path: (error.code, error.message) for error in caught.value.errors}


@pytest.mark.parametrize(("obj", "path", "code", "reason"), REFUSED, ids=[f"{r[1]} {r[2]}" for r in REFUSED])
def test_a_report_that_breaks_a_rule_is_refused_at_its_field(
    obj: dict[str, Any], path: str, code: str, reason: str
) -> None:
    """With one finding: its path, its code and its reason."""
    found = _refused(obj)

    assert list(found) == [path]
    assert found[path][0] == code
    assert reason in found[path][1]


@pytest.mark.parametrize(("obj", "path", "code"), REFUSED_BY_SCHEMA, ids=[f"{r[1]} {r[2]}" for r in REFUSED_BY_SCHEMA])
def test_a_report_that_breaks_the_schema_is_refused_at_its_field(obj: dict[str, Any], path: str, code: str) -> None:
    """Types, ranges, patterns and codes are checked before the rules."""
    found = _refused(obj)

    assert path in found
    assert found[path][0] == code


@pytest.mark.parametrize("language", ["en", "pt-BR", "es-419"])
def test_a_language_may_have_subtags(language: str) -> None:
    """Of BCP 47, after the code of ISO 639-1."""
    assert draft(changed("narrative.language", language)).report.narrative.language == language


@pytest.mark.parametrize("birth_date", ["1990", "1990-02", "1990-02-28"])
def test_a_birth_date_may_be_incomplete(birth_date: str) -> None:
    """A year, a month or a day."""
    accepted = draft(changed("entities.0.person.birth_date", birth_date))

    assert accepted.report.entities[0].person is not None
    assert accepted.report.entities[0].person.birth_date == birth_date


def test_units_and_roles_outside_their_lists_are_accepted() -> None:
    """Their lists are suggestions."""
    obj = changed("entities.1.goods.unit", "BUNDLES")
    obj["connections"][0]["role"] = "COOKS_FOR"

    assert check(draft(obj).report) == []


def _sent(**changes: Any) -> IntelligenceReport:
    """A report that another implementation sealed without our intake."""
    return replace(draft().report, **changes)


def _received(path: str, value: Any) -> IntelligenceReport:
    """The sample with the value at a path of the wire type, as another implementation might seal it."""
    builtins: Any = msgspec.to_builtins(draft().report, builtin_types=(bytes,))
    record = builtins
    *parents, last = path.split(".")
    for name in parents:
        record = list(record)[int(name)] if name.isdigit() else record[name]
    record[last] = value
    return msgspec.convert(builtins, IntelligenceReport, builtin_types=(bytes,))


REFERENCE = Reference(originator="GT", message_id=bytes(16))
GHOST = _received("entities.1.kind", "GHOST")  # two findings: its goods belong to no other kind

RECEIVED = [
    (_sent(kind=LabelKind.RECALL), "kind", "not_allowed"),
    (_sent(report_id="2F1C6B1E-7F0D-5A44-9A58-0C1E1F0A7D11"), "report_id", "wrong_format"),
    (_sent(report_id="not a uuid"), "report_id", "wrong_format"),
    (_sent(subjects=()), "subjects", "missing"),
    (_sent(subjects=("LITTERING",)), "subjects[0]", "unknown_code"),
    (_sent(handling=()), "handling", "missing"),
    (_sent(urgency="SOON"), "urgency", "unknown_code"),
    (_sent(purpose="CURIOSITY"), "purpose", "unknown_code"),
    (_sent(references=(REFERENCE, REFERENCE)), "references[1]", "duplicate"),
    (_received("narrative.language", "xx"), "narrative.language", "unknown_code"),
    (_received("evaluation.grid", "5x5"), "evaluation.grid", "unknown_code"),
    (_received("evaluation.source", "Z"), "evaluation.source", "unknown_code"),
    (_received("evaluation.information", "Z"), "evaluation.information", "unknown_code"),
    (_received("place.area", " "), "place.area", "missing"),
    (_received("place.text", " "), "place.text", "missing"),
    (GHOST, "entities[1].kind", "unknown_code"),
    (GHOST, "entities[1].goods", "not_allowed"),
    (_received("entities.1.statement", "RUMOUR"), "entities[1].statement", "unknown_code"),
    (_received("entities.1.goods.unit", "a\x07b"), "entities[1].goods.unit", "wrong_format"),
    (_received("entities.0.person.category", "BYSTANDER"), "entities[0].person.category", "unknown_code"),
    (_received("entities.0.person.family_name", " "), "entities[0].person.family_name", "missing"),
    (_received("entities.0.person.given_names", " "), "entities[0].person.given_names", "missing"),
    (
        _received("entities.0.identifiers.0.value", "+501 600 1234"),
        "entities[0].identifiers[0].value",
        "not_normalised",
    ),
    (_received("entities.0.identifiers.0.scheme", "TATTOO"), "entities[0].identifiers[0].scheme", "unknown_code"),
    (_received("entities.0.identifiers.0.country", "XX"), "entities[0].identifiers[0].country", "unknown_code"),
    (_received("connections.0.role", "a\nb"), "connections[0].role", "wrong_format"),
    (_received("connections.0.statement", "RUMOUR"), "connections[0].statement", "unknown_code"),
]


@pytest.mark.parametrize(("received", "path", "code"), RECEIVED, ids=[f"{r[1]} {r[2]}" for r in RECEIVED])
def test_a_recipient_refuses_what_the_intake_of_another_node_accepted(
    received: IntelligenceReport, path: str, code: str
) -> None:
    """Step 16 checks codes and forms that the decoder does not check."""
    assert (path, code) in [(error.path, error.code) for error in check(received)]


@pytest.mark.parametrize("received", [received for received, _, _ in RECEIVED if received is not GHOST])
def test_a_recipient_finds_nothing_but_what_is_wrong(received: IntelligenceReport) -> None:
    """One rule is broken, so there is one finding."""
    assert len(check(received)) == 1


LAWFUL = {
    "an event of one moment": changed("occurred.until", report()["occurred"]["from"]),
    "an event without an end": changed("occurred.until", None),
    "no place": report(place=None),
    "a 6x6 evaluation": report(evaluation={"grid": "6x6", "source": "A", "information": "6"}),
    "retention until the day of intake": report(retain_until="2026-11-23"),
    "an unknown birth date": changed("entities.0.person.birth_date", None),
}


@pytest.mark.parametrize("obj", LAWFUL.values(), ids=LAWFUL)
def test_a_report_at_the_boundary_of_a_rule_is_lawful(obj: dict[str, Any]) -> None:
    assert check(draft(obj).report) == []


def test_the_sample_passes_and_reads_back_as_it_was_handed_in() -> None:
    """No rule refuses an ordinary report."""
    accepted = draft()
    again = json_values.to_json(accepted.report)

    assert check(accepted.report) == []
    assert again["narrative"] == report()["narrative"]


@pytest.mark.parametrize("text", VERBATIM, ids=lambda text: repr(text[:20]))
@pytest.mark.parametrize("field", ["narrative.text", "legal_basis", "handling_text"])
def test_texts_keep_all_their_characters(field: str, text: str) -> None:
    """The payload has the text unchanged; programs that show it must encode it."""
    made = draft(changed(field, text))
    shown = json_values.to_json(codec.decode(IntelligenceReport, made.payload))
    name, _, inner = field.partition(".")

    assert (shown[name][inner] if inner else shown[name]) == text


REPORT = draft().report

# report -> whether a later code list could make all findings about it disappear
LATER: dict[str, tuple[IntelligenceReport, bool]] = {
    "nothing found": (REPORT, True),
    "a code of a later list": (replace(REPORT, urgency="NEW_CODE"), True),
    "two codes of later lists": (replace(REPORT, urgency="NEW_CODE", purpose="NEW_CODE"), True),
    "a language of a later list": (replace(REPORT, narrative=replace(REPORT.narrative, language="qq")), True),
    "a language tag of the wrong form": (replace(REPORT, narrative=replace(REPORT.narrative, language="e\0")), False),
    "a later code and a blank text": (replace(REPORT, urgency="NEW_CODE", legal_basis=" "), False),
    "a blank text": (replace(REPORT, legal_basis=" "), False),
}


@pytest.mark.parametrize(("lawful_later", "expected"), LATER.values(), ids=LATER)
def test_a_later_code_list_helps_only_if_codes_are_the_only_findings(
    lawful_later: IntelligenceReport, expected: bool
) -> None:
    assert only_codes_are_unknown(lawful_later, check(lawful_later)) is expected


def _many_connections(count: int, **changes: Any) -> IntelligenceReport:
    """A report in which so many connections have two ends that do not exist."""
    nowhere = replace(draft().report.connections[0], from_=10**6, to=10**6)
    return replace(draft().report, connections=(nowhere,) * count, **changes)


def test_a_report_with_thousands_of_findings_lists_as_many_as_an_answer_may_have() -> None:
    """The checks end there, in the order of the fields."""
    found = check(_many_connections(1000))

    assert len(found) == ERRORS_MAX
    assert [finding.path for finding in found[:3]] == [
        "connections[0].from",
        "connections[0].to",
        "connections[1].from",
    ]
    assert len(check(_many_connections(ERRORS_MAX // 2 - 1))) == ERRORS_MAX - 2


def test_all_findings_about_connections_share_one_list_of_the_ids() -> None:
    """The list may be long, and a report may have many findings."""
    first, *others = check(_many_connections(20))

    assert len(others) == 39
    assert all(finding.allowed is first.allowed for finding in others)


def test_an_answer_about_a_report_has_no_more_errors_than_the_limit() -> None:
    """Those of form, of references and between fields together."""
    with pytest.raises(ReportRefused) as caught:
        draft(report(refers_to=["no id"] * 90, subjects=["LITTERING"] * 90))

    assert len(caught.value.errors) == ERRORS_MAX


def test_a_recipient_gets_the_first_finding_that_is_not_an_unknown_code() -> None:
    """No later list makes it right; without it the first unknown code decides."""
    malformed = first_finding(_many_connections(5, subjects=("NEW_CODE", "NEWER_CODE")))
    unknown = first_finding(_sent(subjects=("NEW_CODE", "NEWER_CODE")))

    assert [(finding.path, finding.code) for finding in malformed] == [("connections[0].from", "unknown_entity")]
    assert [(finding.path, finding.code) for finding in unknown] == [("subjects[0]", "unknown_code")]
    assert first_finding(_sent()) == []


def test_all_findings_about_connections_name_the_ids_of_the_entities() -> None:
    found = check(_many_connections(2))

    assert {finding.allowed for finding in found} == {("1", "2")}
