"""`access verify`: whether the access log of a node is as it was written.

Follows the chain from the first entry to the last, compares the end with what the store notes beside the log, and
compares every signed head: of the file in the home, of the store, and of a file that an auditor kept before. Rules:

- It only reads, a page at a time; a daemon may write meanwhile. The heads to compare are bounded before the log is
  read to its end, so a head that is signed meanwhile is not one that the log lacks.
- It needs no private key: the documents of the home list the public keys.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from node.access.kept_heads import KeptHead
from node.access.verification_answer import LogVerification, answer_of
from node.access_chain import chain_pages, head_file, head_rows, signed_head
from node.access_chain.chain_check import BEGINNING, ChainCheck
from node.access_chain.findings import AccessCode, AccessFindings, Finding, shown_time
from node.access_chain.head_check import HeadCheck
from node.access_chain.head_rows import HEADS_TOGETHER_MAX
from node.access_chain.signed_head import LogPoint, SignedHead
from node.database.engine import Store
from node.trust.governance import Governance

FILE: Final = "the file"
STORE: Final = "the store"
KEPT: Final = "the file of the auditor"
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Verification:
    """One verification of one log."""

    store: Store
    node: str
    governance: Governance
    file: Path
    """The file of heads; it may not exist."""

    async def run(self, kept: Sequence[KeptHead] = ()) -> LogVerification:
        """Verify; `kept` are heads that an auditor kept. Raises Unavailable, UsageError."""
        findings = AccessFindings()
        newest = await self.store.read(partial(head_rows.newest, node=self.node))
        until = await asyncio.to_thread(head_file.size, self.file)  # a head is in the file before it is in the store
        start = await asyncio.to_thread(self._erased, until, newest)
        chain = ChainCheck(findings, start)
        await self._follow(chain)
        of_file, is_there = await self._compare_file(chain, until, newest)
        of_store = await self._compare_store(chain, 0 if newest is None else newest[0])
        if newest is not None and not is_there:
            findings.report(_missing(newest[1], self.file))
        await self._compare_kept(chain, kept)
        fitting = [head for head in (of_file, of_store) if head is not None]
        return answer_of(chain, max(fitting, key=lambda head: head.entry, default=None))

    def _erased(self, until: int, newest: tuple[int, SignedHead] | None) -> LogPoint:
        """Up to where a head that counts says that entries were erased."""
        erased = BEGINNING
        heads = filter(None, map(head_file.head_of, head_file.lines(self.file, until=until)))
        for head in (*(() if newest is None else (newest[1],)), *heads):
            if head.erased_entry > erased.entry and not self._why_invalid(head):
                erased = head_rows.erased(head)
        return erased

    def _why_invalid(self, head: SignedHead) -> str | None:
        return signed_head.why_invalid(head, self.governance, self.node)

    async def _follow(self, chain: ChainCheck) -> None:
        after = -(2**63)
        while True:
            rows, end = await self.store.read(partial(chain_pages.page, after=after))
            for row in rows:
                chain.take(row)
            if len(rows) < chain_pages.ROWS_TOGETHER_MAX:
                chain.finish(end)
                return
            after = rows[-1][0]

    async def _compare_file(
        self, chain: ChainCheck, until: int, newest: tuple[int, SignedHead] | None
    ) -> tuple[SignedHead | None, bool]:
        """The last head that fits, and whether the file has the newest head of the store."""
        check, is_there = HeadCheck(chain, FILE), False
        for lines in _portions(head_file.lines(self.file, until=until)):
            heads = [head_file.head_of(line) for line in lines]
            for head in heads:
                if head is None:
                    check.not_a_head()
            read = [head for head in heads if head is not None]
            is_there = is_there or (newest is not None and newest[1] in read)
            await self._take(check, read)
        return check.newest, is_there

    async def _compare_store(self, chain: ChainCheck, last: int) -> SignedHead | None:
        check, after = HeadCheck(chain, STORE), 0
        while page := await self.store.read(partial(head_rows.page, node=self.node, after=after, last=last)):
            await self._take(check, [head for _, head in page])
            after = page[-1][0]
        return check.newest

    async def _take(self, check: HeadCheck, heads: Sequence[SignedHead]) -> None:
        ids = [head.entry for head in heads if 0 < head.entry < 2**63]
        found = await self.store.read(partial(head_rows.hashes, ids=ids))
        for head in heads:
            check.take(head, found.get(head.entry), self._why_invalid(head))

    async def _compare_kept(self, chain: ChainCheck, kept: Sequence[KeptHead]) -> None:
        check = HeadCheck(chain, KEPT)
        for portion in _portions(sorted(kept, key=lambda head: head.entry)):
            ids = [head.entry for head in portion]
            found = await self.store.read(partial(head_rows.hashes, ids=ids))
            for head in portion:
                check.compare(head.entry, head.hash, head.at, found.get(head.entry))


def _portions(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, HEADS_TOGETHER_MAX at a time."""
    rest = iter(items)
    while portion := list(islice(rest, HEADS_TOGETHER_MAX)):
        yield portion


def _missing(head: SignedHead, file: Path) -> Finding:
    return Finding(
        code=AccessCode.HEADS_MISSING,
        entry=head.entry,
        last_entry=head.entry,
        at=shown_time(head.at),
        expected=f"the head of entry {head.entry} in {file.name}",
        found="no such line",
    )
