"""Serves the application: uvicorn in the loop of the daemon, or of a process of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from node.errors import UsageError

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; IPv6 in brackets. Raises UsageError."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 1 << 16:
        hint = "write HOST:PORT, such as 127.0.0.1:8443"
        raise UsageError("value_invalid", f"{listen} is not an address", path="gateway.listen", hint=hint)
    return host.strip("[]"), int(port)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Change no handler: the daemon has its own."""
        yield


async def serve(app: ASGIApp, listen: str, stopping: asyncio.Event) -> None:
    """Serve until `stopping` is set; open answers end within some seconds."""
    host, port = address_of(listen)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=4,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    server.should_exit = True
    await serving
