"""The configuration of a local broker: its file and its command line. Pure functions.

One process is broker and controller in one. A single broker finds its quorum by `bootstrap.servers` and is formatted as
`--standalone`; of three each names all voters, and Kafka refuses `--standalone` with that.
"""

from typing import Final

from broker.kafka.cluster_settings import settings
from broker.local.artifacts import Artifacts
from broker.local.layout import HOST, BrokerLayout, ClusterLayout

HEAP: Final = "256m"  # a broker then holds 230 MB in all
JVM_OPTIONS: Final = (
    f"-Xmx{HEAP}",
    "-XX:+UseSerialGC",  # one thread instead of as many as cores
    "-XX:TieredStopAtLevel=1",  # quick to start; a local broker need not be fast for hours
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def properties_of(layout: ClusterLayout, broker: BrokerLayout) -> dict[str, str]:
    """All settings of one broker."""
    if len(layout.brokers) == 1:
        quorum = {"controller.quorum.bootstrap.servers": f"{HOST}:{broker.controller_port}"}
    else:
        voters = (f"{one.number}@{HOST}:{one.controller_port}" for one in layout.brokers)
        quorum = {"controller.quorum.voters": ",".join(voters)}
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.number),
        **quorum,
        "listeners": f"PLAINTEXT://{HOST}:{broker.port},CONTROLLER://{HOST}:{broker.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{broker.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(broker.data),
        **settings(len(layout.brokers)),
    }


def text_of(properties: dict[str, str]) -> str:
    """A properties file; in it a backslash begins an escape."""
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in properties.items())


def format_command(artifacts: Artifacts, layout: ClusterLayout, broker: BrokerLayout) -> list[str]:
    """What makes the storage of a broker that has none."""
    standalone = ["--standalone"] if len(layout.brokers) == 1 else []
    options = [*standalone, "-t", layout.cluster_id, "-c", str(broker.properties)]
    return [*_java(artifacts), "kafka.tools.StorageTool", "format", *options]


def run_command(artifacts: Artifacts, broker: BrokerLayout) -> list[str]:
    """What runs a broker until it gets SIGTERM."""
    return [*_java(artifacts), "kafka.Kafka", str(broker.properties)]


def _java(artifacts: Artifacts) -> list[str]:
    return [str(artifacts.java), *JVM_OPTIONS, *artifacts.options, "-cp", artifacts.class_path]
