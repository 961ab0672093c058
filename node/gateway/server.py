"""The gateway of a home: bound to its address and its local socket, then served in the loop of the process.

Binding comes first, so that a daemon whose gateway cannot listen does not start. On any address but loopback the
gateway needs TLS; every request needs a token or a listed user, whatever the address.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import structlog
from starlette.routing import BaseRoute

from node.errors import UsageError
from node.gateway.application import application
from node.gateway.authentication import Authenticator
from node.gateway.endpoints import ENDPOINTS
from node.gateway.served import Served
from node.heartbeats import Heartbeats
from node.integrators.local_users import check_users
from node.runtime.home import Home
from node.runtime.open_intake import OpenIntake
from node.serving import addresses
from node.serving.capacity import connections_allowed, raise_descriptor_limit
from node.serving.doors import Door
from node.serving.local_socket import local_socket
from node.serving.serve import BACKLOG, serve
from node.serving.tls import ServerTls, tls_files

log = structlog.get_logger()

Further = Callable[[Served, Authenticator], Sequence[BaseRoute]]
"""Makes routes that the gateway serves beside its endpoints, such as those of the console."""


def nothing_further(_served: Served, _authenticator: Authenticator) -> Sequence[BaseRoute]:
    """The gateway has its endpoints only."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is bound."""

    home: Home
    doors: tuple[Door, ...]
    names: tuple[str, ...]
    """Where it listens, as people write it."""

    connections_max: int
    further: Further
    """Routes of packages above this one."""

    async def serve(self, intake: OpenIntake, stopping: asyncio.Event, heartbeats: Heartbeats | None = None) -> None:
        """Serve until `stopping` is set; `heartbeats` are those of the daemon, if it serves the gateway."""
        served = Served(home=self.home, intake=intake, stopping=stopping, heartbeats=heartbeats)
        authenticator = Authenticator(intake.store, self.home.config.gateway.users, intake.clock)
        app = application(served, ENDPOINTS, authenticator, self.further(served, authenticator))
        log.info("gateway_started", listen=list(self.names), connections=self.connections_max)
        try:
            await serve(app, self.doors, connections_max=self.connections_max, now_ms=intake.clock, stopping=stopping)
        finally:
            await authenticator.close()
            await served.watch.close()


def is_configured(home: Home) -> bool:
    """Whether the home has a gateway."""
    section = home.config.gateway
    return section.listen is not None or section.socket is not None


@contextmanager
def bound_gateway(home: Home, further: Further = nothing_further) -> Iterator[Gateway]:
    """The gateway that the configuration describes, bound during the block. Raises UsageError and Unavailable."""
    section = home.config.gateway
    if not is_configured(home):
        hint = "set listen, socket, or both in the section [gateway] of node.toml"
        raise UsageError("gateway_not_configured", "the home has no gateway", path="gateway.listen", hint=hint)
    check_users(section.users)
    tls = _tls(home)
    with ExitStack() as stack:
        doors, names = [], []
        if section.listen is not None:
            address = addresses.resolved(section.listen)
            if tls is None and not address.is_loopback:
                raise _unprotected(section.listen)
            for opened in stack.enter_context(addresses.listening(address, BACKLOG)):
                doors.append(Door(listening=opened, tls=tls))
                names.append(_url(opened.getsockname(), is_tls=tls is not None))
        if section.socket is not None:
            path = home.path / section.socket
            doors.append(Door(listening=stack.enter_context(local_socket(path, BACKLOG))))
            names.append(str(path))
        capacity = _capacity(home, tls)
        yield Gateway(home=home, doors=tuple(doors), names=tuple(names), connections_max=capacity, further=further)


def _tls(home: Home) -> ServerTls | None:
    section = home.config.gateway
    files = tls_files(home.path, section.certificate_file, section.key_file, section.client_ca_file)
    return None if files is None else ServerTls(files)


def _capacity(home: Home, tls: ServerTls | None) -> int:
    configured = home.config.gateway.connections_max
    allowed = connections_allowed(
        configured,
        descriptors=raise_descriptor_limit(configured),
        memory_mb=None if tls is None else home.config.node.memory_mb,
    )
    if allowed < configured:
        log.warning("gateway_connections_limited", configured=configured, allowed=allowed)
    return allowed


def _unprotected(listen: str) -> UsageError:
    return UsageError(
        "gateway_unprotected",
        f"{listen} can be reached from other machines, and there is no TLS",
        path="gateway.listen",
        hint="set gateway.certificate_file and gateway.key_file, or listen on 127.0.0.1",
    )


def _url(name: tuple[str, int], *, is_tls: bool) -> str:
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{'https' if is_tls else 'http'}://{host}:{name[1]}"
