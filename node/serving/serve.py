"""Serves an application at the doors of the gateway, in the event loop of the caller, until it is asked to stop."""

import asyncio
import logging
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from node.serving.admission import Admission
from node.serving.doors import Door, Doors
from node.serving.http_1_0 import with_length
from node.serving.limits import ADDRESS_SHARE, IDLE_SECONDS_MAX, STOP_SECONDS_MAX
from node.serving.pieces import in_pieces
from node.serving.protocol import Connection

BACKLOG: Final = 1024
SECOND_MS: Final = 1000


class _State(ServerState):
    """What connections share. The header Date is made when a request needs it."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self._now_ms = now_ms

    def dated(self) -> None:
        """Set the headers that every answer has."""
        date = formatdate(self._now_ms() // SECOND_MS, usegmt=True)
        self.default_headers = [(b"date", date.encode("ascii"))]


async def serve(
    app: ASGIApp, doors: tuple[Door, ...], *, connections_max: int, now_ms: Callable[[], int], stopping: asyncio.Event
) -> None:
    """Serve until `stopping` is set. Then nothing is accepted, answers that run may end, and the rest is cut off."""
    _silence_uvicorn()
    config = Config(
        with_length(in_pieces(app)),
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # they would let a client name its own address
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS_MAX,
    )
    config.load()
    state = _State(now_ms)
    admission = Admission(total_max=connections_max, per_address_max=max(1, connections_max // ADDRESS_SHARE))

    def make(on_lost: Callable[[], None]) -> Connection:
        return Connection(config, state, on_lost, state.dated)

    opened = Doors(doors=doors, admission=admission, make=make)
    accepting = asyncio.create_task(opened.accept(), name="gateway")
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((accepting, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        accepting.cancel()
        await _end(opened, state)
    await _result_of(accepting)


async def _end(opened: Doors, state: ServerState) -> None:
    """Let the answers that run end, but not longer than STOP_SECONDS_MAX."""
    for door in opened.doors:
        door.listening.close()
    opened.stop_connecting()
    for connection in list(state.connections):
        connection.shutdown()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await opened.ended()
    except TimeoutError:
        for task in list(state.tasks):
            task.cancel()
        for connection in list(state.connections):
            connection.transport.abort()
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=1.0)


async def _result_of(accepting: asyncio.Task[None]) -> None:
    """Raise the bug that ended the doors, if one did."""
    try:
        await accepting
    except asyncio.CancelledError:
        if not accepting.cancelled():
            raise


def _silence_uvicorn() -> None:
    """Nothing of uvicorn reaches stderr: its lines have other forms, and name paths with identifiers."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
