"""`GET /livez`, `/readyz` and `/metrics`: what supervisors, load balancers and Prometheus ask. They show no content."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.health.problem import Problem
from node.integrators.scopes import Scope
from node.metrics.exposition import exposition

UNWELL: Final = 503
FORWARDING_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""A proxy on this machine adds one of them: its peer is elsewhere."""

_ANSWER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["problems"],
    "properties": {
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "since", "subject", "message", "hint"],
                "properties": {
                    "code": {"type": "string"},
                    "since": {"type": ["string", "null"], "format": "date-time"},
                    "subject": {"type": "string"},
                    "message": {"type": "string"},
                    "hint": {"type": ["string", "null"]},
                },
            },
        }
    },
}


async def livez(call: Call) -> Response:
    """Whether the process works."""
    return _health(call.served.watch.alive())


async def readyz(call: Call) -> Response:
    """Whether the node can take reports, and reads and sends."""
    return _health(await call.served.watch.ready())


async def metrics(call: Call) -> Response:
    """The metrics of the node in the text form of Prometheus."""
    body, content_type = await exposition(call.served.watch, call.request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})


def is_local(request: Request) -> bool:
    """Whether the peer of the connection is this machine. No header can make it so; one of a proxy makes it not so."""
    if request.client is None or any(name in request.headers for name in FORWARDING_HEADERS):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _health(problems: Sequence[Problem]) -> Response:
    body = msgspec.json.encode({"problems": presentable(list(problems))})
    headers = {"cache-control": "no-store"}
    return Response(body, UNWELL if problems else 200, headers, "application/json")


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/livez",
        scopes=None,
        handle=livez,
        summary="200 if the process works, 503 if one of its jobs is stuck",
        answers={200: _ANSWER, UNWELL: _ANSWER},
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        scopes=None,
        handle=readyz,
        summary="200 if the node can write and is caught up or makes progress, 503 if not",
        answers={200: _ANSWER, UNWELL: _ANSWER},
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        scopes=frozenset({Scope.ADMIN}),
        handle=metrics,
        summary="Metrics for Prometheus; a program on this machine needs no token",
        without_token=is_local,
        answers={200: None},
    ),
)
