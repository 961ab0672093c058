"""The token bucket: how many requests pass, and how long one that does not pass has to wait."""

from hypothesis import given
from hypothesis import strategies as st

from node.integrators.rate import BURST_SECONDS, SECOND_MS, Bucket, take


def passed(rate: int, times: list[float]) -> int:
    """How many requests at these times (ms) pass."""
    bucket: Bucket | None = None
    count = 0
    for now in times:
        bucket, wait = take(bucket, rate, now)
        count += wait == 0
    return count


@given(st.integers(1, 50), st.lists(st.floats(0, 60_000), max_size=300))
def test_no_more_requests_pass_than_the_rate_and_the_burst_allow(rate: int, times: list[float]) -> None:
    times.sort()
    seconds = (times[-1] - times[0]) / SECOND_MS if times else 0

    assert passed(rate, times) <= rate * (BURST_SECONDS + seconds) + 1


@given(st.integers(1, 50))
def test_requests_at_the_rate_all_pass(rate: int) -> None:
    assert passed(rate, [number * SECOND_MS / rate for number in range(200)]) == 200


def test_a_request_passes_after_the_time_that_the_refusal_named() -> None:
    """A refused request takes nothing, so a client that asks too often is not locked out."""
    bucket: Bucket | None = None
    for _ in range(2 * BURST_SECONDS):
        bucket, _ = take(bucket, 2, 0)
    bucket, wait = take(bucket, 2, 0)
    assert wait == 500
    assert take(bucket, 2, 499)[1] > 0
    assert take(bucket, 2, 500)[1] == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket, _ = take(None, 1, 10_000)

    assert take(bucket, 1, 0)[0].left == bucket.left - 1
