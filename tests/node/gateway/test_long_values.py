"""Each parameter, header and field that the gateway reads, given a long value: the answer repeats an excerpt only."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.exchange import report
from tests.support.gateway import WHY, bearer, gateway
from tests.support.openapi import document

LONG: Final = "x" * 6_000
REPEATED: Final = re.compile("[xX]{400}")
PROBLEM_LENGTH_MAX: Final = 8_000  # the allowed values of a field are most of it
SCOPES: Final = ("publish", "read", "check", "audit", "admin")
HEADERS: Final = ("Content-Type", "Accept", "Authorization", "Idempotency-Key", "Last-Event-ID", "Host")
FULL: Final = json.loads(Path("demo/reports/bz-chiquibul.json").read_text())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def requests() -> Iterator[dict[str, Any]]:
    """A request for each parameter and header of each endpoint, with one long value."""
    for method, path, operation in operations():
        named = operation.get("parameters", [])
        plain = re.sub(r"\{\w+\}", "1", path)
        content = None if method in ("GET", "DELETE") else json.dumps(report())
        request = {"method": method, "url": plain, "headers": WHY, "content": content}
        for parameter in named:
            match parameter["in"]:
                case "path":
                    yield request | {"url": path.replace(f"{{{parameter['name']}}}", LONG)}
                case "query":
                    yield request | {"params": {parameter["name"]: LONG}}
                case "header":
                    yield request | {"headers": WHY | {parameter["name"]: LONG}}
        for header in HEADERS:
            yield request | {"headers": WHY | {header: LONG}}


def wrong(answer: httpx.Response) -> bool:
    """Whether an answer repeats a value, or an error is longer than errors are."""
    is_error = answer.status_code >= 400
    return bool(REPEATED.search(answer.text)) or (is_error and len(answer.text) > PROBLEM_LENGTH_MAX)


def changed(value: Any, *, whole: Any = None) -> Iterator[Any]:
    """The value with one key or one leaf replaced by a long text, for each of them."""
    whole = value if whole is None else whole
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        kept, value[key] = item, LONG
        yield copy.deepcopy(whole)
        value[key] = kept
        if isinstance(item, dict | list):
            yield from changed(item, whole=whole)
    if value is whole:
        yield {**whole, LONG: 1}


@pytest.mark.parametrize("scope", SCOPES)
async def test_no_answer_repeats_a_long_parameter_or_header(home: Path, scope: str) -> None:
    async with gateway(home) as node:
        found = []
        tried = [request for request in requests() if "stream" not in request["url"] or scope == "read"]
        for request in tried:
            headers = {**bearer(scope), **request["headers"]}
            answer = await node.http.request(**{**request, "headers": headers})
            found += [(request["method"], request["url"][:60], answer.text[:80])] if wrong(answer) else []

        assert len(tried) > 100
        assert found == []


async def test_no_answer_repeats_a_long_value_or_key_of_a_body(home: Path) -> None:
    """Reports, batches, questions and webhooks."""
    webhook = {"url": "https://x.example/", "subjects": ["DRUGS"], "originators": ["GT"], "secret": "a" * 40} | {
        "purpose": "CROSS_CHECKING",
        "reason": "case 7",
    }
    question = {"identifiers": [{"scheme": "VIN", "value": "1", "country": "BZ"}, "VIN=1"]}
    async with gateway(home) as node:
        bodies = [
            *[(path, "publish", body) for path in ("/v1/reports", "/v1/reports:preview") for body in changed(FULL)],
            *[("/v1/check", "check", body) for body in changed(question)],
            *[("/v1/webhooks", "admin", body) for body in changed(webhook)],
        ]
        found = []
        for path, by, body in bodies:
            answer = await node.post(path, body, by=by, **{name.replace("-", "_"): why for name, why in WHY.items()})
            found += [(path, answer.text[:80])] if wrong(answer) else []
        lines = "".join(json.dumps(body) + "\n" for body in changed(FULL))
        batch = await node.send("/v1/reports:batch", lines, Content_Type="application/x-ndjson")

        assert len(bodies) > 100
        assert found == []
        assert not REPEATED.search(batch.text)
