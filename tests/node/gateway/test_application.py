"""The checks that all endpoints have in common, and the form of every error."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from node.errors import Refused, Unavailable, UsageError
from node.gateway.application import application
from node.gateway.authentication import Authenticator
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.integrators.caller import Caller
from node.integrators.scopes import Scope
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from tests.support.processes import agreement, lab

CALLER = Caller(name="case-system", scopes=frozenset({Scope.READ}), actor="token case-system (1)")
WHY = {"Enlace-Purpose": "INFORMATION_EXCHANGE", "Enlace-Reason": "case 7"}


class OneCaller:
    """Knows one caller, who sends no token."""

    async def caller_of(self, request: Request) -> Caller:  # noqa: ARG002 - the port has it
        """Always the same."""
        return CALLER


def _endpoint(handle: Any, *, scopes: frozenset[Scope] | None = None, consults: bool = False) -> Endpoint:
    return Endpoint(method="GET", path="/v1/tried", scopes=scopes, handle=handle, summary="tried", consults=consults)


async def _get(endpoint: Endpoint, path: str = "/v1/tried", **headers: str) -> httpx.Response:
    served: Any = None  # the handlers of these tests use no node
    app = application(served, [endpoint], OneCaller())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        return await client.get(path, headers=headers)


async def _fine(_call: Call) -> Response:
    return Response("fine")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UsageError("value_invalid", "wrong", path="limit"), 400, "value_invalid"),
        (Refused("unknown", "not here"), 422, "unknown"),
        (Unavailable("store_unavailable", "away"), 503, "store_unavailable"),
        (KeyError("a secret"), 500, "bug"),
    ],
)
async def test_each_error_becomes_a_problem_body_with_its_code(error: Exception, status: int, code: str) -> None:
    """The body is of RFC 9457; an unforeseen error shows nothing of itself."""

    async def fail(_call: Call) -> Response:
        raise error

    answer = await _get(_endpoint(fail))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "a secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_caller_without_the_scope_is_refused_and_the_handler_does_not_run() -> None:
    """Status 403, with the scope that is needed."""
    answer = await _get(_endpoint(None, scopes=frozenset({Scope.ADMIN})))
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "admin" in answer.json()["detail"]


async def test_what_reads_content_needs_a_purpose_and_a_reason() -> None:
    """Status 400 `purpose_missing` for each of the two; with both, the handler runs."""
    endpoint = _endpoint(_fine, scopes=frozenset({Scope.READ}), consults=True)
    for left_out in WHY:
        headers = {name: value for name, value in WHY.items() if name != left_out}
        answer = await _get(endpoint, **headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "purpose_missing")
    assert (await _get(endpoint, **WHY)).text == "fine"


async def test_an_unknown_path_is_a_problem() -> None:
    """Status 404 `path_unknown`."""
    answer = await _get(_endpoint(_fine), "/v2")
    assert (answer.status_code, answer.json()["code"]) == (404, "path_unknown")


def test_a_node_without_callers_answers_no_request(tmp_path: Path) -> None:
    """There is no default account: every endpoint that needs a caller answers 401."""
    [home, _] = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"])).values()

    async def answers() -> list[tuple[int, str]]:
        async with open_intake(open_home(home)) as intake:
            served = Served(home=intake.home, intake=intake, stopping=asyncio.Event())
            app = application(served, ENDPOINTS, Authenticator(intake.store, (), intake.clock))
            transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                asked = [endpoint for endpoint in ENDPOINTS if endpoint.scopes is not None]
                found = [await client.request(endpoint.method, endpoint.path) for endpoint in asked]
        return [(answer.status_code, answer.json()["code"]) for answer in found]

    assert set(asyncio.run(answers())) == {(401, "token_missing")}
