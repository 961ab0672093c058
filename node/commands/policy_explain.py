"""`policy explain`: whether a report may go from one node to another, with every clause that was considered.

Nothing is stored and nothing is logged. Needs the installed documents and no private key.
"""

from dataclasses import dataclass

from node.answers.arguments import parse_time
from node.clock import now_ms
from node.errors import Refused, UsageError
from node.primitives import ZERO_HASH
from node.reports import ndjson
from node.reports.labels import labels_of
from node.reports.validate import ReportRefused, validate
from node.runtime.home import Home
from node.sharing.recipients import decide_recipient
from schemas.excerpts import excerpt
from schemas.field_errors import FieldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A clause that does not cover the report, or an agreement without an applicable clause, and the reason why."""

    agreement: str
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The decision about one report and one recipient."""

    outcome: str
    """allowed or refused."""

    agreement: str | None
    clause: str | None
    reason: str
    considered: tuple[Considered, ...]


def explain(
    home: Home, *, sender: str, recipient: str, report: bytes, at: str | None = None, report_name: str = "report"
) -> Explanation:
    """Whether `recipient` may have the report of `sender`, at the time `at` or now; raises UsageError or Refused.

    `report` is one JSON object. `report_name` is the path of an error about it as a whole.
    """
    sender, recipient = sender.upper(), recipient.upper()
    governance = home.documents().governance
    time = _time_of_intake(at)
    for field, code in (("from", sender), ("to", recipient)):
        if code not in governance.nodes:
            message = f"no NODE document of {excerpt(code)} is installed"
            raise UsageError("node_unknown", message, path=field, hint=f"one of {', '.join(governance.nodes)}")
    item = ndjson.parse_object(report)
    if isinstance(item, FieldError):
        raise UsageError(item.code, item.message, path=report_name)
    item.pop("refers_to", None)  # clauses do not depend on it
    try:
        draft = validate(item, originator=sender, topology=home.topology, now_ms=time, resolve_references={})
    except ReportRefused as refused:
        raise Refused(refused.code, refused.message, path=refused.path) from None
    decision = decide_recipient(
        labels_of(draft.report, ZERO_HASH),
        region=draft.region,
        originator=sender,
        recipient=recipient,
        governance=governance,
        at=time,
    )
    return Explanation(
        outcome=decision.outcome,
        agreement=decision.agreement,
        clause=decision.clause,
        reason=decision.reason,
        considered=tuple(
            Considered(agreement=clause.agreement, clause=clause.clause, reason=clause.reason)
            for clause in decision.considered
        ),
    )


def _time_of_intake(at: str | None) -> int:
    """The time `at` in ms, or now; raises UsageError for a time that no report can have."""
    time = parse_time(at, "at") if at is not None else now_ms()
    if time < 0:
        raise UsageError("out_of_range", f"{at} is before 1970", path="at", hint="as 2026-11-23T12:00:00Z")
    return time
