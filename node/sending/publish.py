"""Accepts drafts: one transaction writes the drafts and their access-log entries, and then the caller is answered.

- An accepted draft will be sent; if that is not possible, an operator sees the reason.
- A report is identified by its id and region. The same content again is a duplicate; other content is refused.
- Reports that wait to be sealed have room for DRAFTS_WAITING_MAX rows and DRAFTS_WAITING_BYTES_MAX bytes. Above it
  nothing is accepted until some of them are sealed: own users pay, and learn it at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.errors import Refused, Unavailable
from node.outgoing import report_owners
from node.primitives import ZERO_HASH
from node.reports.kept_forms import keep_labels, keep_terms
from node.reports.labels import expires_at, labels_of
from node.reports.search_terms import search_terms
from node.sealing.seal import RandomSource
from node.sharing.recipients import RecipientCache, Recipients
from node.stages import Draft
from node.store import access_log, counters, own_reports
from node.store.access_log import Operation
from node.trust.governance import Governance

LEGAL_BASIS_LOGGED_CHARS: Final = 200
DRAFTS_WAITING_MAX: Final = 2_000_000
DRAFTS_WAITING_BYTES_MAX: Final = 8 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The answer for one draft."""

    outcome: str
    """accepted, duplicate or refused."""

    report_id: str
    message_id: bytes | None
    addressed: Recipients | None = None
    """Only if it was accepted."""

    error: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandIn:
    """Drafts of one caller."""

    drafts: Sequence[Draft]
    actor: str
    """The person or system that publishes; the access log names it."""

    integrator: str | None = None
    """Who may follow the reports later; None: only those who may follow every report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Accepts the drafts of one node."""

    store: Store
    node: str
    governance: Callable[[], Governance]
    clock: Callable[[], int]
    random: RandomSource

    async def accept(self, drafts: Sequence[Draft], *, actor: str, dry_run: bool = False) -> list[Acceptance]:
        """Accept `drafts` in one transaction; one answer for each, in their order.

        `actor` is the person or system that publishes; the access log names it. A dry run writes nothing.
        Raises Unavailable with nothing written.
        """
        if dry_run:
            known = await self.store.read(lambda db: own_reports.known(db, _names(drafts)))
            return self._answers(drafts, known)[0]
        [answers] = await self.store.write(lambda db: self.accept_in(db, [HandIn(drafts=drafts, actor=actor)]))
        return answers

    def accept_in(self, db: Transaction, hand_ins: Sequence[HandIn]) -> list[list[Acceptance]]:
        """Accept the drafts of several callers within a transaction; the answers of each caller.

        Raises Unavailable; the caller lets the transaction fail.
        """
        hold(db, Lock.INTAKE)
        drafts = [draft for hand_in in hand_ins for draft in hand_in.drafts]
        answers, new = self._answers(drafts, own_reports.known(db, _names(drafts)))
        if new:
            _check_room(db, new)
            own_reports.add(db, new)
        following = iter(answers)
        divided = [list(islice(following, len(hand_in.drafts))) for hand_in in hand_ins]
        self._log(db, hand_ins, divided)
        report_owners.note(
            db,
            [
                (answer.report_id, hand_in.integrator)
                for hand_in, of_caller in zip(hand_ins, divided, strict=True)
                for answer in of_caller
                if hand_in.integrator is not None and answer.error is None
            ],
        )
        return divided

    def _log(self, db: Transaction, hand_ins: Sequence[HandIn], divided: Sequence[Sequence[Acceptance]]) -> None:
        """One entry of the access log for each accepted draft, in one go for each actor."""
        collected: dict[str, list[tuple[str, str]]] = {}
        for hand_in, answers in zip(hand_ins, divided, strict=True):
            for answer, draft in zip(answers, hand_in.drafts, strict=True):
                if answer.addressed:
                    entry = draft.report_id, draft.report.legal_basis[:LEGAL_BASIS_LOGGED_CHARS]
                    collected.setdefault(hand_in.actor, []).append(entry)
        now = self.clock()
        for actor, subjects in collected.items():
            access_log.add(db, Operation.COLLECTION, actor=actor, subjects=subjects, now=now)

    def _answers(
        self, drafts: Sequence[Draft], known: dict[tuple[str, str], own_reports.KnownDraft]
    ) -> tuple[list[Acceptance], list[own_reports.NewDraft]]:
        recipients = RecipientCache(originator=self.node, governance=self.governance(), at=self.clock())
        answers: list[Acceptance] = []
        new: list[own_reports.NewDraft] = []
        for draft in drafts:
            name = (draft.report_id, draft.region)
            earlier = known.get(name)
            if earlier is not None:
                answers.append(_repeated(draft, earlier))
                continue
            message_id, labels = self.random(16), labels_of(draft.report, ZERO_HASH)
            known[name] = own_reports.KnownDraft(message_id=message_id, content_hash=draft.content_hash)
            addressed = recipients.decide(labels, draft.region)
            new.append(
                own_reports.NewDraft(
                    report_id=draft.report_id,
                    region=draft.region,
                    message_id=message_id,
                    content_hash=draft.content_hash,
                    payload=draft.payload,
                    created_at=draft.report.created_at,
                    labels=keep_labels(labels),
                    expires_at=expires_at(labels),
                    terms=keep_terms(search_terms(draft.report)),
                    answered=" ".join(sorted(addressed.admitted)),
                )
            )
            answers.append(
                Acceptance(outcome="accepted", report_id=draft.report_id, message_id=message_id, addressed=addressed)
            )
        return answers, new


def _names(drafts: Sequence[Draft]) -> list[tuple[str, str]]:
    return [(draft.report_id, draft.region) for draft in drafts]


def _check_room(db: Transaction, new: Sequence[own_reports.NewDraft]) -> None:
    """Raise Unavailable if there is no room for these drafts; nothing of them is accepted then."""
    rows = counters.value(db, counters.ACCEPTED) + len(new)
    size = counters.value(db, counters.ACCEPTED_SIZE) + sum(len(draft.payload) for draft in new)
    if rows > DRAFTS_WAITING_MAX or size > DRAFTS_WAITING_BYTES_MAX:
        raise Unavailable(
            "outbox_full",
            f"{rows - len(new)} accepted reports wait to be sealed, and there is no room for more",
            path="outbox",
            hint="find out why they are not sealed, and call again when the outbox has drained",
        )


def _repeated(draft: Draft, earlier: own_reports.KnownDraft) -> Acceptance:
    if earlier.content_hash == draft.content_hash:
        return Acceptance(outcome="duplicate", report_id=draft.report_id, message_id=earlier.message_id)
    error = Refused(
        "report_id_conflict",
        f"report {draft.report_id} was accepted for {draft.region} with other content",
        path="report_id",
        hint="omit report_id, or give the changed report another one",
    )
    return Acceptance(outcome="refused", report_id=draft.report_id, message_id=None, error=error)
