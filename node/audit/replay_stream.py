"""Verifies one stream from its records: steps 1 to 11 for each record, then its place, with the code that nodes use.

Does not read the log (replay.py). Rules:
- The time of the verification is sealed_at; no clock is read.
- The state of the chain is kept in a store of its own, as at a node, so that memory does not grow with the stream.
- Gaps are those that are open at the end: a late record closes its gap and is `out_of_order`. If the last records of a
  batch are missing, that is `leaf_missing`.
- In a window of the log the chain starts at the first record. A record with a lower sequence is verified alone.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Final

from broker.log import Entry
from node.audit.finding_groups import FindingGroups
from node.audit.findings import Finding, ReplayedStream, about, gap_finding, refusal
from node.audit.references import References
from node.audit.rotation import EndedKeys
from node.database.engine import Store, Transaction
from node.errors import Rejected
from node.integrity import clock_corrections
from node.limits import GOVERNANCE_IN_FILES
from node.stages import StreamId, Verified
from node.store import chains, read_positions
from node.trust.governance import Governance
from node.verification.chain import StreamView
from node.verification.signature_memory import SignatureMemory
from node.verification.verify import HeldForGovernance, check_key_validity, verify

BATCHES_REMEMBERED_MAX: Final = 256  # records of a batch are adjacent; a late record costs one more verification

Found = tuple[int, Verified]  # position and record


class StreamReplay:
    """The replay of one stream."""

    def __init__(
        self,
        *,
        topic: str,
        place: StreamId,
        governance: Governance,
        store: Store,
        findings: FindingGroups,
        references: References | None,
        is_window: bool,
        to_end: bool,
    ) -> None:
        """`is_window`: reading begins after the beginning of the log. `to_end`: it ends where the log does."""
        self.topic: Final = topic
        self.place: Final = place
        self._governance = governance
        self._store = store
        self._is_window = is_window
        self._to_end = to_end
        self._memory = SignatureMemory(BATCHES_REMEMBERED_MAX)
        self._findings = findings
        self._references = references
        self._ended_keys = EndedKeys(governance)
        self._digest = sha256()
        self.records = 0
        self.verified = 0
        self.duplicates = 0
        self.missing = 0
        """How many records the chain proves that the log does not have; known at the end."""

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
        found: list[Found] = []
        for entry in entries:
            self.records += 1
            value = entry.value or b""
            self._digest.update(entry.position.to_bytes(8, "big", signed=True) + len(value).to_bytes(8, "big") + value)
            if (record := self._authenticate(entry)) is not None:
                found += self._ended_keys.confirmed_by(record)
                found.append((entry.position, record))
        if found:
            self.highest = await self._store.write(partial(self._take_places, found=found))

    def note(self, finding: Finding) -> None:
        """Add a finding about the log itself."""
        self._findings.add([finding])

    def add(self, finding: Finding) -> None:
        """Add a finding about records that the log did not deliver."""
        self.note(finding)
        self._to_end = False

    async def finish(self) -> None:
        """Add what is known only after the whole stream was read."""
        for position, record, error in self._ended_keys.left():
            self._refuse(error, position, record)
        behind = sorted(self._behind_gaps)
        for gap in await self._store.read(lambda db: chains.gaps(db, self.place, self.highest)):
            if not self._is_window or gap.last >= (self._start or 0):
                self.missing += gap.last - gap.first + 1
                after = behind[bisect_right(behind, gap.last)]
                self._findings.add([gap_finding(self.place, gap, position=self._behind_gaps[after])])
        last = await self._store.read(lambda db: chains.last_signed(db, self.place))
        if self._to_end and last > self.highest:
            self.missing += last - self.highest
            expected, found = f"sequence {last}, the last one of its batch", str(self.highest)
            sequence = self.highest + 1
            self._note("leaf_missing", None, sequence, expected, found)

    def read(self) -> ReplayedStream:
        """The stream as the answer has it."""
        return ReplayedStream(
            stream=self.place.stream,
            originator=self.place.originator,
            records=self.records,
            first=self._first,
            last=self.highest or None,
            sha256=self._digest.hexdigest(),
        )

    def _authenticate(self, entry: Entry) -> Verified | None:
        """Steps 1 to 7 and 11; None if one failed."""
        try:
            if not entry.value:
                raise Rejected("framing_invalid", "the record is empty")
            record = verify(entry.value, place=self.place, governance=self._governance, memory=self._memory)
        except Rejected as error:
            self._findings.add([refusal(self.place, error, position=entry.position)])
            return None
        if isinstance(record, HeldForGovernance):
            expected, found = f"governance {GOVERNANCE_IN_FILES}", f"governance {record.governance}"
            self._note("held", entry.position, None, expected, found)
            return None
        try:
            check_key_validity(record, self._governance, record.batch.sealed_at)
        except Rejected as error:
            if not self._ended_keys.hold(entry.position, record, error):
                self._refuse(error, entry.position, record)
            return None
        return record

    def _note(self, code: str, position: int | None, sequence: int | None, expected: str, found: str) -> None:
        self._findings.add(
            [about(self.place, code, position=position, sequence=sequence, expected=expected, found=found)]
        )

    def _refuse(self, error: Rejected, position: int, record: Verified) -> None:
        self._findings.add([refusal(self.place, error, position=position, sequence=record.sequence)])
        if self._references is not None:
            self._references.refused(record)

    def _take_places(self, db: Transaction, found: Sequence[Found]) -> int:
        """Place records in the chain; returns the highest sequence that has a place."""
        view = clock_corrections.load(db, self.place, [record for _, record in found])
        placed = [(position, record) for position, record in found if self._take_place(view, position, record)]
        chains.put(db, self.place, view)
        read_positions.put(db, [(self.topic, self.place, found[-1][0] + 1, view.highest, None, None)])
        if self._references is not None:
            for position, record in placed:
                self._findings.add(self._references.look(db, self.place, position, record))
        return view.highest

    def _take_place(self, view: StreamView, position: int, record: Verified) -> bool:
        """Steps 8 to 10; whether the record has its place now, and had none before."""
        sequence, expected = record.sequence, view.highest + 1
        if self._is_window and sequence < (self._start or 0):
            self.verified += 1
            return False
        try:
            placed = view.place(record)
        except Rejected as error:
            self._refuse(error, position, record)
            return False
        if placed.reused_id is not None:
            self._refuse(placed.reused_id, position, record)
        else:
            self.verified += 1
        if placed.duplicate:
            self.duplicates += 1
            return False
        self._start = self._start or sequence
        self._first = min(self._first or sequence, sequence)
        if placed.out_of_order:
            self._note("out_of_order", position, sequence, str(expected), str(sequence))
        follows = sequence == self._latest + 1 and record.sealed.index > 0
        if placed.gaps_changed and (placed.out_of_order or not follows):
            self._behind_gaps[sequence] = position
        self._latest = sequence
        return True
