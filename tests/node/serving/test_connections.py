"""Connections with raw sockets: malformed and doubtful requests, silence, and too many connections.

The application of these tests answers with the body that it read, so that a request which was hidden in another one
would be seen.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from node.clock import now_ms
from node.serving import deadlines, protocol
from node.serving.addresses import listening, resolved
from node.serving.doors import Door
from node.serving.limits import HEADER_SIZE_BYTES_MAX, HEADERS_MAX
from node.serving.serve import BACKLOG, serve
from tests.support.serving import exchange_bytes

GET = b"GET /first HTTP/1.1\r\nHost: node\r\n\r\n"
HEAD = b"POST /first HTTP/1.1\r\nHost: node\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(slots=True, kw_only=True)
class Served:
    """A server, and the requests that its application saw."""

    port: int
    seen: list[str]
    stopping: asyncio.Event
    task: asyncio.Task[None]

    async def send(self, *parts: bytes) -> bytes:
        """Send bytes; returns all that comes back until the end of the connection."""
        return await exchange_bytes(self.port, *parts)

    async def problem(self, *parts: bytes) -> tuple[int, str]:
        """Status and code of the only answer."""
        head, _, body = (await self.send(*parts)).partition(b"\r\n\r\n")
        assert b"connection: close" in head.lower()
        return int(head.split()[1]), json.loads(body)["code"]


@asynccontextmanager
async def served(connections_max: int = 100) -> AsyncIterator[Served]:
    """A server on a free port."""
    seen: list[str] = []
    stopping = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        seen.append(f"{request.method} {request.url.path}")
        if request.url.path == "/stream":
            await StreamingResponse(_endless(stopping))(scope, receive, send)
            return
        if request.url.path == "/early":
            await Response("early", 403)(scope, receive, send)
            return
        body = await request.body()
        await Response(body or request.url.path)(scope, receive, send)

    with listening(resolved("127.0.0.1:0"), BACKLOG) as sockets:
        doors = tuple(Door(listening=made) for made in sockets)
        task = asyncio.create_task(serve(app, doors, connections_max=connections_max, now_ms=now_ms, stopping=stopping))
        try:
            yield Served(port=sockets[0].getsockname()[1], seen=seen, stopping=stopping, task=task)
        finally:
            stopping.set()
            await task


async def _endless(stopping: asyncio.Event) -> AsyncIterator[bytes]:
    yield b": begun\n\n"
    await stopping.wait()


@contextmanager
def short(**seconds: float) -> Iterator[None]:
    """Deadlines that a test can wait for."""
    names = {"head": "HEADER_SECONDS_MAX", "silence": "BODY_SILENCE_SECONDS_MAX", "body": "BODY_SECONDS_MAX"}
    names |= {"write": "WRITE_SECONDS_MAX"}
    with ExitStack() as stack:
        for name, value in seconds.items():
            stack.enter_context(patch.object(deadlines, names[name], value))
        yield


async def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    """Also if they come at once, byte by byte, or with an upgrade that is not offered."""
    post = HEAD + b"Content-Length: 2\r\n\r\nhi"
    upgrade = b"GET /h2c HTTP/1.1\r\nHost: node\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    async with served() as server:
        together = await server.send(GET + upgrade + post + LAST)
        single = await server.send(*(bytes([byte]) for byte in GET + LAST))

    assert [together.find(text) >= 0 for text in (b"/first", b"/h2c", b"hi", b"/last")] == [True] * 4
    assert together.count(b"HTTP/1.1 200") == 4
    assert single.count(b"HTTP/1.1 200") == 2
    assert server.seen == ["GET /first", "GET /h2c", "POST /first", "GET /last", "GET /first", "GET /last"]


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + LAST,
        HEAD + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + LAST,
        HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: 4, 4\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: +4\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: -4\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: 0x4\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nabcd" + LAST,
        HEAD + b"Content-Length : 4\r\n\r\nabcd" + LAST,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + LAST,
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + LAST,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + LAST,
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + LAST,
        HEAD + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n" + LAST,
        HEAD + b" folded: x\r\n\r\n" + LAST,
        HEAD + b"A: b\rC: d\r\n\r\n" + LAST,
        HEAD + b"A: b\nC: d\r\n\r\n" + LAST,
        HEAD + b"A: b\x00c\r\n\r\n" + LAST,
        HEAD + b"A b: c\r\n\r\n" + LAST,
        HEAD + b": c\r\n\r\n" + LAST,
        HEAD + b"Host: other\r\n\r\n" + LAST,
        b"GET /first HTTP/1.1\r\n\r\n" + LAST,
        b"GET /first HTTP/1.1\r\nHost: a b\r\n\r\n" + LAST,
        b"GET /first HTTP/1.1\r\nHost: a/b\r\n\r\n" + LAST,
        b"GET /fir st HTTP/1.1\r\nHost: node\r\n\r\n" + LAST,
        b"GET /first\r\nHost: node\r\n\r\n" + LAST,
        b"GET /first HTTP/3.0\r\nHost: node\r\n\r\n" + LAST,
        b"get /first HTTP/1.1\r\nHost: node\r\n\r\n" + LAST,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /first HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LAST,
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(request_: bytes) -> None:
    """The application sees nothing of it, nor of what follows it on the connection."""
    async with served() as server:
        status, code = await server.problem(request_)

    assert (status, code) in {
        (400, "request_malformed"),
        (413, "body_too_long"),
        (505, "http_version_unsupported"),
    }
    assert server.seen == []


async def test_a_chunk_that_is_malformed_ends_the_request_and_the_connection() -> None:
    """What follows is not a request."""
    async with served() as server:
        for body in (
            b"2\r\nhixx" + LAST,
            b"g\r\n" + LAST,
            b"-1\r\n" + LAST,
            b"fffffffffffffffff\r\n" + LAST,
            b"2;\x00\r\nhi\r\n" + LAST,
        ):
            assert (await server.send(HEAD + CHUNKED + b"\r\n" + body)).count(b"HTTP/1.1 200") == 0

    assert "GET /last" not in server.seen


async def test_a_proxy_method_is_refused() -> None:
    async with served() as server:
        assert await server.problem(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n") == (405, "method_not_allowed")
    assert server.seen == []


async def test_a_head_that_is_too_long_is_refused_wherever_it_is_too_long() -> None:
    """One long header, many headers, a long address; also if it never ends."""
    long = HEADER_SIZE_BYTES_MAX
    heads = [
        HEAD + b"A: " + b"b" * long + b"\r\n\r\n",
        HEAD + b"".join(b"A%d: b\r\n" % number for number in range(HEADERS_MAX)) + b"\r\n",
        b"GET /" + b"a" * long + b" HTTP/1.1\r\nHost: node\r\n\r\n",
        HEAD + b"A: " + b"b" * 10 * long,
        b"GET /" + b"a" * 2 * long,
    ]
    async with served() as server:
        answers = [await server.problem(head) for head in heads]

    assert answers == [(431, "headers_too_long")] * len(heads)
    assert server.seen == []


async def test_http_1_0_gets_answers_with_a_length_and_no_stream() -> None:
    """Some proxies and health checks speak it, without Host."""
    async with served() as server:
        answer = await server.send(b"GET /first HTTP/1.0\r\n\r\n")
        stream = await server.problem(b"GET /stream HTTP/1.0\r\n\r\n")

    assert answer.endswith(b"/first")
    assert b"content-length: 6" in answer
    assert stream == (505, "http_version_unsupported")


async def test_a_head_that_comes_too_slowly_is_refused() -> None:
    """A new byte does not give it more time; a connection without a byte is closed without an answer."""
    async with served() as server:
        with short(head=0.3):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            drip = asyncio.create_task(_drip(writer, HEAD + b"A: " + b"b" * 1000))
            answer = await asyncio.wait_for(reader.read(), 10)
            drip.cancel()
            writer.close()
            silent = await server.send()

    assert b"408" in answer
    assert b"request_too_slow" in answer
    assert silent == b""
    assert server.seen == []


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("body", [b"Content-Length: 10\r\n\r\nhi", CHUNKED + b"\r\n2\r\nhi\r\n", CHUNKED + b"\r\n"])
async def test_a_body_that_stands_still_is_refused(body: bytes) -> None:
    """The application gets a disconnect, not a half body."""
    async with served() as server:
        with short(silence=0.2):
            assert await server.problem(HEAD + body) == (408, "request_too_slow")


async def test_a_body_that_drips_for_too_long_is_refused() -> None:
    async with served() as server:
        with short(silence=5, body=0.4):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
            drip = asyncio.create_task(_drip(writer, b"b" * 1000))
            answer = await asyncio.wait_for(reader.read(), 10)
            drip.cancel()
            writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_too_slow" in answer


async def test_a_body_that_is_too_long_is_refused() -> None:
    """By its length before it comes, or as it comes."""
    async with served() as server:
        declared = await server.problem(HEAD + b"Content-Length: 67108865\r\n\r\n")
        with patch.object(protocol, "BODY_SIZE_BYTES_MAX", 1000):
            sent = await server.problem(
                HEAD + CHUNKED + b"\r\n" + b"3e8\r\n" + b"a" * 1000 + b"\r\n5\r\nhello\r\n0\r\n\r\n"
            )

    assert [declared, sent] == [(413, "body_too_long")] * 2


async def test_an_answer_before_the_end_of_the_body_reaches_the_client() -> None:
    """Although the client still sends: the rest of the body is taken and dropped, and the connection ends."""
    async with served() as server:
        head = b"POST /early HTTP/1.1\r\nHost: n\r\nContent-Length: 9000000\r\n\r\n"
        answer = await server.send(head, b"a" * 1_000_000)

    assert answer.startswith(b"HTTP/1.1 403")
    assert answer.endswith(b"early")


async def test_many_requests_at_once_on_one_connection_are_cut_off() -> None:
    async with served() as server:
        answer = await server.send(GET * 1000)

    assert len(server.seen) <= 16
    assert answer.count(b"HTTP/1.1 200") <= 16


async def test_a_connection_above_the_limit_is_turned_away_at_once() -> None:
    """One address may have half of all; a place that is free again is given again."""
    async with served(connections_max=8) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        for _, writer in held:
            writer.write(b"GET /stream HTTP/1.1\r\nHost: node\r\n\r\n")
        for reader, _ in held:
            await reader.readuntil(b"begun")
        assert await server.problem() == (503, "connections_too_many")
        held[0][1].close()
        await held[0][1].wait_closed()
        async with asyncio.timeout(10):
            while b"/last" not in await server.send(LAST):
                pass
        for _, writer in held[1:]:
            writer.close()


async def test_open_streams_end_when_the_server_stops() -> None:
    """And a request that hangs is cut off after its time."""
    async with served() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: node\r\n\r\n")
        await reader.readuntil(b"begun")
        hanging, hanging_writer = await asyncio.open_connection("127.0.0.1", server.port)
        hanging_writer.write(HEAD + b"Content-Length: 10\r\n\r\nhi")
        await server.send(LAST)  # the server has read what came before
        with patch("node.serving.serve.STOP_SECONDS_MAX", 0.2):
            server.stopping.set()
            await asyncio.wait_for(server.task, 3)
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await hanging.readexactly(1)
        for opened in (writer, hanging_writer):
            opened.close()


async def test_an_answer_is_sent_without_waiting_for_more_of_it() -> None:
    """Each connection has TCP_NODELAY: the head and the body of an answer are two segments."""
    made: list[int] = []
    begun = protocol.Connection.connection_made

    def recorded(self: protocol.Connection, transport: asyncio.Transport) -> None:
        made.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        begun(self, transport)

    with patch.object(protocol.Connection, "connection_made", recorded):
        async with served() as server:
            await server.send(LAST)

    assert made == [1]
