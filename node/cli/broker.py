"""Commands of the broker: broker local start, broker local stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import JsonOption
from node.cli.output import Output
from node.errors import Unavailable, UsageError

broker_app = typer.Typer(help="The broker: a local one for development.", no_args_is_help=True)
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


@local_app.command("start")
def start_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    json: JsonOption = False,
) -> int:
    """Start one broker or three, and return when all answer; they run until `broker local stop`."""
    from broker.local import detached

    with _translated():
        answer = detached.start(folder, brokers=brokers)
    Output(json=json).object(answer.result())
    return 0


@local_app.command("stop")
def stop_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    json: JsonOption = False,
) -> int:
    """Stop the brokers of a folder; their data stays for the next start."""
    from broker.local import detached

    with _translated():
        answer = detached.stop(folder, brokers=brokers)
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
