"""Who is behind a cookie: the token of the login is looked up again at each request.

So a session ends with its token, whether the token expired or was revoked, and each request counts as one of the token.
The text of the token is not kept.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.requests import Request

from node.console.login_limit import LoginLimit
from node.console.sessions import Session, Sessions
from node.gateway.authentication import Authenticator
from node.gateway.problem import HttpError
from node.integrators.caller import Caller
from node.system_random import random_bytes

log = structlog.get_logger()

COOKIE: Final = "enlace_console"
TOKEN_CHARACTERS_MAX: Final = 512
_REFUSED: Final = (401, 403)


@dataclass(slots=True, kw_only=True)
class Entrance:
    """The sessions of a gateway, and the tokens behind them."""

    authenticator: Authenticator
    clock: Callable[[], int]
    sessions: Sessions = field(default_factory=lambda: Sessions(random_bytes))
    limit: LoginLimit = field(default_factory=LoginLimit)

    async def log_in(self, request: Request, token: str) -> tuple[str, Session] | None:
        """A new session and the id for its cookie; None if the token is not valid. Ends the session before it.

        Raises HttpError 429 if there were too many failures from the address, or if the token has no requests left.
        """
        now, peer = self.clock(), request.client.host if request.client else ""
        if seconds := self.limit.wait_seconds(peer, now):
            raise _too_many(seconds)
        token = token.strip()
        is_possible = 0 < len(token) <= TOKEN_CHARACTERS_MAX
        caller = await _valid(self.authenticator.caller_of_token(token)) if is_possible else None
        if caller is None:
            log.warning("caller_refused", code="token_invalid", address=peer)
            self.limit.failed(peer, now)
            return None
        self.sessions.end(request.cookies.get(COOKIE, ""))
        return self.sessions.begin(caller, now)

    async def session_of(self, request: Request) -> Session | None:
        """The session of a request; None if there is none, or if its token ended. Raises HttpError 429."""
        id_ = request.cookies.get(COOKIE, "")
        session = self.sessions.seen(id_, self.clock()) if id_ else None
        if session is None:
            return None
        token_id = session.caller.token_id
        caller = None if token_id is None else await _valid(self.authenticator.caller_of_id(token_id))
        if caller is None:
            self.sessions.end(id_)
            return None
        session.caller = caller
        return session

    def log_out(self, request: Request) -> None:
        """End the session of a request."""
        self.sessions.end(request.cookies.get(COOKIE, ""))


async def _valid(caller: Awaitable[Caller]) -> Caller | None:
    """The caller; None if the token is not valid. Raises HttpError 429 if it has no requests left."""
    try:
        return await caller
    except HttpError as error:
        if error.status in _REFUSED:
            return None
        raise


def _too_many(seconds: int) -> HttpError:
    return HttpError(
        429,
        "too_many_logins",
        f"too many failed logins from this address; try again in {seconds} s",
        hint="ask an administrator for a valid token",
        headers={"Retry-After": str(seconds)},
    )
