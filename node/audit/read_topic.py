"""Reads one topic of a log for a replay, from a position to the end that it had when the replay began.

If the log cannot deliver records, that is a finding, and reading of the topic ends there. What cannot be a record is a
finding too, and the records are read.
"""

from collections.abc import Callable
from typing import Final

from broker.log import Fault, Log
from node.audit.findings import about, malformed
from node.audit.replay_stream import StreamReplay

RECORDS_AT_ONCE_MAX: Final = 500  # as at a node: records share a commit, and memory stays small between two commits
WAIT_SECONDS: Final = 5.0  # for the next records of a stream that has not ended
SILENT_FETCHES_MAX: Final = 6  # half a minute without a record from a log that answers: it lacks records that it claims


async def read_topic(
    bus: Log, stream: StreamReplay, part: range, on_progress: Callable[[int], None], *, is_malformed: bool
) -> None:
    """Give the records at the positions `part` to `stream`; `on_progress` gets how many were read so far.

    `is_malformed`: the log says that the topic has something that cannot be a record.
    """
    if is_malformed:
        stream.note(malformed(stream.place))
    position, silent = part.start, 0
    while position < part.stop:
        fetched = await bus.fetch({stream.topic: position}, records_max=RECORDS_AT_ONCE_MAX, wait_seconds=WAIT_SECONDS)
        entries = [entry for answer in fetched for entry in answer.entries]
        fault = next((answer.fault for answer in fetched if answer.fault is not None), None)
        after = max((answer.after for answer in fetched if answer.after is not None), default=0)
        if (fault is Fault.MALFORMED or after) and not is_malformed:
            stream.note(malformed(stream.place))
            is_malformed = True
        fault = None if fault is Fault.MALFORMED else fault
        if entries:
            await stream.take([entry for entry in entries if entry.position < part.stop])
            position, silent = max(entries[-1].position + 1, after), 0
        elif after > position:
            position, silent = after, 0
        elif fault is None:
            silent += 1
        on_progress(min(position, part.stop) - part.start)
        if position < part.stop and (fault is not None or silent == SILENT_FETCHES_MAX):
            position = await _after_fault(bus, stream, fault, position, part.stop)


async def _after_fault(bus: Log, stream: StreamReplay, fault: Fault | None, position: int, end: int) -> int:
    """Add the finding; returns where reading goes on, or `end`. `fault` is None if no record came."""
    bounds = (await bus.bounds([stream.topic])).get(stream.topic)
    if fault is Fault.OUT_OF_RANGE and bounds is not None and position < bounds.beginning:
        stream.add(
            about(
                stream.place,
                "head_truncated",
                sequence=stream.highest + 1,
                position=bounds.beginning,
                expected=f"position {position}",
                found="a beginning that moved while it was read",
            )
        )
        return min(end, bounds.beginning)
    if fault is Fault.CORRUPT:
        found = "a record that cannot be read"
    elif fault is None:
        found = "nothing"
    else:
        found = "no topic" if bounds is None else f"an end at position {bounds.end}"
    expected = f"records up to position {end - 1}"
    stream.add(about(stream.place, "transport_corrupt", position=position, expected=expected, found=found))
    return end
