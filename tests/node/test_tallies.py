"""Tallies: the names of counters, and what they say when they are read again."""

import pytest

from node import tallies
from node.tallies import BOUNDS_MS, Latency


def test_a_tally_that_is_counted_is_read_again() -> None:
    counted = {
        tallies.PUBLISHED: 3,
        tallies.received("rejected", "path_invalid"): 2,
        tallies.received("stored", None): 1,
    }
    found = tallies.read({**counted, "stored": 9})

    assert found.published == 3
    assert found.received == {("rejected", "path_invalid"): 2, ("stored", ""): 1}


@pytest.mark.parametrize(("ms", "bucket"), [(-5, 0), (0, 0), (50, 0), (51, 1), (86_400_000, 12), (86_400_001, 13)])
def test_a_time_falls_into_the_first_bucket_whose_bound_it_does_not_exceed(ms: int, bucket: int) -> None:
    """The last bucket has no bound; a time below zero counts as zero."""
    found = tallies.read(tallies.times(Latency.STORED, [ms])).times

    assert [number for number, value in enumerate(found[Latency.STORED].buckets) if value] == [bucket]
    assert found[Latency.STORED].sum_ms == max(0, ms)
    assert found[Latency.STORED].count == 1
    assert found[Latency.WITNESSED].count == 0


def test_no_name_is_longer_than_its_column() -> None:
    names = [tallies.received("not_addressed", "x" * 99), *tallies.times(Latency.WITNESSED, [*BOUNDS_MS, 1 << 60])]

    assert max(map(len, names)) <= tallies.NAME_LENGTH_MAX
