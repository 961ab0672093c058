"""Decides whether a recipient may have a report, and explains why or why not.

Pure. Sender and recipient apply the same rules: the sender before it seals a report, the recipient before it stores it.
Not here: which agreements are in force (trust/governance.py), and the nodes that a report goes to (recipients.py).
Rules (contract, "Agreement"); without an allowing clause the answer is no:

- one clause must cover the whole report; clauses are not combined;
- its agreement is in force and signed by all parties; the originator is in `from`, the recipient in `to`;
- its lists contain region, kind, purpose, and each subject, person category and handling code of the report; `["*"]`
  contains all;
- the retention, `retain_until` minus the UTC date of intake, is at most its limit;
- special-category data needs `special_categories`;
- an originator may always have its own reports;
- if a grant names clauses, only these count; for a RECALL it is enough that one of them is in force.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from node.limits import DAY_MS
from node.trust.document_versions import ANY, AgreementVersion, ClauseInForce, document_time_text
from schemas.types import AgreementStatus, Clause, ClauseReference, LabelKind, Labels


class Agreements(Protocol):
    """The part of Governance that a decision needs."""

    def clauses_in_force(self, originator: str, recipient: str, t: int) -> tuple[ClauseInForce, ...]:
        """Clauses in force at t that let the originator send to the recipient."""
        ...

    def agreements_between(self, originator: str, recipient: str) -> tuple[AgreementVersion, ...]:
        """Every agreement version with both as parties."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsideredClause:
    """A clause that does not cover the report, or an agreement without an applicable clause, and the first reason."""

    agreement: str
    agreement_hash: bytes | None = None
    """None if the agreement is not in force."""

    clause: str | None
    reason: str
    rank: int = -1
    """How many checks the clause passed before it failed; -1 if it is not in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDecision:
    """The answer for one report and one recipient."""

    outcome: Literal["allowed", "refused"]
    reason: str
    agreement: str | None = None
    """Id of the agreement that allows it, or that comes closest."""

    agreement_hash: bytes | None = None
    clause: str | None = None
    allowing: tuple[ClauseReference, ...] = ()
    """Each clause that covers the whole report by itself, by agreement and clause id."""

    considered: tuple[ConsideredClause, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the recipient may have the report."""
        return self.outcome == "allowed"


def decide(
    labels: Labels,
    *,
    region: str,
    originator: str,
    recipient: str,
    governance: Agreements,
    at: int,
    clauses: Collection[ClauseReference] | None = None,
) -> PolicyDecision:
    """Decide under the agreements in force `at` (ms). If a grant names `clauses`, only these count."""
    if originator == recipient:
        return PolicyDecision(outcome="allowed", reason=f"{originator} is the originator")
    in_force = governance.clauses_in_force(originator, recipient, at)
    if clauses is not None:
        named = {(reference.agreement, reference.clause) for reference in clauses}
        in_force = tuple(pair for pair in in_force if (pair[0].hash, pair[1].id) in named)
    recall = clauses is not None and labels.kind is LabelKind.RECALL
    allowing: list[ClauseInForce] = []
    failed: list[ConsideredClause] = []
    for version, clause in in_force:
        failure = None if recall else next(_failures(labels, region, version, clause), None)
        if failure is None:
            allowing.append((version, clause))
        else:
            failed.append(failure)
    if allowing:
        return _allowed(allowing, failed)
    considered = (*failed, *_not_in_force(originator, recipient, governance, at))
    if clauses is not None and not failed:
        reason = "no clause that the grant names is in force"
        return PolicyDecision(outcome="refused", reason=reason, considered=considered)
    if not considered:
        return PolicyDecision(outcome="refused", reason=f"no agreement names {originator} and {recipient}")
    return _refused(considered)


def _allowed(allowing: Sequence[ClauseInForce], failed: Sequence[ConsideredClause]) -> PolicyDecision:
    version, clause = allowing[0]
    return PolicyDecision(
        outcome="allowed",
        reason=f"clause {clause.id} of {version.id} covers it",
        agreement=version.id,
        agreement_hash=version.hash,
        clause=clause.id,
        allowing=tuple(ClauseReference(agreement=version.hash, clause=clause.id) for version, clause in allowing),
        considered=tuple(failed),
    )


def _refused(considered: tuple[ConsideredClause, ...]) -> PolicyDecision:
    """A refusal that names the clause that passed the most checks, because it explains most."""
    closest = max(considered, key=lambda clause: clause.rank)
    return PolicyDecision(
        outcome="refused",
        reason=closest.reason,
        agreement=closest.agreement,
        agreement_hash=closest.agreement_hash,
        clause=closest.clause,
        considered=considered,
    )


def retention_days(labels: Labels) -> int:
    """`retain_until` minus the UTC date of intake, in days."""
    return labels.retain_until - labels.created_at // DAY_MS


def _failures(labels: Labels, region: str, version: AgreementVersion, clause: Clause) -> Iterator[ConsideredClause]:
    """Each reason why a clause of `version` does not cover the report, in the order of the contract."""

    def failure(rank: int, reason: str) -> ConsideredClause:
        return ConsideredClause(
            agreement=version.id, agreement_hash=version.hash, clause=clause.id, reason=reason, rank=rank
        )

    checks = (
        ("region", (region,), clause.regions),
        ("subject", labels.subjects, clause.subjects),
        ("type", (labels.kind.value,), clause.types),
        ("category", labels.subject_categories, clause.categories),
        ("handling code", labels.handling, clause.handling),
        ("purpose", (labels.purpose,), clause.purposes),
    )
    for rank, (name, codes, listed) in enumerate(checks):
        if listed != ANY:
            for code in codes:
                if code not in listed:
                    yield failure(rank, f"{name} {code} is not in the clause")
    if (days := retention_days(labels)) > clause.retention_days_max:
        yield failure(len(checks), f"retention {days} days exceeds {clause.retention_days_max}")
    if labels.special_category and not clause.special_categories:
        yield failure(len(checks) + 1, "special-category data is not in the clause")


def _not_in_force(originator: str, recipient: str, governance: Agreements, at: int) -> Iterator[ConsideredClause]:
    """Agreements between the two nodes that allow nothing at `at`; for each id the version that explains why."""
    newest = {version.id: version for version in governance.agreements_between(originator, recipient)}
    current = {
        version.id: version
        for version in governance.agreements_between(originator, recipient)
        if not version.missing and version.in_force_from <= at
    }
    for version in (newest | current).values():
        applicable = [
            clause for clause in version.body.clauses if originator in clause.from_ and recipient in clause.to
        ]
        if not applicable:
            reason = f"no clause lets {originator} send to {recipient}"
            yield ConsideredClause(agreement=version.id, clause=None, reason=reason)
        elif not version.in_force(at):
            for clause in applicable:
                yield ConsideredClause(agreement=version.id, clause=clause.id, reason=_why_not(version, at))


def _why_not(version: AgreementVersion, at: int) -> str:
    document = version.document
    if version.missing:
        return f"agreement is not signed by {', '.join(version.missing)}"
    if version.body.status is not AgreementStatus.IN_FORCE:
        return f"agreement is {version.body.status.value.lower()}"
    if at < document.from_:
        return f"agreement is not in force before {document_time_text(document.from_)}"
    if at >= document.until:
        return f"agreement expired on {document_time_text(document.until)}"
    return "a later version of the agreement has taken its place"
