"""What was withheld, what is in quarantine, which agreements are installed, and the status of the node."""

from dataclasses import dataclass, fields
from typing import Final

from starlette.responses import Response

from node.commands.agreements import AgreementPage, list_agreements
from node.commands.quarantine import QuarantinePage, quarantine_page
from node.commands.withheld import WithheldPage, withheld_page
from node.errors import Unavailable
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.paging import AFTER, LIMIT, after_of, limit_of
from node.health.status import NodeStatus
from node.http.json_answer import json_answer
from node.http.media_types import JSON
from node.integrators import scopes
from node.integrators.scopes import Scope

STATUS_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(NodeStatus):
    """The status of the node. All of it is in one answer, so `next` is always null."""

    next: None = None


async def withheld(call: Call) -> Response:
    """The messages that this node opened and may not keep; nothing of their content."""
    return json_answer(
        await withheld_page(
            call.served.store, limit=limit_of(call.query), after=after_of(call.query), actor=call.caller.actor
        )
    )


async def quarantine(call: Call) -> Response:
    """The records that failed a step of the verification, without their bytes."""
    return json_answer(await quarantine_page(call.served.store, limit=limit_of(call.query), after=after_of(call.query)))


async def agreements(call: Call) -> Response:
    """The agreements that are installed, whether they are in force or not."""
    governance = call.served.intake.documents.current()
    limit, after = limit_of(call.query), after_of(call.query)
    return json_answer(list_agreements(governance, now_ms=call.served.now_ms(), limit=limit, after=after))


async def status(call: Call) -> Response:
    """Outbox, streams, counts, findings and problems of the node, at most some moments old.

    What this gateway accepted before is in it; with `Cache-Control: no-cache`, everything before the request is.
    """
    fresh = "no-cache" in call.request.headers.get(_FRESH.name, "").lower()
    try:
        seen = await call.served.status.get(STATUS_SECONDS_MAX, fresh=fresh)
    except TimeoutError:
        message = "the log did not answer in time"
        raise Unavailable("timed_out", message, hint="call again; /readyz says whether the log answers") from None
    return json_answer(StatusAnswer(**{field.name: getattr(seen, field.name) for field in fields(NodeStatus)}))


_FRESH: Final = Parameter(
    name="Cache-Control",
    summary="`no-cache`: the answer is not one that was made for an earlier request.",
)
_AUDITORS: Final = frozenset({Scope.AUDIT, Scope.ADMIN})
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/withheld",
        scopes=_AUDITORS,
        handle=withheld,
        summary="The messages that this node opened and may not keep, the oldest first",
        query=(LIMIT, AFTER),
        answers={200: WithheldPage},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/quarantine",
        scopes=_AUDITORS,
        handle=quarantine,
        summary="The records that failed a step of the verification, the oldest first",
        query=(LIMIT, AFTER),
        answers={200: QuarantinePage},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/agreements",
        scopes=scopes.ALL,
        handle=agreements,
        summary="The agreements that are installed: parties, clauses, signatures, and whether they are in force",
        query=(LIMIT, AFTER),
        answers={200: AgreementPage},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/status",
        scopes=scopes.ALL,
        handle=status,
        summary="Outbox, streams, counts, findings and problems of the node",
        headers=(_FRESH,),
        answers={200: StatusAnswer},
        produces=JSON,
    ),
)
