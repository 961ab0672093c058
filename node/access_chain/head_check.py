"""Compares heads with the log that was followed to its end. Pure.

A head names an entry and its hash. If the log has another hash there, an entry up to it was changed and everything
after it was written again. If the log ends before it, it was cut.
"""

from node.access_chain.chain_check import ChainCheck
from node.access_chain.findings import AccessCode, Finding, shown_time
from node.access_chain.signed_head import SignedHead


class HeadCheck:
    """Takes the heads of one source, such as the file, in their order."""

    def __init__(self, chain: ChainCheck, source: str) -> None:
        self._chain = chain
        self._source = source
        self._contradicted = False
        self._fitting = 0
        self.newest: SignedHead | None = None
        """The last head with a signature that fits."""

    def not_a_head(self) -> None:
        """A line that is not a head."""
        self._report(AccessCode.HEAD_INVALID, self._fitting, self._fitting, None, "a head", "a line of another form")

    def take(self, head: SignedHead, found: bytes | None, invalid: str | None) -> None:
        """A signed head; `found` is the hash of its entry now, `invalid` why its signature does not count."""
        if invalid is not None:
            self._report(AccessCode.HEAD_INVALID, head.entry, head.entry, head.at, "a head that counts", invalid)
        elif self.compare(head.entry, head.hash, head.at, found):
            self.newest = head

    def compare(self, entry: int, wanted: bytes, at: int | None, found: bytes | None) -> bool:
        """Whether the log has this hash at this entry. `at` is the time of the head (ms), if it is known."""
        last, start = self._chain.last, self._chain.start
        if entry > last.entry:
            expected = f"entries up to {entry}"
            self._contradict(AccessCode.CUT, last.entry + 1, entry, at, expected, f"the last entry {last.entry}")
            return False
        if entry < start.entry:
            return False  # it was erased
        if entry == start.entry:
            found = start.hash
        if found != wanted:
            shown = "no such entry" if found is None else f"the hash {found.hex()}"
            first = self._fitting + 1
            self._contradict(AccessCode.HEAD_DIFFERS, first, entry, at, f"the hash {wanted.hex()}", shown)
            return False
        self._fitting = entry
        return True

    def _contradict(self, code: AccessCode, first: int, last: int, at: int | None, expected: str, found: str) -> None:
        """Report the first head that contradicts the log; those after it contradict it too."""
        if not self._contradicted:
            self._contradicted = True
            self._report(code, first, last, at, expected, found)

    def _report(self, code: AccessCode, first: int, last: int, at: int | None, expected: str, found: str) -> None:
        self._chain.findings.report(
            Finding(
                code=code,
                entry=first,
                last_entry=last,
                at=shown_time(at),
                expected=f"{expected}, by a head in {self._source}",
                found=found,
            )
        )
