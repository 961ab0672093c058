"""What a reader decides that is no step of the verification by itself."""

import pytest

from node.stages import Decision
from tests.support.readers import code_of, judge
from tests.support.records import place


@pytest.mark.parametrize("value", [None, b""], ids=["none", "empty"])
def test_a_record_without_a_value_is_refused(value: bytes | None) -> None:
    """A log may hand out a record that has none: on a topic that is never compacted it means nothing."""
    found = judge().authenticate(value, place())

    assert isinstance(found, Decision)
    assert code_of(found) == "framing_invalid"
