"""Remembers the records that this process sealed and verified, until it reads them back from the log.

A record that comes back with the same bytes in its own stream is known: it is not verified, opened or decoded again.
Any other bytes are unknown here and take the full way. So does a record that was sealed before this process started,
or by another one, or that had to make room: the memory is limited, and never needed for an answer to be right.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from node.stages import Opened, StreamId, Verified
from schemas.types import Labels

RECORDS_REMEMBERED_MAX: Final = 2048  # eight batches: several times what is on its way while the log answers
BYTES_REMEMBERED_MAX: Final = 8 * 1024 * 1024  # of sealed bytes; what belongs to them takes a few times as much


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedContent:
    """What was sealed into one record."""

    labels: Labels
    payload: bytes
    terms: bytes
    """What it is found by (node/reports/kept_forms.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRecord:
    """A record that this process sealed and verified."""

    verified: Verified
    opened: Opened | None
    """None for an open type. Its content is not decoded."""

    terms: bytes = b""


class OwnRecords:
    """The memory of one process."""

    def __init__(self) -> None:
        self._records: OrderedDict[tuple[StreamId, bytes], OwnRecord] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Iterable[Verified], contents: Mapping[tuple[str, int], SealedContent]) -> None:
        """Remember verified records; `contents` has what was sealed, by stream and sequence."""
        for record in records:
            stream = StreamId(stream=record.batch.stream, originator=record.batch.originator)
            sealed = contents.get((stream.stream, record.sequence))
            self._records[stream, record.value] = OwnRecord(
                verified=record,
                opened=_opened(record, sealed) if sealed is not None else None,
                terms=sealed.terms if sealed is not None else b"",
            )
            self._size += len(record.value)
        while self._size > BYTES_REMEMBERED_MAX or len(self._records) > RECORDS_REMEMBERED_MAX:
            (_, value), _ = self._records.popitem(last=False)
            self._size -= len(value)

    def find(self, stream: StreamId, value: bytes | None) -> OwnRecord | None:
        """The record with exactly these bytes that was sealed for this stream."""
        return self._records.get((stream, value)) if value is not None and self._records else None

    def forget(self, stream: StreamId, value: bytes | None) -> None:
        """The record was read back and stored."""
        if value is not None and self._records.pop((stream, value), None) is not None:
            self._size -= len(value)


def _opened(record: Verified, sealed: SealedContent) -> Opened:
    return Opened(verified=record, labels=sealed.labels, content=None, payload=sealed.payload, clauses=())
