"""Who calls? A token in the header `Authorization`, or the user at the other end of the local socket.

Rules:

- An unknown token, a wrong secret and a text that is no token get the same answer. Only who has the secret learns that
  the token has expired or was revoked.
- A request with a token is judged by the token, also on the local socket. A token in the address is refused: proxies
  and browsers keep addresses.
- There is no default account.
"""

import asyncio
import os
import pwd
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog
from starlette.requests import Request

from node.credentials.token_rows import TokenRow
from node.database.engine import Store
from node.gateway.problem import HttpError
from node.integrators.caller import Caller
from node.integrators.local_users import ConfiguredUser, local_caller
from node.integrators.rate import Bucket, take
from node.integrators.scopes import Scope
from node.integrators.token_lookup import TokenLookup
from node.integrators.token_text import PREFIX, is_secret_of, read_token
from node.integrators.token_use import TokenUse
from node.serving.local_peer import LocalPeer

log = structlog.get_logger()

SECOND_MS: Final = 1000
LOGIN_SECONDS: Final = 60.0  # a login name is asked for again after this time
BUCKETS_MAX: Final = 10_000
_TOKEN_PARAMETERS: Final = frozenset({"access_token", "token", "authorization"})
_ASK: Final = "send the header `Authorization: Bearer TOKEN`; an administrator creates tokens"
_REPLACE: Final = "ask an administrator for another token"
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="enlace", error="invalid_token"'}


class Authentication(Protocol):
    """Knows the callers."""

    async def caller_of(self, request: Request) -> Caller:
        """The verified caller. Raises HttpError 401, 403 or 429."""


class Authenticator:
    """Knows the tokens of the store and the users of the configuration."""

    def __init__(self, store: Store, users: Sequence[ConfiguredUser], now_ms: Callable[[], int]) -> None:
        self._lookup = TokenLookup(store)
        self._use = TokenUse(store)
        self._users = users
        self._now_ms = now_ms
        self._buckets: dict[str, Bucket] = {}
        self._logins: dict[int, tuple[str | None, float]] = {}

    async def caller_of(self, request: Request) -> Caller:
        """The verified caller. Raises HttpError 400, 401, 403 or 429, and Unavailable."""
        try:
            return await self._caller_of(request)
        except HttpError as error:
            address = request.client.host if request.client else ""
            log.warning("caller_refused", code=error.code, address=address)
            raise

    async def _caller_of(self, request: Request) -> Caller:
        _refuse_token_in_address(request)
        headers = request.headers.getlist("authorization")
        if headers:
            return await self.caller_of_token(_bearer(headers))
        peer = request.scope.get("client")
        if isinstance(peer, LocalPeer):
            return await self._local(peer)
        raise HttpError(
            401,
            "token_missing",
            "this request needs a token",
            path="Authorization",
            hint=_ASK,
            headers={"WWW-Authenticate": 'Bearer realm="enlace"'},
        )

    async def caller_of_token(self, text: str) -> Caller:
        """The caller whose token this is; counts as a request. Raises HttpError 401 or 429, and Unavailable."""
        presented = read_token(text)
        row = None if presented is None else await self._lookup.row(presented.id)
        if presented is None or not is_secret_of(presented, None if row is None else row.digest) or row is None:
            raise _invalid("the token is not valid")
        return self._admitted(row)

    async def caller_of_id(self, token_id: str) -> Caller:
        """The caller with a token that was verified before, if it is valid still; counts as a request.

        For sessions of the console. Raises HttpError 401 or 429, and Unavailable.
        """
        row = await self._lookup.row(token_id)
        if row is None:
            raise _invalid("the token is not valid")
        return self._admitted(row)

    async def close(self) -> None:
        """Finish what is being written."""
        await self._use.close()

    def _admitted(self, row: TokenRow) -> Caller:
        now = self._now_ms()
        if row.revoked_at is not None:
            raise HttpError(401, "token_revoked", "the token was revoked", hint=_REPLACE, headers=_CHALLENGE)
        if now >= row.expires_at:
            raise HttpError(401, "token_expired", "the token has expired", hint=_REPLACE, headers=_CHALLENGE)
        self._count(row)
        self._use.note(row, now)
        scopes = frozenset(Scope(name) for name in row.scopes.split())
        return Caller(name=row.name, scopes=scopes, actor=f"token {row.name} ({row.id})", token_id=row.id)

    def _count(self, row: TokenRow) -> None:
        now = asyncio.get_running_loop().time() * SECOND_MS
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets.clear()
        self._buckets[row.id], wait = take(self._buckets.get(row.id), row.rate, now)
        if wait:
            seconds = int(-(-wait // SECOND_MS))
            raise HttpError(
                429,
                "rate_limited",
                f"the token may be used {row.rate:,} times a second",
                hint="send several reports or identifiers in one request, or wait as long as Retry-After says",
                headers={"Retry-After": str(seconds)},
            )

    async def _local(self, peer: LocalPeer) -> Caller:
        login = await self._login(peer.uid)
        caller = local_caller(peer.uid, login, self._users, own_uid=os.geteuid())
        if caller is None:
            who = f"uid {peer.uid}" if login is None else f"{login} (uid {peer.uid})"
            raise HttpError(
                403,
                "user_unknown",
                f"{who} may not use the gateway",
                hint="an administrator lists users under [[gateway.users]] in node.toml, or gives you a token",
            )
        return caller

    async def _login(self, uid: int) -> str | None:
        """The login name; the system may ask a directory for it, so it is asked in a thread, and remembered."""
        now = asyncio.get_running_loop().time()
        known = self._logins.get(uid)
        if known is None or now - known[1] >= LOGIN_SECONDS:
            login: str | None = None
            with suppress(KeyError):
                login = (await asyncio.to_thread(pwd.getpwuid, uid)).pw_name
            known = self._logins[uid] = (login, now)
        return known[0]


def _bearer(headers: Sequence[str]) -> str:
    """The text after `Bearer` of the only header."""
    scheme, _, text = headers[0].strip().partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer":
        raise _invalid("the header Authorization is not `Bearer TOKEN`")
    return text.strip()


def _invalid(message: str) -> HttpError:
    return HttpError(401, "token_invalid", message, path="Authorization", hint=_ASK, headers=_CHALLENGE)


def _refuse_token_in_address(request: Request) -> None:
    query = request.scope["query_string"]
    if not query:
        return
    if PREFIX.encode() in query.lower() or any(name.lower() in _TOKEN_PARAMETERS for name in request.query_params):
        message = "a token must not be part of the address; replace it, because logs of proxies may have it"
        raise HttpError(400, "token_in_address", message, path="Authorization", hint=_ASK)
