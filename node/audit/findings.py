"""The answer of a replay: counts, streams and findings.

Pure. This module neither reads nor verifies. Rules:

- An answer contains no time and no random id: the same bytes and documents give the same answer, byte for byte.
- A finding has the sequence of its record. If the sequence cannot be authenticated, it is None.
- Findings are in the order of topic, then position (finding_groups.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.errors import Rejected
from node.stages import StreamId
from node.verification.gaps import Gap
from node.verification.steps import step_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a stream or with a record in it."""

    code: str
    originator: str
    stream: str
    sequence: int | None
    position: int | None
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup(Finding):
    """One finding, or several of one code in one stream; place, `expected` and `found` are those of the first."""

    count: int
    last_sequence: int | None
    last_position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedStream:
    """One stream that had records to read."""

    stream: str
    originator: str
    records: int
    first: int | None
    """Lowest sequence that has its place in the chain; None if no record has."""

    last: int | None

    sha256: str = ""
    """Of the records that were read: each position and length, 8 bytes each big-endian, and the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAnswer:
    """The whole answer."""

    records: int
    verified: int
    """Records that pass steps 1 to 11, repeated ones included."""

    duplicates: int
    """Records whose sequence already had its place with the same bytes."""

    empty: int
    """Streams without a record to read."""

    ignored: tuple[str, ...]
    """Topics of the log that are not streams of an exchange."""

    streams: Sequence[ReplayedStream]
    silent: tuple[str, ...]
    """Members of whom the log has no record, if the whole log was read."""

    findings: Sequence[Finding]
    """By topic and place; of a group with very many only some."""

    groups: Sequence[FindingGroup]
    """All of them, those of one code in one stream together."""


def about(
    place: StreamId,
    code: str,
    *,
    position: int | None,
    sequence: int | None = None,
    expected: str | None = None,
    found: str | None = None,
) -> Finding:
    """A finding about the stream at `place`."""
    return Finding(
        code=code,
        originator=place.originator,
        stream=place.stream,
        sequence=sequence,
        position=position,
        expected=expected,
        found=found,
    )


def refusal(place: StreamId, error: Rejected, *, position: int, sequence: int | None = None) -> Finding:
    """The finding that the record at `position` failed a step; `sequence` is given only if steps 1 to 7 passed."""
    return about(
        place,
        error.code,
        position=position,
        sequence=sequence,
        expected=f"step {step_of(error.code)} holds",
        found=str(error),
    )


def gap_finding(place: StreamId, gap: Gap, *, position: int | None) -> Finding:
    """The finding about a gap that is open at the end; `position` is that of the first record after the gap."""
    if gap.last >= gap.first:
        expected, found = str(gap.first), str(gap.last + 1)
    else:
        expected, found = f"a batch that continues sequence {gap.last}", "a batch that names another predecessor"
    return about(place, gap.code, position=position, sequence=gap.first, expected=expected, found=found)


def malformed(place: StreamId) -> Finding:
    """The finding that the log has something in the stream that cannot be a record; it has no position."""
    expected, found = "records at positions from 0 on", "something else, such as a position that is a text"
    return about(place, "transport_malformed", position=None, expected=expected, found=found)
