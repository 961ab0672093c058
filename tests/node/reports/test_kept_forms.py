"""What a draft keeps of its report: labels and search terms, in a form that another version may have written."""

import msgspec
import pytest

from node.primitives import ZERO_HASH
from node.reports.kept_forms import keep_labels, keep_terms, kept_labels, kept_terms
from node.reports.labels import labels_of
from node.reports.search_terms import search_terms
from tests.support.records import report_of


def test_what_is_kept_is_what_belongs_to_the_report() -> None:
    """Sealing and reading back use it instead of the report."""
    labels, terms = labels_of(report_of(), ZERO_HASH), search_terms(report_of())

    assert kept_labels(keep_labels(labels)) == labels
    assert kept_terms(keep_terms(terms)) == terms


@pytest.mark.parametrize(
    "data", [None, b"", b"{", b"[]", b'{"report_id": "x"}', b'{"identifiers": [["PLATE", "C1"]]}', b'{"kind": "X"}']
)
def test_what_another_version_kept_is_derived_again(data: bytes | None) -> None:
    """An upgrade may change the labels, or what a message is found by."""
    assert (kept_labels(data), kept_terms(data)) == (None, None)


def test_kept_terms_are_text_that_a_person_can_read() -> None:
    """The table of drafts can be read without Enlace."""
    terms = search_terms(report_of())

    assert msgspec.json.decode(keep_terms(terms))["report_id"] == terms.report_id
