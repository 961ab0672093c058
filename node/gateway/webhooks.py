"""`/v1/webhooks`: the systems that are called when messages arrive. Only an administrator makes or removes them."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from node.errors import UsageError
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.paging import AFTER, LIMIT, after_of, limit_of
from node.http.body import read_object
from node.http.json_answer import json_answer
from node.http.media_types import JSON
from node.http.query import single
from node.http.stated_reason import stated_reason
from node.integrators.scopes import Scope
from node.notifications import webhook_admin
from node.notifications.feed_filter import cursor_of
from node.notifications.target_rules import rules_of
from node.notifications.webhook_admin import NewWebhook
from node.notifications.webhook_answers import DeliveryAnswer, WebhookAnswer
from node.webhooks.deliveries import DeliveryState

BODY_SIZE_BYTES_MAX: Final = 65_536
ADMIN: Final = frozenset({Scope.ADMIN})
_NAMED_FIELD: Final = re.compile(r"(?:missing required|unknown) field `(?P<name>[^`]{1,64})`")
"""The key that a message of msgspec about a whole object names."""


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/webhooks."""

    url: Annotated[str, msgspec.Meta(max_length=2048)]
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    subjects: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    originators: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    content: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookList:
    """The answer of GET /v1/webhooks."""

    webhooks: tuple[WebhookAnswer, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryList:
    """The answer of GET /v1/webhooks/{id}/deliveries."""

    deliveries: tuple[DeliveryAnswer, ...]
    next: str | None


async def create(call: Call) -> Response:
    """Make a webhook; purpose and reason, if they are given, are kept for its entries in the access log."""
    why = stated_reason(call.request.headers.raw, required=False)
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
    answer = json_answer(made, 201)
    answer.headers["Location"] = f"/v1/webhooks/{made.id}"
    return answer


async def list_all(call: Call) -> Response:
    """A page of webhooks, without their secrets."""
    limit, after = limit_of(call.query), after_of(call.query)
    if after is not None:
        after = webhook_admin.webhook_id(after, "after")
    found = await webhook_admin.list_webhooks(call.served.store, after=after or "", limit=limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    return json_answer(WebhookList(webhooks=tuple(found[:limit]), next=following))


async def delete(call: Call) -> Response:
    """Remove a webhook with its deliveries."""
    await webhook_admin.delete(call.served.store, _id(call.request))
    return Response(status_code=204)


async def list_deliveries(call: Call) -> Response:
    """A page of the deliveries of a webhook in one state."""
    limit, after = limit_of(call.query), after_of(call.query)
    state = single(call.query, "state") or DeliveryState.DEAD.value
    if state not in {known.value for known in DeliveryState}:
        hint = f"one of {', '.join(DeliveryState)}"
        raise UsageError("value_invalid", "there is no such state", path="state", hint=hint)
    found = await webhook_admin.list_deliveries(
        call.served.store,
        _id(call.request),
        DeliveryState(state),
        after=0 if after is None else cursor_of(after, "after"),
        limit=limit + 1,
    )
    following = str(found[limit - 1].id) if len(found) > limit else None
    return json_answer(DeliveryList(deliveries=tuple(found[:limit]), next=following))


async def _body(request: Request) -> WebhookBody:
    """The body of the request. Raises HttpError, and UsageError that names the wrong field."""
    found, _ = await read_object(request, what="a webhook", most=BODY_SIZE_BYTES_MAX)
    try:
        return msgspec.convert(found, WebhookBody, strict=True)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        named = _NAMED_FIELD.search(reason)
        field = named["name"] if named and not path else path.rstrip("`").lstrip(".")
        raise UsageError("value_invalid", f"the webhook is malformed: {reason}", path=field or None) from None


def _id(request: Request) -> str:
    return webhook_admin.webhook_id(request.path_params["id"])


_STATES: Final = {"type": "string", "enum": [state.value for state in DeliveryState]}
ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/webhooks",
        scopes=ADMIN,
        handle=create,
        summary="Make a webhook: its URL is called with each message that arrives from now on",
        body={JSON: WebhookBody},
        answers={201: WebhookAnswer},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/webhooks",
        scopes=ADMIN,
        handle=list_all,
        summary="The webhooks, and how many of their deliveries are in each state",
        query=(LIMIT, AFTER),
        answers={200: WebhookList},
        produces=JSON,
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
            LIMIT,
            AFTER,
        ),
        answers={200: DeliveryList},
        produces=JSON,
    ),
)
