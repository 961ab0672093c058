"""Reads from a checkpoint that its originator's clock was ahead ("Correction of a clock"). Pure.

A batch that was sealed under such a clock is dated in the future: readers hold it, and no later batch may be dated
earlier. The originator corrects this with a checkpoint. Its `time` is that of the corrected clock, and `heads` names
the batches at the end of its own streams. Each of them, and every batch before it, counts as sealed at `time` if its
own time is later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from node.stages import StreamId, Verified
from schemas.avro import codec
from schemas.types import Checkpoint, CheckpointBody, MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCorrection:
    """A batch at the end of a stream, and the time at which it counts as sealed, in ms."""

    stream: StreamId
    next_sequence: int
    batch: bytes
    time: int


def corrections_of(record: Verified) -> list[ClockCorrection]:
    """What a verified record says about the own streams of its originator; nothing unless it is a CHECKPOINT."""
    if record.header.type is not MessageType.CHECKPOINT:
        return []
    checkpoint = codec.decode(Checkpoint, codec.decode(CheckpointBody, record.sealed.content).checkpoint)
    return [
        ClockCorrection(
            stream=StreamId(stream=head.stream, originator=head.originator),
            next_sequence=head.next_sequence,
            batch=head.batch,
            time=checkpoint.time,
        )
        for head in checkpoint.heads
        if head.originator == record.batch.originator
    ]


class DatedBatch(Protocol):
    """What is needed of a batch to know its time."""

    hash: bytes
    sealed_at: int


def dated(batch: DatedBatch, corrected: Mapping[bytes, int]) -> int:
    """The time of a batch, or the earlier one to which a checkpoint corrects it (hash of the batch -> time)."""
    return min(batch.sealed_at, corrected.get(batch.hash, batch.sealed_at))


def time_of(record: Verified, corrections: Iterable[ClockCorrection]) -> int:
    """The time of a message, by the corrections of its stream."""
    times = [correction.time for correction in corrections if record.sequence < correction.next_sequence]
    return min([record.batch.sealed_at, *times])
