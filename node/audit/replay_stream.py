"""Verifies one stream from its records: steps 1 to 11 for each record, then its place, with the code that nodes use.

Does not read the log (replay.py). Rules:

- The time of the verification is sealed_at; no clock is read.
- The state of the chain is kept in a store of its own, as at a node, so that memory does not grow with the stream.
- Gaps are those that are open at the end: a late record closes its gap and is `out_of_order`.
- In a window of the log the chain starts at the first record. A record with a lower sequence, as when a sender repeats
  records from before the window, is verified alone and takes no place.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from typing import Final

from broker.log import Entry
from node.audit.findings import (
    Finding,
    ReplayedStream,
    about,
    gap_finding,
    in_order,
    refusal,
)
from node.database.engine import Store, Transaction
from node.errors import Rejected
from node.limits import GOVERNANCE_IN_FILES
from node.stages import StreamId, Verified
from node.store import chains, read_positions
from node.trust.governance import Governance
from node.verification.chain import StreamView
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import HeldForGovernance, check_key_validity, verify

BATCHES_REMEMBERED_MAX: Final = 256  # records of a batch are adjacent; a late record costs one more verification

Found = tuple[int, Verified]
"""A verified record and its position."""


class StreamReplay:
    """The replay of one stream."""

    def __init__(self, *, topic: str, place: StreamId, governance: Governance, store: Store, is_window: bool) -> None:
        """`is_window`: reading begins after the beginning of the log."""
        self.topic: Final = topic
        self.place: Final = place
        self._governance = governance
        self._store = store
        self._is_window = is_window
        self._memory = SignatureMemory(BATCHES_REMEMBERED_MAX)
        self._findings: list[Finding] = []
        self.records = 0
        self.verified = 0
        self.duplicates = 0
        self._first: int | None = None
        self._start: int | None = None
        """Sequence of the first record that took its place."""

        self.highest = 0
        self._latest = 0
        """Sequence of the last record that took its place."""

        self._behind_gaps: dict[int, int] = {}
        """Sequence -> position of records that came after a gap. Each becomes a finding, so there are few."""

    async def take(self, entries: Sequence[Entry]) -> None:
        """Verify the next records of the stream."""
        found = []
        for entry in entries:
            self.records += 1
            if (record := self._authenticate(entry)) is not None:
                found.append((entry.position, record))
        if found:
            self.highest = await self._store.write(partial(self._take_places, found=found))

    def add(self, finding: Finding) -> None:
        """Add a finding about the log itself."""
        self._findings.append(finding)

    async def findings(self) -> list[Finding]:
        """All findings, after the whole stream was read."""
        gaps = await self._store.read(lambda db: chains.gaps(db, self.place, self.highest))
        behind = sorted(self._behind_gaps)
        for gap in gaps:
            if self._is_window and gap.last < (self._start or 0):
                continue
            after = behind[bisect_right(behind, gap.last)]
            self.add(gap_finding(self.place, gap, position=self._behind_gaps[after]))
        return in_order(self._findings)

    def read(self) -> ReplayedStream:
        """The stream as the answer has it."""
        return ReplayedStream(
            stream=self.place.stream,
            originator=self.place.originator,
            records=self.records,
            first=self._first,
            last=self.highest or None,
        )

    def _authenticate(self, entry: Entry) -> Verified | None:
        """Steps 1 to 7 and 11; None if one failed."""
        sequence = None
        try:
            if not entry.value:
                raise Rejected("framing_invalid", "the record is empty")
            record = verify(entry.value, place=self.place, governance=self._governance, memory=self._memory)
            if isinstance(record, HeldForGovernance):
                expected, found = f"governance {GOVERNANCE_IN_FILES}", f"governance {record.governance}"
                self.add(about(self.place, "held", position=entry.position, expected=expected, found=found))
                return None
            sequence = record.sequence
            check_key_validity(record, self._governance, record.batch.sealed_at)
        except Rejected as error:
            self.add(refusal(self.place, error, position=entry.position, sequence=sequence))
            return None
        return record

    def _take_places(self, db: Transaction, found: Sequence[Found]) -> int:
        """Place records in the chain; returns the highest sequence that has a place."""
        view = chains.load(db, self.place, [record for _, record in found])
        for position, record in found:
            self._take_place(view, position, record)
        chains.put(db, self.place, view)
        read_positions.put(db, [(self.topic, self.place, found[-1][0] + 1, view.highest, None)])
        return view.highest

    def _take_place(self, view: StreamView, position: int, record: Verified) -> None:
        """Steps 8 to 10."""
        sequence, expected = record.sequence, view.highest + 1
        if self._is_window and sequence < (self._start or 0):
            self.verified += 1
            return
        try:
            placed = view.place(record)
        except Rejected as error:
            self.add(refusal(self.place, error, position=position, sequence=sequence))
            return
        if placed.reused_id is not None:
            self.add(refusal(self.place, placed.reused_id, position=position, sequence=sequence))
        else:
            self.verified += 1
        if placed.duplicate:
            self.duplicates += 1
            return
        self._start = self._start or sequence
        self._first = min(self._first or sequence, sequence)
        if placed.out_of_order:
            self.add(
                about(
                    self.place,
                    "out_of_order",
                    position=position,
                    sequence=sequence,
                    expected=str(expected),
                    found=str(sequence),
                )
            )
        follows = sequence == self._latest + 1 and record.sealed.index > 0
        if placed.gaps_changed and (placed.out_of_order or not follows):
            self._behind_gaps[sequence] = position
        self._latest = sequence
