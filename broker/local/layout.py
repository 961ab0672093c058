"""The folder of a local cluster: what is in it, chosen once and kept. No process is started here.

    DIR/lock             held by who starts or stops, and by a parent as long as it lives
    DIR/cluster.json     id, and the two ports of each broker
    DIR/broker-N/        server.properties, broker.log, data/, and pid while it runs

Rules. Ports are chosen below those that systems give to outgoing connections: a client that tries to reach a broker
that is down would otherwise, now and then, take the broker's port or connect to itself.
"""

import base64
import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.local.errors import LocalUnavailable, LocalUsage

HOST: Final = "127.0.0.1"
PORTS: Final = range(20_000, 30_000)  # Linux gives 32,768 and up to outgoing connections, macOS 49,152 and up
PORT_TRIES_MAX: Final = 200
NUMBERS: Final = (1, 3)  # two brokers cannot outvote one that is away
STATE_FILE: Final = "cluster.json"
LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLayout:
    """One broker of a cluster: its number, its ports and its folder."""

    number: int
    port: int
    controller_port: int
    folder: Path

    @property
    def data(self) -> Path:
        """Where Kafka keeps its log."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """Its configuration; the path in its command line is what it is known by."""
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "broker.log"

    @property
    def pid(self) -> Path:
        """Holds its process id while it runs."""
        return self.folder / "pid"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """A cluster in its folder."""

    folder: Path
    cluster_id: str
    brokers: tuple[BrokerLayout, ...]

    @property
    def bootstrap(self) -> str:
        """Addresses for clients, separated by commas."""
        return ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)

    def broker(self, number: int) -> BrokerLayout:
        """The broker of this number, 1 and up; `ValueError` for none of ours."""
        for broker in self.brokers:
            if broker.number == number:
                return broker
        raise ValueError(f"there is no broker {number}; there are {len(self.brokers)}")


def make(folder: Path, brokers: int | None) -> ClusterLayout:
    """The cluster of `folder`, which is chosen now if there is none; its lock has to be held.

    None stands for as many as are there, or one.
    """
    if brokers not in (None, *NUMBERS):
        raise LocalUsage("broker_count_invalid", f"{brokers} brokers make no local cluster", hint="1 or 3")
    if (folder / STATE_FILE).exists():
        return read(folder, brokers)
    brokers = brokers or 1
    ports = _free_ports(2 * brokers)
    cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    if cluster_id.startswith("-"):  # it would look like an option to the tool that formats
        cluster_id = f"E{cluster_id[1:]}"
    pairs = [{"port": ports[2 * n], "controller_port": ports[2 * n + 1]} for n in range(brokers)]
    temporary = folder / f".{STATE_FILE}"
    temporary.write_text(json.dumps({"cluster_id": cluster_id, "brokers": pairs}, indent=1))
    temporary.replace(folder / STATE_FILE)
    return read(folder)


def read(folder: Path, brokers: int | None = None) -> ClusterLayout:
    """The cluster that was made in `folder`; LocalUsage if there is none, or one of another number than `brokers`."""
    layout = _read(folder)
    if brokers is not None and len(layout.brokers) != brokers:
        message = f"{folder} holds a cluster of {len(layout.brokers)}, not of {brokers}"
        raise LocalUsage("broker_folder_invalid", message, hint="name another folder, or remove this one")
    return layout


def _read(folder: Path) -> ClusterLayout:
    try:
        state = json.loads((folder / STATE_FILE).read_text())
        brokers = tuple(
            BrokerLayout(
                number=number,
                port=int(pair["port"]),
                controller_port=int(pair["controller_port"]),
                folder=folder.absolute() / f"broker-{number}",
            )
            for number, pair in enumerate(state["brokers"], 1)
        )
        return ClusterLayout(folder=folder.absolute(), cluster_id=str(state["cluster_id"]), brokers=brokers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{folder} holds no local cluster ({type(error).__name__} at {STATE_FILE})"
        hint = "`enlace broker local start` makes one; --dir names its folder"
        raise LocalUsage("broker_folder_invalid", message, hint=hint) from None


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, each another one."""
    found: list[int] = []
    for _ in range(PORT_TRIES_MAX):
        port = secrets.choice(PORTS)
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    message = f"no {count} free ports were found from {PORTS.start} to {PORTS.stop - 1}"
    raise LocalUnavailable("broker_not_ready", message, hint="end what listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
