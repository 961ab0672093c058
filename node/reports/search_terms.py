"""What a stored report is found by: ids, subjects, identifiers and text. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from node.reports.match_keys import match_key
from schemas.types import Entity, IntelligenceReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTerms:
    """What the indexes of the store hold about one message, for any type of payload.

    A field whose meaning changes gets another name: drafts keep terms in this form (node/reports/kept_forms.py).
    """

    report_id: str
    created_at: int
    subjects: frozenset[str]
    identifier_keys: frozenset[tuple[str, str, str]]
    """Scheme, key (node/reports/match_keys.py), and the country that the report states, empty if it states none."""

    text: str
    """What the full-text index takes its words from; each text on a line of its own."""


def search_terms(report: IntelligenceReport) -> SearchTerms:
    """The terms of a report."""
    return SearchTerms(
        report_id=report.report_id,
        created_at=report.created_at,
        subjects=frozenset(report.subjects),
        identifier_keys=frozenset(
            (identifier.scheme, match_key(identifier.scheme, identifier.value), identifier.country or "")
            for entity in report.entities
            for identifier in entity.identifiers
        ),
        text="\n".join(_texts(report)),
    )


def _texts(report: IntelligenceReport) -> Iterable[str]:
    yield report.narrative.text
    if report.place is not None:
        yield from (text for text in (report.place.text, report.place.area, report.place.locode) if text)
    for entity in report.entities:
        yield from _texts_of_entity(entity)


def _texts_of_entity(entity: Entity) -> Iterable[str]:
    if entity.label:
        yield entity.label
    if entity.person is not None:
        yield from (name for name in (entity.person.given_names, entity.person.family_name) if name)
    if entity.goods is not None:
        yield entity.goods.type
    for identifier in entity.identifiers:
        yield from dict.fromkeys((identifier.value, match_key(identifier.scheme, identifier.value)))
