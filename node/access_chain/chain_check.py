"""Follows the chain of an access log from entry to entry. Pure: rows come in, findings come out.

Rules, for each row in the order of ids:

- It follows if its hash is that of its fields and of the hash of the entry before it. Ids may have gaps then: the chain
  itself says which entry came next.
- It does not follow, and ids before it are missing: they were deleted.
- It has no hash, or an id before the beginning: it was inserted, and has no place in the chain.
- Otherwise it was changed, or the entry before it was changed together with its hash. The check goes on with the hash
  of the row, so that each change is a finding of its own.
"""

from collections.abc import Sequence
from typing import Any, Final

from node.access_chain.entry_hash import FIELDS, FIRST_PREVIOUS, NOT_HASHABLE, entry_hash
from node.access_chain.findings import AccessCode, AccessFindings, Finding, shown_time
from node.access_chain.signed_head import HASH_SIZE_BYTES, LogPoint

BEGINNING: Final = LogPoint(entry=0, hash=FIRST_PREVIOUS)


class ChainCheck:
    """Takes rows; `last` is the last entry that has a place in the chain."""

    def __init__(self, findings: AccessFindings, start: LogPoint = BEGINNING) -> None:
        """`start`: entries up to here were erased by a user, and a signed head says so."""
        self.findings = findings
        self.start = start
        self.last = start
        self.last_at: int | None = None
        self.entries = 0

    def take(self, row: Sequence[Any]) -> None:
        """The next row: the values of FIELDS and the hash."""
        self.entries += 1
        id_, at, stored = row[0], row[1], row[-1]
        time = shown_time(at)
        if _hash(self.last.hash, row[: len(FIELDS)]) == stored and id_ > self.last.entry:
            self.last, self.last_at = LogPoint(entry=id_, hash=stored), time
            return
        if id_ <= self.start.entry or not isinstance(stored, bytes) or len(stored) != HASH_SIZE_BYTES:
            self._report(AccessCode.INSERTED, id_, id_, time, "no entry that is not chained", "a row without a place")
            return
        if id_ != self.last.entry + 1:
            missing = (self.last.entry + 1, id_ - 1)
            self._report(AccessCode.DELETED, *missing, time, "entries before this time", "no row")
        else:
            before = f"the hash that follows from entry {self.last.entry}"
            self._report(AccessCode.CHANGED, id_, id_, time, before, f"the hash {stored.hex()}")
        self.last, self.last_at = LogPoint(entry=id_, hash=stored), time

    def finish(self, end: LogPoint | None) -> None:
        """Compare with the end that the store notes beside the log."""
        last = self.last
        if end is None:
            if self.entries:
                self._report(
                    AccessCode.END_DIFFERS, last.entry, last.entry, self.last_at, "the end of the log", "no row"
                )
        elif end.entry > last.entry:
            self._report(
                AccessCode.CUT, last.entry + 1, end.entry, self.last_at, f"entries up to {end.entry}", "no row"
            )
        elif end.entry < last.entry:
            found = f"entries up to {last.entry}"
            self._report(AccessCode.INSERTED, end.entry + 1, last.entry, self.last_at, f"the end {end.entry}", found)
        elif end.hash != last.hash:
            expected, found = f"the hash {end.hash.hex()}", f"the hash {last.hash.hex()}"
            self._report(AccessCode.END_DIFFERS, last.entry, last.entry, self.last_at, expected, found)

    def _report(self, code: AccessCode, entry: int, last: int, at: int | None, expected: str, found: str) -> None:
        self.findings.report(Finding(code=code, entry=entry, last_entry=last, at=at, expected=expected, found=found))


def _hash(previous: bytes, entry: Sequence[Any]) -> bytes | None:
    try:
        return entry_hash(previous, entry)
    except NOT_HASHABLE:
        return None
