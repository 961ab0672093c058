"""What a report is found by, and how it is kept until the report is stored."""

import msgspec
import pytest

from node.reports.search_terms import decoded, encoded, search_terms
from tests.support.records import report_of


def test_kept_terms_are_the_terms_of_the_report() -> None:
    """A draft keeps them until it is read back from the log."""
    terms = search_terms(report_of())

    assert decoded(encoded(terms)) == terms


@pytest.mark.parametrize("data", [b"", b"{", b'{"report_id": "x"}', b'{"identifiers": [["PLATE", "C1"]]}'])
def test_terms_of_another_version_are_derived_again(data: bytes) -> None:
    """An upgrade between sealing and reading back may change what a message is found by."""
    assert decoded(data) is None


def test_kept_terms_are_text_that_a_person_can_read() -> None:
    """Nobody needs Enlace to see what the table of drafts holds."""
    terms = search_terms(report_of())

    assert msgspec.json.decode(encoded(terms))["report_id"] == terms.report_id
