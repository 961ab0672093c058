"""Finds the recipients of a report: one policy decision for each other node of the community.

Pure. The rules for one recipient are in policy.py. Intake uses this module to answer the integrator, and sealing
uses it again to make the audience of the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from node.limits import DAY_MS
from node.sharing import policy
from node.sharing.policy import PolicyDecision
from node.trust.governance import Governance
from schemas.types import ClauseReference, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A node that may not have the report, and why."""

    recipient: str
    agreement: str | None
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """The nodes that may have a report, and those that may not."""

    admitted: Mapping[str, tuple[ClauseReference, ...]]
    """Node code -> the clauses that allow it."""

    refusals: tuple[Refusal, ...]


def decide_recipients(labels: Labels, *, region: str, originator: str, governance: Governance, at: int) -> Recipients:
    """Decide for every node except the originator that is a member at `at` (ms)."""
    admitted: dict[str, tuple[ClauseReference, ...]] = {}
    refusals: list[Refusal] = []
    for recipient in governance.members(at):
        if recipient == originator:
            continue
        decision = decide_recipient(
            labels, region=region, originator=originator, recipient=recipient, governance=governance, at=at
        )
        if decision.allowed:
            admitted[recipient] = decision.allowing
        else:
            refusals.append(
                Refusal(
                    recipient=recipient,
                    agreement=decision.agreement,
                    clause=decision.clause,
                    reason=decision.reason,
                )
            )
    return Recipients(admitted=admitted, refusals=tuple(refusals))


def decide_recipient(
    labels: Labels, *, region: str, originator: str, recipient: str, governance: Governance, at: int
) -> PolicyDecision:
    """Decide for one node: a clause must allow the report, and the node must have a key to encrypt it to."""
    decision = policy.decide(
        labels, region=region, originator=originator, recipient=recipient, governance=governance, at=at
    )
    if not decision.allowed or recipient == originator or governance.encrypt_keys(recipient, at):
        return decision
    missing = "ENCRYPT key" if governance.node_valid(recipient, at) else "NODE document"
    return PolicyDecision(
        outcome="refused", reason=f"{recipient} has no valid {missing}", considered=decision.considered
    )


ANSWERS_REMEMBERED_MAX: Final = 1024  # different labels; reports from one source have few


class RecipientCache:
    """Decides the recipients of many reports at one time, once for all reports with equal labels.

    Labels are equal if they differ only in their salt and in the time of day of `created_at`: retention counts from
    the date, and no other rule uses the time.
    """

    def __init__(self, *, originator: str, governance: Governance, at: int) -> None:
        self._originator = originator
        self._governance = governance
        self._at = at
        self._answers: dict[tuple[Labels, str], Recipients] = {}

    def decide(self, labels: Labels, region: str) -> Recipients:
        """The result of `decide_recipients`. Equal labels give the same object."""
        day = labels.created_at - labels.created_at % DAY_MS
        name = (structs.replace(labels, salt=b"", created_at=day), region)
        answer = self._answers.get(name)
        if answer is None:
            answer = decide_recipients(
                labels, region=region, originator=self._originator, governance=self._governance, at=self._at
            )
            if len(self._answers) < ANSWERS_REMEMBERED_MAX:
                self._answers[name] = answer
        return answer
