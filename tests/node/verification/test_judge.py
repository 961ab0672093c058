"""Decisions of a reader that are not a numbered step of the verification."""

import pytest

from node.stages import Decision
from tests.support.readers import code_of, judge
from tests.support.records import place


@pytest.mark.parametrize("value", [None, b""], ids=["none", "empty"])
def test_a_record_without_a_value_is_refused(value: bytes | None) -> None:
    """A log may return a record without a value; on a topic that is never compacted it has no meaning."""
    found = judge().authenticate(value, place())

    assert isinstance(found, Decision)
    assert code_of(found) == "framing_invalid"
