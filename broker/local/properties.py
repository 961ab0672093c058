"""The configuration of a local broker: its properties file and its command lines. Pure functions.

Each process is broker and controller. A single broker finds its quorum by `bootstrap.servers` and is formatted with
`--standalone`. Each of three brokers lists all voters; Kafka rejects `--standalone` with that setting.
"""

from typing import Final

from broker.kafka.cluster_settings import settings
from broker.local import tls
from broker.local.artifacts import Artifacts
from broker.local.layout import HOST, BrokerLayout, ClusterLayout

HEAP: Final = "256m"  # the process then needs 230 MB
JVM_OPTIONS: Final = (
    f"-Xmx{HEAP}",
    "-XX:+UseSerialGC",  # one thread, not one for each core
    "-XX:TieredStopAtLevel=1",  # starts sooner; a local broker does not need the highest throughput
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def properties_of(layout: ClusterLayout, broker: BrokerLayout) -> dict[str, str]:
    """All settings of one broker."""
    if len(layout.brokers) == 1:
        quorum = {"controller.quorum.bootstrap.servers": f"{HOST}:{broker.controller_port}"}
    else:
        voters = (f"{voter.number}@{HOST}:{voter.controller_port}" for voter in layout.brokers)
        quorum = {"controller.quorum.voters": ",".join(voters)}
    name = "PLAINTEXT" if broker.tls is None else "SSL"
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.number),
        **quorum,
        "listeners": f"{name}://{HOST}:{broker.port},CONTROLLER://{HOST}:{broker.controller_port}",
        "advertised.listeners": f"{name}://{HOST}:{broker.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(broker.data),
        **settings(len(layout.brokers)),
        **(tls.settings(broker.tls) if broker.tls is not None else {}),
    }


def text_of(properties: dict[str, str]) -> str:
    """The text of a properties file. A backslash starts an escape there, so it is doubled."""
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in properties.items())


def format_command(artifacts: Artifacts, layout: ClusterLayout, broker: BrokerLayout) -> list[str]:
    """The command that formats the storage of a broker."""
    standalone = ["--standalone"] if len(layout.brokers) == 1 else []
    options = [*standalone, "-t", layout.cluster_id, "-c", str(broker.properties)]
    return [*_java(artifacts), "kafka.tools.StorageTool", "format", *options]


def run_command(artifacts: Artifacts, broker: BrokerLayout) -> list[str]:
    """The command that runs a broker."""
    return [*_java(artifacts), "kafka.Kafka", str(broker.properties)]


def _java(artifacts: Artifacts) -> list[str]:
    return [str(artifacts.java), *JVM_OPTIONS, *artifacts.options, "-cp", artifacts.class_path]
