"""What becomes of values that have more than one place in an answer."""

import pytest

from node.commands.plain_json import presentable
from schemas.formats import time_text


@pytest.mark.parametrize("ms", [1_767_312_000_000, 1_767_312_000_001])
def test_a_time_beside_a_report_is_written_as_inside_it(ms: int) -> None:
    """A full second too: whoever compares the texts finds them equal."""
    assert presentable({"created_at": ms, "report": {"created_at": time_text(ms)}}) == {
        "created_at": time_text(ms),
        "report": {"created_at": time_text(ms)},
    }
