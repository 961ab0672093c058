"""The command `top`: a live view of a node."""

import asyncio
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from node.terminal.help_text import Reader, add_command
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output

if TYPE_CHECKING:
    from node.runtime.home import Home


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, top, "top", Reader.OPERATOR)


def top(
    home: HomeOption = None,
    json: JsonOption = False,
    once: Annotated[bool, typer.Option("--once", help="Show one frame, and end.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2, max=3600)] = 2,
) -> int:
    """Watch a node live: outbox, streams with lag and rate, outcomes, quarantine, problems, and what ends soon.

    The key q or Ctrl-C ends it. The daemon need not run. Into a pipe, and on a terminal that cannot move its cursor,
    one frame follows the other. With --json each look is an object on one line; rates are null at the first look.

    Example:

        enlace top --home bz

    Exit codes: 0 ended; 2 usage or configuration, or there is no store; 4 with --once: the store is unavailable.
    """
    opened = open_named_home(home)
    asyncio.run(_once(opened, json=json) if once else _watch(opened, interval, json=json))
    return 0


async def _once(home: "Home", *, json: bool) -> None:
    from node.top.live_view import looks
    from node.top.screen import Screen

    stopping = asyncio.Event()
    async with aclosing(looks(home, interval=0, stopping=stopping)) as seen:
        first = await anext(seen)
    if json:
        Output(json=True).object(first)
    else:
        Screen(sys.stdout, stopping=stopping, live=False).draw(first)


async def _watch(home: "Home", interval: float, *, json: bool) -> None:
    """Show look after look until a key or a signal ends it."""
    from node.top.live_view import looks
    from node.top.screen import Screen

    stopping = asyncio.Event()
    screen, output = Screen(sys.stdout, stopping=stopping, live=not json), Output(json=True)
    with screen.opened():
        async with aclosing(looks(home, interval=interval, stopping=stopping, on_failure=screen.failed)) as seen:
            async for look in seen:
                if json:
                    output.object(look)
                else:
                    screen.draw(look, f"q ends; a look every {interval:g} s")
