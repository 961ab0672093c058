"""Who may call: tokens in their states, the rate of a token, and users of the machine."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import pytest
import structlog.testing

from node.clock import now_ms
from node.gateway.authentication import Authenticator
from node.gateway.problem import HttpError
from node.integrators.scopes import ALL, Scope
from node.integrators.tokens import revoke_token
from node.limits import DAY_MS
from schemas.types import GatewayUser
from tests.support.serving import Running, serving, two_nodes

STATUS = "/v1/status"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a node."""
    return two_nodes(tmp_path_factory.mktemp("authentication"))


@pytest.fixture
async def running(path: Path) -> AsyncIterator[Running]:
    """A gateway on loopback and on a local socket."""
    async with serving(path, socket="gateway.sock") as running:
        yield running


async def get(running: Running, *headers: tuple[str, str], query: str = "") -> httpx.Response:
    """Ask for the status."""
    async with running.client() as client:
        return await client.get(STATUS + query, headers=list(headers))


async def answer(running: Running, token: str) -> tuple[int, str]:
    """Status and code of a request with a token."""
    found = await get(running, ("Authorization", f"Bearer {token}"))
    return found.status_code, found.json().get("code", "")


async def test_a_valid_token_is_let_in(running: Running) -> None:
    """The scheme is written in any case."""
    token = await running.token(Scope.READ)

    assert (await get(running, ("Authorization", f"Bearer {token}"))).status_code == 200
    assert (await get(running, ("authorization", f"bEARER   {token}"))).status_code == 200


async def test_who_has_no_secret_learns_nothing_about_a_token(running: Running) -> None:
    """An unknown token, a wrong secret and a text that is no token get the same answer, ended tokens included."""
    token, other = await running.token(Scope.READ), await running.token(Scope.READ)
    expired = await running.token(Scope.READ, now=now_ms() - 2 * DAY_MS)
    mixed = [read[:20] + other[20:-8] for read in (token, expired)]
    forged = [text + f"{crc32(text.encode()):08x}" for text in (*mixed, "enlace_" + "0" * 12 + "_" + "0" * 64)]
    answers = [await get(running, ("Authorization", f"Bearer {text}")) for text in (*forged, "x", token[:-1], "%C3%A9")]

    assert {(found.status_code, found.json()["code"]) for found in answers} == {(401, "token_invalid")}
    assert len({found.text for found in answers}) == 1
    assert all("Bearer" in found.headers["www-authenticate"] for found in answers)


async def test_an_ended_token_is_refused_with_its_reason(running: Running) -> None:
    """A revoked one from the next request on, although the gateway runs."""
    token = await running.token(Scope.READ)
    assert await answer(running, token) == (200, "")
    await revoke_token(running.intake.store, token[7:19], actor="ana", now=now_ms())
    expired = await running.token(Scope.READ, now=now_ms() - 2 * DAY_MS)

    assert await answer(running, token) == (401, "token_revoked")
    assert await answer(running, expired) == (401, "token_expired")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "token_missing"),
        ([("Authorization", "")], "token_invalid"),
        ([("Authorization", "Bearer")], "token_invalid"),
        ([("Authorization", "Basic YTpi")], "token_invalid"),
        ([("Authorization", "Bearer TOKEN"), ("Authorization", "Bearer TOKEN")], "token_invalid"),
        ([("Authorization", "Bearer TOKEN, Bearer TOKEN")], "token_invalid"),
        ([("X-Api-Key", "TOKEN"), ("Cookie", "token=TOKEN")], "token_missing"),
        ([("X-Forwarded-For", "uid 0"), ("X-Real-Ip", "uid 0"), ("Forwarded", "for=unix:")], "token_missing"),
    ],
)
async def test_a_token_is_taken_from_one_header_only(
    running: Running, headers: list[tuple[str, str]], code: str
) -> None:
    """No other header says who calls."""
    token = await running.token(Scope.READ)
    found = await get(running, *((name, value.replace("TOKEN", token)) for name, value in headers))

    assert (found.status_code, found.json()["code"]) == (401, code)
    assert "Bearer" in found.headers["www-authenticate"]


@pytest.mark.parametrize("query", ["?access_token=x", "?Token=", "?q=TOKEN", "?TOKEN", "?a=1&b=TOKEN"])
async def test_a_token_in_the_address_is_refused(running: Running, query: str) -> None:
    """Also beside a token in the header, so that its sender notices."""
    token = await running.token(Scope.READ)
    found = await get(running, ("Authorization", f"Bearer {token}"), query=query.replace("TOKEN", token))

    assert (found.status_code, found.json()["code"]) == (400, "token_in_address")
    assert token not in found.text


async def test_a_token_that_is_used_too_often_has_to_wait(running: Running) -> None:
    """Others do not; the answer says how long."""
    slow, other = await running.token(Scope.READ, rate=1), await running.token(Scope.READ)
    header = ("Authorization", f"Bearer {slow}")
    answers = await asyncio.gather(*(get(running, header) for _ in range(40)))
    refused = [found for found in answers if found.status_code == 429]

    assert 2 <= len(answers) - len(refused) < 40  # a slow machine takes some seconds
    assert {found.json()["code"] for found in refused} == {"rate_limited"}
    assert {found.headers["retry-after"] for found in refused} == {"1"}
    assert await answer(running, other) == (200, "")


async def test_refusals_are_logged_and_no_token_is(running: Running) -> None:
    token = await running.token(Scope.READ)
    with structlog.testing.capture_logs() as logs:
        await answer(running, token[:-1])
        await get(running, ("Authorization", f"Bearer {token}"), query=f"?q={token}")

    assert [(entry["event"], entry["code"], entry["address"]) for entry in logs] == [
        ("caller_refused", "token_invalid", "127.0.0.1"),
        ("caller_refused", "token_in_address", "127.0.0.1"),
    ]
    assert token[20:40] not in str(logs)


async def local(path: Path, **headers: str) -> httpx.Response:
    """Ask for the status over the local socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(path / "gateway.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        return await client.get(STATUS, headers=headers)


async def test_the_account_of_the_node_needs_no_token_on_the_local_socket(running: Running, path: Path) -> None:
    """A token on the local socket counts, though: a wrong one is refused."""
    assert (await local(path)).status_code == 200
    refused = await local(path, Authorization="Bearer x")
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert (await local(path, Authorization=f"Bearer {await running.token(Scope.READ)}")).status_code == 200


async def test_a_user_who_is_not_listed_is_told_what_to_do(
    running: Running, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.gateway.authentication.os.geteuid", lambda: 4242)
    found = await local(path)

    assert (found.status_code, found.json()["code"]) == (403, "user_unknown")
    assert "gateway.users" in found.json()["hint"]
    assert running.url


async def test_a_listed_user_has_the_listed_scopes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the actor that the access log names is the user, not the account of the node."""
    uid = os.getuid()
    monkeypatch.setattr("node.gateway.authentication.os.geteuid", lambda: 4242)
    users = (GatewayUser(name=str(uid), scopes=("check",)),)
    seen: list[Any] = []
    caller_of = Authenticator.caller_of

    async def noted(self: Authenticator, request: Any) -> Any:
        seen.append(await caller_of(self, request))
        return seen[-1]

    monkeypatch.setattr(Authenticator, "caller_of", noted)
    async with serving(path, socket="gateway.sock", users=users):
        assert (await local(path)).status_code == 200

    assert (seen[0].scopes, seen[0].token_id) == ({Scope.CHECK}, None)
    assert seen[0].actor.endswith(f"(uid {uid})")
    assert seen[0].scopes < ALL


async def test_a_session_of_the_console_ends_with_its_token(running: Running) -> None:
    """`caller_of_id` looks the token up again."""
    token = await running.token(Scope.READ)
    authenticator = Authenticator(running.intake.store, (), now_ms)
    caller = await authenticator.caller_of_token(token)
    assert caller.token_id is not None
    assert await authenticator.caller_of_id(caller.token_id) == caller
    await revoke_token(running.intake.store, caller.token_id, actor="ana", now=now_ms())
    for token_id, code in ((caller.token_id, "token_revoked"), ("0" * 12, "token_invalid")):
        with pytest.raises(HttpError) as refused:
            await authenticator.caller_of_id(token_id)
        assert refused.value.code == code
    await authenticator.close()


async def test_requests_at_the_same_time_are_told_apart(running: Running) -> None:
    """Look-ups are shared; answers are not."""
    good, bad = await running.token(Scope.READ), await running.token(Scope.READ)
    await revoke_token(running.intake.store, bad[7:19], actor="ana", now=now_ms())
    answers = await asyncio.gather(*(answer(running, token) for token in [good, bad] * 20))

    assert answers == [(200, ""), (401, "token_revoked")] * 20
