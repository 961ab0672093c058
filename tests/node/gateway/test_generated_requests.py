"""schemathesis makes requests from the OpenAPI document, valid ones and wrong ones, for a real server.

Every answer has a status, a content type and a content that the document describes, and no request is a bug of the
server. An ordinary run tries a few for each operation, `make slow` many.
"""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.gateway import WHY, server
from tests.support.openapi import document

ENDLESS: Final = ("/v1/stream",)
CALLERS: Final = {"publish": "publish", "read": "read", "check": "check", "audit": "audit", "admin": "admin"}
CHECKS: Final = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
)
FEW, MANY = 2, 300
MODES: Final = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
OPERATIONS: Final = sorted(
    (method.upper(), path)
    for path, item in document()["paths"].items()
    for method in item
    if path not in ENDLESS and path.startswith("/v1/")
)


@schemathesis.serializer("application/x-ndjson")
def as_line(_context: object, value: Any) -> bytes:
    """A value as the one line of a batch."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server that runs in a thread."""
    started: list[str] = []
    ready, ended = threading.Event(), threading.Event()

    async def run() -> None:
        async with server(home) as node:
            started.append(str(node.http.base_url))
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield started[0]
    finally:
        ended.set()
        thread.join()


@pytest.fixture(scope="module")
def address(new_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the gateway of BZ."""
    with served(Path(shutil.copytree(new_home, tmp_path_factory.mktemp("generated") / "bz"))) as found:
        yield found


def token_of(operation: dict[str, Any]) -> str:
    """A caller that has one of the scopes of an operation."""
    [name, *_] = [scope for needed in operation["security"] for scope in needed["bearer"]]
    return CALLERS[name]


def try_operation(address: str, method: str, path: str, examples: int) -> None:
    """Send `examples` requests, of which about a half break the document."""
    schema = schemathesis.openapi.from_dict(document())
    schema.config.base_url = address
    operation = schema[path][method]
    headers = {"Authorization": f"Bearer {token_of(document()['paths'][path][method.lower()])}"}
    strategies = [operation.as_strategy(generation_mode=mode) for mode in MODES]

    for strategy, why in zip(strategies, (WHY, {}), strict=True):
        send(strategy, headers | why, examples)


def send(strategy: Any, headers: dict[str, str], examples: int) -> None:
    """Send requests of one kind, and check each answer."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def send_one(case: Any) -> None:
        answer = case.call(headers=headers)
        if answer.status_code >= 400:
            problem = json.loads(answer.text)
            assert problem["code"] != "bug"
            assert problem["status"] == answer.status_code
        case.validate_response(answer, checks=CHECKS)

    send_one()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_generated_request_breaks_the_document(address: str, method: str, path: str) -> None:
    """A few requests for each operation."""
    try_operation(address, method, path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_generated_request_of_many_breaks_the_document(address: str, method: str, path: str) -> None:
    """Many requests for each operation."""
    try_operation(address, method, path, MANY)
