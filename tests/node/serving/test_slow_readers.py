"""Clients that take their answers slowly, or not at all: a slow one gets everything, one that is gone is cut off."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from node.clock import now_ms
from node.serving import deadlines, doors
from node.serving.addresses import listening, resolved
from node.serving.doors import Door
from node.serving.serve import BACKLOG, serve
from node.serving.tls import ServerTls, TlsFiles
from tests.support.certificates import Authority, pem

LONG = bytes(range(256)) * 65_536  # 16 MB: more than the buffers of both kernels
BUFFER_SIZE_BYTES = 65_536
WRITE_SECONDS = 0.4


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer /long at once; at any other path, answer while the request is read to its end."""
    if scope["path"] == "/long":
        await Response(LONG)(scope, receive, send)
        return
    answering = asyncio.create_task(Response(LONG)(scope, _nothing, send))
    await Request(scope, receive).body()
    await answering


async def _nothing() -> dict[str, str]:
    return {"type": "http.disconnect"}


@asynccontextmanager
async def served(tls: ServerTls | None = None) -> AsyncIterator[int]:
    """The port of a server whose deadline for a piece of an answer is short."""
    stopping = asyncio.Event()
    with (
        listening(resolved("127.0.0.1:0"), BACKLOG) as sockets,
        patch.object(deadlines, "WRITE_SECONDS_MAX", WRITE_SECONDS),
        patch.object(doors, "CLOSE_SECONDS_MAX", WRITE_SECONDS),
    ):
        opened = tuple(Door(listening=made, tls=tls) for made in sockets)
        task = asyncio.create_task(serve(_app, opened, connections_max=10, now_ms=now_ms, stopping=stopping))
        try:
            yield sockets[0].getsockname()[1]
        finally:
            stopping.set()
            await task


@asynccontextmanager
async def client(
    port: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that holds little of what it was sent and was not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE_BYTES)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    name = None if context is None else "127.0.0.1"
    reader, writer = await asyncio.open_connection(
        sock=connection, ssl=context, server_hostname=name, limit=BUFFER_SIZE_BYTES
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_slowly(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """The body of the answer, of which a part is taken now and then, within this time at least."""
    await reader.readuntil(b"\r\n\r\n")
    parts: list[bytes] = []
    step = len(LONG) // 40
    for _ in range(40):
        await asyncio.sleep(seconds / 40)
        parts.append(await reader.readexactly(step))
    parts.append(await reader.read())
    return b"".join(parts)


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ServerTls, ssl.SSLContext]:
    """A server with TLS, and what its clients trust."""
    authority = Authority("authority")
    authority.issue(tmp_path, "server")
    files = TlsFiles(certificate=tmp_path / "server.pem", key=tmp_path / "server.key")
    return ServerTls(files), ssl.create_default_context(cadata=pem(authority.certificate))


@pytest.mark.parametrize("is_tls", [False, True])
async def test_a_client_that_takes_its_answer_slowly_gets_all_of_it(
    tls: tuple[ServerTls, ssl.SSLContext], is_tls: bool
) -> None:
    """Although the whole takes longer than each deadline, and the connection ends with the answer."""
    async with served(tls[0] if is_tls else None) as port, client(port, tls[1] if is_tls else None) as (reader, writer):
        writer.write(b"GET /long HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
        body = await asyncio.wait_for(read_slowly(reader, WRITE_SECONDS * 4), 60)

    assert body == LONG


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_a_client_that_takes_nothing_is_cut_off(
    tls: tuple[ServerTls, ssl.SSLContext], is_tls: bool, close: bytes
) -> None:
    """Its place is free again, and the answer does not stay in memory."""
    async with served(tls[0] if is_tls else None) as port, client(port, tls[1] if is_tls else None) as (reader, writer):
        writer.write(b"GET /long HTTP/1.1\r\nHost: node\r\n" + close + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(WRITE_SECONDS * 3)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(len(LONG)), 30)


async def test_a_client_that_sends_its_whole_request_before_it_reads_gets_its_answer() -> None:
    """The deadline of the answer begins when the request is complete."""
    async with served() as port, client(port) as (reader, writer):
        writer.write(b"POST /both HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: 40\r\n\r\n")
        for _ in range(40):
            await asyncio.sleep(WRITE_SECONDS / 10)
            writer.write(b".")
        body = await asyncio.wait_for(read_slowly(reader, 0), 60)

    assert body == LONG
