"""A node makes progress while anything that is left becomes less; it is stalled if nothing does for a minute."""

from collections.abc import Mapping
from typing import Any

import pytest

from node.metrics.progress import STALL_SECONDS_MAX, Progress, Work


def looks(*states: Mapping[str, Any]) -> list[bool]:
    """Whether the reading was stalled at each look; a look comes a minute after the one before it."""
    progress = Progress()
    return [
        bool(progress.stalled(Work(behind=state, outgoing={}), number * STALL_SECONDS_MAX))
        for number, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("states", "stalled"),
    [
        ([{}, {}], [False, False]),
        ([{"a": 1}], [False]),
        ([{"a": 1}, {"a": 1}], [False, True]),
        ([{"a": 1}, {"a": 2}, {"a": 3}], [False, False, False]),
        ([{"a": 1, "b": 1}, {"a": 1}], [False, False]),
        ([{"a": 1}, {"a": 1, "b": 1}], [False, True]),
        ([{"a": 1, "b": 1}, {"a": 1, "b": 2}], [False, False]),
        ([{"a": 1}, {}, {"a": 1}], [False, False, False]),
        ([{"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}], [False, True, False, True]),
    ],
)
def test_the_reading_is_stalled_if_nothing_moved_for_a_minute(
    states: list[dict[str, int]], stalled: list[bool]
) -> None:
    assert looks(*states) == stalled


def test_reading_and_sending_are_judged_apart() -> None:
    progress = Progress()
    progress.stalled(Work(behind={"a": 1}, outgoing={"s": (1, 1)}), 0)

    assert progress.stalled(Work(behind={"a": 2}, outgoing={"s": (1, 1)}), 60) == {"sending_stalled": 60}
    assert progress.stalled(Work(behind={"a": 2}, outgoing={}), 120) == {"reading_stalled": 60}
