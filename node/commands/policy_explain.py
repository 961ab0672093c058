"""Explains a policy decision about a report in a file, with every clause that was considered."""

from pathlib import Path
from typing import Any

from node.clock import now_ms
from node.commands.search import time_of
from node.errors import Refused, UsageError
from node.files import read_file
from node.primitives import ZERO_HASH
from node.reports import ndjson
from node.reports.labels import labels_of
from node.reports.validate import ReportRefused, validate
from node.runtime.home import Home
from node.sharing import policy
from schemas.field_errors import FieldError


def explain(home: Home, *, sender: str, recipient: str, report: Path, at: str | None) -> dict[str, Any]:
    """Whether `recipient` may hold the report of `sender`; raises UsageError or Refused."""
    sender, recipient = sender.upper(), recipient.upper()
    time = time_of(at, "at") if at else now_ms()
    governance = home.documents().governance
    for field, code in (("from", sender), ("to", recipient)):
        if code not in governance.nodes:
            raise UsageError(
                "node_unknown",
                f"no NODE document of {code} is installed",
                path=field,
                hint=f"one of {', '.join(governance.nodes)}",
            )
    obj = ndjson.parse_object(read_file(report, ndjson.ITEM_SIZE_BYTES_MAX))
    if isinstance(obj, FieldError):
        raise UsageError(obj.code, obj.message, path=str(report))
    obj.pop("refers_to", None)  # no part of what a clause looks at
    try:
        draft = validate(obj, originator=sender, topology=home.topology, now_ms=time, resolve_references={})
    except ReportRefused as refused:
        raise Refused(refused.code, refused.message, path=refused.path) from None
    decision = policy.decide(
        labels_of(draft.report, ZERO_HASH),
        region=draft.region,
        originator=sender,
        recipient=recipient,
        governance=governance,
        at=time,
    )
    return {
        "outcome": decision.outcome,
        "agreement": decision.agreement,
        "clause": decision.clause,
        "reason": decision.reason,
        "considered": [
            {"agreement": one.agreement, "clause": one.clause, "reason": one.reason} for one in decision.considered
        ],
    }
