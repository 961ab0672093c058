"""Labels: what is derived from a report for the agreements."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node.limits import DAY_MS
from node.reports.labels import expires_at, labels_of, utc_day
from schemas import codes
from schemas.avro import codec
from tests.support.samples import NOW_MS, draft, report

SALT = bytes(range(32))


def _person(number: int, category: str, *, special: bool) -> dict[str, Any]:
    person = {"category": category, "under_18": False, "special_category": special}
    return {"id": number, "kind": "PERSON", "statement": "FACT", "identifiers": [], "person": person}


def test_labels_have_the_values_of_the_payload() -> None:
    """Each label of a simple report."""
    labels = labels_of(draft().report, SALT)

    assert labels.salt == SALT
    assert labels.kind == "REPORT"
    assert labels.created_at == NOW_MS
    assert labels.subjects == ("ENVIRONMENTAL_CRIME", "PROTECTED_AREA_ENCROACHMENT")
    assert labels.subject_categories == ("SUSPECT",)
    assert labels.handling == ("H0",)
    assert (labels.urgency, labels.purpose) == ("NORMAL", "INFORMATION_EXCHANGE")
    assert labels.special_category is False


@given(
    subjects=st.lists(st.sampled_from(codes.load("subjects").ordered), min_size=1, unique=True),
    handling=st.lists(st.sampled_from(["H0", "H1", "H2"]), min_size=1, unique=True),
    persons=st.lists(st.tuples(st.sampled_from(codes.load("categories").ordered), st.booleans()), max_size=5),
)
def test_labels_are_sets_that_the_codec_accepts(
    subjects: list[str], handling: list[str], persons: list[tuple[str, bool]]
) -> None:
    """The payload keeps its order; the labels have the sorted set for any order and any persons."""
    entities = [_person(number, category, special=special) for number, (category, special) in enumerate(persons, 1)]
    accepted = draft(report(subjects=subjects, handling=handling, entities=entities, connections=[])).report
    labels = labels_of(accepted, SALT)

    assert accepted.subjects == tuple(subjects)
    assert set(labels.subjects) == set(subjects)
    assert set(labels.handling) == set(handling)
    assert set(labels.subject_categories) == {category for category, _ in persons}
    assert labels.special_category == any(special for _, special in persons)
    assert codec.decode(type(labels), codec.encode(labels)) == labels


def test_a_report_expires_at_the_midnight_after_its_last_day() -> None:
    """A report retained until 31 December expires when 1 January begins, UTC."""
    accepted = draft(report(retain_until="2029-12-31")).report

    assert expires_at(accepted) % DAY_MS == 0
    assert expires_at(accepted) == 1_893_456_000_000  # 2030-01-01T00:00:00Z
    assert utc_day(expires_at(accepted) - 1) == accepted.retain_until
