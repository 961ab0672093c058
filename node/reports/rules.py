"""What a report must satisfy beyond its schema: one set of rules for intake and for the receiver's step 16.

Pure. The schema has settled names, types, sizes, ranges and patterns before; here codes are looked up and fields
compared with each other. Intake answers with the findings, a receiver quarantines (`payload_malformed`). Whether
somebody may have the report is not asked here (node/sharing/policy.py), nor whether the labels agree with it
(node/reports/labels.py).

Rules, in the order of the fields:
- a report is no RECALL; report_id is a UUID in canonical text; references name a message once
- at least one subject and one handling code, each of its list, none twice; H3 says in handling_text what is restricted
- narrative and legal basis say something; the language is ISO 639-1, BCP 47 subtags may follow
- `until` is not before `from`; a position has both coordinates; retention ends no earlier than the day of intake
- evaluation codes are those of the grid that is named
- entity ids are unique and connections join entities that exist; a PERSON has its record, nobody else has; goods belong
  to GOODS; identifiers are normalised already
- texts are kept as they came, whatever characters they hold: who shows them encodes them; short terms are printable
"""

import re
from collections.abc import Sequence
from datetime import date

from node.reports.identifiers import IdentifierError, normalise
from node.reports.labels import utc_day
from schemas import codes
from schemas.field_errors import FieldError
from schemas.types import Entity, Identifier, IntelligenceReport, LabelKind, Person, Place

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LANGUAGE = re.compile(r"([a-z]{2})(-[A-Za-z0-9]{1,8})*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BIRTH_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


def check(report: IntelligenceReport) -> list[FieldError]:
    """Every finding about `report`, with the field's path; an empty list means that it may be sent and stored."""
    found = _Findings()
    _check_frame(found, report)
    _check_content(found, report)
    ids = _check_entity_ids(found, report.entities)
    for index, entity in enumerate(report.entities):
        _check_entity(found, ("entities", index), entity)
    for index, connection in enumerate(report.connections):
        found.inside = ("connections", index)
        for end, name in ((connection.from_, "from"), (connection.to, "to")):
            if end not in ids:
                found.add(name, "unknown_entity", f"no entity has the id {end}", tuple(map(str, sorted(ids))))
        found.term("role", connection.role)
        found.code("statement", connection.statement, "statements")
    return found.errors


class _Findings:
    """Collects what is wrong; each method is one kind of check. Only a finding has its path put together."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.inside: tuple[str | int, ...] = ()
        """Where the fields are that are checked now: names, and indexes of arrays."""

    def add(self, name: str, code: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        steps = (*self.inside, name)
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
        self.errors.append(FieldError(path=path.removeprefix("."), code=code, message=message, allowed=allowed))

    def code(self, name: str, value: str, list_name: str) -> None:
        known = codes.load(list_name)
        if value not in known.codes:
            self.add(name, "unknown_code", f"{value!r} is none of {list_name} (version {known.version})", known.ordered)

    def codes(self, name: str, values: Sequence[str], list_name: str) -> None:
        """A list that names at least one code."""
        if not values:
            self.add(name, "missing", "at least one is needed", codes.load(list_name).ordered)
        for index, value in enumerate(values):
            self.code(f"{name}[{index}]", value, list_name)
        self.unique(name, values)

    def unique(self, name: str, values: Sequence[object]) -> None:
        if len(values) > 1 and len(set(values)) < len(values):
            seen: set[object] = set()
            for index, value in enumerate(values):
                if value in seen:
                    self.add(f"{name}[{index}]", "duplicate", "is named twice")
                seen.add(value)

    def text(self, name: str, value: str | None) -> None:
        """A text that is there says something."""
        if value is not None and not value.strip():
            self.add(name, "missing", "is blank")

    def term(self, name: str, value: str) -> None:
        """A text of a few printable characters."""
        self.text(name, value)
        if _CONTROLS.search(value):
            self.add(name, "wrong_format", "holds control characters")


def _check_frame(found: _Findings, report: IntelligenceReport) -> None:
    """What sender and system say around the content."""
    if report.kind is LabelKind.RECALL:
        found.add("kind", "not_allowed", "a recall has a payload of its own")
    if not _UUID.fullmatch(report.report_id):
        found.add("report_id", "wrong_format", "is a UUID in lower case, as in 2f1c6b1e-7f0d-5a44-9a58-0c1e1f0a7d11")
    found.unique("references", report.references)
    found.codes("subjects", report.subjects, "subjects")
    found.code("urgency", report.urgency, "urgency")
    found.code("purpose", report.purpose, "purposes")
    found.text("legal_basis", report.legal_basis)
    if report.retain_until < utc_day(report.created_at):
        found.add("retain_until", "out_of_range", "lies before the day of intake")
    found.codes("handling", report.handling, "handling")
    found.text("handling_text", report.handling_text)
    if "H3" in report.handling and report.handling_text is None:
        found.add("handling_text", "missing", "H3 needs the restriction in words")


def _check_content(found: _Findings, report: IntelligenceReport) -> None:
    """What happened, where, and how well it is known."""
    found.text("narrative.text", report.narrative.text)
    language = _LANGUAGE.fullmatch(report.narrative.language)
    if language is None or language[1] not in codes.load("languages").codes:
        allowed = codes.load("languages").ordered
        found.add(
            "narrative.language", "unknown_code", f"{report.narrative.language!r} is no ISO 639-1 language", allowed
        )
    if report.occurred.until is not None and report.occurred.until < report.occurred.from_:
        found.add("occurred.until", "out_of_range", "lies before occurred.from")
    if report.place is not None:
        _check_place(found, report.place)
    grid = report.evaluation.grid
    if grid not in ("4x4", "6x6"):
        found.add("evaluation.grid", "unknown_code", f"{grid!r} is no evaluation grid", ("4x4", "6x6"))
        return
    found.code("evaluation.source", report.evaluation.source, f"source_evaluation_{grid}")
    found.code("evaluation.information", report.evaluation.information, f"information_evaluation_{grid}")


def _check_place(found: _Findings, place: Place) -> None:
    latitude, longitude = place.latitude_microdegrees, place.longitude_microdegrees
    if (latitude is None) != (longitude is None):
        missing = "latitude_microdegrees" if latitude is None else "longitude_microdegrees"
        found.add(f"place.{missing}", "missing", "a position has latitude and longitude")
    found.text("place.area", place.area)
    found.text("place.text", place.text)


def _check_entity_ids(found: _Findings, entities: Sequence[Entity]) -> frozenset[int]:
    ids: set[int] = set()
    for index, entity in enumerate(entities):
        if entity.id in ids:
            found.add(f"entities[{index}].id", "duplicate", f"{entity.id} is another entity's id")
        ids.add(entity.id)
    return frozenset(ids)


def _check_entity(found: _Findings, here: tuple[str | int, ...], entity: Entity) -> None:
    found.inside = here
    found.code("kind", entity.kind, "entity_kinds")
    found.code("statement", entity.statement, "statements")
    found.text("label", entity.label)
    if entity.kind == "PERSON" and entity.person is None:
        found.add("person", "missing", "a PERSON needs its record: category, under_18, special_category")
    if entity.person is not None:
        if entity.kind != "PERSON":
            found.add("person", "not_allowed", "belongs to an entity of kind PERSON only", ("PERSON",))
        _check_person(found, entity.person)
    if entity.goods is not None:
        if entity.kind != "GOODS":
            found.add("goods", "not_allowed", "belongs to an entity of kind GOODS only", ("GOODS",))
        found.term("goods.type", entity.goods.type)
        found.term("goods.unit", entity.goods.unit)
    if entity.identifiers:
        _check_identifiers(found, here, entity.identifiers)


def _check_person(found: _Findings, person: Person) -> None:
    found.code("person.category", person.category, "categories")
    found.text("person.family_name", person.family_name)
    found.text("person.given_names", person.given_names)
    if person.birth_date is not None and not _is_birth_date(person.birth_date):
        found.add("person.birth_date", "wrong_format", "is a date of the form YYYY, YYYY-MM or YYYY-MM-DD")


def _check_identifiers(found: _Findings, here: tuple[str | int, ...], identifiers: Sequence[Identifier]) -> None:
    found.unique("identifiers", [(identifier.scheme, identifier.value) for identifier in identifiers])
    schemes = codes.load("schemes").codes
    for index, identifier in enumerate(identifiers):
        found.inside = (*here, "identifiers", index)
        if identifier.country is not None:
            found.code("country", identifier.country, "countries")
        if identifier.scheme not in schemes:
            found.code("scheme", identifier.scheme, "schemes")
            continue
        try:
            normalised = normalise(identifier.scheme, identifier.value, identifier.country)
        except IdentifierError as error:
            found.add("value", "invalid_identifier", str(error))
            continue
        if normalised != identifier.value:
            found.add("value", "not_normalised", f"should be {normalised!r}", (normalised,))


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
