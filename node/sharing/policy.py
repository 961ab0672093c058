"""May this recipient hold this report? A decision with its reasons, the same for both sides.

Pure. Not here: which agreements are in force (governance.py), whom an audience key is granted (audience.py).
Rules (contract, "Agreement"); default deny:

- one clause alone covers the whole, clauses do not add up;
- its agreement is in force and signed by all parties; originator in `from`, recipient in `to`;
- region, kind, and each subject, person category, handling code and the purpose stand in its lists; `["*"]` lists all;
- retention, `retain_until` minus the UTC date of intake, is at most its limit;
- special-category data needs `special_categories`;
- an originator holds its own;
- where a grant names the clauses only these count, and for a RECALL it is enough that they are in force.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from node.limits import DAY_MS
from node.trust.document_versions import ANY, AgreementVersion, ClauseInForce, document_time_text
from schemas.types import AgreementStatus, Clause, ClauseReference, LabelKind, Labels


class Agreements(Protocol):
    """What a decision asks of governance."""

    def clauses_in_force(self, originator: str, recipient: str, t: int) -> tuple[ClauseInForce, ...]:
        """In force at t."""
        ...

    def agreements_between(self, originator: str, recipient: str) -> tuple[AgreementVersion, ...]:
        """Every version with both as parties."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsideredClause:
    """One clause that does not allow it, or an agreement none of whose clauses could, and the first reason."""

    agreement: str
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDecision:
    """Allowed by `allowing`, or refused for `reason`."""

    outcome: Literal["allowed", "refused"]
    agreement: str | None
    """Id of the agreement that allows it, or that comes closest."""

    agreement_hash: bytes | None
    clause: str | None
    reason: str
    allowing: tuple[ClauseReference, ...]
    """Each clause that covers the whole by itself, by agreement and clause id."""

    considered: tuple[ConsideredClause, ...]

    @property
    def allowed(self) -> bool:
        """Whether the recipient may hold it."""
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
    """Decide under the agreements in force `at` (ms); `clauses`, where a grant names them, are all that count."""
    if originator == recipient:
        return _decision("allowed", None, None, f"{originator} is the originator")
    pairs = governance.clauses_in_force(originator, recipient, at)
    if clauses is not None:
        named = {(reference.agreement, reference.clause) for reference in clauses}
        pairs = tuple(pair for pair in pairs if (pair[0].hash, pair[1].id) in named)
    recall = clauses is not None and labels.kind is LabelKind.RECALL
    failed: list[tuple[int, AgreementVersion, Clause, str]] = []
    allowing: list[ClauseInForce] = []
    for version, clause in pairs:
        failure = None if recall else next(_failures(labels, region, clause), None)
        if failure is None:
            allowing.append((version, clause))
        else:
            failed.append((failure[0], version, clause, failure[1]))
    considered = tuple(ConsideredClause(agreement=v.id, clause=c.id, reason=reason) for _, v, c, reason in failed)
    if allowing:
        version, clause = allowing[0]
        reason = f"clause {clause.id} of {version.id} covers it"
        references = tuple(ClauseReference(agreement=v.hash, clause=c.id) for v, c in allowing)
        return _decision("allowed", version, clause.id, reason, references, considered)
    considered += tuple(_not_in_force(originator, recipient, governance, at))
    if failed:  # the clause that came furthest explains most
        _, version, clause, reason = max(failed, key=lambda item: item[0])
        return _decision("refused", version, clause.id, reason, (), considered)
    if clauses is not None:
        return _decision("refused", None, None, "no clause that the grant names is in force", (), considered)
    if considered:
        first = considered[0]
        return PolicyDecision(
            outcome="refused",
            agreement=first.agreement,
            agreement_hash=None,
            clause=first.clause,
            reason=first.reason,
            allowing=(),
            considered=considered,
        )
    return _decision("refused", None, None, f"no agreement names {originator} and {recipient}")


def _decision(
    outcome: Literal["allowed", "refused"],
    version: AgreementVersion | None,
    clause: str | None,
    reason: str,
    allowing: tuple[ClauseReference, ...] = (),
    considered: tuple[ConsideredClause, ...] = (),
) -> PolicyDecision:
    return PolicyDecision(
        outcome=outcome,
        agreement=version.id if version else None,
        agreement_hash=version.hash if version else None,
        clause=clause,
        reason=reason,
        allowing=allowing,
        considered=considered,
    )


def retention_days(labels: Labels) -> int:
    """`retain_until` minus the UTC date of intake, in days."""
    return labels.retain_until - labels.created_at // DAY_MS


def _failures(labels: Labels, region: str, clause: Clause) -> Iterator[tuple[int, str]]:
    """Each reason why a clause does not cover it, in the order of the contract, with its place in that order."""
    checks = (
        ("region", (region,), clause.regions),
        ("subject", labels.subjects, clause.subjects),
        ("type", (labels.kind.value,), clause.types),
        ("category", labels.subject_categories, clause.categories),
        ("handling code", labels.handling, clause.handling),
        ("purpose", (labels.purpose,), clause.purposes),
    )
    for place, (name, codes, listed) in enumerate(checks):
        if listed != ANY:
            for code in codes:
                if code not in listed:
                    yield place, f"{name} {code} is not in the clause"
    if (days := retention_days(labels)) > clause.retention_days_max:
        yield len(checks), f"retention {days} days exceeds {clause.retention_days_max}"
    if labels.special_category and not clause.special_categories:
        yield len(checks) + 1, "special-category data is not in the clause"


def _not_in_force(originator: str, recipient: str, governance: Agreements, at: int) -> Iterator[ConsideredClause]:
    """Agreements of both that admit nothing here now; of each id the version that says why."""
    newest = {version.id: version for version in governance.agreements_between(originator, recipient)}
    current = {
        version.id: version
        for version in governance.agreements_between(originator, recipient)
        if not version.missing and version.document.from_ <= at
    }
    for version in (newest | current).values():
        lawful = [item for item in version.body.clauses if originator in item.from_ and recipient in item.to]
        if not lawful:
            reason = f"no clause lets {originator} send to {recipient}"
            yield ConsideredClause(agreement=version.id, clause=None, reason=reason)
        elif not version.in_force(at):
            for clause in lawful:
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
