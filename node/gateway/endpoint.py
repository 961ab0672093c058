"""The type of an endpoint. The routes, the OpenAPI document and the tests of access derive from tables of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from node.gateway.call import Call
from node.integrators.scopes import Scope

Schema = Mapping[str, Any] | type[Any]
"""A JSON Schema, or the dataclass or Struct that has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the query or a header."""

    name: str
    summary: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    """With names of its parts in braces, such as `/v1/messages/{id}`."""

    scopes: frozenset[Scope] | None
    """One of them is enough. None: no token is needed."""

    handle: Callable[[Call], Awaitable[Response]]
    summary: str
    consults: bool = False
    """It reads content: purpose and reason are needed."""

    without_token: Callable[[Request], bool] | None = None
    """Requests for which this holds need no token although the endpoint has scopes."""

    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)
    """Content type -> schema of the body; empty: there is no body."""

    produces: str | None = None
    """Content type of the answer, which the header Accept must allow. None: the header is not looked at."""

    answers: Mapping[int, Schema | None] = field(default_factory=dict)
    """Status -> schema of the answer that is no error; None: not JSON."""
