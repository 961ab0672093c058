"""What the signed documents let an auditor expect in a log: the streams of the members, and records of them. Pure."""

from collections.abc import Collection
from typing import Final

from broker.streams import CHECKPOINTS, GOVERNANCE, PROPOSALS, stream_of, topic_of
from node.audit.findings import Finding, about
from node.stages import StreamId
from node.trust.governance import Governance
from node.verification.kinds import is_stream

EVERY: Final = "*"
"""Stands for all streams, or for all originators."""

_NOT_MADE_YET: Final = (CHECKPOINTS, GOVERNANCE, PROPOSALS)  # no command of this version writes them


def missing_streams(governance: Governance, here: Collection[StreamId]) -> list[Finding]:
    """The streams that the newest NODE document of a member lists, and that the log does not have."""
    listed = [
        StreamId(stream=stream, originator=code)
        for code, versions in governance.nodes.items()
        for stream in sorted(versions[-1].body.streams)
        if is_stream(stream) and stream not in _NOT_MADE_YET
    ]
    return [
        about(
            place,
            "topic_missing",
            position=None,
            expected=f"the topic {topic_of(place.stream, place.originator)}, which the NODE document lists",
            found="no such topic",
        )
        for place in listed
        if place not in here
    ]


def silent_members(governance: Governance, writers: Collection[str]) -> tuple[str, ...]:
    """The members of whom no record is in the log."""
    return tuple(code for code in governance.nodes if code not in writers)


def nobody_wrote(governance: Governance, writers: Collection[str]) -> list[Finding]:
    """The finding that the log has no record of any member: then nothing was checked."""
    if any(code in governance.nodes for code in writers):
        return []
    place = StreamId(stream=EVERY, originator=EVERY)
    expected, found = f"records of {', '.join(governance.nodes)}", "no record of a member"
    return [about(place, "log_empty", position=None, expected=expected, found=found)]


def deleted_records(deleted: int, missing: int) -> list[Finding]:
    """The finding that the log lost `deleted` records, of which the chains of the streams miss only `missing`."""
    if deleted <= missing:
        return []
    place = StreamId(stream=EVERY, originator=EVERY)
    expected, found = "all records that the file numbered", f"{deleted} are deleted, {missing} of them between others"
    return [about(place, "records_deleted", position=None, expected=expected, found=found)]


def stream_place(topic: str) -> StreamId | None:
    """The stream of a topic; None if the topic is not a stream of an exchange."""
    try:
        stream, originator = stream_of(topic)
    except ValueError:
        return None
    is_ours = is_stream(stream)
    return StreamId(stream=stream, originator=originator) if is_ours else None
