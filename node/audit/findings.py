"""What a replay found: counts, streams and findings, in an order and in words that depend on the log alone.

Pure. Nothing here reads or verifies. Rules:

- no time and no random id stands in an answer: the same bytes and documents give the same answer, byte for byte;
- a finding has the sequence of its record, or, where that can't be authenticated, null and the position;
- findings come by topic, then position.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

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
class StreamRead:
    """One stream in which something lay to read."""

    stream: str
    originator: str
    records: int
    first: int | None
    """Lowest sequence that took its place; None if no record did."""

    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The whole answer."""

    records: int
    verified: int
    """Records that no step from 1 to 11 refuses, repeated ones included."""

    duplicates: int
    """Records that had their place already."""

    empty: int
    """Streams in which nothing lay to read."""

    ignored: tuple[str, ...]
    """Topics of the log that are no streams of an exchange."""

    streams: Sequence[StreamRead]
    findings: Sequence[Finding]

    def answer(self) -> dict[str, Any]:
        """As the contract has it."""
        return asdict(self)


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
    """The record at `position` failed a step; `sequence` only if steps 1 to 7 held."""
    return about(
        place,
        error.code,
        position=position,
        sequence=sequence,
        expected=f"step {step_of(error.code)} holds",
        found=str(error),
    )


def gap_finding(place: StreamId, gap: Gap, *, position: int | None) -> Finding:
    """A gap that is open at the end of the stream; `position` is that of the first record behind it."""
    if gap.last >= gap.first:
        expected, found = str(gap.first), str(gap.last + 1)
    else:
        expected, found = f"a batch that continues sequence {gap.last}", "a batch that names another predecessor"
    return about(place, gap.code, position=position, sequence=gap.first, expected=expected, found=found)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of one stream, as they are told."""
    return sorted(findings, key=lambda one: (one.position or 0, one.sequence or 0, one.code))
