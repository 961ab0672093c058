"""The rules of ageing: time passes only as far as others have signed it, and a grant is settled once all is read."""

import pytest

from node.limits import DAY_MS
from node.retention.age_rules import GRANTS_KEPT_MS, StreamRead, settled_before, trusted_time

NOW = 1_000 * DAY_MS


@pytest.mark.parametrize(
    ("clock", "newest", "time"),
    [
        (NOW, {"BZ": NOW, "MX": NOW - 5}, NOW),
        (NOW, {"BZ": NOW, "MX": NOW - 9 * DAY_MS, "ES": NOW - 2 * DAY_MS}, NOW - DAY_MS),
        (NOW + 3650 * DAY_MS, {"BZ": NOW, "MX": NOW}, NOW + DAY_MS),
        (NOW, {"BZ": NOW + 3650 * DAY_MS, "MX": NOW + 3650 * DAY_MS}, NOW),
        (NOW, {"BZ": NOW + 3650 * DAY_MS, "MX": NOW - 7 * DAY_MS}, NOW - 6 * DAY_MS),
        (NOW, {"BZ": NOW - 7 * DAY_MS}, NOW - 6 * DAY_MS),
        (NOW, {}, 0),
    ],
    ids=["now", "the second newest", "own clock ahead", "others ahead", "one ahead", "one other", "no other"],
)
def test_time_passes_as_far_as_the_own_clock_and_two_others_agree(
    clock: int, newest: dict[str, int], time: int
) -> None:
    assert trusted_time(clock, newest) == time


def read(sealed_at: int, *, at_end: bool = False) -> StreamRead:
    return StreamRead(sealed_at=sealed_at, at_end=at_end)


@pytest.mark.parametrize(
    ("streams", "until"),
    [
        ([read(NOW - 3, at_end=True), read(0, at_end=True)], NOW),
        ([read(NOW - 3, at_end=True), read(NOW - 500)], NOW - 500),
        ([read(NOW - 3, at_end=True), read(0)], 0),
        ([read(NOW + 77)], NOW),
        ([], NOW),
    ],
    ids=["all read", "one behind", "one not begun", "sealed in the future", "no stream"],
)
def test_grants_are_settled_up_to_the_stream_that_is_furthest_behind(streams: list[StreamRead], until: int) -> None:
    assert settled_before(streams, NOW) == until - GRANTS_KEPT_MS
