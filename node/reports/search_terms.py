"""What a stored report is found by: ids, subjects, identifiers and text. Pure."""

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
    match_keys: frozenset[tuple[str, str, str]]
    """Scheme, key (node/reports/match_keys.py), and the country that the report states, empty if it states none."""

    text: str
    """What the full-text index takes its words from; each text on a line of its own."""


def search_terms(report: IntelligenceReport) -> SearchTerms:
    """The terms of a report."""
    keys: set[tuple[str, str, str]] = set()
    texts = _texts(report)
    for entity in report.entities:
        _add_entity(texts, entity)
        for identifier in entity.identifiers:
            key = match_key(identifier.scheme, identifier.value)
            keys.add((identifier.scheme, key, identifier.country or ""))
            texts.append(identifier.value)
            if key != identifier.value:
                texts.append(key)
    return SearchTerms(
        report_id=report.report_id,
        created_at=report.created_at,
        subjects=frozenset(report.subjects),
        match_keys=frozenset(keys),
        text="\n".join(text for text in texts if text),
    )


def _texts(report: IntelligenceReport) -> list[str | None]:
    if report.place is None:
        return [report.narrative.text]
    return [report.narrative.text, report.place.text, report.place.area, report.place.locode]


def _add_entity(texts: list[str | None], entity: Entity) -> None:
    texts.append(entity.label)
    if entity.person is not None:
        texts += (entity.person.given_names, entity.person.family_name)
    if entity.goods is not None:
        texts.append(entity.goods.type)
