"""How far each stream of a node was read, compared with the ends of the log."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.log import Bounds
from node.runtime.topics_read import topics_expected
from node.stages import StreamId
from node.store.read_positions import StreamReading
from node.trust.governance import Governance


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """How far one stream was read."""

    stream: str
    originator: str
    topic: str
    position: int
    """Where reading goes on."""

    end: int | None
    """The end of the topic; None if the bus did not answer, or does not have the topic."""

    lag: int | None
    """How many positions are left to read; below 0 if the log ends before the position that was read."""

    sequence: int
    """The highest sequence that has its place in the chain."""


def read_beyond(bounds: Mapping[str, Bounds], read: Mapping[str, StreamReading]) -> list[str]:
    """The topics that were read beyond the end that was found."""
    return [topic for topic, found in bounds.items() if topic in read and read[topic].position > found.end]


def stream_states(
    places: Mapping[str, StreamId], bounds: Mapping[str, Bounds], read: Mapping[str, StreamReading]
) -> tuple[StreamStatus, ...]:
    """Each topic that was provisioned or read at some time, in the order of the topics."""
    streams = []
    for topic, place in sorted(places.items()):
        position = read[topic].position if topic in read else 0
        end = bounds[topic].end if topic in bounds else None
        if end is None and topic not in read:
            continue
        streams.append(
            StreamStatus(
                stream=place.stream,
                originator=place.originator,
                topic=topic,
                position=position,
                end=end,
                lag=None if end is None else end - position,
                sequence=read[topic].highest if topic in read else 0,
            )
        )
    return tuple(streams)


def unread(governance: Governance | None, bounds: Mapping[str, Bounds], now: int) -> list[StreamId]:
    """The streams that a NODE document valid at `now` (ms) lists, and whose topics the log does not have or show."""
    if governance is None:
        return []
    return [place for topic, place in sorted(topics_expected(governance, now).items()) if topic not in bounds]
