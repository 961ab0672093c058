"""The clients of bench/gateway.py, in a process of their own: `python -m bench.gateway_client PORT KIND DETAIL`.

They write HTTP by hand, because a library would take more time than the server.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from bench import checks, material
from bench.enlace import ITEMS_WARM
from bench.figures import percentile
from node.clock import now_ms
from node.reports.questions import Question

CONNECTIONS: Final = 16
REQUESTS: Final = 2_000 if ITEMS_WARM else 32
BATCHES: Final = 48 if ITEMS_WARM else 16
IN_BATCH: Final = 100 if ITEMS_WARM else 2
EMPTY: Final = "/v1/empty"
HEAD: Final = (
    "POST {path} HTTP/1.1\r\nHost: node\r\nContent-Type: {type}\r\nContent-Length: {length}\r\n"
    "Enlace-Purpose: CROSS_CHECKING\r\nEnlace-Reason: measurement\r\n\r\n"
)


def request(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """The bytes of a request."""
    return HEAD.format(path=path, type=content_type, length=len(body)).encode() + body


class Connection:
    """A connection that is used again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, asked: bytes) -> bytes:
        """Send a request; the body of its answer. AssertionError for an answer that is an error."""
        self._writer.write(asked)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if head[9:10] != b"2":
            raise AssertionError(head)
        lower = head.lower()
        if b"content-length: " in lower:
            return await self._reader.readexactly(int(lower.partition(b"content-length: ")[2].split(b"\r\n", 1)[0]))
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readexactly(2)
        return b"".join(parts)


def requests(kind: str, turn: int) -> tuple[list[bytes], int]:
    """The requests of a round, and how many reports each has."""
    now, first = now_ms(), (turn + 1) * 1_000_000
    if kind == "batch":
        numbers: Iterator[int] = iter(range(first, first + BATCHES * IN_BATCH))
        bodies = [
            b"\n".join(json.dumps(material.report(number, now)).encode() for number in islice(numbers, IN_BATCH))
            for _ in range(BATCHES)
        ]
        return [request("/v1/reports:batch", body, "application/x-ndjson") for body in bodies], IN_BATCH
    path = EMPTY if kind == "empty" else "/v1/reports"
    start = first + 500_000
    reports = (json.dumps(material.report(number, now)).encode() for number in range(start, start + REQUESTS))
    return [request(path, body) for body in reports], 1


async def rate(port: int, kind: str, turn: int) -> dict[str, float]:
    """Reports per second, of as many clients as there are connections."""
    asked, each = requests(kind, turn)
    connections = [await Connection.open(port) for _ in range(CONNECTIONS)]
    following = iter(asked)

    async def send(connection: Connection) -> None:
        for one in following:
            answer = await connection.ask(one)
            if kind != "empty" and answer.count(b'"outcome":"accepted"') != each:
                raise AssertionError(answer[:1_000])

    begun = time.perf_counter()
    await asyncio.gather(*map(send, connections))
    return {"per_second": len(asked) * each / (time.perf_counter() - begun)}


async def check(port: int, messages: int) -> dict[str, float]:
    """The latency of one question at a time, in an open loop at the rate of `check`."""
    questions = checks.questions(messages)
    await _at_rate(port, list(islice(questions, checks.WARM_QUESTIONS)))
    latencies = await _at_rate(port, list(islice(questions, checks.RATE * checks.SECONDS)))
    return {f"p{share}": percentile(latencies, share / 100) * checks.MS for share in (50, 99)}


async def _at_rate(port: int, questions: list[Question]) -> list[float]:
    free = [await Connection.open(port) for _ in range(CONNECTIONS)]
    begun = time.perf_counter() + checks.START_SECONDS

    async def ask(turn: int, question: Question) -> float:
        body = {"scheme": question.scheme, "value": question.value, "country": question.country}
        asked = request("/v1/check", json.dumps({"identifiers": [body]}).encode())
        due = begun + turn / checks.RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        while True:  # a connection that was not needed for a while is closed by the gateway
            connection = free.pop() if free else await Connection.open(port)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await connection.ask(asked)
                free.append(connection)
                return time.perf_counter() - due

    return await asyncio.gather(*(ask(turn, question) for turn, question in enumerate(questions)))


def main(arguments: list[str]) -> int:
    """Measure, and print the figures as JSON."""
    port, kind, detail = int(arguments[0]), arguments[1], int(arguments[2])
    found = asyncio.run(check(port, detail) if kind == "check" else rate(port, kind, detail))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
