"""Commands of the broker: broker provision, broker check, broker local start, broker local stop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output
from node.errors import Unavailable, UsageError

broker_app = typer.Typer(help="The broker: its topics, and a local one for development.", no_args_is_help=True)
local_app = typer.Typer(help="A real Apache Kafka on this machine, without Docker.", no_args_is_help=True)
broker_app.add_typer(local_app, name="local")

DirOption = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="Folder of the brokers: configuration, logs and data.")
]
BrokersOption = Annotated[
    int | None, typer.Option("--brokers", metavar="1|3", help="How many; those of DIR, or 1.", show_default=False)
]
DIR_DEFAULT = Path(".enlace-kafka")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(broker_app, name="broker")


TopologyOption = Annotated[
    Path | None, typer.Option("--topology", help="Topology file, instead of the home's.", show_default=False)
]


@broker_app.command()
def provision(topology: TopologyOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """Make the topics of all members on the home's bus, and set what differs from the topology."""
    return _compare(topology, home, json=json, change=True)


@broker_app.command()
def check(topology: TopologyOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """Say what differs from the topology on the home's bus; exit 1 if anything does."""
    return _compare(topology, home, json=json, change=False)


def _compare(topology: Path | None, home: Path | None, *, json: bool, change: bool) -> int:
    from dataclasses import asdict

    from node.commands import broker_topics as provisioning
    from node.runtime import config
    from node.runtime.home import open_home

    opened = open_home(home_of(home))
    wanted = config.read_topology(topology) if topology else opened.topology
    done = asyncio.run((provisioning.provision if change else provisioning.check)(opened, wanted))
    Output(json=json).object(
        {
            "created": list(done.created),
            "changed": list(done.changed),
            "drift": [asdict(one) for one in done.drift],
        }
    )
    return 1 if done.drift and not change else 0


@local_app.command("start")
def start_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    json: JsonOption = False,
) -> int:
    """Start one broker or three, and return when all answer; they run until `broker local stop`."""
    from broker.local import detached_cluster

    with _translated():
        answer = detached_cluster.start(folder, brokers=brokers)
    Output(json=json).object(answer.result())
    return 0


@local_app.command("stop")
def stop_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    json: JsonOption = False,
) -> int:
    """Stop the brokers of a folder; their data stays for the next start."""
    from broker.local import detached_cluster

    with _translated():
        answer = detached_cluster.stop(folder, brokers=brokers)
    Output(json=json).object(answer.result())
    return 0


@contextmanager
def _translated() -> Iterator[None]:
    """What `broker` raises, which knows nothing of `node`, as the command line answers it."""
    from broker.local.errors import LocalError

    try:
        yield
    except LocalError as error:
        made = Unavailable if error.retriable else UsageError
        raise made(error.code, error.message, hint=error.hint) from None
