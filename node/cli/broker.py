"""Commands of the broker: broker provision, check, local start and local stop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from broker import topology as topologies
from node.clock import now_ms
from node.errors import Unavailable, UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output

broker_app = group("The broker: its topics, and a local one for development.")
local_app = group("A real Apache Kafka on this machine, without Docker.")

DirOption = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="Folder of the brokers: configuration, logs and data.")
]
BrokersOption = Annotated[
    int | None,
    typer.Option("--brokers", metavar="1|3", help="Number of brokers; as DIR has them, or 1.", show_default=False),
]
KAFKA = "kafka://"
BOOTSTRAP_UNKNOWN = "HOST:PORT"
DIR_DEFAULT = Path(".enlace-kafka")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, broker_app, "broker", Reader.OPERATOR)
    broker_app.add_typer(local_app, name="local")
    add_command(broker_app, provision, "provision")
    add_command(broker_app, check, "check")
    add_command(broker_app, rights, "rights")
    add_command(local_app, start_local, "start")
    add_command(local_app, stop_local, "stop")


TopologyOption = Annotated[
    Path | None, typer.Option("--topology", help="Topics of all members of this file.", show_default=False)
]


def provision(topology: TopologyOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """Create the topics of all members on the home's bus, and change settings that differ from the topology.

    Members are the nodes that have a NODE document in the home, and the home's node. With --topology, the topics of
    all members of that file are created, also before they join. Topics that exist keep their records.

    Example:

        enlace broker provision --home bz

    Exit codes: 0 done; 2 usage or configuration; 4 the bus is unavailable, try again.
    """
    return _compare(topology, home, json=json, change=True)


def check(topology: TopologyOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """List the differences between the topics on the home's bus and the topology; changes nothing.

    Example:

        enlace broker check --home bz

    Exit codes: 0 no difference; 1 at least one difference; 2 usage or configuration; 4 the bus is unavailable, try
    again.
    """
    return _compare(topology, home, json=json, change=False)


def _compare(topology: Path | None, home: Path | None, *, json: bool, change: bool) -> int:
    from node.commands import broker_topics
    from node.runtime import config

    opened = open_named_home(home)
    wanted = config.read_topology(topology) if topology else None
    done = asyncio.run((broker_topics.provision if change else broker_topics.check)(opened, wanted))
    Output(json=json).object(done)
    return 1 if done.drift and not change else 0


def rights(
    topology: TopologyOption = None,
    cluster: Annotated[str, typer.Option("--cluster", help="Strimzi's name of the cluster.")] = "enlace",
    strimzi: Annotated[bool, typer.Option("--strimzi", help="Print KafkaUser resources of Strimzi.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Print the rights that the members need on Kafka, as commands of Kafka's own tool; changes nothing.

    A node writes its own topics and reads those of all. A user of its own makes the topics. The names of the users are
    the CN of their certificates. With --topology, all members of that file; no home is needed then.

    Example:

        enlace broker rights --home bz

    Exit codes: 0 done; 2 usage or configuration.
    """
    from broker.kafka import rights_text
    from node.commands.broker_topics import members_of
    from node.runtime import config

    if topology is not None:
        wanted, bootstrap = config.read_topology(topology), BOOTSTRAP_UNKNOWN
        nodes = wanted.members
    else:
        opened = open_named_home(home)
        wanted, nodes, url = opened.topology, members_of(opened), opened.config.bus.url
        bootstrap = url.removeprefix(KAFKA) if url.startswith(KAFKA) else BOOTSTRAP_UNKNOWN
    answer = rights_text.answer(wanted, nodes, bootstrap=bootstrap, cluster=cluster)
    if json:
        Output(json=True).object(answer)
    else:
        Output(json=False).text(answer.strimzi if strimzi else "".join(f"{line}\n" for line in answer.commands))
    return 0


def start_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    tls: Annotated[bool, typer.Option("--tls", help="TLS, certificates and rights for the members.")] = False,
    topology: Annotated[
        Path | None,
        typer.Option(
            "--topology", help="With --tls: the members; the shipped topology without it.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Start one broker or three, and return when all answer; they run until `broker local stop`.

    Needs Java 17. Maven fetches Apache Kafka the first time. With --tls, an authority for development signs a
    certificate for each member, in DIR/unsafe-tls, and each member gets the rights of `broker rights`.

    Example:

        enlace broker local start --brokers 3 --tls

    Exit codes: 0 all brokers answer; 2 usage, or Java or Maven is missing; 4 a broker did not start in time.
    """
    from broker.local import detached_cluster
    from broker.local.tls import users_of
    from node.runtime import config

    if topology is not None and not tls:
        raise UsageError("usage", "the members get certificates only with TLS", path="--topology", hint="add --tls")
    wanted = config.read_topology(topology) if topology else topologies.default()
    users = users_of(wanted, wanted.members, datetime.fromtimestamp(now_ms() / 1000, UTC)) if tls else None
    with _translated():
        answer = detached_cluster.start(folder, brokers=brokers, users=users)
    Output(json=json).object(answer.result())
    return 0


def stop_local(
    folder: DirOption = DIR_DEFAULT,
    brokers: BrokersOption = None,
    json: JsonOption = False,
) -> int:
    """Stop the brokers of a folder; their data stays for the next start.

    Example:

        enlace broker local stop

    Exit codes: 0 all brokers ended; 2 usage; 4 a broker does not end.
    """
    from broker.local import detached_cluster

    with _translated():
        answer = detached_cluster.stop(folder, brokers=brokers)
    Output(json=json).object(answer.result())
    return 0


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of `broker`, which does not import `node`, as errors of the command line."""
    from broker.local.errors import LocalError

    try:
        yield
    except LocalError as error:
        error_type = Unavailable if error.retriable else UsageError
        raise error_type(error.code, error.message, hint=error.hint) from None
