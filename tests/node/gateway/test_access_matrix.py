"""Each endpoint of the table, tried by every kind of caller: nobody gets in who may not (faults.md, row 62).

ROWS is written by hand: a new endpoint without a row fails, and so does one whose scopes change unnoticed.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from node.clock import now_ms
from node.gateway.application import application
from node.gateway.authentication import Authenticator
from node.gateway.endpoint import Endpoint
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.integrators.scopes import ALL, Scope
from node.integrators.tokens import NewToken, create_token, revoke_token
from node.limits import DAY_MS
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.serving.local_peer import LocalPeer
from node.system_random import random_bytes
from schemas.types import GatewayUser
from tests.support.exchange import report
from tests.support.serving import WHY, two_nodes

PUBLISH, READ, CHECK, AUDIT, ADMIN = (frozenset({scope}) for scope in Scope)
NOBODY_ASKED: Final = None
ROWS: Final[dict[tuple[str, str], frozenset[Scope] | None]] = {
    ("POST", "/v1/reports"): PUBLISH,
    ("POST", "/v1/reports:preview"): PUBLISH,
    ("POST", "/v1/reports:batch"): PUBLISH,
    ("GET", "/v1/reports/{report_id}"): PUBLISH | READ | AUDIT | ADMIN,
    ("GET", "/v1/messages"): READ,
    ("GET", "/v1/messages/{id}"): READ,
    ("GET", "/v1/stream"): READ,
    ("POST", "/v1/check"): CHECK,
    ("GET", "/v1/withheld"): AUDIT | ADMIN,
    ("GET", "/v1/quarantine"): AUDIT | ADMIN,
    ("GET", "/v1/agreements"): ALL,
    ("GET", "/v1/status"): ALL,
    ("GET", "/livez"): NOBODY_ASKED,
    ("GET", "/readyz"): NOBODY_ASKED,
    ("GET", "/openapi.json"): NOBODY_ASKED,
    ("GET", "/docs"): NOBODY_ASKED,
    ("GET", "/metrics"): ADMIN,
    ("POST", "/v1/webhooks"): ADMIN,
    ("GET", "/v1/webhooks"): ADMIN,
    ("DELETE", "/v1/webhooks/{id}"): ADMIN,
    ("GET", "/v1/webhooks/{id}/deliveries"): ADMIN,
}
"""Method and path -> the scopes of which one is needed; None: no token is needed."""

NOT_YET: Final = {("GET", "/openapi.json"), ("GET", "/docs")}
"""Rows that may come before their endpoints."""

GUARDED: Final = [endpoint for endpoint in ENDPOINTS if endpoint.scopes is not None]
OTHER_UID, OWN_UID = 4242, os.geteuid()
ELSEWHERE: Final = ("192.0.2.7", 50_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A gateway without a network, and a token of each kind."""

    served: Served
    tokens: dict[str, str]

    async def ask(
        self, endpoint: Endpoint, token: str | None = None, *, peer: Any = ELSEWHERE, query: str = "", path: str = ""
    ) -> tuple[int, str]:
        """Status and code of a request. A stream that begins is ended."""
        users = (GatewayUser(name=str(OTHER_UID), scopes=("check",)),)
        app = application(self.served, ENDPOINTS, Authenticator(self.served.store, users, now_ms))
        headers = WHY if token is None else {**WHY, "Authorization": f"Bearer {token}"}
        target = path or endpoint.path.replace("{report_id}", "x").replace("{id}", "x")
        transport = httpx.ASGITransport(app, client=peer)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            answer = await client.request(endpoint.method, target + query, headers=headers)
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        return answer.status_code, answer.json()["code"] if is_problem else ""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a node."""
    return two_nodes(tmp_path_factory.mktemp("matrix"))


@pytest.fixture
async def matrix(path: Path) -> AsyncIterator[Matrix]:
    """Tokens with one scope each, one with all, an expired and a revoked one with all."""
    async with open_intake(open_home(path)) as intake:
        stopping = asyncio.Event()
        stopping.set()  # a stream that is let in ends at once
        served = Served(home=intake.home, intake=intake, stopping=stopping)
        tokens = {}
        for name in (*Scope, "all", "expired", "revoked"):
            scopes = [name] if name in list(Scope) else list(Scope)
            now = now_ms() - (2 * DAY_MS if name == "expired" else 0)
            new = NewToken(name=name, scopes=scopes, days=1)
            made = await create_token(intake.store, new, actor="ana", now=now, random=random_bytes)
            tokens[str(name)] = made.token
        await revoke_token(intake.store, tokens["revoked"][7:19], actor="ana", now=now_ms())
        yield Matrix(served=served, tokens=tokens)


def name_of(endpoint: Endpoint) -> str:
    """The name of an endpoint in the list of tests."""
    return f"{endpoint.method} {endpoint.path}"


def test_each_endpoint_has_a_row_with_its_scopes() -> None:
    found = {(endpoint.method, endpoint.path): endpoint.scopes for endpoint in ENDPOINTS}

    assert found.keys() - ROWS.keys() == set(), "add a row, and think who may call it"
    assert ROWS.keys() - found.keys() <= NOT_YET
    assert found == {key: ROWS[key] for key in found}


def test_what_reads_content_asks_for_purpose_and_reason() -> None:
    """Whoever has only the scope admin reads no content."""
    reading = {endpoint.path for endpoint in ENDPOINTS if endpoint.consults}

    assert reading == {"/v1/messages", "/v1/messages/{id}", "/v1/stream", "/v1/check"}
    assert not any(endpoint.scopes & ADMIN for endpoint in ENDPOINTS if endpoint.consults and endpoint.scopes)


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
async def test_who_may_not_call_an_endpoint_does_not_get_in(matrix: Matrix, endpoint: Endpoint) -> None:
    """Without a token, with a wrong, expired or revoked one, in the address, and with each scope that is not enough."""
    assert endpoint.scopes is not None
    tokens = matrix.tokens

    assert await matrix.ask(endpoint) == (401, "token_missing")
    assert await matrix.ask(endpoint, "x") == (401, "token_invalid")
    assert await matrix.ask(endpoint, tokens["all"][:-1] + "~") == (401, "token_invalid")
    assert await matrix.ask(endpoint, tokens["expired"]) == (401, "token_expired")
    assert await matrix.ask(endpoint, tokens["revoked"]) == (401, "token_revoked")
    assert await matrix.ask(endpoint, query=f"?access_token={tokens['all']}") == (400, "token_in_address")
    for scope in ALL - endpoint.scopes:
        assert await matrix.ask(endpoint, tokens[scope]) == (403, "scope_missing"), scope


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
async def test_who_may_call_an_endpoint_gets_in(matrix: Matrix, endpoint: Endpoint) -> None:
    """Each of its scopes is enough; what the answer says is the matter of other tests."""
    for scope in endpoint.scopes or ():
        status, code = await matrix.ask(endpoint, matrix.tokens[scope])
        assert status not in (401, 403), (scope, code)
        assert code != "bug"


@pytest.mark.parametrize("endpoint", GUARDED, ids=name_of)
async def test_a_user_of_the_machine_gets_in_by_the_listed_scopes_only(matrix: Matrix, endpoint: Endpoint) -> None:
    """The user of the node has all, a listed user those of the list, every other user none."""
    own, listed, unknown = (LocalPeer(host=f"uid {uid}", uid=uid) for uid in (OWN_UID, OTHER_UID, OTHER_UID + 1))
    may = endpoint.scopes is not None and Scope.CHECK in endpoint.scopes

    assert (await matrix.ask(endpoint, peer=own))[0] not in (401, 403)
    assert ((await matrix.ask(endpoint, peer=listed)) == (403, "scope_missing")) is not may
    assert await matrix.ask(endpoint, peer=unknown) == (403, "user_unknown")


@pytest.mark.parametrize("forged", [("uid 0", 0), (f"uid {OWN_UID}", OWN_UID), ("", 0), None])
async def test_an_address_is_never_taken_for_a_user(matrix: Matrix, forged: Any) -> None:
    """Only the type that the server itself makes is one."""
    for endpoint in GUARDED:
        assert await matrix.ask(endpoint, peer=forged) == (401, "token_missing")


async def test_an_integrator_sees_the_reports_of_its_own_only(matrix: Matrix) -> None:
    """A report of another integrator is not there for it; who may read or audit sees all."""
    [show] = [endpoint for endpoint in ENDPOINTS if endpoint.path == "/v1/reports/{report_id}"]
    store, made = matrix.served.store, {}
    for name in ("one", "other"):
        new = NewToken(name=name, scopes=["publish"])
        made[name] = (await create_token(store, new, actor="ana", now=now_ms(), random=random_bytes)).token
    app = application(matrix.served, ENDPOINTS, Authenticator(store, (), now_ms))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        accepted = await client.post("/v1/reports", json=report(), headers={"Authorization": f"Bearer {made['one']}"})
    target = f"/v1/reports/{accepted.json()['report_id']}"
    own = await matrix.ask(show, made["one"], path=target)
    other = await matrix.ask(show, made["other"], path=target)
    absent = await matrix.ask(show, made["other"], path="/v1/reports/8b8be73a-f678-5a5b-86a4-799c3959547f")

    assert (accepted.status_code, own) == (202, (200, ""))
    assert other == absent == (404, "not_found")
    for scope in (Scope.READ, Scope.AUDIT, Scope.ADMIN):
        assert await matrix.ask(show, matrix.tokens[scope], path=target) == (200, "")


@pytest.mark.parametrize("field", ["originator", "recipients", "message_id", "sealed_at", "supersedes", "retracts"])
async def test_a_report_cannot_name_its_originator(matrix: Matrix, field: str) -> None:
    """What the node says by its signature is no field of a report (faults.md, row 61)."""
    app = application(matrix.served, ENDPOINTS, Authenticator(matrix.served.store, (), now_ms))
    headers = {"Authorization": f"Bearer {matrix.tokens['publish']}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        answer = await client.post("/v1/reports", json={**report(), field: "GT"}, headers=headers)
        line = await client.post(
            "/v1/reports:batch",
            json={**report(), field: "GT"},
            headers={**headers, "Content-Type": "application/x-ndjson"},
        )

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [field]
    assert (line.json()["outcome"], line.json()["errors"][0]["path"]) == ("refused", field)
