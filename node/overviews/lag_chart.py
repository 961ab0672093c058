"""The geometry of the chart of streams: one bar for each stream, with what was read and what is left. Pure.

The widths of all bars have one scale. A part that is not empty is at least a pixel wide, so that one record that is
left can be seen beside a million that were read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.health.stream_states import StreamStatus

BARS_MAX: Final = 24  # the table beside the chart has every stream
WIDTH: Final = 960
LABEL_WIDTH: Final = 270
NUMBER_WIDTH: Final = 150
ROW_HEIGHT: Final = 26
BAR_HEIGHT: Final = 14
_BAR_WIDTH: Final = WIDTH - LABEL_WIDTH - NUMBER_WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One stream."""

    topic: str
    y: int
    """Of the top of its row, in pixels."""

    read: int
    left: int | None
    """Records that are left to read; None if the end of the stream is not known."""

    read_width: int
    left_width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The bars, those with the most records left first."""

    bars: tuple[Bar, ...]
    not_shown: int
    """Streams that only the table has."""

    width: int = WIDTH
    label_width: int = LABEL_WIDTH
    row_height: int = ROW_HEIGHT
    bar_height: int = BAR_HEIGHT

    @property
    def height(self) -> int:
        """Of the whole chart, in pixels."""
        return len(self.bars) * self.row_height + 4


def lag_chart(streams: Iterable[StreamStatus]) -> Chart:
    """The chart of these streams; one without any record has no bar."""
    filled = [stream for stream in streams if stream.position > 0 or (stream.lag or 0) > 0]
    ordered = sorted(filled, key=lambda stream: (-max(0, stream.lag or 0), -stream.position, stream.topic))
    longest = max((stream.position + max(0, stream.lag or 0) for stream in ordered), default=1)
    bars = tuple(_bar(stream, row, longest) for row, stream in enumerate(ordered[:BARS_MAX]))
    return Chart(bars=bars, not_shown=max(0, len(ordered) - BARS_MAX))


def _bar(stream: StreamStatus, row: int, longest: int) -> Bar:
    left = None if stream.lag is None else max(0, stream.lag)
    left_width = _width(left or 0, longest)
    return Bar(
        topic=stream.topic,
        y=row * ROW_HEIGHT,
        read=stream.position,
        left=left,
        read_width=min(_width(stream.position, longest), _BAR_WIDTH - left_width),
        left_width=left_width,
    )


def _width(records: int, longest: int) -> int:
    return 0 if records <= 0 else max(1, round(records * _BAR_WIDTH / longest))
