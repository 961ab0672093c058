"""How a topic has to be on Kafka, and what differs from it. Pure.

Each setting protects something: `delete` and never compacted, or records vanish that a chain needs; uncompressed, or
the broker takes what expands to gigabytes in a reader; the broker's own clock; two replicas before an acknowledgement,
and no leader that lacks what was acknowledged.
"""

from collections.abc import Mapping
from typing import Final

from broker.kafka.clients import TopicState
from broker.log import RECORD_SIZE_BYTES_MAX, Drift, TopicSpec

REPLICAS_WANTED: Final = 3  # fewer do not survive a broker that fails while another is serviced
DAY_MS: Final = 24 * 60 * 60 * 1000

SETTINGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "compression.type": "uncompressed",
    "max.message.bytes": str(RECORD_SIZE_BYTES_MAX),
    "message.timestamp.type": "LogAppendTime",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}
"""What every topic says for itself."""


def settings_of(spec: TopicSpec) -> dict[str, str]:
    """Everything that `provision` sets for a topic."""
    retention = -1 if spec.retention_days is None else spec.retention_days * DAY_MS
    return {**SETTINGS, "retention.ms": str(retention)}


def changes(spec: TopicSpec, state: TopicState) -> bool:
    """Whether `provision` has something to set."""
    return any(state.settings.get(name) != value for name, value in settings_of(spec).items())


def drift(spec: TopicSpec, state: TopicState | None) -> list[Drift]:
    """Every difference, the topic itself first."""
    if state is None:
        return [Drift(topic=spec.topic, setting="topic", expected="present", found="missing")]
    wanted = max(spec.replication, REPLICAS_WANTED)
    expected = {"partitions": "1", **settings_of(spec), "min.insync.replicas": "2"}
    found = {**state.settings, "partitions": str(state.partitions)}
    differences = [
        Drift(topic=spec.topic, setting=name, expected=value, found=found.get(name, "unset"))
        for name, value in expected.items()
        if found.get(name) != value
    ]
    if state.replication < wanted:
        differences.append(
            Drift(topic=spec.topic, setting="replication", expected=str(wanted), found=str(state.replication))
        )
    return differences
