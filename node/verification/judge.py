"""Decides the outcome of one record at this node: runs the verification, then applies the clauses.

Pure: the grant that a message names, governance and the time are arguments. `AudienceKeys` hides the private keys.
A record goes  bytes → Verified → (placed by `chain`) → Opened → Decision.

As there is no registry yet, t in step 11 is `sealed_at`. Only "at most five minutes after t" uses the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broker.streams import region_of
from node.errors import Rejected
from node.limits import CLOCK_SKEW_MS_MAX
from node.sharing import policy
from node.sharing.grants import AudienceKeys, check_entry, own_entry
from node.stages import Decision, Grant, NotAddressed, Opened, Outcome, StreamId, Verified, Waiting
from node.trust.governance import Governance
from node.verification.kind_types import Storage
from node.verification.kinds import sealed_kind
from node.verification.opening import open_message
from node.verification.signature_memory import SignatureMemory
from node.verification.unsent import UNSENT_DECISIONS, Unsent
from node.verification.verify import HeldForGovernance, check_key_validity, verify

UNKNOWN_GOVERNANCE: Final = "governance"  # why a record is held that names a governance state that is not here
UNCHECKED: Final = "clock"  # why a record is held that has expired if the clock of this node is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What a decision depends on, besides the record, its grant and the time."""

    node: str
    governance: Governance
    holds: Callable[[bytes], bool]
    """Whether the private key of this id is here."""

    audience_keys: AudienceKeys
    memory: SignatureMemory
    unsent: Unsent = Unsent.HELD
    trusts_clock: bool = True
    """Whether the clock of this node is known to be right: only then is a record withheld as expired."""

    def authenticate(self, value: bytes | None, place: StreamId) -> Verified | Decision:
        """Steps 1 to 7, and the part of step 11 about key and NODE document: a record rejected here takes no place."""
        past_seven: Verified | None = None
        try:
            if not value:
                raise Rejected("framing_invalid", "the record is empty")
            record = verify(value, place=place, governance=self.governance, memory=self.memory)
            if isinstance(record, HeldForGovernance):
                return Decision(
                    outcome=Outcome.HELD, code=UNKNOWN_GOVERNANCE, reason=f"names governance {record.governance}"
                )
            past_seven = record
            check_key_validity(record, self.governance, record.batch.sealed_at)
        except Rejected as error:
            return Decision.rejected(error, traceless=past_seven)
        return record

    def decide(self, record: Verified, *, grant: Grant | None, now: int, dated: int | None = None) -> Decision:
        """Steps 11 to 17 for a record that has its place; `grant` is the grant that its header names, if it is here.

        `dated` is the time at which a checkpoint of its originator says that it was sealed, if that is earlier.
        """
        if (held := held_from_the_future(record, now, dated)) is not None:
            return held
        try:
            if not record.is_sealed_type:
                return self.try_grant(record)
            opened = open_message(
                record,
                grant=grant,
                node=self.node,
                holds=self.holds,
                audience_keys=self.audience_keys,
                governance=self.governance,
            )
        except Rejected as error:
            return Decision.rejected(error)
        match opened:
            case Waiting():
                return waiting_until_expiry(record, opened, now, trusts_clock=self.trusts_clock)
            case NotAddressed():
                return Decision(outcome=Outcome.NOT_ADDRESSED)
            case Opened():
                return self.admit(opened, now, dated)

    def decide_own(self, record: Verified, opened: Opened | None, *, now: int, dated: int | None = None) -> Decision:
        """Steps 11 and 17 for a record of this node itself, with what it sealed into it; `opened` None: an open type.

        Steps 12 to 16 compare the record with its grant and its content, which this node made.
        """
        if (held := held_from_the_future(record, now, dated)) is not None:
            return held
        if opened is None:
            return Decision(outcome=Outcome.COUNTED, code=record.header.type.value)
        return self.admit(opened, now, dated)

    def decide_unsent(self) -> Decision | None:
        """The decision about a record that this node signed and did not send; None: it is decided like any other."""
        return UNSENT_DECISIONS.get(self.unsent)

    def try_grant(self, record: Verified) -> Decision:
        """Step 13 for a grant itself; the other open types are only counted.

        A grant is unwrapped when it arrives, so that a wrong wrap is on record before a message needs the key.
        Agreements are not looked at: a grant may arrive before its agreement, and each message asks for itself.
        """
        if record.grant is not None:
            grant = grant_of(record)
            entry = own_entry(grant, self.node, self.holds)
            if not isinstance(entry, (Waiting, NotAddressed)):
                check_entry(grant, entry, self.governance)
                self.audience_keys.key(grant, entry)
        return Decision(outcome=Outcome.COUNTED, code=record.header.type.value)

    def admit(self, opened: Opened, now: int, dated: int | None = None) -> Decision:
        """Step 17: whether a clause of the own entry covers the labels, and the retention has not ended."""
        batch = opened.verified.batch
        kind = sealed_kind(opened.verified.header.type, opened.labels.kind)
        agreement = clause = None
        if batch.originator != self.node and kind.needs_clause:
            decided = policy.decide(
                opened.labels,
                region=region_of(batch.stream),
                originator=batch.originator,
                recipient=self.node,
                governance=self.governance,
                at=batch.sealed_at if dated is None else dated,
                clauses=opened.clauses,
            )
            agreement, clause = decided.agreement, decided.clause
            if decided.outcome != "allowed":
                return Decision(
                    outcome=Outcome.WITHHELD,
                    code="clause_not_satisfied",
                    reason=decided.reason,
                    opened=opened,
                    agreement=agreement,
                    clause=clause,
                )
        if opened.verified.header.expires_at <= now:
            if not self.trusts_clock:
                return Decision(outcome=Outcome.HELD, code=UNCHECKED, reason="expired, if the clock is right")
            return Decision(
                outcome=Outcome.WITHHELD,
                code="expired",
                reason="its retention ended before it arrived",
                opened=opened,
                agreement=agreement,
                clause=clause,
            )
        if kind.storage is not Storage.MESSAGE:
            return Decision(outcome=Outcome.COUNTED, code=kind.name, opened=opened)
        return Decision(outcome=Outcome.STORED, opened=opened, agreement=agreement, clause=clause)


def waiting_until_expiry(record: Verified, waiting: Waiting, now: int, *, trusts_clock: bool = True) -> Decision:
    """A message that cannot be opened waits until its retention ends; it is looked at again then."""
    ends: int | None = record.header.expires_at
    if ends is not None and ends <= now:
        if trusts_clock:
            return Decision(outcome=Outcome.WITHHELD, code="expired", reason="its retention ended while it waited")
        ends = None  # it is looked at again when the clock is known to be right
    return Decision(outcome=Outcome.WAITING, code=waiting.reason, reason=f"waits for its {waiting.reason}", due_at=ends)


def held_from_the_future(record: Verified, now: int, dated: int | None = None) -> Decision | None:
    """Step 11 at the clock: a record sealed more than five minutes after `now` is held until then."""
    if (record.batch.sealed_at if dated is None else dated) <= now + CLOCK_SKEW_MS_MAX:
        return None
    due = record.batch.sealed_at - CLOCK_SKEW_MS_MAX
    return Decision(outcome=Outcome.HELD, code="future", reason="sealed in the future", due_at=due)


def grant_of(record: Verified) -> Grant:
    """The grant that a verified KEY_GRANT carries, at its place."""
    if record.grant is None:
        raise ValueError("only a KEY_GRANT carries a grant")
    return Grant(
        originator=record.batch.originator,
        sequence=record.sequence,
        sealed_at=record.batch.sealed_at,
        body=record.grant,
    )
