"""Times as arguments have one form; a text that only begins like a time is an error of usage."""

import pytest

from node.answers.arguments import parse_time
from node.errors import UsageError

NOON = 1_795_435_200_000


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23t12:00:00z",
        "2026-11-23 12:00Z",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T12:00:00.000Z",
    ],
)
def test_the_forms_of_a_time_are_read(text: str) -> None:
    """`T` may be a space, and seconds may be left out."""
    assert parse_time(text, "since") == NOON
    assert parse_time("2026-11-23", "since") == NOON - 12 * 3_600_000


@pytest.mark.parametrize(
    "text",
    ["", "20261123", "1" * 5000, "2026-W48-1", "2026-11-23x12:00Z", "2026-11-23T12:00:00", "2026-02-30", "٢026-11-23"],
)
def test_another_text_is_no_time(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_time(text, "since")

    assert (error.value.code, error.value.path) == ("usage", "since")
