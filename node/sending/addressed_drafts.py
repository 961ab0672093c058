"""Decides again, at the time of sealing, who may read each draft. Pure.

The labels were derived when the report was accepted. A draft that an earlier version of Enlace accepted has none: only
then the report is decoded here.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from msgspec import structs

from broker.streams import intel_stream
from node.limits import CLOCK_SKEW_MS_MAX
from node.primitives import ZERO_HASH, digest, frame
from node.reports.kept_forms import keep_terms, kept_labels
from node.reports.labels import labels_of
from node.reports.search_terms import search_terms
from node.sharing.audience import Audience, audience_of
from node.sharing.recipients import RecipientCache, Recipients
from node.store.own_reports import UnsealedDraft
from node.trust.governance import Governance
from schemas.avro import codec
from schemas.types import IntelligenceReport, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedDraft:
    """A draft and the audience that it will be sealed for. Made by `address_drafts` only."""

    row: UnsealedDraft
    labels: Labels
    """Without salt."""

    terms: bytes
    """What it is found by (node/reports/kept_forms.py)."""

    audience: Audience
    audience_hash: bytes
    admitted: tuple[str, ...]
    """Codes of the recipients, without this node."""

    @property
    def missed(self) -> tuple[str, ...]:
        """Recipients that intake answered, and that may not have the report any more."""
        return tuple(code for code in (self.row.answered or "").split() if code not in self.admitted)

    @property
    def stream(self) -> str:
        """The stream that the draft is sealed into."""
        return intel_stream(self.row.region)


def address_drafts(
    rows: Sequence[UnsealedDraft],
    *,
    originator: str,
    governance: Governance,
    now: int,
) -> list[AddressedDraft]:
    """Decide the recipients of each draft. An audience is made and hashed once for all its drafts."""
    decide = RecipientCache(originator=originator, governance=governance, at=now).decide
    audiences: dict[
        tuple[int, str | None], tuple[Recipients, Recipients, Audience, bytes]
    ] = {}  # the cache keeps each answer
    drafts = []
    for row in rows:
        labels, terms = _known_at_intake(row)
        recipients = decide(labels, row.region)
        name = id(recipients), row.only_for
        if name not in audiences:
            admitted = _restricted(recipients, row.only_for)
            made = audience_of(admitted.admitted, originator=originator, governance=governance, t=now)
            audiences[name] = recipients, admitted, made, audience_hash(made)
        _, admitted, audience, hash_ = audiences[name]
        drafts.append(
            AddressedDraft(
                row=row,
                labels=labels,
                terms=terms,
                audience=audience,
                audience_hash=hash_,
                admitted=tuple(admitted.admitted),
            )
        )
    return drafts


def _restricted(recipients: Recipients, only_for: str | None) -> Recipients:
    """The recipients of a copy: those of `only_for` that are still entitled."""
    if only_for is None:
        return recipients
    wanted = set(only_for.split())
    admitted = {code: clauses for code, clauses in recipients.admitted.items() if code in wanted}
    return Recipients(admitted=admitted, refusals=recipients.refusals)


def from_now(row: UnsealedDraft, now: int) -> UnsealedDraft:
    """A draft that was accepted under a clock that was ahead counts as accepted at `now` (ms); others stay as they are.

    A damaged payload stays too: it is found when the draft is sealed.
    """
    if row.created_at <= now + CLOCK_SKEW_MS_MAX:
        return row
    payload = row.payload
    with suppress(codec.BadMessage):
        payload = codec.encode(structs.replace(codec.decode(IntelligenceReport, payload), created_at=now))
    return dataclasses.replace(row, payload=payload, created_at=now, labels=None, terms=None)


def _known_at_intake(row: UnsealedDraft) -> tuple[Labels, bytes]:
    """The labels and the search terms of a draft."""
    if row.terms is not None and (labels := kept_labels(row.labels)) is not None:
        return labels, row.terms
    report = codec.decode(IntelligenceReport, row.payload)
    return labels_of(report, ZERO_HASH), keep_terms(search_terms(report))


def audience_hash(audience: Audience) -> bytes:
    """The hash of a set of (recipient, key, clauses): another clause, member or key gives another hash."""
    return digest(
        frame(
            *(
                frame(member.recipient, member.key_id, *(codec.encode(clause) for clause in member.clauses))
                for member in audience
            )
        )
    )
