"""`/v1/webhooks`: the systems that are called when messages arrive. Only an administrator makes or removes them."""

from typing import Annotated, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.commands.justification import justification_of
from node.errors import Refused, UsageError
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.problem import HttpError
from node.integrators.scopes import Scope
from node.notifications import webhook_admin
from node.notifications.feed_filter import cursor_of
from node.notifications.target_rules import rules_of
from node.notifications.webhook_admin import NewWebhook
from node.notifications.webhook_answers import DeliveryAnswer, WebhookAnswer
from node.webhooks.deliveries import DeliveryState
from schemas.json_form import strict_json

BODY_SIZE_BYTES_MAX: Final = 65_536
PAGE_DEFAULT: Final = 100
ADMIN: Final = frozenset({Scope.ADMIN})
_JSON: Final = "application/json"
_PAGE: Final = (
    Parameter(name="limit", summary="Items of a page", schema={"type": "integer", "minimum": 1, "maximum": 1000}),
    Parameter(name="after", summary="`next` of the page before"),
)


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/webhooks."""

    url: Annotated[str, msgspec.Meta(max_length=2048)]
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    subjects: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    originators: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    content: bool = False


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /v1/webhooks."""

    webhooks: tuple[WebhookAnswer, ...]
    next: str | None


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of GET /v1/webhooks/{id}/deliveries."""

    deliveries: tuple[DeliveryAnswer, ...]
    next: str | None


async def create(call: Call) -> Response:
    """Make a webhook; purpose and reason, if they are given, are kept for its entries in the access log."""
    headers = call.request.headers
    why = justification_of(headers.get("Enlace-Purpose"), headers.get("Enlace-Reason"))
    body = await _body(call.request)
    home = call.served.home
    asked = NewWebhook(
        url=body.url,
        secret=body.secret,
        subjects=body.subjects,
        originators=body.originators,
        content=body.content,
    )
    made = await webhook_admin.create(
        call.served.store, home.path, asked, rules_of(home), actor=call.caller.actor, why=why
    )
    return _answer(presentable(made), 201, {"Location": f"/v1/webhooks/{made.id}"})


async def list_all(call: Call) -> Response:
    """A page of webhooks, without their secrets."""
    limit, after = _limit(call.request), call.request.query_params.get("after")
    if after is not None:
        after = webhook_admin.webhook_id(after, "after")
    found = await webhook_admin.list_webhooks(call.served.store, after=after or "", limit=limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    return _answer({"webhooks": presentable(found[:limit]), "next": following})


async def delete(call: Call) -> Response:
    """Remove a webhook with its deliveries."""
    try:
        await webhook_admin.delete(call.served.store, _id(call.request))
    except Refused as error:
        raise _not_found(error) from None
    return Response(status_code=204)


async def list_deliveries(call: Call) -> Response:
    """A page of the deliveries of a webhook in one state."""
    limit, asked = _limit(call.request), call.request.query_params
    state = asked.get("state", DeliveryState.DEAD.value)
    if state not in {known.value for known in DeliveryState}:
        hint = f"one of {', '.join(DeliveryState)}"
        raise UsageError("value_invalid", "there is no such state", path="state", hint=hint)
    after = asked.get("after")
    try:
        found = await webhook_admin.list_deliveries(
            call.served.store,
            _id(call.request),
            DeliveryState(state),
            after=0 if after is None else cursor_of(after, "after"),
            limit=limit + 1,
        )
    except Refused as error:
        raise _not_found(error) from None
    following = str(found[limit - 1].id) if len(found) > limit else None
    return _answer({"deliveries": presentable(found[:limit]), "next": following})


async def _body(request: Request) -> WebhookBody:
    """The body of the request. Raises HttpError and UsageError that names the wrong field."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise HttpError(
            415, "content_type_unsupported", "the body must be JSON", path="Content-Type", hint=f"send {_JSON}"
        )
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > BODY_SIZE_BYTES_MAX:
            raise HttpError(413, "too_large", f"a webhook has at most {BODY_SIZE_BYTES_MAX:,} bytes")
    try:
        return msgspec.convert(strict_json.decode(data), WebhookBody, strict=True)
    except strict_json.JsonError as error:
        raise UsageError(error.code, error.message, path=error.path) from None
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        raise UsageError("value_invalid", f"the webhook is malformed: {reason}", path=field or None) from None


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= webhook_admin.LISTED_MAX):
        message = f"limit is a number from 1 to {webhook_admin.LISTED_MAX:,}"
        raise UsageError("value_invalid", message, path="limit")
    return int(text)


def _id(request: Request) -> str:
    return webhook_admin.webhook_id(request.path_params["id"])


def _not_found(error: Refused) -> HttpError:
    return HttpError(404, "not_found", error.message, path="id", hint="GET /v1/webhooks lists them")


def _answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, _JSON)


_STATES: Final = {"type": "string", "enum": [state.value for state in DeliveryState]}
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/webhooks",
        scopes=ADMIN,
        handle=create,
        summary="Make a webhook: its URL is called with each message that arrives from now on",
        body={_JSON: WebhookBody},
        answers={201: WebhookAnswer},
    ),
    Endpoint(
        method="GET",
        path="/v1/webhooks",
        scopes=ADMIN,
        handle=list_all,
        summary="The webhooks, and how many of their deliveries are in each state",
        query=_PAGE,
        answers={200: WebhookList},
    ),
    Endpoint(
        method="DELETE",
        path="/v1/webhooks/{id}",
        scopes=ADMIN,
        handle=delete,
        summary="Remove a webhook with its deliveries",
        answers={204: None},
    ),
    Endpoint(
        method="GET",
        path="/v1/webhooks/{id}/deliveries",
        scopes=ADMIN,
        handle=list_deliveries,
        summary="The deliveries of a webhook in one state",
        query=(
            Parameter(name="state", summary="pending, failed, delivered or dead; default: dead", schema=_STATES),
            *_PAGE,
        ),
        answers={200: DeliveryList},
    ),
)
