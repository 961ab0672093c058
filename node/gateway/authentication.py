"""Who calls? The port that the application asks before each handler."""

from typing import Protocol

from starlette.requests import Request

from node.gateway.problem import HttpError
from node.integrators.caller import Caller


class Authentication(Protocol):
    """Knows the callers."""

    async def caller_of(self, request: Request) -> Caller:
        """The verified caller. Raises HttpError 401 or 429."""


class NoCallers:
    """Knows none: there is no default account."""

    async def caller_of(self, request: Request) -> Caller:  # noqa: ARG002 - the port has it
        """Always HttpError 401."""
        raise HttpError(
            401,
            "token_missing",
            "this request needs a token",
            path="Authorization",
            hint="send the header `Authorization: Bearer TOKEN`; an administrator creates tokens",
            headers={"WWW-Authenticate": "Bearer"},
        )
