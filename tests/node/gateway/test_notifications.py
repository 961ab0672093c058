"""The stream and the webhooks over HTTP, on a server that runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request

from node.credentials import token_rows
from node.credentials.token_rows import TokenRow
from node.gateway import stream, webhooks
from node.gateway.application import application
from node.gateway.served import Served
from node.integrators.caller import Caller
from node.integrators.scopes import Scope
from node.runtime.home import open_home
from node.runtime.open_intake import OpenIntake, open_intake
from node.runtime.open_node import open_node
from node.webhooks import webhooks as webhook_rows
from tests.support.exchange import report
from tests.support.feeds import copy_messages
from tests.support.processes import agreement, lab, ok

WHY = {"Enlace-Purpose": "INFORMATION_EXCHANGE", "Enlace-Reason": "case 7"}
PUBLIC = "https://93.184.215.14/in"
BODY: dict[str, Any] = {"url": PUBLIC, "secret": "a shared secret"}


class OneCaller:
    """Knows one caller with both scopes."""

    async def caller_of(self, request: Request) -> Caller:
        """Always the same."""
        token = request.headers.get("x-token")
        scopes = frozenset({Scope.READ, Scope.ADMIN})
        return Caller(name="case-system", scopes=scopes, actor="token case-system (1)", token_id=token)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node that stores one message of its own."""
    folder = tmp_path_factory.mktemp("stream")
    [found, _] = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"])).values()
    ok("publish", "-", home=found, data=json.dumps(report(retain_until="2035-12-31")).encode())

    async def send() -> None:
        async with open_node(open_home(found)) as node:
            await node.subscriber.start()
            await node.relay.step()
            while await node.subscriber.step(0):
                pass

    asyncio.run(send())
    return found


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[tuple[httpx.AsyncClient, OpenIntake, asyncio.Event]]:
    """A server with these endpoints only."""
    async with open_intake(open_home(home)) as intake:
        served = Served(home=intake.home, intake=intake, stopping=asyncio.Event())
        app = application(served, [*stream.ENDPOINTS, *webhooks.ENDPOINTS], OneCaller())
        server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
        server.capture_signals = _no_signals  # type: ignore[method-assign]
        task = asyncio.create_task(server.serve())
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=WHY, trust_env=False) as client:
            yield client, intake, served.stopping
        served.stopping.set()
        server.should_exit = True
        await task


@contextmanager
def _no_signals() -> Iterator[None]:
    yield


async def test_a_client_of_server_sent_events_reads_and_resumes(home: Path) -> None:
    """Lines, types and headers are those of the specification; the stream ends when the node stops."""
    async with serving(home) as (client, intake, stopping):
        async with client.stream("GET", "/v1/stream", headers={"Last-Event-ID": "0"}) as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["cache-control"] == "no-store"
            lines = answer.aiter_lines()
            first = await _event(lines)
        async with client.stream("GET", "/v1/stream", headers={"Last-Event-ID": first["id"]}) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": the stream is open"
            [second] = await intake.store.write(partial(copy_messages, number=1))
            event = await _event(lines)
            stopping.set()
            rest = [line async for line in lines]

    assert (first["event"], first["id"]) == ("message", "1")
    assert "narrative" not in json.loads(first["data"])["report"]
    assert event["id"] == str(second)
    assert rest[0].startswith(": the node stops")


@pytest.mark.parametrize("ends", ["revoked", "expired"])
async def test_a_stream_ends_when_its_token_is_revoked_or_expires(home: Path, ends: str) -> None:
    """The message that arrives after that is not shown."""
    async with serving(home) as (client, intake, _):
        now = intake.clock()
        row = TokenRow(
            id=ends,
            name="case-system",
            digest=b"d" * 32,
            scopes="read",
            rate=10,
            created_at=now,
            created_by="test",
            expires_at=now + (1_500 if ends == "expired" else 100_000),
        )
        await intake.store.write(partial(token_rows.add, row=row))
        async with client.stream("GET", "/v1/stream", headers={"X-Token": ends}) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": the stream is open"
            if ends == "revoked":
                await intake.store.write(partial(token_rows.revoke, token_id=ends, by="test", now=now))
                await intake.store.write(partial(copy_messages, number=1))
            async with asyncio.timeout(20):
                rest = [line async for line in lines]

    assert [line for line in rest if line.startswith(("data", ":"))] == [": the token is not valid any more"]


async def _event(lines: Any) -> dict[str, str]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if name and not line.startswith(":"):
            fields[name] = value
        elif not line and "data" in fields:
            break
    return fields


async def test_an_empty_id_is_that_of_a_client_without_an_event(home: Path) -> None:
    """HTML Standard, server-sent events: an empty last event id means none, so the stream begins now."""
    async with (
        serving(home) as (client, _, _),
        client.stream("GET", "/v1/stream", headers={"Last-Event-ID": ""}) as answer,
    ):
        assert answer.status_code == 200


@pytest.mark.parametrize("cursor", ["-1", "x", "9" * 18, "9" * 30, "1.5", "null"])
async def test_an_absurd_cursor_is_a_clear_error(home: Path, cursor: str) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.get("/v1/stream", headers={"Last-Event-ID": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_unknown")
    assert answer.json()["path"] == "Last-Event-ID"


@pytest.mark.parametrize(
    ("query", "path"), [("subject=X", "subject"), ("originator=!", "originator"), ("content=1", "content")]
)
async def test_a_wrong_filter_of_a_stream_is_named(home: Path, query: str, path: str) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.get(f"/v1/stream?{query}")

    assert (answer.status_code, answer.json()["path"]) == (400, path)


async def test_a_stream_needs_a_purpose_and_a_reason(home: Path) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.get("/v1/stream", headers={"Enlace-Reason": ""})

    assert (answer.status_code, answer.json()["code"]) == (400, "purpose_missing")


async def test_a_webhook_is_made_listed_and_removed(home: Path) -> None:
    async with serving(home) as (client, _, _):
        made = await client.post("/v1/webhooks", json={**BODY, "subjects": ["CONTRABAND"], "originators": ["gt"]})
        listed = await client.get("/v1/webhooks")
        deliveries = await client.get(f"{made.headers['location']}/deliveries?state=pending")
        removed = await client.delete(made.headers["location"])
        again = await client.delete(made.headers["location"])
        empty = await client.get("/v1/webhooks")

    assert made.status_code == 201
    assert listed.json() == {"webhooks": [made.json()], "next": None}
    assert made.json().keys() >= {"id", "url", "subjects", "originators", "pending", "failed", "delivered", "dead"}
    assert BODY["secret"] not in made.text + listed.text
    assert deliveries.json() == {"deliveries": [], "next": None}
    assert (removed.status_code, again.status_code, again.json()["code"]) == (204, 404, "not_found")
    assert empty.json()["webhooks"] == []


async def test_pages_of_webhooks_follow_each_other(home: Path) -> None:
    async with serving(home) as (client, _, _):
        for _ in range(3):
            await client.post("/v1/webhooks", json=BODY)
        first = (await client.get("/v1/webhooks?limit=2")).json()
        second = (await client.get(f"/v1/webhooks?limit=2&after={first['next']}")).json()
        for one in (*first["webhooks"], *second["webhooks"]):
            await client.delete(f"/v1/webhooks/{one['id']}")

    assert (len(first["webhooks"]), len(second["webhooks"]), second["next"]) == (2, 1, None)


async def test_the_reason_of_a_webhook_is_read_as_every_reason_is(home: Path) -> None:
    """In UTF-8; an error names the header."""
    reason = {b"Enlace-Reason": "Comprobación en Mélchor".encode()}
    async with serving(home) as (client, intake, _):
        made = await client.post("/v1/webhooks", json=BODY, headers=reason)
        wrong = await client.post("/v1/webhooks", json=BODY, headers={"Enlace-Purpose": "CURIOSITY"})
        kept = await intake.store.read(partial(webhook_rows.by_id, wanted=made.json()["id"]))
        await client.delete(made.headers["location"])

    assert kept is not None
    assert (kept.purpose, kept.reason) == ("INFORMATION_EXCHANGE", "Comprobación en Mélchor")
    assert (wrong.status_code, wrong.json()["path"]) == (400, "Enlace-Purpose")


@pytest.mark.parametrize(
    ("content", "status", "path"),
    [
        (b"", 400, None),
        (b"[]", 400, None),
        (b'{"url": "https://93.184.215.14/"}', 400, "secret"),
        (b'{"url": 7, "secret": "x"}', 400, "url"),
        (b'{"url": "https://127.0.0.1/", "secret": "x"}', 400, "url"),
        (b'{"url": "https://93.184.215.14/", "secret": "x", "secret": "y"}', 400, "secret"),
        (b'{"url": "https://93.184.215.14/", "secret": "x", "more": 1}', 400, "more"),
        (b'{"url": "https://93.184.215.14/", "secret": ""}', 400, "secret"),
        (b'{"url": "https://93.184.215.14/", "secret": "\\u0000"}', 400, "secret"),
        (b'{"url": "https://93.184.215.14/", "secret": "x", "subjects": "CONTRABAND"}', 400, "subjects"),
        (b'{"url": "' + b"x" * 70_000 + b'", "secret": "x"}', 413, "Content-Length"),
    ],
)
async def test_a_malformed_webhook_is_refused_and_not_kept(
    home: Path, content: bytes, status: int, path: str | None
) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.post("/v1/webhooks", content=content, headers={"Content-Type": "application/json"})
        listed = await client.get("/v1/webhooks")

    assert answer.status_code == status, answer.text
    assert answer.json()["path"] == path
    assert listed.json()["webhooks"] == []


async def test_a_webhook_is_sent_as_json(home: Path) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.post("/v1/webhooks", content=b"url=x", headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["code"]) == (415, "content_type_unsupported")


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/webhooks?limit=0", "/v1/webhooks?limit=x", "/v1/webhooks?limit=1001", "/v1/webhooks?after=x"),
        f"/v1/webhooks/{'0' * 8}-0000-0000-0000-{'0' * 12}/deliveries?state=x",
        "/v1/webhooks/x/deliveries",
    ],
)
async def test_a_wrong_page_is_a_clear_error(home: Path, path: str) -> None:
    async with serving(home) as (client, _, _):
        answer = await client.get(path)

    assert answer.status_code == 400
    assert answer.json()["path"] in ("limit", "after", "state", "id")
