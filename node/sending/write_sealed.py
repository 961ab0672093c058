"""Writes what one sealing made: the part of the relay's transaction that concerns drafts, batches and grants."""

from collections.abc import Sequence
from typing import Final

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.sending.acknowledgements import record
from node.sending.addressed_drafts import AddressedDraft
from node.sending.outgoing import Outgoing
from node.sending.seal_drafts import DraftSealer, SealedDrafts
from node.sending.sealing_stops import foreign_records, refuse_foreign
from node.stages import StreamId
from node.store import access_log, outbox, own_batches, own_grants, own_reports, stream_findings
from node.store.access_log import Operation

NARROWED: Final = "audience_narrowed"


def write_sealed(
    db: Transaction, seen: Outgoing, sealer: DraftSealer, drafts: Sequence[AddressedDraft], result: SealedDrafts
) -> None:
    """Store batches, sealed bytes, grants and heads, and note which drafts are sealed.

    Raises HeadMoved, GrantForgotten, and Unavailable `own_stream_foreign` if such a record was read meanwhile.
    """
    record(db, seen.unrecorded)
    outbox.store_batches(db, seen.heads, result.batches)
    refuse_foreign(foreign_records(db, sealer.judge.node))
    own_grants.check(db, result.reused)
    own_grants.put(db, result.grants)
    own_batches.put(db, result.sealed_batches(drafts))
    _note_narrowed(db, sealer, drafts, result)
    own_reports.mark_sealed(db, result.sealed)
    subjects = [(draft.row.report_id, " ".join(draft.admitted)) for draft in drafts if draft.admitted]
    access_log.add(db, Operation.DISCLOSURE, actor=sealer.judge.node, subjects=subjects, now=sealer.now)


def _note_narrowed(
    db: Transaction, sealer: DraftSealer, drafts: Sequence[AddressedDraft], result: SealedDrafts
) -> None:
    """A finding for each stream with a report that a recipient of the answer does not get."""
    first: dict[str, int] = {}
    for draft in drafts:
        if draft.missed:
            first.setdefault(draft.stream, result.sealed[draft.row.id].sequence)
    if not first:
        return
    hold(db, Lock.FINDINGS)
    for stream, sequence in first.items():
        place = StreamId(stream=stream, originator=sealer.judge.node)
        stream_findings.note(db, NARROWED, place, sequence=sequence, position=None, now=sealer.now)
