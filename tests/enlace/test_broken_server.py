"""The client against servers that are no gateway, or a broken one: each call ends with a typed error, or repeats."""

import select
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from enlace.client import (
    AnswerMalformed,
    AsyncClient,
    Client,
    ClientError,
    GatewayFault,
    InvalidCall,
    RetryPolicy,
    Unavailable,
)
from tests.support.broken_server import BrokenServer, Reply, answer, broken_server, whole

TOKEN = "enl_0123456789abcdef_SECRETSECRETSECRET"
POLICY = RetryPolicy(attempts_max=2, pause_seconds=0.001)
WHY: Any = {"purpose": "CROSS_CHECKING", "reason": "test"}
ACCEPTED = b'{"outcome":"accepted","report_id":"r","message_id":"m"}'
HTML = b"<html><body>Please log in</body></html>"
REDIRECT = answer("302 Found", b"", "Location: http://127.0.0.1:1/", "Content-Length: 0")
PAGE = whole("200 OK", HTML, "text/html")
EVENT = b'id: 1\ndata: {"message_id":"m","originator":"BZ","stream":"s","sequence":1}\n\n'
Call = Callable[[Client], Any]

CALLS: dict[str, Call] = {
    "publish": lambda client: client.publish({"a": 1}),
    "publish_many": lambda client: list(client.publish_many([{"a": 1}])),
    "report_state": lambda client: client.report_state("r"),
    "messages": lambda client: list(client.messages(text="x", **WHY)),
    "check": lambda client: client.check(["IMO=1"], **WHY),
    "stream": lambda client: next(client.stream(**WHY)),
    "status": lambda client: client.status(),
    "withheld": lambda client: list(client.withheld()),
    "remove_webhook": lambda client: client.remove_webhook("w"),
}


def client(server: BrokenServer, seconds: float = 5.0) -> Client:
    return Client(server.address, token=TOKEN, retries=POLICY, timeout_seconds=seconds)


def failure(reply: Reply, call: str) -> ClientError:
    """The error of a call against a server that always gives this reply."""
    with broken_server(reply) as server, client(server) as made, pytest.raises(ClientError) as raised:
        CALLS[call](made)
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(vars(raised.value))

    assert TOKEN not in shown
    assert "SECRET" not in shown
    return raised.value


@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_an_error_and_is_not_followed(call: str) -> None:
    """The token must not go to another server; and what was not done must not look as if it were."""
    error = failure(REDIRECT, call)

    assert (type(error), error.code, error.status) == (GatewayFault, "gateway_answer", 302)


@pytest.mark.parametrize("call", [name for name in CALLS if name != "remove_webhook"])
def test_a_page_instead_of_an_answer_is_an_error(call: str) -> None:
    """A stream would otherwise wait for ever, because a page has no events."""
    error = failure(PAGE, call)

    assert type(error) is AnswerMalformed


@pytest.mark.parametrize("call", CALLS)
def test_a_fault_with_a_page_is_an_error_that_does_not_repeat_the_page(call: str) -> None:
    error = failure(whole("500 Internal Server Error", HTML, "text/html"), call)

    assert (type(error), error.code, error.status) == (GatewayFault, "gateway_answer", 500)
    assert "log in" not in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 2",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        answer("200 OK", ACCEPTED[:20], f"Content-Length: {len(ACCEPTED)}"),
        answer("200 OK", b"20\r\n" + ACCEPTED[:10], "Transfer-Encoding: chunked"),
        whole("200 OK", ACCEPTED, "application/json", "Content-Encoding: gzip"),
    ],
    ids=["nothing", "a part of the head", "another protocol", "a cut body", "a cut chunk", "no gzip"],
)
@pytest.mark.parametrize("call", ["publish", "publish_many", "status", "stream"])
def test_an_answer_that_is_cut_is_repeated_and_in_the_end_unavailable(reply: bytes, call: str) -> None:
    if call == "stream" and b"200 OK" in reply:
        return  # a stream that breaks goes on
    error = failure(reply, call)

    assert isinstance(error, Unavailable | AnswerMalformed)


def test_a_cut_answer_is_followed_by_the_same_request_with_the_same_key() -> None:
    cut = answer("202 Accepted", ACCEPTED[:20], f"Content-Length: {len(ACCEPTED)}")
    with broken_server(cut, whole("200 OK", ACCEPTED)) as server, client(server) as made:
        found = made.publish({"a": 1})

    assert found.report_id == "r"
    assert server.requests[0] == server.requests[1]


def test_a_batch_whose_last_line_is_cut_is_continued() -> None:
    """The end of the connection is the end of this answer, so only the line shows that it is cut."""
    cut = answer("200 OK", ACCEPTED + b"\n" + ACCEPTED[:20], "Content-Type: application/x-ndjson")
    rest = whole("200 OK", ACCEPTED + b"\n", "application/x-ndjson")
    with broken_server(cut, rest) as server, client(server) as made:
        found = list(made.publish_many([{"a": 1}, {"a": 2}]))

    assert [item.line for item in found] == [1, 2]
    assert server.requests[1].endswith(b'\r\n\r\n{"a":2}\n')


def drip(connection: socket.socket) -> None:
    """A head, and then a space now and again."""
    connection.sendall(answer("200 OK", b"", "Content-Type: application/json", "Content-Length: 100000"))
    try:
        while True:
            connection.sendall(b" ")
            select.select([connection], [], [], 0.01)  # until the client ends the connection
    except OSError:
        return


def drip_head(connection: socket.socket) -> None:
    """A head that never ends, a byte now and again."""
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"x")
            select.select([connection], [], [], 0.01)  # until the client ends the connection
    except OSError:
        return


@pytest.mark.parametrize("call", ["publish", "status", "stream", "publish_many"])
def test_a_head_that_drips_has_an_end(call: str) -> None:
    """A head may have 100 KB: with a byte for each read, it would take days."""
    with broken_server(drip_head) as server, client(server, 0.05) as made, pytest.raises(Unavailable, match="in time"):
        CALLS[call](made)


@pytest.mark.parametrize("call", ["publish", "status"])
def test_an_answer_that_drips_has_an_end(call: str) -> None:
    """It is never silent for long, so the limit of a silence does not end it."""
    with broken_server(drip) as server, client(server, 0.05) as made, pytest.raises(Unavailable, match="in time"):
        CALLS[call](made)


def test_a_gateway_that_is_silent_is_unavailable() -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(1)

    with broken_server(silent) as server, client(server, 0.1) as made, pytest.raises(Unavailable, match="in time"):
        made.status()


@pytest.mark.parametrize("pause", [b"9" * 5_000, b"99999999999999999999"])
def test_an_absurd_pause_of_a_server_is_shortened(pause: bytes) -> None:
    from enlace.event_lines import RETRY_SECONDS_MAX, EventLines

    lines = EventLines()
    lines.feed(b"retry: " + pause + b"\n\n")

    assert lines.retry_seconds == RETRY_SECONDS_MAX


@pytest.mark.parametrize(
    "call",
    [
        lambda made: made.publish({"a": 1}, idempotency_key="\ud800"),
        lambda made: made.publish({"a": 1}, idempotency_key="a\r\nb: c"),
        lambda made: next(made.stream(last_event_id="\ud800", **WHY)),
        lambda made: made.check(["IMO=\ud800"], **WHY),
        lambda made: list(made.messages(text="\ud800", **WHY)),
        lambda made: made.report_state("\ud800"),
    ],
)
def test_a_text_that_cannot_travel_is_an_invalid_call(call: Call) -> None:
    with broken_server(PAGE) as server, client(server) as made, pytest.raises(InvalidCall):
        call(made)

    assert server.requests == []


def test_a_report_without_text_has_an_answer_of_its_own() -> None:
    """The gateway skips a blank line; the answer of the next report would be taken for that of this one."""
    reply = whole("200 OK", (ACCEPTED + b"\n") * 2, "application/x-ndjson")
    with broken_server(reply) as server, client(server) as made:
        found = list(made.publish_many([" \n", {"a": 2}]))

    assert server.requests[0].endswith(b'\r\n\r\nnull\n{"a":2}\n')
    assert [item.line for item in found] == [1, 2]


@pytest.mark.parametrize("reply", [REDIRECT, PAGE, drip, drip_head], ids=["redirect", "page", "drip", "head"])
async def test_the_client_with_await_does_the_same(reply: Reply) -> None:
    with broken_server(reply) as server:
        async with AsyncClient(server.address, token=TOKEN, retries=POLICY, timeout_seconds=0.05) as made:
            with pytest.raises(ClientError):
                await made.status()
            with pytest.raises(ClientError):
                await made.publish({"a": 1})
            if reply is not drip:  # a stream may be slow
                with pytest.raises(ClientError):
                    await anext(made.stream(**WHY))
