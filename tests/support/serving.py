"""A gateway that runs in the loop of a test, clients for it, and tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
from starlette.requests import Request

from node.clock import now_ms
from node.gateway import server
from node.gateway.endpoint import Endpoint
from node.gateway.endpoints import ENDPOINTS
from node.gateway.problem import HttpError
from node.gateway.server import Gateway, bound_gateway
from node.integrators.caller import Caller
from node.integrators.scopes import Scope
from node.integrators.tokens import NewToken, create_token
from node.runtime.home import Home, open_home
from node.runtime.open_intake import OpenIntake, open_intake
from node.system_random import random_bytes
from schemas.types import GatewaySection
from tests.support.processes import agreement, lab

WHY = {"Enlace-Purpose": "INFORMATION_EXCHANGE", "Enlace-Reason": "case 7"}


def two_nodes(folder: Path) -> Path:
    """The home of BZ in an exchange of two nodes."""
    return lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def with_gateway(path: Path, **section: Any) -> Home:
    """The home at `path` with this section [gateway]."""
    home = open_home(path)
    return replace(home, config=msgspec.structs.replace(home.config, gateway=GatewaySection(**section)))


class NoCallers:
    """Knows no caller."""

    async def caller_of(self, request: Request) -> Caller:  # noqa: ARG002 - the port has it
        """Always HttpError 401."""
        raise HttpError(401, "token_missing", "this request needs a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that serves."""

    gateway: Gateway
    intake: OpenIntake
    stopping: asyncio.Event
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.gateway.names[0]

    @property
    def port(self) -> int:
        """The port of its address."""
        return int(self.url.rpartition(":")[2])

    async def token(self, *scopes: Scope, name: str = "case", days: int = 1, rate: int = 1000, now: int = 0) -> str:
        """A new token."""
        new = NewToken(name=name, scopes=[scope.value for scope in scopes], days=days, rate=rate)
        made = await create_token(self.intake.store, new, actor="ana", now=now or now_ms(), random=random_bytes)
        return made.token

    def client(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A client with a token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, **options)


@asynccontextmanager
async def serving(
    path: Path, *, endpoints: tuple[Endpoint, ...] = ENDPOINTS, home: Home | None = None, **section: Any
) -> AsyncIterator[Running]:
    """The gateway of the home at `path`; on a free port of loopback, unless `section` says otherwise."""
    opened = home or with_gateway(path, **{"listen": "127.0.0.1:0", **section})
    stopping = asyncio.Event()
    with bound_gateway(opened) as gateway, patch.object(server, "ENDPOINTS", endpoints):
        async with open_intake(opened) as intake:
            task = asyncio.create_task(gateway.serve(intake, stopping))
            try:
                yield Running(gateway=gateway, intake=intake, stopping=stopping, task=task)
            finally:
                stopping.set()
                await task


async def exchange_bytes(port: int, *parts: bytes) -> bytes:
    """Send bytes to a port of loopback, and read until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
        await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
