"""The folder of a local cluster: its files, ports and id. It starts no process.

    DIR/lock             held while brokers start or stop, and while a parent process runs attached brokers
    DIR/cluster.json     the id of the cluster and the two ports of each broker
    DIR/unsafe-tls/      authority, certificates and keys, if the cluster uses TLS (authority.py)
    DIR/broker-N/        server.properties, broker.log, data/, and pid while the broker runs

Rules. Id and ports are chosen once and kept. The ports are below those that systems use for outgoing connections:
otherwise a client that tries to reach a stopped broker could get the broker's port, or connect to itself.
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
PORTS: Final = range(20_000, 30_000)  # outgoing connections use 32,768 and up on Linux, 49,152 and up on macOS
PORT_TRIES_MAX: Final = 200
NUMBERS: Final = (1, 3)  # of two brokers, one alone has no majority
STATE_FILE: Final = "cluster.json"
LOCK_FILE: Final = "lock"
TLS_FOLDER: Final = "unsafe-tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLayout:
    """One broker of a cluster: its number, ports and files."""

    number: int
    port: int
    controller_port: int
    folder: Path
    tls: Path | None = None
    """The folder of the certificates; None without TLS."""

    @property
    def data(self) -> Path:
        """The folder of Kafka's log."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The configuration. Its path in a command line identifies the process of this broker."""
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """The output of the broker."""
        return self.folder / "broker.log"

    @property
    def pid(self) -> Path:
        """The file with the process id while the broker runs."""
        return self.folder / "pid"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLayout:
    """A cluster: its folder, id and brokers."""

    folder: Path
    cluster_id: str
    brokers: tuple[BrokerLayout, ...]

    @property
    def tls(self) -> Path | None:
        """The folder of the certificates; None without TLS."""
        return self.brokers[0].tls

    @property
    def bootstrap(self) -> str:
        """Addresses for clients, separated by commas."""
        return ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)

    def broker(self, number: int) -> BrokerLayout:
        """The broker with this number, from 1; ValueError if there is none."""
        for broker in self.brokers:
            if broker.number == number:
                return broker
        raise ValueError(f"there is no broker {number}; there are {len(self.brokers)}")


def make(folder: Path, brokers: int | None, *, tls: bool = False) -> ClusterLayout:
    """The cluster of `folder`. If there is none, choose its id and ports. The caller must hold the lock of the folder.

    `brokers` None stands for the number that the folder has, or 1. A folder keeps its choice of TLS.
    """
    if brokers not in (None, *NUMBERS):
        raise LocalUsage("broker_count_invalid", f"a local cluster cannot have {brokers} brokers", hint="use 1 or 3")
    if (folder / STATE_FILE).exists():
        layout = read(folder, brokers)
        if tls and layout.tls is None:
            message = f"the cluster in {folder} was made without TLS"
            raise LocalUsage("broker_folder_invalid", message, hint="use another folder, or remove this one")
        return layout
    brokers = brokers or 1
    ports = _free_ports(2 * brokers)
    cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    if cluster_id.startswith("-"):  # the format tool would read it as an option
        cluster_id = f"E{cluster_id[1:]}"
    pairs = [{"port": ports[2 * n], "controller_port": ports[2 * n + 1]} for n in range(brokers)]
    temporary = folder / f".{STATE_FILE}"
    temporary.write_text(json.dumps({"cluster_id": cluster_id, "tls": tls, "brokers": pairs}, indent=1))
    temporary.replace(folder / STATE_FILE)
    return read(folder)


def read(folder: Path, brokers: int | None = None) -> ClusterLayout:
    """The cluster of `folder`; LocalUsage if there is none, or if its number of brokers differs from `brokers`."""
    layout = _read(folder)
    if brokers is not None and len(layout.brokers) != brokers:
        message = f"the cluster in {folder} has {len(layout.brokers)} brokers, not {brokers}"
        raise LocalUsage("broker_folder_invalid", message, hint="use another folder, or remove this one")
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
                tls=folder.absolute() / TLS_FOLDER if state.get("tls") else None,
            )
            for number, pair in enumerate(state["brokers"], 1)
        )
        return ClusterLayout(folder=folder.absolute(), cluster_id=str(state["cluster_id"]), brokers=brokers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{folder} does not contain a local cluster ({type(error).__name__} at {STATE_FILE})"
        hint = "start a cluster there first, or use another folder"
        raise LocalUsage("broker_folder_invalid", message, hint=hint) from None


def _free_ports(count: int) -> list[int]:
    """Different ports on which no program listens now."""
    ports: list[int] = []
    for _ in range(PORT_TRIES_MAX):
        port = secrets.choice(PORTS)
        if port not in ports and _is_free(port):
            ports.append(port)
        if len(ports) == count:
            return ports
    message = f"{PORT_TRIES_MAX} tries found fewer than {count} free ports from {PORTS.start} to {PORTS.stop - 1}"
    raise LocalUnavailable("broker_not_ready", message, hint="end the programs that listen there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
