"""Commands about the daemon: run and status."""

import asyncio
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.answers.error_answer import error_fields
from node.errors import Unavailable, UsageError
from node.remote.gateway_address import GatewayAddress
from node.terminal.help_text import Reader, add_command
from node.terminal.options import (
    CaFileOption,
    GatewayOption,
    HomeOption,
    JsonOption,
    TokenFileOption,
    named_gateway,
    open_named_home,
)
from node.terminal.output import Output
from node.terminal.ready import say_ready
from schemas.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.runtime.event_counts import EventCounts
    from node.runtime.home import Home
    from node.runtime.jobs import Job

GOALS = ("drained", "caught-up")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, run, "run", Reader.OPERATOR)
    add_command(app, status, "status", Reader.OPERATOR)
    add_command(app, doctor, "doctor", Reader.OPERATOR)


ServedOption = Annotated[
    bool, typer.Option("--gateway/--no-gateway", help="Serve the gateway that the configuration describes.")
]


def run(
    home: HomeOption = None,
    json: JsonOption = False,
    gateway: ServedOption = True,
    share: Annotated[int, typer.Option(hidden=True, help="Number of a reader process of the daemon.", min=0)] = 0,
) -> int:
    """Run the node until SIGTERM; the first line on stdout says that it is ready.

    Sends accepted reports, reads all streams, and stores what the agreements allow. It waits for a log that is away.

    Example:

        enlace run --home bz

    Exit codes: 0 ended by SIGTERM or SIGINT; 2 usage or configuration; 4 another daemon runs in the home, or the
    address of the gateway is in use; 70 a bug; 75 start it again.
    """
    from msgspec.structs import replace

    from node.console.mounting import console_of
    from node.gateway.daemon_job import jobs_of_gateway
    from node.runtime import memory_limit
    from node.runtime.logs import configure_counting
    from node.runtime.single_daemon import only_daemon
    from schemas.types import LogFormat

    opened = open_named_home(home)
    counts = configure_counting(replace(opened.config.log, format=LogFormat.json) if json else opened.config.log)
    with (
        nullcontext() if share else only_daemon(opened.path),
        memory_limit.limited(opened.config.node.memory_mb),
        jobs_of_gateway(opened, console_of) if gateway and not share else nullcontext(()) as further,
    ):
        asyncio.run(_run(opened, counts, further, share=share, json=json))
    return 0


async def _run(home: "Home", counts: "EventCounts", further: "Sequence[Job]", *, share: int, json: bool) -> None:
    """Run the daemon, or its reader process of this number."""
    from node.drop_folder import daemon_job as drop_folder
    from node.notifications import daemon_job as webhooks
    from node.runtime import daemon
    from node.runtime.open_node import open_node
    from node.runtime.reader_processes import ReaderProcesses

    async with open_node(home, share=home.share(share)) as node:
        ready = partial(say_ready, "node_ready", node=node.code)
        if share:
            await daemon.read(node, ready, counts)
        else:
            readers = ReaderProcesses(home.path, home.config.node.processes, *["--json"] * json)
            await daemon.run(node, ready, readers, counts, [webhooks.JOB, drop_folder.JOB, *further])


def status(
    home: HomeOption = None,
    json: JsonOption = False,
    until: Annotated[str | None, typer.Option(metavar="|".join(GOALS), help="Wait for this state.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0)] = 60,
    check: Annotated[bool, typer.Option("--check", help="End with 1 if there is a problem.")] = False,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
) -> int:
    """Show outbox, streams, counts, findings and problems of a node, whether its daemon runs or not.

    `drained` means that everything that was accepted was read back from the log. `caught-up` means that every stream
    was read to its end. `problems` are the states in which a party that is entitled to a report may not get it, each
    with its reason and remedy.

    Example:

        enlace status --check --home bz

    Exit codes: 0 done; 1 with --check: there is a problem; 2 usage or configuration, or there is no store; 4 the state
    was not reached in time, or the store is unavailable.
    """
    if until is not None and until not in GOALS:
        raise UsageError("usage", f"{excerpt(until)} is not a state", path="--until", hint=f"one of {', '.join(GOALS)}")
    address, output = named_gateway(home, gateway, token_file, ca_file), Output(json=json)
    look = partial(_look_by_home, home) if address is None else partial(_look_by_gateway, address)
    answer, reached = look(until, timeout)
    hint = "look at `outbox`, `streams`, `bus` and `problems` of the answer, or give more seconds"
    late = Unavailable("timed_out", f"not {until} within {timeout:g} s", path="--timeout", hint=hint)
    error = None if reached else late
    if json:
        output.object(answer | ({"error": error_fields(error)} if error else {}))
        return error.exit_code if error else int(check and bool(answer["problems"]))
    output.object(_without_idle(answer))
    if error:
        raise error
    return int(check and bool(answer["problems"]))


def _look_by_home(home: Path | None, until: str | None, seconds: float) -> tuple[dict[str, Any], bool]:
    """The state of the node of a home, and whether it is `until`."""
    from node.answers.plain_json import presentable
    from node.health.status import Goal, wait_for

    seen, reached = asyncio.run(wait_for(open_named_home(home), Goal(until) if until else None, seconds))
    return presentable(seen), reached


def _look_by_gateway(address: GatewayAddress, until: str | None, seconds: float) -> tuple[dict[str, Any], bool]:
    """The same through a gateway."""
    from node.remote.reading import status as ask

    return ask(address, until, seconds)


def doctor(home: HomeOption = None, json: JsonOption = False) -> int:
    """Examine the machine below a node: volume, clock, space, permissions, what ends soon, bus, topics and drift.

    Changes nothing. What this system does not show, such as encryption below a virtual disk, is called unknown.

    Example:

        enlace doctor --home bz

    Exit codes: 0 nothing is wrong; 1 at least one examination is not ok; 2 usage or configuration.
    """
    from node.doctor.examine import examine

    found = asyncio.run(examine(open_named_home(home)))
    Output(json=json).items(found)
    return 0 if all(one.ok for one in found) else 1


def _without_idle(answer: dict[str, Any]) -> dict[str, Any]:
    """For a person: streams that were never written to are only counted."""
    used = [row for row in answer["streams"] if row["end"] or row["position"]]
    return answer | {"streams": used, "idle streams": len(answer["streams"]) - len(used)}
