"""`/v1/reports`: hand one report in, preview it, and ask what became of it. reports_batch.py takes many."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from node.commands.publish import ItemAnswer
from node.errors import Refused
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.problem import HttpError, problem_response
from node.handing_in.hand_in import hand_in_one
from node.handing_in.hand_in import preview as preview_one
from node.handing_in.idempotency import KEY_LENGTH_MAX, request_key
from node.handing_in.own_report import OwnReportAnswer, own_report
from node.http.body import read_object
from node.http.json_answer import encoded_answer, json_answer
from node.http.media_types import JSON
from node.http.report_body import REPORT_BODY, report_of
from node.http.stated_reason import one_header
from node.integrators.scopes import Scope
from schemas.field_errors import FieldError

KEY_HEADER: Final = "Idempotency-Key"
ACCEPTED: Final = 202
REFUSED: Final = "refused"
_MAY_PUBLISH: Final = frozenset({Scope.PUBLISH})
_SEES_EVERY_REPORT: Final = frozenset({Scope.READ, Scope.AUDIT, Scope.ADMIN})


async def hand_in(call: Call) -> Response:
    """Accept one report; answered when it is safe in the outbox."""
    body, raw = await read_object(call.request, what="a report")
    key = one_header(call.request.headers.raw, KEY_HEADER)
    answered = await hand_in_one(
        call.served.shared,
        report_of(body),
        actor=call.caller.actor,
        integrator=call.caller.integrator,
        key=request_key(None if key is None else key.decode("latin-1"), raw),
    )
    call.served.status.forget()
    if answered.outcome == REFUSED:
        return refused(msgspec.json.decode(answered.json))
    return encoded_answer(answered.json, ACCEPTED if answered.outcome == "accepted" else 200)


async def preview(call: Call) -> Response:
    """The answer that a report would get now; nothing is kept."""
    body, _ = await read_object(call.request, what="a report")
    answer = await preview_one(call.served.shared, report_of(body), actor=call.caller.actor)
    if answer.outcome == REFUSED:
        return refused({"errors": [_fields(error) for error in answer.errors], "report_id": answer.report_id})
    return json_answer(answer)


def refused(answer: dict[str, Any]) -> Response:
    """The problem body of a refused report, with the errors of its fields."""
    errors = msgspec.convert(answer["errors"], tuple[FieldError, ...])
    more = {"outcome": REFUSED, "report_id": answer["report_id"]}
    return problem_response(_error(errors), errors=errors, more=more)


def _fields(error: FieldError) -> dict[str, Any]:
    return {"path": error.path, "code": error.code, "message": error.message, "allowed": error.allowed}


def _error(errors: Sequence[FieldError]) -> Refused | HttpError:
    first = errors[0]
    if first.code == "report_id_conflict":
        hint = "omit report_id, or give the changed report another one"
        return Refused("report_id_conflict", first.message, path=first.path, hint=hint)
    count = "one error" if len(errors) == 1 else f"{len(errors)} errors"
    message = f"the report has {count}; the first: {first.path} {first.message}"
    hint = "correct the fields that `errors` names"
    return HttpError(422, "report_refused", message, path=first.path or None, hint=hint, errors=errors)


async def show_own(call: Call) -> Response:
    """What became of a report. A caller who may only publish sees the reports that it handed in."""
    sees_all = call.caller.may(_SEES_EVERY_REPORT)
    found = await own_report(
        call.served.intake,
        call.request.path_params["report_id"],
        integrator=None if sees_all else call.caller.integrator,
    )
    return json_answer(found)


_KEY: Final = Parameter(
    name=KEY_HEADER,
    summary="A text that is new for each report. A repeated request with the same key and body gets the same answer.",
    schema={"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": "^[!-~]+$"},
)
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/reports",
        scopes=_MAY_PUBLISH,
        handle=hand_in,
        summary="Hand a report in; 202 when it is safe in the outbox, 200 if it was accepted before",
        headers=(_KEY,),
        body={JSON: REPORT_BODY},
        answers={ACCEPTED: ItemAnswer, 200: ItemAnswer},
        produces=JSON,
    ),
    Endpoint(
        method="POST",
        path="/v1/reports:preview",
        scopes=_MAY_PUBLISH,
        handle=preview,
        summary="The answer that a report would get now; nothing is kept",
        body={JSON: REPORT_BODY},
        answers={200: ItemAnswer},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/reports/{report_id}",
        scopes=_MAY_PUBLISH | _SEES_EVERY_REPORT,
        handle=show_own,
        summary="What became of a report: its state on the way to the log, and its outcome at each recipient",
        answers={200: OwnReportAnswer},
        produces=JSON,
    ),
)
