"""The command `gateway run`: the gateway as a process of its own."""

import asyncio
from typing import TYPE_CHECKING

import typer

from node.console.mounting import console_of
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.ready import say_ready

if TYPE_CHECKING:
    from node.runtime.event_counts import EventCounts
    from node.runtime.home import Home

gateway_app = group("The interface over HTTP.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, gateway_app, "gateway", Reader.OPERATOR)
    add_command(gateway_app, run, "run")


def run(home: HomeOption = None, json: JsonOption = False) -> int:
    """Run the gateway of a home until SIGTERM, beside the daemon; the first line on stdout says where it listens.

    The daemon serves the gateway itself if the home has one. To use a process of its own instead, start the daemon
    with --no-gateway.

    Example:

        enlace gateway run --home bz

    Exit codes: 0 ended by SIGTERM or SIGINT; 2 usage or configuration; 4 the address or the socket is in use, or the
    store is unavailable; 70 a bug; 75 start it again.
    """
    from msgspec.structs import replace

    from node.runtime import memory_limit
    from node.runtime.logs import configure_counting
    from schemas.types import LogFormat

    opened = open_named_home(home)
    counts = configure_counting(replace(opened.config.log, format=LogFormat.json) if json else opened.config.log)
    with memory_limit.limited(opened.config.node.memory_mb):
        try:
            asyncio.run(_serve(opened, counts))
        finally:
            counts.write(everything=True)
    return 0


async def _serve(home: "Home", counts: "EventCounts") -> None:
    """Serve until a signal ends it, and report to the supervisor of the process."""
    from node.gateway.server import bound_gateway
    from node.heartbeats import Heartbeats
    from node.runtime.daemon import stopped_by_signals, write_counts
    from node.runtime.open_intake import open_intake
    from node.supervision.notify import supervisor
    from node.supervision.start_objects import keep_start_objects
    from node.supervision.supervise import supervise

    stopping, service, name = asyncio.Event(), supervisor(), f"gateway of node {home.node}"
    with bound_gateway(home, console_of) as gateway, stopped_by_signals(stopping):
        async with open_intake(home) as intake, asyncio.TaskGroup() as group:
            group.create_task(write_counts(counts, stopping))
            group.create_task(supervise(service, Heartbeats(), stopping, name=name))
            keep_start_objects()
            say_ready("gateway_ready", node=home.node, listen=list(gateway.names))
            service.ready(f"{name} runs")
            await gateway.serve(intake, stopping)
            stopping.set()
