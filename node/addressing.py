"""To whom may a report go? One decision for each other node of the community, by the agreements in force.

Pure. Used at intake, to answer the integrator, and again at sealing, under the state that the batch names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node import policy
from node.governance import Governance
from schemas.types import ClauseReference, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a node may not have the report."""

    recipient: str
    agreement: str | None
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Who is admitted, by which clauses; who is not, and why."""

    admitted: Mapping[str, tuple[ClauseReference, ...]]
    refusals: tuple[Refusal, ...]


def address(labels: Labels, *, region: str, originator: str, governance: Governance, at: int) -> Addressed:
    """Decide for every other node that is a member at `at` (ms)."""
    admitted: dict[str, tuple[ClauseReference, ...]] = {}
    refusals: list[Refusal] = []
    for recipient in governance.members(at):
        if recipient == originator:
            continue
        decision = policy.decide(
            labels, region=region, originator=originator, recipient=recipient, governance=governance, at=at
        )
        if decision.outcome != "allowed":
            refusals.append(
                Refusal(
                    recipient=recipient,
                    agreement=decision.agreement,
                    clause=decision.clause,
                    reason=decision.reason,
                )
            )
        elif not governance.encrypt_keys(recipient, at):
            reason = f"{recipient} has no valid ENCRYPT key"
            refusals.append(Refusal(recipient=recipient, agreement=None, clause=None, reason=reason))
        else:
            admitted[recipient] = decision.allowing
    return Addressed(admitted=admitted, refusals=tuple(refusals))
