"""The rules for a report beyond its schema, for intake and for step 16 of the verification.

Pure. The schema has checked names, types, sizes, ranges and patterns before. This module looks up codes and compares
fields with each other, in a time that is linear in the size of the report. Intake returns the findings, up to a limit.
A recipient stops at the finding that decides: it quarantines the record as `payload_malformed`, or as
`payload_code_unknown` if nothing is wrong but that its code lists do not have a code. Who may have the report is not
decided here (node/sharing/policy.py), and labels are not compared (node/reports/labels.py).

Rules, in the order of the fields:
- The kind is not RECALL. report_id is a UUID in lower case. No reference is named twice.
- There is at least one subject and one handling code; no code is named twice. H3 needs handling_text.
- No text is blank. The language is ISO 639-1; BCP 47 subtags may follow.
- `until` is not before `from`. A position has both coordinates. retain_until is not before the day of intake.
- Evaluation codes belong to the grid that the report names.
- Entity ids are unique, and connections join entities that exist.
- An entity has a person record if and only if it is a PERSON. Only GOODS have goods. Identifiers are normalised;
  intake is stricter about them than recipients are (node/reports/wire_forms.py).
- Texts keep all their characters; programs that show them must encode them. Terms have no control characters.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from node.reports.connection_rules import check_connections, check_entity_ids
from node.reports.field_checks import EnoughFindings, FieldChecks, FirstFinding
from node.reports.identifier_text import IdentifierError
from node.reports.labels import utc_day
from node.reports.wire_forms import IdentifierForm, wire_form
from schemas import codes
from schemas.excerpts import quoted
from schemas.field_errors import FieldError
from schemas.formats import date_text, time_text
from schemas.types import Entity, Identifier, IntelligenceReport, LabelKind, Person, Place

_LANGUAGE = re.compile(r"([a-z]{2})(-[A-Za-z0-9]{1,8})*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BIRTH_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


def check(report: IntelligenceReport, identifier_form: IdentifierForm = wire_form) -> list[FieldError]:
    """At most `ERRORS_MAX` findings with the paths of their fields. Without any the report may be sent and stored.

    Intake gives its own `identifier_form`.
    """
    return _checked(FieldChecks(), report, identifier_form)


def first_finding(report: IntelligenceReport) -> list[FieldError]:
    """The finding that decides, or none: the first that is not an unknown code, or else the first unknown code."""
    return _checked(FirstFinding(), report, wire_form)


def _checked(checks: FieldChecks, report: IntelligenceReport, identifier_form: IdentifierForm) -> list[FieldError]:
    with suppress(EnoughFindings):
        _check_frame(checks, report)
        _check_content(checks, report)
        ids = check_entity_ids(checks, report.entities)
        for index, entity in enumerate(report.entities):
            _check_entity(checks, ("entities", index), entity, identifier_form)
        check_connections(checks, report.connections, ids)
    return checks.errors


def only_codes_are_unknown(report: IntelligenceReport, findings: Sequence[FieldError]) -> bool:
    """Whether a later version of the code lists could make all of `findings` disappear.

    A language tag of the wrong form is malformed, although its finding is `unknown_code`, too.
    """
    return all(finding.code == "unknown_code" for finding in findings) and (
        _LANGUAGE.fullmatch(report.narrative.language) is not None
    )


def _check_frame(checks: FieldChecks, report: IntelligenceReport) -> None:
    """The fields about the report as a whole."""
    if report.kind is LabelKind.RECALL:
        checks.add("kind", "not_allowed", "a recall has another payload type")
    if not _UUID.fullmatch(report.report_id):
        form = "must be a UUID in lower case, such as 2f1c6b1e-7f0d-5a44-9a58-0c1e1f0a7d11"
        checks.add("report_id", "wrong_format", form)
    checks.unique("references", report.references)
    checks.codes("subjects", report.subjects, "subjects")
    checks.code("urgency", report.urgency, "urgency")
    checks.code("purpose", report.purpose, "purposes")
    checks.text("legal_basis", report.legal_basis)
    if report.retain_until < utc_day(report.created_at):
        days = f"{date_text(report.retain_until)} is before the day of intake, {date_text(utc_day(report.created_at))}"
        checks.add("retain_until", "out_of_range", days)
    checks.codes("handling", report.handling, "handling")
    checks.text("handling_text", report.handling_text)
    if "H3" in report.handling and report.handling_text is None:
        checks.add("handling_text", "missing", "is mandatory with H3")


def _check_content(checks: FieldChecks, report: IntelligenceReport) -> None:
    """Narrative, time, place and evaluation."""
    checks.text("narrative.text", report.narrative.text)
    language = _LANGUAGE.fullmatch(report.narrative.language)
    if language is None or language[1] not in codes.load("languages").codes:
        allowed = codes.load("languages").ordered
        checks.add(
            "narrative.language",
            "unknown_code",
            f"{quoted(report.narrative.language)} is not an ISO 639-1 language",
            allowed,
        )
    if report.occurred.until is not None and report.occurred.until < report.occurred.from_:
        times = f"{time_text(report.occurred.until)} is before occurred.from, {time_text(report.occurred.from_)}"
        checks.add("occurred.until", "out_of_range", times)
    if report.place is not None:
        _check_place(checks, report.place)
    grid = report.evaluation.grid
    if grid not in ("4x4", "6x6"):
        checks.add("evaluation.grid", "unknown_code", f"{quoted(grid)} is not an evaluation grid", ("4x4", "6x6"))
        return
    checks.code("evaluation.source", report.evaluation.source, f"source_evaluation_{grid}")
    checks.code("evaluation.information", report.evaluation.information, f"information_evaluation_{grid}")


def _check_place(checks: FieldChecks, place: Place) -> None:
    latitude, longitude = place.latitude_microdegrees, place.longitude_microdegrees
    if (latitude is None) != (longitude is None):
        missing = "latitude_microdegrees" if latitude is None else "longitude_microdegrees"
        checks.add(f"place.{missing}", "missing", "a position needs latitude and longitude")
    checks.text("place.area", place.area)
    checks.text("place.text", place.text)


def _check_entity(
    checks: FieldChecks, here: tuple[str | int, ...], entity: Entity, identifier_form: IdentifierForm
) -> None:
    checks.inside = here
    checks.code("kind", entity.kind, "entity_kinds")
    checks.code("statement", entity.statement, "statements")
    checks.text("label", entity.label)
    if entity.kind == "PERSON" and entity.person is None:
        checks.add("person", "missing", "a PERSON needs a person record with category, under_18 and special_category")
    if entity.person is not None:
        if entity.kind != "PERSON":
            checks.add("person", "not_allowed", "is allowed for an entity of kind PERSON only", ("PERSON",))
        _check_person(checks, entity.person)
    if entity.goods is not None:
        if entity.kind != "GOODS":
            checks.add("goods", "not_allowed", "is allowed for an entity of kind GOODS only", ("GOODS",))
        checks.term("goods.type", entity.goods.type)
        checks.term("goods.unit", entity.goods.unit)
    if entity.identifiers:
        _check_identifiers(checks, here, entity.identifiers, identifier_form)


def _check_person(checks: FieldChecks, person: Person) -> None:
    checks.code("person.category", person.category, "categories")
    checks.text("person.family_name", person.family_name)
    checks.text("person.given_names", person.given_names)
    if person.birth_date is not None and not _is_birth_date(person.birth_date):
        form = f"must be a date of the form YYYY, YYYY-MM or YYYY-MM-DD, not {quoted(person.birth_date)}"
        checks.add("person.birth_date", "wrong_format", form)


def _check_identifiers(
    checks: FieldChecks,
    here: tuple[str | int, ...],
    identifiers: Sequence[Identifier],
    identifier_form: IdentifierForm,
) -> None:
    checks.unique("identifiers", [(identifier.scheme, identifier.value) for identifier in identifiers])
    schemes = codes.load("schemes").codes
    for index, identifier in enumerate(identifiers):
        checks.inside = (*here, "identifiers", index)
        if identifier.country is not None:
            checks.code("country", identifier.country, "countries")
        if identifier.scheme not in schemes:
            checks.code("scheme", identifier.scheme, "schemes")
            continue
        try:
            normalised = identifier_form(identifier.scheme, identifier.value, identifier.country)
        except IdentifierError as error:
            checks.add("value", "invalid_identifier", str(error))
            continue
        if normalised != identifier.value:
            checks.add("value", "not_normalised", f"must be {normalised!r}", (normalised,))


def _is_birth_date(text: str) -> bool:
    match = _BIRTH_DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) if part else 1 for part in match.groups())
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
