"""`POST /v1/check`: whether reports are here about identifiers."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from node.commands.check import CheckAnswer, check
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.gateway.problem import HttpError
from node.http.body import read_object
from node.http.json_answer import json_answer
from node.http.media_types import JSON
from node.integrators.scopes import Scope
from node.reports.question_lines import KEYS, question_of_json
from schemas import codes
from schemas.field_errors import FieldError

IDENTIFIERS_MAX: Final = 1_000
CHECK_SIZE_BYTES_MAX: Final = 4_096_000  # the longest question that `check` takes, a thousand times
IDENTIFIERS: Final = "identifiers"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswers:
    """One result for each identifier, in their order."""

    results: tuple[CheckAnswer, ...]


async def ask(call: Call) -> Response:
    """Answer all identifiers of the body with one read and one write."""
    asked = await _identifiers(call.request)
    answers = await check(
        call.served.store,
        [question_of_json(value) for value in asked],
        why=call.why,
        actor=call.caller.actor,
        now_ms=call.served.now_ms(),
    )
    return json_answer(CheckAnswers(results=tuple(answers)))


async def _identifiers(request: Request) -> list[Any]:
    body, _ = await read_object(request, what="a list of identifiers", most=CHECK_SIZE_BYTES_MAX)
    values = body.get(IDENTIFIERS)
    errors = [
        FieldError(path=name, code="unknown_key", message="is not a key of this request", allowed=(IDENTIFIERS,))
        for name in body
        if name != IDENTIFIERS
    ]
    if values is None:
        errors.append(FieldError(path=IDENTIFIERS, code="missing", message="must be there"))
    elif not isinstance(values, list):
        errors.append(FieldError(path=IDENTIFIERS, code="wrong_type", message="must be a list of identifiers"))
    elif len(values) > IDENTIFIERS_MAX:
        message = f"has {len(values):,} identifiers; {IDENTIFIERS_MAX:,} are allowed"
        errors.append(FieldError(path=IDENTIFIERS, code="too_many", message=message))
    if not errors and isinstance(values, list):
        return values
    first = errors[0]
    hint = 'send {"identifiers": [{"scheme": …, "value": …}]}, in several requests if there are many'
    message = f"{first.path} {first.message}"
    raise HttpError(422, "body_refused", message, path=first.path, hint=hint, errors=errors)


_BODY: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        IDENTIFIERS: {
            "type": "array",
            "maxItems": IDENTIFIERS_MAX,
            "items": {
                "type": "object",
                "properties": {
                    KEYS[0]: {"type": "string", "enum": list(codes.load("schemes").ordered)},
                    KEYS[1]: {"type": "string", "minLength": 1},
                    KEYS[2]: {"type": ["string", "null"], "minLength": 2, "maxLength": 2},
                },
                "required": list(KEYS[:2]),
                "additionalProperties": False,
            },
        }
    },
    "required": [IDENTIFIERS],
    "additionalProperties": False,
}
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/check",
        scopes=frozenset({Scope.CHECK}),
        handle=ask,
        summary=f"Ask whether reports are here about identifiers, {IDENTIFIERS_MAX:,} at most",
        consults=True,
        body={JSON: _BODY},
        answers={200: CheckAnswers},
        produces=JSON,
    ),
)
