"""Connections to the targets of webhooks: each address is checked at the moment of the connection.

A name is resolved once for a connection, every address that it has must be allowed, and the connection goes to an
address that was checked. So a name whose address changes after the webhook was made (DNS rebinding) reaches nothing
that is not allowed. The certificate is verified against the name of the URL. No proxy of the environment is used.
"""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final

import httpcore

from node.notifications.targets import Address, TargetRules, refusal

RESOLVE_SECONDS_MAX: Final = 5.0
ADDRESSES_TRIED_MAX: Final = 4  # of one name
IDLE_SECONDS_MAX: Final = 30.0  # how long a connection without a request stays open


class TargetForbiddenError(Exception):
    """The target has an address that is not allowed."""


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, in the order in which the system prefers them. Raises OSError and TimeoutError."""
    async with asyncio.timeout(RESOLVE_SECONDS_MAX):
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))


async def checked_addresses(host: str, port: int, scheme: str, rules: TargetRules) -> Sequence[Address]:
    """The addresses of a host, all of which are allowed. Raises TargetForbiddenError, OSError and TimeoutError."""
    addresses = await resolve(host, port)
    for address in addresses:
        if reason := refusal(address, scheme, rules):
            raise TargetForbiddenError(f"{host} has a forbidden address: {reason}")
    return addresses


class CheckingBackend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, scheme: str, rules: TargetRules) -> None:
        self._scheme = scheme
        self._rules = rules
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - of the port of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address that answers. Raises TargetForbiddenError and errors of httpcore."""
        try:
            addresses = await checked_addresses(host, port, self._scheme, self._rules)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not resolved") from error
        last: Exception = httpcore.ConnectError(f"the name {host} has no address")
        for address in addresses[:ADDRESSES_TRIED_MAX]:
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def pool(scheme: str, rules: TargetRules, tls: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """Connections to one target. It follows no redirect and makes no second attempt."""
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=1,
        max_keepalive_connections=1,
        keepalive_expiry=IDLE_SECONDS_MAX,
        retries=0,
        network_backend=CheckingBackend(scheme, rules),
    )
