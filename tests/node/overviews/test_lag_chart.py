"""The geometry of the chart of streams."""

from node.health.stream_states import StreamStatus
from node.overviews.lag_chart import BARS_MAX, LABEL_WIDTH, NUMBER_WIDTH, WIDTH, lag_chart

BAR_WIDTH = WIDTH - LABEL_WIDTH - NUMBER_WIDTH


def stream(topic: str, position: int, lag: int | None) -> StreamStatus:
    """A stream of that topic."""
    end = None if lag is None else position + lag
    return StreamStatus(
        stream="intel.europe", originator="ES", topic=topic, position=position, end=end, lag=lag, sequence=position
    )


def test_the_streams_that_are_behind_come_first_and_all_have_one_scale() -> None:
    """The longest stream fills the width; the others are in proportion."""
    chart = lag_chart([stream("a", 50, 0), stream("b", 60, 40), stream("empty", 0, 0)])
    assert [bar.topic for bar in chart.bars] == ["b", "a"]
    assert [bar.read_width + bar.left_width for bar in chart.bars] == [BAR_WIDTH, BAR_WIDTH // 2]


def test_one_record_that_is_left_is_visible() -> None:
    """Beside a million that were read, it has at least a pixel, and the bar does not leave the chart."""
    [bar] = lag_chart([stream("a", 1_000_000, 1)]).bars
    assert bar.left_width >= 1
    assert bar.read_width + bar.left_width <= BAR_WIDTH


def test_a_stream_whose_end_is_not_known_or_is_before_its_position_has_nothing_left() -> None:
    """No number is made up."""
    bars = {bar.topic: bar for bar in lag_chart([stream("unknown", 5, None), stream("beyond", 5, -2)]).bars}
    assert (bars["unknown"].left, bars["unknown"].left_width) == (None, 0)
    assert (bars["beyond"].left, bars["beyond"].left_width) == (0, 0)


def test_the_chart_has_a_limit_and_says_what_it_leaves_out() -> None:
    """The table has every stream."""
    chart = lag_chart([stream(f"topic-{number}", number + 1, 0) for number in range(BARS_MAX + 7)])
    assert (len(chart.bars), chart.not_shown) == (BARS_MAX, 7)


def test_no_streams_make_an_empty_chart() -> None:
    """A new node has no bars."""
    assert lag_chart([]).bars == ()
