"""The missing sequences of a stream, computed from the links of its chain alone."""

import pytest

from node.verification.chain import Link
from node.verification.gaps import Gap, open_gaps


def link(first: int, size: int, arrived: int, *, linked: bool = True) -> Link:
    """A batch of `size` leaves; bit i of `arrived` is set if leaf i is here."""
    return Link(
        first=first,
        size=size,
        hash=bytes([first]) * 32,
        previous=bytes(32),
        sealed_at=0,
        arrived=arrived,
        linked=linked,
    )


GAPS = {
    "a missing leaf and a missing batch behind it are one gap": (
        [(link(1, 2, 0b01), 1), (link(4, 1, 0b1, linked=False), 3)],
        [Gap(first=2, last=3)],
    ),
    "only the gap that touches the next one grows": (
        [(link(1, 3, 0b101), 1), (link(4, 2, 0b01), 4), (link(7, 1, 0b1, linked=False), 6)],
        [Gap(first=2, last=2), Gap(first=5, last=6)],
    ),
    "neighbours that do not fit are a gap of their own": (
        [(link(1, 3, 0b101), 1), (link(4, 2, 0b10, linked=False), 4)],
        [Gap(first=2, last=2), Gap(first=4, last=3), Gap(first=4, last=4)],
    ),
}


@pytest.mark.parametrize(("links", "gaps"), GAPS.values(), ids=GAPS)
def test_gaps_that_touch_are_one(links: list[tuple[Link, int]], gaps: list[Gap]) -> None:
    assert open_gaps(links, 100) == gaps


@pytest.mark.parametrize(
    ("arrived", "linked", "whole"), [(0b11, True, True), (0b11, False, False), (0b01, True, False), (0b10, True, False)]
)
def test_a_batch_is_whole_if_it_is_linked_and_all_its_leaves_are_here(arrived: int, linked: bool, whole: bool) -> None:
    assert link(1, 2, arrived, linked=linked).is_whole is whole
