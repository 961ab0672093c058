"""Adds the console to the gateway of a home whose configuration asks for it. Nothing else of it is imported before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from node.gateway.authentication import Authenticator
    from node.gateway.served import Served


def console_of(served: "Served", authenticator: "Authenticator") -> "Sequence[BaseRoute]":
    """The routes of the console; none if `gateway.console` is false."""
    if not served.home.config.gateway.console:
        return ()
    from node.console.application import console_routes

    return console_routes(served, authenticator)
