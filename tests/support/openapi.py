"""Compares answers of the gateway with its OpenAPI document."""

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from node.gateway.endpoints import ENDPOINTS
from node.gateway.openapi import openapi_document


@cache
def document() -> dict[str, Any]:
    """The document of the gateway, as programs read it."""
    read: dict[str, Any] = json.loads(json.dumps(openapi_document(ENDPOINTS)))
    return read


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    plain = sorted(document()["paths"], key=lambda path: "{" in path)
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in plain]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation of the document that a request is for; None if there is none."""
    for pattern, template in _patterns():
        if pattern.fullmatch(path):
            found: dict[str, Any] | None = document()["paths"][template].get(method.lower().replace("head", "get"))
            return found
    return None


@cache
def validator(schema: str) -> Draft202012Validator:
    """The validator of a schema, as JSON text."""
    parsed = json.loads(schema)
    Draft202012Validator.check_schema(parsed)
    return Draft202012Validator(
        parsed | {"components": document()["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


async def check_answer(answer: httpx.Response) -> None:
    """Fail unless the document describes this answer: its status, its content type, and its content."""
    asked = operation(answer.request.method, answer.request.url.path)
    responses = asked["responses"] if asked else {}
    error = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}}
    described = responses.get(str(answer.status_code), responses.get("default", error))
    content = described.get("content")
    if content is None or answer.request.method == "HEAD":
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in content, (media_type, list(content))
    schema = content[media_type].get("schema")
    if schema is None:
        return
    await answer.aread()
    values = answer.text.splitlines() if media_type == "application/x-ndjson" else [answer.text]
    checking = validator(json.dumps(schema, sort_keys=True))
    for value in values:
        checking.validate(json.loads(value))
