"""To whom may a report go? One decision for each other node of the community, by the agreements in force.

Pure. Used at intake, to answer the integrator, and again at sealing, under the state that the batch names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from node.limits import DAY_MS
from node.sharing import policy
from node.trust.governance import Governance
from schemas.types import ClauseReference, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a node may not have the report."""

    recipient: str
    agreement: str | None
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Who is admitted, by which clauses; who is not, and why."""

    admitted: Mapping[str, tuple[ClauseReference, ...]]
    refusals: tuple[Refusal, ...]


def decide_recipients(labels: Labels, *, region: str, originator: str, governance: Governance, at: int) -> Recipients:
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
    return Recipients(admitted=admitted, refusals=tuple(refusals))


ANSWERS_REMEMBERED_MAX: Final = 1024  # different labels; reports of one source differ in few


class RecipientCache:
    """Addresses many reports at one time under one governance: equal labels get the same answer, worked out once.

    Labels count as equal if they differ in their salt and the time of day of `created_at` alone: retention counts from
    the date, and nothing else that decides looks at the time.
    """

    def __init__(self, *, originator: str, governance: Governance, at: int) -> None:
        self._originator = originator
        self._governance = governance
        self._at = at
        self._answers: dict[tuple[Labels, str], Recipients] = {}

    def decide(self, labels: Labels, region: str) -> Recipients:
        """The answer of `decide_recipients`; the same object for equal labels."""
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
