"""Serves own reports again: those that were set aside, that a party became entitled to later, or that the log lost.

A grant is for the audience that it names, and its key opens all messages under it. So a report for further parties is
another message: the same content under a new message id, sealed for these parties alone. The others see a message that
is not addressed to them, and keep the one that they have. A report that the log lost before a party read it is sealed
again in the same way, if an operator says that this party does not have it (unserved.py).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.outgoing import own_copies
from node.outgoing.own_copies import NewCopy, OwnCopy, StoredContent
from node.primitives import ZERO_HASH
from node.reports.kept_forms import keep_labels, keep_terms
from node.reports.labels import labels_of
from node.reports.search_terms import search_terms
from node.sealing.seal import RandomSource
from node.sending import rejections
from node.sending.unserved import unserved
from node.sending.write_sealed import NARROWED
from node.sharing.recipients import RecipientCache
from node.stages import StreamId
from node.store import outbox, set_aside, stream_findings
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import IntelligenceReport

RESTORED: Final = "restored"
RESEALED: Final = "resealed"
WAITING: Final = "waiting"
EXPIRED: Final = "expired"
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedReport:
    """What was done about one report in one region."""

    report_id: str
    region: str
    message_id: bytes
    """Of the message that will be sent, or of the first message if there is none."""

    outcome: str
    """restored: it was set aside and is sealed now; resealed: these parties get it; waiting: it is on its way;
    expired: its retention has ended, or it was erased; nothing: it was sealed for each entitled party before."""

    audience: tuple[str, ...] = ()
    """The parties that will get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeAgain:
    """Serves the own reports of one node again."""

    node: str
    governance: Callable[[], Governance]
    clock: Callable[[], int]
    random: RandomSource

    def serve(
        self, db: Transaction, report_ids: Sequence[str], *, to: Collection[str] | None, lost: bool = False
    ) -> list[ServedReport]:
        """Serve reports again in a writing transaction; with `to`, only these parties. One answer for each region.

        `lost`: also parties of the audience without a receipt that settles the report.
        """
        hold(db, Lock.INTAKE)
        now = self.clock()
        cache = RecipientCache(originator=self.node, governance=self.governance(), at=now)
        groups: dict[tuple[str, str], list[OwnCopy]] = {}
        for copy in own_copies.copies(db, report_ids):
            groups.setdefault((copy.report_id, copy.region), []).append(copy)
        new: list[NewCopy] = []
        answers = [self._serve(db, copies, cache, now, to, lost, new) for copies in groups.values()]
        self._settle(db, [copy for copies in groups.values() for copy in copies], now)
        own_copies.add(db, new)
        return answers

    def _serve(
        self,
        db: Transaction,
        copies: Sequence[OwnCopy],
        cache: RecipientCache,
        now: int,
        to: Collection[str] | None,
        lost: bool,
        new: list[NewCopy],
    ) -> ServedReport:
        """Decide about one report in one region; a copy that is needed is added to `new`."""
        first = copies[0]
        if aside := [copy for copy in copies if copy.set_aside]:
            set_aside.take_back(db, [copy.id for copy in aside])
            return _answer(aside[0], RESTORED)
        stored = self._stored(db, copies, now)
        if isinstance(stored, str):
            return _answer(first, stored)
        report = codec.decode(IntelligenceReport, stored.payload)
        labels = labels_of(report, ZERO_HASH)
        entitled = frozenset(cache.decide(labels, first.region).admitted)
        wanted = entitled if to is None else entitled & set(to)
        further, are_recent = self._further(db, copies, wanted, now if lost else None)
        if not further:
            return _answer(first, WAITING if are_recent else NOTHING)
        made = NewCopy(
            of=first,
            message_id=self.random(16),
            payload=stored.payload,
            labels=keep_labels(labels),
            terms=keep_terms(search_terms(report)),
            only_for=" ".join(further),
        )
        new.append(made)
        return replace(_answer(first, RESEALED), message_id=made.message_id, audience=further)

    def _further(
        self, db: Transaction, copies: Sequence[OwnCopy], entitled: frozenset[str], lost_at: int | None
    ) -> tuple[tuple[str, ...], bool]:
        """The parties to serve now; whether a receipt of another one may be on its way.

        Unless `lost_at` is a time (ms), a party is served once.
        """
        further = entitled.difference(*(copy.audience for copy in copies))
        if lost_at is None:
            return tuple(sorted(further)), False
        without = unserved(db, self.node, copies, lost_at)
        return tuple(sorted(further | (entitled & without.late))), bool(entitled & without.recent)

    def _stored(self, db: Transaction, copies: Sequence[OwnCopy], now: int) -> StoredContent | str:
        """What the store has of a report; or the outcome, if it cannot be sealed again now."""
        if any(copy.sequence is None for copy in copies):
            return WAITING
        stored = next((found for copy in copies if (found := own_copies.content(db, self.node, copy))), None)
        if stored is None and any(self._on_its_way(db, copy) for copy in copies):
            return WAITING
        return EXPIRED if stored is None or stored.expires_at <= now else stored

    def _on_its_way(self, db: Transaction, copy: OwnCopy) -> bool:
        """Whether the sealed bytes of a report were not read back yet."""
        sequence = copy.sequence or 0
        return outbox.has_row(db, intel_stream(copy.region), sequence, sequence)

    def _settle(self, db: Transaction, copies: Sequence[OwnCopy], now: int) -> None:
        """Who missed or rejected them is decided about; close the finding of each stream without others."""
        hold(db, Lock.FINDINGS)
        left = own_copies.settle(db, copies)
        sealed = [(intel_stream(copy.region), copy.sequence) for copy in copies if copy.sequence is not None]
        rejections.settle(db, sealed)
        for region in {copy.region for copy in copies} - left:
            stream_findings.close(db, NARROWED, StreamId(stream=intel_stream(region), originator=self.node), now)


def _answer(copy: OwnCopy, outcome: str) -> ServedReport:
    return ServedReport(report_id=copy.report_id, region=copy.region, message_id=copy.message_id, outcome=outcome)
