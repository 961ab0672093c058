"""A gateway for tests: the real application on a real home, in process or behind a real server.

The callers are fixed: each has one scope, and its token is its name. tests/node/integrators has the real tokens.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request

from node.gateway.application import application
from node.gateway.endpoints import ENDPOINTS
from node.gateway.problem import HttpError
from node.gateway.served import Served
from node.integrators.caller import Caller
from node.integrators.scopes import Scope
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.serving.addresses import listening, resolved
from node.serving.doors import Door
from node.serving.serve import BACKLOG, serve
from tests.support.openapi import check_answer

WHY = {"Enlace-Purpose": "INFORMATION_EXCHANGE", "Enlace-Reason": "case 7"}
NAMES = ("publish", "other", "read", "check", "audit", "admin")
"""Each caller; `other` is a second integrator that publishes."""


def caller(name: str) -> Caller:
    """The caller of a name."""
    scope = Scope.PUBLISH if name == "other" else Scope(name)
    return Caller(name=name, scopes=frozenset({scope}), actor=f"token {name} (1)", token_id="1")


class KnownCallers:
    """Knows the callers of this module by `Authorization: Bearer NAME`."""

    async def caller_of(self, request: Request) -> Caller:
        """The caller. Raises HttpError 401."""
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in NAMES:
            raise HttpError(401, "token_missing", "this request needs a token")
        return caller(name)


def bearer(name: str) -> dict[str, str]:
    """The header of a caller."""
    return {"Authorization": f"Bearer {name}"}


class Client:
    """Sends requests to a gateway as one of its callers."""

    def __init__(self, http: httpx.AsyncClient, served: Served) -> None:
        self.http = http
        self.served = served

    async def post(self, path: str, json: Any, *, by: str = "publish", **headers: str) -> httpx.Response:
        """POST a JSON value."""
        return await self.http.post(path, json=json, headers={**bearer(by), **_named(headers)})

    async def send(self, path: str, content: Any, *, by: str = "publish", **headers: str) -> httpx.Response:
        """POST bytes, or pieces of bytes."""
        return await self.http.post(path, content=content, headers={**bearer(by), **_named(headers)})

    async def get(self, path: str, *, by: str = "read", **parameters: Any) -> httpx.Response:
        """GET with purpose and reason."""
        return await self.http.get(path, params=parameters or None, headers={**bearer(by), **WHY})


def _named(headers: dict[str, str]) -> dict[str, str]:
    """`Idempotency_Key` as Idempotency-Key."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


HOOKS: dict[str, list[Any]] = {"response": [check_answer]}
"""Each answer of each test is compared with the OpenAPI document."""


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[tuple[Starlette, Served]]:
    """The application of a home."""
    async with open_intake(open_home(home)) as intake:
        served = Served(home=intake.home, intake=intake, stopping=asyncio.Event())
        yield application(served, ENDPOINTS, KnownCallers()), served


@asynccontextmanager
async def gateway(home: Path) -> AsyncIterator[Client]:
    """A client of the application, without a network."""
    async with opened(home) as (app, served):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://node", event_hooks=HOOKS) as http:
            yield Client(http, served)


@asynccontextmanager
async def server(home: Path) -> AsyncIterator[Client]:
    """A client of a real server on a port of loopback."""
    async with opened(home) as (app, served):
        with listening(resolved("127.0.0.1:0"), BACKLOG) as sockets:
            doors = tuple(Door(listening=made) for made in sockets)
            port = sockets[0].getsockname()[1]
            running = asyncio.create_task(
                serve(app, doors, connections_max=1000, now_ms=served.now_ms, stopping=served.stopping)
            )
            try:
                async with httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}", timeout=30, event_hooks=HOOKS
                ) as http:
                    yield Client(http, served)
            finally:
                served.stopping.set()
                await running
