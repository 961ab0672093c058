"""Bad input over HTTP: each gets an error with a stable code, and nothing of it is written.

The requests go to a real server where the server itself reads them. faults.md rows 59 and 61.
"""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.database.damage import store_damaged
from node.http import body
from tests.node.gateway.test_batch import Raw
from tests.node.gateway.test_reports import drafts
from tests.support.exchange import report
from tests.support.gateway import bearer, gateway, server
from tests.support.processes import ok

JSON = {"Content_Type": "application/json"}
VALID = json.dumps(report()).encode()
HOSTILE = (
    "'; DROP TABLE message; --",
    '" OR 1=1 --',
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    'line one\nline two\r\n{"event": "forged"}',
    "\u202egnp.exe\u2066 right to left",
    "zero\u0000byte",
    "\u001b[2J\u0007 control",
    "{{7*7}} ${7*7} %s %n",
    "../../etc/passwd",
    "\U0001f600 \ufeff \ufffe",
)


def body_of(text: str) -> dict[str, Any]:
    """A report with this narrative."""
    return report(narrative={"text": text, "language": "en"})


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_stored_as_it_is_or_refused_with_its_field(home: Path, text: str) -> None:
    """Row 59: what is accepted comes back unchanged, and the answer is JSON that encodes it."""
    async with gateway(home) as node:
        answer = await node.post("/v1/reports", body_of(text))
        count = await drafts(node.served)

        if answer.status_code == 422:
            assert [error["path"] for error in answer.json()["errors"]] == ["narrative.text"]
            assert count == 0
            return
        assert (answer.status_code, count) == (202, 1)
        payload = await node.served.store.read(lambda db: db.exec_driver_sql("SELECT payload FROM draft").scalar_one())
        assert text.encode() in payload
        assert await node.served.store.read(lambda db: db.exec_driver_sql("SELECT count(*) FROM message").scalar()) == 0


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_in_a_search_finds_nothing_or_is_refused_with_its_parameter(home: Path, text: str) -> None:
    async with gateway(home) as node:
        for name in ("text", "originator"):
            answer = await node.get("/v1/messages", **{name: text})
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 400:
                assert answer.json()["path"] == name
            else:
                assert answer.json() == {"messages": [], "next": None}


async def test_a_log_line_stays_one_line(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Row 59: what callers send does not make lines of the log."""
    async with gateway(home) as node:
        for text in HOSTILE:
            await node.post("/v1/reports", body_of(text))
            await node.get("/v1/messages", text=text)
        await node.http.get("/v1/%0aforged", headers=bearer("read"))

    assert "forged" not in capfd.readouterr().err


async def test_a_text_of_64_kib_is_refused_or_taken_whole_and_one_of_1_mb_is_refused_with_the_limit(home: Path) -> None:
    """Row 59. The error names the field or the limit, and nothing is written."""
    async with gateway(home) as node:
        long = await node.post("/v1/reports", body_of("x" * 65_536))
        assert long.status_code in (202, 422)
        if long.status_code == 422:
            assert [(one["path"], one["code"]) for one in long.json()["errors"]] == [("narrative.text", "too_long")]
        before = await drafts(node.served)
        for size in (500_000, 1_000_000, 3_000_000):
            answer = await node.post("/v1/reports", body_of("x" * size))
            assert answer.status_code in (413, 422)
            codes = {answer.json()["code"], *(one["code"] for one in answer.json()["errors"])}
            assert codes & {"too_large", "too_long"}
            assert len(answer.content) < 10_000
        assert await drafts(node.served) == before


async def test_a_report_for_another_originator_is_refused(home: Path) -> None:
    """Row 61: the node signs its own name only, whatever the body says."""
    async with gateway(home) as node:
        for name, value in (("originator", "GT"), ("kind", "RETRACTION"), ("created_at", "2026-01-01T00:00:00Z")):
            answer = await node.post("/v1/reports", {**report(), name: value})
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, name)
            assert answer.json()["errors"][0]["code"] == "unknown_key"
        reference = "GT:8b8be73a-f678-5a5b-86a4-799c3959547f"
        answer = await node.post("/v1/reports", report(refers_to=[reference]))
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "refers_to[0]")
        assert await drafts(node.served) == 0


@pytest.mark.parametrize(
    ("content", "code", "path"),
    [
        (b"", "not_json", ""),
        (b"{", "not_json", ""),
        (b"[]", "not_an_object", ""),
        (b"7", "not_an_object", ""),
        (b'"text"', "not_an_object", ""),
        (b"null", "not_an_object", ""),
        (VALID + b"x", "not_json", ""),
        (VALID + VALID, "not_json", ""),
        (b'{"urgency": NaN}', "not_json", ""),
        (b'{"urgency": "\\ud800"}', "not_json", "urgency"),
        (b'{"urgency": "\xed\xa0\x80"}', "not_json", ""),
        (b'{"urgency": "\xff"}', "not_json", ""),
        ("{}".encode("utf-16"), "not_json", ""),
        (b'{"urgency": "NORMAL", "urgency": "URGENT_DIRECT"}', "duplicate", "urgency"),
        (b'{"place": {"area": "a", "area": "b"}}', "duplicate", "place.area"),
        (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, "not_json", ""),
        (b"[" * 100_000, "not_json", ""),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not_json", ""),
    ],
)
async def test_malformed_json_is_refused_with_its_place(home: Path, content: bytes, code: str, path: str) -> None:
    async with gateway(home) as node:
        for where in ("/v1/reports", "/v1/reports:preview"):
            answer = await node.send(where, content, **JSON)
            assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid")
            assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [(path, code)]
        assert await drafts(node.served) == 0


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1e-400", b"9" * 400, b"0.1", b"-0", b"1" + b"0" * 30])
async def test_a_number_of_any_size_is_refused_with_its_field(home: Path, number: bytes) -> None:
    entity = b'{"id": ' + number + b', "kind": "VESSEL", "statement": "FACT", "identifiers": []}'
    content = VALID.replace(json.dumps(report()["entities"][0]).encode(), entity)
    assert content != VALID
    async with gateway(home) as node:
        answer = await node.send("/v1/reports", content, **JSON)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == "entities[0].id"


WRONG_TYPES = (
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "json"),
    *("", "application/json; charset=utf-16", "application/json; charset=latin-1", "application/x-ndjson"),
)


@pytest.mark.parametrize("content_type", WRONG_TYPES)
async def test_a_body_of_another_type_is_refused(home: Path, content_type: str) -> None:
    async with gateway(home) as node:
        answer = await node.send("/v1/reports", VALID, Content_Type=content_type)

        assert (answer.status_code, answer.json()["code"]) == (415, "content_type_unsupported")
        assert await drafts(node.served) == 0


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
async def test_json_is_read_however_its_type_is_written(home: Path, content_type: str) -> None:
    async with gateway(home) as node:
        assert (await node.send("/v1/reports", VALID, Content_Type=content_type)).status_code == 202


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports:batch"])
async def test_a_compressed_body_is_refused_and_not_unpacked(home: Path, path: str) -> None:
    """A bomb of 20 kB would be 20 MB."""
    bomb = gzip.compress(b" " * 20_000_000)
    async with gateway(home) as node:
        for encoding in ("gzip", "br", "deflate, gzip"):
            answer = await node.send(path, bomb, Content_Encoding=encoding)
            assert (answer.status_code, answer.json()["code"]) == (415, "content_encoding_unsupported")
            assert answer.headers["accept-encoding"] == "identity"
        assert (await node.send(path, VALID, Content_Encoding="identity")).status_code in (200, 202)


async def test_a_body_that_announces_too_much_is_refused_before_it_is_read(home: Path) -> None:
    """Over a real connection: the answer comes although nothing of the body was sent."""
    async with server(home) as node, Raw.opened(node) as raw:
        head = "POST /v1/reports HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer publish\r\n"
        raw.writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 5000000000\r\n\r\n".encode())
        answer = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 30)

        assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_in_chunks_without_end_is_refused_at_the_limit(home: Path) -> None:
    async with server(home) as node:

        async def pieces(count: int) -> Any:
            for _ in range(count):
                yield b" " * 65_536

        answer = await node.send("/v1/reports", pieces(40), **JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert "connection" not in answer.headers
        with pytest.raises(httpx.TransportError):  # it is closed before everything was sent
            await node.send("/v1/reports", pieces(4_000), **JSON)
        assert (await node.send("/v1/reports", VALID, **JSON)).status_code == 202


@pytest.mark.parametrize("limit", ["PIECE_SECONDS_MAX", "BODY_SECONDS_MAX"])
async def test_a_stalled_body_ends_with_an_error(home: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """408, and the connection ends; other requests are served meanwhile."""
    monkeypatch.setattr(body, limit, 0.5)
    async with server(home) as node, Raw.opened(node) as raw:
        raw.begin("/v1/reports", "application/json")
        raw.chunk(VALID[:50])
        other = await node.post("/v1/reports", report())
        head = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 30)

        assert other.status_code == 202
        assert head.startswith(b"HTTP/1.1 408")
        assert b"body_stalled" in await asyncio.wait_for(raw.reader.read(), 30)


async def test_a_connection_that_ends_within_the_body_writes_nothing(home: Path) -> None:
    async with server(home) as node:
        async with Raw.opened(node) as raw:
            raw.begin("/v1/reports", "application/json")
            raw.chunk(VALID[:-1])
            await raw.writer.drain()
        assert (await node.get("/v1/status", by="read")).status_code == 200
        assert await drafts(node.served) == 0


PATHS = (
    *("/v1/reports/", "//v1/reports", "/v1//reports", "/v1/reports/x/y", "/v1/reports%2Fx%2Fy", "/V1/reports", "/"),
    *("/v1/reports/..%2f..%2fstatus", "/v1/reports/%2e%2e/status", "/v1/%00", "/v1/status%00", "/v1/status/%2e"),
    *("/v1/reports:batch:preview", "/docs/../v1/status", "/openapi.json/", "/static/../../etc/passwd", "/.env"),
)


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_is_what_it_says(home: Path, path: str) -> None:
    """No path leads to another one: dots, empty parts, NUL and encoded slashes are no path of the gateway."""
    async with server(home) as node, Raw.opened(node) as raw:
        request = f"GET {path} HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer read\r\nConnection: close\r\n\r\n"
        raw.writer.write(request.encode())
        answer = await asyncio.wait_for(raw.reader.read(), 30)

        assert answer.split(b" ", 2)[1] == b"404", answer
        assert b'"code":"path_unknown"' in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET"])
async def test_another_method_is_refused_with_those_that_exist(home: Path, method: str) -> None:
    async with gateway(home) as node:
        answer = await node.http.request(method, "/v1/reports", headers=bearer("publish"))

        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


async def test_head_is_get_without_the_body(home: Path) -> None:
    async with server(home) as node:
        answer = await node.http.head("/v1/status", headers=bearer("read"))

        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("accept", "status", "code"),
    [
        ("*/*", 202, None),
        ("application/*;q=0.1", 202, None),
        ("text/html, application/json;q=0", 406, "not_acceptable"),
        ("text/html", 406, "not_acceptable"),
        ("", 202, None),
    ],
)
async def test_an_answer_that_the_caller_does_not_accept_is_not_made(
    home: Path, accept: str, status: int, code: str | None
) -> None:
    """The report is not accepted then: the caller would not learn it."""
    async with gateway(home) as node:
        answer = await node.post("/v1/reports", report(), Accept=accept)

        assert (answer.status_code, answer.json().get("code")) == (status, code)
        assert await drafts(node.served) == (status == 202)


REPEATED = ("Authorization", "Content-Type", "Idempotency-Key")


@pytest.mark.parametrize("name", REPEATED)
async def test_a_header_that_counts_once_may_not_be_repeated(home: Path, name: str) -> None:
    """A proxy and the gateway could take different ones."""
    values = {"Authorization": "Bearer publish", "Content-Type": "application/json"}
    headers = [*values.items(), (name, values.get(name, "k")), *([(name, "k")] if name not in values else [])]
    async with gateway(home) as node:
        answer = await node.http.post("/v1/reports", content=VALID, headers=headers)

        assert answer.status_code in (400, 401)
        assert answer.json()["code"] in ("header_repeated", "token_missing")
        assert await drafts(node.served) == 0


@pytest.mark.parametrize(
    ("purpose", "reason", "code", "path"),
    [
        (None, b"case 7", "purpose_missing", "Enlace-Purpose"),
        (b"INFORMATION_EXCHANGE", None, "purpose_missing", "Enlace-Reason"),
        (b" ", b"case 7", "purpose_missing", "Enlace-Purpose"),
        (b"INFORMATION_EXCHANGE", b"  ", "purpose_missing", "Enlace-Reason"),
        (b"CURIOSITY", b"case 7", "unknown_code", "Enlace-Purpose"),
        (b"INFORMATION_EXCHANGE", b"x" * 501, "value_invalid", "Enlace-Reason"),
        (b"INFORMATION_EXCHANGE", b"UTF-8''%e2%80%ae", "value_invalid", "Enlace-Reason"),
        (b"INFORMATION_EXCHANGE", b"UTF-8''a%00b", "value_invalid", "Enlace-Reason"),
        (b"INFORMATION_EXCHANGE", b"UTF-8''%ff", "encoding_wrong", "Enlace-Reason"),
    ],
)
async def test_purpose_and_reason_are_checked(
    home: Path, purpose: bytes | None, reason: bytes | None, code: str, path: str
) -> None:
    given = {"Enlace-Purpose": purpose, "Enlace-Reason": reason}
    headers = [(name.encode(), value) for name, value in given.items() if value is not None]
    async with gateway(home) as node:
        answer = await node.http.get("/v1/messages?text=a", headers=[(b"Authorization", b"Bearer read"), *headers])

        assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (400, code, path)


async def test_errors_of_a_broken_store_are_not_errors_of_the_caller(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(_work: object) -> None:
        raise store_damaged("a page is torn")

    async with gateway(home) as node:
        monkeypatch.setattr(node.served.store, "read", damaged)
        answer = await node.get("/v1/messages", text="a")

        assert (answer.status_code, answer.json()["code"]) == (503, "store_damaged")


async def test_the_command_line_sees_what_the_gateway_accepted(home: Path) -> None:
    """One outbox for both."""
    async with gateway(home) as node:
        taken = (await node.post("/v1/reports", report())).json()
    [listed] = await asyncio.to_thread(ok, "outbox", "list", home=home)

    assert listed["report_id"] == taken["report_id"]
