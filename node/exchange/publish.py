"""Accepts drafts: one transaction writes outbox row and access-log entry, and only then is the caller answered.

From here on a report will be sent, or an operator sees why not. A report is known by its id and region: the same
content again is a duplicate, other content is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.errors import Refused
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.sealing.seal import RandomSource
from node.sharing.recipients import RecipientCache, Recipients
from node.stages import Draft
from node.store import access_log, own_reports
from node.store.access_log import Operation
from node.store.engine import Store
from node.trust.governance import Governance


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What became of one draft at intake."""

    outcome: str
    """accepted, duplicate or refused."""

    report_id: str
    message_id: bytes | None
    addressed: Recipients | None = None
    error: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """The intake of one node."""

    store: Store
    node: str
    governance: Callable[[], Governance]
    clock: Callable[[], int]
    random: RandomSource
    actor: str
    """Who hands in: what the access log names."""

    async def accept(self, drafts: Sequence[Draft], *, dry_run: bool = False) -> list[Acceptance]:
        """Accept `drafts` in one transaction; one answer for each, in their order.

        Raises Unavailable with nothing written.
        """
        if dry_run:
            async with self.store.read() as db:
                known = await own_reports.known(db, [(one.report_id, one.region) for one in drafts])
            return self._answers(drafts, known)[0]
        async with self.store.write() as db:
            known = await own_reports.known(db, [(one.report_id, one.region) for one in drafts])
            answers, new = self._answers(drafts, known)
            if new:
                await own_reports.add(db, new)
                accepted = [(one, draft) for one, draft in zip(answers, drafts, strict=True) if one.addressed]
                await access_log.add(
                    db,
                    Operation.COLLECTION,
                    actor=self.actor,
                    subjects=[(draft.report_id, draft.report.legal_basis[:200]) for _, draft in accepted],
                    now=self.clock(),
                )
        return answers

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
                answers.append(_again(draft, earlier))
                continue
            message_id = self.random(16)
            known[name] = own_reports.KnownDraft(message_id=message_id, content_hash=draft.content_hash)
            new.append(
                own_reports.NewDraft(
                    report_id=draft.report_id,
                    region=draft.region,
                    message_id=message_id,
                    content_hash=draft.content_hash,
                    payload=draft.payload,
                    created_at=draft.report.created_at,
                )
            )
            answers.append(
                Acceptance(
                    outcome="accepted",
                    report_id=draft.report_id,
                    message_id=message_id,
                    addressed=recipients.decide(labels_of(draft.report, ZERO_HASH), draft.region),
                )
            )
        return answers, new


def _again(draft: Draft, earlier: own_reports.KnownDraft) -> Acceptance:
    if earlier.content_hash == draft.content_hash:
        return Acceptance(outcome="duplicate", report_id=draft.report_id, message_id=earlier.message_id)
    error = Refused(
        "report_id_conflict",
        f"report {draft.report_id} was accepted for {draft.region} with other content",
        path="report_id",
        hint="leave report_id out, or give the changed report an id of its own",
    )
    return Acceptance(outcome="refused", report_id=draft.report_id, message_id=None, error=error)
