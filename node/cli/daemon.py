"""Commands of the operator: run, status, policy explain."""

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output, error_fields
from node.errors import Unavailable, UsageError

policy_app = typer.Typer(help="Ask the policy.", no_args_is_help=True)

POLL_SECONDS = (0.05, 0.5)  # first and longest wait between two looks
DONE = ("drained", "caught-up")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(run)
    app.command()(status)
    app.add_typer(policy_app, name="policy")


def run(
    home: HomeOption = None,
    json: JsonOption = False,
    share: Annotated[int, typer.Option(hidden=True, help="Number of a reader process of the daemon.", min=0)] = 0,
) -> int:
    """Run the node until SIGTERM; the first line on stdout says that it is ready."""
    from msgspec.structs import replace

    from node.runtime import daemon, memory_limit
    from node.runtime.home import open_home
    from node.runtime.logs import configure
    from node.runtime.open_node import open_node
    from node.runtime.reader_processes import ReaderProcesses
    from node.runtime.single_daemon import only_daemon
    from schemas.types import LogFormat

    opened = open_home(home_of(home))
    configure(replace(opened.config.log, format=LogFormat.json) if json else opened.config.log)

    async def serve() -> None:
        async with open_node(opened, share=opened.share(share)) as node:
            if share:
                await daemon.read(node, lambda: _ready(node.code))
            else:
                readers = ReaderProcesses(opened.path, opened.config.node.processes, *(["--json"] if json else []))
                await daemon.run(node, lambda: _ready(node.code), readers)

    with nullcontext() if share else only_daemon(opened.path), memory_limit.limited(opened.config.node.memory_mb):
        asyncio.run(serve())
    return 0


def _ready(code: str) -> None:
    import os

    import msgspec

    line = {"event": "node_ready", "node": code, "pid": os.getpid()}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def status(
    home: HomeOption = None,
    json: JsonOption = False,
    until: Annotated[str | None, typer.Option(metavar="drained|caught-up", help="Wait for this state.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0)] = 60,
) -> int:
    """Show outbox, streams, counts and findings of a node."""
    if until is not None and until not in DONE:
        raise UsageError("usage", f"{until} is no state", path="--until", hint=f"one of {', '.join(DONE)}")
    from node.runtime.home import open_home

    opened = open_home(home_of(home))
    answer, reached = asyncio.run(_status(opened, until, timeout))
    output = Output(json=json)
    error = None if reached else Unavailable("timed_out", f"not {until} within {timeout:g} s", path="--timeout")
    if json:
        output.object(answer | ({"error": error_fields(error)} if error else {}))
        return error.exit_code if error else 0
    output.object(_without_idle(answer))
    if error:
        raise error
    return 0


def _without_idle(answer: dict[str, Any]) -> dict[str, Any]:
    """For a person: streams that nothing was ever written to are only counted."""
    used = [row for row in answer["streams"] if row["end"] or row["position"]]
    return answer | {"streams": used, "idle streams": len(answer["streams"]) - len(used)}


async def _status(opened: Any, until: str | None, seconds: float) -> tuple[dict[str, Any], bool]:
    from node.commands.status import look
    from node.runtime.open_node import open_bus, open_store

    deadline = asyncio.get_running_loop().time() + seconds
    wait = POLL_SECONDS[0]
    async with open_store(opened) as store, open_bus(opened) as bus:
        while True:
            seen = await look(
                home=opened.path, node=opened.config.node.id, store=store, bus=bus, places=opened.places()
            )
            reached = {None: True, "drained": seen.drained, "caught-up": seen.caught_up}[until]
            if reached or asyncio.get_running_loop().time() >= deadline:
                return seen.answer, reached
            await asyncio.sleep(wait)
            wait = min(POLL_SECONDS[1], wait * 1.5)


@policy_app.command()
def explain(
    sender: Annotated[str, typer.Option("--from", help="Code of the originator.")],
    to: Annotated[str, typer.Option("--to", help="Code of the recipient.")],
    report: Annotated[Path, typer.Option(help="The report, a JSON file.")],
    at: Annotated[str | None, typer.Option(help="Decide as at this time, RFC 3339.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Explain whether a report may go from one node to another, and by which clause."""
    from node.commands.policy_explain import explain as explain_policy
    from node.runtime.home import open_home

    answer = explain_policy(open_home(home_of(home)), sender=sender, recipient=to, report=report, at=at)
    Output(json=json).object(answer)
    return 0
