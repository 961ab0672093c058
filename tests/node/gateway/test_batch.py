"""`POST /v1/reports:batch`: a line for each line, as they come; a broken connection leaves no half report."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.http import answer_lines, answer_spool, body
from node.reports.line_cutter import LineCutter
from node.reports.ndjson import ITEM_SIZE_BYTES_MAX
from tests.node.gateway.test_reports import drafts
from tests.support.exchange import report
from tests.support.gateway import Client, bearer, gateway, server

NDJSON = {"Content_Type": "application/x-ndjson"}
PATH = "/v1/reports:batch"


def line(number: int, **changes: Any) -> bytes:
    """One report as a line."""
    return json.dumps(report(legal_basis=f"Act {number}", **changes)).encode() + b"\n"


def answers(response: httpx.Response) -> list[dict[str, Any]]:
    """The lines of an answer."""
    return [json.loads(text) for text in response.text.splitlines()]


async def test_each_line_has_its_answer_in_the_order_of_the_lines(home: Path) -> None:
    """A line that is no report is refused with its errors, a blank line is counted, and the others go on."""
    content = (
        line(1) + b"{not json\n" + b"\n" + line(1) + line(2, urgency="SOON") + b'{"a":1,"a":2}\n' + line(3).rstrip()
    )
    async with gateway(home) as node:
        response = await node.send(PATH, content, **NDJSON)
        found = answers(response)

        assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
        assert [(one["line"], one["outcome"]) for one in found] == [
            (1, "accepted"),
            (2, "refused"),
            (4, "duplicate"),
            (5, "refused"),
            (6, "refused"),
            (7, "accepted"),
        ]
        assert [found[index]["errors"][0]["code"] for index in (1, 3, 4)] == ["not_json", "unknown_code", "duplicate"]
        assert found[0]["audience"] == ["GT"]
        assert await drafts(node.served) == 2


async def test_many_lines_are_answered_each(home: Path) -> None:
    """More than one transaction takes."""
    async with gateway(home) as node:
        found = answers(await node.send(PATH, b"".join(line(number) for number in range(450)), **NDJSON))

        assert [one["line"] for one in found] == list(range(1, 451))
        assert {one["outcome"] for one in found} == {"accepted"}
        assert await drafts(node.served) == 450


async def test_an_empty_batch_has_an_empty_answer(home: Path) -> None:
    async with gateway(home) as node:
        response = await node.send(PATH, b"", **NDJSON)

        assert (response.status_code, response.content) == (200, b"")


async def test_lines_are_answered_while_the_batch_is_sent(home: Path) -> None:
    """Over a real connection: the second line is sent after the answer to the first one was read."""
    async with server(home) as node, Raw.opened(node) as raw:
        raw.begin(PATH, "application/x-ndjson")
        raw.chunk(line(1))
        assert json.loads(await raw.answer_line())["line"] == 1
        raw.chunk(line(2)[:40])
        raw.chunk(line(2)[40:])
        assert json.loads(await raw.answer_line())["outcome"] == "accepted"
        raw.writer.write(b"0\r\n\r\n")
        assert await drafts(node.served) == 2


async def test_a_connection_that_ends_within_a_line_leaves_no_half_report(home: Path) -> None:
    """The lines before it are accepted."""
    async with server(home) as node:
        async with Raw.opened(node) as raw:
            raw.begin(PATH, "application/x-ndjson")
            raw.chunk(line(1))
            await raw.answer_line()
            raw.chunk(line(2)[:-20])
            await raw.writer.drain()
        answer = await node.send(PATH, line(1) + line(2), **NDJSON)

        assert [one["outcome"] for one in answers(answer)] == ["duplicate", "accepted"]


async def test_a_batch_by_http_1_0_is_refused_before_a_report_is_accepted(home: Path) -> None:
    """Its answer has no length, so the caller would not get it."""
    async with server(home) as node, Raw.opened(node) as raw:
        head = f"POST {PATH} HTTP/1.0\r\nAuthorization: Bearer publish\r\nContent-Length: {len(line(1))}\r\n\r\n"
        raw.writer.write(head.encode() + line(1))
        answer = await asyncio.wait_for(raw.reader.read(), 30)

        assert answer.startswith(b"HTTP/1.1 505 ")
        assert b'"code":"http_version_unsupported"' in answer
        assert await drafts(node.served) == 0


async def test_a_stalled_batch_ends_with_an_error_after_its_answers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line has the key `error`; what was answered stays accepted."""
    monkeypatch.setattr(body, "PIECE_SECONDS_MAX", 0.3)
    async with server(home) as node, Raw.opened(node) as raw:
        raw.begin(PATH, "application/x-ndjson")
        raw.chunk(line(1) + line(2)[:100])
        assert json.loads(await raw.answer_line())["outcome"] == "accepted"
        assert json.loads(await raw.answer_line())["error"]["code"] == "body_stalled"
        assert await drafts(node.served) == 1


async def test_a_client_that_reads_only_after_it_has_sent_everything_is_answered(home: Path) -> None:
    """The answers wait, in memory and then in a file; the reading of the batch goes on."""
    content = b"".join(line(number % 7) for number in range(6_000))
    async with server(home) as node:
        response = await asyncio.wait_for(node.send(PATH, _pieces(content), **NDJSON), 120)

        assert len(answers(response)) == 6_000


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 50_000):
        yield content[first : first + 50_000]


async def test_answers_that_nobody_reads_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch ends with an error; the file of the answers does not grow without end."""
    monkeypatch.setattr(answer_spool, "SPOOL_SIZE_BYTES_MAX", 2_000)
    spool = answer_spool.AnswerSpool()
    spool.put(b"x" * 1_500)
    with pytest.raises(Exception, match="were not read") as raised:
        spool.put(b"x" * 1_000)
    assert getattr(raised.value, "code", "") == "answers_unread"
    assert await spool.get() == b"x" * 1_500
    spool.put(b"y")
    spool.end()
    assert (await spool.get(), await spool.get()) == (b"y", b"")
    spool.close()


async def test_a_caller_that_stops_to_read_does_not_hold_the_answer_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last line was read, a piece of the answer has some seconds."""
    monkeypatch.setattr(answer_lines, "SEND_SECONDS_MAX", 0.05)

    async def one() -> AsyncIterator[bytes]:
        yield b"{}\n"

    async def stuck(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    answer = await answer_lines.lines_answer(one())
    await asyncio.wait_for(answer({}, stuck, stuck), 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
def test_lines_are_the_same_in_pieces_of_any_size(size: int) -> None:
    """CRLF, CR and LF end a line, also between two pieces; the byte order mark is no part of the first one."""
    content = b"\xef\xbb\xbf" + line(1).rstrip() + b"\r\n" + line(2).rstrip() + b"\r" + b"\n\n" + line(3).rstrip()
    cutter = LineCutter()
    pieces = [content[first : first + size] for first in range(0, len(content), size)]
    items = [item for piece in pieces for item in cutter.feed(piece)] + list(cutter.end())

    assert [number for number, _ in items] == [1, 2, 4]
    assert all(isinstance(item, dict) for _, item in items)


def test_a_line_that_is_too_long_is_refused_and_not_kept() -> None:
    cutter = LineCutter()
    kept = [item for _ in range(20) for item in cutter.feed(b"x" * (ITEM_SIZE_BYTES_MAX // 10))]
    ended = list(cutter.feed(b'x\n{"a": 1}\n'))

    assert kept == []
    assert [number for number, _ in ended] == [1, 2]
    assert getattr(ended[0][1], "code", "") == "too_large"
    assert ended[1][1] == {"a": 1}


class Raw:
    """A connection that is written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._begun = False

    @classmethod
    def opened(cls, node: Client) -> "_Opened":
        """A context with a connection to the server of a client."""
        return _Opened(node.http.base_url.port or 0)

    def begin(self, path: str, content_type: str, *, by: str = "publish") -> None:
        """The head of a POST whose body comes in chunks."""
        token = bearer(by)["Authorization"]
        head = f"POST {path} HTTP/1.1\r\nHost: node\r\nAuthorization: {token}\r\nContent-Type: {content_type}\r\n"
        self.writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """A piece of the body."""
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def answer_line(self) -> bytes:
        """The next chunk of the answer."""
        if not self._begun:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
            assert head.startswith(b"HTTP/1.1 200"), head
            self._begun = True
        size = int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), 30), 16)
        data = await asyncio.wait_for(self.reader.readexactly(size + 2), 30)
        return data[:-2]


class _Opened:
    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._raw = Raw(reader, writer)
        return self._raw

    async def __aexit__(self, *_: object) -> None:
        self._raw.writer.close()
        await asyncio.gather(self._raw.writer.wait_closed(), return_exceptions=True)
